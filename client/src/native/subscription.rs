//! Following a room.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use protocol::{Position, PublishKey, PublishRequest};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::address::Address;
use super::driver::{Driver, Network, Notice, UPDATES_MAX};
use super::failure::{Ended, Failure, FailureKind};
use crate::{ConnectionState, Core, Event, Options, Pending, Update};

/// Maximum number of commands that wait for the task.
const COMMANDS_MAX: usize = 16;

/// What a subscription to a room needs.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) network: Network,
    pub(super) address: Address,
    /// The seed of the next subscription.
    pub(super) seeds: Arc<AtomicU64>,
}

/// Publishes messages through a [`Subscription`] from any task. Clones share the subscription.
///
/// This is the outbox: it returns as soon as a message is queued, and the updates of the
/// subscription report what became of it. [`super::Room::publish`] waits for that by itself.
#[derive(Clone, Debug)]
pub struct Publisher {
    pub(super) commands: mpsc::Sender<Event>,
    ended: Arc<OnceLock<Failure>>,
}

impl Publisher {
    /// Publishes a message or change after all that were published before it. Returns its key,
    /// which is drawn at random if it has none. [`Update::Published`] with this key reports
    /// success, and [`Subscription::outbox`] shows a refusal.
    ///
    /// Waits while [`crate::OUTBOX_MESSAGES_MAX`] messages are unpublished. They progress only
    /// while updates are taken, so call this concurrently with [`Subscription::next`] if there are
    /// many. Messages that are unanswered when the subscription is dropped may be published or not;
    /// with the same keys it is safe to publish them again.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message is not published.
    ///
    /// # Errors
    /// Fails if the subscription has ended, or if the system has no random numbers.
    pub async fn publish(&self, mut message: PublishRequest) -> Result<PublishKey, Ended> {
        let key = match message.key {
            Some(key) => key,
            None => random_key().map_err(|failure| Ended { failure })?,
        };
        message.key = Some(key.clone());
        self.send(Event::Publish(message)).await?;
        Ok(key)
    }

    /// Publishes a message again that the server refused, after all others. Has no effect unless
    /// [`crate::Stage::can_retry`].
    ///
    /// # Errors
    /// Fails if the subscription has ended.
    pub async fn retry(&self, key: PublishKey) -> Result<(), Ended> {
        self.send(Event::Retry(key)).await
    }

    /// Removes a message from the outbox. If it is on its way, it may be published nevertheless.
    ///
    /// # Errors
    /// Fails if the subscription has ended.
    pub async fn discard(&self, key: PublishKey) -> Result<(), Ended> {
        self.send(Event::Discard(key)).await
    }

    /// Tries to connect now instead of waiting for the next attempt. Checks a connection that is
    /// live.
    ///
    /// # Errors
    /// Fails if the subscription has ended.
    pub async fn retry_now(&self) -> Result<(), Ended> {
        self.send(Event::RetryNow).await
    }

    async fn send(&self, event: Event) -> Result<(), Ended> {
        self.commands.send(event).await.map_err(|_| {
            let dropped = || Failure::new(FailureKind::Dropped, "the program has dropped it");
            Ended { failure: self.ended.get().cloned().unwrap_or_else(dropped) }
        })
    }
}

/// Draws a key for a message that has none.
pub(super) fn random_key() -> Result<PublishKey, Failure> {
    PublishKey::random().map_err(|_| Failure::new(FailureKind::Random, "the system gives no random numbers"))
}

/// A subscription to a room, from [`super::Room::subscribe`]. It reconnects by itself, and changes
/// transports where a proxy is in the way.
///
/// It is a stream of [`Update`]s. Every method but [`Subscription::next`] returns the state at the
/// last update that was taken. Dropping it ends the connection.
#[derive(Debug)]
#[must_use = "a subscription that is dropped ends"]
pub struct Subscription {
    pub(super) notices: mpsc::Receiver<Notice>,
    publisher: Publisher,
    started: Instant,
    connection: ConnectionState,
    position: Option<Position>,
    online: usize,
    slow_until: u64,
    last_error: Option<Failure>,
    outbox: Vec<Pending>,
    has_ended: bool,
}

