//! Where the frames of a broadcaster come from: the log of a room, or of a cast in it.

use std::sync::Arc;

use protocol::{Disconnect, Epoch, Gap, GapReason, Kind, Position};
use tokio::sync::watch;

use super::reader::Stale;
use super::send_state::Frame;
use super::wire_format::WireFormat;
use crate::cast::{CastLog, Viewer};
use crate::encoded::Encoded;
use crate::limits::Account;
use crate::room::{Extent, HistoryQuery, PresenceGuard, Read, Room, RoomLog};

/// After how many shards other tasks get a turn: a few milliseconds. The frames of a cast are much
/// longer than messages.
const SHARDS_A_TURN: usize = 8;
const CAST_SHARDS_A_TURN: usize = 1;

/// A log. Cheap to clone.
#[derive(Clone)]
pub(super) enum Source {
    /// Of a room: its messages and changes.
    Room(RoomLog),
    /// Of a cast, whose entries are finished bytes. It is in memory alone.
    Cast(CastLog),
}

/// What memory has after a cursor.
pub(super) enum Found {
    /// The next entries.
    Frames {
        /// As frames of the format.
        frames: Vec<Frame>,
        /// True if the room's settings are among them.
        have_settings: bool,
    },
    /// History has them.
    InHistory,
    /// They have expired.
    Expired,
}

/// Counts a reader until it is dropped.
#[expect(dead_code, reason = "guards are only dropped")]
pub(super) enum Presence {
    /// In a room.
    Room(PresenceGuard),
    /// Among the viewers of a cast.
    Cast(Viewer),
}

impl Source {
    pub(super) fn room(&self) -> &Arc<Room> {
        match self {
            Self::Room(log) => log.room(),
            Self::Cast(log) => log.room(),
        }
    }

    /// Returns what no other log of the room has.
    pub(super) fn id(&self) -> u64 {
        match self {
            Self::Room(_) => 0,
            Self::Cast(log) => log.feed().info().id,
        }
    }

    pub(super) fn extent(&self) -> Extent {
        match self {
            Self::Room(log) => log.room().extent(),
            Self::Cast(log) => log.extent(),
        }
    }

    pub(super) fn watch_latest(&self) -> watch::Receiver<u64> {
        match self {
            Self::Room(log) => log.room().watch_latest(),
            Self::Cast(log) => log.watch_latest(),
        }
    }

    pub(super) fn watch_online(&self) -> watch::Receiver<()> {
        match self {
            Self::Room(log) => log.room().watch_online(),
            Self::Cast(log) => log.watch_online(),
        }
    }

    /// Returns the number of readers to tell. Viewers of a cast are not told it.
    pub(super) fn online(&self) -> usize {
        match self {
            Self::Room(log) => log.room().online(),
            Self::Cast(_) => 0,
        }
    }

    /// Returns the position of a reader with this cursor.
    pub(super) fn position(&self, cursor: u64) -> Position {
        let epoch = match self {
            Self::Room(log) => log.epoch(),
            Self::Cast(log) => Epoch(log.feed().info().id),
        };
        Position { epoch, offset: cursor }
    }

    /// Returns the gap before a reader that goes on with everything after `first`.
    pub(super) fn gap(&self, first: u64) -> Gap {
        let first = self.position(first);
        Gap { reason: GapReason::Expired, first, resumes: first }
    }

    /// Returns what memory has after a cursor.
    pub(super) fn read(&self, cursor: u64, format: &dyn WireFormat) -> Found {
        match self {
            Self::Room(log) => match log.read(cursor) {
                Read::Entries(entries) => {
                    let have_settings = entries.iter().any(|entry| entry.kind() == Kind::Room);
                    Found::Frames { frames: self.frames(&entries, format), have_settings }
                }
                Read::InHistory => Found::InHistory,
                Read::Expired(_) => Found::Expired,
            },
            Self::Cast(log) => {
                let frame = |(offset, bytes)| Frame { offset, bytes, stale: Stale::Nothing };
                let read = log.read(cursor).map(|entries| entries.into_iter().map(frame).collect());
                read.map_or(Found::Expired, |frames| Found::Frames { frames, have_settings: false })
            }
        }
    }

    /// Returns entries as frames of a format.
    pub(super) fn frames(&self, entries: &[Encoded], format: &dyn WireFormat) -> Vec<Frame> {
        let epoch = self.position(0).epoch;
        let frame = |entry: &Encoded| {
            let (bytes, stale) = (format.entry(entry, epoch), format.stale(entry.kind()));
            Frame { offset: entry.offset(), bytes, stale }
        };
        entries.iter().map(frame).collect()
    }

    /// Asks history for what it has after an offset. `None` if there is no history.
    pub(super) fn query(&self, cursor: u64, account: Option<Arc<Account>>) -> Option<HistoryQuery> {
        match self {
            Self::Room(log) => Some(log.query(cursor, account)),
            Self::Cast(_) => None,
        }
    }

    /// True if a change of the room's settings is not among the entries. Then the rights of readers
    /// are looked at again and again.
    pub(super) fn has_no_settings(&self) -> bool {
        matches!(self, Self::Cast(_))
    }

    /// Returns how all sessions end, if the log is over.
    pub(super) fn end(&self) -> Option<Disconnect> {
        match self {
            Self::Room(_) => None,
            Self::Cast(log) => log.feed().is_over().then_some(Disconnect::CastOver),
        }
    }

    pub(super) fn shards_a_turn(&self) -> usize {
        match self {
            Self::Room(_) => SHARDS_A_TURN,
            Self::Cast(_) => CAST_SHARDS_A_TURN,
        }
    }
}
