//! What a reader sees: entries in order, each once, with the places where some are missing.

use protocol::{Entry, Gap, GapReason, MessagesPage, Position};

/// How many entries a [`Timeline`] keeps while its reader follows the newest.
pub const TIMELINE_ENTRIES_DEFAULT: usize = 400;
/// How many it keeps for a reader who goes back.
pub const TIMELINE_ENTRIES_MAX: usize = 2_000;

const _: () = assert!(TIMELINE_ENTRIES_DEFAULT >= protocol::limits::PAGE_ENTRIES_MAX && TIMELINE_ENTRIES_DEFAULT <= TIMELINE_ENTRIES_MAX);

/// A place where entries are missing. It is shown before the first entry beyond `resumes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The offset up to which the reader had come.
    pub after: u64,
    /// Everything after this offset follows.
    pub resumes: u64,
    /// Why. With [`GapReason::OtherEpoch`] and [`GapReason::BeyondEnd`] the two offsets are of different logs, and
    /// nothing is shown of the former.
    pub reason: GapReason,
}

/// The part of a room that a reader has before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    entries: Vec<Entry>,
    missed: Vec<Missed>,
    position: Position,
    before: Option<Position>,
    /// Whether there is something older than the first entry that is still to come.
    starts_late: bool,
    keep: usize,
}

impl Timeline {
    /// Starts from a page that ends at its `position`.
    pub fn new(page: MessagesPage) -> Self {
        let mut timeline = Self {
            entries: Vec::with_capacity(page.entries.len()),
            missed: Vec::new(),
            position: Position { epoch: page.position.epoch, offset: 0 },
            before: page.before,
            starts_late: false,
            keep: TIMELINE_ENTRIES_DEFAULT,
        };
        for entry in page.entries {
            timeline.append(entry);
        }
        timeline.position.offset = timeline.position.offset.max(page.position.offset);
        timeline
    }

    /// Adds what came next. Whether it was new.
    pub fn append(&mut self, entry: Entry) -> bool {
        if entry.offset <= self.position.offset {
            return false;
        }
        self.position.offset = entry.offset;
        if std::mem::take(&mut self.starts_late) {
            self.before = Some(self.position);
        }
        self.entries.push(entry);
        self.drop_oldest();
        true
    }

