//! The client for programs outside a browser: a [`crate::Core`] over sockets and HTTP, in a Tokio
//! task.
//!
//! The task ends when its [`Client`] is dropped. While the program does not take updates, the task
//! does not read from the server either. So a slow program is a slow reader to the server, and
//! memory is bounded.

mod address;
mod tls;

mod channel;

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
use driver::{Driver, Notice};

pub use publish::{PublishError, publish, publish_all};

/// Maximum number of updates that wait for the program.
const UPDATES_MAX: usize = 64;
/// Maximum number of commands that wait for the task.
const COMMANDS_MAX: usize = 16;

/// Why a [`Client`] could not be created.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not one of a Crier server.
    #[error("{0:?} is not the address of a server: it must be like http://localhost:5000")]
    Address(String),
    /// The system has no random numbers, so keys would not be unique.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

/// The client has ended: its [`Client`] was dropped, or the server told it not to reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection has ended for good")]
pub struct Ended;

/// Publishes messages through a [`Client`] from any task. Clones share the client.
#[derive(Clone, Debug)]
pub struct Publisher {
    commands: mpsc::Sender<Event>,
}

impl Publisher {
    /// Publishes a message after all that were published before it. Returns its key, which is drawn
    /// at random if the message has none. [`Update::Published`] with this key reports success, and
    /// [`Client::outbox`] shows a refusal.
    ///
    /// Waits while [`crate::OUTBOX_MESSAGES_MAX`] messages are unpublished. They progress only
    /// while the client's updates are taken, so call this concurrently with [`Client::next`] if
    /// there are many. Messages that are unanswered when the client is dropped may be published or
    /// not; with the same keys it is safe to publish them again.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message is not published.
    ///
    /// # Errors
    /// Fails if the client has ended, or if the system has no random numbers.
    pub async fn publish(&self, mut message: PublishRequest) -> Result<PublishKey, Ended> {
        let key = match message.key {
            Some(key) => key,
            None => PublishKey::random().map_err(|_| Ended)?,
        };
        message.key = Some(key.clone());
        self.commands.send(Event::Publish(message)).await.map_err(|_| Ended)?;
        Ok(key)
    }

    /// Tries to connect now instead of waiting for the next attempt. Checks a connection that is
    /// live.
    ///
    /// # Errors
    /// Fails if the client has ended.
    pub async fn retry_now(&self) -> Result<(), Ended> {
        self.commands.send(Event::RetryNow).await.map_err(|_| Ended)
    }
}

/// A connection to a room. It reconnects by itself, and changes transports where a proxy is in the
/// way.
///
/// Every method but [`Client::next`] returns the state at the last update that was taken.
#[derive(Debug)]
pub struct Client {
    notices: mpsc::Receiver<Notice>,
    publisher: Publisher,
    started: Instant,
    connection: ConnectionState,
    position: Option<Position>,
    last_error: Option<String>,
    outbox: Vec<Pending>,
}

impl Client {
    /// Starts to follow a room. Returns at once: [`Client::next`] reports progress, and
    /// [`Client::last_error`] why the server cannot be reached.
    ///
    /// `base` is the server's URL: `http`, `https`, `ws` or `wss`, a host, a port if it is not the
    /// default one, and a path if the board is below one. [`Options::seed`] is replaced by a random
    /// one.
    ///
    /// # Errors
    /// Fails if `base` is not such a URL, or if the system has no random numbers.
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub fn connect(base: &str, room: &RoomName, options: Options) -> Result<Self, ConnectError> {
        // TLS needs a process-wide provider of cryptography. If the program has chosen one, this
        // fails and that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = Address::new(base, room)?;
        let (position, only) = (options.after, options.only);
        let core = Core::new(Options { seed: getrandom::u64()?, ..options });
        let (notices_tx, notices) = mpsc::channel(UPDATES_MAX);
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let started = Instant::now();
        let connection = core.connection();
        tokio::spawn(Driver::new(core, address, only, started).run(notices_tx, commands_rx));
        let publisher = Publisher { commands };
        Ok(Self { notices, publisher, started, connection, position, last_error: None, outbox: Vec::new() })
    }

    /// Waits for the next update. Returns `None` once the server has told the client not to
    /// reconnect; [`Client::last_error`] says why.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no update is lost.
    pub async fn next(&mut self) -> Option<Update> {
        let Notice { update, connection, last_error, outbox } = self.notices.recv().await?;
        self.connection = connection;
        self.last_error = last_error;
        if let Some(outbox) = outbox {
            self.outbox = outbox;
        }
        match (&update, &mut self.position) {
            (Update::StartsAt(start), position) => *position = Some(*start),
            (Update::Entry(entry), Some(position)) => position.offset = entry.offset,
            (Update::Gap(gap), position) => *position = Some(gap.resumes),
            _ => {}
        }
        Some(update)
    }

    /// Returns a handle that publishes from other tasks.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Publishes a message; see [`Publisher::publish`].
    ///
    /// # Errors
    /// Fails if the client has ended, or if the system has no random numbers.
    pub async fn publish(&self, message: PublishRequest) -> Result<PublishKey, Ended> {
        self.publisher.publish(message).await
    }

    /// Returns the state of the connection.
    pub fn connection(&self) -> ConnectionState {
        self.connection
    }

    /// Returns the time until the next attempt, if the client waits for one.
    pub fn retry_in(&self) -> Option<Duration> {
        let ConnectionState::Waiting { until } = self.connection else { return None };
        Some((self.started + Duration::from_millis(until)).saturating_duration_since(Instant::now()))
    }

    /// Returns why the last attempt or session failed, for people. `None` while the connection is
    /// live.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Returns the position after the last entry that was taken. Pass it to [`Options::after`] to
    /// continue there.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Returns the messages that are being published.
    pub fn outbox(&self) -> &[Pending] {
        &self.outbox
    }
}
