//! What one socket is owed, and how far it has been given. Pure: no clock, lock, task or socket.
//!
//! A reader of a room is owed the log after its cursor, and between two entries what is said to it alone. Whoever writes,
//! and however little the socket takes, the rule is the same: the cursor moves past what was written, a frame that was
//! written in part is finished first, and nothing comes between its bytes.

use std::io::{self, ErrorKind, IoSlice};

use bytes::Bytes;

/// How many slices the system takes in one write (IOV_MAX on Linux).
const SLICES_MAX: usize = 1024;

/// An entry as the frame that a format makes of it.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) frame: Bytes,
}

/// Entries that follow each other, as one run of bytes for all who are at its start; then perhaps a last frame that is no entry.
#[derive(Debug)]
pub(super) struct Batch {
    /// The cursor that it continues.
    pub(super) start: u64,
    /// Where each entry's frame ends.
    ends: Vec<(u64, usize)>,
    bytes: Bytes,
    entries_length: usize,
}

impl Batch {
    /// Joins pieces that follow the offset `start`. One alone, which is the usual case, is not even copied.
    pub(super) fn new(start: u64, pieces: &[Piece], last: &[u8]) -> Self {
        let mut length = 0;
        let ends = pieces.iter().map(|piece| {
            length += piece.frame.len();
            (piece.offset, length)
        });
        let ends = ends.collect();
        let bytes = match pieces {
            [piece] if last.is_empty() => piece.frame.clone(),
            _ => {
                let mut bytes = Vec::with_capacity(length + last.len());
                pieces.iter().for_each(|piece| bytes.extend_from_slice(&piece.frame));
                bytes.extend_from_slice(last);
                bytes.into()
            }
        };
        Self { start, ends, bytes, entries_length: length }
    }

    /// Where a cursor is after it.
    pub(super) fn end(&self) -> u64 {
        self.ends.last().map_or(self.start, |(offset, _)| *offset)
    }

    /// All of it, with or without the last frame.
    pub(super) fn bytes(&self, with_last: bool) -> &[u8] {
        if with_last { &self.bytes } else { &self.bytes[..self.entries_length] }
    }

    /// Whether it has a last frame alone, if anything.
    pub(super) fn is_without_entries(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where a reader stands whose socket took `written` of [`Self::bytes`], which was not all of it. A last frame that was not
    /// begun is lost to a reader whose cursor is not at the batch's end.
    pub(super) fn cut(&self, with_last: bool, written: usize) -> Outlet {
        let bytes = self.bytes(with_last);
        let whole = self.ends.partition_point(|(_, end)| *end <= written);
        let (before, start) = whole.checked_sub(1).map_or((self.start, 0), |last| self.ends[last]);
        // What was begun is kept as a copy, so that a slow reader does not keep a whole batch in memory.
        let (cursor, pending) = match self.ends.get(whole..).unwrap_or_default() {
            [] => (before, written..bytes.len()),
            [(offset, _)] if written > start => (*offset, written..bytes.len()),
            [(offset, end), ..] if written > start => (*offset, written..*end),
            _ => (before, 0..0),
        };
        Outlet { pending: bytes[pending].to_vec(), cursor }
    }
}

/// What a socket is owed that has not taken all of it.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    /// Goes before all else: the rest of a frame that was written in part, then whole frames for this reader alone.
    pending: Vec<u8>,
    /// The log up to here was written, but for what is pending.
    cursor: u64,
}

impl Outlet {
    /// What is owed to a reader who has had the log up to the cursor and is told the frames of `pending` before all else.
    pub(super) fn new(cursor: u64, pending: Vec<u8>) -> Self {
        Self { pending, cursor }
    }

