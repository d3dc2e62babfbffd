//! One channel: whether it is proven, whether it is alive, and when the core must act on it.
//!
//! A **channel** is one use of a transport: a WebSocket, an event stream, or a series of requests
//! for pages. It is **proven** once data has come through that cannot have been held back by a
//! proxy.

use protocol::{Epoch, Position};

use super::trust::{CHECK_MS, DOUBT_MS, Trust};
use crate::Transport;

/// Grace after a missed heartbeat before a stream is probed, in milliseconds.
const GRACE_MS: u64 = 3_000;
/// Time limit for the answer to a probe, in milliseconds.
const PROBE_MS: u64 = 5_000;
/// Time limit for a page, on top of the time the server may wait, in milliseconds.
const PAGE_MS: u64 = 10_000;
/// Time after which a proven channel counts as stable, in milliseconds.
pub(super) const STABLE_MS: u64 = 10_000;
/// Maximum heartbeat interval that is accepted from a server, in seconds.
const HEARTBEAT_SECONDS_MAX: u64 = 600;
/// Interval between pings on a WebSocket that may be buffered, in milliseconds.
const CONFIRM_MS: u64 = 3_000;
/// Minimum time for an event stream's comment after the hello, in milliseconds. The server sends it
/// after 1,000.
const COMMENT_MS: u64 = 1_500;
/// Time a server may wait with a page, in seconds. Many proxies cut a response at 30.
const WAIT_SECONDS: u64 = 25;
/// Minimum time between two pages without new entries, in milliseconds.
const PAGES_MS: u64 = 1_000;
/// Interval between polls, in milliseconds.
const POLL_MS: u64 = 2_000;
/// Interval between polls of a client that another one wakes, in milliseconds.
const FOLLOWER_POLL_MS: u64 = 20_000;
/// Minimum time between two polls that were asked for, in milliseconds.
const WOKEN_MS: u64 = 250;

/// Times are in milliseconds on the owner's clock.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) id: u32,
    pub(super) transport: Transport,
    /// The position in the last request.
    pub(super) after: Option<Position>,
    /// The log that is read, once the server has named it.
    pub(super) epoch: Option<Epoch>,
    /// When the channel was proven.
    pub(super) proven: Option<u64>,
    /// True if an event stream, which cannot be pinged, is to be replaced by a new one.
    pub(super) renews: bool,
    pub(super) trust: Trust,
    /// When a page was last requested, or a ping last sent.
    asked: u64,
    /// When something last arrived.
    heard: u64,
    heartbeat: u64,
    /// The number of the last ping.
    last_ping: u64,
    /// True if nothing has arrived since the last ping.
    pong_is_next: bool,
    /// True if a pong came before anything else. A proxy that holds back each message until the
    /// next one comes cannot let that happen.
    is_unbuffered: bool,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The server must answer before `deadline`: prove an attempt, or answer a ping or request.
    /// `wait_seconds` is how long it may wait with a page; `fetch_again` asks for another one soon.
    Awaiting { deadline: u64, wait_seconds: u64, fetch_again: bool },
    /// The stream delivers whenever there is something, and heartbeats otherwise.
    Streaming,
    /// The next page is to be requested at a time.
    Pausing { until: u64 },
}

/// What shows that a channel works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// A frame that the server sent by itself. A proxy may have held back the hello until this
    /// frame came, and may hold back this one until the next.
    Frame,
    /// A comment on an event stream. The server writes it apart from everything else, one second
    /// after the hello.
    Comment,
    /// The answer to something that was sent on this channel.
    Answer,
}

/// What the core must do about a channel now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Ask whether the server is there.
    Probe,
    /// Request a page.
    Fetch,
    /// Give the channel up.
    Fail,
}

