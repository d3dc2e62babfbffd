//! The recent entries of a room, as the bytes that go on the wire. No clock, lock, task or socket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use protocol::Entry;

use crate::encoded::Encoded;

/// Entries that a tail keeps.
pub const TAIL_ENTRIES_MAX: usize = 1024;
/// Bytes that a tail keeps, in all forms of its entries.
pub const TAIL_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that all tails keep before each of them keeps only [`TAIL_BYTES_SHORT`] when it is next used.
pub const ALL_TAILS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes that a tail keeps when there are too many.
pub const TAIL_BYTES_SHORT: usize = 64 * 1024;
/// How many bytes of frames one read takes; a reader writes them before it asks for more.
pub const READ_BYTES_MAX: usize = 256 * 1024;
/// Bytes that a page of entries has at most, about, by [`crate::encoded::page_bytes`]. It has one entry at least.
pub const PAGE_BYTES_MAX: usize = 512 * 1024;

/// Counts the bytes of all tails. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct AllTails(Arc<AtomicUsize>);

impl AllTails {
    /// Bytes in all forms of all entries.
    fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The newest entries of a room, without holes up to the newest one.
#[derive(Debug)]
pub struct Tail {
    /// Everything after this offset is here.
    after: u64,
    entries: VecDeque<Encoded>,
    /// As they were last counted.
    bytes: usize,
    /// Set when an entry got another form since.
    grown: Arc<AtomicBool>,
    all: AllTails,
}

impl Tail {
    /// An empty tail of a room whose newest entry is `latest`.
    pub fn new(latest: u64, all: AllTails) -> Self {
        Self { after: latest, entries: VecDeque::new(), bytes: 0, grown: Arc::default(), all }
    }

    /// What encodes an entry for this tail, without the tail itself, since encoding is work.
    pub fn encoder(&self) -> impl Fn(&Entry) -> Encoded + use<> {
        let grown = self.grown.clone();
        move |entry| Encoded::in_tail(entry, grown.clone())
    }

    /// Adds the next entry and lets the oldest go where a bound is passed.
    pub fn push(&mut self, entry: Encoded) {
        debug_assert!(entry.offset() > self.latest(), "entries are pushed in order");
        self.set_bytes(self.bytes + entry.bytes());
        self.entries.push_back(entry);
        self.trim();
    }

    /// Lets the oldest entries go where a bound is passed.
    fn trim(&mut self) {
        if self.grown.load(Ordering::Acquire) {
            self.grown.store(false, Ordering::Relaxed);
            self.set_bytes(self.entries.iter().map(Encoded::bytes).sum());
        }
        let bytes_max = if self.all.bytes() > ALL_TAILS_BYTES_MAX { TAIL_BYTES_SHORT } else { TAIL_BYTES_MAX };
        while self.entries.len() > TAIL_ENTRIES_MAX || (self.bytes > bytes_max && self.entries.len() > 1) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.after = oldest.offset();
        // It may have grown since it was counted, and is counted again then.
        self.set_bytes(self.bytes.saturating_sub(oldest.bytes()));
    }

