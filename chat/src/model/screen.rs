//! Which part of the screen shows what.

use ratatui::layout::Rect;

use super::Model;
use crate::composer::Rows;
use crate::room::sentence;

/// The smallest terminal.
const COLUMNS_MIN: u16 = 20;
const ROWS_MIN: u16 = 5;
/// Maximum height of what is being written.
const COMPOSER_ROWS_MAX: usize = 6;
/// Maximum height of a sentence of ours.
const NOTICE_ROWS_MAX: usize = 4;
/// The width of the mark in front of what is being written.
pub(crate) const PROMPT_COLUMNS: u16 = 2;

/// The parts of the screen, from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    pub(crate) tabs: Rect,
    /// The messages.
    pub(crate) list: Rect,
    pub(crate) notice: Rect,
    pub(crate) status: Rect,
    pub(crate) composer: Rect,
}

impl Model {
    /// True if the terminal has too few columns or rows.
    pub(crate) fn is_too_small(&self) -> bool {
        self.size.0 < COLUMNS_MIN || self.size.1 < ROWS_MIN
    }

    /// Returns the parts of the screen.
    pub(crate) fn screen(&self) -> Screen {
        let (columns, rows) = self.size;
        let writing = self.composer_rows().rows.len().clamp(1, COMPOSER_ROWS_MAX).min(usize::from(rows / 3).max(1)) as u16;
        // One row of messages, the tabs and the status stay.
        let free = usize::from(rows.saturating_sub(writing + 3));
        let notice = self.notice_rows().len().min(NOTICE_ROWS_MAX).min(free) as u16;
        let list = rows.saturating_sub(writing + notice + 2);
        let at = |y, height| Rect { x: 0, y, width: columns, height };
        Screen {
            tabs: at(0, 1.min(rows)),
            list: at(1, list),
            notice: at(1 + list, notice),
            status: at(1 + list + notice, 1),
            composer: at(2 + list + notice, writing),
        }
    }

    /// Returns the rows of the sentence that is shown.
    pub(crate) fn notice_rows(&self) -> Vec<String> {
        self.notice().map_or_else(Vec::new, |notice| sentence(notice, self.size.0.into(), self.charset))
    }

    /// Returns the rows of what is being written.
    pub(crate) fn composer_rows(&self) -> Rows {
        self.room().composer.rows(self.composer_columns(), self.charset)
    }

    pub(crate) fn composer_columns(&self) -> usize {
        self.size.0.saturating_sub(PROMPT_COLUMNS).into()
    }

    /// Takes the size of the terminal.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
    }
}
