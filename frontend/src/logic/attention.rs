//! How the page calls for attention while nobody looks at it.

/// How long a call lasts: another so soon would only be noise. In milliseconds.
const CALL_MS: u64 = 5_000;

/// The window's title while so many unread messages wait behind it.
pub fn title(title: &str, unread: usize) -> String {
    match unread {
        0 => title.to_owned(),
        1..100 => ["(", &unread.to_string(), ") ", title].concat(),
        _ => "(99+) ".to_owned() + title,
    }
}

/// Keeps a busy room from calling without a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    next: u64,
}

impl Calls {
    /// Whether messages of others that came in now are worth a call.
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
    fn the_title_counts_to_a_hundred() {
        assert_eq!(title("实时消息", 0), "实时消息");
        assert_eq!(title("实时消息", 3), "(3) 实时消息");
        assert_eq!(title("实时消息", 100), "(99+) 实时消息");
    }

    #[test]
    fn it_calls_only_while_nobody_looks_and_not_without_a_pause() {
        let mut calls = Calls::default();
        assert!(!calls.calls(1, false, 0));
        assert!(!calls.calls(0, true, 0));
        assert!(calls.calls(1, true, 10));
        assert!(!calls.calls(5, true, 5_009));
        assert!(calls.calls(1, true, 5_010));
    }
}
