//! The rows of the list: which messages stand together, where a day begins, where the unread begin, and where some are missing.

use client::{Missed, Pending, Stage, Timeline};
use protocol::{Entry, Epoch, ErrorCode, GapReason, PublishKey};

use super::datetime::{DateTime, Day};

/// How long an author's messages stand together under one name, in milliseconds.
const TOGETHER_MS: u64 = 5 * 60 * 1000;

/// A quarter of an hour, in milliseconds.
const QUARTER_MS: u64 = 15 * 60 * 1000;

/// A row, by all that makes it look as it does: two equal rows look the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A message.
    Message {
        /// The log it is in; another log's entry of the same offset is another row.
        epoch: Epoch,
        /// Its place.
        offset: u64,
        /// Whether it stands under the name of the message before.
        continued: bool,
    },
    /// A message on its way.
    Pending {
        /// Its key.
        key: PublishKey,
        /// Why it was refused, if it was.
        failure: Option<ErrorCode>,
    },
    /// A day begins.
    Day(Day),
    /// What follows is unread.
    Unread,
    /// Messages `first` to `last` are missing.
    Missed {
        /// The first that is missing.
        first: u64,
        /// The last.
        last: u64,
    },
    /// What was before is of a log that is gone.
    OtherLog {
        /// The log that follows.
        epoch: Epoch,
    },
}

impl Row {
    /// Whether two rows show the same thing, be it that they look different.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message { epoch, offset, .. }, Self::Message { epoch: other_epoch, offset: other_offset, .. }) => {
                epoch == other_epoch && offset == other_offset
            }
            _ => self == other,
        }
    }
}

/// The rows of a timeline, from the top. The unread begin after `unread`; `zone` says where a time is in the reader's day.
pub fn of(timeline: &Timeline, unread: Option<u64>, zone: &dyn Fn(u64) -> DateTime) -> Vec<Row> {
    let epoch = timeline.end().epoch;
    let mut missed = timeline.missed().iter().peekable();
    let mut rows = Vec::with_capacity(timeline.entries().len() + 8);
    let mut previous: Option<&Entry> = None;
    let (mut day, mut quarter) = (None, None);
    // Where older entries are not loaded yet, the unread may begin among them.
    let mut unread = unread.filter(|after| {
        let first = timeline.entries().first().map_or(0, |first| first.offset);
        first <= *after || timeline.before().is_none()
    });
    for entry in timeline.entries() {
        while let Some(gap) = missed.next_if(|gap| gap.resumes < entry.offset) {
            rows.push(gap_row(gap, epoch));
            previous = None;
        }
        // All zones are whole quarters of an hour apart, and asking for the day is dear.
        if quarter.replace(entry.time / QUARTER_MS) != Some(entry.time / QUARTER_MS) {
            let today = zone(entry.time).day;
            if day.replace(today) != Some(today) {
                rows.push(Row::Day(today));
                previous = None;
            }
        }
        if unread.take_if(|after| *after < entry.offset).is_some() {
            rows.push(Row::Unread);
            previous = None;
        }
        let continued = previous.is_some_and(|previous| stand_together(previous, entry));
        rows.push(Row::Message { epoch, offset: entry.offset, continued });
        previous = Some(entry);
    }
    rows.extend(missed.map(|gap| gap_row(gap, epoch)));
    rows
}

/// The rows of the messages on their way.
pub fn of_outbox(outbox: &[Pending]) -> Vec<Row> {
    let row = |pending: &Pending| {
        let failure = match pending.stage {
            Stage::Failed { code, .. } => Some(code),
            Stage::Sending => None,
        };
        Some(Row::Pending { key: pending.message.key.clone()?, failure })
    };
    outbox.iter().filter_map(row).collect()
}

fn gap_row(gap: &Missed, epoch: Epoch) -> Row {
    match gap.reason {
        GapReason::Expired => Row::Missed { first: gap.after + 1, last: gap.resumes },
        GapReason::OtherEpoch | GapReason::BeyondEnd => Row::OtherLog { epoch },
    }
}

/// Nameless messages never stand together: nobody knows whether one person wrote them.
fn stand_together(previous: &Entry, entry: &Entry) -> bool {
    let near = entry.time.saturating_sub(previous.time) < TOGETHER_MS;
    near && !entry.author.is_nameless() && entry.author == previous.author
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Gap, MessagesPage, Position, RoomName, Text};

    use super::*;

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

    const DAY: Row = Row::Day(Day { year: 1970, month: 1, day: 1 });

    fn shown(timeline: &Timeline) -> Vec<Row> {
        of(timeline, None, &DateTime::utc)
    }

    fn message(epoch: u64, offset: u64, continued: bool) -> Row {
        Row::Message { epoch: Epoch(epoch), offset, continued }
    }

    #[test]
    fn an_authors_messages_stand_together_for_a_while() {
        let end = TOGETHER_MS;
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
        assert_eq!(shown(&timeline), [DAY, message(1, 1, false), Row::Missed { first: 2, last: 9 }]);
        timeline.append(written(10, "a", 0), true);
        assert_eq!(shown(&timeline), [DAY, message(1, 1, false), Row::Missed { first: 2, last: 9 }, message(1, 10, false)]);
    }

    #[test]
    fn another_logs_entry_of_the_same_offset_is_another_row() {
        let mut timeline = timeline(vec![written(1, "a", 0)]);
        timeline.mark_gap(&Gap { reason: GapReason::OtherEpoch, first: at(2, 0), resumes: at(2, 0) });
        timeline.append(written(1, "b", 0), true);
        assert_eq!(shown(&timeline), [Row::OtherLog { epoch: Epoch(2) }, DAY, message(2, 1, false)]);
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
        let row = |key: &str, failure| Row::Pending { key: key.parse().unwrap(), failure };
        assert_eq!(of_outbox(&outbox), [row("a", None), row("b", Some(ErrorCode::TextTooLong))]);
    }

    #[test]
    fn a_day_begins_with_its_first_message_in_the_readers_zone() {
        let midnight = 1_776_124_800_000;
        let all = timeline(vec![written(1, "a", midnight - 1), written(2, "a", midnight), written(3, "a", midnight + 1)]);
        let day = |day| Row::Day(Day { year: 2026, month: 4, day });
        assert_eq!(shown(&all), [day(13), message(1, 1, false), day(14), message(1, 2, false), message(1, 3, true)]);
        let east = of(&all, None, &|time| DateTime::ahead(time, 60));
        assert_eq!(east, [day(14), message(1, 1, false), message(1, 2, true), message(1, 3, true)]);
    }

    #[test]
    fn the_unread_begin_after_the_last_that_was_seen() {
        let all = timeline((4..=6).map(|offset| written(offset, "a", 0)).collect());
        let seen = |after| of(&all, Some(after), &DateTime::utc);
        assert_eq!(seen(4), [DAY, message(1, 4, false), Row::Unread, message(1, 5, false), message(1, 6, true)]);
        assert_eq!(seen(6), shown(&all));
        assert_eq!(seen(1)[..2], [DAY, Row::Unread]);
        // With older ones still to be loaded, the first unread is not among these.
        let position = at(1, 6);
        let entries = (4..=6).map(|offset| written(offset, "a", 0)).collect();
        let page = MessagesPage { room: RoomName::lobby(), entries, position, before: Some(at(1, 4)), latest: position, online: 0 };
        assert!(!of(&Timeline::new(page), Some(1), &DateTime::utc).contains(&Row::Unread));
    }
}
