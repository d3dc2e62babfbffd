//! How many sessions a room has. Pure: no clock, lock, task or socket.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a session that left still counts as online. A client between two long-polls stays
/// online.
const LEAVE_GRACE: Duration = Duration::from_secs(1);

/// Counts the sessions of a room.
#[derive(Debug, Default)]
pub(super) struct Presence {
    connected: usize,
    /// When sessions left that still count as online, oldest first.
    left: VecDeque<Instant>,
}

impl Presence {
    /// Adds a session. It replaces one that left within [`LEAVE_GRACE`], most likely its
    /// predecessor.
    pub(super) fn join(&mut self, now: Instant) {
        self.connected += 1;
        self.forget_left(now);
        self.left.pop_front();
    }

    /// Removes a session.
    pub(super) fn leave(&mut self, now: Instant) {
        debug_assert!(self.connected > 0, "a session that leaves has joined");
        self.connected -= 1;
        self.forget_left(now);
        self.left.push_back(now);
    }

    /// Returns the number of sessions.
    pub(super) fn connected(&self) -> usize {
        self.connected
    }

    /// Returns the number to show: all sessions, and those that left within [`LEAVE_GRACE`].
    pub(super) fn online(&mut self, now: Instant) -> usize {
        self.forget_left(now);
        self.connected + self.left.len()
    }

    fn forget_left(&mut self, now: Instant) {
        while self.left.front().is_some_and(|left| now.duration_since(*left) >= LEAVE_GRACE) {
            self.left.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_sessions_that_join_and_leave() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        presence.join(now);
        presence.join(now);
        assert_eq!((presence.connected(), presence.online(now)), (2, 2));
        presence.leave(now);
        assert_eq!((presence.connected(), presence.online(now)), (1, 2));
        assert_eq!(presence.online(now + LEAVE_GRACE), 1);
    }

    #[test]
    fn shows_no_change_when_a_session_returns_within_the_grace_period() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.join(start);
        presence.join(start);
        for n in 1..10 {
            let now = start + n * LEAVE_GRACE / 3;
            presence.leave(now);
            assert_eq!(presence.online(now), 2);
            presence.join(now);
            assert_eq!(presence.online(now), 2);
        }
    }

    #[test]
    fn counts_a_session_that_joins_after_the_grace_period_as_another() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.join(start);
        presence.join(start);
        presence.leave(start);
        let later = start + LEAVE_GRACE;
        presence.join(later);
        presence.join(later);
        assert_eq!((presence.connected(), presence.online(later)), (3, 3));
    }
}
