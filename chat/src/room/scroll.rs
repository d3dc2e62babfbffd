//! Where the person looks in the list of a room.

use protocol::Position;

use super::Room;
use super::items::Item;
use super::layout::{Grid, Laid, quote};
use client::Page;

/// Where the person looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scroll {
    /// At the end: new messages move the others up.
    End,
    /// At a message, which stays where it is.
    At {
        /// Its offset.
        offset: u64,
        /// The row of its text that is at `y`. The header does not count: it may disappear when
        /// older messages are loaded.
        row: usize,
        /// Where this row begins in the text, in bytes. Another width finds the row by it.
        byte: usize,
        /// A row of the screen's part for the list, from the top.
        y: usize,
    },
}

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The index of its item.
    pub(crate) item: usize,
    /// The row of the item.
    pub(crate) line: usize,
}

impl Room {
    /// Returns the rows of the list that are on a screen of `height` rows, from the top. If they
    /// are fewer, they belong to its bottom.
    pub(crate) fn visible(&mut self, height: usize) -> Vec<Place> {
        let mut places = Vec::with_capacity(height);
        let mut next = self.top(height);
        while let Some(place) = next.filter(|_| places.len() < height) {
            places.push(place);
            next = self.after(place);
        }
        places
    }

    /// True if the person looks at the newest message.
    pub(crate) fn is_at_end(&self) -> bool {
        self.scroll == Scroll::End && self.has_newest()
    }

    /// Sets the width. What the person reads stays on the screen.
    pub(super) fn resize(&mut self, grid: Grid) {
        self.layout.resize(grid);
        let Scroll::At { offset, byte, y, .. } = self.scroll else { return };
        let row_of = |laid: &Laid| laid.rows.iter().rposition(|row| row.start <= byte);
        let row = self.laid(offset).and_then(row_of).unwrap_or(0);
        self.scroll = Scroll::At { offset, row, byte, y };
    }

    /// Scrolls by rows; up if negative.
    pub(crate) fn scroll_by(&mut self, rows: isize, height: usize) {
        let Some(top) = self.top(height) else { return };
        let target = if rows < 0 { self.back(top, rows.unsigned_abs()) } else { self.forward(top, rows.unsigned_abs()) };
        self.look_from(target, height);
    }

    /// Scrolls to the newest message that is loaded.
    pub(crate) fn scroll_to_end(&mut self) {
        (self.scroll, self.below) = (Scroll::End, 0);
    }

    /// Scrolls so that a row of a message's text is in the upper part of the screen, unless it is
    /// on the screen already.
    pub(crate) fn scroll_to(&mut self, offset: u64, row: usize, height: usize) {
        let Some(item) = self.item_of(offset) else { return };
        let target = Place { item, line: row + self.header(item) };
        if self.visible(height).contains(&target) {
            return;
        }
        let top = self.back(target, height / 3);
        self.look_from(top, height);
    }

    /// Returns the page that is needed for what is above, or below, of what the person sees.
    pub(crate) fn wants(&mut self, is_upward: bool, height: usize) -> Option<Page> {
        let timeline = self.timeline.as_ref().filter(|_| self.fetching.is_none())?;
        let (before, end, has_newest): (Option<Position>, _, _) = (timeline.before(), timeline.end(), timeline.has_newest());
        let top = self.top(height)?;
        if is_upward {
            let above = self.back(top, height);
            return before.filter(|_| above == Place { item: 0, line: 0 }).map(Page::Before);
        }
        let below = self.forward(top, 2 * height);
        (!has_newest && Some(below) == self.last()).then_some(Page::After(end))
    }

    /// Keeps the rows on the screen where they are while their heights change.
    pub(crate) fn hold(&mut self, height: usize) {
        if let Some(top) = self.top(height) {
            self.anchor(top, height);
        }
    }

    /// Returns the offsets of the long messages among some rows, oldest first.
    pub(crate) fn long_among(&mut self, places: &[Place]) -> Vec<(u64, bool)> {
        let mut long: Vec<(u64, bool)> = Vec::new();
        for place in places {
            let Item::Message { offset, .. } = self.items[place.item] else { continue };
            let Some(timeline) = &self.timeline else { continue };
            let Some(entry) = timeline.entry(offset) else { continue };
            let grid = self.layout.grid;
            let is_folded = self.layout.message(entry, |reply| quote(timeline, reply, grid)).hidden > 0;
            let is_long = is_folded || self.layout.is_unfolded(offset);
            if is_long && long.last().is_none_or(|(last, _)| *last != offset) {
                long.push((offset, is_folded));
            }
        }
        long
    }

