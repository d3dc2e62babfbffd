//! The messages that were printed last, by which a change names its message.

use std::collections::VecDeque;

use protocol::Entry;

/// Maximum number of messages that are remembered.
const MESSAGES_MAX: usize = 500;

/// The messages that were printed last, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Printed {
    messages: VecDeque<PrintedMessage>,
}

/// What a change needs to know of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PrintedMessage {
    offset: u64,
    /// When it was posted, in milliseconds since 1970.
    pub(super) time: u64,
    pub(super) author: String,
    /// The offset of the last change that was printed with it.
    changed: u64,
}

impl Printed {
    /// Remembers a message. One that was printed before, in another log, is forgotten.
    pub(super) fn remember(&mut self, entry: &Entry) {
        if self.messages.back().is_some_and(|last| last.offset >= entry.offset) {
            self.messages.clear();
        }
        self.messages.drain(..(self.messages.len() + 1).saturating_sub(MESSAGES_MAX));
        let author = entry.author.as_str().to_owned();
        self.messages.push_back(PrintedMessage { offset: entry.offset, time: entry.time, author, changed: entry.changed });
    }

    /// Returns the message of a change. `None` if it is not remembered.
    pub(super) fn of(&self, change: &Entry) -> Option<&PrintedMessage> {
        let index = self.messages.binary_search_by_key(&change.of?, |message| message.offset).ok()?;
        self.messages.get(index)
    }

    /// True if a change was printed as a part of its message.
    pub(super) fn contains(&self, change: &Entry) -> bool {
        self.of(change).is_some_and(|message| change.offset <= message.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_a_bounded_number_of_messages() {
        let mut printed = Printed::default();
        let entry = |offset| Entry { offset, ..Entry::default() };
        let change = |offset, of| Entry { of: Some(of), ..entry(offset) };
        (1..=2_000).for_each(|offset| printed.remember(&Entry { changed: offset + 5, ..entry(offset) }));
        assert_eq!(printed.messages.len(), MESSAGES_MAX);
        assert_eq!(printed.of(&change(3_000, 1_999)).map(|message| message.offset), Some(1_999));
        assert!(printed.of(&change(3_000, 7)).is_none() && printed.of(&entry(3_000)).is_none());
        assert!(printed.contains(&change(2_005, 2_000)) && !printed.contains(&change(2_006, 2_000)));
        // Another log begins.
        printed.remember(&entry(3));
        assert!(printed.of(&change(3_000, 1_999)).is_none() && printed.of(&change(4, 3)).is_some());
    }
}
