//! The rows of a list: messages, the lines between them, and how one list of rows turns into
//! another.

use client::{Missed, Pending, Stage, Timeline};
use protocol::{Author, Entry, Epoch, ErrorCode, GapReason, PublishKey, Tag};

use super::changes;
use super::datetime::Day;
use super::zone::Zone;

/// How long a pause ends a group of messages of one author under one name, in milliseconds.
const GROUP_MS: u64 = 5 * 60 * 1000;
/// In a long group, the name and time are repeated after this many messages.
const GROUP_ROWS: u64 = 10;
/// The shortest group in which they are repeated.
const GROUP_ROWS_MIN: u64 = 2;

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
        /// Differs whenever the message looks different, see [`changes::version`]. So a message
        /// that changes gets another row, which takes less code than a row that changes.
        version: u64,
    },
    /// A message that is being sent, by its publish key, and how far it is.
    Pending(PublishKey, Progress),
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
pub struct RowLook {
    /// True if the message belongs to the group of the message before.
    pub continued: bool,
    /// True if another identity uses the author's name as well.
    pub shares_name: bool,
}

/// How far a message is that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It is on its way.
    Sending,
    /// It waits for a moderator.
    Queued,
    /// It was refused.
    Failed(ErrorCode),
}

impl Row {
    fn plain(key: RowKey) -> Self {
        Self { key, look: RowLook::default() }
    }
}

/// The rows of the page's two lists, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The messages, and the lines between them.
    pub messages: Vec<Row>,
    /// The messages that are being sent. They look as if they followed the newest message, so
    /// nothing moves when they do.
    pub outbox: Vec<Row>,
}

/// Returns the rows of a timeline and an outbox. Messages after the offset `unread` are unread.
/// `now` is the time that messages of the outbox will probably get, in milliseconds since 1970.
pub fn of(timeline: &Timeline, unread: Option<u64>, outbox: &[Pending], zone: Zone, now: u64) -> Rows {
    let mut rows = Vec::with_capacity(timeline.entries().len() + 8);
    let mut groups = Groups { zone, day: None, quarter: None, previous: None, length: 0 };
    of_timeline(timeline, unread, outbox, &mut groups, &mut rows);
    Rows { messages: rows, outbox: of_outbox(outbox, timeline, &mut groups, now) }
}

fn of_timeline<'a>(timeline: &'a Timeline, unread: Option<u64>, outbox: &[Pending], groups: &mut Groups<'a>, rows: &mut Vec<Row>) {
    let epoch = timeline.end().epoch;
    let shared = shared_names(timeline.entries());
    let mut missed = timeline.missed().iter().peekable();
    // The first unread message may be among older entries that are not loaded.
    let mut unread = unread.filter(|after| {
        let first = timeline.entries().first().map_or(0, |first| first.offset);
        first <= *after || timeline.before().is_none()
    });
    for entry in timeline.entries() {
        while let Some(gap) = missed.next_if(|gap| gap.resumes < entry.offset) {
            rows.push(Row::plain(gap_key(gap, epoch)));
            groups.end();
        }
        rows.extend(groups.day_before(entry.time));
        if let Some(after) = unread.take_if(|after| *after < entry.offset) {
            rows.push(Row::plain(RowKey::Unread(after)));
            groups.end();
        }
        let continued = groups.continues((&entry.author, entry.by), entry.reply.is_some(), entry.offset, entry.time);
        let shares_name = entry.by.is_some() && shared.contains(&&entry.author);
        let key = RowKey::Message { epoch, offset: entry.offset, version: changes::version(entry, outbox) };
        rows.push(Row { key, look: RowLook { continued, shares_name } });
    }
    for gap in missed {
        rows.push(Row::plain(gap_key(gap, epoch)));
        groups.end();
    }
}

/// Returns the names that several identities use. Messages without an identity count as one.
fn shared_names(entries: &[Entry]) -> Vec<&Author> {
    let (mut names, mut shared) = (Vec::<(&Author, Option<Tag>)>::new(), Vec::new());
    for Entry { author, by, .. } in entries {
        match names.iter().find(|(name, _)| *name == author) {
            None if !author.is_nameless() => names.push((author, *by)),
            Some((_, first)) if first != by && !shared.contains(&author) => shared.push(author),
            _ => {}
        }
    }
    shared
}

