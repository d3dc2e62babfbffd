//! What screen readers announce: each message in a calm room, the number of messages in a busy one.

/// How long one count lasts, in milliseconds.
const SPAN_MS: u64 = 10_000;
/// With more messages in one span, they are no longer announced one by one.
const ANNOUNCED_MAX: usize = 10;

/// Counts messages to decide what is announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announcer {
    since: u64,
    count: usize,
    /// How many of these were not announced.
    unannounced: usize,
    busy: bool,
}

impl Announcer {
    /// Counts new messages.
    pub fn arrived(&mut self, count: usize, now: u64) {
        if self.count == 0 && !self.busy {
            self.since = now;
        }
        self.count += count;
        self.busy |= self.count > ANNOUNCED_MAX && now < self.since + SPAN_MS;
        self.unannounced += if self.busy { count } else { 0 };
    }

    /// Returns whether the room is too busy to announce each message, how many messages to announce
    /// as a summary, and when to call this again.
    pub fn look(&mut self, now: u64) -> (bool, Option<usize>, Option<u64>) {
        if self.count == 0 && !self.busy {
            return (false, None, None);
        }
        if now < self.since + SPAN_MS {
            return (self.busy, None, Some(self.since + SPAN_MS));
        }
        let summary = (self.unannounced > 0).then_some(self.unannounced);
        let busy = self.busy && self.count > ANNOUNCED_MAX;
        *self = Self { since: now, count: 0, unannounced: 0, busy };
        (busy, summary, busy.then_some(now + SPAN_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announces_each_message_of_a_conversation() {
        let mut announcer = Announcer::default();
        assert_eq!(announcer.look(0), (false, None, None));
        for second in 0..60 {
            announcer.arrived(1, second * 2_000);
            assert!(!announcer.look(second * 2_000).0);
        }
    }

    #[test]
    fn announces_the_number_of_many_messages() {
        let mut announcer = Announcer::default();
        announcer.arrived(10, 100);
        assert_eq!(announcer.look(100), (false, None, Some(10_100)));
        announcer.arrived(40, 200);
        assert_eq!(announcer.look(200), (true, None, Some(10_100)));
        assert_eq!(announcer.look(10_100), (true, Some(40), Some(20_100)));
        announcer.arrived(3, 11_000);
        // The room is calm again: a last summary, then each message.
        assert_eq!(announcer.look(20_100), (false, Some(3), None));
        announcer.arrived(1, 21_000);
        assert_eq!(announcer.look(21_000), (false, None, Some(31_000)));
    }
}
