//! A room in memory: its tail, who is here, and how far its log goes. Owns the room's locks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Entry, RoomName};
use tokio::sync::watch;

use crate::presence::Presence;
use crate::tail::{Encoded, Tail};

/// A room that somebody watches or that has entries.
pub struct Room {
    name: RoomName,
    state: Mutex<State>,
    latest: watch::Sender<u64>,
    here: watch::Sender<usize>,
}

struct State {
    tail: Tail,
    presence: Presence,
}

impl Room {
    /// A room whose newest entry is `latest`; 0 if it has none.
    pub fn new(name: RoomName, latest: u64) -> Self {
        let state = State { tail: Tail::new(latest), presence: Presence::default() };
        Self { name, state: Mutex::new(state), latest: watch::Sender::new(latest), here: watch::Sender::new(0) }
    }

    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// The newest offset that may be seen.
    pub fn latest(&self) -> u64 {
        *self.latest.borrow()
    }

    /// Changes when there is something to read. It carries no data: whoever wakes reads the log.
    pub fn watch_latest(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Adds committed entries to the tail, in order.
    pub fn append<'a>(&self, entries: impl Iterator<Item = &'a Entry>) {
        // Encoding is the work here, so it is done before the lock is taken.
        let encoded: Vec<_> = entries.map(Encoded::new).collect();
        let mut state = self.lock();
        for entry in encoded {
            state.tail.push(entry);
        }
    }

    /// Wakes every cursor that is behind what has been appended. Only the hub calls this.
    pub fn reveal(&self) {
        let latest = self.lock().tail.latest();
        self.latest.send_replace(latest);
    }

    /// The entries after `offset` that are still in memory; `None` when the reader has to ask history.
    pub fn read(&self, offset: u64) -> Option<Vec<Encoded>> {
        self.lock().tail.read(offset)
    }

    /// Whether memory has all entries after `offset`.
    pub fn reaches(&self, offset: u64) -> bool {
        self.lock().tail.reaches(offset)
    }

    /// Lets the tail go; entries stay in history.
    pub fn forget_tail(&self) {
        self.lock().tail.clear();
    }

    /// Counts a session in, until the guard is dropped.
    pub fn join(self: &Arc<Self>) -> Visit {
        let here = self.lock().presence.join();
        self.here.send_replace(here);
        Visit { room: self.clone() }
    }

    /// How many sessions the room has.
    pub fn here(&self) -> usize {
        self.lock().presence.here()
    }

    /// Changes when somebody comes or goes.
    pub fn watch_here(&self) -> watch::Receiver<usize> {
        self.here.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One session's stay in a room.
pub struct Visit {
    room: Arc<Room>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        let here = self.room.lock().presence.leave();
        self.room.here.send_replace(here);
    }
}