fn of_outbox<'a>(outbox: &'a [Pending], timeline: &'a Timeline, groups: &mut Groups<'a>, now: u64) -> Vec<Row> {
    let mut rows = Vec::with_capacity(outbox.len());
    // The identity of the messages that will follow.
    let by = timeline.you();
    for (offset, Pending { message, stage }) in (timeline.latest() + 1..).zip(outbox) {
        let Some(key) = message.key.clone() else { continue };
        let progress = match stage {
            Stage::Failed { code, .. } => Progress::Failed(*code),
            Stage::Queued => Progress::Queued,
            Stage::Sending => Progress::Sending,
        };
        // The message of a change tells about it, unless the list does not have that message.
        let is_told = message.of.is_some_and(|of| matches!(progress, Progress::Sending) || timeline.entry(of).is_some());
        if is_told {
            continue;
        }
        rows.extend(groups.day_before(now));
        let continued = groups.continues((&message.author, by), message.reply.is_some(), offset, now);
        rows.push(Row { key: RowKey::Pending(key, progress), look: RowLook { continued, ..RowLook::default() } });
    }
    rows
}

/// Who wrote a message: a name, and an identity.
type Writer<'a> = (&'a Author, Option<Tag>);

/// Divides messages into days and into groups of one author.
struct Groups<'a> {
    zone: Zone,
    day: Option<Day>,
    quarter: Option<u64>,
    /// The author and time of the message before.
    previous: Option<(Writer<'a>, u64)>,
    /// How many messages the group has since its name was last shown.
    length: u64,
}

impl<'a> Groups<'a> {
    /// Ends the group.
    fn end(&mut self) {
        self.previous = None;
    }

    /// Returns the row of the day that begins with a message of this time.
    fn day_before(&mut self, time: u64) -> Option<Row> {
        // All zones are whole quarters of an hour apart, and the browser's calendar is slow.
        if self.quarter.replace(time / QUARTER_MS) == Some(time / QUARTER_MS) {
            return None;
        }
        let day = self.zone.at(time).day;
        // A zone that moves across the date line has a day twice; a list has each day once.
        if self.day >= Some(day) {
            return None;
        }
        self.day = Some(day);
        self.end();
        Some(Row::plain(RowKey::Day(day)))
    }

    /// Adds a message. True if it stands under the name of the message before.
    ///
    /// Messages without a name are never grouped: they may be of different people. A reply shows
    /// its author. Where a long
    /// group repeats its name depends on offsets and times only. If it depended on the group's
    /// start, rows would move when older messages are loaded.
    fn continues(&mut self, author: Writer<'a>, is_reply: bool, offset: u64, time: u64) -> bool {
        let is_continued = self.previous.replace((author, time)).is_some_and(|(previous, before)| {
            let is_near = time.saturating_sub(before) < GROUP_MS;
            let is_due = offset.is_multiple_of(GROUP_ROWS) || time / GROUP_MS != before / GROUP_MS;
            let is_same = !author.0.is_nameless() && author == previous && !is_reply;
            is_near && is_same && !(is_due && self.length >= GROUP_ROWS_MIN)
        });
        self.length = if is_continued { self.length + 1 } else { 1 };
        is_continued
    }
}

