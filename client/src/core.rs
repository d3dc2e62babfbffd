//! The connection as a state machine: when to connect and how, what to send, what arrived.
//!
//! Time is the `now` of each call, in milliseconds on any clock that only moves forward; chance is the seed in
//! [`Options`]. Not here: sockets, timers, storage, anything that shows.

mod channel;
mod event;
mod transport_selection;

mod connect;
mod publish;
mod receive;
mod upgrade;

#[cfg(test)]
mod tests;

use fastrand::Rng;
use protocol::{Limits, Position};

use crate::backoff::Backoff;
use crate::{Outbox, Transport};
use channel::Channel;
use transport_selection::TransportSelection;
use upgrade::UpgradeSchedule;

pub use event::{ABNORMAL_CLOSURE, Action, ConnectionState, Event, Options, Update};

/// A client of one room.
#[derive(Clone, Debug)]
pub struct Core {
    /// The channel in use. Only while it is proven is there another one beside it.
    current: Option<Channel>,
    /// A channel that shows whether it is better.
    candidate: Option<Channel>,
    /// What is done while there is no channel.
    rest: Rest,
    selection: TransportSelection,
    upgrade: UpgradeSchedule,
    /// The last entry that was told, or where the first session started.
    cursor: Option<Position>,
    outbox: Outbox,
    limits: Limits,
    online: usize,
    version: String,
    /// Whether the system says that there is no network.
    offline: bool,
    backoff: Backoff,
    rng: Rng,
    /// The number of the last channel.
    channels: u32,
    /// The number of the last publish.
    refs: u64,
    /// What this call has led to so far.
    actions: Vec<Action>,
}

#[derive(Clone, Copy, Debug)]
enum Rest {
    Stopped { code: Option<u16> },
    Waiting { until: u64 },
    Offline { until: u64 },
}

impl Core {
    /// A client that waits for [`Event::Start`].
    pub fn new(options: Options) -> Self {
        let mut rng = Rng::with_seed(options.seed);
        Self {
            current: None,
            candidate: None,
            rest: Rest::Stopped { code: None },
            selection: TransportSelection::new(options.only, options.last_proven),
            upgrade: UpgradeSchedule::default(),
            cursor: options.after,
            outbox: Outbox::new(options.outbox, &mut rng),
            limits: Limits::default(),
            online: 0,
            version: String::new(),
            offline: false,
            backoff: Backoff::default(),
            rng,
            channels: 0,
            refs: 0,
            actions: Vec::new(),
        }
    }

    /// Takes an event, and says what to do about it, in that order.
    pub fn handle(&mut self, event: Event, now: u64) -> Vec<Action> {
        let connection = self.connection();
        match event {
            Event::Start => self.connect_soon(now),
            Event::Opened { channel } => self.ping(channel, now),
            Event::Received { channel, frame } => self.received(channel, frame, now),
            Event::Comment { channel } => self.alive(channel, now),
            Event::Closed { channel, code, reason } => self.closed(channel, code, &reason, now),
            Event::Page { channel, result } => self.page(channel, result, now),
            Event::Posted { r#ref, result } => self.posted(r#ref, result, now),
            Event::NotLeader { channel } => self.taken(channel, now),
            Event::BecameLeader => self.leads(now),
            Event::Woken => self.woken(now),
            Event::Tick => self.tick(now),
            Event::Publish(message) => self.outbox.push(message, &mut self.rng),
            Event::Retry(key) => self.outbox.retry(&key),
            Event::Discard(key) => self.outbox.discard(&key),
            Event::RetryNow => self.retry_now(now),
            Event::Offline => self.lost_network(now),
        }
        // What is kept across lives is kept before it is sent.
        self.tell_outbox();
        self.flush(now);
        self.tell_outbox();
        if self.connection() != connection {
            self.actions.insert(0, Action::Update(Update::Connection));
        }
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Tick`] is wanted. A tick that comes earlier does no harm.
    pub fn deadline(&self) -> Option<u64> {
        let Some(current) = &self.current else {
            return match self.rest {
                Rest::Stopped { .. } => None,
                Rest::Waiting { until } | Rest::Offline { until } => Some(until),
            };
        };
        let outbox = current.epoch.and_then(|_| self.outbox.deadline(self.window()));
        let candidate = self.candidate.as_ref().map(Channel::deadline);
        [Some(current.deadline()), candidate, self.trial_end(), self.upgrade_at(), outbox, self.late_at()].into_iter().flatten().min()
    }

    /// How the connection is.
    pub fn connection(&self) -> ConnectionState {
        match (&self.current, self.rest) {
            (Some(Channel { proven: None, .. }), _) => ConnectionState::Connecting,
            (Some(channel), _) => ConnectionState::Live {
                transport: channel.transport,
                follower: self.selection.follows && channel.transport == Transport::Poll,
            },
            (None, Rest::Stopped { code }) => ConnectionState::Stopped { code },
            (None, Rest::Waiting { until }) => ConnectionState::Waiting { until },
            (None, Rest::Offline { .. }) => ConnectionState::Offline,
        }
    }

    /// The messages on their way.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The server's version; empty before it has said so.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many sessions the room had when the server last said so.
    pub fn online(&self) -> usize {
        self.online
    }

    /// Where the reader is: just after the last entry that was told.
    pub fn position(&self) -> Option<Position> {
        self.cursor
    }

    /// What the server takes; before the first hello, what servers take by default.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    fn tell(&mut self, update: Update) {
        self.actions.push(Action::Update(update));
    }

    fn tell_outbox(&mut self) {
        if self.outbox.take_changed() {
            self.tell(Update::Outbox);
        }
    }

    fn channel(&mut self, id: u32) -> Option<&mut Channel> {
        [&mut self.current, &mut self.candidate].into_iter().flatten().find(|channel| channel.id == id)
    }

    fn is_current(&self, id: u32) -> bool {
        self.current.as_ref().is_some_and(|current| current.id == id)
    }

    fn is_live(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.proven.is_some())
    }
}
