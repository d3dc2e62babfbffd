//! The rows of the list: which messages stand together, and where some are missing.

use client::{Missed, Pending, Stage, Timeline};
use protocol::{Entry, Epoch, ErrorCode, GapReason, PublishKey};

/// How long an author's messages stand together under one name, in milliseconds.
const TOGETHER_MS: u64 = 5 * 60 * 1000;

/// A row, by all that makes it look as it does: two equal rows look the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// The rows of a timeline, from the top.
pub fn of(timeline: &Timeline) -> Vec<Row> {
    let epoch = timeline.position().epoch;
    let mut missed = timeline.missed().iter().peekable();
    let mut rows = Vec::with_capacity(timeline.entries().len() + timeline.missed().len());
    let mut previous: Option<&Entry> = None;
    for entry in timeline.entries() {
        while let Some(gap) = missed.next_if(|gap| gap.resumes < entry.offset) {
            rows.push(gap_row(gap, epoch));
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

/// The entry that a row shows.
pub fn entry(timeline: &Timeline, offset: u64) -> Option<&Entry> {
    let index = timeline.entries().binary_search_by_key(&offset, |entry| entry.offset).ok()?;
    timeline.entries().get(index)
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
        Timeline::new(MessagesPage { room: RoomName::lobby(), entries, position, before: None, latest: position, here: 1 })
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
        let expected: Vec<_> = (1..).zip(continued).map(|(offset, continued)| message(1, offset, continued)).collect();
        assert_eq!(of(&timeline(entries)), expected);
    }

    #[test]
    fn what_is_missing_stands_where_it_is_missing_and_parts_what_stood_together() {
        let mut timeline = timeline(vec![written(1, "a", 0)]);
        timeline.gap(&Gap { reason: GapReason::Expired, first: at(1, 9), resumes: at(1, 9) });
        assert_eq!(of(&timeline), [message(1, 1, false), Row::Missed { first: 2, last: 9 }]);
        timeline.append(written(10, "a", 0));
        assert_eq!(of(&timeline), [message(1, 1, false), Row::Missed { first: 2, last: 9 }, message(1, 10, false)]);
    }

    #[test]
    fn another_logs_entry_of_the_same_offset_is_another_row() {
        let mut timeline = timeline(vec![written(1, "a", 0)]);
        timeline.gap(&Gap { reason: GapReason::OtherEpoch, first: at(2, 0), resumes: at(2, 0) });
        timeline.append(written(1, "b", 0));
        assert_eq!(of(&timeline), [Row::OtherLog { epoch: Epoch(2) }, message(2, 1, false)]);
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
    fn a_row_finds_its_entry() {
        let timeline = timeline(vec![written(3, "a", 0), written(7, "b", 0)]);
        assert_eq!(entry(&timeline, 7).map(|entry| entry.author.as_str()), Some("b"));
        assert_eq!(entry(&timeline, 4), None);
    }
}
