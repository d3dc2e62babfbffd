//! How many rows an item takes. What was laid out is kept for the next frame.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use client::{Pending, Stage, Timeline};
use protocol::Entry;

use crate::printable::{Charset, cut};
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Laid {
    /// What it replies to.
    pub(crate) quote: Option<String>,
    /// The bytes of the text in each row.
    pub(crate) rows: Vec<Range<usize>>,
    /// How many more rows the text has.
    pub(crate) hidden: usize,
    /// Why the message was refused.
    pub(crate) note: Vec<String>,
    /// What happened to the message: reactions, that it was edited, or that it waits.
    pub(crate) footer: Vec<String>,
}

/// A row of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The name and the time.
    Header,
    /// What the message replies to.
    Quote(String),
    /// Bytes of the text, and whether they are its first row.
    Text(Range<usize>, bool),
    /// So many rows are not shown.
    More(usize),
    /// A sentence about a message that was refused.
    Note(String),
    /// What happened to the message.
    Footer(String),
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
        Self { rows, hidden, ..Self::default() }
    }

    /// Returns how many rows it has.
    pub(crate) fn height(&self, has_header: bool) -> usize {
        let above = usize::from(has_header) + usize::from(self.quote.is_some());
        above + self.rows.len() + usize::from(self.hidden > 0) + self.note.len() + self.footer.len()
    }

    /// Returns the row with a number.
    pub(crate) fn part(&self, line: usize, has_header: bool) -> Part {
        let Some(line) = line.checked_sub(usize::from(has_header)) else { return Part::Header };
        let line = match (&self.quote, line.checked_sub(usize::from(self.quote.is_some()))) {
            (Some(quote), None) => return Part::Quote(quote.clone()),
            (_, line) => line.unwrap_or_default(),
        };
        match self.rows.get(line) {
            Some(row) => Part::Text(row.clone(), line == 0),
            None if self.hidden > 0 && line == self.rows.len() => Part::More(self.hidden),
            None => {
                let line = line - self.rows.len() - usize::from(self.hidden > 0);
                let footer = || self.footer.get(line - self.note.len()).cloned().unwrap_or_default();
                self.note.get(line).map_or_else(|| Part::Footer(footer()), |note| Part::Note(note.clone()))
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

    /// Forgets the messages, because some have changed. Which are shown whole is kept.
    pub(crate) fn clear_messages(&mut self) {
        self.messages.clear();
    }

    /// Forgets the messages on their way, because they have changed.
    pub(crate) fn clear_pending(&mut self) {
        self.pending.clear();
    }

    /// Returns the layout of a message. `quote` returns what it replies to.
    pub(crate) fn message(&mut self, entry: &Entry, quote: impl FnOnce(u64) -> String) -> &Laid {
        let offset = entry.offset;
        if self.messages.len() >= KEPT_MAX && !self.messages.contains_key(&offset) {
            self.messages.clear();
        }
        let (is_unfolded, grid) = (self.unfolded.contains(&offset), self.grid);
        self.messages.entry(offset).or_insert_with(|| {
            let mut laid = Laid::new(shown_text(entry), is_unfolded, grid);
            laid.quote = entry.reply.map(quote);
            let edited = entry.edited.map(|_| texts::EDITED.to_owned());
            let parts: Vec<String> = edited.into_iter().chain(entry.reactions.iter().map(texts::reaction)).collect();
            if !parts.is_empty() {
                laid.footer = sentence(&parts.join("  "), grid.text_columns(), grid.charset);
            }
            laid
        })
    }

    /// Returns the layout of a message on its way. `quote` returns what it replies to.
    pub(crate) fn pending(&mut self, index: usize, pending: &Pending, quote: impl FnOnce(u64) -> String) -> &Laid {
        let grid = self.grid;
        self.pending.entry(index).or_insert_with(|| {
            let mut laid = Laid::new(pending.message.text.as_str(), false, grid);
            laid.quote = pending.message.reply.map(quote);
            match &pending.stage {
                Stage::Sending => {}
                Stage::Queued => laid.footer = sentence(texts::QUEUED, grid.text_columns(), grid.charset),
                Stage::Failed { code, detail } => {
                    let why = if detail.is_empty() { code.title() } else { detail };
                    let refused = texts::refused(why, pending.stage.can_retry());
                    laid.note = sentence(&refused, grid.text_columns(), grid.charset);
                }
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

/// Returns what is shown of the message that another one replies to, in one row.
pub(crate) fn quote(timeline: &Timeline, offset: u64, grid: Grid) -> String {
    let text = match timeline.entry(offset) {
        None => texts::QUOTE_UNKNOWN.to_owned(),
        Some(entry) if entry.erased => texts::QUOTE_ERASED.to_owned(),
        Some(entry) => texts::quote(entry.author.as_str(), entry.text.as_str().lines().next().unwrap_or_default()),
    };
    let text = format!("{} {text}", grid.charset.pick("↪", ">"));
    cut(&text, grid.text_columns(), grid.charset).into_owned()
}

/// Returns what is shown as a message's text.
pub(crate) fn shown_text(entry: &Entry) -> &str {
    if entry.erased { texts::ERASED } else { entry.text.as_str() }
}

/// Returns a sentence of ours as rows.
pub(crate) fn sentence(text: &str, columns: usize, charset: Charset) -> Vec<String> {
    wrap(text, columns, charset).into_iter().map(|row| text[row].trim_end().to_owned()).collect()
}
