//! One live session: whether it is alive, and the names of its commands.

/// How long after a missed heartbeat the connection is asked whether it is still there, in milliseconds.
const GRACE_MS: u64 = 3_000;
/// How long an answer to that may take, in milliseconds.
const PROBE_MS: u64 = 5_000;
/// How long a session lives before the failures that led to it are forgotten, in milliseconds.
const HEALTHY_MS: u64 = 10_000;
/// The longest heartbeat that is believed, in seconds.
const HEARTBEAT_SECONDS_MAX: u64 = 600;

#[derive(Clone, Debug)]
pub(super) struct Session {
    since: u64,
    heard: u64,
    heartbeat: u64,
    /// When the answer to a probe is due.
    probe: Option<u64>,
    refs: u64,
}

/// What to think of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Fine,
    /// Ask whether it is there.
    Doubtful,
    Dead,
}

impl Session {
    pub(super) fn new(heartbeat_seconds: u64, now: u64) -> Self {
        let heartbeat = heartbeat_seconds.clamp(1, HEARTBEAT_SECONDS_MAX) * 1_000;
        Self { since: now, heard: now, heartbeat, probe: None, refs: 0 }
    }

    /// Something arrived.
    pub(super) fn hear(&mut self, now: u64) {
        self.heard = now;
        self.probe = None;
    }

    /// A name for the next command.
    pub(super) fn next_ref(&mut self) -> u64 {
        self.refs += 1;
        self.refs
    }

    /// A session is dead after two heartbeats of silence, but not before it was asked: after a sleep the clock may
    /// have jumped, while what the server said in time still waits to be read.
    pub(super) fn health(&self, now: u64) -> Health {
        match self.probe {
            Some(due) if now >= due => Health::Dead,
            None if now >= self.heard + self.heartbeat + GRACE_MS => Health::Doubtful,
            _ => Health::Fine,
        }
    }

    /// It is asked because it was silent for long.
    pub(super) fn probe_silence(&mut self, now: u64) {
        self.probe = Some((self.heard + 2 * self.heartbeat).max(now + PROBE_MS));
    }

    /// It is asked because the network may have changed under it. Whether it is asked at all: not twice at a time.
    pub(super) fn probe_now(&mut self, now: u64) -> bool {
        let asked = self.probe.is_some_and(|due| due <= now + PROBE_MS);
        if !asked {
            self.probe = Some(now + PROBE_MS);
        }
        !asked
    }

    pub(super) fn deadline(&self) -> u64 {
        self.probe.unwrap_or(self.heard + self.heartbeat + GRACE_MS)
    }

    /// Whether it did well enough for a fresh start.
    pub(super) fn was_healthy(&self) -> bool {
        self.heard.saturating_sub(self.since) >= HEALTHY_MS
    }
}
