//! The chunks since a key frame, as finished bytes. Pure: no clock, lock, task or socket.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::room::Extent;

/// How long what came before a key frame is kept: a viewer that is a few chunks behind skips
/// nothing.
const GRACE: Duration = Duration::from_millis(100);
/// Maximum bytes that one read returns, but at least one entry.
const READ_BYTES_MAX: usize = 256 * 1024;

/// A log that begins at its newest key frame, or soon before.
#[derive(Debug, Default)]
pub(super) struct Group {
    entries: VecDeque<Bytes>,
    /// Bytes of the entries.
    bytes: usize,
    /// Entries up to this offset have expired.
    expired: u64,
    /// The key frame is the entry after this one.
    start: u64,
    /// When it came. `None` if viewers have to wait for one.
    started_at: Option<Duration>,
}

impl Group {
    /// Returns the offsets of the entries.
    pub(super) fn extent(&self) -> Extent {
        Extent { expired: self.expired, latest: self.expired + self.entries.len() as u64 }
    }

    /// Returns the cursor of a new viewer: just before the key frame, or at the end if there is
    /// none.
    pub(super) fn start(&self) -> u64 {
        if self.started_at.is_some() { self.start } else { self.extent().latest }
    }

    /// Returns when its key frame came. `None` if it has none: deltas are of no use.
    pub(super) fn started_at(&self) -> Option<Duration> {
        self.started_at
    }

    /// Returns the bytes of all entries.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the entries after an offset, with their offsets. `None` if they have expired.
    pub(super) fn read(&self, cursor: u64) -> Option<Vec<(u64, Bytes)>> {
        let skipped = usize::try_from(cursor.checked_sub(self.expired)?).ok()?;
        let mut bytes = 0;
        let fits = |(_, entry): &(u64, &Bytes)| {
            let is_first = bytes == 0;
            bytes += entry.len();
            is_first || bytes <= READ_BYTES_MAX
        };
        let entries = (cursor + 1..).zip(self.entries.iter().skip(skipped));
        Some(entries.take_while(fits).map(|(offset, entry)| (offset, entry.clone())).collect())
    }

    /// Begins another group. `notice`, if there is one, is told just before the key frame.
    pub(super) fn begin(&mut self, notice: Option<Bytes>, key_frame: Bytes, bytes_max: usize, now: Duration) {
        self.expire(now);
        (self.start, self.started_at) = (self.extent().latest, Some(now));
        notice.into_iter().for_each(|notice| self.add(notice));
        self.add(key_frame);
        if self.bytes > bytes_max {
            self.expire_to(self.start);
        }
    }

    /// Adds an entry to the group. False if it has become too long, and all of it is dropped.
    pub(super) fn push(&mut self, entry: Bytes, bytes_max: usize, now: Duration) -> bool {
        self.expire(now);
        if self.bytes + entry.len() > bytes_max {
            self.drop_all();
            return false;
        }
        self.add(entry);
        true
    }

    /// Adds what is told to viewers besides the chunks.
    pub(super) fn note(&mut self, notice: Bytes) {
        self.add(notice);
    }

    /// Ends the group: viewers wait for a key frame. What was added stays for those that read it.
    pub(super) fn cut(&mut self) {
        self.started_at = None;
    }

    /// Drops everything.
    pub(super) fn drop_all(&mut self) {
        self.expire_to(self.extent().latest);
        self.cut();
    }

    fn add(&mut self, entry: Bytes) {
        self.bytes += entry.len();
        self.entries.push_back(entry);
    }

    /// Lets what came before the key frame expire, if nobody should need it any more.
    fn expire(&mut self, now: Duration) {
        if self.started_at.is_some_and(|started_at| now >= started_at + GRACE) {
            self.expire_to(self.start);
        }
    }

    fn expire_to(&mut self, offset: u64) {
        while self.expired < offset
            && let Some(entry) = self.entries.pop_front()
        {
            self.expired += 1;
            self.bytes -= entry.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1000;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn entry(byte: u8) -> Bytes {
        vec![byte; 10].into()
    }

    /// The first bytes of the entries after a cursor.
    fn read(group: &Group, cursor: u64) -> Option<Vec<(u64, u8)>> {
        Some(group.read(cursor)?.iter().map(|(offset, entry)| (*offset, entry[0])).collect())
    }

    #[test]
    fn a_viewer_that_is_behind_goes_on_at_the_key_frame() {
        let mut group = Group::default();
        assert_eq!((group.start(), read(&group, 0)), (0, Some(vec![])));
        group.begin(None, entry(b'K'), MAX, at(0));
        assert!(group.push(entry(b'd'), MAX, at(30)));
        assert!(group.push(entry(b'e'), MAX, at(60)));
        group.begin(None, entry(b'L'), MAX, at(2000));
        // One that is a few chunks behind misses nothing for a moment.
        assert_eq!(read(&group, 2), Some(vec![(3, b'e'), (4, b'L')]));
        assert_eq!(group.start(), 3);
        assert!(group.push(entry(b'f'), MAX, at(2100)));
        assert_eq!(group.extent(), Extent { expired: 3, latest: 5 });
        assert_eq!((read(&group, 2), read(&group, 3)), (None, Some(vec![(4, b'L'), (5, b'f')])));
        assert_eq!((read(&group, 5), group.bytes()), (Some(vec![]), 20));
    }

    #[test]
    fn a_group_that_is_too_long_is_dropped() {
        let mut group = Group::default();
        group.begin(None, entry(b'K'), MAX, at(0));
        assert_eq!((1..).take_while(|now| group.push(entry(b'd'), MAX, at(*now))).count(), 99);
        assert_eq!((group.started_at(), group.bytes(), group.start()), (None, 0, 100));
        group.begin(None, entry(b'L'), MAX, at(300));
        assert_eq!(read(&group, group.start()), Some(vec![(101, b'L')]));
    }

    #[test]
    fn what_a_key_frame_replaces_counts_until_it_has_gone() {
        let mut group = Group::default();
        group.begin(None, entry(b'K'), 25, at(0));
        assert!(group.push(entry(b'd'), 25, at(1)));
        group.begin(None, entry(b'L'), 25, at(2));
        assert_eq!((read(&group, 0), group.bytes()), (None, 10));
    }

    #[test]
    fn a_notice_is_told_with_the_key_frame() {
        let mut group = Group::default();
        group.begin(None, entry(b'K'), MAX, at(0));
        group.cut();
        assert_eq!(group.start(), 1);
        group.begin(Some(entry(b'n')), entry(b'L'), MAX, at(500));
        assert_eq!(read(&group, group.start()), Some(vec![(2, b'n'), (3, b'L')]));
        assert_eq!(read(&group, 1), Some(vec![(2, b'n'), (3, b'L')]));
    }

    #[test]
    fn a_read_has_a_bound() {
        let mut group = Group::default();
        group.begin(None, vec![0; READ_BYTES_MAX + 1].into(), usize::MAX, at(0));
        group.push(vec![0; READ_BYTES_MAX].into(), usize::MAX, at(1));
        group.push(entry(0), usize::MAX, at(1));
        assert_eq!(read(&group, 0), Some(vec![(1, 0)]));
        assert_eq!(read(&group, 1), Some(vec![(2, 0)]));
    }
}