/// Returns the row that marks a gap in front of the log `epoch`.
pub fn gap_key(gap: &Missed, epoch: Epoch) -> RowKey {
    match gap.reason {
        GapReason::Expired => RowKey::Missed { first: gap.after + 1, last: gap.resumes },
        GapReason::OtherEpoch | GapReason::BeyondEnd => RowKey::OtherLog(epoch),
    }
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
    use protocol::{Entry, Gap, MessagesPage, Position, PublishRequest, RoomName, Text};

    use super::*;
    use crate::logic::datetime::DateTime;

    fn written(offset: u64, author: &str, time: u64) -> Entry {
        let (author, text) = (Author::parse(author).unwrap(), Text::parse("x").unwrap());
        Entry { offset, time, author, text, key: None, raw: None, ..Default::default() }
    }

    fn at(epoch: u64, offset: u64) -> Position {
        Position { epoch: Epoch(epoch), offset }
    }

    fn timeline(entries: Vec<Entry>) -> Timeline {
        let position = at(1, entries.last().map_or(0, |entry| entry.offset));
        Timeline::new(MessagesPage { room: RoomName::lobby(), entries, position, before: None, latest: position, online: 1, you: None })
    }

    fn first_day() -> Row {
        Row::plain(RowKey::Day(Day { year: 1970, month: 1, day: 1 }))
    }

    fn shown(timeline: &Timeline) -> Vec<Row> {
        of(timeline, None, &[], Zone::Ahead(0), 0).messages
    }

    fn message(epoch: u64, offset: u64, continued: bool) -> Row {
        Row { key: RowKey::Message { epoch: Epoch(epoch), offset, version: 0 }, look: RowLook { continued, ..RowLook::default() } }
    }

    fn pending(key: &str, author: &str, stage: Stage) -> Pending {
        let (text, author) = (Text::parse("x").unwrap(), Author::parse(author).unwrap());
        Pending { message: PublishRequest { text, author, key: Some(key.parse().unwrap()), ..Default::default() }, stage }
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
        let expected: Vec<_> = std::iter::once(first_day()).chain(messages).collect();
        assert_eq!(shown(&timeline(entries)), expected);
    }

    #[test]
    fn what_is_missing_stands_where_it_is_missing_and_parts_what_stood_together() {
        let mut timeline = timeline(vec![written(1, "a", 0)]);
        timeline.mark_gap(&Gap { reason: GapReason::Expired, first: at(1, 9), resumes: at(1, 9) });
        assert_eq!(shown(&timeline), [first_day(), message(1, 1, false), Row::plain(RowKey::Missed { first: 2, last: 9 })]);
        timeline.append(written(10, "a", 0), true);
        assert_eq!(
            shown(&timeline),
            [first_day(), message(1, 1, false), Row::plain(RowKey::Missed { first: 2, last: 9 }), message(1, 10, false)]
        );
    }

    #[test]
    fn another_logs_entry_of_the_same_offset_is_another_row() {
        let mut timeline = timeline(vec![written(1, "a", 0)]);
        timeline.mark_gap(&Gap { reason: GapReason::OtherEpoch, first: at(2, 0), resumes: at(2, 0) });
        timeline.append(written(1, "b", 0), true);
        assert_eq!(shown(&timeline), [Row::plain(RowKey::OtherLog(Epoch(2))), first_day(), message(2, 1, false)]);
    }

    #[test]
    fn a_long_group_repeats_its_name() {
        // Every tenth offset, but a pair stays together.
        let same = |offsets: std::ops::RangeInclusive<u64>| shown(&timeline(offsets.map(|offset| written(offset, "a", offset)).collect()));
        let heads = |rows: Vec<Row>| -> Vec<u64> {
            let is_head = |row: &Row| match row.key {
                RowKey::Message { offset, .. } => (!row.look.continued).then_some(offset),
                _ => None,
            };
            rows.iter().filter_map(is_head).collect()
        };
        assert_eq!(heads(same(3..=31)), [3, 10, 20, 30]);
        assert_eq!(heads(same(9..=21)), [9, 20]);
        assert_eq!(heads(same(8..=12)), [8, 10]);
        // Older messages that are loaded move no name but the first.
        assert_eq!(heads(same(1..=31))[1..], [10, 20, 30]);
        // And in each five minutes.
        let slow = (1..=6).map(|offset| written(offset, "a", offset * 2 * GROUP_MS / 5)).collect();
        assert_eq!(heads(shown(&timeline(slow))), [1, 3, 5]);
    }

    #[test]
    fn a_message_that_is_being_sent_looks_as_it_will_look_when_it_is_sent() {
        let now = 3 * 86_400_000;
        for (author, time) in [("a", now - GROUP_MS + 1), ("a", now - GROUP_MS), ("b", now), ("", now), ("a", now - 86_400_000)] {
            for last in [7, 8, 9] {
                let before: Vec<_> = (last - 1..=last).map(|offset| written(offset, author, time)).collect();
                let outbox = ["one", "two", "three"].map(|key| pending(key, "a", Stage::Sending));
                let sending = of(&timeline(before.clone()), None, &outbox, Zone::Ahead(0), now);
                let sent = (last + 1..last + 4).map(|offset| written(offset, "a", now));
                let sent = shown(&timeline(before.into_iter().chain(sent).collect()));
                let looks = |rows: &[Row]| rows.iter().map(|row| (matches!(row.key, RowKey::Day(_)), row.look)).collect::<Vec<_>>();
                let rows = [sending.messages, sending.outbox].concat();
                assert_eq!(looks(&rows), looks(&sent), "after {last} of {author:?} at {time}");
            }
        }
    }

    #[test]
    fn a_message_that_is_refused_says_why() {
        let failed = Stage::Failed { code: ErrorCode::TextTooLong, detail: String::new() };
        let outbox = [pending("a", "", Stage::Sending), pending("b", "", failed)];
        let rows = of(&timeline(vec![written(1, "", 0)]), None, &outbox, Zone::Ahead(0), 0).outbox;
        let row = |key: &str, progress| Row::plain(RowKey::Pending(key.parse().unwrap(), progress));
        assert_eq!(rows, [row("a", Progress::Sending), row("b", Progress::Failed(ErrorCode::TextTooLong))]);
    }

    #[test]
    fn a_day_begins_with_its_first_message_in_the_readers_zone() {
        let midnight = 1_776_124_800_000;
        let all = timeline(vec![written(1, "a", midnight - 1), written(2, "a", midnight), written(3, "a", midnight + 1)]);
        let day = |day| Row::plain(RowKey::Day(Day { year: 2026, month: 4, day }));
        assert_eq!(shown(&all), [day(13), message(1, 1, false), day(14), message(1, 2, false), message(1, 3, true)]);
        let east = of(&all, None, &[], Zone::Ahead(60), 0).messages;
        assert_eq!(east, [day(14), message(1, 1, false), message(1, 2, true), message(1, 3, true)]);
    }

    #[test]
    fn the_unread_begin_after_the_last_that_was_seen() {
        let all = timeline((4..=6).map(|offset| written(offset, "a", 0)).collect());
        let seen = |after| of(&all, Some(after), &[], Zone::Ahead(0), 0).messages;
        assert_eq!(seen(4), [first_day(), message(1, 4, false), Row::plain(RowKey::Unread(4)), message(1, 5, false), message(1, 6, true)]);
        assert_eq!(seen(6), shown(&all));
        assert_eq!(seen(1)[..2], [first_day(), Row::plain(RowKey::Unread(1))]);
        // With older ones still to be loaded, the first unread is not among these.
        let position = at(1, 6);
        let entries = (4..=6).map(|offset| written(offset, "a", 0)).collect();
        let page =
            MessagesPage { room: RoomName::lobby(), entries, position, before: Some(at(1, 4)), latest: position, online: 0, you: None };
        let rows = of(&Timeline::new(page), Some(1), &[], Zone::Ahead(0), 0);
        assert!(!rows.messages.contains(&Row::plain(RowKey::Unread(1))));
    }

    #[test]
    fn each_day_begins_once_even_if_the_zone_repeats_it() {
        const DAY_MS: u64 = 86_400_000;
        let back = Zone::Local(|time| DateTime::utc(if time < 2 * DAY_MS { time } else { time - DAY_MS }));
        let all = timeline(vec![written(1, "", 0), written(2, "", DAY_MS), written(3, "", 2 * DAY_MS), written(4, "", 3 * DAY_MS)]);
        let days = of(&all, None, &[], back, 0).messages.iter().filter(|row| matches!(row.key, RowKey::Day(_))).count();
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
