//! Proof that a caller may do something in a room.

use protocol::{RoomName, Tag};

use crate::access::{Action, Caller, Rights};

/// Proof that a caller may do something in a room. [`Hub::enter`](super::Hub::enter) alone makes
/// one, and every way to read or publish takes one. It holds for the moment: a caller that stays is
/// asked again.
#[derive(Clone, Debug)]
pub struct Pass {
    pub(super) room: RoomName,
    pub(super) action: Action,
    pub(super) rights: Rights,
    pub(super) tag: Option<Tag>,
}

impl Pass {
    pub(super) fn new(caller: &Caller, room: &RoomName, action: Action) -> Self {
        Self { room: room.clone(), action, rights: caller.rights(room), tag: caller.tag }
    }

    /// Returns the room's name.
    pub fn room(&self) -> &RoomName {
        &self.room
    }

    /// Returns the caller's identity.
    pub fn tag(&self) -> Option<Tag> {
        self.tag
    }

    /// Returns the caller's rights in the room.
    pub fn rights(&self) -> Rights {
        self.rights
    }
}
