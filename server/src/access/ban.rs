//! Bans: who may not publish.

use std::net::IpAddr;

use ipnet::IpNet;
use protocol::Tag;

use super::key::KeyId;

/// Who is banned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BanTarget {
    /// An identity.
    Tag(Tag),
    /// An access key.
    Key(KeyId),
    /// An address: an IPv4 address, or an IPv6 network of 64 bits.
    Network(IpNet),
}

impl BanTarget {
    /// Returns the network that stands for an address.
    pub fn of_address(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let bits = if address.is_ipv4() { 32 } else { 64 };
        Self::Network(IpNet::new(address, bits).unwrap_or_else(|_| address.into()).trunc())
    }
}

/// A ban. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The ban's number.
    pub id: u64,
    /// Who is banned.
    pub target: BanTarget,
    /// When it ends. `None`: it does not.
    pub until: Option<u64>,
    /// Why, for moderators.
    pub reason: String,
    /// When it began.
    pub created: u64,
}
