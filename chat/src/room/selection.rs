//! The message that the person has selected, or means.

use protocol::Entry;

use super::Room;

impl Room {
    /// Returns the offset of the message that the person has selected.
    pub(crate) fn selected(&self) -> Option<u64> {
        self.selected
    }

    /// Selects nothing. Returns false if nothing was selected.
    pub(crate) fn deselect(&mut self) -> bool {
        self.selected.take().is_some()
    }

    /// Selects the next message, an older or a newer one. Returns its offset; `None` beyond the
    /// last one that is loaded.
    pub(crate) fn select(&mut self, is_older: bool) -> Option<u64> {
        let mut offsets = self.entries().iter().filter(|entry| !entry.erased).map(|entry| entry.offset);
        let next = match self.selected {
            None if is_older => offsets.next_back(),
            None => None,
            Some(at) if is_older => offsets.rfind(|offset| *offset < at).or(Some(at)),
            Some(at) => offsets.find(|offset| *offset > at),
        };
        self.selected = next;
        next
    }

    /// Returns the message that a command is about: the selected one, or else the newest that is
    /// the person's own, or with `of_others` of another person.
    pub(crate) fn meant(&self, of_others: bool) -> Option<&Entry> {
        match self.selected {
            Some(offset) => self.entry_at(offset),
            None => self.entries().iter().rfind(|entry| !entry.erased && self.is_own(entry) != of_others),
        }
    }
}
