//! Committed changes of what [`Access`](super::Access) mirrors.

use super::ban::Ban;
use super::key::{AccessKey, KeyId};

/// A committed change of keys, bans or reserved names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessChange {
    /// A key was made.
    KeyCreated(AccessKey),
    /// A key was revoked.
    KeyRevoked(KeyId),
    /// Somebody was banned.
    Banned(Ban),
    /// The ban with this number was lifted.
    Unbanned(u64),
    /// A moderator used a name with this skeleton. Others may not use it while the key works.
    NameReserved {
        /// The skeleton of the name.
        skeleton: String,
        /// The moderator's key.
        key: KeyId,
    },
}
