//! The text messages of a cast: one JSON object each; `type` says which.

use serde::{Deserialize, Serialize};

use super::CastInfo;
use crate::ErrorCode;
use crate::limits::{CAST_GROUP_BYTES_MAX, CHUNK_BYTES_MAX, CHUNKS_PER_SECOND_MAX, PICTURE_BYTES_MAX};

/// A frame from a server to a presenter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PresenterFrame {
    /// The first frame: the cast has begun, or goes on.
    Casting {
        /// The cast.
        cast: CastInfo,
        /// The number of viewers.
        viewers: usize,
        /// The interval of heartbeats, in seconds. A connection that is silent for twice that is
        /// dead.
        heartbeat_seconds: u64,
        /// What the server accepts.
        limits: CastLimits,
    },
    /// The number of viewers has changed. At most once a second.
    Viewers {
        /// The number of viewers.
        viewers: usize,
    },
    /// The presenter should send a key frame: a viewer waits for one.
    Keyframe,
    /// The connection is alive.
    Heartbeat,
    /// A chunk was refused.
    Error {
        /// Why.
        code: ErrorCode,
        /// An explanation for people.
        detail: String,
        /// With a temporary code: the time to wait, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
}

/// What a server accepts from a presenter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CastLimits {
    /// See [`CHUNK_BYTES_MAX`].
    pub chunk_bytes_max: usize,
    /// See [`CAST_GROUP_BYTES_MAX`].
    pub group_bytes_max: usize,
    /// See [`PICTURE_BYTES_MAX`].
    pub picture_bytes_max: usize,
    /// See [`CHUNKS_PER_SECOND_MAX`].
    pub chunks_per_second_max: u32,
    /// Maximum bytes a second, on average over two seconds. 0: no bound.
    pub bytes_per_second_max: u64,
}

impl CastLimits {
    /// Returns the protocol's limits, with this number of bytes a second.
    pub fn new(bytes_per_second_max: u64) -> Self {
        Self {
            chunk_bytes_max: CHUNK_BYTES_MAX,
            group_bytes_max: CAST_GROUP_BYTES_MAX,
            picture_bytes_max: PICTURE_BYTES_MAX,
            chunks_per_second_max: CHUNKS_PER_SECOND_MAX,
            bytes_per_second_max,
        }
    }
}

/// A frame from a server to a viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ViewerFrame {
    /// The first frame. Chunks follow: the newest picture, the group since its key frame, then each
    /// as it comes.
    Cast {
        /// The cast.
        cast: CastInfo,
        /// The number of viewers, this one included.
        viewers: usize,
        /// The interval of heartbeats, in seconds. A connection that is silent for twice that is
        /// dead.
        heartbeat_seconds: u64,
    },
    /// The connection is alive.
    Heartbeat,
    /// The viewer was too slow, and chunks are left out. A key frame follows.
    Skipped {
        /// The number of chunks.
        chunks: u64,
    },
    /// The presenter has lost its connection.
    Paused,
    /// The presenter is back. A key frame follows.
    Resumed,
}

impl PresenterFrame {
    /// Returns the frame as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a frame has only string keys and plain values")
    }
}

impl ViewerFrame {
    /// Returns the frame as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a frame has only string keys and plain values")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Author, Tag};

    #[test]
    fn a_frame_is_an_object_with_a_type() {
        let cast = CastInfo { id: 7, author: Author::default(), by: Tag::from_bits(1), since: 5 };
        let json = ViewerFrame::Cast { cast: cast.clone(), viewers: 2, heartbeat_seconds: 20 }.to_json();
        assert_eq!(json, r#"{"type":"cast","cast":{"id":7,"by":"aaaaaaaaaaab","since":5},"viewers":2,"heartbeat_seconds":20}"#);
        assert_eq!(ViewerFrame::Skipped { chunks: 3 }.to_json(), r#"{"type":"skipped","chunks":3}"#);
        assert_eq!(PresenterFrame::Keyframe.to_json(), r#"{"type":"keyframe"}"#);
        let casting = PresenterFrame::Casting { cast, viewers: 0, heartbeat_seconds: 20, limits: CastLimits::new(0) };
        assert_eq!(serde_json::from_str::<PresenterFrame>(&casting.to_json()).unwrap(), casting);
    }
}
