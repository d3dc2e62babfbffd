//! What a reader sees: a stretch of a room's log, each entry once and in order, with the places where some are missing.

use protocol::{Entry, Gap, GapReason, MessagesPage, Position};

/// How many entries a [`Timeline`] holds at the most.
pub const TIMELINE_ENTRIES_MAX: usize = 400;

const _: () = assert!(TIMELINE_ENTRIES_MAX >= 2 * protocol::limits::PAGE_ENTRIES_MAX);

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

/// The stretch of a room's log that a reader has before them.
///
/// It is bounded, so whoever goes back far enough lets go of the newest entries, and whoever stays somewhere above while a
/// crowd talks gets no more of them. It then no longer takes in what arrives; going forward by pages, or
/// [`Timeline::show`] with the newest page, brings it back to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    entries: Vec<Entry>,
    missed: Vec<Missed>,
    /// Everything up to here is shown, as far as it is not older than the first entry.
    end: Position,
    /// The newest entry that was told of. Beyond `end` while the newest are not shown.
    latest: u64,
    before: Option<Position>,
    /// Whether there is something older than the first entry that is still to come.
    starts_late: bool,
}

impl Timeline {
    /// Starts from a page that ends at its `position`.
    pub fn new(page: MessagesPage) -> Self {
        let mut timeline = Self {
            entries: Vec::new(),
            missed: Vec::new(),
            end: Position { offset: 0, ..page.position },
            latest: 0,
            before: None,
            starts_late: false,
        };
        timeline.show(page);
        timeline
    }

    /// Adds what came next. Whether it was new; it is not shown while the newest entries are not. Nor is it where there are
    /// too many, unless the reader `follows` the end: whoever reads above would lose what they read.
    pub fn append(&mut self, entry: Entry, follows: bool) -> bool {
        if entry.offset <= self.latest {
            return false;
        }
        let at_end = self.has_newest();
        self.latest = entry.offset;
        if at_end && (follows || self.entries.len() < TIMELINE_ENTRIES_MAX) {
            self.push(entry);
            self.drop_oldest();
        }
        true
    }

    fn push(&mut self, entry: Entry) {
        self.end.offset = entry.offset;
        if std::mem::take(&mut self.starts_late) {
            self.before = Some(self.end);
        }
        self.entries.push(entry);
    }

    /// Adds the page that was asked for with [`Timeline::before`], when that was `asked`. If it has moved since, the page is
    /// of no use: between it and the first entry others would be missing. Where there are too many entries, the newest go,
    /// unless the reader `stays` near them; then there is no room for the oldest.
    pub fn prepend(&mut self, page: MessagesPage, asked: Position, stays: bool) {
        if page.position.epoch != self.end.epoch || self.before != Some(asked) {
            return;
        }
        let known = self.entries.first().map_or(self.end.offset + 1, |first| first.offset);
        let mut older = in_order(page.entries, 0);
        older.retain(|entry| entry.offset < known);
        self.before = page.before;
        self.entries.splice(..0, older);
        if stays {
            self.drop_oldest();
        } else if self.entries.len() > TIMELINE_ENTRIES_MAX {
            self.entries.truncate(TIMELINE_ENTRIES_MAX);
            let last = self.entries.last().map_or(0, |last| last.offset);
            self.end.offset = last;
            self.missed.retain(|missed| missed.resumes < last);
        }
    }

    /// Adds the page that follows [`Timeline::end`]. The oldest entries go where there are too many.
    pub fn extend(&mut self, page: MessagesPage) {
        if page.position.epoch != self.end.epoch {
            return;
        }
        for entry in in_order(page.entries, self.end.offset) {
            self.push(entry);
        }
        self.reach(page.position.offset);
        self.drop_oldest();
    }

    /// Shows a page instead of what is shown.
    pub fn show(&mut self, page: MessagesPage) {
        if page.position.epoch != self.end.epoch {
            self.latest = 0;
        }
        self.end = Position { offset: 0, ..page.position };
        self.starts_late = false;
        self.before = page.before;
        self.entries = in_order(page.entries, 0);
        self.missed.clear();
        self.reach(self.entries.last().map_or(0, |last| last.offset).max(page.position.offset));
        self.latest = self.latest.max(page.latest.offset);
    }

    fn reach(&mut self, offset: u64) {
        self.end.offset = self.end.offset.max(offset);
        self.latest = self.latest.max(self.end.offset);
    }

