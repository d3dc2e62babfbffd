//! Looking for words in the loaded messages.

use jiff::Timestamp;

use super::Model;
use crate::composer::{Composer, Move};
use crate::search;
use crate::texts;

/// Maximum bytes of the words.
const WORDS_BYTES_MAX: usize = 1024;

/// A search in the room that is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finder {
    /// The words, as they are typed.
    pub(crate) input: Composer,
    /// True while the person types them.
    pub(crate) is_typing: bool,
    /// The message that was found.
    pub(crate) at: Option<u64>,
    /// Its number among those that were found, counted from the newest, and how many there are.
    pub(crate) found: (usize, usize),
}

impl Finder {
    /// Returns the words as [`search::find`] takes them.
    pub(crate) fn words(&self) -> String {
        search::words(self.input.text())
    }

    /// Writes more of the words. Does nothing if they would be too long.
    pub(crate) fn write(&mut self, text: &str) {
        if self.input.text().len() + text.len() <= WORDS_BYTES_MAX {
            self.input.insert(text);
            self.at = None;
        }
    }

    /// Deletes some of the words.
    pub(crate) fn erase(&mut self, to: Move) {
        self.input.delete(to);
        self.at = None;
    }
}

impl Model {
    /// Starts to type the words of a search.
    pub(super) fn start_search(&mut self) {
        let finder = self.search.get_or_insert_default();
        finder.is_typing = true;
    }

    /// Looks for words.
    pub(super) fn search_for(&mut self, words: String, now: Timestamp) {
        self.search = Some(Finder { input: Composer::new(words), ..Finder::default() });
        self.find(true, now);
    }

    /// Goes to the next message with the words, an older or a newer one.
    pub(super) fn find(&mut self, is_older: bool, now: Timestamp) {
        let Some(mut finder) = self.search.take() else { return };
        let words = finder.words();
        finder.is_typing = words.is_empty();
        let has_words = |text: &str| !search::find(text, &words).is_empty();
        let found = self.room().entries().iter().filter(|entry| has_words(entry.text.as_str()) || has_words(entry.author.as_str()));
        let offsets: Vec<u64> = found.map(|entry| entry.offset).collect();
        let next = match finder.at {
            None => offsets.last().copied(),
            Some(at) if is_older => offsets.iter().rfind(|offset| **offset < at).copied(),
            Some(at) => offsets.iter().find(|offset| **offset > at).copied(),
        };
        match next {
            Some(offset) => {
                finder.at = Some(offset);
                self.go_to(offset, &words, now);
            }
            None if finder.at.is_some() => self.say(if is_older { texts::NO_MORE_OLDER } else { texts::NO_MORE_NEWER }, now),
            None => {}
        }
        let newer = offsets.iter().filter(|offset| finder.at.is_some_and(|at| **offset > at)).count();
        finder.found = (newer + 1, offsets.len());
        self.search = Some(finder);
    }

    /// Scrolls to the first row of a message that has the words.
    fn go_to(&mut self, offset: u64, words: &str, now: Timestamp) {
        self.refresh(now);
        let height = self.screen().list.height.into();
        let room = self.room_mut();
        let first = room.entry_at(offset).and_then(|entry| search::find(entry.text.as_str(), words).first().cloned());
        let at = first.map_or(0, |first| first.start);
        let row = |laid: &crate::room::Laid| laid.rows.iter().position(|row| at < row.end);
        let mut found = room.laid(offset).and_then(row);
        if found.is_none() {
            // The words are in the part that is folded.
            room.set_unfolded(offset, true);
            found = room.laid(offset).and_then(row);
        }
        room.scroll_to(offset, found.unwrap_or(0), height);
    }
}
