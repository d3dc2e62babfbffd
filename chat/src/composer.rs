//! The text that the person writes: editing, and where its rows and its caret are.
//!
//! The widget of `ratatui-textarea` is not used: it moves by code point, so its caret stands inside
//! emoji and combined letters, and it draws a caret of its own, so input methods do not find it.

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use crate::printable::{Charset, glyphs, width};
use crate::wrap::wrap;

/// Maximum bytes of a text that is being written: more than a message may have, so that what was
/// pasted can be shortened.
pub(crate) const DRAFT_BYTES_MAX: usize = 4 * protocol::limits::TEXT_BYTES_MAX;
/// Maximum number of steps that can be undone, and the bytes of all of them.
const UNDO_STEPS_MAX: usize = 100;
const UNDO_BYTES_MAX: usize = 8 * DRAFT_BYTES_MAX;

/// A text that is being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Composer {
    text: String,
    /// The caret's place in bytes, between two characters that people see.
    caret: usize,
    /// The column to which the caret returns when it moves over shorter rows.
    goal: Option<usize>,
    undo: Vec<(String, usize)>,
    /// True while typed letters belong to one step of undo.
    is_typing: bool,
}

/// A movement of the caret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// To the character before.
    Left,
    /// To the character after.
    Right,
    /// To the start of the word.
    WordLeft,
    /// To the end of the word.
    WordRight,
    /// To the start of the line.
    Start,
    /// To the end of the line.
    End,
}

/// The rows of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The bytes of each.
    pub(crate) rows: Vec<Range<usize>>,
    /// The row and the column of the caret.
    pub(crate) caret: (usize, usize),
}

impl Composer {
    /// Creates a composer with a text, and the caret after it.
    pub(crate) fn new(text: String) -> Self {
        Self { caret: text.len(), text, ..Self::default() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Inserts a text at the caret. Returns false, and changes nothing, if it does not fit.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        if self.text.len() + text.len() > DRAFT_BYTES_MAX {
            return false;
        }
        let is_letter = text.chars().count() == 1 && !text.contains(char::is_whitespace);
        if !(is_letter && self.is_typing) {
            self.remember();
        }
        self.is_typing = is_letter;
        self.text.insert_str(self.caret, text);
        self.caret = self.boundary_at_or_after(self.caret + text.len());
        self.goal = None;
        true
    }

    /// Replaces the whole text, and puts the caret after it. This can be undone.
    pub(crate) fn replace(&mut self, text: String) {
        self.remember();
        self.caret = text.len();
        self.text = text;
    }

    /// Takes the text away.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(self).text
    }

    /// Moves the caret.
    pub(crate) fn go(&mut self, to: Move) {
        self.caret = self.target(to);
        (self.goal, self.is_typing) = (None, false);
    }

    /// Deletes from the caret to where it would move.
    pub(crate) fn delete(&mut self, to: Move) {
        let target = self.target(to);
        let range = self.caret.min(target)..self.caret.max(target);
        if range.is_empty() {
            return;
        }
        self.remember();
        self.caret = range.start;
        self.text.replace_range(range, "");
        self.caret = self.boundary_at_or_after(self.caret);
    }

    /// Takes back the last change.
    pub(crate) fn undo(&mut self) {
        if let Some((text, caret)) = self.undo.pop() {
            (self.text, self.caret, self.goal, self.is_typing) = (text, caret, None, false);
        }
    }

    /// Moves the caret to the row above. Returns false if there is none.
    pub(crate) fn up(&mut self, columns: usize, charset: Charset) -> bool {
        let rows = self.rows(columns, charset);
        let Some(row) = rows.caret.0.checked_sub(1) else { return false };
        self.go_to_row(&rows, row, charset);
        true
    }

    /// Moves the caret to the row below. Returns false if there is none.
    pub(crate) fn down(&mut self, columns: usize, charset: Charset) -> bool {
        let rows = self.rows(columns, charset);
        let row = rows.caret.0 + 1;
        if row < rows.rows.len() {
            self.go_to_row(&rows, row, charset);
        }
        row < rows.rows.len()
    }

    fn go_to_row(&mut self, rows: &Rows, row: usize, charset: Charset) {
        let goal = self.goal.unwrap_or(rows.caret.1);
        let Range { start, end } = rows.rows[row].clone();
        let is_last_of_line = rows.rows.get(row + 1).is_none_or(|next| next.start > end);
        let mut column = 0;
        let mut caret = start;
        for glyph in glyphs(&self.text[start..end], charset) {
            let after = glyph.at + start + glyph.source.len();
            // The end of a row inside a line is the start of the next.
            if column + glyph.width > goal || (after == end && !is_last_of_line) {
                break;
            }
            (column, caret) = (column + glyph.width, after);
        }
        (self.caret, self.goal, self.is_typing) = (caret, Some(goal), false);
    }

    /// Returns the rows of the text, which leave a column for the caret at their end.
    pub(crate) fn rows(&self, columns: usize, charset: Charset) -> Rows {
        let rows = wrap(&self.text, columns.saturating_sub(1).max(1), charset);
        let row = rows.iter().rposition(|row| row.start <= self.caret).unwrap_or(0);
        let column = width(&self.text[rows[row].start..self.caret], charset);
        Rows { rows, caret: (row, column.min(columns.saturating_sub(1))) }
    }

