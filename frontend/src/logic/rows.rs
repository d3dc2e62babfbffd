//! The rows of a list: messages, the lines between them, and how one list of rows turns into
//! another.

use client::{Missed, Pending, Stage, Timeline};
use protocol::{Entry, Epoch, ErrorCode, GapReason, PublishKey};

use super::datetime::Day;
use super::zone::Zone;

/// How long messages of one author are grouped under one name, in milliseconds.
const GROUP_MS: u64 = 5 * 60 * 1000;

/// A quarter of an hour, in milliseconds.
const QUARTER_MS: u64 = 15 * 60 * 1000;

/// A row of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the row is. No two rows of a list have the same key.
    pub key: RowKey,
    /// What may change in a row that stays.
    pub look: RowLook,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// A message.
    Message {
        /// Its log. An entry of another log at the same offset is another row.
        epoch: Epoch,
        /// Its offset.
        offset: u64,
    },
    /// A message that is being sent, by its publish key.
    Pending(PublishKey),
    /// A day begins.
    Day(Day),
    /// The messages after this offset are unread.
    Unread(u64),
    /// Messages are missing.
    Missed {
        /// The first missing offset.
        first: u64,
        /// The last missing offset.
        last: u64,
    },
    /// The log was replaced by this one.
    OtherLog(Epoch),
}

/// What may change in a row that stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowLook {
    /// Nothing special.
    #[default]
    Plain,
    /// The message belongs to the group of the message before.
    Continued,
    /// The message was refused.
    Failed(ErrorCode),
}

impl Row {
    fn plain(key: RowKey) -> Self {
        Self { key, look: RowLook::Plain }
    }
}

/// Returns the rows of a timeline, oldest first. Messages after the offset `unread` are unread.
pub fn of(timeline: &Timeline, unread: Option<u64>, zone: Zone) -> Vec<Row> {
    let epoch = timeline.end().epoch;
    let mut missed = timeline.missed().iter().peekable();
    let mut rows = Vec::with_capacity(timeline.entries().len() + 8);
    let mut previous: Option<&Entry> = None;
    let (mut day, mut quarter) = (None, None);
    // The first unread message may be among older entries that are not loaded.
    let mut unread = unread.filter(|after| {
        let first = timeline.entries().first().map_or(0, |first| first.offset);
        first <= *after || timeline.before().is_none()
    });
    for entry in timeline.entries() {
        while let Some(gap) = missed.next_if(|gap| gap.resumes < entry.offset) {
            rows.push(Row::plain(gap_key(gap, epoch)));
            previous = None;
        }
        // All zones are whole quarters of an hour apart, and the browser's calendar is slow.
        if quarter.replace(entry.time / QUARTER_MS) != Some(entry.time / QUARTER_MS) {
            let today = zone.at(entry.time).day;
            // A zone that moves across the date line has a day twice; a list has each day once.
            if day < Some(today) {
                day = Some(today);
                rows.push(Row::plain(RowKey::Day(today)));
                previous = None;
            }
        }
        if let Some(after) = unread.take_if(|after| *after < entry.offset) {
            rows.push(Row::plain(RowKey::Unread(after)));
            previous = None;
        }
        let is_continued = previous.is_some_and(|previous| are_grouped(previous, entry));
        let look = if is_continued { RowLook::Continued } else { RowLook::Plain };
        rows.push(Row { key: RowKey::Message { epoch, offset: entry.offset }, look });
        previous = Some(entry);
    }
    rows.extend(missed.map(|gap| Row::plain(gap_key(gap, epoch))));
    rows
}

/// Returns the rows of the outbox.
pub fn of_outbox(outbox: &[Pending]) -> Vec<Row> {
    let row = |pending: &Pending| {
        let look = match pending.stage {
            Stage::Failed { code, .. } => RowLook::Failed(code),
            Stage::Sending => RowLook::Plain,
        };
        Some(Row { key: RowKey::Pending(pending.message.key.clone()?), look })
    };
    outbox.iter().filter_map(row).collect()
}

/// Returns the row that marks a gap in front of the log `epoch`.
pub fn gap_key(gap: &Missed, epoch: Epoch) -> RowKey {
    match gap.reason {
        GapReason::Expired => RowKey::Missed { first: gap.after + 1, last: gap.resumes },
        GapReason::OtherEpoch | GapReason::BeyondEnd => RowKey::OtherLog(epoch),
    }
}