impl Channel {
    /// Creates a channel that must be proven within `time_limit` milliseconds.
    pub(super) fn new(id: u32, transport: Transport, after: Option<Position>, time_limit: u64, now: u64) -> Self {
        Self {
            id,
            transport,
            after,
            epoch: None,
            proven: None,
            renews: false,
            trust: Trust::default(),
            asked: now,
            heard: now,
            heartbeat: 0,
            last_ping: 0,
            pong_is_next: false,
            is_unbuffered: transport != Transport::WebSocket,
            phase: Phase::awaiting(now + time_limit),
        }
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self.transport, Transport::WebSocket | Transport::Sse)
    }

    /// Records that something arrived. That is enough for a stream that is known to be unbuffered.
    /// On any other the pong is still awaited, and may stand behind many messages: each one extends
    /// its deadline. A proxy that holds back the last message lets nothing more through.
    pub(super) fn hear(&mut self, now: u64) {
        self.heard = now;
        self.renews = false;
        self.trust.restore();
        if self.may_be_buffered() {
            if let Phase::Awaiting { deadline, .. } = &mut self.phase {
                *deadline = now + PROBE_MS;
            }
        } else if self.is_stream() && self.proven.is_some() {
            self.phase = Phase::Streaming;
        }
    }

    /// Records a frame that is not a pong.
    pub(super) fn hear_other(&mut self) {
        self.pong_is_next = false;
    }

    /// Records the answer to a ping.
    pub(super) fn hear_pong(&mut self, ping: u64) {
        if ping == self.last_ping {
            self.is_unbuffered |= self.pong_is_next;
            if self.proven.is_some() {
                self.phase = Phase::Streaming;
            }
        }
    }

    /// Returns the number for a ping that is sent now.
    pub(super) fn ping(&mut self, now: u64) -> u64 {
        self.last_ping += 1;
        self.pong_is_next = true;
        self.asked = now;
        self.last_ping
    }

    /// True if the channel is proven, but a proxy may still hold back the last message each time.
    pub(super) fn may_be_buffered(&self) -> bool {
        self.proven.is_some() && !self.is_unbuffered
    }

    /// Records the hello.
    pub(super) fn greet(&mut self, epoch: Epoch, heartbeat_seconds: u64, now: u64) {
        self.epoch = Some(epoch);
        self.heartbeat = heartbeat_seconds.clamp(1, HEARTBEAT_SECONDS_MAX) * 1_000;
        if let Phase::Awaiting { deadline, .. } = &mut self.phase
            && self.transport == Transport::Sse
        {
            *deadline = (*deadline).max(now + COMMENT_MS);
        }
    }

    /// Records evidence. Returns true if it proves the channel: something must come apart from the
    /// hello, because a proxy may let the hello through and hold back all that follows.
    pub(super) fn prove(&mut self, evidence: Evidence, now: u64) -> bool {
        let proves = evidence != Evidence::Frame && self.epoch.is_some() && self.proven.is_none();
        if proves {
            self.proven = Some(now);
            self.hear(now);
        }
        proves
    }

    /// True if the channel delivered for long enough to count as stable.
    pub(super) fn is_stable(&self) -> bool {
        self.proven.is_some_and(|since| self.heard.saturating_sub(since) >= STABLE_MS)
    }

    /// Returns when something last arrived.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// Returns what must be done now. A silent stream is probed before it is given up: after the
    /// machine slept, frames that came in time may still wait to be read.
    pub(super) fn due(&self, now: u64) -> Due {
        match self.phase {
            _ if now < self.deadline() => Due::Nothing,
            Phase::Awaiting { .. } => Due::Fail,
            Phase::Streaming => Due::Probe,
            Phase::Pausing { .. } => Due::Fetch,
        }
    }

    pub(super) fn deadline(&self) -> u64 {
        match self.phase {
            Phase::Awaiting { deadline, .. } => deadline,
            Phase::Streaming if !self.is_unbuffered => self.asked + CONFIRM_MS,
            Phase::Streaming => self.heard + self.heartbeat + GRACE_MS,
            Phase::Pausing { until } => until,
        }
    }

    /// Starts a probe, because the stream was silent or may be buffered.
    pub(super) fn probe(&mut self, now: u64) {
        let short = now + PROBE_MS;
        let deadline = if self.is_unbuffered { short.max(self.heard + 2 * self.heartbeat) } else { short };
        self.phase = Phase::awaiting(deadline);
        self.trust.await_answer(now + DOUBT_MS);
    }

    /// Starts a probe because the network may have changed. Returns false if one is under way that
    /// ends as soon.
    pub(super) fn probe_now(&mut self, now: u64) -> bool {
        let is_probed = matches!(self.phase, Phase::Awaiting { deadline, .. } if deadline <= now + PROBE_MS);
        if !is_probed {
            self.phase = Phase::awaiting(now + PROBE_MS);
            self.trust.await_answer(now + DOUBT_MS);
        }
        !is_probed
    }

    /// Starts a check of an event stream by a new one: one of them must deliver soon.
    pub(super) fn renew(&mut self, now: u64) {
        self.renews = true;
        self.phase = Phase::awaiting(now + CHECK_MS + PROBE_MS);
        self.trust.await_answer(now + DOUBT_MS);
    }

    /// Returns when the channel must be checked, because a message that was sent at `sent` has no
    /// answer. A new event stream is the check of an earlier one, so it needs none.
    pub(super) fn check_at(&self, sent: u64) -> Option<u64> {
        let since = self.proven?;
        let is_check = self.transport == Transport::Sse && since >= sent;
        if is_check { None } else { self.trust.check_at(sent, self.heard) }
    }

    /// Returns when the channel is in doubt, if nothing arrives before.
    pub(super) fn doubt_at(&self) -> Option<u64> {
        self.proven.and(self.trust.doubt_at())
    }

    /// True if a probe of the stream is under way.
    pub(super) fn is_probed(&self) -> bool {
        self.is_stream() && matches!(self.phase, Phase::Awaiting { .. })
    }

    /// True if nothing arrived for so long that the network may have changed.
    pub(super) fn is_stale(&self, now: u64) -> bool {
        now > self.heard + 2 * PAGES_MS
    }

    /// Records a request for a page. Returns how long the server may wait with it, in seconds.
    pub(super) fn fetch(&mut self, after: Option<Position>, may_wait: bool, now: u64) -> u64 {
        let wait_seconds = if may_wait && self.transport == Transport::LongPoll { WAIT_SECONDS } else { 0 };
        let time_limit = if may_wait { wait_seconds * 1_000 + PAGE_MS } else { PROBE_MS };
        self.after = after;
        self.asked = now;
        self.phase = Phase::Awaiting { deadline: now + time_limit, wait_seconds, fetch_again: false };
        self.trust.await_answer(now + wait_seconds * 1_000 + DOUBT_MS);
        wait_seconds
    }

    /// True if a request may replace the pause, or the request with which the server may still
    /// wait.
    pub(super) fn may_fetch_now(&self) -> bool {
        matches!(self.phase, Phase::Pausing { .. } | Phase::Awaiting { wait_seconds: 1.., .. })
    }

    /// Records the answer to a request. Returns false if none was awaited.
    pub(super) fn answer(&mut self, follower: bool, now: u64) -> bool {
        let Phase::Awaiting { wait_seconds, fetch_again, .. } = self.phase else { return false };
        if self.is_stream() {
            return false;
        }
        let pause = match self.transport {
            Transport::LongPoll if wait_seconds == 0 => 0,
            Transport::Poll if fetch_again => WOKEN_MS,
            Transport::Poll if follower => FOLLOWER_POLL_MS,
            Transport::Poll => POLL_MS,
            _ => PAGES_MS,
        };
        self.heard = now;
        self.trust.restore();
        self.phase = Phase::Pausing { until: (self.asked + pause).max(now) };
        true
    }

    /// Shortens the pause before the next page, because there is something new.
    pub(super) fn fetch_soon(&mut self, now: u64) {
        match &mut self.phase {
            Phase::Awaiting { fetch_again, .. } => *fetch_again = true,
            Phase::Pausing { until } => *until = now.max((*until).min(self.asked + WOKEN_MS)),
            Phase::Streaming => {}
        }
    }

    /// Requests the next page after `wait` milliseconds.
    pub(super) fn pause(&mut self, wait: u64, now: u64) {
        self.phase = Phase::Pausing { until: now + wait };
    }
}

impl Phase {
    fn awaiting(deadline: u64) -> Self {
        Self::Awaiting { deadline, wait_seconds: 0, fetch_again: false }
    }
}
