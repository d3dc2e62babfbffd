//! Who is in a room. Pure: no clock, lock, task or socket.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long the place of one who left is kept, so that a reader between two long-polls is not gone and back.
pub const PLACE_KEPT: Duration = Duration::from_secs(1);

/// The sessions of a room, as a count.
#[derive(Debug, Default)]
pub struct Presence {
    here: usize,
    /// When those left whose places are still kept, oldest first.
    left: VecDeque<Instant>,
}

impl Presence {
    /// A session came. It takes the place of one that left just before, if there is one: most likely it is the same.
    pub fn join(&mut self, now: Instant) {
        self.here += 1;
        self.forget(now);
        self.left.pop_front();
    }

    /// A session that had come left.
    pub fn leave(&mut self, now: Instant) {
        debug_assert!(self.here > 0, "whoever leaves had joined");
        self.here -= 1;
        self.forget(now);
        self.left.push_back(now);
    }

    /// How many sessions there are.
    pub fn here(&self) -> usize {
        self.here
    }

    /// How many are told to be here: those, and the places that are still kept.
    pub fn told(&mut self, now: Instant) -> usize {
        self.forget(now);
        self.here + self.left.len()
    }

    fn forget(&mut self, now: Instant) {
        while self.left.front().is_some_and(|left| now.duration_since(*left) >= PLACE_KEPT) {
            self.left.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        presence.join(now);
        presence.join(now);
        assert_eq!((presence.here(), presence.told(now)), (2, 2));
        presence.leave(now);
        assert_eq!((presence.here(), presence.told(now)), (1, 2));
        assert_eq!(presence.told(now + PLACE_KEPT), 1);
    }

    #[test]
    fn who_comes_back_at_once_was_never_gone() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.join(start);
        presence.join(start);
        for n in 1..10 {
            let now = start + n * PLACE_KEPT / 3;
            presence.leave(now);
            assert_eq!(presence.told(now), 2);
            presence.join(now);
            assert_eq!(presence.told(now), 2);
        }
    }

    #[test]
    fn who_comes_later_is_another() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.join(start);
        presence.join(start);
        presence.leave(start);
        let later = start + PLACE_KEPT;
        presence.join(later);
        presence.join(later);
        assert_eq!((presence.here(), presence.told(later)), (3, 3));
    }
}
