//! Bans: who may not publish, where, and how long.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{KeyId, RoomPattern, TIME_REFUSED, is_time, reason};
use crate::fields::{FromFields, InputError};
use crate::{ErrorCode, Tag};

/// Bits of an IPv6 address that a ban covers: what one household or host gets.
const V6_HOST_BITS: u32 = 64;

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// Its number.
    pub id: u64,
    /// Who is banned.
    #[serde(flatten)]
    pub banned: Banned,
    /// In which rooms.
    pub rooms: RoomPattern,
    /// When it ends, in milliseconds since 1970. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Why, for other moderators.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
    /// The moderator's access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<KeyId>,
}

/// Who is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Banned {
    /// An identity.
    Tag(Tag),
    /// Everybody with an access key.
    Key(KeyId),
    /// An IPv4 address, or the IPv6 network of an address.
    Address(BannedAddress),
}

impl fmt::Display for Banned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Key(id) => write!(f, "key {id}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// An IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BannedAddress(IpAddr);

impl BannedAddress {
    /// What is banned with an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> V6_HOST_BITS << V6_HOST_BITS).into(),
            address @ IpAddr::V4(_) => address,
        })
    }

    /// Returns the address, or the first of the network.
    pub fn first(self) -> IpAddr {
        self.0
    }
}

impl FromStr for BannedAddress {
    type Err = ErrorCode;

    fn from_str(text: &str) -> Result<Self, ErrorCode> {
        let (address, bits) = text.trim().split_once('/').map_or((text.trim(), None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| ErrorCode::ShapeInvalid)?;
        let whole = if address.is_ipv4() { "32" } else { "64" };
        if bits.is_some_and(|bits| bits != whole) { Err(ErrorCode::ShapeInvalid) } else { Ok(Self::of(address)) }
    }
}

impl TryFrom<String> for BannedAddress {
    type Error = ErrorCode;

    fn try_from(text: String) -> Result<Self, ErrorCode> {
        text.parse()
    }
}

impl From<BannedAddress> for String {
    fn from(address: BannedAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for BannedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// A ban to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBan {
    /// Who is banned.
    pub banned: Banned,
    /// In which rooms. None: in all that the moderator's key is for.
    pub rooms: Option<RoomPattern>,
    /// When it ends, in milliseconds since 1970.
    pub until: Option<u64>,
    /// Why.
    pub reason: String,
}

/// The fields of a [`NewBan`] as they arrive. Exactly one of the first three is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanFields {
    /// An identity's tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The id of an access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// An address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A room pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<String>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl FromFields for NewBan {
    type Fields = BanFields;
}

impl TryFrom<BanFields> for NewBan {
    type Error = InputError;

    fn try_from(fields: BanFields) -> Result<Self, InputError> {
        let refused = |detail: &str| InputError::with_detail(ErrorCode::ShapeInvalid, detail);
        let given = |field: Option<String>| field.filter(|text| !text.trim().is_empty());
        let banned = match (given(fields.tag), given(fields.key), given(fields.address)) {
            (Some(tag), None, None) => Banned::Tag(tag.trim().parse()?),
            (None, Some(key), None) => Banned::Key(key.trim().parse().map_err(|_| refused("key must be the id of an access key"))?),
            (None, None, Some(address)) => {
                Banned::Address(address.parse().map_err(|_| refused("address must be an IPv4 address, or an IPv6 address or /64"))?)
            }
            _ => return Err(refused("exactly one of tag, key and address must be given")),
        };
        if !is_time(fields.until) {
            return Err(refused(TIME_REFUSED));
        }
        let rooms = given(fields.rooms).map(RoomPattern::try_from).transpose()?;
        Ok(Self { banned, rooms, until: fields.until, reason: reason(fields.reason)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_stands_for_its_network() {
        let shown = |text: &str| text.parse::<BannedAddress>().map(|address| address.to_string());
        assert_eq!(shown("192.0.2.7"), Ok("192.0.2.7".to_owned()));
        assert_eq!(shown("192.0.2.7/32"), Ok("192.0.2.7".to_owned()));
        assert_eq!(shown("::ffff:192.0.2.7"), Ok("192.0.2.7".to_owned()));
        assert_eq!(shown("2001:db8:1:2:3:4:5:6"), Ok("2001:db8:1:2::/64".to_owned()));
        assert_eq!(shown("2001:db8:1:2::/64"), Ok("2001:db8:1:2::/64".to_owned()));
        for bad in ["", "192.0.2.0/24", "2001:db8::/32", "example.org", "192.0.2"] {
            assert_eq!(shown(bad), Err(ErrorCode::ShapeInvalid), "{bad}");
        }
    }

    #[test]
    fn a_ban_survives_json() {
        for (banned, field) in [
            (Banned::Tag(Tag::from_bits(5)), r#""tag":"aaaaaaaaaaaf""#),
            (Banned::Key(KeyId(5)), r#""key":"00000005""#),
            (Banned::Address("192.0.2.7".parse().unwrap()), r#""address":"192.0.2.7""#),
        ] {
            let ban = Ban { id: 1, banned, rooms: RoomPattern::default(), until: None, reason: String::new(), created: 2, by: None };
            let json = serde_json::to_string(&ban).unwrap();
            assert!(json.contains(field), "{json}");
            assert_eq!(serde_json::from_str::<Ban>(&json).unwrap(), ban);
        }
    }

    #[test]
    fn exactly_one_is_banned() {
        let new = |json: &str| crate::from_json::<NewBan>(json).map(|ban| ban.banned).map_err(|error| error.code);
        assert_eq!(new(r#"{"tag":"aaaaaaaaaaaf","key":""}"#), Ok(Banned::Tag(Tag::from_bits(5))));
        assert_eq!(new("{}"), Err(ErrorCode::ShapeInvalid));
        assert_eq!(new(r#"{"tag":"aaaaaaaaaaaf","key":"00000005"}"#), Err(ErrorCode::ShapeInvalid));
        assert_eq!(new(r#"{"tag":"x"}"#), Err(ErrorCode::TagInvalid));
        assert_eq!(new(r#"{"tag":"aaaaaaaaaaaf","until":9007199254740991}"#), Ok(Banned::Tag(Tag::from_bits(5))));
        assert_eq!(new(r#"{"tag":"aaaaaaaaaaaf","until":9223372036854775808}"#), Err(ErrorCode::ShapeInvalid));
    }
}