    /// Where in the log it is.
    pub(super) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// How much waits that is not in the log.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Goes on after a gap.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.cursor = offset;
    }

    /// Puts whole frames in line.
    pub(super) fn push(&mut self, frames: &[u8]) {
        self.pending.extend_from_slice(frames);
    }

    /// Writes what is pending, then `pieces`, which follow the cursor. Whether all that was offered was taken, of very many pieces the first. What was not taken of `pieces`
    /// is still after the cursor.
    pub(super) fn write(&mut self, pieces: &[Piece], write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<bool> {
        let pieces = &pieces[..pieces.len().min(SLICES_MAX - 1)];
        let mut slices = Vec::with_capacity(pieces.len() + 1);
        slices.extend(Some(&self.pending[..]).into_iter().filter(|bytes| !bytes.is_empty()).map(IoSlice::new));
        slices.extend(pieces.iter().map(|piece| IoSlice::new(&piece.frame)));
        if slices.is_empty() {
            return Ok(true);
        }
        let mut written = match write(&slices) {
            // A socket that takes nothing at the moment has taken nothing.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            written => written?,
        };
        if written < self.pending.len() {
            self.pending.drain(..written);
            return Ok(false);
        }
        written -= self.pending.len();
        self.pending.clear();
        for Piece { offset, frame } in pieces {
            if written == 0 {
                return Ok(false);
            }
            self.cursor = *offset;
            if written < frame.len() {
                self.pending.extend_from_slice(&frame[written..]);
                return Ok(false);
            }
            written -= frame.len();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn piece(offset: u64, random: &mut Rng) -> Piece {
        let payload = vec![b'a' + (offset % 26) as u8; random.usize(1..60)];
        Piece { offset, frame: frame(&[&offset.to_be_bytes()[..], &payload].concat()) }
    }

    fn frame(payload: &[u8]) -> Bytes {
        [&[payload.len() as u8], payload].concat().into()
    }

    /// A socket that takes as much as chance will have it.
    struct Socket {
        got: Vec<u8>,
        random: Rng,
    }

    impl Socket {
        fn write(&mut self, slices: &[&[u8]]) -> io::Result<usize> {
            let all = slices.concat();
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
            let (mut log, mut outlet, mut said) = (Vec::new(), Outlet::default(), 0_u8);
            let mut presence = 0;
            for _ in 0..200 {
                for _ in 0..random.usize(0..4) {
                    log.push(piece(log.len() as u64 + 1, &mut random));
                }
                let after = &log[outlet.cursor() as usize..];
                let after = &after[..random.usize(0..=after.len())];
                if outlet.pending() == 0 && random.bool() {
                    let last = if random.bool() { frame(b"p") } else { Bytes::new() };
                    let batch = Batch::new(outlet.cursor(), after, &last);
                    let with_last = random.bool();
                    presence += usize::from(with_last && !last.is_empty());
                    let owed = batch.bytes(with_last);
                    let taken = socket.write(&[owed]).unwrap_or_default();
                    outlet = if taken == owed.len() { Outlet::new(batch.end(), Vec::new()) } else { batch.cut(with_last, taken) };
                    if with_last && !last.is_empty() && outlet.cursor() != batch.end() {
                        presence -= 1;
                    }
                } else {
                    if random.bool() {
                        outlet.push(&frame(&[b'o', said]));
                        said += 1;
                    }
                    outlet.write(after, |slices| socket.write(&slices.iter().map(|slice| &slice[..]).collect::<Vec<_>>())).unwrap();
                }
            }
            while outlet.pending() > 0 || outlet.cursor() < log.len() as u64 {
                let after = &log[outlet.cursor() as usize..];
                outlet.write(after, |slices| socket.write(&slices.iter().map(|slice| &slice[..]).collect::<Vec<_>>())).unwrap();
            }
            let frames = socket.frames();
            let entries: Vec<_> =
                frames.iter().filter(|frame| frame.len() > 8).map(|frame| u64::from_be_bytes(frame[..8].try_into().unwrap())).collect();
            assert_eq!(entries, (1..=log.len() as u64).collect::<Vec<_>>(), "seed {seed}");
            let own: Vec<_> =
                frames.iter().filter(|frame| frame.first() == Some(&b'o') && frame.len() == 2).map(|frame| frame[1]).collect();
            assert_eq!(own, (0..said).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(frames.iter().filter(|frame| **frame == b"p").count(), presence, "seed {seed}");
        }
    }

    #[test]
    fn a_batch_that_is_cut_in_its_last_frame_leaves_the_rest() {
        let mut random = Rng::with_seed(1);
        let pieces = [piece(1, &mut random), piece(2, &mut random)];
        let batch = Batch::new(0, &pieces, &frame(b"presence"));
        let entries = batch.entries_length;
        for cut in 0..4 {
            let outlet = batch.cut(true, entries + cut);
            assert_eq!((outlet.cursor(), outlet.pending()), (2, 9 - cut));
        }
    }

    #[test]
    fn an_error_keeps_what_was_to_be_said() {
        let mut outlet = Outlet::new(0, frame(b"bye").to_vec());
        assert!(outlet.write(&[], |_| Err(ErrorKind::BrokenPipe.into())).is_err());
        assert_eq!(outlet.pending, frame(b"bye"));
    }
}
