//! What is committed about keys and bans, in memory.

use std::sync::Arc;

use parking_lot::Mutex;
use protocol::RoomSettings;

use super::caller::Caller;
use super::change::AccessChange;
use super::decide::RoomsBy;

/// The keys, bans and reserved names of a board. Changed by commits alone. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Access(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Who may open rooms.
    rooms_by: RoomsBy,
    /// The settings of rooms that have none of their own.
    defaults: RoomSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {}

impl Access {
    /// Returns a board's access without keys and bans.
    pub fn new(rooms_by: RoomsBy, defaults: RoomSettings) -> Self {
        Self(Arc::new(Shared { rooms_by, defaults, state: Mutex::default() }))
    }

    /// Returns who may open rooms.
    pub fn rooms_by(&self) -> RoomsBy {
        self.0.rooms_by
    }

    /// Returns the settings of rooms that have none of their own.
    pub fn defaults(&self) -> &RoomSettings {
        &self.0.defaults
    }

    /// True if a caller may not publish.
    pub fn is_banned(&self, _caller: &Caller) -> bool {
        false
    }

    /// Applies committed changes, in commit order.
    pub fn apply(&self, _changes: &[AccessChange]) {
        let _state = self.0.state.lock();
    }
}
