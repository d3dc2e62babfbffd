//! The recent entries of a room, encoded. No clock, lock, task or socket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use protocol::Entry;

use crate::encoded::Encoded;
use crate::store::PAGE_BYTES_MAX;

/// Maximum number of entries in a tail.
const TAIL_ENTRIES_MAX: usize = 1024;
/// Maximum bytes of a tail, in all encodings of its entries.
const TAIL_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of all tails together at which each tail shrinks to [`TAIL_BYTES_SHORT`] when it is next
/// used.
const ALL_TAILS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Maximum bytes of a tail while all tails together have too many.
const TAIL_BYTES_SHORT: usize = 64 * 1024;
/// Maximum bytes of WebSocket frames that one read returns. A reader writes them before it reads
/// again.
pub const READ_BYTES_MAX: usize = 256 * 1024;

/// The bytes of all tails together. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TailMemory(Arc<AtomicUsize>);

impl TailMemory {
    fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The newest entries of a room, without gaps.
#[derive(Debug)]
pub(super) struct Tail {
    /// The tail has every entry after this offset.
    after: u64,
    entries: VecDeque<Encoded>,
    /// Bytes of all entries, when they were last counted.
    bytes: usize,
    /// True if an entry got another encoding since then.
    has_grown: Arc<AtomicBool>,
    memory: TailMemory,
}

impl Tail {
    /// Creates an empty tail of a room whose newest entry is `latest`.
    pub(super) fn new(latest: u64, memory: TailMemory) -> Self {
        Self { after: latest, entries: VecDeque::new(), bytes: 0, has_grown: Arc::default(), memory }
    }

    /// Returns a function that encodes entries for this tail. It needs no access to the tail, so it
    /// can run without the lock.
    pub(super) fn encoder(&self) -> impl Fn(&Entry) -> Encoded + use<> {
        let has_grown = self.has_grown.clone();
        move |entry| Encoded::in_tail(entry, has_grown.clone())
    }

    /// Adds the next entry, and removes the oldest entries while a bound is exceeded.
    pub(super) fn push(&mut self, entry: Encoded) {
        debug_assert!(entry.offset() > self.latest(), "entries are pushed in order");
        self.set_bytes(self.bytes + entry.bytes());
        self.entries.push_back(entry);
        self.trim();
    }

    /// Replaces an entry that a later one has changed. Does nothing if the tail has no such entry.
    pub(super) fn replace(&mut self, entry: Encoded) {
        let Ok(index) = self.entries.binary_search_by_key(&entry.offset(), Encoded::offset) else { return };
        self.set_bytes((self.bytes + entry.bytes()).saturating_sub(self.entries[index].bytes()));
        self.entries[index] = entry;
        self.trim();
    }

    /// Removes the oldest entries while a bound is exceeded.
    fn trim(&mut self) {
        if self.has_grown.load(Ordering::Acquire) {
            self.has_grown.store(false, Ordering::Relaxed);
            self.set_bytes(self.entries.iter().map(Encoded::bytes).sum());
        }
        let bytes_max = if self.memory.bytes() > ALL_TAILS_BYTES_MAX { TAIL_BYTES_SHORT } else { TAIL_BYTES_MAX };
        while self.entries.len() > TAIL_ENTRIES_MAX || (self.bytes > bytes_max && self.entries.len() > 1) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.after = oldest.offset();
        // The entry may have grown since the count. Then `has_grown` is set, and `trim` counts
        // again.
        self.set_bytes(self.bytes.saturating_sub(oldest.bytes()));
    }

