//! Which messages expire. Pure: the time is an input.

use protocol::Entry;

/// The time by which messages expire. It may lag behind the system clock. Both fields are in
/// milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedTime {
    /// The current time.
    pub time: u64,
    /// Older messages count as written at this time.
    pub since: u64,
}

/// How much of a room is kept. When any bound is exceeded, the oldest messages expire, with their
/// publish keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Maximum number of messages.
    pub messages: u64,
    /// Maximum bytes of all messages together, by [`stored_bytes`]. The newest message is kept
    /// whatever its size.
    pub bytes: u64,
    /// Maximum age, in milliseconds.
    pub age: u64,
}

impl RetentionPolicy {
    /// True if the oldest message of a room has expired. The room has `count` messages of `bytes`
    /// together; the oldest was written at `written`.
    pub fn expires(self, count: u64, bytes: u64, written: u64, now: TrustedTime) -> bool {
        let age = now.time.saturating_sub(written.max(now.since));
        count > self.messages || (count > 1 && bytes > self.bytes) || age > self.age
    }
}

/// Returns the bytes of what the publisher sent: author, text, publish key and raw text.
pub fn stored_bytes(entry: &Entry) -> u64 {
    let key = entry.key.as_ref().map_or(0, |key| key.as_str().len());
    (entry.author.as_str().len() + entry.text.as_str().len() + key + entry.raw.as_ref().map_or(0, String::len)) as u64
}
