//! The chunks of a cast as a browser would send them: 30 frames a second, and a key frame every two
//! seconds. Pure: the time is an input.

use std::time::Duration;

use protocol::cast::{Chunk, ChunkKind};

use crate::Failure;

const FRAMES_PER_SECOND: u64 = 30;
/// Frames from one key frame to the next.
const GROUP_FRAMES: u64 = 60;
/// Bytes of a key frame, in those of another one.
const KEY_FRAME_WEIGHT: u64 = 16;
const CONFIG: &str = r#"{"codec":"vp8"}"#;
/// A frame's data begins with its number.
const NUMBER_BYTES: usize = 8;

/// A cast with this many bits a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) bits_per_second: u64,
}

/// What a viewer has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    /// When it was sent, in the presenter's nanoseconds.
    pub(crate) sent: u64,
    pub(crate) is_key: bool,
}

impl Stream {
    /// Returns when a frame is due.
    pub(crate) fn due(number: u64) -> Duration {
        Duration::from_nanos(number * 1_000_000_000 / FRAMES_PER_SECOND)
    }

    /// Returns a frame as a binary message.
    pub(crate) fn chunk(self, number: u64, sent: u64) -> Vec<u8> {
        let group_bytes = self.bits_per_second / 8 * GROUP_FRAMES / FRAMES_PER_SECOND;
        let bytes = group_bytes / (GROUP_FRAMES - 1 + KEY_FRAME_WEIGHT);
        let is_key = number.is_multiple_of(GROUP_FRAMES);
        let bytes = if is_key { bytes * KEY_FRAME_WEIGHT } else { bytes };
        let mut data = number.to_be_bytes().to_vec();
        data.resize(NUMBER_BYTES.max(bytes as usize), b'x');
        match is_key {
            true => Chunk::with_config(ChunkKind::KeyFrame, sent, CONFIG, &data).unwrap_or_default(),
            false => Chunk { kind: ChunkKind::DeltaFrame, time: sent, payload: &data }.to_bytes(),
        }
    }
}

impl Frame {
    /// Reads a binary message of [`Stream::chunk`].
    pub(crate) fn read(message: &[u8]) -> Result<Self, Failure> {
        let unknown = || Failure::new("the server sent a chunk that nobody sent it");
        let chunk = Chunk::parse(message).map_err(|_| unknown())?;
        let data = chunk.config_and_data().map_or(chunk.payload, |(_, data)| data);
        let (number, _) = data.split_first_chunk().ok_or_else(unknown)?;
        Ok(Self { number: u64::from_be_bytes(*number), sent: chunk.time, is_key: chunk.kind == ChunkKind::KeyFrame })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_its_rate_and_is_read_back() {
        let stream = Stream { bits_per_second: 1_500_000 };
        let chunks: Vec<_> = (0..60).map(|number| stream.chunk(number, 7)).collect();
        let bits = chunks.iter().map(|chunk| chunk.len() as u64 * 8).sum::<u64>() / 2;
        assert!((1_480_000..=1_510_000).contains(&bits), "{bits}");
        assert_eq!(Stream::due(60), Duration::from_secs(2));
        for (number, chunk) in (0..).zip(&chunks) {
            assert_eq!(Frame::read(chunk).unwrap(), Frame { number, sent: 7, is_key: number == 0 });
        }
        assert!(Frame::read(b"x").is_err());
    }
}