    /// Looks at the list from a row at the top of the screen.
    fn look_from(&mut self, top: Place, height: usize) {
        let Some(end_top) = self.end_top(height) else { return };
        if top >= end_top && self.has_newest() {
            return self.scroll_to_end();
        }
        self.anchor(top.min(end_top), height);
    }

    /// Holds the first message on a screen that begins with the row `top`.
    fn anchor(&mut self, top: Place, height: usize) {
        let mut next = Some(top);
        for y in 0..height {
            let Some(place) = next else { break };
            if let Item::Message { offset, .. } = self.items[place.item]
                && let Some(row) = place.line.checked_sub(self.header(place.item))
            {
                let byte = self.laid(offset).and_then(|laid| laid.rows.get(row)).map_or(usize::MAX, |row| row.start);
                self.scroll = Scroll::At { offset, row, byte, y };
                return;
            }
            next = self.after(place);
        }
        self.scroll_to_end();
    }

    fn top(&mut self, height: usize) -> Option<Place> {
        let end_top = self.end_top(height)?;
        let Scroll::At { offset, row, y, .. } = self.scroll else { return Some(end_top) };
        let item = self.item_of(offset);
        let top = item.map(|item| {
            let line = (row + self.header(item)).min(self.height(item) - 1);
            self.back(Place { item, line }, y.min(height.saturating_sub(1)))
        });
        match top {
            Some(top) if top < end_top => Some(top),
            Some(_) if !self.has_newest() => Some(end_top),
            // The screen shows the end, or the message is gone.
            _ => {
                self.scroll_to_end();
                Some(end_top)
            }
        }
    }

    fn end_top(&mut self, height: usize) -> Option<Place> {
        let last = self.last()?;
        Some(self.back(last, height.saturating_sub(1)))
    }

    fn last(&mut self) -> Option<Place> {
        let item = self.items.len().checked_sub(1)?;
        Some(Place { item, line: self.height(item) - 1 })
    }

    fn item_of(&self, wanted: u64) -> Option<usize> {
        self.items.iter().position(|item| matches!(item, Item::Message { offset, .. } if *offset == wanted))
    }

    fn after(&mut self, place: Place) -> Option<Place> {
        if place.line + 1 < self.height(place.item) {
            return Some(Place { line: place.line + 1, ..place });
        }
        (place.item + 1 < self.items.len()).then_some(Place { item: place.item + 1, line: 0 })
    }

    fn back(&mut self, from: Place, mut rows: usize) -> Place {
        let mut place = from;
        while rows > place.line {
            let Some(item) = place.item.checked_sub(1) else { return Place { item: 0, line: 0 } };
            rows -= place.line + 1;
            place = Place { item, line: self.height(item) - 1 };
        }
        Place { line: place.line - rows, ..place }
    }

    fn forward(&mut self, from: Place, mut rows: usize) -> Place {
        let mut place = from;
        loop {
            let left = self.height(place.item) - 1 - place.line;
            if rows <= left {
                return Place { line: place.line + rows, ..place };
            }
            if place.item + 1 >= self.items.len() {
                return Place { line: place.line + left, ..place };
            }
            rows -= left + 1;
            place = Place { item: place.item + 1, line: 0 };
        }
    }

    /// Returns how many rows an item has; at least 1.
    fn height(&mut self, item: usize) -> usize {
        let has_header = self.has_header(item);
        match self.items[item] {
            Item::Start => self.start_rows().len().max(1),
            Item::Message { offset, .. } => self.laid(offset).map_or(1, |laid| laid.height(has_header)),
            Item::Pending { index, .. } => self.laid_pending(index).map_or(1, |laid| laid.height(has_header)),
            Item::Day(_) | Item::Unread | Item::Gap(_) | Item::Cast | Item::Waiting => 1,
        }
    }

    /// Returns how many rows are above a message's text: the name and the time, and what it replies
    /// to.
    fn header(&self, item: usize) -> usize {
        let reply = match self.items[item] {
            Item::Message { offset, .. } => self.entry_at(offset).and_then(|entry| entry.reply),
            Item::Pending { index, .. } => self.outgoing.pending().get(index).and_then(|pending| pending.message.reply),
            _ => None,
        };
        usize::from(self.has_header(item)) + usize::from(reply.is_some())
    }

    /// True if the name and the time have a row of their own above a message.
    pub(crate) fn has_header(&self, item: usize) -> bool {
        let (Item::Message { is_continued, .. } | Item::Pending { is_continued, .. }) = self.items[item] else { return false };
        !is_continued && self.layout.grid.name.is_none()
    }
}
