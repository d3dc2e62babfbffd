//! The access keys in memory.

use std::collections::{HashMap, HashSet};

use protocol::RoomName;
use protocol::admin::{KeyId, KeyInfo, Rights};

use super::caller::{Actor, Grants};
use super::change::StoredKey;
use super::names::forms;
use super::secret::KeySecret;

/// Number of names of a moderator that others may not imitate.
const NAMES_MAX: usize = 16;

/// All access keys, and the names that only moderators may use.
#[derive(Default)]
pub(super) struct Keys {
    by_id: HashMap<KeyId, Key>,
    /// The moderators whose names look like this; see [`forms`].
    moderators: HashMap<String, Vec<KeyId>>,
}

struct Key {
    stored: StoredKey,
    /// Names that the moderator used.
    names: HashSet<String>,
}

impl Key {
    fn is_active(&self, now: u64) -> bool {
        self.stored.info.expires.is_none_or(|expires| now < expires)
    }
}

impl Keys {
    pub(super) fn add(&mut self, stored: StoredKey) {
        let (id, label) = (stored.info.id, stored.info.label.clone());
        self.by_id.insert(id, Key { stored, names: HashSet::new() });
        self.reserve(id, &label);
    }

    pub(super) fn remove(&mut self, id: KeyId) {
        self.by_id.remove(&id);
        self.moderators.retain(|_, keys| {
            keys.retain(|key| *key != id);
            !keys.is_empty()
        });
    }

    /// Reserves a name that a moderator used.
    pub(super) fn use_name(&mut self, id: KeyId, name: String) {
        if self.takes_name(id, &name) {
            self.reserve(id, &name);
            if let Some(key) = self.by_id.get_mut(&id) {
                key.names.insert(name);
            }
        }
    }

    /// True if a name that a moderator uses has to be reserved.
    pub(super) fn takes_name(&self, id: KeyId, name: &str) -> bool {
        self.by_id.get(&id).is_some_and(|key| !name.is_empty() && key.names.len() < NAMES_MAX && !key.names.contains(name))
    }

    fn reserve(&mut self, id: KeyId, name: &str) {
        let is_moderator = self.by_id.get(&id).is_some_and(|key| key.stored.info.rights >= Rights::Moderate);
        for form in forms(name).into_iter().filter(|form| is_moderator && !form.is_empty()) {
            self.moderators.entry(form).or_default().push(id);
        }
    }

    /// True if a name looks like that of a moderator of the room whose key is active.
    pub(super) fn is_reserved(&self, name: &str, room: &RoomName, now: u64) -> bool {
        if self.moderators.is_empty() || name.is_empty() {
            return false;
        }
        let is_active = |id: &KeyId| self.by_id.get(id).is_some_and(|key| key.is_active(now) && key.stored.info.rooms.covers(room));
        forms(name).iter().any(|form| self.moderators.get(form).is_some_and(|keys| keys.iter().any(is_active)))
    }

    /// Returns the active key with this secret.
    pub(super) fn find(&self, secret: &KeySecret, now: u64) -> Option<&KeyInfo> {
        let hash = secret.hash();
        let key = self.by_id.get(&hash.id()).filter(|key| key.stored.hash.matches(&hash) && key.is_active(now))?;
        Some(&key.stored.info)
    }

    /// Returns the active keys of a caller.
    pub(super) fn granted<'a>(&'a self, grants: &'a Grants, now: u64) -> impl Iterator<Item = &'a KeyInfo> {
        let keys = grants.keys().iter().filter_map(|id| self.by_id.get(id));
        keys.filter(move |key| key.is_active(now)).map(|key| &key.stored.info)
    }

    /// Returns what a caller's keys allow in a room, and the strongest of them.
    pub(super) fn actor(&self, grants: Option<&Grants>, room: &RoomName, now: u64) -> Actor {
        let granted = grants.into_iter().flat_map(|grants| self.granted(grants, now));
        let strongest = granted.filter(|key| key.rooms.covers(room)).max_by_key(|key| key.rights);
        strongest.map_or_else(Actor::default, |key| Actor { tag: None, rights: key.rights, key: Some(key.id) })
    }

    /// Returns all keys, the oldest first.
    pub(super) fn all(&self) -> Vec<KeyInfo> {
        let mut keys: Vec<_> = self.by_id.values().map(|key| key.stored.info.clone()).collect();
        keys.sort_by_key(|key| (key.created, key.id));
        keys
    }

    pub(super) fn get(&self, id: KeyId) -> Option<&KeyInfo> {
        self.by_id.get(&id).map(|key| &key.stored.info)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns when the next key ends.
    pub(super) fn next_end(&self, now: u64) -> Option<u64> {
        self.by_id.values().filter_map(|key| key.stored.info.expires).filter(|expires| *expires > now).min()
    }
}