/// Messages without a name are never grouped: they may be of different people.
fn are_grouped(previous: &Entry, entry: &Entry) -> bool {
    let is_near = entry.time.saturating_sub(previous.time) < GROUP_MS;
    is_near && !entry.author.is_nameless() && entry.author == previous.author
}

/// Returns the next list to show on the way from `shown` to `target`; `None` if they are equal.
///
/// `<For>` takes nodes that could stay out of the document and inserts them again when one update
/// both removes and adds rows, or adds several rows before others. Such a node loses focus and
/// selection. So each step only removes rows, or appends rows, or inserts one row.
pub fn next_step<R: Clone + PartialEq>(shown: &[R], target: &[R]) -> Option<Vec<R>> {
    let mut rest = shown;
    let mut kept = Vec::with_capacity(target.len());
    let mut first_added = None;
    for (index, row) in target.iter().enumerate() {
        if let Some(found) = rest.iter().position(|shown| shown == row) {
            rest = &rest[found + 1..];
            kept.push(row.clone());
        } else if first_added.is_none() {
            first_added = Some(index);
        }
    }
    if kept.len() < shown.len() {
        return Some(kept);
    }
    let added = first_added?;
    if added == kept.len() {
        kept.extend_from_slice(&target[added..]);
    } else {
        kept.insert(added, target[added].clone());
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Gap, MessagesPage, Position, RoomName, Text};

    use super::*;
    use crate::logic::datetime::DateTime;

    fn written(offset: u64, author: &str, time: u64) -> Entry {
        let (author, text) = (Author::parse(author).unwrap(), Text::parse("x").unwrap());
        Entry { offset, time, author, text, key: None, raw: None }
    }

    fn at(epoch: u64, offset: u64) -> Position {
        Position { epoch: Epoch(epoch), offset }
    }

    fn timeline(entries: Vec<Entry>) -> Timeline {
        let position = at(1, entries.last().map_or(0, |entry| entry.offset));
        Timeline::new(MessagesPage { room: RoomName::lobby(), entries, position, before: None, latest: position, online: 1 })
    }

    const DAY: Row = Row { key: RowKey::Day(Day { year: 1970, month: 1, day: 1 }), look: RowLook::Plain };

    fn shown(timeline: &Timeline) -> Vec<Row> {
        of(timeline, None, Zone::Ahead(0))
    }

    fn message(epoch: u64, offset: u64, continued: bool) -> Row {
        let look = if continued { RowLook::Continued } else { RowLook::Plain };
        Row { key: RowKey::Message { epoch: Epoch(epoch), offset }, look }
    }

    #[test]
    fn an_authors_messages_stand_together_for_a_while() {
        let end = GROUP_MS;
        let entries = vec![
            written(1, "a", 0),
            written(2, "a", end - 1),
            written(3, "a", 2 * end - 1),
            written(4, "b", 2 * end),
            written(5, "b", end),
            written(6, "", end),
            written(7, "", end),
        ];
        let continued = [false, true, false, false, true, false, false];
        let messages = (1..).zip(continued).map(|(offset, continued)| message(1, offset, continued));
        let expected: Vec<_> = std::iter::once(DAY).chain(messages).collect();
        assert_eq!(shown(&timeline(entries)), expected);
    }

    #[test]
    fn what_is_missing_stands_where_it_is_missing_and_parts_what_stood_together() {
        let mut timeline = timeline(vec![written(1, "a", 0)]);
        timeline.mark_gap(&Gap { reason: GapReason::Expired, first: at(1, 9), resumes: at(1, 9) });
        assert_eq!(shown(&timeline), [DAY, message(1, 1, false), Row::plain(RowKey::Missed { first: 2, last: 9 })]);
        timeline.append(written(10, "a", 0), true);
        assert_eq!(shown(&timeline), [DAY, message(1, 1, false), Row::plain(RowKey::Missed { first: 2, last: 9 }), message(1, 10, false)]);
    }

    #[test]
    fn another_logs_entry_of_the_same_offset_is_another_row() {
        let mut timeline = timeline(vec![written(1, "a", 0)]);
        timeline.mark_gap(&Gap { reason: GapReason::OtherEpoch, first: at(2, 0), resumes: at(2, 0) });
        timeline.append(written(1, "b", 0), true);
        assert_eq!(shown(&timeline), [Row::plain(RowKey::OtherLog(Epoch(2))), DAY, message(2, 1, false)]);
    }

    #[test]
    fn a_message_that_is_refused_is_another_row() {
        let message = |key: &str| protocol::PublishRequest {
            text: Text::parse("x").unwrap(),
            author: Author::default(),
            key: Some(key.parse().unwrap()),
        };
        let failed = Stage::Failed { code: ErrorCode::TextTooLong, detail: String::new() };
        let outbox = [Pending { message: message("a"), stage: Stage::Sending }, Pending { message: message("b"), stage: failed }];
        let row = |key: &str, look| Row { key: RowKey::Pending(key.parse().unwrap()), look };
        assert_eq!(of_outbox(&outbox), [row("a", RowLook::Plain), row("b", RowLook::Failed(ErrorCode::TextTooLong))]);
    }

    #[test]
    fn a_day_begins_with_its_first_message_in_the_readers_zone() {
        let midnight = 1_776_124_800_000;
        let all = timeline(vec![written(1, "a", midnight - 1), written(2, "a", midnight), written(3, "a", midnight + 1)]);
        let day = |day| Row::plain(RowKey::Day(Day { year: 2026, month: 4, day }));
        assert_eq!(shown(&all), [day(13), message(1, 1, false), day(14), message(1, 2, false), message(1, 3, true)]);
        let east = of(&all, None, Zone::Ahead(60));
        assert_eq!(east, [day(14), message(1, 1, false), message(1, 2, true), message(1, 3, true)]);
    }

    #[test]
    fn the_unread_begin_after_the_last_that_was_seen() {
        let all = timeline((4..=6).map(|offset| written(offset, "a", 0)).collect());
        let seen = |after| of(&all, Some(after), Zone::Ahead(0));
        assert_eq!(seen(4), [DAY, message(1, 4, false), Row::plain(RowKey::Unread(4)), message(1, 5, false), message(1, 6, true)]);
        assert_eq!(seen(6), shown(&all));
        assert_eq!(seen(1)[..2], [DAY, Row::plain(RowKey::Unread(1))]);
        // With older ones still to be loaded, the first unread is not among these.
        let position = at(1, 6);
        let entries = (4..=6).map(|offset| written(offset, "a", 0)).collect();
        let page = MessagesPage { room: RoomName::lobby(), entries, position, before: Some(at(1, 4)), latest: position, online: 0 };
        assert!(!of(&Timeline::new(page), Some(1), Zone::Ahead(0)).contains(&Row::plain(RowKey::Unread(1))));
    }

    #[test]
    fn each_day_begins_once_even_if_the_zone_repeats_it() {
        const DAY_MS: u64 = 86_400_000;
        let back = Zone::Local(|time| DateTime::utc(if time < 2 * DAY_MS { time } else { time - DAY_MS }));
        let all = timeline(vec![written(1, "", 0), written(2, "", DAY_MS), written(3, "", 2 * DAY_MS), written(4, "", 3 * DAY_MS)]);
        let days = of(&all, None, back).iter().filter(|row| matches!(row.key, RowKey::Day(_))).count();
        assert_eq!(days, 3);
    }

    /// Returns all steps from one list to another.
    fn steps(from: &[u32], to: &[u32]) -> Vec<Vec<u32>> {
        let mut steps = vec![from.to_vec()];
        while let Some(next) = next_step(steps.last().unwrap(), to) {
            assert!(steps.len() < 100, "the steps don't end");
            steps.push(next);
        }
        steps.split_off(1)
    }

    #[test]
    fn each_step_only_removes_appends_or_inserts_one() {
        assert_eq!(steps(&[1, 2], &[1, 2]), Vec::<Vec<u32>>::new());
        assert_eq!(steps(&[], &[1, 2]), [vec![1, 2]]);
        assert_eq!(steps(&[1, 2], &[]), [Vec::<u32>::new()]);
        assert_eq!(steps(&[1, 2, 3], &[3, 4, 5]), [vec![3], vec![3, 4, 5]]);
        assert_eq!(steps(&[3], &[1, 2, 3, 4]), [vec![1, 3], vec![1, 2, 3], vec![1, 2, 3, 4]]);
        // What would have to be moved is removed and inserted again.
        assert_eq!(steps(&[1, 2, 3], &[2, 1, 3]), [vec![2, 3], vec![2, 1, 3]]);
    }
}
