//! Rooms by name, in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::RoomName;

use crate::history::Head;
use crate::room::{Extent, Room};
use crate::tail::AllTails;

/// Rooms in memory before the first look at which of them nobody needs.
pub(super) const SWEEP_ROOMS_MIN: usize = 1024;

/// Rooms that have, or had, entries, and those that somebody watches.
pub(super) struct Rooms {
    known: Mutex<Known>,
    /// Where the log of a room begins that is not here.
    pub(super) floor: AtomicU64,
    pub(super) tails: AllTails,
}

pub(super) struct Known {
    pub(super) by_name: HashMap<RoomName, Arc<Room>>,
    /// How many there may be before it is looked which of them nobody needs.
    sweep_at: usize,
}

impl Default for Rooms {
    fn default() -> Self {
        let known = Known { by_name: HashMap::new(), sweep_at: SWEEP_ROOMS_MIN };
        Self { known: Mutex::new(known), floor: AtomicU64::new(0), tails: AllTails::default() }
    }
}

impl Rooms {
    pub(super) fn get(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.lock().by_name.get(name).cloned()
    }

    pub(super) fn get_or_make(&self, name: &RoomName) -> Arc<Room> {
        let mut known = self.lock();
        if let Some(room) = known.by_name.get(name) {
            return room.clone();
        }
        if known.by_name.len() >= known.sweep_at {
            self.sweep(&mut known);
        }
        let room = Arc::new(Room::new(Head::empty(name.clone(), self.floor.load(Ordering::Relaxed)), &self.tails));
        known.by_name.insert(name.clone(), room.clone());
        room
    }

    /// Lets go of rooms without entries that nobody watches. The next time is when there are twice as many as are left, so it
    /// costs little for each room that is made.
    pub(super) fn sweep(&self, known: &mut Known) {
        let floor = self.floor.load(Ordering::Relaxed);
        // Nobody can come in meanwhile: that takes the lock that is held here.
        known.by_name.retain(|_, room| is_watched(room) || room.is_known_beyond(floor));
        known.sweep_at = SWEEP_ROOMS_MIN.max(2 * known.by_name.len());
    }

    /// From where to where the log of a room goes that is not here.
    pub(super) fn empty(&self) -> Extent {
        let floor = self.floor.load(Ordering::Relaxed);
        Extent { first: floor, latest: floor }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn is_watched(room: &Arc<Room>) -> bool {
    room.here() > 0 || Arc::strong_count(room) > 1
}
