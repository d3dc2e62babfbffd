//! Every limit of the protocol, with its unit last in its name. A server may be configured to be
//! stricter, never laxer.

use serde::{Deserialize, Serialize};

/// Maximum size of a WebSocket message from a client, in bytes. A longer one closes the WebSocket
/// with 1009.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Maximum number of fragments of a WebSocket message. More of them close the WebSocket with 1008.
pub const FRAGMENTS_MAX: usize = 1024;
/// Maximum size of an HTTP request's body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Maximum size of an HTTP request's target, in bytes.
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// Maximum size of all header fields of an HTTP request together, in bytes.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Maximum size of a message's text, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Maximum length of an author's name, in characters (Unicode scalar values).
pub const AUTHOR_CHARS_MAX: usize = 64;
/// Maximum length of a room's name, in characters.
pub const ROOM_NAME_CHARS_MAX: usize = 64;
/// Maximum length of a publish key, in characters; they are ASCII.
pub const KEY_CHARS_MAX: usize = 64;
/// Maximum offset: 2^53 - 1, which every JSON parser can represent exactly.
pub const OFFSET_MAX: u64 = (1 << 53) - 1;
/// Maximum number of entries in a page of history.
pub const PAGE_ENTRIES_MAX: usize = 200;
/// Number of entries in a page if the request does not say.
pub const PAGE_ENTRIES_DEFAULT: usize = 50;
/// Maximum size of an emoji, in bytes of UTF-8. Unicode's longest has 35.
pub const EMOJI_BYTES_MAX: usize = 64;
/// Maximum number of different emoji beside a message.
pub const REACTIONS_MAX: usize = 12;
/// Maximum number of pinned messages in a room.
pub const PINS_MAX: usize = 3;
/// Maximum length of a room's title, in characters.
pub const TITLE_CHARS_MAX: usize = 64;
/// Maximum length of a room's topic, in characters.
pub const TOPIC_CHARS_MAX: usize = 256;
/// Maximum time between two messages of an identity in a slow room, in seconds: a day.
pub const SLOW_SECONDS_MAX: u32 = 24 * 60 * 60;
/// Maximum length of an access key's label, in characters.
pub const LABEL_CHARS_MAX: usize = 64;
/// Maximum length of the reason of a ban or a rejection, in characters.
pub const REASON_CHARS_MAX: usize = 200;
/// Default interval between heartbeats, in seconds.
pub const HEARTBEAT_SECONDS: u64 = 20;
/// Maximum wait of a long-poll, in seconds: less than the minute after which most proxies give up.
pub const WAIT_SECONDS_MAX: u64 = 55;
/// Number of refused commands in a row that ends a WebSocket session. Temporary refusals do not
/// count.
pub const ERRORS_IN_A_ROW_MAX: u32 = 10;
/// Maximum number of unanswered publishes on a WebSocket. The server then reads no further frame
/// until one is answered.
pub const PUBLISHES_IN_FLIGHT_MAX: usize = 64;
/// Maximum size of a chunk of a cast with its head, in bytes. A longer one closes the presenter's
/// WebSocket with 1009.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;
/// Maximum size of a group of a cast, in bytes: all chunks since a key frame. A longer one is
/// dropped, and the presenter is asked for a key frame.
pub const CAST_GROUP_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Maximum size of a picture of a cast, in bytes.
pub const PICTURE_BYTES_MAX: usize = 256 * 1024;
/// Maximum number of chunks that a presenter may send in a second.
pub const CHUNKS_PER_SECOND_MAX: u32 = 120;
/// Minimum time between two requests for a key frame, in seconds.
pub const KEY_FRAME_SECONDS_MIN: u64 = 1;
/// How long a cast waits for a presenter that has lost its connection, in seconds.
pub const CAST_RESUME_SECONDS: u64 = 30;

const _: () = assert!(PICTURE_BYTES_MAX < CHUNK_BYTES_MAX && CHUNK_BYTES_MAX < CAST_GROUP_BYTES_MAX);
const _: () = assert!(TEXT_BYTES_MAX < FRAME_BYTES_MAX && TEXT_BYTES_MAX < BODY_BYTES_MAX);
const _: () = assert!(PAGE_ENTRIES_DEFAULT <= PAGE_ENTRIES_MAX);

/// The limits in a server's hello, which a client needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// See [`FRAME_BYTES_MAX`].
    pub frame_bytes_max: usize,
    /// See [`TEXT_BYTES_MAX`].
    pub text_bytes_max: usize,
    /// See [`AUTHOR_CHARS_MAX`].
    pub author_chars_max: usize,
    /// See [`PUBLISHES_IN_FLIGHT_MAX`].
    pub publishes_in_flight_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX,
            text_bytes_max: TEXT_BYTES_MAX,
            author_chars_max: AUTHOR_CHARS_MAX,
            publishes_in_flight_max: PUBLISHES_IN_FLIGHT_MAX,
        }
    }
}
