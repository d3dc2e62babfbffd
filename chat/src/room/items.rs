//! The list of a room: messages, and the lines between them.

use client::{Missed, Pending, Timeline};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use protocol::{Author, Tag};

use crate::calendar;

/// A pause that is at least this long ends a group of messages under one name, in milliseconds.
const GROUP_MS: u64 = 5 * 60 * 1000;
/// In a long group, the name is repeated at the offsets that are multiples of this.
const GROUP_ROWS: u64 = 10;
/// A quarter of an hour, in milliseconds. All time zones are whole quarters apart.
const QUARTER_MS: u64 = 15 * 60 * 1000;

/// An item of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// What is above the oldest message that is loaded.
    Start,
    /// A day begins.
    Day(Date),
    /// The messages below are unread.
    Unread,
    /// Messages are missing.
    Gap(Missed),
    /// Somebody is showing a screen.
    Cast,
    /// A message.
    Message {
        /// Its offset.
        offset: u64,
        /// True if it stands under the name of the message before.
        is_continued: bool,
    },
    /// A message on its way.
    Pending {
        /// Its place among them.
        index: usize,
        /// True if it stands under the name of the message before.
        is_continued: bool,
    },
    /// Says what the messages above it wait for.
    Waiting,
}

/// Returns the list of a timeline and the messages on their way. Messages after the offset `unread`
/// are unread. `cast` is the offset at which a screen began to be shown. `now` is in milliseconds
/// since 1970.
pub(crate) fn of(
    timeline: &Timeline,
    unread: Option<u64>,
    mut cast: Option<u64>,
    pending: &[Pending],
    zone: &TimeZone,
    now: u64,
) -> Vec<Item> {
    let mut items = Vec::with_capacity(timeline.entries().len() + pending.len() + 8);
    let mut groups = Groups { zone, day: None, quarter: None, previous: None };
    let mut missed = timeline.missed().iter().peekable();
    let mut unread = unread.filter(|after| {
        let first = timeline.entries().first().map_or(0, |first| first.offset);
        first <= *after || timeline.before().is_none()
    });
    items.push(Item::Start);
    for entry in timeline.entries() {
        while let Some(gap) = missed.next_if(|gap| gap.resumes < entry.offset) {
            groups.previous = None;
            items.push(Item::Gap(*gap));
        }
        items.extend(groups.day_before(entry.time));
        if unread.take_if(|after| *after < entry.offset).is_some() {
            groups.previous = None;
            items.push(Item::Unread);
        }
        if cast.take_if(|cast| *cast < entry.offset).is_some() {
            groups.previous = None;
            items.push(Item::Cast);
        }
        let is_continued = groups.continues(&entry.author, entry.by, entry.offset, entry.time);
        items.push(Item::Message { offset: entry.offset, is_continued });
    }
    for gap in missed {
        groups.previous = None;
        items.push(Item::Gap(*gap));
    }
    if cast.is_some() {
        groups.previous = None;
        items.push(Item::Cast);
    }
    let mut has_pending = false;
    for (index, message) in pending.iter().enumerate().filter(|(_, pending)| pending.message.kind.is_message()) {
        has_pending = true;
        items.extend(groups.day_before(now));
        let offset = timeline.latest() + 1 + index as u64;
        let is_continued = groups.continues(&message.message.author, timeline.you(), offset, now);
        items.push(Item::Pending { index, is_continued });
    }
    if has_pending {
        items.push(Item::Waiting);
    }
    items
}

/// Divides messages into days and into groups of one author.
struct Groups<'a> {
    zone: &'a TimeZone,
    day: Option<Date>,
    quarter: Option<u64>,
    /// The author, identity and time of the message before.
    previous: Option<(&'a Author, Option<Tag>, u64)>,
}

impl<'a> Groups<'a> {
    fn day_before(&mut self, time: u64) -> Option<Item> {
        let quarter = time / QUARTER_MS;
        if self.quarter.replace(quarter) == Some(quarter) {
            return None;
        }
        let day = calendar::day(time, self.zone);
        if self.day >= Some(day) {
            return None;
        }
        self.day = Some(day);
        self.previous = None;
        Some(Item::Day(day))
    }

    /// Messages without a name are never grouped: they may be of different people. Where a long
    /// group repeats its name depends on the offset, so older messages that are loaded move no row.
    fn continues(&mut self, author: &'a Author, by: Option<Tag>, offset: u64, time: u64) -> bool {
        self.previous.replace((author, by, time)).is_some_and(|(previous, previous_by, before)| {
            let is_near = time.saturating_sub(before) < GROUP_MS;
            let is_same = author == previous && by == previous_by;
            is_near && !author.is_nameless() && is_same && !offset.is_multiple_of(GROUP_ROWS)
        })
    }
}
