//! What remains to be written to one socket, and its cursor. Pure: no clock, lock, task or
//! socket.
//!
//! The rule is the same for every writer: the cursor moves past what was written, a frame that was
//! written in part is finished first, and nothing comes between its bytes.

use std::io::{self, ErrorKind, IoSlice};
use std::mem;

use bytes::Bytes;

use super::reader::{Reader, Rules, Stale};

/// How many slices the system takes in one write (IOV_MAX on Linux).
const SLICES_MAX: usize = 1024;

/// An entry as the finished bytes of a wire format.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) offset: u64,
    /// Empty if the format does not show the entry.
    pub(super) bytes: Bytes,
    /// What the entry changes of frames before it.
    pub(super) stale: Stale,
}

/// Entries that follow each other, joined into one run of bytes for all readers at its start; then
/// perhaps a last frame that tells them how many sessions the room has.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    /// The cursor that it continues.
    start: u64,
    frames: &'a [Frame],
    /// Where each entry's frame ends.
    ends: Vec<(u64, usize)>,
    bytes: Bytes,
    entries_length: usize,
    /// What the last frame tells, if there is one.
    online: Option<u32>,
    /// What the entries change of frames before them.
    stale: Stale,
}

/// What a caught-up reader gets of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer<'a> {
    /// These bytes, at once.
    Send(&'a [u8]),
    /// Entries that the format does not show.
    Skip,
    /// Something that its own task has to write.
    CatchUp,
    /// Nothing.
    Nothing,
}

/// What is left of a frame that was written in part, and of the one after it. Either may be empty.
pub(super) type Rest = [Bytes; 2];

impl<'a> Batch<'a> {
    /// Joins frames that follow the offset `start`. One alone, which is the usual case, is not
    /// copied. `presence` is a number of sessions and the frame that tells it.
    pub(super) fn new(start: u64, frames: &'a [Frame], presence: Option<(u32, &[u8])>) -> Self {
        let mut length = 0;
        let ends = frames.iter().map(|frame| {
            length += frame.bytes.len();
            (frame.offset, length)
        });
        let ends = ends.collect();
        let bytes = match (frames, presence) {
            ([frame], None) => frame.bytes.clone(),
            _ => {
                let mut bytes = Vec::with_capacity(length + presence.map_or(0, |(_, last)| last.len()));
                frames.iter().for_each(|frame| bytes.extend_from_slice(&frame.bytes));
                bytes.extend(presence.iter().flat_map(|(_, last)| last.iter()));
                bytes.into()
            }
        };
        let stale = frames.iter().map(|frame| frame.stale).max().unwrap_or_default();
        Self { start, frames, ends, bytes, entries_length: length, online: presence.map(|(online, _)| online), stale }
    }

    /// Returns the cursor after it.
    pub(super) fn end(&self) -> u64 {
        self.ends.last().map_or(self.start, |(offset, _)| *offset)
    }

    /// True if a response that has frames before it may have to end.
    pub(super) fn is_ending(&self) -> bool {
        self.stale != Stale::Nothing
    }

    /// True if it tells the number of sessions.
    pub(super) fn has_presence(&self) -> bool {
        self.online.is_some()
    }

