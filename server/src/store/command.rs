//! Changes of the history, and their results.

use protocol::admin::{Decision, KeyId};
use protocol::{Author, CastInfo, Entry, ErrorCode, PublishKey, PublishRequest, RoomName};

use super::retention::{RetentionPolicy, TrustedTime};
use crate::access::{AccessChange, Actor};

/// A change of the history. It contains every time and random value that it needs, so the same
/// commands in the same order make the same history anywhere. Its large parts are boxed, because it
/// is moved several times.
#[derive(Clone, Debug)]
pub enum Command {
    /// Publish a message, or a change of one.
    Publish(Box<Publish>),
    /// Approve or reject a message that waits for approval.
    Decide(Box<Decide>),
    /// Begin a cast, or continue the one that is running with this key.
    StartCast(Box<StartCast>),
    /// End a cast.
    EndCast(EndCast),
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
        change: Box<AccessChange>,
        /// The access key with which it is made. `None` for the first key.
        by: Option<KeyId>,
        /// The current time, in milliseconds since 1970.
        time: u64,
    },
    /// Save the trusted time for the next server.
    SaveTime(TrustedTime),
}

/// The parts of [`Command::Publish`].
#[derive(Clone, Debug)]
pub struct Publish {
    /// The room.
    pub room: RoomName,
    /// What is published.
    pub request: Box<PublishRequest>,
    /// What the demo's socket received, if it differs from the text.
    pub raw: Option<String>,
    /// Who publishes.
    pub actor: Actor,
    /// Why they may not. Then only what is stored under the request's key is told.
    pub refused: Option<ErrorCode>,
    /// When it was received, in milliseconds since 1970.
    pub time: u64,
    /// The board's rules.
    pub rules: PublishRules,
}

/// The board's rules for publishing. By default nothing is limited, and nothing can be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishRules {
    /// Maximum number of rooms that have messages. The lobby may always have some.
    pub rooms_max: usize,
    /// How long authors may edit their messages, in milliseconds.
    pub edit_window: u64,
    /// True if messages wait for approval in rooms without settings of their own.
    pub queue: bool,
    /// See [`RoomSettings::slow`](protocol::RoomSettings::slow), for rooms without settings of
    /// their own.
    pub slow: u32,
    /// Maximum number of casts that run at the same time.
    pub casts_max: usize,
}

impl Default for PublishRules {
    fn default() -> Self {
        Self { rooms_max: usize::MAX, edit_window: 0, queue: false, slow: 0, casts_max: usize::MAX }
    }
}

/// The parts of [`Command::Decide`].
#[derive(Clone, Debug)]
pub struct Decide {
    /// The room.
    pub room: RoomName,
    /// The message's number in the queue.
    pub id: u64,
    /// What is decided.
    pub decision: Decision,
    /// The moderator.
    pub actor: Actor,
    /// The current time, in milliseconds since 1970.
    pub time: u64,
    /// See [`PublishRules::rooms_max`].
    pub rooms_max: usize,
}

/// The parts of [`Command::StartCast`].
#[derive(Clone, Debug)]
pub struct StartCast {
    /// The room.
    pub room: RoomName,
    /// The key that the presenter has drawn for this cast.
    pub key: PublishKey,
    /// The presenter's name.
    pub author: Author,
    /// The presenter.
    pub actor: Actor,
    /// The current time, in milliseconds since 1970.
    pub time: u64,
    /// The board's rules.
    pub rules: PublishRules,
}

/// The parts of [`Command::EndCast`].
#[derive(Clone, Debug)]
pub struct EndCast {
    /// The room.
    pub room: RoomName,
    /// The offset of the entry that began it. Another cast is not ended.
    pub cast: u64,
    /// Who ends it. Without an identity, the server.
    pub actor: Actor,
    /// The current time, in milliseconds since 1970.
    pub time: u64,
}

/// A cast that is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningCast {
    /// What everybody may know.
    pub info: CastInfo,
    /// The key by which its presenter continues it, together with the presenter's identity.
    pub key: PublishKey,
}

impl RunningCast {
    /// Returns the cast that an entry begins.
    pub fn of(entry: &Entry) -> Option<Self> {
        let Entry { offset: id, time: since, author, .. } = entry;
        let info = CastInfo { id: *id, author: author.clone(), by: entry.by?, since: *since };
        Some(Self { info, key: entry.key.clone()? })
    }
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The entry is at this offset.
    Published {
        /// The entry's offset.
        offset: u64,
        /// True if it was there before, or if it would have changed nothing.
        duplicate: bool,
    },
    /// The command is refused, or the message waits for approval.
    Refused(Refusal),
    /// The message of the queue was approved or rejected, now or before.
    Decided(Verdict),
    /// The cast has begun, or goes on.
    Casting(Box<RunningCast>),
    /// Expired messages were deleted, if there were any.
    Expired(Remaining),
    /// The room never had a message, or is forgotten.
    RoomUnknown,
    /// Who may do what has changed, or there is nothing to change.
    Access(Box<Result<AccessChange, ErrorCode>>),
    /// The trusted time is saved.
    TimeSaved,
}

impl Outcome {
    /// The outcome of a publish that is stored.
    pub(super) fn stored(offset: u64) -> Self {
        Self::Published { offset, duplicate: false }
    }

    /// The outcome of a publish that stores nothing, because the entry at `offset` did it before.
    pub(super) fn duplicate(offset: u64) -> Self {
        Self::Published { offset, duplicate: true }
    }
}

impl From<ErrorCode> for Outcome {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code.into())
    }
}

/// Why something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub code: ErrorCode,
    /// What is special about this occurrence.
    pub detail: Option<String>,
    /// With a temporary code: the time to wait before another attempt, in milliseconds.
    pub retry_after: Option<u64>,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, detail: None, retry_after: code.retry_after() }
    }
}

/// What moderators decided about a message of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message is an entry of the room.
    Approved {
        /// The entry's offset.
        offset: u64,
    },
    /// The message is gone.
    Rejected {
        /// Why.
        reason: String,
    },
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most values are of the large variant")]
pub enum Change {
    /// The room has a new entry.
    Stored(Stored),
    /// The oldest entries have expired.
    Expired(Remaining),
    /// Earlier entries are now like this.
    Rewritten(Vec<Entry>),
    /// Other messages wait for approval.
    Queue,
}

impl Change {
    /// A new entry that changes no other.
    pub fn stored(entry: Entry) -> Self {
        Self::Stored(Stored { entry, rewritten: Vec::new() })
    }
}

/// A new entry, and what it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The new entry.
    pub entry: Entry,
    /// Earlier entries of the room, as they are now.
    pub rewritten: Vec<Entry>,
}

/// What a commit changed, in the order of its commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Changes of rooms.
    pub rooms: Vec<(RoomName, Change)>,
    /// Changes of keys, bans and reserved names.
    pub access: Vec<AccessChange>,
}
