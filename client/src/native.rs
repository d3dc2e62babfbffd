//! The client for programs outside a browser: a [`crate::Core`] over sockets and HTTP, in a task of its own.
//!
//! The task ends when its [`Client`] is dropped. While nobody takes updates it does not read either, so that a slow
//! program is a slow reader to the server, and not a queue without an end here.

mod address;
mod channel;
mod tls;

mod http;
mod websocket;

mod driver;
mod publish;

#[cfg(test)]
mod tests;

use std::time::Duration;

use protocol::{Position, PublishKey, PublishRequest, RoomName};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::{ConnectionState, Core, Event, Options, Pending, Update};
use address::Address;
use driver::{Driver, Told};

pub use publish::{PublishError, publish, publish_all};

/// How many updates may wait to be taken.
const UPDATES_MAX: usize = 64;
/// How many commands may wait for the task.
const COMMANDS_MAX: usize = 16;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address can't be one of a Crier server.
    #[error("{0:?} is not the address of a server: it must be like http://localhost:5000")]
    Address(String),
    /// The system has no random numbers, without which no key is safe.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

/// The client is over: the server said not to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection has ended for good")]
pub struct Ended;

/// What a program wants of a [`Client`].
#[derive(Clone, Debug)]
pub struct Publisher {
    commands: mpsc::Sender<Event>,
}

impl Publisher {
    /// Publishes a message, after all that were published before it. Without a key it is given one; the key says which
    /// [`Update::Published`] is the answer. A refusal shows in [`Client::outbox`].
    ///
    /// Waits while [`crate::OUTBOX_MESSAGES_MAX`] messages are on their way. They get on only while the client's updates
    /// are taken, so whoever publishes many does that beside [`Client::next`], not before it. Messages that are not yet
    /// answered when the client is dropped may be lost; it is safe to publish them again with the same keys.
    pub async fn publish(&self, mut message: PublishRequest) -> Result<PublishKey, Ended> {
        let key = match message.key {
            Some(key) => key,
            None => PublishKey::random().map_err(|_| Ended)?,
        };
        message.key = Some(key.clone());
        self.commands.send(Event::Publish(message)).await.map_err(|_| Ended)?;
        Ok(key)
    }

    /// Tries to connect now rather than later.
    pub async fn retry_now(&self) -> Result<(), Ended> {
        self.commands.send(Event::RetryNow).await.map_err(|_| Ended)
    }
}

/// A connection to a room that heals itself.
#[derive(Debug)]
pub struct Client {
    updates: mpsc::Receiver<Told>,
    publisher: Publisher,
    started: Instant,
    connection: ConnectionState,
    position: Option<Position>,
    trouble: Option<String>,
    outbox: Vec<Pending>,
}

impl Client {
    /// Starts to connect to a room of the server at `base` (`http`, `https`, `ws` or `wss`, a host, a port if it is not
    /// the usual one, a path if the server is behind one), and to follow it, as the options say. Their seed is drawn anew.
    ///
    /// Whether the server can be reached shows later: see [`Client::last_error`]. Must be called within a Tokio runtime.
    pub fn connect(base: &str, room: &RoomName, options: Options) -> Result<Self, ConnectError> {
        // TLS needs one implementation of cryptography to be named. When a program has named another, that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = Address::new(base, room)?;
        let (position, only) = (options.after, options.only);
        let core = Core::new(Options { seed: getrandom::u64()?, ..options });
        let (updates_tx, updates) = mpsc::channel(UPDATES_MAX);
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let started = Instant::now();
        let connection = core.connection();
        tokio::spawn(Driver::new(core, address, only, started).run(updates_tx, commands_rx));
        let publisher = Publisher { commands };
        Ok(Self { updates, publisher, started, connection, position, trouble: None, outbox: Vec::new() })
    }

    /// What comes next; `None` once the server has said not to come back, and [`Client::last_error`] says why.
    ///
    /// Nothing is lost when the future is dropped before it is ready.
    pub async fn next(&mut self) -> Option<Update> {
        let Told { update, connection, trouble, outbox } = self.updates.recv().await?;
        self.connection = connection;
        self.trouble = trouble;
        if let Some(outbox) = outbox {
            self.outbox = outbox;
        }
        match (&update, &mut self.position) {
            (Update::StartsAt(begins), position) => *position = Some(*begins),
            (Update::Entry(entry), Some(position)) => position.offset = entry.offset,
            (Update::Gap(gap), position) => *position = Some(gap.resumes),
            _ => {}
        }
        Some(update)
    }

    /// What publishes beside whoever takes the updates.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// See [`Publisher::publish`].
    pub async fn publish(&self, message: PublishRequest) -> Result<PublishKey, Ended> {
        self.publisher.publish(message).await
    }

    /// How the connection was at the last update taken.
    pub fn connection(&self) -> ConnectionState {
        self.connection
    }

    /// How long it is to the next attempt, if the client waits for one.
    pub fn retry_in(&self) -> Option<Duration> {
        let ConnectionState::Waiting { until } = self.connection else { return None };
        Some((self.started + Duration::from_millis(until)).saturating_duration_since(Instant::now()))
    }

    /// Why the last attempt or session failed, in words for people; `None` while the connection is live.
    pub fn last_error(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Where the reader is: just after the last entry taken.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The messages on their way, as of the last update taken.
    pub fn outbox(&self) -> &[Pending] {
        &self.outbox
    }
}
