//! Changes of who may do what, as the store keeps them.

use protocol::admin::{Ban, KeyId, KeyInfo};

use super::secret::KeyHash;

/// A change of access. The store makes it durable, then [`Access`](super::Access) shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessChange {
    /// There is a new access key.
    KeyCreated(StoredKey),
    /// An access key is gone.
    KeyRevoked(KeyId),
    /// There is a new ban. The store gives it its number.
    Banned(Ban),
    /// A ban is gone.
    Unbanned(u64),
    /// A moderator has used a name, which others may not imitate while the key is there.
    NameUsed {
        /// The moderator's key.
        key: KeyId,
        /// The name.
        name: String,
    },
}

/// An access key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Everything but the secret.
    pub info: KeyInfo,
    /// The secret's hash.
    pub hash: KeyHash,
}

/// All that is stored about access, as it is loaded at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredAccess {
    /// The board's secret.
    pub secret: Vec<u8>,
    /// The access keys.
    pub keys: Vec<StoredKey>,
    /// The bans.
    pub bans: Vec<Ban>,
    /// Names that moderators used, with their keys.
    pub names: Vec<(KeyId, String)>,
}
