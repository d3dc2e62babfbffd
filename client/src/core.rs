//! The connection as a state machine: when to connect, what to send, what arrived.
//!
//! Time is the `now` of each call, in milliseconds on any clock that only moves forward; chance is the seed in
//! [`Options`]. Not here: sockets, timers, storage, anything that shows.

mod event;
mod receive;
mod session;

#[cfg(test)]
mod tests;

use fastrand::Rng;
use protocol::{ClientFrame, Disconnect, Limits, Position};

use crate::Outbox;
use crate::backoff::{Backoff, CAP_MS};
use session::{Health, Session};

pub use event::{Action, Connection, Event, Options, Update};

/// How long an attempt may take to bring a hello, in milliseconds.
const ATTEMPT_MS: u64 = 10_000;

/// A client of one room.
#[derive(Clone, Debug)]
pub struct Core {
    link: Link,
    /// The last entry that was told, or where the first session started.
    cursor: Option<Position>,
    outbox: Outbox,
    limits: Limits,
    here: usize,
    /// Whether the system says that there is no network.
    offline: bool,
    backoff: Backoff,
    rng: Rng,
    /// What this call has led to so far.
    actions: Vec<Action>,
}

#[derive(Clone, Debug)]
enum Link {
    Stopped { code: Option<u16> },
    Connecting { deadline: u64 },
    Live(Session),
    Waiting { until: u64 },
    Offline { until: u64 },
}

impl Core {
    /// A client that waits for [`Event::Start`].
    pub fn new(options: Options) -> Self {
        let mut rng = Rng::with_seed(options.seed);
        Self {
            link: Link::Stopped { code: None },
            cursor: options.after,
            outbox: Outbox::new(options.outbox, &mut rng),
            limits: Limits::default(),
            here: 0,
            offline: false,
            backoff: Backoff::default(),
            rng,
            actions: Vec::new(),
        }
    }

    /// Takes an event, and says what to do about it, in that order.
    pub fn handle(&mut self, event: Event, now: u64) -> Vec<Action> {
        let connection = self.connection();
        match event {
            Event::Start => self.hurry(now),
            Event::Opened => {}
            Event::Received(frame) => self.receive(frame, now),
            Event::Closed { code, reason } => self.closed(code, &reason, now),
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
        match &self.link {
            Link::Stopped { .. } => None,
            Link::Connecting { deadline } => Some(*deadline),
            Link::Live(session) => {
                let outbox = self.outbox.deadline(self.limits.publishes_in_flight_max);
                Some(outbox.map_or(session.deadline(), |deadline| deadline.min(session.deadline())))
            }
            Link::Waiting { until } | Link::Offline { until } => Some(*until),
        }
    }

    /// How the connection is.
    pub fn connection(&self) -> Connection {
        match self.link {
            Link::Stopped { code } => Connection::Stopped { code },
            Link::Connecting { .. } => Connection::Connecting,
            Link::Live(_) => Connection::Live,
            Link::Waiting { until } => Connection::Waiting { until },
            Link::Offline { .. } => Connection::Offline,
        }
    }

    /// The messages on their way.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
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

    fn connect(&mut self, now: u64) {
        self.backoff.attempt(now);
        self.link = Link::Connecting { deadline: now + ATTEMPT_MS };
        self.actions.push(Action::Connect { after: self.cursor });
    }

    /// Connects as soon as it is decent, unless there is a socket.
    fn hurry(&mut self, now: u64) {
        if matches!(self.link, Link::Connecting { .. } | Link::Live(_)) {
            return;
        }
        let earliest = self.backoff.earliest();
        if now >= earliest {
            self.connect(now);
        } else {
            self.link = Link::Waiting { until: earliest };
        }
    }

    fn nudge(&mut self, now: u64) {
        self.offline = false;
        self.backoff.forget();
        self.probe(now);
        self.hurry(now);
    }

    /// A live socket proves the system wrong, or is dead; asking it tells.
    fn lost_network(&mut self, now: u64) {
        self.offline = true;
        self.probe(now);
        match self.link {
            Link::Connecting { .. } => {
                self.actions.push(Action::Disconnect);
                self.failed(None, now);
            }
            Link::Waiting { .. } => self.link = Link::Offline { until: now + CAP_MS },
            Link::Stopped { .. } | Link::Live(_) | Link::Offline { .. } => {}
        }
    }

    fn probe(&mut self, now: u64) {
        if let Link::Live(session) = &mut self.link
            && session.probe_now(now)
        {
            self.ping();
        }
    }

    fn ping(&mut self) {
        if let Link::Live(session) = &mut self.link {
            let frame = ClientFrame::Ping { r#ref: session.next_ref() };
            self.actions.push(Action::Send(receive::write(&frame)));
        }
    }

    fn closed(&mut self, code: u16, reason: &str, now: u64) {
        match &mut self.link {
            Link::Connecting { .. } => {}
            // A goodbye is a sign of life too.
            Link::Live(session) => session.hear(now),
            Link::Stopped { .. } | Link::Waiting { .. } | Link::Offline { .. } => return,
        }
        if Disconnect::comes_back(code) {
            self.failed(Disconnect::spread(reason), now);
        } else {
            self.outbox.disconnected();
            self.link = Link::Stopped { code: Some(code) };
        }
    }

    /// The socket is gone: when the next attempt is.
    fn failed(&mut self, spread: Option<u64>, now: u64) {
        if let Link::Live(session) = &self.link
            && session.was_healthy()
        {
            self.backoff.forget();
        }
        self.outbox.disconnected();
        let until = self.backoff.failed(spread, now, &mut self.rng);
        self.link = if self.offline { Link::Offline { until: now + CAP_MS } } else { Link::Waiting { until } };
    }

    fn tick(&mut self, now: u64) {
        match &mut self.link {
            Link::Stopped { .. } => {}
            Link::Connecting { deadline } => {
                if now >= *deadline {
                    self.give_up(now);
                }
            }
            Link::Live(session) => match session.health(now) {
                Health::Dead => self.give_up(now),
                _ if self.outbox.is_overdue(now) => self.give_up(now),
                Health::Doubtful => {
                    session.probe_silence(now);
                    self.ping();
                }
                Health::Fine => {}
            },
            Link::Waiting { until } | Link::Offline { until } => {
                if now >= *until {
                    self.connect(now);
                }
            }
        }
    }

    fn give_up(&mut self, now: u64) {
        self.actions.push(Action::Disconnect);
        self.failed(None, now);
    }
}
