//! What a screen reader is told of a busy room: not each message, which nobody could follow, but how many there were.

/// How long one count goes on, in milliseconds.
const SPAN_MS: u64 = 10_000;
/// So many messages in one span can still be read out one by one.
const FOLLOWED_MAX: usize = 10;

/// How busy a room is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announcer {
    since: u64,
    count: usize,
    /// Of these, how many were not read out.
    unsaid: usize,
    busy: bool,
}

impl Announcer {
    /// So many messages came in.
    pub fn arrived(&mut self, count: usize, now: u64) {
        if self.count == 0 && !self.busy {
            self.since = now;
        }
        self.count += count;
        self.busy |= self.count > FOLLOWED_MAX && now < self.since + SPAN_MS;
        self.unsaid += if self.busy { count } else { 0 };
    }

    /// Whether messages are no longer read out, how many to say there were, and when to look again.
    pub fn look(&mut self, now: u64) -> (bool, Option<usize>, Option<u64>) {
        if self.count == 0 && !self.busy {
            return (false, None, None);
        }
        if now < self.since + SPAN_MS {
            return (self.busy, None, Some(self.since + SPAN_MS));
        }
        let summary = (self.unsaid > 0).then_some(self.unsaid);
        let busy = self.busy && self.count > FOLLOWED_MAX;
        *self = Self { since: now, count: 0, unsaid: 0, busy };
        (busy, summary, busy.then_some(now + SPAN_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_read_out() {
        let mut announcer = Announcer::default();
        assert_eq!(announcer.look(0), (false, None, None));
        for second in 0..60 {
            announcer.arrived(1, second * 2_000);
            assert!(!announcer.look(second * 2_000).0);
        }
    }

    #[test]
    fn a_crowd_is_counted() {
        let mut announcer = Announcer::default();
        announcer.arrived(10, 100);
        assert_eq!(announcer.look(100), (false, None, Some(10_100)));
        announcer.arrived(40, 200);
        assert_eq!(announcer.look(200), (true, None, Some(10_100)));
        assert_eq!(announcer.look(10_100), (true, Some(40), Some(20_100)));
        announcer.arrived(3, 11_000);
        // It has calmed down: what came meanwhile is said, and the next is read out again.
        assert_eq!(announcer.look(20_100), (false, Some(3), None));
        announcer.arrived(1, 21_000);
        assert_eq!(announcer.look(21_000), (false, None, Some(31_000)));
    }
}
