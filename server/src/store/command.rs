//! Changes of the history, and their results.

use protocol::{Author, Entry, PublishKey, RoomName, Text};

use super::retention::{RetentionPolicy, TrustedTime};

/// A change of the history. It contains every time and random value that it needs, so the same
/// commands in the same order make the same history anywhere.
#[derive(Clone, Debug)]
pub enum Command {
    /// Add a message to a room.
    Publish {
        /// The room.
        room: RoomName,
        /// The publisher's key of the message.
        key: Option<PublishKey>,
        /// The author's name.
        author: Author,
        /// The message's text.
        text: Text,
        /// What the demo's socket received, if it differs from the text.
        raw: Option<String>,
        /// When the message was received, in milliseconds since 1970.
        time: u64,
        /// Maximum number of rooms that have messages. The lobby may always have some.
        rooms_max: usize,
    },
    /// Delete expired messages of a room. If there are many, only some of them.
    Expire {
        /// The room.
        room: RoomName,
        /// Which messages expire.
        policy: RetentionPolicy,
        /// The current time.
        now: TrustedTime,
        /// Maximum number of rooms without messages that are remembered.
        rooms_max: usize,
    },
    /// Save the trusted time for the next server.
    SaveTime(TrustedTime),
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message is a new entry.
    Stored(Entry),
    /// The room already has the message, at this offset.
    Duplicate(u64),
    /// Another message has the same key.
    KeyReused,
    /// The room has no messages, and the maximum number of rooms have some.
    RoomsFull,
    /// Expired messages were deleted, if there were any.
    Expired(Remaining),
    /// The room never had a message, or is forgotten.
    RoomUnknown,
    /// The trusted time is saved.
    TimeSaved,
}

/// What a room has after messages expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Entries up to this offset have expired.
    pub expired: u64,
    /// Bytes of all entries that are kept, by [`stored_bytes`](super::stored_bytes).
    pub bytes: u64,
    /// When the oldest entry was written, in milliseconds since 1970. `None` if there is no entry.
    pub oldest: Option<u64>,
    /// No forgotten room had an entry after this offset. New rooms start after it.
    pub forgotten_max: u64,
}

/// A committed change of one room.
#[derive(Clone, Debug)]
pub enum Change {
    /// The room has a new entry.
    Stored(Entry),
    /// The oldest entries have expired.
    Expired(Remaining),
}

impl Change {
    /// Returns the room that a command changed, and the change.
    pub(super) fn of(command: &Command, outcome: &Outcome) -> Option<(RoomName, Self)> {
        let (Command::Publish { room, .. } | Command::Expire { room, .. }) = command else { return None };
        let change = match outcome {
            Outcome::Stored(entry) => Self::Stored(entry.clone()),
            Outcome::Expired(remaining) => Self::Expired(*remaining),
            Outcome::Duplicate(_) | Outcome::KeyReused | Outcome::RoomsFull | Outcome::RoomUnknown | Outcome::TimeSaved => return None,
        };
        Some((room.clone(), change))
    }
}
