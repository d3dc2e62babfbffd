//! The part of a room that a reader looks at: each message once, in order, with the changes applied
//! to it and with marks where messages are missing.

#[cfg(test)]
mod tests;

use protocol::{Entry, Gap, GapReason, MessagesPage, Position, Tag};

/// Maximum number of entries in a [`Timeline`].
pub const TIMELINE_ENTRIES_MAX: usize = 400;

const _: () = assert!(TIMELINE_ENTRIES_MAX >= 2 * protocol::limits::PAGE_ENTRIES_MAX);

/// Maximum number of changes that are kept for pages which were read before them.
const RECENT_CHANGES_MAX: usize = 100;

/// A place where entries are missing, to be shown before the first entry after `resumes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The offset of the last entry before the missing ones.
    pub after: u64,
    /// The offset after which every entry follows.
    pub resumes: u64,
    /// Why they are missing. With [`GapReason::OtherEpoch`] and [`GapReason::BeyondEnd`] the two
    /// offsets belong to different logs, and no entry of the former is shown.
    pub reason: GapReason,
}

/// The messages that a reader looks at: a consecutive part of a room's log. Each is folded: it has
/// the changes that arrived, whether before or after it.
///
/// There are at most [`TIMELINE_ENTRIES_MAX`]. A reader who loads older entries drops the newest,
/// and one who stays scrolled up gets no more new ones. New entries are then counted in
/// [`Timeline::latest`], but not added, until the reader has loaded newer pages up to the end or
/// has called [`Timeline::show`] with the newest page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    entries: Vec<Entry>,
    missed: Vec<Missed>,
    /// Every entry from the first one up to here is shown.
    end: Position,
    /// The newest offset known; beyond `end` while the newest entries are not shown.
    latest: u64,
    before: Option<Position>,
    /// True if there are older entries than the first one that is still to come.
    starts_late: bool,
    /// The newest changes that arrived, oldest first.
    recent: Vec<Entry>,
    /// The reader's own identity.
    you: Option<Tag>,
}

impl Timeline {
    /// Creates a timeline with the entries of a page.
    pub fn new(page: MessagesPage) -> Self {
        let mut timeline = Self {
            entries: Vec::new(),
            missed: Vec::new(),
            end: Position { offset: 0, ..page.position },
            latest: 0,
            before: None,
            starts_late: false,
            recent: Vec::new(),
            you: None,
        };
        timeline.show(page);
        timeline
    }

    /// Handles a message that has arrived. Returns true if it is new.
    ///
    /// It is added if the newest entries are shown and there is space. With `follows_end`,
    /// the oldest entries are dropped to make space; a reader who has scrolled up would lose their
    /// place.
    pub fn append(&mut self, entry: Entry, follows_end: bool) -> bool {
        if entry.offset <= self.latest {
            return false;
        }
        let at_end = self.has_newest();
        self.latest = entry.offset;
        if at_end && (follows_end || self.entries.len() < TIMELINE_ENTRIES_MAX) {
            self.push(entry);
            self.drop_oldest();
        }
        true
    }

    /// Handles a change that has arrived. Returns true if a message that is shown has changed.
    pub fn change(&mut self, change: Entry) -> bool {
        let has_changed = self.fold(&change);
        if change.offset > self.latest {
            if self.has_newest() {
                self.end.offset = change.offset;
            }
            self.latest = change.offset;
            if self.recent.len() >= RECENT_CHANGES_MAX {
                self.recent.remove(0);
            }
            self.recent.push(change);
        }
        has_changed
    }

    fn fold(&mut self, change: &Entry) -> bool {
        let index = self.entries.binary_search_by_key(&change.of, |entry| Some(entry.offset));
        index.ok().and_then(|index| self.entries.get_mut(index)).is_some_and(|entry| entry.fold(change, self.you))
    }

    /// Adds a page of older entries, which was requested with `asked`, the [`Timeline::before`] of
    /// that time. Ignores the page if that has changed since, because entries would be missing in
    /// between.
    ///
    /// Drops entries that are too many: the newest, or with `keep_newest` the oldest.
    pub fn prepend(&mut self, page: MessagesPage, asked: Position, keep_newest: bool) {
        if page.position.epoch != self.end.epoch || self.before != Some(asked) {
            return;
        }
        let known = self.entries.first().map_or(self.end.offset + 1, |first| first.offset);
        self.before = page.before;
        let mut older = self.messages(page, 0);
        older.retain(|entry| entry.offset < known);
        self.entries.splice(..0, older);
        if keep_newest {
            self.drop_oldest();
        } else {
            self.drop_newest();
        }
    }