    fn set_bytes(&mut self, bytes: usize) {
        self.memory.0.fetch_add(bytes, Ordering::Relaxed);
        self.memory.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    /// Returns the offset of the newest entry.
    pub(super) fn latest(&self) -> u64 {
        self.entries.back().map_or(self.after, Encoded::offset)
    }

    /// Returns the entries after `offset`, at most [`READ_BYTES_MAX`] but at least one if there is
    /// any. `None` if the tail does not have the next entry: then the history has it.
    pub(super) fn read(&mut self, offset: u64) -> Option<Vec<Encoded>> {
        self.trim();
        if !self.reaches(offset) {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.offset() <= offset);
        Some(within(READ_BYTES_MAX, |entry| entry.frame().len(), self.entries.range(start..)))
    }

    /// Returns the first `limit` entries after `offset` that fit into a page. `None` as for
    /// [`Tail::read`].
    pub(super) fn after(&self, offset: u64, limit: usize) -> Option<Vec<Encoded>> {
        let start = self.entries.partition_point(|entry| entry.offset() <= offset);
        self.reaches(offset).then(|| within(PAGE_BYTES_MAX, Encoded::page_bytes, self.entries.range(start..).take(limit)))
    }

    /// Returns the last `limit` messages before `offset` that fit into a page, oldest first, and no
    /// other entries. `None` if some of them are only in the history. `expired`: entries up to this
    /// offset have expired.
    pub(super) fn before(&self, offset: u64, limit: usize, expired: u64) -> Option<Vec<Encoded>> {
        let end = self.entries.partition_point(|entry| entry.offset() < offset);
        let messages = || self.entries.range(..end).rev().filter(|entry| entry.kind().is_message()).take(limit);
        let (found, mut entries) = (messages().count(), within(PAGE_BYTES_MAX, Encoded::page_bytes, messages()));
        let is_whole = found >= limit || entries.len() < found || self.reaches(expired);
        entries.reverse();
        is_whole.then_some(entries)
    }

    /// True if the tail has every entry after `offset`.
    fn reaches(&self, offset: u64) -> bool {
        offset >= self.after
    }

    /// Removes the entries up to `expired`.
    pub(super) fn expire(&mut self, expired: u64) {
        while self.entries.front().is_some_and(|oldest| oldest.offset() <= expired) {
            self.pop();
        }
        self.after = self.after.max(expired);
    }

    /// Removes all entries. They stay in the history.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.latest(), self.memory.clone());
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.set_bytes(0);
    }
}

/// Returns the first entries that have at most `bytes_max` together, but at least one.
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
    use bytes::Bytes;
    use protocol::{Author, Entry, Kind, Text};

    use super::*;
    use crate::encoded::FormatId;

    fn entry(offset: u64, length: usize) -> Entry {
        let text = Text::parse(&"x".repeat(length)).unwrap();
        Entry { offset, time: 0, author: Author::default(), text, key: None, raw: None, ..Default::default() }
    }

    fn encoded(offset: u64, length: usize) -> Encoded {
        Encoded::new(&entry(offset, length))
    }

    fn offsets(entries: &[Encoded]) -> Vec<u64> {
        entries.iter().map(Encoded::offset).collect()
    }

