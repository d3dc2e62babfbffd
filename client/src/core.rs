//! The connection as a state machine: when to connect and how, what to send, what arrived.
//!
//! Time is the `now` of each call, in milliseconds on any clock that only moves forward; chance is the seed in
//! [`Options`]. Not here: sockets, timers, storage, anything that shows.

mod choice;
mod event;
mod link;

mod connect;
mod heal;
mod publish;
mod receive;

#[cfg(test)]
mod tests;

use fastrand::Rng;
use protocol::{Limits, Position};

use crate::backoff::Backoff;
use crate::{Outbox, Transport};
use choice::Choice;
use heal::Heal;
use link::Link;

pub use event::{ABNORMAL, Action, Connection, Event, Options, Update};

/// A client of one room.
#[derive(Clone, Debug)]
pub struct Core {
    /// The link in use. Only while it is proven is there another one beside it.
    current: Option<Link>,
    /// A link that shows whether it is better.
    candidate: Option<Link>,
    /// What is done while there is no link.
    rest: Rest,
    choice: Choice,
    heal: Heal,
    /// The last entry that was told, or where the first session started.
    cursor: Option<Position>,
    outbox: Outbox,
    limits: Limits,
    here: usize,
    version: String,
    /// Whether the system says that there is no network.
    offline: bool,
    backoff: Backoff,
    rng: Rng,
    /// The number of the last link.
    links: u32,
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
            choice: Choice::new(options.only, options.remembered),
            heal: Heal::default(),
            cursor: options.after,
            outbox: Outbox::new(options.outbox, &mut rng),
            limits: Limits::default(),
            here: 0,
            version: String::new(),
            offline: false,
            backoff: Backoff::default(),
            rng,
            links: 0,
            refs: 0,
            actions: Vec::new(),
        }
    }

    /// Takes an event, and says what to do about it, in that order.
    pub fn handle(&mut self, event: Event, now: u64) -> Vec<Action> {
        let connection = self.connection();
        match event {
            Event::Start => self.hurry(now),
            Event::Opened { link } => self.ping(link, now),
            Event::Received { link, frame } => self.received(link, frame, now),
            Event::Alive { link } => self.alive(link, now),
            Event::Closed { link, code, reason } => self.closed(link, code, &reason, now),
            Event::Page { link, result } => self.page(link, result, now),
            Event::Posted { r#ref, result } => self.posted(r#ref, result, now),
            Event::Taken { link } => self.taken(link, now),
            Event::Leads => self.leads(now),
            Event::Woken => self.woken(now),
            Event::Tick => self.tick(now),
            Event::Publish(message) => self.outbox.push(message, &mut self.rng),
            Event::Retry(key) => self.outbox.retry(&key),
            Event::Discard(key) => self.outbox.discard(&key),
            Event::Nudge => self.nudge(now),
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
        let candidate = self.candidate.as_ref().map(Link::deadline);
        [Some(current.deadline()), candidate, self.trial_end(), self.heal_at(), outbox, self.late_at()].into_iter().flatten().min()
    }

    /// How the connection is.
    pub fn connection(&self) -> Connection {
        match (&self.current, self.rest) {
            (Some(Link { proven: None, .. }), _) => Connection::Connecting,
            (Some(link), _) => {
                Connection::Live { transport: link.transport, follows: self.choice.follows && link.transport == Transport::Poll }
            }
            (None, Rest::Stopped { code }) => Connection::Stopped { code },
            (None, Rest::Waiting { until }) => Connection::Waiting { until },
            (None, Rest::Offline { .. }) => Connection::Offline,
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
    pub fn here(&self) -> usize {
        self.here
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

    fn link(&mut self, id: u32) -> Option<&mut Link> {
        [&mut self.current, &mut self.candidate].into_iter().flatten().find(|link| link.id == id)
    }

    fn is_current(&self, id: u32) -> bool {
        self.current.as_ref().is_some_and(|current| current.id == id)
    }

    fn is_live(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.proven.is_some())
    }
}
