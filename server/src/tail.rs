//! The recent entries of a room, as the bytes that go on the wire. Pure: no clock, lock, task or socket.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use protocol::{Entry, ServerFrame};

/// How many entries a tail keeps.
pub const TAIL_ENTRIES_MAX: usize = 1024;
/// How many bytes of frames a tail keeps.
pub const TAIL_BYTES_MAX: usize = 1024 * 1024;
/// How many bytes of frames one read takes; a reader writes them before it asks for more.
pub const READ_BYTES_MAX: usize = 256 * 1024;

/// An entry as a finished, unmasked WebSocket text frame: encoded once, however many read it, over whatever transport.
#[derive(Clone, Debug)]
pub struct Encoded {
    offset: u64,
    json_at: usize,
    frame: Bytes,
}

impl Encoded {
    /// Encodes an entry.
    pub fn new(entry: &Entry) -> Self {
        let json = ServerFrame::Message(entry.clone()).to_json();
        let mut frame = BytesMut::with_capacity(json.len() + 10);
        put_header(&mut frame, json.len());
        let json_at = frame.len();
        frame.put_slice(json.as_bytes());
        Self { offset: entry.offset, json_at, frame: frame.freeze() }
    }

    /// The entry's place in its room.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The whole frame.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// The frame's payload: a [`ServerFrame::Message`] as JSON.
    pub fn json(&self) -> Bytes {
        self.frame.slice(self.json_at..)
    }
}

/// Writes the header of a final text frame without a mask (RFC 6455, section 5.2).
fn put_header(frame: &mut BytesMut, length: usize) {
    frame.put_u8(0x81);
    match length {
        0..=125 => frame.put_u8(length as u8),
        126..=0xffff => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        _ => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
}

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
        debug_assert!(entry.offset > self.latest(), "entries are pushed in order");
        self.bytes += entry.frame.len();
        self.entries.push_back(entry);
        while self.entries.len() > TAIL_ENTRIES_MAX || (self.bytes > TAIL_BYTES_MAX && self.entries.len() > 1) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.after = oldest.offset;
            self.bytes -= oldest.frame.len();
        }
    }

    /// The offset of the newest entry.
    pub fn latest(&self) -> u64 {
        self.entries.back().map_or(self.after, |entry| entry.offset)
    }

    /// The entries after `offset`, at most [`READ_BYTES_MAX`] of them but at least one if there is any.
    /// `None` when older ones than the tail keeps are wanted: they are in history.
    pub fn read(&self, offset: u64) -> Option<Vec<Encoded>> {
        if !self.reaches(offset) {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.offset <= offset);
        let mut bytes = 0;
        let fits = |entry: &&Encoded| {
            bytes += entry.frame.len();
            bytes <= READ_BYTES_MAX || bytes == entry.frame.len()
        };
        Some(self.entries.range(start..).take_while(fits).cloned().collect())
    }

    /// Whether everything after `offset` is here.
    pub fn reaches(&self, offset: u64) -> bool {
        offset >= self.after
    }

    /// Forgets all entries, which stay in history.
    pub fn clear(&mut self) {
        *self = Self::new(self.latest());
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Text};

    use super::*;

    fn encoded(offset: u64, length: usize) -> Encoded {
        let text = Text::parse(&"x".repeat(length)).unwrap();
        Encoded::new(&Entry { offset, time: 0, author: Author::default(), text, key: None, raw: None })
    }

    fn offsets(entries: &[Encoded]) -> Vec<u64> {
        entries.iter().map(Encoded::offset).collect()
    }

    #[test]
    fn a_frame_is_header_and_json() {
        for length in [1, 60, 90, 200, 16_000] {
            let entry = encoded(1, length);
            let json = entry.json();
            let header = &entry.frame()[..entry.frame().len() - json.len()];
            let told = match header[1] {
                126 => u64::from(u16::from_be_bytes([header[2], header[3]])),
                short => u64::from(short),
            };
            assert_eq!((header[0], told), (0x81, json.len() as u64));
            assert!(serde_json::from_slice::<ServerFrame>(&json).is_ok());
        }
    }

    #[test]
    fn a_long_frame_has_a_long_header() {
        let mut frame = BytesMut::new();
        put_header(&mut frame, 0x1_0000);
        assert_eq!(frame[..], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
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
        assert_eq!(tail.bytes, tail.entries.iter().map(|entry| entry.frame.len()).sum::<usize>());
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