    /// Adds the page that follows [`Timeline::end`]. Drops the oldest entries if they are too many.
    pub fn extend(&mut self, page: MessagesPage) {
        if page.position.epoch != self.end.epoch {
            return;
        }
        let position = page.position;
        for change in &page.entries {
            self.fold(change);
        }
        for entry in self.messages(page, self.end.offset) {
            self.push(entry);
        }
        self.reach(position.offset);
        self.drop_oldest();
    }

    /// Replaces all entries by those of a page.
    pub fn show(&mut self, page: MessagesPage) {
        if page.position.epoch != self.end.epoch {
            self.latest = 0;
            self.recent.clear();
        }
        let (position, latest) = (page.position, page.latest.offset);
        self.end = Position { offset: 0, ..position };
        self.starts_late = false;
        self.before = page.before;
        self.entries = self.messages(page, 0);
        self.missed.clear();
        self.reach(self.entries.last().map_or(0, |last| last.offset).max(position.offset));
        self.latest = self.latest.max(latest);
    }

    /// Returns the messages of a page after an offset, without those that are out of order. The
    /// page may have been read before the newest changes arrived.
    fn messages(&mut self, page: MessagesPage, after: u64) -> Vec<Entry> {
        self.you = page.you.or(self.you);
        let (mut messages, mut last) = (page.entries, after);
        messages.retain_mut(|entry| {
            let is_next = entry.offset > last && entry.kind.is_message();
            last = last.max(entry.offset);
            for change in &self.recent {
                entry.fold(change, self.you);
            }
            is_next
        });
        messages
    }

    /// Marks that entries are missing. If the log is another one, its former entries are removed.
    pub fn mark_gap(&mut self, gap: &Gap) {
        let missed = Missed { after: self.latest, resumes: gap.resumes.offset, reason: gap.reason };
        let is_same_log = gap.resumes.epoch == self.end.epoch && gap.reason == GapReason::Expired;
        if !is_same_log {
            self.entries.clear();
            self.missed.clear();
            self.recent.clear();
            self.before = None;
            self.starts_late = gap.first.offset < gap.resumes.offset;
        } else if missed.resumes <= missed.after {
            return;
        } else if !self.has_newest() {
            // The reader looks at older entries. On the way back, pages show what is left.
            self.latest = missed.resumes;
            return;
        }
        self.missed.push(missed);
        self.end = gap.resumes;
        self.latest = gap.resumes.offset;
    }

    /// Returns the messages, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the places where entries are missing, oldest first.
    pub fn missed(&self) -> &[Missed] {
        &self.missed
    }

    /// Returns the position to request older entries with. `None` if there are none.
    pub fn before(&self) -> Option<Position> {
        self.before
    }

    /// Returns the position after the last entry shown, to request newer entries with.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Returns the newest offset known, shown or not.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// True if the newest entries are shown.
    pub fn has_newest(&self) -> bool {
        self.end.offset >= self.latest
    }

    /// Returns the reader's own identity, if a page named it.
    pub fn you(&self) -> Option<Tag> {
        self.you
    }

    /// Returns the message at an offset, if it is shown.
    pub fn entry(&self, offset: u64) -> Option<&Entry> {
        let index = self.entries.binary_search_by_key(&offset, |entry| entry.offset).ok()?;
        self.entries.get(index)
    }

    fn push(&mut self, entry: Entry) {
        self.end.offset = entry.offset;
        if std::mem::take(&mut self.starts_late) {
            self.before = Some(self.end);
        }
        self.entries.push(entry);
    }

    fn reach(&mut self, offset: u64) {
        self.end.offset = self.end.offset.max(offset);
        self.latest = self.latest.max(self.end.offset);
    }

    fn drop_oldest(&mut self) {
        let excess = self.entries.len().saturating_sub(TIMELINE_ENTRIES_MAX);
        if excess == 0 {
            return;
        }
        self.entries.drain(..excess);
        if let Some(first) = self.entries.first() {
            self.before = Some(Position { offset: first.offset, ..self.end });
            // A mark before the first entry is no longer between two entries.
            let oldest = first.offset;
            self.missed.retain(|missed| missed.resumes >= oldest);
        }
    }

    fn drop_newest(&mut self) {
        if self.entries.len() <= TIMELINE_ENTRIES_MAX {
            return;
        }
        self.entries.truncate(TIMELINE_ENTRIES_MAX);
        let last = self.entries.last().map_or(0, |last| last.offset);
        self.end.offset = last;
        self.missed.retain(|missed| missed.resumes < last);
    }
}
