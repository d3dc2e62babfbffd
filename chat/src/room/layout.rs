//! How many rows an item takes. What was laid out is kept for the next frame.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use client::{Pending, Stage};

use crate::printable::Charset;
use crate::texts;
use crate::wrap::wrap;

/// From this width on, time, name and text have columns of their own, in columns.
const WIDE_COLUMNS: usize = 60;
/// The width of a time.
pub(crate) const TIME_COLUMNS: usize = 5;
/// The width of the line beside a text, and the space after it.
pub(crate) const GUTTER_COLUMNS: usize = 2;
/// A text with more rows than this is folded.
const ROWS_MAX: usize = 20;
/// How many rows of a folded text are shown.
const FOLDED_ROWS: usize = 12;
/// Maximum number of messages whose layout is kept.
const KEPT_MAX: usize = 256;

const _: () = assert!(FOLDED_ROWS < ROWS_MAX);

/// Where things are in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The width of the terminal.
    pub(crate) columns: usize,
    /// The width of the names' column. `None` if names have rows of their own.
    pub(crate) name: Option<usize>,
    pub(crate) charset: Charset,
}

impl Grid {
    pub(crate) fn new(columns: u16, charset: Charset) -> Self {
        let columns = usize::from(columns);
        let name = (columns >= WIDE_COLUMNS).then(|| (columns / 6).clamp(10, 16));
        Self { columns, name, charset }
    }

    /// The first column of a text.
    pub(crate) fn text_start(&self) -> usize {
        self.name.map_or(0, |name| TIME_COLUMNS + 1 + name + 1) + GUTTER_COLUMNS
    }

    /// The width of a text.
    pub(crate) fn text_columns(&self) -> usize {
        self.columns.saturating_sub(self.text_start()).max(1)
    }
}

/// The rows of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Laid {
    /// The bytes of the text in each row.
    pub(crate) rows: Vec<Range<usize>>,
    /// How many more rows the text has.
    pub(crate) hidden: usize,
    /// Why the message was refused.
    pub(crate) note: Vec<String>,
}

/// A row of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The name and the time.
    Header,
    /// Bytes of the text, and whether they are its first row.
    Text(Range<usize>, bool),
    /// So many rows are not shown.
    More(usize),
    /// A sentence about the message.
    Note(String),
}

impl Laid {
    fn new(text: &str, is_unfolded: bool, grid: Grid) -> Self {
        let mut rows = wrap(text, grid.text_columns(), grid.charset);
        let mut hidden = 0;
        if rows.len() > ROWS_MAX && !is_unfolded {
            hidden = rows.len() - FOLDED_ROWS;
            rows.truncate(FOLDED_ROWS);
        }
        rows.shrink_to_fit();
        Self { rows, hidden, note: Vec::new() }
    }

    /// Returns how many rows it has.
    pub(crate) fn height(&self, has_header: bool) -> usize {
        usize::from(has_header) + self.rows.len() + usize::from(self.hidden > 0) + self.note.len()
    }

    /// Returns the row with a number.
    pub(crate) fn part(&self, line: usize, has_header: bool) -> Part {
        let Some(line) = line.checked_sub(usize::from(has_header)) else { return Part::Header };
        match self.rows.get(line) {
            Some(row) => Part::Text(row.clone(), line == 0),
            None if self.hidden > 0 && line == self.rows.len() => Part::More(self.hidden),
            None => {
                let first = self.rows.len() + usize::from(self.hidden > 0);
                Part::Note(self.note.get(line - first).cloned().unwrap_or_default())
            }
        }
    }
}

/// The layout of a room's messages at one width.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) grid: Grid,
    messages: HashMap<u64, Laid>,
    pending: HashMap<usize, Laid>,
    /// The offsets of long messages that are shown whole.
    unfolded: HashSet<u64>,
}

impl Layout {
    pub(crate) fn new(grid: Grid) -> Self {
        Self { grid, messages: HashMap::new(), pending: HashMap::new(), unfolded: HashSet::new() }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Sets the width.
    pub(crate) fn resize(&mut self, grid: Grid) {
        *self = Self { unfolded: std::mem::take(&mut self.unfolded), ..Self::new(grid) };
    }

    /// Forgets everything: the log is another one.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.grid);
    }

    /// Forgets the messages on their way, because they have changed.
    pub(crate) fn clear_pending(&mut self) {
        self.pending.clear();
    }

    /// Returns the layout of a message.
    pub(crate) fn message(&mut self, offset: u64, text: &str) -> &Laid {
        if self.messages.len() >= KEPT_MAX && !self.messages.contains_key(&offset) {
            self.messages.clear();
        }
        let (is_unfolded, grid) = (self.unfolded.contains(&offset), self.grid);
        self.messages.entry(offset).or_insert_with(|| Laid::new(text, is_unfolded, grid))
    }

    /// Returns the layout of a message on its way.
    pub(crate) fn pending(&mut self, index: usize, pending: &Pending) -> &Laid {
        let grid = self.grid;
        self.pending.entry(index).or_insert_with(|| {
            let mut laid = Laid::new(pending.message.text.as_str(), false, grid);
            if let Stage::Failed { code, detail } = &pending.stage {
                let why = if detail.is_empty() { code.title() } else { detail };
                laid.note = sentence(&texts::refused(why), grid.text_columns(), grid.charset);
            }
            laid
        })
    }

    /// Shows a message whole, or folds it again.
    pub(crate) fn set_unfolded(&mut self, offset: u64, is_unfolded: bool) {
        let has_changed = if is_unfolded { self.unfolded.insert(offset) } else { self.unfolded.remove(&offset) };
        if has_changed {
            self.messages.remove(&offset);
        }
        if self.unfolded.len() > KEPT_MAX {
            self.unfolded.clear();
            self.messages.clear();
        }
    }

    /// True if a message is shown whole because the person asked for it.
    pub(crate) fn is_unfolded(&self, offset: u64) -> bool {
        self.unfolded.contains(&offset)
    }
}

/// Returns a sentence of ours as rows.
pub(crate) fn sentence(text: &str, columns: usize, charset: Charset) -> Vec<String> {
    wrap(text, columns, charset).into_iter().map(|row| text[row].trim_end().to_owned()).collect()
}
