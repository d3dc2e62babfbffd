//! Changes: whatever their order beside pages, the messages end as a plain fold of the log.

use fastrand::Rng;
use protocol::{Emoji, Kind, Tag};

use super::*;

fn change(offset: u64, kind: Kind, of: u64) -> Entry {
    let text = Text::parse(&format!("edit {offset}")).unwrap();
    let text = if kind == Kind::Edit { text } else { Text::default() };
    let emoji = (kind == Kind::React).then(|| Emoji::from_stored("👍".to_owned()));
    Entry { kind, of: Some(of), text, emoji, by: Some(Tag::from_bits(1)), ..entry(offset) }
}

fn text(timeline: &Timeline, offset: u64) -> &str {
    timeline.entry(offset).unwrap().text.as_str()
}

#[test]
fn a_change_is_folded_and_is_no_row() {
    let mut timeline = Timeline::new(page([1, 2], 2, None));
    assert!(timeline.change(change(3, Kind::Edit, 1)));
    assert!(!timeline.change(change(3, Kind::Edit, 1)));
    assert_eq!((offsets(&timeline), text(&timeline, 1)), (vec![1, 2], "edit 3"));
    assert_eq!((timeline.end(), timeline.has_newest()), (at(1, 3), true));
    // It counts in the order of the log.
    assert!(!timeline.append(entry(3), true) && timeline.append(entry(4), true));
    assert!(timeline.change(change(5, Kind::Erase, 1)) && timeline.entry(1).unwrap().erased);
    assert!(!timeline.change(change(6, Kind::Pin, 2)));
}

#[test]
fn a_page_that_was_read_before_a_change_is_folded_too() {
    let mut timeline = Timeline::new(page(51..=60, 60, Some(51)));
    // The change arrives while the page is on its way.
    assert!(!timeline.change(change(61, Kind::Erase, 45)));
    timeline.prepend(page(41..=50, 50, Some(41)), at(1, 51), false);
    assert!(timeline.entry(45).unwrap().erased);
    timeline.show(page(41..=50, 50, Some(41)));
    assert!(timeline.entry(45).unwrap().erased);
    // Another log has other messages there.
    timeline.mark_gap(&gap(GapReason::OtherEpoch, at(2, 0), at(2, 0)));
    let other = MessagesPage { position: at(2, 50), latest: at(2, 50), ..page(41..=50, 50, None) };
    timeline.show(other);
    assert!(!timeline.entry(45).unwrap().erased);
}

#[test]
fn a_page_with_changes_shows_messages_only_and_folds_the_rest() {
    let mut timeline = Timeline::new(page([1, 2], 2, None));
    let entries = vec![change(3, Kind::Edit, 2), entry(4), change(5, Kind::Edit, 1)];
    timeline.extend(MessagesPage { entries, ..page([], 5, None) });
    assert_eq!((offsets(&timeline), timeline.end()), (vec![1, 2, 4], at(1, 5)));
    assert_eq!((text(&timeline, 1), text(&timeline, 2)), ("edit 5", "edit 3"));
}

#[test]
fn counts_changes_for_a_reader_who_looks_at_older_messages() {
    let mut timeline = Timeline::new(page([10], 10, None));
    timeline.show(page([1, 2], 2, None));
    assert!(timeline.change(change(11, Kind::Edit, 2)) && !timeline.has_newest());
    assert_eq!((timeline.end(), timeline.latest()), (at(1, 2), 11));
}

#[test]
fn marks_reactions_of_the_reader() {
    let you = Some(Tag::from_bits(1));
    let mut timeline = Timeline::new(MessagesPage { you, ..page([1], 1, None) });
    timeline.change(change(2, Kind::React, 1));
    assert_eq!(timeline.you(), you);
    assert!(timeline.entry(1).unwrap().reactions[0].mine);
    // A page that names nobody does not make the reader forget.
    timeline.show(page([1], 1, None));
    assert_eq!(timeline.you(), you);
}

/// A log of messages and changes. Its messages are folded up to any offset.
struct Log(Vec<Entry>);

impl Log {
    fn random(rng: &mut Rng, length: u64) -> Self {
        let entry_at = |offset| match rng.u32(0..8) {
            kind @ 0..4 if offset > 1 => {
                let kind = [Kind::Edit, Kind::Erase, Kind::React, Kind::Pin][kind as usize];
                Entry { off: rng.bool() && kind == Kind::React, ..change(offset, kind, rng.u64(1..offset)) }
            }
            _ => entry(offset),
        };
        Self((1..=length).map(entry_at).collect())
    }

    /// The entries in a range, as a server returns them that has stored everything up to `latest`.
    fn read(&self, range: std::ops::RangeInclusive<u64>, latest: u64) -> Vec<Entry> {
        let known = &self.0[..latest as usize];
        let mut entries: Vec<Entry> = known.iter().filter(|entry| range.contains(&entry.offset)).cloned().collect();
        for entry in &mut entries {
            for change in known {
                entry.fold(change, None);
            }
        }
        entries
    }
}

#[test]
fn ends_as_a_plain_fold_of_the_log_whatever_comes_first() {
    for seed in 0..200 {
        let rng = &mut Rng::with_seed(seed);
        let log = Log::random(rng, 60);
        let mut latest = 20;
        let read = |first: u64, last: u64, latest: u64| {
            let before = (first > 1).then(|| at(1, first));
            let entries = log.read(first..=last, latest);
            MessagesPage { entries, position: at(1, last), before, latest: at(1, latest), ..page([], 0, None) }
        };
        let mut timeline = Timeline::new(read(11, 20, latest));
        let mut older = None;
        while latest < 60 {
            match rng.u32(0..4) {
                // A page is read now, and arrives later.
                0 if timeline.before().is_some() => {
                    let before = timeline.before().unwrap();
                    older.get_or_insert_with(|| (read(before.offset.saturating_sub(5).max(1), before.offset - 1, latest), before));
                }
                1 => {
                    if let Some((page, asked)) = older.take() {
                        timeline.prepend(page, asked, false);
                    }
                }
                2 if rng.u32(0..8) == 0 => {
                    let last = rng.u64(5..=latest);
                    older = None;
                    timeline.show(read(last.saturating_sub(9).max(1), last, latest));
                }
                3 if !timeline.has_newest() => {
                    let first = timeline.end().offset + 1;
                    timeline.extend(read(first, (first + 7).min(latest), latest));
                }
                _ => {
                    latest += 1;
                    let entry = log.0[latest as usize - 1].clone();
                    if entry.kind.is_message() {
                        timeline.append(entry, false)
                    } else {
                        timeline.change(entry)
                    };
                }
            }
        }
        let folded = log.read(1..=60, 60);
        for entry in timeline.entries() {
            assert_eq!(*entry, folded[entry.offset as usize - 1], "the seed is {seed}");
        }
    }
}
