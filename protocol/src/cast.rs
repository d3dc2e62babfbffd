//! Casts: live broadcasts of a screen in a room. What the server says about one, and the messages
//! of its two WebSockets.

mod chunk;
mod frame;

use serde::{Deserialize, Serialize};

use crate::{Author, ErrorCode, Tag};

pub use chunk::{CHUNK_HEAD_BYTES, Chunk, ChunkKind};
pub use frame::{CastLimits, PresenterFrame, ViewerFrame};

/// A cast that is running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CastInfo {
    /// The offset of the entry that began it. No other cast of the room has it.
    pub id: u64,
    /// The name that the presenter gave, which nobody checked.
    #[serde(default, skip_serializing_if = "Author::is_nameless", deserialize_with = "crate::entry::author")]
    pub author: Author,
    /// The presenter's identity.
    pub by: Tag,
    /// When it began, in milliseconds since 1970 (UTC).
    pub since: u64,
}

/// Whether a room has a cast, and whether the reader may begin one: the answer to
/// `GET /api/rooms/{room}/cast`. It tells a page why a WebSocket was refused, which browsers don't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CastStatus {
    /// The cast that is running.
    pub cast: Option<CastInfo>,
    /// True if the reader may begin one now, or continue their own.
    pub may_cast: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<ErrorCode>,
    /// The number of viewers.
    pub viewers: usize,
    /// True if the server takes no more viewers. `full` on the wire.
    #[serde(default, rename = "full", skip_serializing_if = "std::ops::Not::not")]
    pub is_full: bool,
}
