//! Changes of the history, and their results.

use protocol::admin::KeyId;
use protocol::{Entry, ErrorCode, PublishRequest, RoomName, Tag};

use super::retention::{RetentionPolicy, TrustedTime};
use crate::access::AccessChange;

/// A change of the history. It contains every time and random value that it needs, so the same
/// commands in the same order make the same history anywhere.
#[derive(Clone, Debug)]
pub enum Command {
    /// Add an entry to a room, or a message to the queue of those that wait for approval.
    Publish {
        /// The room.
        room: RoomName,
        /// What is published.
        request: PublishRequest,
        /// What the demo's socket received, if it differs from the text.
        raw: Option<String>,
        /// Who publishes.
        publisher: Publisher,
        /// When it was received, in milliseconds since 1970.
        time: u64,
        /// The board's rules.
        rules: PublishRules,
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
    /// Change who may do what.
    Access {
        /// The change.
        change: AccessChange,
        /// The access key with which it is made. `None` for the first key.
        by: Option<KeyId>,
        /// The current time, in milliseconds since 1970.
        time: u64,
    },
    /// Save the trusted time for the next server.
    SaveTime(TrustedTime),
}

/// Who publishes, as access has decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Publisher {
    /// The identity.
    pub tag: Option<Tag>,
    /// True if the publisher may moderate the room.
    pub is_moderator: bool,
}

/// The board's rules for publishing. By default nothing is limited, and nothing can be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishRules {
    /// Maximum number of rooms that have messages. The lobby may always have some.
    pub rooms_max: usize,
    /// How long authors may edit a message, in milliseconds.
    pub edit_window: u64,
    /// In rooms without settings: true if messages wait for approval.
    pub queue: bool,
    /// In rooms without settings: minimum time between two messages of an identity, in seconds.
    pub slow: u32,
}

impl Default for PublishRules {
    fn default() -> Self {
        Self { rooms_max: usize::MAX, edit_window: 0, queue: false, slow: 0 }
    }
}

/// An entry that was stored, and what it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The new entry.
    pub entry: Entry,
    /// Earlier entries as they are now, such as the message that the entry edits.
    pub rewritten: Vec<Entry>,
}

/// Why a command was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: ErrorCode,
    /// What is special about this occurrence.
    pub detail: Option<String>,
    /// Milliseconds to wait before another try, if that is not the code's default.
    pub retry_after: Option<u64>,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, detail: None, retry_after: code.retry_after() }
    }
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is a new entry.
    Stored(Stored),
    /// The room already has the entry, at this offset, or it would change nothing.
    Duplicate(u64),
    /// It was refused.
    Refused(Refusal),
    /// Expired messages were deleted, if there were any.
    Expired(Remaining),
    /// The room never had a message, or is forgotten.
    RoomUnknown,
    /// Who may do what has changed, or there is nothing to change.
    Access(Result<AccessChange, ErrorCode>),
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
#[expect(clippy::large_enum_variant, reason = "most values are of the large variant")]
#[derive(Clone, Debug)]
pub enum Change {
    /// The room has a new entry.
    Stored(Stored),
    /// The oldest entries have expired.
    Expired(Remaining),
}

/// What a commit changed, in the order of its commands.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Changes of rooms.
    pub rooms: Vec<(RoomName, Change)>,
    /// Changes of keys, bans and reserved names.
    pub access: Vec<AccessChange>,
}

impl Change {
    /// Returns the room that a command changed, and the change.
    pub(super) fn of(command: &Command, outcome: &Outcome) -> Option<(RoomName, Self)> {
        let (Command::Publish { room, .. } | Command::Expire { room, .. }) = command else { return None };
        let change = match outcome {
            Outcome::Stored(stored) => Self::Stored(stored.clone()),
            Outcome::Expired(remaining) => Self::Expired(*remaining),
            Outcome::Duplicate(_) | Outcome::Refused(_) | Outcome::Access(_) | Outcome::RoomUnknown | Outcome::TimeSaved => return None,
        };
        Some((room.clone(), change))
    }
}
