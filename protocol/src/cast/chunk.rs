//! Chunks: the binary messages of a cast, the same from the presenter and to viewers.

use crate::ErrorCode;
use crate::limits::{CHUNK_BYTES_MAX, PICTURE_BYTES_MAX};

/// Bytes before a chunk's payload: one for its kind, eight for its time.
pub const CHUNK_HEAD_BYTES: usize = 9;
/// Bytes of the length before a configuration.
const CONFIG_LENGTH_BYTES: usize = 2;
/// The first and the last bytes of a JPEG.
const JPEG_START: [u8; 2] = [0xff, 0xd8];
const JPEG_END: [u8; 2] = [0xff, 0xd9];

/// What a chunk contains. The number is its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChunkKind {
    /// A frame of video that needs no other, with the decoder's configuration before it.
    KeyFrame = 1,
    /// A frame of video that needs those since the last key frame.
    DeltaFrame = 2,
    /// Audio, with the decoder's configuration before it.
    Audio = 3,
    /// A JPEG of the whole screen.
    Picture = 4,
}

impl ChunkKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::KeyFrame, Self::DeltaFrame, Self::Audio, Self::Picture];

    /// True if a configuration stands before the data.
    pub fn has_config(self) -> bool {
        matches!(self, Self::KeyFrame | Self::Audio)
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A chunk, as far as the server looks at it: video, audio and configurations are opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// What it contains.
    pub kind: ChunkKind,
    /// When it is shown, in microseconds of the presenter's own clock.
    pub time: u64,
    /// What follows the head.
    pub payload: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads a binary message.
    ///
    /// # Errors
    /// [`ErrorCode::ChunkTooLong`] or [`ErrorCode::ChunkInvalid`].
    pub fn parse(message: &'a [u8]) -> Result<Self, ErrorCode> {
        let (head, payload) = message.split_first_chunk::<CHUNK_HEAD_BYTES>().ok_or(ErrorCode::ChunkInvalid)?;
        let [kind, time @ ..] = *head;
        let chunk = Self { kind: ChunkKind::of(kind).ok_or(ErrorCode::ChunkInvalid)?, time: u64::from_be_bytes(time), payload };
        let bytes_max = if chunk.kind == ChunkKind::Picture { PICTURE_BYTES_MAX } else { CHUNK_BYTES_MAX - CHUNK_HEAD_BYTES };
        if payload.len() > bytes_max {
            return Err(ErrorCode::ChunkTooLong);
        }
        if chunk.is_complete() { Ok(chunk) } else { Err(ErrorCode::ChunkInvalid) }
    }

    fn is_complete(&self) -> bool {
        match self.kind {
            ChunkKind::DeltaFrame => !self.payload.is_empty(),
            ChunkKind::KeyFrame | ChunkKind::Audio => self.config_and_data().is_some_and(|(_, data)| !data.is_empty()),
            ChunkKind::Picture => {
                let bytes_min = JPEG_START.len() + JPEG_END.len();
                self.payload.len() >= bytes_min && self.payload.starts_with(&JPEG_START) && self.payload.ends_with(&JPEG_END)
            }
        }
    }

    /// Returns the decoder's configuration, which is JSON, and the data after it. `None` if the
    /// kind has no configuration, or the payload is cut.
    pub fn config_and_data(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (length, rest) = self.payload.split_first_chunk::<CONFIG_LENGTH_BYTES>().filter(|_| self.kind.has_config())?;
        rest.split_at_checked(u16::from_be_bytes(*length).into())
    }

    /// Returns the chunk as a binary message.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[self.kind as u8][..], &self.time.to_be_bytes(), self.payload].concat()
    }

    /// Returns the binary message of a chunk with a configuration. `None` if the configuration is
    /// longer than its length can say.
    pub fn with_config(kind: ChunkKind, time: u64, config: &str, data: &[u8]) -> Option<Vec<u8>> {
        let length = u16::try_from(config.len()).ok()?.to_be_bytes();
        Some(Chunk { kind, time, payload: &[&length, config.as_bytes(), data].concat() }.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 0, 0, 1, 0][..], payload].concat()
    }

    fn code(message: &[u8]) -> Option<ErrorCode> {
        Chunk::parse(message).err()
    }

    #[test]
    fn reads_the_chunks_that_it_writes() {
        let key = Chunk::with_config(ChunkKind::KeyFrame, 256, r#"{"codec":"vp8"}"#, b"data").unwrap();
        assert_eq!(key[..CHUNK_HEAD_BYTES], [1, 0, 0, 0, 0, 0, 0, 1, 0]);
        let chunk = Chunk::parse(&key).unwrap();
        assert_eq!((chunk.kind, chunk.time), (ChunkKind::KeyFrame, 256));
        assert_eq!(chunk.config_and_data(), Some((&br#"{"codec":"vp8"}"#[..], &b"data"[..])));
        assert_eq!(chunk.to_bytes(), key);
        for (kind, payload) in [(ChunkKind::DeltaFrame, &b"x"[..]), (ChunkKind::Picture, &[0xff, 0xd8, 1, 0xff, 0xd9])] {
            let chunk = Chunk { kind, time: u64::MAX, payload };
            assert_eq!(Chunk::parse(&chunk.to_bytes()), Ok(chunk));
            assert_eq!(chunk.config_and_data(), None);
        }
        assert_eq!(Chunk::with_config(ChunkKind::Audio, 0, &"x".repeat(65_536), b"data"), None);
    }

    #[test]
    fn refuses_what_is_no_chunk() {
        for bad in [
            &b""[..],
            b"\x02short",
            &bytes(0, b"x"),
            &bytes(5, b"x"),
            &bytes(b'{', b"\"type\":\"publish\"}"),
            // A frame without data, and configurations that are cut.
            &bytes(2, b""),
            &bytes(1, b""),
            &bytes(1, &[0]),
            &bytes(1, &[0, 0]),
            &bytes(1, &[0, 1, b'x']),
            &bytes(3, &[0xff, 0xff, b'x']),
            // Pictures that are none, and one that is cut.
            &bytes(4, b""),
            &bytes(4, &[0xff, 0xd8, 0xff]),
            &bytes(4, b"\x89PNG\r\n\x1a\n\xff\xd9"),
            &bytes(4, &[0xff, 0xd8, 1, 2, 3]),
        ] {
            assert_eq!(code(bad), Some(ErrorCode::ChunkInvalid), "{bad:?}");
        }
    }

    #[test]
    fn refuses_a_chunk_over_its_bound_and_not_before() {
        assert_eq!(code(&bytes(2, &vec![0; CHUNK_BYTES_MAX - CHUNK_HEAD_BYTES])), None);
        assert_eq!(code(&bytes(2, &vec![0; CHUNK_BYTES_MAX - CHUNK_HEAD_BYTES + 1])), Some(ErrorCode::ChunkTooLong));
        let picture = |bytes_of_it: usize| bytes(4, &[&JPEG_START[..], &vec![0; bytes_of_it - 4], &JPEG_END].concat());
        assert_eq!(code(&picture(PICTURE_BYTES_MAX)), None);
        assert_eq!(code(&picture(PICTURE_BYTES_MAX + 1)), Some(ErrorCode::ChunkTooLong));
    }
}
