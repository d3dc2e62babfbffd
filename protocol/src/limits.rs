//! Every limit of the protocol, with its unit last in its name. A server may be told to be stricter; none is laxer.

use serde::{Deserialize, Serialize};

/// A WebSocket message from a client, in bytes. A longer one closes the socket with 1009.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// In how many fragments a WebSocket message may come. More of them close the socket with 1008.
pub const FRAGMENTS_MAX: usize = 1024;
/// An HTTP request's body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// An HTTP request's target, in bytes.
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// An HTTP request's header fields together, in bytes.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// A message's text, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// An author's name, in characters (Unicode scalar values).
pub const AUTHOR_CHARS_MAX: usize = 64;
/// A room's name, in characters.
pub const ROOM_NAME_CHARS_MAX: usize = 64;
/// A publish key, in characters (they are ASCII).
pub const KEY_CHARS_MAX: usize = 64;
/// An offset that every JSON reader can hold exactly: 2^53 - 1.
pub const OFFSET_MAX: u64 = (1 << 53) - 1;
/// How many entries one page of history holds at the most.
pub const PAGE_ENTRIES_MAX: usize = 200;
/// How many entries a page holds when the reader does not say.
pub const PAGE_ENTRIES_DEFAULT: usize = 50;
/// How often a server lets a silent connection hear from it, in seconds.
pub const HEARTBEAT_SECONDS: u64 = 20;
/// How long a long-poll may ask the server to wait, in seconds: less than the minute after which most proxies give up.
pub const WAIT_SECONDS_MAX: u64 = 55;
/// How many refused frames in a row a WebSocket survives.
pub const ERRORS_IN_A_ROW_MAX: u32 = 10;
/// How many unanswered publishes one WebSocket may have; the server reads on when one is answered.
pub const PUBLISHES_IN_FLIGHT_MAX: usize = 64;

const _: () = assert!(TEXT_BYTES_MAX < FRAME_BYTES_MAX && TEXT_BYTES_MAX < BODY_BYTES_MAX);
const _: () = assert!(PAGE_ENTRIES_DEFAULT <= PAGE_ENTRIES_MAX);

/// The limits that a client needs to know, as a server's hello tells them.
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
