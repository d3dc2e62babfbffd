//! Calls for attention while the page is hidden: the title, and how often to notify.

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

/// Limits how often the page calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    next: u64,
}

impl Calls {
    /// True if the page calls for `count` new messages of others.
    pub fn calls(&mut self, count: usize, hidden: bool, now: u64) -> bool {
        let calls = hidden && count > 0 && now >= self.next;
        if calls {
            self.next = now + CALL_MS;
        }
        calls
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
    fn calls_only_while_hidden_and_not_too_often() {
        let mut calls = Calls::default();
        assert!(!calls.calls(1, false, 0));
        assert!(!calls.calls(0, true, 0));
        assert!(calls.calls(1, true, 10));
        assert!(!calls.calls(5, true, 5_009));
        assert!(calls.calls(1, true, 5_010));
    }
}