    /// Notes that entries are missing. Those of a log that is gone go with it.
    pub fn mark_gap(&mut self, gap: &Gap) {
        let missed = Missed { after: self.latest, resumes: gap.resumes.offset, reason: gap.reason };
        let same_log = gap.resumes.epoch == self.end.epoch && gap.reason == GapReason::Expired;
        if !same_log {
            self.entries.clear();
            self.missed.clear();
            self.before = None;
            self.starts_late = gap.first.offset < gap.resumes.offset;
        } else if missed.resumes <= missed.after {
            return;
        } else if !self.has_newest() {
            // The reader is elsewhere; when they come back, the newest page is asked for afresh.
            self.latest = missed.resumes;
            return;
        }
        self.missed.push(missed);
        self.end = gap.resumes;
        self.latest = gap.resumes.offset;
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where entries are missing, oldest place first.
    pub fn missed(&self) -> &[Missed] {
        &self.missed
    }

    /// What to ask older history with. `None` when there is none.
    pub fn before(&self) -> Option<Position> {
        self.before
    }

    /// Where what is shown ends: what to ask newer history with.
    pub fn end(&self) -> Position {
        self.end
    }

    /// The newest entry that was told of, shown or not.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// Whether the newest entries are shown.
    pub fn has_newest(&self) -> bool {
        self.end.offset >= self.latest
    }

    /// The entry at an offset, if it is shown.
    pub fn entry(&self, offset: u64) -> Option<&Entry> {
        let index = self.entries.binary_search_by_key(&offset, |entry| entry.offset).ok()?;
        self.entries.get(index)
    }

    fn drop_oldest(&mut self) {
        let excess = self.entries.len().saturating_sub(TIMELINE_ENTRIES_MAX);
        if excess == 0 {
            return;
        }
        self.entries.drain(..excess);
        if let Some(first) = self.entries.first() {
            self.before = Some(Position { offset: first.offset, ..self.end });
            // With nothing left on its far side, a gap is no place in what is shown.
            let oldest = first.offset;
            self.missed.retain(|missed| missed.resumes >= oldest);
        }
    }
}

/// The entries beyond an offset, without any that are out of order.
fn in_order(mut entries: Vec<Entry>, after: u64) -> Vec<Entry> {
    let mut last = after;
    entries.retain(|entry| {
        let is_next = entry.offset > last;
        last = last.max(entry.offset);
        is_next
    });
    entries
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Epoch, RoomName, Text};

    use super::*;

