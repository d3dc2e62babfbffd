//! Calls for attention while the page is hidden: the title, and when to notify.

/// How long messages are collected for one call, in milliseconds.
const COLLECT_MS: u64 = 1_000;
/// The minimum interval between two calls, in milliseconds.
const CALL_MS: u64 = 5_000;

/// The window's title with the number of unread messages.
pub fn title(title: &str, unread: usize) -> String {
    match unread {
        0 => title.to_owned(),
        1..100 => ["(", &unread.to_string(), ") ", title].concat(),
        _ => "(99+) ".to_owned() + title,
    }
}

/// Collects messages for one call, and limits how often the page calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many messages the next call is for.
    waiting: usize,
    /// When it is due.
    due: u64,
    /// The earliest time for it.
    earliest: u64,
}

impl Calls {
    /// `count` new messages of others arrived while the page was hidden.
    pub fn arrived(&mut self, count: usize, now: u64) {
        if self.waiting == 0 {
            self.due = self.earliest.max(now + COLLECT_MS);
        }
        self.waiting += count;
    }

    /// The reader is back, so no call is needed.
    pub fn cancel(&mut self) {
        self.waiting = 0;
    }

    /// Returns for how many messages to call now, and when to ask again if nothing happens before.
    pub fn take(&mut self, now: u64) -> (usize, Option<u64>) {
        if self.waiting == 0 {
            return (0, None);
        }
        if now < self.due {
            return (0, Some(self.due));
        }
        self.earliest = now + CALL_MS;
        (std::mem::take(&mut self.waiting), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_to_ninety_nine_in_the_title() {
        assert_eq!(title("实时消息", 0), "实时消息");
        assert_eq!(title("实时消息", 3), "(3) 实时消息");
        assert_eq!(title("实时消息", 100), "(99+) 实时消息");
    }

    #[test]
    fn calls_once_for_messages_that_come_together() {
        let mut calls = Calls::default();
        assert_eq!(calls.take(10), (0, None));
        for now in [10, 200, 300, 900] {
            calls.arrived(1, now);
            assert_eq!(calls.take(now), (0, Some(1_010)));
        }
        assert_eq!(calls.take(1_010), (4, None));
        assert_eq!(calls.take(1_011), (0, None));
    }

    #[test]
    fn calls_again_for_later_messages_but_not_too_often() {
        let mut calls = Calls::default();
        calls.arrived(1, 0);
        assert_eq!(calls.take(1_000), (1, None));
        calls.arrived(2, 1_500);
        calls.arrived(3, 4_000);
        assert_eq!(calls.take(5_999), (0, Some(6_000)));
        assert_eq!(calls.take(6_000), (5, None));
    }

    #[test]
    fn does_not_call_once_the_reader_is_back() {
        let mut calls = Calls::default();
        calls.arrived(1, 0);
        calls.cancel();
        assert_eq!(calls.take(1_000), (0, None));
    }
}
