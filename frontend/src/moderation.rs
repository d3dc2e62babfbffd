//! What the moderators' page shows, as values: the server reads it, and `shell` renders it.

use protocol::admin::{AuditRecord, Ban, KeyId, KeyInfo, Rights, Waiting};
use protocol::{CastInfo, Entry, ErrorCode, RoomName, RoomSettings};

use crate::{Language, Scheme};

/// The moderators' page of a room.
#[derive(Clone, Debug)]
pub struct Moderation {
    /// The room.
    pub room: RoomName,
    /// The language of the page.
    pub language: Language,
    /// The colours.
    pub scheme: Scheme,
    /// How many minutes the reader's clock is ahead of UTC.
    pub zone: i32,
    /// True if the reader may see the keys and the audit list.
    pub is_admin: bool,
    /// How many messages wait.
    pub waiting: usize,
    /// What was just done.
    pub done: Option<Done>,
    /// Why an action was refused, with what is special about this occurrence, in English.
    pub refused: Option<(ErrorCode, Option<String>)>,
    /// The part of the page that is shown.
    pub part: Part,
}

/// The name of a part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartName {
    /// The messages that wait.
    #[default]
    Queue,
    /// The room's settings.
    Room,
    /// The pinned messages.
    Pins,
    /// Who is banned.
    Bans,
    /// The access keys.
    Keys,
    /// What moderators did.
    Audit,
}

impl PartName {
    /// Every part, in the order in which the page offers them. The last two are for admins.
    pub const ALL: [Self; 6] = [Self::Queue, Self::Room, Self::Pins, Self::Bans, Self::Keys, Self::Audit];

    /// The part's word in `?show=`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Room => "room",
            Self::Pins => "pins",
            Self::Bans => "bans",
            Self::Keys => "keys",
            Self::Audit => "audit",
        }
    }

    /// Reads a part's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }

    /// True if only admins see the part.
    pub fn is_for_admins(self) -> bool {
        matches!(self, Self::Keys | Self::Audit)
    }
}

/// A part of the page, with its content.
#[derive(Clone, Debug)]
pub enum Part {
    /// The messages that wait.
    Queue(Queue),
    /// The room's settings, and the screen that is shown in it.
    Room(RoomSettings, Option<CastInfo>),
    /// The pinned messages.
    Pins(Vec<Entry>),
    /// Who is banned, and the form for a ban.
    Bans(Vec<Ban>, BanForm),
    /// The access keys.
    Keys(Keys),
    /// What moderators did, newest first.
    Audit(Vec<AuditRecord>),
}

impl Part {
    /// The part's name.
    pub fn name(&self) -> PartName {
        match self {
            Self::Queue(_) => PartName::Queue,
            Self::Room(..) => PartName::Room,
            Self::Pins(_) => PartName::Pins,
            Self::Bans(..) => PartName::Bans,
            Self::Keys(_) => PartName::Keys,
            Self::Audit(_) => PartName::Audit,
        }
    }
}

/// The messages that wait.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// The version of the queue, by which the page learns of changes.
    pub version: String,
    /// True if new messages of the room wait.
    pub is_on: bool,
    /// True if the newest message is at the top.
    pub is_newest_first: bool,
    /// The messages that are shown.
    pub messages: Vec<Waiting>,
}

/// How long a ban of the form lasts, in hours; 0 for good.
pub const BAN_HOURS: [u64; 4] = [1, 24, 168, 0];

/// The fields of the form for a ban.
#[derive(Clone, Debug, Default)]
pub struct BanForm {
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
    /// One of [`BAN_HOURS`].
    pub hours: u64,
}

/// The access keys, and the form for a new one.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// All keys.
    pub all: Vec<KeyInfo>,
    /// Those that the reader's browser has.
    pub own: Vec<KeyId>,
    /// The form.
    pub form: KeyForm,
    /// A key that was just made, with its secret.
    pub made: Option<MadeKey>,
}

/// How long a key of the form lasts, in days; 0 without an end.
pub const KEY_DAYS: [u64; 5] = [1, 7, 30, 365, 0];

/// The fields of the form for a new key.
#[derive(Clone, Debug, Default)]
pub struct KeyForm {
    /// For whom it is.
    pub label: String,
    /// What it allows.
    pub rights: Rights,
    /// The pattern of its rooms.
    pub rooms: String,
    /// One of [`KEY_DAYS`].
    pub days: u64,
}

/// The secret of a key that was just made.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// The key itself.
    pub secret: String,
    /// The link to the room with the key, for people.
    pub link: String,
}

/// What was just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// A message was approved.
    Approved,
    /// A message was rejected.
    Rejected,
    /// The room's settings were saved.
    Saved,
    /// A cast was ended.
    CastEnded,
    /// A message was unpinned.
    Unpinned,
    /// Somebody was banned.
    Banned,
    /// A ban was ended.
    Unbanned,
    /// A key was made.
    Created,
    /// A key was revoked.
    Revoked,
}

impl Done {
    const ALL: [Self; 9] = [
        Self::Approved,
        Self::Rejected,
        Self::Saved,
        Self::CastEnded,
        Self::Unpinned,
        Self::Banned,
        Self::Unbanned,
        Self::Created,
        Self::Revoked,
    ];

    /// The word in `?done=`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Saved => "saved",
            Self::CastEnded => "cast_ended",
            Self::Unpinned => "unpinned",
            Self::Banned => "banned",
            Self::Unbanned => "unbanned",
            Self::Created => "created",
            Self::Revoked => "revoked",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        assert!(PartName::ALL.into_iter().all(|part| PartName::parse(part.word()) == Some(part)));
        assert!(Done::ALL.into_iter().all(|done| Done::parse(done.word()) == Some(done)));
    }
}
