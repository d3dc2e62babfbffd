//! What a timeline shows after entries, pages and gaps.

mod changes;

use protocol::{Author, Epoch, RoomName, Text};

use super::*;

const FULL: u64 = TIMELINE_ENTRIES_MAX as u64;

fn entry(offset: u64) -> Entry {
    Entry { offset, time: 0, author: Author::default(), text: Text::parse("x").unwrap(), key: None, raw: None, ..Default::default() }
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
        you: None,
    }
}

fn gap(reason: GapReason, first: Position, resumes: Position) -> Gap {
    Gap { reason, first, resumes }
}

fn offsets(timeline: &Timeline) -> Vec<u64> {
    timeline.entries().iter().map(|entry| entry.offset).collect()
}

#[test]
fn starts_from_a_page() {
    let timeline = Timeline::new(page([3, 4], 4, Some(3)));
    assert_eq!(offsets(&timeline), [3, 4]);
    assert_eq!((timeline.end(), timeline.before()), (at(1, 4), Some(at(1, 3))));
}

#[test]
fn starts_at_the_position_of_an_empty_page() {
    let mut timeline = Timeline::new(page([], 7, None));
    assert_eq!((timeline.end(), timeline.before()), (at(1, 7), None));
    assert!(!timeline.append(entry(7), true));
    assert!(timeline.append(entry(8), true));
    assert_eq!(timeline.before(), None);
}

#[test]
fn shows_each_entry_once_and_in_order() {
    let mut timeline = Timeline::new(page([], 0, None));
    let new: Vec<bool> = [1, 2, 2, 1, 4, 3, 5].into_iter().map(|offset| timeline.append(entry(offset), true)).collect();
    assert_eq!(new, [true, true, false, false, true, false, true]);
    assert_eq!(offsets(&timeline), [1, 2, 4, 5]);
}

#[test]
fn puts_older_entries_in_front() {
    let mut timeline = Timeline::new(page([5, 6], 6, Some(5)));
    // The page overlaps the entries that are there.
    timeline.prepend(page([3, 4, 5], 5, Some(3)), at(1, 5), false);
    assert_eq!(offsets(&timeline), [3, 4, 5, 6]);
    assert_eq!(timeline.before(), Some(at(1, 3)));
    timeline.prepend(page([1, 2], 2, None), at(1, 3), false);
    assert_eq!((offsets(&timeline), timeline.before()), (vec![1, 2, 3, 4, 5, 6], None));
    assert_eq!(timeline.end(), at(1, 6));
}

#[test]
fn ignores_a_page_of_another_log() {
    let mut timeline = Timeline::new(page([5], 5, Some(5)));
    let other = || MessagesPage { position: at(2, 4), ..page([4], 4, None) };
    timeline.prepend(other(), at(1, 5), false);
    timeline.extend(other());
    assert_eq!((offsets(&timeline), timeline.before()), (vec![5], Some(at(1, 5))));
}

#[test]
fn marks_where_entries_expired() {
    let mut timeline = Timeline::new(page([1, 2], 2, None));
    timeline.mark_gap(&gap(GapReason::Expired, at(1, 9), at(1, 9)));
    assert!(!timeline.append(entry(9), true));
    assert!(timeline.append(entry(10), true));
    assert_eq!(offsets(&timeline), [1, 2, 10]);
    assert_eq!(timeline.missed(), [Missed { after: 2, resumes: 9, reason: GapReason::Expired }]);
}

#[test]
fn ignores_a_gap_without_missing_entries() {
    let mut timeline = Timeline::new(page([1, 2], 2, None));
    timeline.mark_gap(&gap(GapReason::Expired, at(1, 2), at(1, 2)));
    assert!(timeline.missed().is_empty());
}

#[test]
fn replaces_all_entries_when_the_log_changes() {
    for (reason, resumes) in [(GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 1))] {
        let mut timeline = Timeline::new(page([8, 9], 9, Some(8)));
        timeline.mark_gap(&gap(GapReason::Expired, at(1, 20), at(1, 20)));
        timeline.mark_gap(&gap(reason, Position { offset: 0, ..resumes }, resumes));
        assert_eq!((offsets(&timeline), timeline.before()), (vec![], None));
        assert_eq!(timeline.missed(), [Missed { after: 20, resumes: 1, reason }]);
        assert!(timeline.append(entry(2), true));
        assert_eq!(timeline.end(), Position { offset: 2, ..resumes });
        // The entry at offset 1 can still be loaded.
        assert_eq!(timeline.before(), Some(Position { offset: 2, ..resumes }));
    }
}

#[test]
fn has_nothing_older_than_the_start_of_a_log() {
    let mut timeline = Timeline::new(page([8], 8, None));
    timeline.mark_gap(&gap(GapReason::OtherEpoch, at(2, 0), at(2, 0)));
    timeline.append(entry(1), true);
    assert_eq!(timeline.before(), None);
}

#[test]
fn drops_the_oldest_entries_when_full() {
    let mut timeline = Timeline::new(page(1..=FULL, FULL, None));
    assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_MAX, None));
    timeline.append(entry(FULL + 1), true);
    assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_MAX, Some(at(1, 2))));
}

