//! Who asks, and for what.

use std::net::IpAddr;
use std::sync::Arc;

use protocol::admin::{KeyId, Rights};
use protocol::{Kind, Tag};

/// Who makes a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The address that the request counts for.
    pub address: IpAddr,
    /// The identity, if the request has one.
    pub tag: Option<Tag>,
    /// The access keys that the request has, if any.
    pub grants: Option<Arc<Grants>>,
}

impl Caller {
    /// A caller without identity and keys.
    pub fn anonymous(address: IpAddr) -> Self {
        Self { address, tag: None, grants: None }
    }
}

/// The access keys that a caller has shown. What they allow is looked up at every use, so a key
/// that is revoked allows nothing from then on.
#[derive(Debug, PartialEq, Eq)]
pub struct Grants(Box<[KeyId]>);

impl Grants {
    /// Returns the grants of keys whose secrets were checked. None if there are none.
    pub(super) fn of(mut keys: Vec<KeyId>) -> Option<Arc<Self>> {
        keys.sort_unstable();
        keys.dedup();
        (!keys.is_empty()).then(|| Arc::new(Self(keys.into())))
    }

    /// The keys.
    pub fn keys(&self) -> &[KeyId] {
        &self.0
    }
}

/// Who acts in a room, as the store has to know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The identity.
    pub tag: Option<Tag>,
    /// What they may do in this room.
    pub rights: Rights,
    /// The access key that gives these rights. None if no key does.
    pub key: Option<KeyId>,
}

impl Actor {
    /// True if the actor moderates the room. What they publish then has a badge.
    pub fn is_moderator(&self) -> bool {
        self.rights >= Rights::Moderate
    }
}

/// What a caller wants to do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read it.
    Read,
    /// Publish a message, or change one's own.
    Publish,
    /// Show a screen.
    Cast,
    /// Pin, ban, decide on what waits, and change the settings.
    Moderate,
}

impl Action {
    /// Returns what it takes to publish an entry of a kind.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Pin | Kind::Unpin | Kind::Room => Self::Moderate,
            _ => Self::Publish,
        }
    }
}