    #[test]
    fn reads_the_entries_after_an_offset() {
        let mut tail = Tail::new(7, TailMemory::default());
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
    fn keeps_a_bounded_number_of_entries() {
        let mut tail = Tail::new(0, TailMemory::default());
        let last = TAIL_ENTRIES_MAX as u64 + 5;
        for offset in 1..=last {
            tail.push(encoded(offset, 1));
        }
        assert!(tail.read(4).is_none());
        assert_eq!(tail.read(5).unwrap().len(), TAIL_ENTRIES_MAX);
        assert_eq!(tail.latest(), last);
    }

    #[test]
    fn keeps_a_bounded_number_of_bytes() {
        let mut tail = Tail::new(0, TailMemory::default());
        for offset in 1..=200 {
            tail.push(encoded(offset, 16_000));
        }
        assert!(tail.bytes <= TAIL_BYTES_MAX);
        assert_eq!(tail.bytes, tail.entries.iter().map(|entry| entry.frame().len()).sum::<usize>());
    }

    /// Makes all encodings of all entries. Most are made when they are first read.
    fn encode_all(tail: &Tail) {
        for entry in &tail.entries {
            for form in 0..3 {
                entry.form(FormatId::of::<Tail>(form), |entry| Bytes::copy_from_slice(&entry.json().repeat(4)));
            }
        }
    }

    #[test]
    fn keeps_a_bounded_number_of_bytes_in_all_encodings() {
        let mut tail = Tail::new(0, TailMemory::default());
        let encode = tail.encoder();
        for offset in 1..=200 {
            tail.push(encode(&entry(offset, 16_000)));
        }
        encode_all(&tail);
        tail.read(200).unwrap();
        let bytes: usize = tail.entries.iter().map(Encoded::bytes).sum();
        assert!((TAIL_BYTES_MAX / 2..=TAIL_BYTES_MAX).contains(&bytes), "{bytes}");
        assert_eq!((tail.bytes, tail.memory.bytes()), (bytes, bytes));
    }

    #[test]
    fn shrinks_all_tails_when_they_exceed_their_common_bound() {
        let memory = TailMemory::default();
        let mut tails: Vec<_> = (0..90).map(|_| Tail::new(0, memory.clone())).collect();
        for tail in &mut tails {
            let encode = tail.encoder();
            for offset in 1..=20 {
                tail.push(encode(&entry(offset, 16_000)));
            }
            encode_all(tail);
            assert!(tail.read(20).is_some());
        }
        let bound = ALL_TAILS_BYTES_MAX + TAIL_BYTES_MAX + tails.len() * 2 * TAIL_BYTES_SHORT;
        assert!(memory.bytes() < bound, "{}", memory.bytes());
        assert!(tails.iter_mut().all(|tail| tail.read(19).is_some_and(|read| read.len() == 1)), "the newest entry is always kept");
        drop(tails);
        assert_eq!(memory.bytes(), 0);
    }

    #[test]
    fn returns_a_bounded_read_of_at_least_one_entry() {
        let mut tail = Tail::new(0, TailMemory::default());
        for offset in 1..=40 {
            tail.push(encoded(offset, 16_000));
        }
        let read = tail.read(0).unwrap();
        assert_eq!(read.len(), READ_BYTES_MAX / read[0].frame().len());
        assert_eq!(tail.read(39).unwrap().len(), 1);
    }

    #[test]
    fn returns_only_complete_pages_before_and_after_an_offset() {
        let mut tail = Tail::new(7, TailMemory::default());
        for offset in 8..=12 {
            tail.push(encoded(offset, 1));
        }
        assert_eq!(offsets(&tail.after(9, 2).unwrap()), [10, 11]);
        assert_eq!(offsets(&tail.after(7, 9).unwrap()), [8, 9, 10, 11, 12]);
        assert!(tail.after(12, 9).unwrap().is_empty());
        assert!(tail.after(6, 1).is_none());
        assert_eq!(offsets(&tail.before(13, 2, 0).unwrap()), [11, 12]);
        assert_eq!(offsets(&tail.before(11, 3, 0).unwrap()), [8, 9, 10]);
        assert!(tail.before(11, 4, 0).is_none(), "the fourth is only in the history");
        assert_eq!(offsets(&tail.before(11, 4, 7).unwrap()), [8, 9, 10], "there is no fourth");
        assert!(tail.before(8, 1, 0).is_none());
        assert!(tail.before(8, 1, 7).unwrap().is_empty());
    }

    #[test]
    fn removes_expired_entries() {
        let mut tail = Tail::new(0, TailMemory::default());
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
        assert_eq!(tail.latest(), 9, "an expiry moves an empty tail");
    }

    #[test]
    fn pages_that_go_back_have_messages_only() {
        let mut tail = Tail::new(0, TailMemory::default());
        for offset in 1..=9 {
            let kind = if offset % 3 == 1 { Kind::Message } else { Kind::React };
            tail.push(Encoded::new(&Entry { kind, ..entry(offset, 1) }));
        }
        assert_eq!(tail.before(10, 2, 0).map(|entries| offsets(&entries)), Some(vec![4, 7]));
        assert_eq!(tail.before(7, 9, 0).map(|entries| offsets(&entries)), Some(vec![1, 4]));
        tail.expire(1);
        assert_eq!(tail.before(10, 3, 1).map(|entries| offsets(&entries)), Some(vec![4, 7]));
        assert!(tail.before(10, 3, 0).is_none(), "the history has the rest");
        assert_eq!(offsets(&tail.read(1).unwrap()), [2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn replaces_an_entry_that_was_changed() {
        let memory = TailMemory::default();
        let mut tail = Tail::new(5, memory.clone());
        for offset in 6..=8 {
            tail.push(encoded(offset, 100));
        }
        let kept = tail.read(6).unwrap();
        for offset in [5, 7, 9] {
            tail.replace(encoded(offset, 10));
        }
        let read = tail.read(5).unwrap();
        assert_eq!(offsets(&read), [6, 7, 8]);
        assert_eq!(read[1].entry().unwrap().text.as_str().len(), 10);
        assert_eq!(kept[0].entry().unwrap().text.as_str().len(), 100, "a reader finishes what it has begun");
        assert_eq!(memory.bytes(), read.iter().map(Encoded::bytes).sum::<usize>());
    }

    #[test]
    fn continues_after_it_is_cleared() {
        let mut tail = Tail::new(0, TailMemory::default());
        tail.push(encoded(1, 1));
        tail.clear();
        assert_eq!(tail.latest(), 1);
        assert!(tail.read(0).is_none());
        tail.push(encoded(2, 1));
        assert_eq!(offsets(&tail.read(1).unwrap()), [2]);
    }
}