    /// Adds older history, which was asked for with [`Timeline::before`]. How many entries of it were new and are kept:
    /// the newest that there is room for.
    pub fn prepend(&mut self, page: MessagesPage) -> usize {
        if page.position.epoch != self.position.epoch {
            return 0;
        }
        let known = self.entries.first().map_or(self.position.offset + 1, |first| first.offset);
        let mut older: Vec<Entry> = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            let last = older.last().map_or(0, |last| last.offset);
            if last < entry.offset && entry.offset < known {
                older.push(entry);
            }
        }
        let excess = (older.len() + self.entries.len()).saturating_sub(TIMELINE_ENTRIES_MAX);
        older.drain(..excess);
        self.before = page.before;
        if excess > 0 {
            let first = older.first().map_or(known, |first| first.offset);
            self.before = Some(Position { offset: first, ..self.position });
        }
        let added = older.len();
        self.entries.splice(..0, older);
        // What the reader went back for stays when new entries arrive.
        self.keep = self.keep.max(self.entries.len());
        added
    }

    /// Notes that entries are missing. Those of a log that is gone go with it.
    pub fn gap(&mut self, gap: &Gap) {
        let missed = Missed { after: self.position.offset, resumes: gap.resumes.offset, reason: gap.reason };
        let same_log = gap.resumes.epoch == self.position.epoch && gap.reason == GapReason::Expired;
        if !same_log {
            self.entries.clear();
            self.missed.clear();
            self.before = None;
            self.starts_late = gap.first.offset < gap.resumes.offset;
        } else if missed.resumes <= missed.after {
            return;
        }
        self.missed.push(missed);
        self.position = gap.resumes;
    }

    /// The reader is back at the newest entries: forgets what they had gone back for.
    pub fn follow(&mut self) {
        self.keep = TIMELINE_ENTRIES_DEFAULT;
        self.drop_oldest();
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where entries are missing, oldest place first.
    pub fn missed(&self) -> &[Missed] {
        &self.missed
    }

    /// What to ask older history with. `None` when there is none, or no room for more.
    pub fn before(&self) -> Option<Position> {
        self.before.filter(|_| self.entries.len() < TIMELINE_ENTRIES_MAX)
    }

    /// Where to go on: everything after this is still to come.
    pub fn position(&self) -> Position {
        self.position
    }

    fn drop_oldest(&mut self) {
        let excess = self.entries.len().saturating_sub(self.keep);
        if excess == 0 {
            return;
        }
        self.entries.drain(..excess);
        if let Some(first) = self.entries.first() {
            self.before = Some(Position { offset: first.offset, ..self.position });
            // With nothing left on its far side, a gap is no place in what is shown.
            let oldest = first.offset;
            self.missed.retain(|missed| missed.resumes >= oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Epoch, RoomName, Text};

    use super::*;

    fn entry(offset: u64) -> Entry {
        Entry { offset, time: 0, author: Author::default(), text: Text::parse("x").unwrap(), key: None, raw: None }
    }

    fn at(epoch: u64, offset: u64) -> Position {
        Position { epoch: Epoch(epoch), offset }
    }

    fn page(offsets: impl IntoIterator<Item = u64>, position: u64, before: Option<u64>) -> MessagesPage {
        MessagesPage {
            room: RoomName::lobby(),
            entries: offsets.into_iter().map(entry).collect(),
            position: at(1, position),
            before: before.map(|offset| at(1, offset)),
            latest: at(1, position),
            here: 1,
        }
    }

    fn gap(reason: GapReason, first: Position, resumes: Position) -> Gap {
        Gap { reason, first, resumes }
    }

    fn offsets(timeline: &Timeline) -> Vec<u64> {
        timeline.entries().iter().map(|entry| entry.offset).collect()
    }

    #[test]
    fn it_starts_from_a_page() {
        let timeline = Timeline::new(page([3, 4], 4, Some(3)));
        assert_eq!(offsets(&timeline), [3, 4]);
        assert_eq!((timeline.position(), timeline.before()), (at(1, 4), Some(at(1, 3))));
    }

    #[test]
    fn an_empty_page_starts_at_its_position() {
        let mut timeline = Timeline::new(page([], 7, None));
        assert_eq!((timeline.position(), timeline.before()), (at(1, 7), None));
        assert!(!timeline.append(entry(7)));
        assert!(timeline.append(entry(8)));
        assert_eq!(timeline.before(), None);
    }

    #[test]
    fn each_entry_is_shown_once_and_in_order() {
        let mut timeline = Timeline::new(page([], 0, None));
        let new: Vec<bool> = [1, 2, 2, 1, 4, 3, 5].into_iter().map(|offset| timeline.append(entry(offset))).collect();
        assert_eq!(new, [true, true, false, false, true, false, true]);
        assert_eq!(offsets(&timeline), [1, 2, 4, 5]);
    }

    #[test]
    fn older_history_goes_in_front() {
        let mut timeline = Timeline::new(page([5, 6], 6, Some(5)));
        // The page overlaps what is there.
        assert_eq!(timeline.prepend(page([3, 4, 5], 5, Some(3))), 2);
        assert_eq!(offsets(&timeline), [3, 4, 5, 6]);
        assert_eq!(timeline.before(), Some(at(1, 3)));
        assert_eq!(timeline.prepend(page([1, 2], 2, None)), 2);
        assert_eq!((offsets(&timeline), timeline.before()), (vec![1, 2, 3, 4, 5, 6], None));
        assert_eq!(timeline.position(), at(1, 6));
    }

    #[test]
    fn history_of_another_log_is_not_mixed_in() {
        let mut timeline = Timeline::new(page([5], 5, Some(5)));
        let other = MessagesPage { position: at(2, 4), ..page([4], 4, None) };
        assert_eq!(timeline.prepend(other), 0);
        assert_eq!((offsets(&timeline), timeline.before()), (vec![5], Some(at(1, 5))));
    }

    #[test]
    fn expired_entries_leave_a_mark() {
        let mut timeline = Timeline::new(page([1, 2], 2, None));
        timeline.gap(&gap(GapReason::Expired, at(1, 9), at(1, 9)));
        assert!(!timeline.append(entry(9)));
        assert!(timeline.append(entry(10)));
        assert_eq!(offsets(&timeline), [1, 2, 10]);
        assert_eq!(timeline.missed(), [Missed { after: 2, resumes: 9, reason: GapReason::Expired }]);
    }

    #[test]
    fn a_gap_in_which_nothing_is_missing_is_none() {
        let mut timeline = Timeline::new(page([1, 2], 2, None));
        timeline.gap(&gap(GapReason::Expired, at(1, 2), at(1, 2)));
        assert!(timeline.missed().is_empty());
    }

    #[test]
    fn another_log_replaces_what_was_shown() {
        for (reason, resumes) in [(GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 1))] {
            let mut timeline = Timeline::new(page([8, 9], 9, Some(8)));
            timeline.gap(&gap(GapReason::Expired, at(1, 20), at(1, 20)));
            timeline.gap(&gap(reason, Position { offset: 0, ..resumes }, resumes));
            assert_eq!((offsets(&timeline), timeline.before()), (vec![], None));
            assert_eq!(timeline.missed(), [Missed { after: 20, resumes: 1, reason }]);
            assert!(timeline.append(entry(2)));
            assert_eq!(timeline.position(), Position { offset: 2, ..resumes });
            // The entry at 1 is there to be asked for.
            assert_eq!(timeline.before(), Some(Position { offset: 2, ..resumes }));
        }
    }

    #[test]
    fn a_log_that_is_shown_from_its_start_has_nothing_older() {
        let mut timeline = Timeline::new(page([8], 8, None));
        timeline.gap(&gap(GapReason::OtherEpoch, at(2, 0), at(2, 0)));
        timeline.append(entry(1));
        assert_eq!(timeline.before(), None);
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let full = TIMELINE_ENTRIES_DEFAULT as u64;
        let mut timeline = Timeline::new(page(1..=full, full, None));
        assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_DEFAULT, None));
        timeline.append(entry(full + 1));
        assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_DEFAULT, Some(at(1, 2))));
        assert_eq!(timeline.prepend(page([1], 1, None)), 1);
        assert_eq!(timeline.before(), None);
    }

    #[test]
    fn what_a_reader_went_back_for_stays_until_they_follow_again() {
        let full = TIMELINE_ENTRIES_DEFAULT as u64;
        let mut timeline = Timeline::new(page(101..=100 + full, 100 + full, Some(101)));
        timeline.prepend(page(1..=100, 100, None));
        for offset in 101 + full..=110 + full {
            timeline.append(entry(offset));
        }
        assert_eq!((timeline.entries().len(), timeline.entries()[0].offset), (TIMELINE_ENTRIES_DEFAULT + 100, 11));
        timeline.follow();
        assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_DEFAULT, Some(at(1, 111))));
    }

    #[test]
    fn going_back_ends_at_the_limit() {
        let newest = 10_000;
        let mut timeline = Timeline::new(page(newest - 99..=newest, newest, Some(newest - 99)));
        while let Some(before) = timeline.before() {
            let from = before.offset - 150;
            timeline.prepend(page(from..before.offset, before.offset - 1, Some(from)));
        }
        assert_eq!(timeline.entries().len(), TIMELINE_ENTRIES_MAX);
        assert_eq!(timeline.entries()[0].offset, newest + 1 - TIMELINE_ENTRIES_MAX as u64);
        timeline.append(entry(newest + 1));
        assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_MAX, None));
        timeline.follow();
        assert_eq!(timeline.before(), Some(at(1, newest + 2 - TIMELINE_ENTRIES_DEFAULT as u64)));
    }

    #[test]
    fn a_mark_goes_with_the_entries_before_it() {
        let full = TIMELINE_ENTRIES_DEFAULT as u64;
        let mut timeline = Timeline::new(page([1], 1, None));
        timeline.gap(&gap(GapReason::Expired, at(1, 5), at(1, 5)));
        for offset in 6..5 + full {
            timeline.append(entry(offset));
        }
        assert_eq!((timeline.entries()[0].offset, timeline.missed().len()), (1, 1));
        timeline.append(entry(5 + full));
        assert_eq!((timeline.entries()[0].offset, timeline.missed().len()), (6, 0));
    }
}