    /// Returns what a caught-up reader gets.
    pub(super) fn offer(&self, reader: &Reader) -> Offer<'_> {
        let tells_presence = self.tells_presence(reader);
        let bytes = self.bytes(tells_presence);
        if reader.cursor() == self.start && !bytes.is_empty() {
            return if reader.has_room_for(bytes.len()) { Offer::Send(bytes) } else { Offer::CatchUp };
        }
        if reader.cursor() == self.start && self.end() > self.start {
            return Offer::Skip;
        }
        if tells_presence || reader.cursor() < self.end() { Offer::CatchUp } else { Offer::Nothing }
    }

    /// Moves a reader past entries that its format does not show.
    pub(super) fn skip(&self, reader: &mut Reader) {
        reader.advance_to(self.end());
        reader.set_stale(self.stale);
    }

    /// Moves a reader past `written` of the bytes it was offered. If that was not all, returns what
    /// is left of the frame that was begun. A last frame that was not begun is lost to a reader
    /// whose cursor is not at the batch's end.
    pub(super) fn wrote(&self, reader: &mut Reader, written: usize, tick: u32, rules: &Rules) -> Option<Rest> {
        let tells_presence = self.tells_presence(reader);
        let bytes = self.bytes(tells_presence);
        reader.set_stale(self.stale);
        if written == bytes.len() {
            reader.advance_to(self.end());
            reader.set_online_told(self.online.unwrap_or(reader.online_told()));
            reader.wrote(written, tick, rules);
            return None;
        }
        let (cursor, rest) = self.cut(bytes, written);
        reader.advance_to(cursor);
        if let Some(online) = self.online.filter(|_| cursor == self.end()) {
            reader.set_online_told(online);
        }
        reader.wrote(written + rest.iter().map(Bytes::len).sum::<usize>(), tick, rules);
        reader.blocked(true, tick, rules);
        Some(rest)
    }

    fn tells_presence(&self, reader: &Reader) -> bool {
        self.online.is_some_and(|online| online != reader.online_told())
    }

    fn bytes(&self, with_presence: bool) -> &[u8] {
        if with_presence { &self.bytes } else { &self.bytes[..self.entries_length] }
    }

    /// Where a reader stands whose socket took `written` of these bytes, and what it is owed of the
    /// frame that was begun. That is a part of the frame, which all readers share, so that a slow
    /// one keeps neither a copy nor a whole batch in memory.
    fn cut(&self, bytes: &[u8], written: usize) -> (u64, Rest) {
        let whole = self.ends.partition_point(|(_, end)| *end <= written);
        let (before, start) = whole.checked_sub(1).map_or((self.start, 0), |last| self.ends[last]);
        let rest_of = |frame: &Frame, end: usize| frame.bytes.slice(frame.bytes.len() - (end - written)..);
        let last = |from: usize| Bytes::copy_from_slice(&bytes[from..]);
        match (self.frames.get(whole..).unwrap_or_default(), self.ends.get(whole)) {
            ([frame], Some((offset, end))) if written > start => (*offset, [rest_of(frame, *end), last(self.entries_length)]),
            ([frame, ..], Some((offset, end))) if written > start => (*offset, [rest_of(frame, *end), Bytes::new()]),
            ([], _) => (before, [last(written), Bytes::new()]),
            _ => (before, Rest::default()),
        }
    }
}

/// The state of a socket that its own task writes to.
#[derive(Debug)]
pub(super) struct SendState {
    /// Goes before all else: the rest of what was written in part, which others may share.
    rest: Rest,
    /// Follows it: whole frames for this reader alone.
    own: Vec<u8>,
    pub(super) reader: Reader,
    /// Changes up to this offset are in everything that was and will be written.
    fresh_until: u64,
}

impl SendState {
    /// Returns the state of a reader that gets whole frames, or the rest of one, before all else.
    pub(super) fn new(reader: Reader, rest: Rest) -> Self {
        let fresh_until = reader.cursor();
        Self { rest, own: Vec::new(), reader, fresh_until }
    }

    /// Returns the state of a reader that began when the newest entry was `latest`. What it gets
    /// has all changes up to there.
    pub(super) fn fresh(self, latest: u64) -> Self {
        Self { fresh_until: latest, ..self }
    }

    /// Returns how many bytes wait that are not in the log.
    pub(super) fn pending(&self) -> usize {
        self.rest.iter().map(Bytes::len).sum::<usize>() + self.own.len()
    }

    /// Takes what waits that is not in the log.
    pub(super) fn take_pending(&mut self) -> Vec<u8> {
        let rest = mem::take(&mut self.rest);
        [&rest[0][..], &rest[1], &mem::take(&mut self.own)].concat()
    }

    /// Adds whole frames.
    pub(super) fn push(&mut self, frames: &[u8]) {
        self.own.extend_from_slice(frames);
    }

