//! One channel: whether it is proven, whether it is alive, and when something is to be done about it.

use protocol::{Epoch, Position};

use crate::Transport;

/// How long after a missed heartbeat a stream is in doubt, in milliseconds.
const GRACE_MS: u64 = 3_000;
/// How long an answer to a question may take, in milliseconds.
const PROBE_MS: u64 = 5_000;
/// How long a page may take on top of what the server may wait, in milliseconds.
const PAGE_MS: u64 = 10_000;
/// How long a proven channel lives before it has done well, in milliseconds.
pub(super) const HEALTHY_MS: u64 = 10_000;
/// The longest heartbeat that is believed, in seconds.
const HEARTBEAT_SECONDS_MAX: u64 = 600;
/// How often a WebSocket is asked whose answers came behind something else, in milliseconds.
const CONFIRM_MS: u64 = 3_000;
/// How long a greeted event stream is given to say something more, in milliseconds: the server does so after a second.
const SIGN_MS: u64 = 1_500;
/// How long a server may wait with a page, in seconds. Many proxies cut a response at 30.
const WAIT_SECONDS: u64 = 25;
/// The least time from one page without news to the next, in milliseconds.
const PAGES_MS: u64 = 1_000;
/// How often a room is polled, in milliseconds.
const POLL_MS: u64 = 2_000;
/// How often it is polled by a client that is told when there is something, in milliseconds.
const FOLLOW_MS: u64 = 20_000;
/// The least time between two polls that somebody asked for, in milliseconds.
const WOKEN_MS: u64 = 250;

#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) id: u32,
    pub(super) transport: Transport,
    /// What was asked for, last.
    pub(super) after: Option<Position>,
    /// The log that is read, once the server has said so.
    pub(super) epoch: Option<Epoch>,
    /// Since when it counts as working.
    pub(super) proven: Option<u64>,
    /// Whether a stream that can't be asked is to be replaced by a new one.
    pub(super) doubted: bool,
    /// When a page was last asked for, or a WebSocket whether it is there.
    asked: u64,
    heard: u64,
    heartbeat: u64,
    /// The number of the last ping.
    pings: u64,
    /// Whether nothing has come since then.
    is_next: bool,
    /// Whether a ping was answered before anything else came. What keeps back each thing until there is another can't do
    /// that, however much is going on.
    is_confirmed: bool,
    turn: Turn,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Theirs, in time: an attempt is to be proven, a question or a request answered.
    Theirs { due: u64, wait: u64, again: bool },
    /// The stream's, whenever it likes, but not without heartbeats.
    Stream,
    /// Ours: to ask for a page.
    Ours { at: u64 },
}

/// A sign that something works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A frame that came by itself. The hello may be held back until it comes, and it until there is another.
    Frame,
    /// The comment of an event stream, which the server writes apart from all else, a second after its hello.
    Comment,
    /// The answer to what was sent or asked on this channel.
    Answer,
}

/// What to do about a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Ask whether it is there.
    Ask,
    /// Ask for a page.
    Fetch,
    /// Give it up.
    Fail,
}

