//! Folds changes into messages. The server's store, the client's timeline and the command line use
//! this one function, so all of them show the same.

use crate::{Entry, Kind, Reaction, Tag};

impl Entry {
    /// Applies a later entry to this message, if it changes it and is not applied yet. `you` is the
    /// reader's own identity, whose reactions are marked. Returns true if anything changed.
    ///
    /// Changes of one message may be applied in their order only. One whose offset is not above
    /// [`Self::changed`] has no effect, so a change that arrives again, or arrives beside a message
    /// that contains it, does no harm.
    pub fn fold(&mut self, change: &Self, you: Option<Tag>) -> bool {
        if change.of != Some(self.offset) || change.offset <= self.changed || !self.kind.is_message() {
            return false;
        }
        match change.kind {
            Kind::Edit if !self.erased => {
                self.text = change.text.clone();
                self.edited = Some(change.time);
                self.raw = None;
            }
            Kind::Erase => self.erase(),
            Kind::React if !self.erased => self.react(change, you),
            _ => return false,
        }
        self.changed = change.offset;
        true
    }

    /// Removes what was said, and who said it.
    fn erase(&mut self) {
        *self = Self { offset: self.offset, time: self.time, key: self.key.take(), by: self.by, erased: true, ..Self::default() };
    }

    fn react(&mut self, change: &Self, you: Option<Tag>) {
        let Some(emoji) = &change.emoji else { return };
        let is_mine = you.is_some() && change.by == you;
        let found = self.reactions.iter().position(|reaction| reaction.emoji == emoji.as_str());
        match (found, change.off) {
            (Some(index), true) if self.reactions[index].count <= 1 => drop(self.reactions.remove(index)),
            (Some(index), off) => {
                let reaction = &mut self.reactions[index];
                reaction.count = if off { reaction.count - 1 } else { reaction.count.saturating_add(1) };
                reaction.mine = if is_mine { !off } else { reaction.mine };
            }
            (None, false) => self.reactions.push(Reaction { emoji: emoji.as_str().to_owned(), count: 1, mine: is_mine }),
            (None, true) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Author, Emoji, Text};

    fn message() -> Entry {
        let (author, text) = (Author::parse("a").unwrap(), Text::parse("hello").unwrap());
        Entry { offset: 5, time: 1, author, text, raw: Some("raw".to_owned()), by: Some(Tag::from_bits(1)), ..Entry::default() }
    }

    fn change(offset: u64, kind: Kind) -> Entry {
        Entry { offset, time: offset * 10, kind, of: Some(5), ..Entry::default() }
    }

    fn edit(offset: u64, text: &str) -> Entry {
        Entry { text: Text::parse(text).unwrap(), ..change(offset, Kind::Edit) }
    }

    fn react(offset: u64, by: u64, off: bool) -> Entry {
        Entry { by: Some(Tag::from_bits(by)), emoji: Some(Emoji::from_stored("👍".to_owned())), off, ..change(offset, Kind::React) }
    }

    #[test]
    fn the_last_edit_wins_whatever_arrives_again() {
        let mut entry = message();
        assert!(entry.fold(&edit(7, "two"), None));
        assert!(!entry.fold(&edit(6, "one"), None));
        assert!(!entry.fold(&edit(7, "two"), None));
        assert_eq!((entry.text.as_str(), entry.edited, entry.changed, entry.raw), ("two", Some(70), 7, None));
    }

    #[test]
    fn an_erased_message_keeps_its_place_alone_for_good() {
        let mut entry = message();
        entry.fold(&react(6, 2, false), None);
        assert!(entry.fold(&change(7, Kind::Erase), None));
        let erased = Entry { offset: 5, time: 1, by: Some(Tag::from_bits(1)), erased: true, changed: 7, ..Entry::default() };
        assert_eq!(entry, erased);
        assert!(!entry.fold(&edit(8, "back"), None) && !entry.fold(&react(9, 2, false), None));
        assert_eq!(entry, erased);
    }

    #[test]
    fn reactions_are_counted_and_ones_own_is_known() {
        let (mut entry, you) = (message(), Some(Tag::from_bits(2)));
        let shown = |entry: &Entry| entry.reactions.iter().map(|reaction| (reaction.count, reaction.mine)).collect::<Vec<_>>();
        for (change, expected) in [
            (react(6, 2, false), vec![(1, true)]),
            (react(7, 3, false), vec![(2, true)]),
            (react(8, 2, true), vec![(1, false)]),
            (react(9, 3, true), vec![]),
            (react(10, 3, true), vec![]),
        ] {
            entry.fold(&change, you);
            assert_eq!(shown(&entry), expected);
        }
    }

    #[test]
    fn changes_of_another_message_have_no_effect() {
        let mut entry = message();
        let other = Entry { of: Some(4), ..edit(7, "x") };
        assert!(!entry.fold(&other, None) && !entry.fold(&change(8, Kind::Pin), None) && !entry.fold(&change(9, Kind::Unknown), None));
        assert_eq!(entry, message());
        let mut edited = edit(5, "an edit is no message");
        assert!(!edited.fold(&edit(7, "x"), None));
    }
}
