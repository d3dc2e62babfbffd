//! The bans in memory.

use std::collections::{BTreeMap, HashMap};

use protocol::RoomName;
use protocol::admin::{Ban, Banned, BannedAddress};

use super::caller::Caller;

/// All bans, by whom they are of.
#[derive(Default)]
pub(super) struct Bans {
    by_id: BTreeMap<u64, Ban>,
    of: HashMap<Banned, Vec<u64>>,
}

impl Bans {
    pub(super) fn add(&mut self, ban: Ban) {
        self.of.entry(ban.banned).or_default().push(ban.id);
        self.by_id.insert(ban.id, ban);
    }

    pub(super) fn remove(&mut self, id: u64) {
        let Some(ban) = self.by_id.remove(&id) else { return };
        if let Some(ids) = self.of.get_mut(&ban.banned) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.of.remove(&ban.banned);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// True if a caller may not publish in a room.
    pub(super) fn has(&self, caller: &Caller, room: &RoomName, now: u64) -> bool {
        let keys = caller.grants.iter().flat_map(|grants| grants.keys()).map(|id| Banned::Key(*id));
        let is_banned = |banned: Banned| {
            let bans = self.of.get(&banned).into_iter().flatten().filter_map(|id| self.by_id.get(id));
            bans.into_iter().any(|ban| ban.rooms.covers(room) && ban.until.is_none_or(|until| now < until))
        };
        let address = Banned::Address(BannedAddress::of(caller.address));
        keys.chain(caller.tag.map(Banned::Tag)).chain([address]).any(is_banned)
    }

    /// Returns all bans, the oldest first.
    pub(super) fn all(&self) -> Vec<Ban> {
        self.by_id.values().cloned().collect()
    }

    pub(super) fn get(&self, id: u64) -> Option<&Ban> {
        self.by_id.get(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}