    /// Returns the first of `frames` that still fit into the response. If not even one does, the
    /// response is full.
    pub(super) fn fitting<'a>(&mut self, frames: &'a [Frame]) -> &'a [Frame] {
        let mut bytes = 0;
        let fits = |frame: &&Frame| {
            bytes += frame.bytes.len();
            self.reader.has_room_for(bytes)
        };
        let count = frames.iter().take_while(fits).count();
        if count == 0 && !frames.is_empty() {
            self.reader.set_full();
        }
        &frames[..count]
    }

    /// Writes what is pending, then `frames`, which follow the cursor. What was not taken of them
    /// stays after the cursor. Returns true if everything was written; at most [`SLICES_MAX`]
    /// slices are attempted.
    pub(super) fn write(
        &mut self,
        frames: &[Frame],
        tick: u32,
        rules: &Rules,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        let frames = &frames[..frames.len().min(SLICES_MAX - 3)];
        let mut slices = Vec::with_capacity(frames.len() + 3);
        let all = [&self.rest[0][..], &self.rest[1], &self.own].into_iter().chain(frames.iter().map(|frame| &frame.bytes[..]));
        slices.extend(all.filter(|bytes| !bytes.is_empty()).map(IoSlice::new));
        let taken = match if slices.is_empty() { Ok(0) } else { write(&slices) } {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            taken => taken?,
        };
        let is_all = self.take(frames, taken, tick, rules);
        if is_all {
            self.reader.unblocked();
        } else {
            self.reader.blocked(taken > 0, tick, rules);
        }
        Ok(is_all)
    }

    /// Moves past `taken` bytes of what is pending and of `frames`. Returns true if that was all.
    fn take(&mut self, frames: &[Frame], taken: usize, tick: u32, rules: &Rules) -> bool {
        let mut left = taken;
        for rest in &mut self.rest {
            let length = rest.len().min(left);
            *rest = rest.slice(length..);
            left -= length;
        }
        let length = self.own.len().min(left);
        self.own.drain(..length);
        left -= length;
        if self.pending() > 0 {
            return false;
        }
        for Frame { offset, bytes, stale } in frames {
            if left == 0 && !bytes.is_empty() {
                return false;
            }
            self.reader.advance_to(*offset);
            if *offset > self.fresh_until {
                self.reader.set_stale(*stale);
            }
            self.reader.wrote(bytes.len(), tick, rules);
            if left < bytes.len() {
                self.rest = [bytes.slice(left..), Bytes::new()];
                return false;
            }
            left -= bytes.len();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const RULES: Rules = Rules::NONE;

    fn reader(cursor: u64) -> Reader {
        Reader::new(cursor, 0, 0, &RULES)
    }

    fn entry(offset: u64, random: &mut Rng) -> Frame {
        let payload = vec![b'a' + (offset % 26) as u8; random.usize(1..60)];
        Frame { offset, bytes: framed(&[&offset.to_be_bytes()[..], &payload].concat()), stale: Stale::Nothing }
    }

    fn framed(payload: &[u8]) -> Bytes {
        [&[payload.len() as u8], payload].concat().into()
    }

    /// A socket that takes as much as chance decides.
    struct Socket {
        got: Vec<u8>,
        random: Rng,
    }

    impl Socket {
        fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let count = match self.random.u8(0..4) {
                0 => return Err(ErrorKind::WouldBlock.into()),
                1 => all.len(),
                _ => self.random.usize(0..=all.len()),
            };
            self.got.extend_from_slice(&all[..count]);
            Ok(count)
        }

        fn frames(&self) -> Vec<&[u8]> {
            let (mut frames, mut rest) = (Vec::new(), &self.got[..]);
            while let Some((length, after)) = rest.split_first() {
                let (frame, after) = after.split_at(usize::from(*length));
                frames.push(frame);
                rest = after;
            }
            frames
        }
    }

    #[test]
    fn every_entry_comes_once_and_in_order_however_little_is_taken() {
        for seed in 0..300 {
            let mut random = Rng::with_seed(seed);
            let mut socket = Socket { got: Vec::new(), random: Rng::with_seed(seed + 1000) };
            let (mut log, mut state, mut said) = (Vec::new(), SendState::new(reader(0), Rest::default()), 0_u8);
            let (mut online, mut told) = (0, Vec::new());
            for _ in 0..200 {
                for _ in 0..random.usize(0..4) {
                    log.push(entry(log.len() as u64 + 1, &mut random));
                }
                let after = &log[state.reader.cursor() as usize..];
                let after = &after[..random.usize(0..=after.len())];
                if state.pending() == 0 && random.bool() {
                    online += u32::from(random.bool());
                    let last = framed(&[b'p', online as u8]);
                    let presence = random.bool().then_some((online, &last[..]));
                    let batch = Batch::new(state.reader.cursor(), after, presence);
                    if let Offer::Send(bytes) = batch.offer(&state.reader) {
                        let taken = socket.write(&[IoSlice::new(bytes)]).unwrap_or_default();
                        let before = state.reader.online_told();
                        state.rest = batch.wrote(&mut state.reader, taken, 0, &RULES).unwrap_or_default();
                        told.extend((state.reader.online_told() != before).then_some(online as u8));
                    }
                } else {
                    if random.bool() {
                        state.push(&framed(&[b'o', said]));
                        said += 1;
                    }
                    state.write(after, 0, &RULES, |slices| socket.write(slices)).unwrap();
                }
            }
            while state.pending() > 0 || state.reader.cursor() < log.len() as u64 {
                let after = &log[state.reader.cursor() as usize..];
                state.write(after, 0, &RULES, |slices| socket.write(slices)).unwrap();
            }
            let frames = socket.frames();
            let entries: Vec<_> =
                frames.iter().filter(|frame| frame.len() > 8).map(|frame| u64::from_be_bytes(frame[..8].try_into().unwrap())).collect();
            assert_eq!(entries, (1..=log.len() as u64).collect::<Vec<_>>(), "seed {seed}");
            let of_kind =
                |kind| frames.iter().filter(|frame| frame.len() == 2 && frame[0] == kind).map(|frame| frame[1]).collect::<Vec<_>>();
            assert_eq!(of_kind(b'o'), (0..said).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(of_kind(b'p'), told, "seed {seed}");
        }
    }

    #[test]
    fn a_batch_that_is_cut_in_its_last_frame_leaves_the_rest() {
        let mut random = Rng::with_seed(1);
        let frames = [entry(1, &mut random), entry(2, &mut random)];
        let batch = Batch::new(0, &frames, Some((5, &framed(b"presence"))));
        for cut in 0..4 {
            let mut reader = reader(0);
            let [rest, _] = batch.wrote(&mut reader, batch.entries_length + cut, 0, &RULES).unwrap();
            assert_eq!((reader.cursor(), reader.online_told(), rest.len()), (2, 5, 9 - cut));
        }
    }

    #[test]
    fn what_is_left_of_a_frame_is_shared_by_all_readers() {
        let mut random = Rng::with_seed(3);
        let frames = [entry(1, &mut random), entry(2, &mut random), entry(3, &mut random)];
        let batch = Batch::new(0, &frames, None);
        for (whole, frame) in frames.iter().enumerate() {
            let before = frames[..whole].iter().map(|frame| frame.bytes.len()).sum::<usize>();
            let [rest, after] = batch.wrote(&mut reader(0), before + 1, 0, &RULES).unwrap();
            assert_eq!((&rest[..], rest.as_ptr(), after.len()), (&frame.bytes[1..], frame.bytes[1..].as_ptr(), 0));
        }
    }

    #[test]
    fn a_failed_write_keeps_what_is_pending() {
        let mut state = SendState::new(reader(0), [framed(b"bye"), Bytes::new()]);
        assert!(state.write(&[], 0, &RULES, |_| Err(ErrorKind::BrokenPipe.into())).is_err());
        assert_eq!(state.take_pending(), framed(b"bye"));
    }

    #[test]
    fn a_response_takes_no_entry_that_does_not_fit() {
        let mut random = Rng::with_seed(2);
        let frames = [entry(1, &mut random), entry(2, &mut random)];
        let rules = Rules { bytes_max: frames[0].bytes.len() as u64 + 1, ..RULES };
        let mut state = SendState::new(Reader::new(0, 0, 0, &rules), Rest::default());
        assert_eq!(Batch::new(0, &frames, None).offer(&state.reader), Offer::CatchUp);
        let fitting = state.fitting(&frames);
        assert_eq!(fitting.len(), 1);
        state.write(fitting, 0, &rules, |slices| Ok(slices.iter().map(|slice| slice.len()).sum())).unwrap();
        assert_eq!(state.reader.overdue(0, &rules), None);
        assert!(state.fitting(&frames[1..]).is_empty());
        assert_eq!(state.reader.overdue(0, &rules), Some(super::super::reader::Reason::Recycled));
    }

    /// A format that does not show changes, such as live HTML.
    #[test]
    fn entries_without_bytes_are_skipped_and_end_a_response_that_has_their_message() {
        let rules = Rules { stale_texts_age_max: 0, ..RULES };
        let edit = |offset| Frame { offset, bytes: Bytes::new(), stale: Stale::Texts };
        let is_over = |reader: &Reader| reader.overdue(1, &rules).is_some();
        let frames = [edit(1)];
        let batch = Batch::new(0, &frames, None);
        let mut caught_up = reader(0);
        assert_eq!((batch.offer(&caught_up), batch.offer(&reader(1))), (Offer::Skip, Offer::Nothing));
        batch.skip(&mut caught_up);
        assert_eq!((caught_up.cursor(), is_over(&caught_up)), (1, true));
        // The rows of one that began after the first edit have it.
        let mut behind = SendState::new(reader(0), Rest::default()).fresh(1);
        assert!(behind.write(&[edit(1)], 0, &rules, |_| Ok(0)).unwrap());
        assert_eq!((behind.reader.cursor(), is_over(&behind.reader)), (1, false));
        assert!(behind.write(&[edit(2)], 0, &rules, |_| Ok(0)).unwrap());
        assert_eq!((behind.reader.cursor(), is_over(&behind.reader)), (2, true));
    }
}
