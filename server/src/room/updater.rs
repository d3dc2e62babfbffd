//! Applies what the store has committed to the rooms in memory.

use std::sync::Arc;

use protocol::{Kind, RoomName};
use tokio::time::Instant;

use super::presenters::Presenters;
use super::registry::Registry;
use super::state::Room;
use crate::access::Access;
use crate::store::{Change, Changes, CommitListener};

/// The listener of the store's writer. Nothing else changes a room's entries.
pub(super) struct RoomUpdater {
    registry: Arc<Registry>,
    presenters: Arc<Presenters>,
    access: Access,
    /// Rooms whose subscribers are not yet notified.
    changed: Vec<Arc<Room>>,
    /// True if other messages wait for approval, and their moderators are not yet notified.
    has_queue_changed: bool,
}

impl RoomUpdater {
    pub(super) fn new(registry: Arc<Registry>, presenters: Arc<Presenters>, access: Access) -> Self {
        Self { registry, presenters, access, changed: Vec::new(), has_queue_changed: false }
    }

    /// Records which casts have begun and ended, after their room has.
    fn apply_casts<'a>(&self, room: &RoomName, changes: impl Iterator<Item = &'a Change>) {
        for change in changes {
            match change {
                Change::Stored(stored) if stored.entry.kind == Kind::Cast => self.presenters.apply(room, &stored.entry, Instant::now()),
                _ => {}
            }
        }
    }
}

impl CommitListener for RoomUpdater {
    fn on_commit(&mut self, changes: Changes) {
        // Before the rooms: a key that is revoked reads nothing of this commit.
        changes.access.into_iter().for_each(|change| self.access.apply(change));
        for (_, change) in &changes.rooms {
            match change {
                Change::Expired(remaining) => self.registry.raise_forgotten_max(remaining.forgotten_max),
                Change::Queue => self.has_queue_changed = true,
                Change::Stored(_) | Change::Rewritten(_) => {}
            }
        }
        for run in changes.rooms.chunk_by(|(one, _), (next, _)| one == next) {
            // A sweep removes only rooms without entries, so a room that is added here misses no
            // earlier entry.
            let room = self.registry.get_or_add(&run[0].0);
            room.apply(run.iter().map(|(_, change)| change));
            self.apply_casts(&run[0].0, run.iter().map(|(_, change)| change));
            self.changed.push(room);
        }
    }

    fn notify(&mut self) {
        self.changed.drain(..).for_each(|room| room.notify());
        if std::mem::take(&mut self.has_queue_changed) {
            self.registry.notify_queues();
        }
    }
}