impl Channel {
    pub(super) fn new(id: u32, transport: Transport, after: Option<Position>, patience: u64, now: u64) -> Self {
        let turn = Turn::Theirs { due: now + patience, wait: 0, again: false };
        Self {
            id,
            transport,
            after,
            epoch: None,
            proven: None,
            doubted: false,
            asked: now,
            heard: now,
            heartbeat: 0,
            pings: 0,
            is_next: false,
            is_confirmed: transport != Transport::WebSocket,
            turn,
        }
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self.transport, Transport::WebSocket | Transport::Sse)
    }

    /// Something arrived. That is life enough for a stream which nothing holds back. Of one in doubt the answer may stand
    /// behind much else; what holds back the last thing falls silent for want of more.
    pub(super) fn hear(&mut self, now: u64) {
        self.heard = now;
        self.doubted = false;
        if self.is_in_doubt() {
            if let Turn::Theirs { due, .. } = &mut self.turn {
                *due = now + PROBE_MS;
            }
        } else if self.is_stream() && self.proven.is_some() {
            self.turn = Turn::Stream;
        }
    }

    /// A frame arrived that does not answer the last ping.
    pub(super) fn hear_other(&mut self) {
        self.is_next = false;
    }

    /// A ping was answered.
    pub(super) fn hear_pong(&mut self, ping: u64) {
        if ping == self.pings {
            self.is_confirmed |= self.is_next;
            if self.proven.is_some() {
                self.turn = Turn::Stream;
            }
        }
    }

    /// The number for a ping that is sent now.
    pub(super) fn ping(&mut self, now: u64) -> u64 {
        self.pings += 1;
        self.is_next = true;
        self.asked = now;
        self.pings
    }

    /// Whether it still has to show that nothing holds it back.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.proven.is_some() && !self.is_confirmed
    }

    /// The server said hello.
    pub(super) fn greet(&mut self, epoch: Epoch, heartbeat_seconds: u64, now: u64) {
        self.epoch = Some(epoch);
        self.heartbeat = heartbeat_seconds.clamp(1, HEARTBEAT_SECONDS_MAX) * 1_000;
        if let Turn::Theirs { due, .. } = &mut self.turn
            && self.transport == Transport::Sse
        {
            *due = (*due).max(now + SIGN_MS);
        }
    }

    /// Takes a sign. Whether the channel is proven by it: a hello alone may have been let through by what holds back all that
    /// follows, so something must have come apart from it.
    pub(super) fn take(&mut self, sign: Sign, now: u64) -> bool {
        let is_news = sign != Sign::Frame && self.epoch.is_some() && self.proven.is_none();
        if is_news {
            self.proven = Some(now);
            self.hear(now);
        }
        is_news
    }

    /// Whether it did well for long enough for a fresh start.
    pub(super) fn has_lived(&self) -> bool {
        self.proven.is_some_and(|since| self.heard.saturating_sub(since) >= HEALTHY_MS)
    }

    /// When something was last heard.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// What is due. A stream is dead after two heartbeats of silence, but not before it was asked: after a sleep the
    /// clock may have jumped, while what the server said in time still waits to be read.
    pub(super) fn due(&self, now: u64) -> Due {
        match self.turn {
            _ if now < self.deadline() => Due::Nothing,
            Turn::Theirs { .. } => Due::Fail,
            Turn::Stream => Due::Ask,
            Turn::Ours { .. } => Due::Fetch,
        }
    }

    pub(super) fn deadline(&self) -> u64 {
        match self.turn {
            Turn::Theirs { due, .. } => due,
            Turn::Stream if !self.is_confirmed => self.asked + CONFIRM_MS,
            Turn::Stream => self.heard + self.heartbeat + GRACE_MS,
            Turn::Ours { at } => at,
        }
    }

    /// The stream is asked because it was silent for long, or is in doubt.
    pub(super) fn ask(&mut self, now: u64) {
        let due = if self.is_confirmed { (self.heard + 2 * self.heartbeat).max(now + PROBE_MS) } else { now + PROBE_MS };
        self.turn = Turn::Theirs { due, wait: 0, again: false };
    }

    /// It is asked because the network may have changed under it. Whether it is asked at all: not twice at a time.
    pub(super) fn ask_now(&mut self, now: u64) -> bool {
        let asked = matches!(self.turn, Turn::Theirs { due, .. } if due <= now + PROBE_MS);
        if !asked {
            self.turn = Turn::Theirs { due: now + PROBE_MS, wait: 0, again: false };
        }
        !asked
    }

    /// Whether it is to answer a question in time.
    pub(super) fn is_asked(&self) -> bool {
        self.is_stream() && matches!(self.turn, Turn::Theirs { .. })
    }

    /// Whether nothing was heard of it for so long that the network may have changed.
    pub(super) fn is_stale(&self, now: u64) -> bool {
        now > self.heard + 2 * PAGES_MS
    }

    /// A page is asked for: how long the server may wait with it, in seconds.
    pub(super) fn fetch(&mut self, after: Option<Position>, may_wait: bool, now: u64) -> u64 {
        let wait = if may_wait && self.transport == Transport::LongPoll { WAIT_SECONDS } else { 0 };
        let patience = if may_wait { wait * 1_000 + PAGE_MS } else { PROBE_MS };
        self.after = after;
        self.asked = now;
        self.turn = Turn::Theirs { due: now + patience, wait, again: false };
        wait
    }

    /// Whether a page is to be asked for at once, instead of one that the server may still wait with.
    pub(super) fn waits(&self) -> bool {
        matches!(self.turn, Turn::Ours { .. } | Turn::Theirs { wait: 1.., .. })
    }

    /// The page came. Whether one was asked for.
    pub(super) fn answer(&mut self, follows: bool, now: u64) -> bool {
        let Turn::Theirs { wait, again, .. } = self.turn else { return false };
        if self.is_stream() {
            return false;
        }
        let pause = match self.transport {
            Transport::LongPoll if wait == 0 => 0,
            Transport::Poll if again => WOKEN_MS,
            Transport::Poll if follows => FOLLOW_MS,
            Transport::Poll => POLL_MS,
            _ => PAGES_MS,
        };
        self.heard = now;
        self.turn = Turn::Ours { at: (self.asked + pause).max(now) };
        true
    }

    /// There is more: the next page is not put off.
    pub(super) fn fetch_soon(&mut self, now: u64) {
        match &mut self.turn {
            Turn::Theirs { again, .. } => *again = true,
            Turn::Ours { at } => *at = now.max((*at).min(self.asked + WOKEN_MS)),
            Turn::Stream => {}
        }
    }

    /// The next page is put off.
    pub(super) fn pause(&mut self, wait: u64, now: u64) {
        self.turn = Turn::Ours { at: now + wait };
    }
}