    fn set_bytes(&mut self, bytes: usize) {
        self.all.0.fetch_add(bytes, Ordering::Relaxed);
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    /// The offset of the newest entry.
    pub fn latest(&self) -> u64 {
        self.entries.back().map_or(self.after, Encoded::offset)
    }

    /// The entries after `offset`, at most [`READ_BYTES_MAX`] of them but at least one if there is any.
    /// `None` when older ones than the tail keeps are wanted: they are in history.
    pub fn read(&mut self, offset: u64) -> Option<Vec<Encoded>> {
        self.trim();
        if !self.reaches(offset) {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.offset() <= offset);
        Some(within(READ_BYTES_MAX, |entry| entry.frame().len(), self.entries.range(start..)))
    }

    /// The first `limit` entries after `offset`, as far as they fit into a page; `None` as for [`Tail::read`].
    pub fn after(&self, offset: u64, limit: usize) -> Option<Vec<Encoded>> {
        let start = self.entries.partition_point(|entry| entry.offset() <= offset);
        self.reaches(offset).then(|| within(PAGE_BYTES_MAX, Encoded::page_bytes, self.entries.range(start..).take(limit)))
    }

    /// The last `limit` entries before `offset`, as far as they fit into a page, of a room that keeps everything after `first`.
    /// `None` when some of them are in history alone.
    pub fn before(&self, offset: u64, limit: usize, first: u64) -> Option<Vec<Encoded>> {
        let end = self.entries.partition_point(|entry| entry.offset() < offset);
        let mut entries = within(PAGE_BYTES_MAX, Encoded::page_bytes, self.entries.range(..end).rev().take(limit));
        let is_whole = end >= limit || entries.len() < end || self.reaches(first);
        entries.reverse();
        is_whole.then_some(entries)
    }

    /// Whether everything after `offset` is here.
    pub fn reaches(&self, offset: u64) -> bool {
        offset >= self.after
    }

    /// Lets go of the entries up to `first`, which are no longer kept anywhere.
    pub fn expire(&mut self, first: u64) {
        while self.entries.front().is_some_and(|oldest| oldest.offset() <= first) {
            self.pop();
        }
        self.after = self.after.max(first);
    }

    /// Forgets all entries, which stay in history.
    pub fn clear(&mut self) {
        *self = Self::new(self.latest(), self.all.clone());
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.set_bytes(0);
    }
}

/// The first entries that have `bytes_max` together, and one at least.
fn within<'a>(bytes_max: usize, size: impl Fn(&Encoded) -> usize, entries: impl Iterator<Item = &'a Encoded>) -> Vec<Encoded> {
    let mut bytes = 0;
    let mut fits = |entry: &Encoded| {
        let is_first = bytes == 0;
        bytes += size(entry);
        is_first || bytes <= bytes_max
    };
    entries.take_while(|entry| fits(entry)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Entry, Epoch, Text};

    use super::*;
    use crate::encoded::HTML_FORMS;

    fn entry(offset: u64, length: usize) -> Entry {
        let text = Text::parse(&"x".repeat(length)).unwrap();
        Entry { offset, time: 0, author: Author::default(), text, key: None, raw: None }
    }

    fn encoded(offset: u64, length: usize) -> Encoded {
        Encoded::new(&entry(offset, length))
    }

    fn offsets(entries: &[Encoded]) -> Vec<u64> {
        entries.iter().map(Encoded::offset).collect()
    }

    #[test]
    fn reads_what_is_after_and_knows_what_it_lacks() {
        let mut tail = Tail::new(7, AllTails::default());
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
        let mut tail = Tail::new(0, AllTails::default());
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
        let mut tail = Tail::new(0, AllTails::default());
        for offset in 1..=200 {
            tail.push(encoded(offset, 16_000));
        }
        assert!(tail.bytes <= TAIL_BYTES_MAX);
        assert_eq!(tail.bytes, tail.entries.iter().map(|entry| entry.frame().len()).sum::<usize>());
    }

    /// All forms of an entry, of which most are made when they are first read.
    fn make_forms(tail: &Tail) {
        for entry in &tail.entries {
            entry.event(Epoch(1));
            for form in 0..HTML_FORMS {
                entry.html(form, |entry| entry.text.as_str().repeat(4));
            }
        }
    }

    #[test]
    fn is_bounded_by_bytes_of_all_forms() {
        let mut tail = Tail::new(0, AllTails::default());
        let encode = tail.encoder();
        for offset in 1..=200 {
            tail.push(encode(&entry(offset, 16_000)));
        }
        make_forms(&tail);
        tail.read(200).unwrap();
        let bytes: usize = tail.entries.iter().map(Encoded::bytes).sum();
        assert!((TAIL_BYTES_MAX / 2..=TAIL_BYTES_MAX).contains(&bytes), "{bytes}");
        assert_eq!((tail.bytes, tail.all.bytes()), (bytes, bytes));
    }

    #[test]
    fn all_tails_together_are_bounded() {
        let all = AllTails::default();
        let mut tails: Vec<_> = (0..90).map(|_| Tail::new(0, all.clone())).collect();
        for tail in &mut tails {
            let encode = tail.encoder();
            for offset in 1..=20 {
                tail.push(encode(&entry(offset, 16_000)));
            }
            make_forms(tail);
            assert!(tail.read(20).is_some());
        }
        let bound = ALL_TAILS_BYTES_MAX + TAIL_BYTES_MAX + tails.len() * 2 * TAIL_BYTES_SHORT;
        assert!(all.bytes() < bound, "{}", all.bytes());
        assert!(tails.iter_mut().all(|tail| tail.read(19).is_some_and(|read| read.len() == 1)), "the newest is always there");
        drop(tails);
        assert_eq!(all.bytes(), 0);
    }

    #[test]
    fn a_read_is_bounded_and_never_empty_handed() {
        let mut tail = Tail::new(0, AllTails::default());
        for offset in 1..=40 {
            tail.push(encoded(offset, 16_000));
        }
        let read = tail.read(0).unwrap();
        assert_eq!(read.len(), READ_BYTES_MAX / read[0].frame().len());
        assert_eq!(tail.read(39).unwrap().len(), 1);
    }

    #[test]
    fn a_page_is_taken_from_either_side_and_only_whole() {
        let mut tail = Tail::new(7, AllTails::default());
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
        let mut tail = Tail::new(0, AllTails::default());
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
        let mut tail = Tail::new(0, AllTails::default());
        tail.push(encoded(1, 1));
        tail.clear();
        assert_eq!(tail.latest(), 1);
        assert!(tail.read(0).is_none());
        tail.push(encoded(2, 1));
        assert_eq!(offsets(&tail.read(1).unwrap()), [2]);
    }
}