impl Subscription {
    /// Starts to follow a room in a task of its own. Replaces [`Options::seed`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub(super) fn start(endpoint: &Endpoint, options: Options) -> Self {
        let (position, only) = (options.after, options.only);
        let core = Core::new(Options { seed: endpoint.seeds.fetch_add(1, Ordering::Relaxed), ..options });
        let (notices_tx, notices) = mpsc::channel(UPDATES_MAX);
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let started = Instant::now();
        let connection = core.connection();
        let outbox = core.outbox().pending().to_vec();
        let ended = Arc::new(OnceLock::new());
        let driver = Driver::new(core, endpoint.network.clone(), endpoint.address.clone(), only, started, ended.clone());
        tokio::spawn(driver.run(notices_tx, commands_rx));
        let publisher = Publisher { commands, ended };
        Self { notices, publisher, started, connection, position, online: 0, slow_until: 0, last_error: None, outbox, has_ended: false }
    }

    /// Waits for the next update. Returns `None` once the subscription has ended for good;
    /// [`Subscription::ended`] says why.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no update is lost.
    pub async fn next(&mut self) -> Option<Update> {
        let notice = self.notices.recv().await;
        self.take(notice)
    }

    fn take(&mut self, notice: Option<Notice>) -> Option<Update> {
        let Some(Notice { update, connection, online, last_error, outbox, slow_until }) = notice else {
            self.has_ended = true;
            return None;
        };
        self.connection = connection;
        self.online = online;
        self.slow_until = slow_until;
        self.last_error = last_error;
        if let Some(outbox) = outbox {
            self.outbox = outbox;
        }
        match (&update, &mut self.position) {
            (Update::StartsAt(start), position) => *position = Some(*start),
            (Update::Entry(entry) | Update::Change(entry), Some(position)) => position.offset = entry.offset,
            (Update::Gap(gap), position) => *position = Some(gap.resumes),
            _ => {}
        }
        Some(update)
    }

    /// Returns a handle that publishes from other tasks.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Returns the state of the connection.
    pub fn connection(&self) -> ConnectionState {
        self.connection
    }

    /// Returns the time until the next attempt, if the subscription waits for one.
    pub fn retry_in(&self) -> Option<Duration> {
        let ConnectionState::Waiting { until } = self.connection else { return None };
        Some(self.until(until))
    }

    /// Returns the time until the next message is sent, if the room is slow and asks to wait.
    pub fn slow_for(&self) -> Option<Duration> {
        Some(self.until(self.slow_until)).filter(|wait| !wait.is_zero())
    }

    /// Returns the time until a moment of the core's clock.
    fn until(&self, milliseconds: u64) -> Duration {
        (self.started + Duration::from_millis(milliseconds)).saturating_duration_since(Instant::now())
    }

    /// Returns why the last attempt or session failed. `None` while the connection is live.
    pub fn last_error(&self) -> Option<&Failure> {
        self.last_error.as_ref()
    }

    /// Returns why the subscription has ended. `None` until [`Subscription::next`] has returned
    /// `None`.
    pub fn ended(&self) -> Option<&Failure> {
        self.publisher.ended.get().filter(|_| self.has_ended)
    }

    /// Returns the position after the last entry that was taken. Pass it to
    /// [`super::Room::subscribe`] to continue there. `None` until the first connection if the
    /// subscription started without one.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Returns the number of readers in the room; 0 before the first connection.
    pub fn online(&self) -> usize {
        self.online
    }

    /// Returns the messages and changes that are being published through
    /// [`Subscription::publisher`].
    pub fn outbox(&self) -> &[Pending] {
        &self.outbox
    }
}

impl Stream for Subscription {
    type Item = Update;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Update>> {
        self.notices.poll_recv(context).map(|notice| self.take(notice))
    }
}
