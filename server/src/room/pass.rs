//! Proof that a caller may do something in a room.

use std::sync::Arc;

use protocol::{ErrorCode, RoomName, Tag};

use crate::access::{Action, Actor, Caller, Grants, Rights};

/// Proof that a caller may do something in a room. [`Hub::enter`](super::Hub::enter) alone makes
/// one, and every way to read or publish takes one. It holds for the moment: a caller that stays is
/// asked again.
#[derive(Clone, Debug)]
pub struct Pass {
    pub(super) room: RoomName,
    pub(super) action: Action,
    pub(super) actor: Actor,
    /// Why the caller publishes nothing new.
    pub(super) refused: Option<ErrorCode>,
    pub(super) grants: Option<Arc<Grants>>,
}

impl Pass {
    pub(super) fn new(caller: &Caller, room: &RoomName, action: Action, actor: Actor) -> Self {
        Self { room: room.clone(), action, actor, refused: None, grants: caller.grants.clone() }
    }

    /// True if it is for this action.
    pub fn is_for(&self, action: Action) -> bool {
        self.action == action
    }

    /// Returns the room's name.
    pub fn room(&self) -> &RoomName {
        &self.room
    }

    /// Returns the caller's identity.
    pub fn tag(&self) -> Option<Tag> {
        self.actor.tag
    }

    /// Returns the caller's rights in the room.
    pub fn rights(&self) -> Rights {
        self.actor.rights
    }

    /// Returns who acts, and with which access key.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Returns the caller's access keys, by which a caller that stays is asked again.
    pub fn grants(&self) -> Option<&Arc<Grants>> {
        self.grants.as_ref()
    }
}
