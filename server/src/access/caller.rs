//! Who asks, as far as the board can know.

use std::net::IpAddr;
use std::sync::Arc;

use protocol::{RoomName, Tag};

use super::key::AccessKey;
use super::rights::Rights;

/// Who asks: an address, perhaps an identity, perhaps with access keys.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The address that counts.
    pub address: IpAddr,
    /// The identity.
    pub tag: Option<Tag>,
    /// The access keys. `None` if there are none.
    pub grants: Option<Arc<Grants>>,
}

/// The working access keys of a caller.
#[derive(Debug, Default)]
pub struct Grants {
    /// The keys.
    pub keys: Vec<Arc<AccessKey>>,
}

impl Caller {
    /// A caller without identity and keys.
    pub fn anonymous(address: IpAddr) -> Self {
        Self { address, tag: None, grants: None }
    }

    /// Returns the rights in a room.
    pub fn rights(&self, room: &RoomName) -> Rights {
        self.grants.as_deref().map_or(Rights::None, |grants| grants.rights(room))
    }
}

impl Grants {
    /// Returns the rights in a room: the greatest of all keys.
    pub fn rights(&self, room: &RoomName) -> Rights {
        self.keys.iter().filter(|key| key.rooms.matches(room)).map(|key| key.rights).max().unwrap_or_default()
    }
}
