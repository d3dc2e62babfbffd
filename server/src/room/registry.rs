//! The rooms in memory, by name.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use protocol::RoomName;
use tokio::sync::watch;

use super::state::{Extent, Room};
use super::tail::TailMemory;
use crate::store::StoredRoom;

/// Number of rooms that never triggers a sweep.
const SWEEP_ROOMS_MIN: usize = 1024;

/// All rooms that have, or had, entries, and all rooms that are in use.
pub(super) struct Registry {
    rooms: Mutex<Rooms>,
    /// A room that is not in memory starts after this offset. No forgotten room had an entry after
    /// it.
    forgotten_max: AtomicU64,
    /// Changes when other messages wait for approval, in any room.
    queue_version: watch::Sender<u64>,
    tail_memory: TailMemory,
}

struct Rooms {
    by_name: HashMap<RoomName, Arc<Room>>,
    /// Number of rooms at which a new room triggers a sweep.
    sweep_at: usize,
}

impl Registry {
    /// Creates a registry without rooms. `queue_version` must be another one than before a restart.
    pub(super) fn new(queue_version: u64) -> Self {
        let rooms = Mutex::new(Rooms { by_name: HashMap::new(), sweep_at: SWEEP_ROOMS_MIN });
        let queue_version = watch::Sender::new(queue_version);
        Self { rooms, forgotten_max: AtomicU64::new(0), queue_version, tail_memory: TailMemory::default() }
    }

    /// Returns a receiver of the version of all queues.
    pub(super) fn watch_queues(&self) -> watch::Receiver<u64> {
        self.queue_version.subscribe()
    }

    /// Records that other messages wait for approval.
    pub(super) fn notify_queues(&self) {
        self.queue_version.send_modify(|version| *version += 1);
    }

    /// Adds the rooms of the history at its start.
    pub(super) fn load(&self, rooms: &[StoredRoom], forgotten_max: u64) {
        self.raise_forgotten_max(forgotten_max);
        let new = |stored: &StoredRoom| (stored.name.clone(), Arc::new(Room::new(stored.clone(), &self.tail_memory)));
        self.rooms.lock().by_name.extend(rooms.iter().map(new));
    }

    /// Returns a room that is in memory. All rooms with entries are.
    pub(super) fn get(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.rooms.lock().by_name.get(name).cloned()
    }

    /// Returns a room, and adds it if it is not in memory.
    pub(super) fn get_or_add(&self, name: &RoomName) -> Arc<Room> {
        let mut rooms = self.rooms.lock();
        if let Some(room) = rooms.by_name.get(name) {
            return room.clone();
        }
        if rooms.by_name.len() >= rooms.sweep_at {
            self.sweep_rooms(&mut rooms);
        }
        let stored = StoredRoom::empty(name.clone(), self.forgotten_max.load(Ordering::Relaxed));
        let room = Arc::new(Room::new(stored, &self.tail_memory));
        rooms.by_name.insert(name.clone(), room.clone());
        room
    }

    /// Returns all rooms in memory.
    pub(super) fn all(&self) -> Vec<Arc<Room>> {
        self.rooms.lock().by_name.values().cloned().collect()
    }

    /// Returns the extent of a room that is not in memory.
    pub(super) fn unknown_extent(&self) -> Extent {
        let forgotten_max = self.forgotten_max.load(Ordering::Relaxed);
        Extent { expired: forgotten_max, latest: forgotten_max }
    }

    /// Moves the start of rooms that are not in memory to `offset`, if it is greater.
    pub(super) fn raise_forgotten_max(&self, offset: u64) {
        self.forgotten_max.fetch_max(offset, Ordering::Relaxed);
    }

    /// Empties the tails of unused rooms, and removes unused rooms that have neither entries
    /// nor settings.
    pub(super) fn sweep(&self) {
        let mut rooms = self.rooms.lock();
        rooms.by_name.values().filter(|room| !is_in_use(room)).for_each(|room| room.clear_tail());
        self.sweep_rooms(&mut rooms);
    }

    /// Removes unused rooms without entries and settings. The next sweep is due when the number of
    /// rooms has doubled, so its cost for each new room is constant.
    fn sweep_rooms(&self, rooms: &mut Rooms) {
        let forgotten_max = self.forgotten_max.load(Ordering::Relaxed);
        // No room can come into use meanwhile: that takes the lock that is held here.
        rooms.by_name.retain(|_, room| is_in_use(room) || room.is_needed(forgotten_max));
        rooms.sweep_at = SWEEP_ROOMS_MIN.max(2 * rooms.by_name.len());
    }
}

/// True if the room has sessions, or another part of the server holds it.
fn is_in_use(room: &Arc<Room>) -> bool {
    room.connected() > 0 || Arc::strong_count(room) > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_unused_rooms_without_entries_and_no_others() {
        let registry = Registry::new(0);
        let name = |text: &str| text.parse::<RoomName>().unwrap();
        let stored = StoredRoom { latest: 3, oldest: Some(1), ..StoredRoom::empty(name("stored"), 0) };
        registry.load(&[stored], 2);
        let in_use = registry.get_or_add(&name("in-use"));
        for number in 0..10 * SWEEP_ROOMS_MIN {
            registry.get_or_add(&name(&format!("r{number}")));
            assert!(registry.all().len() <= SWEEP_ROOMS_MIN);
        }
        registry.sweep();
        assert_eq!(registry.all().len(), 2);
        assert!(registry.get(&name("stored")).is_some());
        assert!(Arc::ptr_eq(&in_use, &registry.get_or_add(&name("in-use"))));
        assert_eq!(registry.unknown_extent(), in_use.extent());
    }
}