    const FULL: u64 = TIMELINE_ENTRIES_MAX as u64;

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
            online: 0,
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
        assert_eq!((timeline.end(), timeline.before()), (at(1, 4), Some(at(1, 3))));
    }

    #[test]
    fn an_empty_page_starts_at_its_position() {
        let mut timeline = Timeline::new(page([], 7, None));
        assert_eq!((timeline.end(), timeline.before()), (at(1, 7), None));
        assert!(!timeline.append(entry(7), true));
        assert!(timeline.append(entry(8), true));
        assert_eq!(timeline.before(), None);
    }

    #[test]
    fn each_entry_is_shown_once_and_in_order() {
        let mut timeline = Timeline::new(page([], 0, None));
        let new: Vec<bool> = [1, 2, 2, 1, 4, 3, 5].into_iter().map(|offset| timeline.append(entry(offset), true)).collect();
        assert_eq!(new, [true, true, false, false, true, false, true]);
        assert_eq!(offsets(&timeline), [1, 2, 4, 5]);
    }

    #[test]
    fn older_history_goes_in_front() {
        let mut timeline = Timeline::new(page([5, 6], 6, Some(5)));
        // The page overlaps what is there.
        timeline.prepend(page([3, 4, 5], 5, Some(3)), at(1, 5), false);
        assert_eq!(offsets(&timeline), [3, 4, 5, 6]);
        assert_eq!(timeline.before(), Some(at(1, 3)));
        timeline.prepend(page([1, 2], 2, None), at(1, 3), false);
        assert_eq!((offsets(&timeline), timeline.before()), (vec![1, 2, 3, 4, 5, 6], None));
        assert_eq!(timeline.end(), at(1, 6));
    }

    #[test]
    fn history_of_another_log_is_not_mixed_in() {
        let mut timeline = Timeline::new(page([5], 5, Some(5)));
        let other = || MessagesPage { position: at(2, 4), ..page([4], 4, None) };
        timeline.prepend(other(), at(1, 5), false);
        timeline.extend(other());
        assert_eq!((offsets(&timeline), timeline.before()), (vec![5], Some(at(1, 5))));
    }

    #[test]
    fn expired_entries_leave_a_mark() {
        let mut timeline = Timeline::new(page([1, 2], 2, None));
        timeline.mark_gap(&gap(GapReason::Expired, at(1, 9), at(1, 9)));
        assert!(!timeline.append(entry(9), true));
        assert!(timeline.append(entry(10), true));
        assert_eq!(offsets(&timeline), [1, 2, 10]);
        assert_eq!(timeline.missed(), [Missed { after: 2, resumes: 9, reason: GapReason::Expired }]);
    }

    #[test]
    fn a_gap_in_which_nothing_is_missing_is_none() {
        let mut timeline = Timeline::new(page([1, 2], 2, None));
        timeline.mark_gap(&gap(GapReason::Expired, at(1, 2), at(1, 2)));
        assert!(timeline.missed().is_empty());
    }

    #[test]
    fn another_log_replaces_what_was_shown() {
        for (reason, resumes) in [(GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 1))] {
            let mut timeline = Timeline::new(page([8, 9], 9, Some(8)));
            timeline.mark_gap(&gap(GapReason::Expired, at(1, 20), at(1, 20)));
            timeline.mark_gap(&gap(reason, Position { offset: 0, ..resumes }, resumes));
            assert_eq!((offsets(&timeline), timeline.before()), (vec![], None));
            assert_eq!(timeline.missed(), [Missed { after: 20, resumes: 1, reason }]);
            assert!(timeline.append(entry(2), true));
            assert_eq!(timeline.end(), Position { offset: 2, ..resumes });
            // The entry at 1 is there to be asked for.
            assert_eq!(timeline.before(), Some(Position { offset: 2, ..resumes }));
        }
    }

    #[test]
    fn a_log_that_is_shown_from_its_start_has_nothing_older() {
        let mut timeline = Timeline::new(page([8], 8, None));
        timeline.mark_gap(&gap(GapReason::OtherEpoch, at(2, 0), at(2, 0)));
        timeline.append(entry(1), true);
        assert_eq!(timeline.before(), None);
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let mut timeline = Timeline::new(page(1..=FULL, FULL, None));
        assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_MAX, None));
        timeline.append(entry(FULL + 1), true);
        assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_MAX, Some(at(1, 2))));
    }

    #[test]
    fn whoever_reads_above_keeps_what_they_read() {
        let mut timeline = Timeline::new(page(2..=FULL, FULL, Some(2)));
        assert!(timeline.append(entry(FULL + 1), false) && timeline.has_newest());
        // Now it is full. What arrives is news, and there for whoever goes on.
        assert!(timeline.append(entry(FULL + 2), false) && !timeline.append(entry(FULL + 2), false));
        assert_eq!((timeline.entries()[0].offset, timeline.end(), timeline.latest()), (2, at(1, FULL + 1), FULL + 2));
        assert!(timeline.append(entry(FULL + 3), true) && !timeline.has_newest());
        timeline.extend(page(FULL + 2..=FULL + 3, FULL + 3, Some(FULL + 2)));
        assert_eq!((timeline.entries()[0].offset, timeline.has_newest()), (4, true));
    }

    #[test]
    fn whoever_goes_back_lets_go_of_the_newest_and_gets_them_again() {
        let mut timeline = Timeline::new(page(101..=100 + FULL, 100 + FULL, Some(101)));
        timeline.prepend(page(51..=100, 100, Some(51)), at(1, 101), false);
        assert_eq!((timeline.entries()[0].offset, timeline.end(), timeline.has_newest()), (51, at(1, 50 + FULL), false));
        // What arrives now is news, and not shown.
        assert!(timeline.append(entry(101 + FULL), true) && !timeline.append(entry(101 + FULL), true));
        assert_eq!((timeline.end(), timeline.latest()), (at(1, 50 + FULL), 101 + FULL));
        timeline.extend(page(51 + FULL..=100 + FULL, 100 + FULL, Some(51 + FULL)));
        assert!(!timeline.has_newest());
        assert_eq!((timeline.entries()[0].offset, timeline.before()), (101, Some(at(1, 101))));
        timeline.extend(page([101 + FULL], 101 + FULL, Some(101 + FULL)));
        assert!(timeline.has_newest());
        assert_eq!(offsets(&timeline), (102..=101 + FULL).collect::<Vec<_>>());
        assert!(timeline.append(entry(102 + FULL), true));
        assert_eq!(timeline.end(), at(1, 102 + FULL));
    }

    #[test]
    fn whoever_is_back_at_the_end_when_older_ones_come_keeps_the_newest() {
        let mut timeline = Timeline::new(page(31..=400, 400, Some(31)));
        timeline.prepend(page(1..=30, 30, None), at(1, 31), true);
        assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_MAX, None));
        let mut timeline = Timeline::new(page(51..=430, 430, Some(51)));
        timeline.prepend(page(1..=50, 50, None), at(1, 51), true);
        assert_eq!((timeline.entries().len(), timeline.has_newest()), (TIMELINE_ENTRIES_MAX, true));
        // What there was no room for is there to be asked for.
        assert_eq!((timeline.entries()[0].offset, timeline.before()), (31, Some(at(1, 31))));
        assert!(timeline.append(entry(431), true) && timeline.has_newest());
    }

    #[test]
    fn older_history_that_does_not_adjoin_is_left_out() {
        let mut timeline = Timeline::new(page(51..=50 + FULL, 50 + FULL, Some(51)));
        timeline.append(entry(51 + FULL), true);
        for stays in [true, false] {
            timeline.prepend(page(1..=50, 50, None), at(1, 51), stays);
            assert_eq!(offsets(&timeline), (52..=51 + FULL).collect::<Vec<_>>());
            assert_eq!((timeline.before(), timeline.has_newest()), (Some(at(1, 52)), true));
        }
    }

    #[test]
    fn another_page_can_be_shown_instead() {
        let mut timeline = Timeline::new(page(951..=1000, 1000, Some(951)));
        timeline.append(entry(1001), true);
        timeline.show(page(101..=150, 150, Some(101)));
        assert_eq!((offsets(&timeline).len(), timeline.has_newest(), timeline.before()), (50, false, Some(at(1, 101))));
        assert_eq!(timeline.entry(120).map(|entry| entry.offset), Some(120));
        assert_eq!(timeline.entry(99), None);
        // A page that was read before the newest entry was told of is not yet the end.
        timeline.show(page(951..=1000, 1000, Some(951)));
        assert!(!timeline.has_newest());
        timeline.extend(page([1001], 1001, None));
        assert!(timeline.has_newest());
        // One that was read after it brings what is told of later.
        timeline.show(page(953..=1002, 1002, Some(953)));
        assert!(timeline.has_newest() && !timeline.append(entry(1002), true) && timeline.append(entry(1003), true));
    }

    #[test]
    fn a_page_from_the_past_knows_that_there_is_more() {
        let past = MessagesPage { latest: at(1, 900), ..page(101..=150, 150, Some(101)) };
        assert!(!Timeline::new(past).has_newest());
    }

    #[test]
    fn a_gap_while_the_newest_are_not_shown_is_met_on_the_way_back() {
        let mut timeline = Timeline::new(page([1000], 1000, None));
        timeline.show(page([10], 10, None));
        timeline.mark_gap(&gap(GapReason::Expired, at(1, 2000), at(1, 2000)));
        assert_eq!((offsets(&timeline), timeline.missed(), timeline.latest()), (vec![10], &[][..], 2000));
        timeline.mark_gap(&gap(GapReason::OtherEpoch, at(2, 0), at(2, 0)));
        assert_eq!((offsets(&timeline), timeline.end(), timeline.has_newest()), (vec![], at(2, 0), true));
    }

    #[test]
    fn a_mark_goes_with_the_entries_before_it() {
        let mut timeline = Timeline::new(page([1], 1, None));
        timeline.mark_gap(&gap(GapReason::Expired, at(1, 5), at(1, 5)));
        for offset in 6..5 + FULL {
            timeline.append(entry(offset), true);
        }
        assert_eq!((timeline.entries()[0].offset, timeline.missed().len()), (1, 1));
        timeline.append(entry(5 + FULL), true);
        assert_eq!((timeline.entries()[0].offset, timeline.missed().len()), (6, 0));
    }
}