    fn target(&self, to: Move) -> usize {
        let (before, after) = self.text.split_at(self.caret);
        match to {
            Move::Left => before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at),
            Move::Right => self.caret + after.graphemes(true).next().map_or(0, str::len),
            Move::WordLeft => before.unicode_word_indices().next_back().map_or(0, |(at, _)| at),
            Move::WordRight => after.unicode_word_indices().next().map_or(self.text.len(), |(at, word)| self.caret + at + word.len()),
            Move::Start => before.rfind('\n').map_or(0, |at| at + 1),
            Move::End => self.caret + after.find('\n').unwrap_or(after.len()),
        }
    }

    /// A letter that is inserted before a combining mark becomes one character with it.
    fn boundary_at_or_after(&self, at: usize) -> usize {
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        if cursor.is_boundary(&self.text, 0) == Ok(true) {
            return at;
        }
        cursor.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len())
    }

    fn remember(&mut self) {
        (self.goal, self.is_typing) = (None, false);
        self.undo.push((self.text.clone(), self.caret));
        let bytes = |undo: &[(String, usize)]| undo.iter().map(|(text, _)| text.len()).sum::<usize>();
        while self.undo.len() > UNDO_STEPS_MAX || bytes(&self.undo) > UNDO_BYTES_MAX {
            self.undo.remove(0);
        }
    }
}

/// Makes pasted text one that can be typed: its line ends become `\n`, and it has no NUL.
pub(crate) fn pasted(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Composer {
        let mut composer = Composer::default();
        text.chars().for_each(|c| assert!(composer.insert(c.encode_utf8(&mut [0; 4]))));
        composer
    }

    fn caret(composer: &Composer, columns: usize) -> (usize, usize) {
        composer.rows(columns, Charset::Unicode).caret
    }

    #[test]
    fn the_caret_moves_over_whole_characters() {
        let mut composer = typed("a👨‍👩‍👧‍👦e\u{301}你");
        assert_eq!(caret(&composer, 20), (0, 6));
        for column in [4, 3, 1, 0, 0] {
            composer.go(Move::Left);
            assert_eq!(caret(&composer, 20), (0, column));
        }
        composer.go(Move::Right);
        composer.delete(Move::Right);
        assert_eq!(composer.text(), "ae\u{301}你");
        composer.go(Move::End);
        composer.delete(Move::Left);
        composer.delete(Move::Left);
        assert_eq!(composer.text(), "a");
    }

    #[test]
    fn moves_and_deletes_by_words_and_lines() {
        let mut composer = typed("one two\nthree four");
        composer.go(Move::WordLeft);
        composer.delete(Move::WordLeft);
        assert_eq!(composer.text(), "one two\nfour");
        composer.delete(Move::End);
        composer.go(Move::Left);
        composer.delete(Move::Start);
        assert_eq!(composer.text(), "\n");
        for expected in ["one two\n", "one two\nfour", "one two\nthree four", "one two\nthree "] {
            composer.undo();
            assert_eq!(composer.text(), expected);
        }
        composer.go(Move::Start);
        composer.go(Move::WordRight);
        assert_eq!(caret(&composer, 40), (1, 5));
    }

    #[test]
    fn undo_takes_back_a_word_or_a_paste() {
        let mut composer = typed("hello");
        composer.insert(&pasted("two\r\nlines\r\0"));
        assert_eq!(composer.text(), "hellotwo\nlines\n");
        composer.undo();
        assert_eq!(composer.text(), "hello");
        composer.undo();
        composer.undo();
        assert_eq!(composer.text(), "");
    }

    #[test]
    fn the_caret_keeps_its_column_over_short_rows() {
        let mut composer = typed("long line\nx\nlong line");
        assert!(composer.up(40, Charset::Unicode));
        assert_eq!(caret(&composer, 40), (1, 1));
        assert!(composer.up(40, Charset::Unicode));
        assert_eq!(caret(&composer, 40), (0, 9));
        assert!(!composer.up(40, Charset::Unicode) && composer.down(40, Charset::Unicode));
    }

    #[test]
    fn a_full_row_leaves_a_column_for_the_caret() {
        let composer = typed("abcdefghij");
        assert_eq!(caret(&composer, 6), (1, 5));
        let mut wrapped = typed("one two three");
        assert_eq!(caret(&wrapped, 8), (1, 5));
        wrapped.up(8, Charset::Unicode);
        assert_eq!(caret(&wrapped, 8), (0, 5));
    }

    #[test]
    fn a_text_that_does_not_fit_changes_nothing() {
        let mut composer = typed("x");
        assert!(!composer.insert(&"y".repeat(DRAFT_BYTES_MAX)) && composer.insert(&"y".repeat(DRAFT_BYTES_MAX - 1)));
        composer.undo();
        assert_eq!(composer.text(), "x");
    }

    #[test]
    fn a_letter_before_a_combining_mark_joins_it() {
        let mut composer = typed("\u{301}");
        composer.go(Move::Start);
        composer.insert("e");
        assert_eq!(caret(&composer, 9), (0, 1));
        composer.delete(Move::Left);
        assert!(composer.is_empty());
    }
}
