//! The recent entries of a room, as the bytes that go on the wire. Pure: no clock, lock, task or socket.

use std::collections::VecDeque;

use crate::encoded::Encoded;

/// How many entries a tail keeps.
pub const TAIL_ENTRIES_MAX: usize = 1024;
/// How many bytes of frames a tail keeps.
pub const TAIL_BYTES_MAX: usize = 1024 * 1024;
/// How many bytes of frames one read takes; a reader writes them before it asks for more.
pub const READ_BYTES_MAX: usize = 256 * 1024;

/// The newest entries of a room, without holes up to the newest one.
#[derive(Debug)]
pub struct Tail {
    /// Everything after this offset is here.
    after: u64,
    entries: VecDeque<Encoded>,
    bytes: usize,
}

impl Tail {
    /// An empty tail of a room whose newest entry is `latest`.
    pub fn new(latest: u64) -> Self {
        Self { after: latest, entries: VecDeque::new(), bytes: 0 }
    }

    /// Adds the next entry and lets the oldest go where a bound is passed.
    pub fn push(&mut self, entry: Encoded) {
        debug_assert!(entry.offset() > self.latest(), "entries are pushed in order");
        self.bytes += entry.frame().len();
        self.entries.push_back(entry);
        while self.entries.len() > TAIL_ENTRIES_MAX || (self.bytes > TAIL_BYTES_MAX && self.entries.len() > 1) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.after = oldest.offset();
            self.bytes -= oldest.frame().len();
        }
    }

    /// The offset of the newest entry.
    pub fn latest(&self) -> u64 {
        self.entries.back().map_or(self.after, Encoded::offset)
    }

    /// The entries after `offset`, at most [`READ_BYTES_MAX`] of them but at least one if there is any.
    /// `None` when older ones than the tail keeps are wanted: they are in history.
    pub fn read(&self, offset: u64) -> Option<Vec<Encoded>> {
        if !self.reaches(offset) {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.offset() <= offset);
        let mut bytes = 0;
        let fits = |entry: &&Encoded| {
            bytes += entry.frame().len();
            bytes <= READ_BYTES_MAX || bytes == entry.frame().len()
        };
        Some(self.entries.range(start..).take_while(fits).cloned().collect())
    }

    /// The first `limit` entries after `offset`; `None` as for [`Tail::read`].
    pub fn after(&self, offset: u64, limit: usize) -> Option<Vec<Encoded>> {
        let start = self.entries.partition_point(|entry| entry.offset() <= offset);
        self.reaches(offset).then(|| self.entries.range(start..).take(limit).cloned().collect())
    }

    /// The last `limit` entries before `offset`, of a room that keeps everything after `first`. `None` when some of
    /// them are in history alone.
    pub fn before(&self, offset: u64, limit: usize, first: u64) -> Option<Vec<Encoded>> {
        let end = self.entries.partition_point(|entry| entry.offset() < offset);
        let whole = end >= limit || self.reaches(first);
        whole.then(|| self.entries.range(end.saturating_sub(limit)..end).cloned().collect())
    }

    /// Whether everything after `offset` is here.
    pub fn reaches(&self, offset: u64) -> bool {
        offset >= self.after
    }

    /// Lets go of the entries up to `first`, which are no longer kept anywhere.
    pub fn expire(&mut self, first: u64) {
        while self.entries.front().is_some_and(|oldest| oldest.offset() <= first) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.frame().len();
        }
        self.after = self.after.max(first);
    }

    /// Forgets all entries, which stay in history.
    pub fn clear(&mut self) {
        *self = Self::new(self.latest());
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Entry, Text};

    use super::*;

    fn encoded(offset: u64, length: usize) -> Encoded {
        let text = Text::parse(&"x".repeat(length)).unwrap();
        Encoded::new(&Entry { offset, time: 0, author: Author::default(), text, key: None, raw: None })
    }

    fn offsets(entries: &[Encoded]) -> Vec<u64> {
        entries.iter().map(Encoded::offset).collect()
    }

    #[test]
    fn reads_what_is_after_and_knows_what_it_lacks() {
        let mut tail = Tail::new(7);
        assert_eq!(tail.read(7).map(|entries| entries.len()), Some(0));
        assert!(tail.read(6).is_none());
        for offset in 8..=10 {
            tail.push(encoded(offset, 1));
        }
        assert_eq!(offsets(&tail.read(7).unwrap()), [8, 9, 10]);
        assert_eq!(offsets(&tail.read(9).unwrap()), [10]);
        assert!(tail.read(10).unwrap().is_empty());
        assert!(tail.read(6).is_none());
    }

    #[test]
    fn is_bounded_by_count() {
        let mut tail = Tail::new(0);
        let last = TAIL_ENTRIES_MAX as u64 + 5;
        for offset in 1..=last {
            tail.push(encoded(offset, 1));
        }
        assert!(tail.read(4).is_none());
        assert_eq!(tail.read(5).unwrap().len(), TAIL_ENTRIES_MAX);
        assert_eq!(tail.latest(), last);
    }

    #[test]
    fn is_bounded_by_bytes() {
        let mut tail = Tail::new(0);
        for offset in 1..=200 {
            tail.push(encoded(offset, 16_000));
        }
        assert!(tail.bytes <= TAIL_BYTES_MAX);
        assert_eq!(tail.bytes, tail.entries.iter().map(|entry| entry.frame().len()).sum::<usize>());
    }

    #[test]
    fn a_read_is_bounded_and_never_empty_handed() {
        let mut tail = Tail::new(0);
        for offset in 1..=40 {
            tail.push(encoded(offset, 16_000));
        }
        let read = tail.read(0).unwrap();
        assert_eq!(read.len(), READ_BYTES_MAX / read[0].frame().len());
        assert_eq!(tail.read(39).unwrap().len(), 1);
    }

    #[test]
    fn a_page_is_taken_from_either_side_and_only_whole() {
        let mut tail = Tail::new(7);
        for offset in 8..=12 {
            tail.push(encoded(offset, 1));
        }
        assert_eq!(offsets(&tail.after(9, 2).unwrap()), [10, 11]);
        assert_eq!(offsets(&tail.after(7, 9).unwrap()), [8, 9, 10, 11, 12]);
        assert!(tail.after(12, 9).unwrap().is_empty());
        assert!(tail.after(6, 1).is_none());
        assert_eq!(offsets(&tail.before(13, 2, 0).unwrap()), [11, 12]);
        assert_eq!(offsets(&tail.before(11, 3, 0).unwrap()), [8, 9, 10]);
        assert!(tail.before(11, 4, 0).is_none(), "the fourth is in history");
        assert_eq!(offsets(&tail.before(11, 4, 7).unwrap()), [8, 9, 10], "there is no fourth");
        assert!(tail.before(8, 1, 0).is_none());
        assert!(tail.before(8, 1, 7).unwrap().is_empty());
    }

    #[test]
    fn what_has_expired_is_let_go() {
        let mut tail = Tail::new(0);
        for offset in 1..=5 {
            tail.push(encoded(offset, 1));
        }
        tail.expire(3);
        assert_eq!(offsets(&tail.read(3).unwrap()), [4, 5]);
        assert!(tail.read(2).is_none());
        assert_eq!(tail.bytes, tail.entries.iter().map(|entry| entry.frame().len()).sum::<usize>());
        tail.expire(5);
        assert_eq!((tail.latest(), tail.bytes), (5, 0));
        tail.expire(9);
        assert_eq!(tail.latest(), 9, "an empty tail of what went while it was empty");
    }

    #[test]
    fn a_cleared_tail_goes_on_where_it_was() {
        let mut tail = Tail::new(0);
        tail.push(encoded(1, 1));
        tail.clear();
        assert_eq!(tail.latest(), 1);
        assert!(tail.read(0).is_none());
        tail.push(encoded(2, 1));
        assert_eq!(offsets(&tail.read(1).unwrap()), [2]);
    }
}
