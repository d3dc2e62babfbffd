//! One room in memory: its tail, its sessions and its extent. The room's lock is private to this
//! file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use protocol::{Entry, Kind, ReaderId, RoomName, RoomSettings};
use tokio::sync::watch;
use tokio::time::Instant;

use super::presence::Presence;
use super::tail::{Tail, TailMemory};
use crate::encoded::Encoded;
use crate::store::{Change, Remaining, RetentionPolicy, RunningCast, StoredRoom, TrustedTime, stored_bytes};

/// A room that has entries or subscribers.
pub struct Room {
    name: RoomName,
    is_opened: AtomicBool,
    state: Mutex<State>,
    latest: watch::Sender<u64>,
    presence_changed: watch::Sender<()>,
}

struct State {
    tail: Tail,
    presence: Presence,
    /// Entries up to this offset have expired.
    expired: u64,
    /// Bytes of all entries that are kept, by [`stored_bytes`].
    bytes: u64,
    /// When the oldest entry was written, in milliseconds since 1970. `None` if the room has no
    /// entries.
    oldest: Option<u64>,
    /// The room's own settings.
    settings: Option<Arc<RoomSettings>>,
    /// The offsets of the pinned messages, the oldest pin first.
    pins: Vec<u64>,
    /// The cast that is running.
    cast: Option<Arc<RunningCast>>,
}

impl State {
    /// Applies a new entry to everything but the tail.
    fn add(&mut self, entry: &Entry) {
        if self.oldest.is_none() {
            // A forgotten room may continue at a later offset than this copy knows.
            self.expired = entry.offset - 1;
        }
        self.bytes += stored_bytes(entry);
        self.oldest.get_or_insert(entry.time);
        match (entry.kind, entry.of) {
            (Kind::Room, _) => self.settings = entry.settings.clone().map(Arc::from),
            (Kind::Cast, None) => self.cast = RunningCast::of(entry).map(Arc::new),
            (Kind::Cast, Some(of)) => drop(self.cast.take_if(|cast| cast.info.id == of)),
            (Kind::Pin, Some(of)) => self.pins.push(of),
            (Kind::Unpin | Kind::Erase, Some(of)) => self.pins.retain(|pin| *pin != of),
            _ => {}
        }
    }

    fn expire(&mut self, remaining: &Remaining) {
        (self.expired, self.bytes, self.oldest) = (remaining.expired, remaining.bytes, remaining.oldest);
        self.pins.retain(|pin| *pin > remaining.expired);
        self.tail.expire(remaining.expired);
    }
}

/// The result of reading a room's tail.
#[derive(Debug)]
pub enum Read {
    /// The next entries.
    Entries(Vec<Encoded>),
    /// The tail does not have the next entries. The history has them.
    InHistory,
    /// Entries up to this offset have expired, the next ones among them.
    Expired(u64),
}

/// The offsets of a room's entries: from `expired + 1` to `latest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Entries up to this offset have expired.
    pub expired: u64,
    /// The offset of the newest entry.
    pub latest: u64,
}

impl Extent {
    /// True if the room has no entries.
    pub(super) fn is_empty(self) -> bool {
        self.latest == self.expired
    }
}

impl Room {
    /// Creates a room as the history has it. The tail is empty and counts towards `memory`.
    pub fn new(stored: StoredRoom, memory: &TailMemory) -> Self {
        let StoredRoom { name, expired, latest, bytes, oldest, settings, pins, cast } = stored;
        let (tail, presence, settings) = (Tail::new(latest, memory.clone()), Presence::default(), settings.map(Arc::new));
        let state = State { tail, presence, expired, bytes, oldest, settings, pins, cast: cast.map(Arc::new) };
        Self {
            name,
            is_opened: AtomicBool::new(oldest.is_some()),
            state: Mutex::new(state),
            latest: watch::Sender::new(latest),
            presence_changed: watch::Sender::new(()),
        }
    }

    /// Returns the room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Returns a receiver of the newest offset. A wake-up carries no data: the receiver reads the
    /// log.
    pub fn watch_latest(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Applies committed changes, in commit order. Readers find them from now on; [`Self::notify`]
    /// wakes those that wait.
    pub fn apply<'a>(&self, changes: impl IntoIterator<Item = &'a Change, IntoIter: Clone>) {
        let changes = changes.into_iter();
        let encode = self.state.lock().tail.encoder();
        let encode = |change: &Change| match change {
            Change::Stored(stored) => (Some(encode(&stored.entry)), stored.rewritten.iter().map(&encode).collect()),
            Change::Rewritten(entries) => (None, entries.iter().map(&encode).collect()),
            Change::Expired(_) | Change::Queue => (None, Vec::new()),
        };
        // Encoding takes time, so it is done without the lock.
        let encoded: Vec<_> = changes.clone().map(encode).collect();
        let mut state = self.state.lock();
        for (change, (entry, rewritten)) in changes.zip(encoded) {
            match change {
                Change::Stored(stored) => state.add(&stored.entry),
                Change::Expired(remaining) => {
                    state.expire(remaining);
                    self.is_opened.store(remaining.oldest.is_some(), Ordering::Relaxed);
                }
                Change::Rewritten(_) | Change::Queue => {}
            }
            if let Some(entry) = entry {
                state.tail.push(entry);
            }
            rewritten.into_iter().for_each(|entry| state.tail.replace(entry));
        }
    }

