//! A room in memory: its tail, who is here, and from where to where its log goes. Owns the room's locks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::RoomName;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::encoded::Encoded;
use crate::history::{Change, Head, Keep, TrustedTime, size};
use crate::presence::Presence;
use crate::tail::{AllTails, Tail};

/// A room that somebody watches or that has entries.
pub struct Room {
    name: RoomName,
    /// Somebody has been allowed to write in it.
    opened: AtomicBool,
    state: Mutex<State>,
    latest: watch::Sender<u64>,
    here: watch::Sender<()>,
}

struct State {
    tail: Tail,
    presence: Presence,
    /// Everything after this offset is kept, here or in history.
    first: u64,
    /// How many bytes that is.
    bytes: u64,
    /// The time of its oldest entry.
    oldest: Option<u64>,
}

/// What a room has after an offset.
#[derive(Debug)]
pub enum Read {
    /// These entries, from memory.
    Entries(Vec<Encoded>),
    /// Entries that history has to be asked for.
    InHistory,
    /// The next entries are no longer kept; everything after this offset is.
    Expired(u64),
}

/// From where to where a room's log goes: the entries after `first` up to `latest` exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Everything after this offset is kept.
    pub first: u64,
    /// The newest offset that may be seen.
    pub latest: u64,
}

impl Room {
    /// A room as history knows it, with its tail among others.
    pub fn new(head: Head, tails: &AllTails) -> Self {
        let Head { room, first, latest, bytes, oldest } = head;
        let state = State { tail: Tail::new(latest, tails.clone()), presence: Presence::default(), first, bytes, oldest };
        Self {
            name: room,
            opened: AtomicBool::new(oldest.is_some()),
            state: Mutex::new(state),
            latest: watch::Sender::new(latest),
            here: watch::Sender::new(()),
        }
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

    /// Takes in what was committed, in order.
    pub fn apply(&self, changes: &[Change]) {
        let encode = self.lock().tail.encoder();
        let entry = |change: &Change| if let Change::Stored(entry) = change { Some(encode(entry)) } else { None };
        // Encoding is the work here, so it is done before the lock is taken.
        let encoded: Vec<_> = changes.iter().map(entry).collect();
        let mut state = self.lock();
        for (change, encoded) in changes.iter().zip(encoded) {
            match change {
                Change::Stored(entry) => {
                    if state.oldest.is_none() {
                        // The log of a room that was forgotten may begin later than was known here.
                        state.first = entry.offset - 1;
                    }
                    state.bytes += size(entry);
                    state.oldest.get_or_insert(entry.time);
                }
                Change::Expired(remains) => {
                    (state.first, state.bytes, state.oldest) = (remains.first, remains.bytes, remains.oldest);
                    state.tail.expire(remains.first);
                    self.opened.store(remains.oldest.is_some(), Ordering::Relaxed);
                }
            }
            if let Some(entry) = encoded {
                state.tail.push(entry);
            }
        }
    }

    /// Whether some of the room has to go.
    pub fn is_overfull(&self, keep: Keep, now: TrustedTime) -> bool {
        let state = self.lock();
        let count = state.tail.latest() - state.first;
        state.oldest.is_some_and(|oldest| keep.lets_go(count, state.bytes, oldest, now))
    }

    /// True if the room has messages, or somebody has been allowed to write the first.
    pub fn is_opened(&self) -> bool {
        self.opened.load(Ordering::Relaxed)
    }

    /// Notes that somebody has been allowed to write the first message.
    pub fn open(&self) {
        self.opened.store(true, Ordering::Relaxed);
    }

    /// True if the room has entries, or had any after the offset `floor`.
    pub fn is_known_beyond(&self, floor: u64) -> bool {
        let state = self.lock();
        state.oldest.is_some() || state.tail.latest() > floor
    }

    /// Wakes every cursor that is behind what was taken in. Only the hub calls this.
    pub fn reveal(&self) {
        let latest = self.lock().tail.latest();
        self.latest.send_replace(latest);
    }

    /// From where to where the log goes.
    pub fn extent(&self) -> Extent {
        // Not `self.latest`, which moves a moment later: whoever read an entry meanwhile may ask to go on after it.
        let state = self.lock();
        Extent { first: state.first, latest: state.tail.latest() }
    }

    /// What there is after `offset`.
    pub fn read(&self, offset: u64) -> Read {
        let mut state = self.lock();
        if offset < state.first {
            return Read::Expired(state.first);
        }
        state.tail.read(offset).map_or(Read::InHistory, Read::Entries)
    }

    /// The first `limit` entries after `offset`, if all of them are in memory.
    pub fn after(&self, offset: u64, limit: usize) -> Option<Vec<Encoded>> {
        self.lock().tail.after(offset, limit)
    }

    /// The last `limit` entries before `offset`, if all of them are in memory.
    pub fn before(&self, offset: u64, limit: usize) -> Option<Vec<Encoded>> {
        let state = self.lock();
        state.tail.before(offset, limit, state.first)
    }

    /// Lets the tail go; entries stay in history.
    pub fn forget_tail(&self) {
        self.lock().tail.clear();
    }

    /// Counts a session in, until the guard is dropped.
    pub fn join(self: &Arc<Self>) -> Visit {
        self.lock().presence.join(Instant::now().into_std());
        self.here.send_replace(());
        Visit { room: self.clone() }
    }

    /// How many sessions the room has.
    pub fn here(&self) -> usize {
        self.lock().presence.here()
    }

    /// How many sessions the room is told to have: one that left a moment ago may be about to come back.
    pub fn here_told(&self) -> usize {
        self.lock().presence.told(Instant::now().into_std())
    }

    /// Changes when somebody comes or goes.
    pub fn watch_here(&self) -> watch::Receiver<()> {
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
        self.room.lock().presence.leave(Instant::now().into_std());
        self.room.here.send_replace(());
    }
}