#[test]
fn keeps_the_entries_of_a_reader_who_scrolled_up() {
    let mut timeline = Timeline::new(page(2..=FULL, FULL, Some(2)));
    assert!(timeline.append(entry(FULL + 1), false) && timeline.has_newest());
    // It is full now. A new entry is counted, but not added.
    assert!(timeline.append(entry(FULL + 2), false) && !timeline.append(entry(FULL + 2), false));
    assert_eq!((timeline.entries()[0].offset, timeline.end(), timeline.latest()), (2, at(1, FULL + 1), FULL + 2));
    assert!(timeline.append(entry(FULL + 3), true) && !timeline.has_newest());
    timeline.extend(page(FULL + 2..=FULL + 3, FULL + 3, Some(FULL + 2)));
    assert_eq!((timeline.entries()[0].offset, timeline.has_newest()), (4, true));
}

#[test]
fn drops_the_newest_entries_for_older_ones_and_loads_them_again() {
    let mut timeline = Timeline::new(page(101..=100 + FULL, 100 + FULL, Some(101)));
    timeline.prepend(page(51..=100, 100, Some(51)), at(1, 101), false);
    assert_eq!((timeline.entries()[0].offset, timeline.end(), timeline.has_newest()), (51, at(1, 50 + FULL), false));
    // A new entry is counted, but not shown.
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
fn keeps_the_newest_entries_of_a_reader_back_at_the_end() {
    let mut timeline = Timeline::new(page(31..=400, 400, Some(31)));
    timeline.prepend(page(1..=30, 30, None), at(1, 31), true);
    assert_eq!((timeline.entries().len(), timeline.before()), (TIMELINE_ENTRIES_MAX, None));
    let mut timeline = Timeline::new(page(51..=430, 430, Some(51)));
    timeline.prepend(page(1..=50, 50, None), at(1, 51), true);
    assert_eq!((timeline.entries().len(), timeline.has_newest()), (TIMELINE_ENTRIES_MAX, true));
    // The entries that did not fit can still be loaded.
    assert_eq!((timeline.entries()[0].offset, timeline.before()), (31, Some(at(1, 31))));
    assert!(timeline.append(entry(431), true) && timeline.has_newest());
}

#[test]
fn ignores_an_older_page_that_does_not_adjoin() {
    let mut timeline = Timeline::new(page(51..=50 + FULL, 50 + FULL, Some(51)));
    timeline.append(entry(51 + FULL), true);
    for keep_newest in [true, false] {
        timeline.prepend(page(1..=50, 50, None), at(1, 51), keep_newest);
        assert_eq!(offsets(&timeline), (52..=51 + FULL).collect::<Vec<_>>());
        assert_eq!((timeline.before(), timeline.has_newest()), (Some(at(1, 52)), true));
    }
}

#[test]
fn replaces_all_entries_by_a_page() {
    let mut timeline = Timeline::new(page(951..=1000, 1000, Some(951)));
    timeline.append(entry(1001), true);
    timeline.show(page(101..=150, 150, Some(101)));
    assert_eq!((offsets(&timeline).len(), timeline.has_newest(), timeline.before()), (50, false, Some(at(1, 101))));
    assert_eq!(timeline.entry(120).map(|entry| entry.offset), Some(120));
    assert_eq!(timeline.entry(99), None);
    // This page was read before the newest entry arrived, so it is not the end.
    timeline.show(page(951..=1000, 1000, Some(951)));
    assert!(!timeline.has_newest());
    timeline.extend(page([1001], 1001, None));
    assert!(timeline.has_newest());
    // This page was read later, so it has an entry that arrives afterwards.
    timeline.show(page(953..=1002, 1002, Some(953)));
    assert!(timeline.has_newest() && !timeline.append(entry(1002), true) && timeline.append(entry(1003), true));
}

#[test]
fn knows_that_a_page_from_the_past_is_not_the_end() {
    let past = MessagesPage { latest: at(1, 900), ..page(101..=150, 150, Some(101)) };
    assert!(!Timeline::new(past).has_newest());
}

#[test]
fn does_not_mark_a_gap_beyond_the_entries_shown() {
    let mut timeline = Timeline::new(page([1000], 1000, None));
    timeline.show(page([10], 10, None));
    timeline.mark_gap(&gap(GapReason::Expired, at(1, 2000), at(1, 2000)));
    assert_eq!((offsets(&timeline), timeline.missed(), timeline.latest()), (vec![10], &[][..], 2000));
    timeline.mark_gap(&gap(GapReason::OtherEpoch, at(2, 0), at(2, 0)));
    assert_eq!((offsets(&timeline), timeline.end(), timeline.has_newest()), (vec![], at(2, 0), true));
}

#[test]
fn drops_a_mark_with_the_entries_before_it() {
    let mut timeline = Timeline::new(page([1], 1, None));
    timeline.mark_gap(&gap(GapReason::Expired, at(1, 5), at(1, 5)));
    for offset in 6..5 + FULL {
        timeline.append(entry(offset), true);
    }
    assert_eq!((timeline.entries()[0].offset, timeline.missed().len()), (1, 1));
    timeline.append(entry(5 + FULL), true);
    assert_eq!((timeline.entries()[0].offset, timeline.missed().len()), (6, 0));
}
