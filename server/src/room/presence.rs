//! How many readers a room has. Pure: no clock, lock, task or socket.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use protocol::ReaderId;

/// How long a reader that left still counts as online. A client between two long-polls stays
/// online.
const LEAVE_GRACE: Duration = Duration::from_secs(1);

/// Counts the sessions and the readers of a room. A session without an id is a reader of its own.
#[derive(Debug, Default)]
pub(super) struct Presence {
    connected: usize,
    /// How many sessions have no id.
    unnamed: usize,
    /// When sessions without an id left that still count as online, oldest first.
    unnamed_left: VecDeque<Instant>,
    /// The readers that are online.
    named: HashMap<ReaderId, Sessions>,
    /// When the last session of a reader left, oldest first.
    named_left: VecDeque<(Instant, ReaderId)>,
}

/// The sessions of one reader.
#[derive(Debug)]
struct Sessions {
    connected: usize,
    /// When one of them left last.
    left: Instant,
}

impl Presence {
    /// Adds a session. One without an id replaces one that left within [`LEAVE_GRACE`], most likely
    /// its predecessor.
    pub(super) fn join(&mut self, reader: Option<ReaderId>, now: Instant) {
        self.connected += 1;
        self.forget_left(now);
        match reader {
            Some(reader) => self.named.entry(reader).or_insert(Sessions { connected: 0, left: now }).connected += 1,
            None => {
                self.unnamed += 1;
                self.unnamed_left.pop_front();
            }
        }
    }

    /// Removes a session.
    pub(super) fn leave(&mut self, reader: Option<ReaderId>, now: Instant) {
        debug_assert!(self.connected > 0, "a session that leaves has joined");
        self.connected -= 1;
        self.forget_left(now);
        let Some(reader) = reader else {
            self.unnamed -= 1;
            return self.unnamed_left.push_back(now);
        };
        if let Some(sessions) = self.named.get_mut(&reader) {
            sessions.connected -= 1;
            sessions.left = now;
            if sessions.connected == 0 {
                self.named_left.push_back((now, reader));
            }
        }
    }

    /// Returns the number of sessions.
    pub(super) fn connected(&self) -> usize {
        self.connected
    }

    /// Returns the number to show: all readers, and those that left within [`LEAVE_GRACE`].
    pub(super) fn online(&mut self, now: Instant) -> usize {
        self.forget_left(now);
        self.unnamed + self.unnamed_left.len() + self.named.len()
    }

    fn forget_left(&mut self, now: Instant) {
        let is_over = |left: Instant| now.duration_since(left) >= LEAVE_GRACE;
        while self.unnamed_left.pop_front_if(|left| is_over(*left)).is_some() {}
        while let Some((left, reader)) = self.named_left.pop_front_if(|(left, _)| is_over(*left)) {
            // The reader may have come back, and left again.
            if self.named.get(&reader).is_some_and(|sessions| sessions.connected == 0 && sessions.left == left) {
                self.named.remove(&reader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_sessions_that_join_and_leave() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        presence.join(None, now);
        presence.join(None, now);
        assert_eq!((presence.connected(), presence.online(now)), (2, 2));
        presence.leave(None, now);
        assert_eq!((presence.connected(), presence.online(now)), (1, 2));
        assert_eq!(presence.online(now + LEAVE_GRACE), 1);
    }

    #[test]
    fn shows_no_change_when_a_session_returns_within_the_grace_period() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.join(None, start);
        presence.join(None, start);
        for n in 1..10 {
            let now = start + n * LEAVE_GRACE / 3;
            presence.leave(None, now);
            assert_eq!(presence.online(now), 2);
            presence.join(None, now);
            assert_eq!(presence.online(now), 2);
        }
    }

    #[test]
    fn counts_a_session_that_joins_after_the_grace_period_as_another() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.join(None, start);
        presence.join(None, start);
        presence.leave(None, start);
        let later = start + LEAVE_GRACE;
        presence.join(None, later);
        presence.join(None, later);
        assert_eq!((presence.connected(), presence.online(later)), (3, 3));
    }

    #[test]
    fn counts_the_sessions_of_one_reader_once() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        let (ana, bob) = (Some(ReaderId::from_bits(1)), Some(ReaderId::from_bits(3)));
        for reader in [ana, ana, bob, None] {
            presence.join(reader, start);
        }
        assert_eq!((presence.connected(), presence.online(start)), (4, 3));
        presence.leave(ana, start);
        assert_eq!((presence.connected(), presence.online(start + LEAVE_GRACE)), (3, 3));
        presence.leave(ana, start + LEAVE_GRACE);
        assert_eq!(presence.online(start + LEAVE_GRACE), 3);
        assert_eq!(presence.online(start + 2 * LEAVE_GRACE), 2);
    }

    #[test]
    fn a_reader_who_comes_back_within_the_grace_period_was_not_away() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        let ana = Some(ReaderId::from_bits(1));
        presence.join(ana, start);
        for n in 1..10 {
            let now = start + n * LEAVE_GRACE / 3;
            presence.leave(ana, now);
            assert_eq!(presence.online(now + LEAVE_GRACE / 6), 1);
            presence.join(ana, now + LEAVE_GRACE / 6);
        }
        let end = start + 10 * LEAVE_GRACE;
        presence.leave(ana, end);
        assert_eq!((presence.online(end), presence.online(end + LEAVE_GRACE)), (1, 0));
        assert!(presence.named.is_empty() && presence.named_left.is_empty());
    }
}