    /// Wakes the receivers of [`Self::watch_latest`]. Only the hub calls this.
    pub fn notify(&self) {
        let latest = self.state.lock().tail.latest();
        self.latest.send_replace(latest);
    }

    /// True if a message of the room has expired under this policy.
    pub(super) fn exceeds(&self, policy: RetentionPolicy, now: TrustedTime) -> bool {
        let state = self.state.lock();
        let count = state.tail.latest() - state.expired;
        state.oldest.is_some_and(|oldest| policy.expires(count, state.bytes, oldest, now))
    }

    /// True if the room has messages, or a publisher was admitted to write the first one.
    pub fn is_opened(&self) -> bool {
        self.is_opened.load(Ordering::Relaxed)
    }

    /// Records that a publisher was admitted to write the first message.
    pub fn open(&self) {
        self.is_opened.store(true, Ordering::Relaxed);
    }

    /// True if the room has settings, entries or a cast, or had an entry after `offset`.
    pub(super) fn is_needed(&self, offset: u64) -> bool {
        let state = self.state.lock();
        state.settings.is_some() || state.oldest.is_some() || state.cast.is_some() || state.tail.latest() > offset
    }

    /// Returns the room's own settings. `None`: it has those of the board.
    pub fn settings(&self) -> Option<Arc<RoomSettings>> {
        self.state.lock().settings.clone()
    }

    /// Returns the offsets of the pinned messages, the oldest pin first.
    pub fn pins(&self) -> Vec<u64> {
        self.state.lock().pins.clone()
    }

    /// Returns the cast that is running.
    pub fn cast(&self) -> Option<Arc<RunningCast>> {
        self.state.lock().cast.clone()
    }

    /// Returns the offsets of the entries.
    pub fn extent(&self) -> Extent {
        // Not `self.latest`, which changes later: a reader may already have an entry and ask for
        // what follows it.
        let state = self.state.lock();
        Extent { expired: state.expired, latest: state.tail.latest() }
    }

    /// Reads the entries after `offset` from the tail, at most
    /// [`READ_BYTES_MAX`](super::READ_BYTES_MAX).
    pub fn read(&self, offset: u64) -> Read {
        let mut state = self.state.lock();
        if offset < state.expired {
            return Read::Expired(state.expired);
        }
        state.tail.read(offset).map_or(Read::InHistory, Read::Entries)
    }

    /// Returns the first `limit` entries after `offset`. `None` if the tail does not have all of
    /// them.
    pub(super) fn after(&self, offset: u64, limit: usize) -> Option<Vec<Encoded>> {
        self.state.lock().tail.after(offset, limit)
    }

    /// Returns the last `limit` messages before `offset`. `None` if the tail does not have all of
    /// them.
    pub(super) fn before(&self, offset: u64, limit: usize) -> Option<Vec<Encoded>> {
        let state = self.state.lock();
        state.tail.before(offset, limit, state.expired)
    }

    /// Empties the tail. The entries stay in the history.
    pub fn clear_tail(&self) {
        self.state.lock().tail.clear();
    }

    /// Adds a session until the guard is dropped. Sessions with the same id are of one reader.
    pub fn join(self: &Arc<Self>, reader: Option<ReaderId>) -> PresenceGuard {
        self.state.lock().presence.join(reader, Instant::now().into_std());
        self.presence_changed.send_replace(());
        PresenceGuard { room: self.clone(), reader }
    }

    /// Returns the number of sessions.
    pub(super) fn connected(&self) -> usize {
        self.state.lock().presence.connected()
    }

    /// Returns the number of readers to show, which includes those that left within the last
    /// second.
    pub fn online(&self) -> usize {
        self.state.lock().presence.online(Instant::now().into_std())
    }

    /// Returns a receiver that changes when a session joins or leaves.
    pub fn watch_online(&self) -> watch::Receiver<()> {
        self.presence_changed.subscribe()
    }
}

/// Counts one session in a room until it is dropped.
pub struct PresenceGuard {
    room: Arc<Room>,
    reader: Option<ReaderId>,
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        self.room.state.lock().presence.leave(self.reader, Instant::now().into_std());
        self.room.presence_changed.send_replace(());
    }
}
