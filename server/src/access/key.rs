//! Access keys as the board keeps them: without the secret.

use std::fmt;
use std::str::FromStr;

use protocol::RoomName;

use super::rights::Rights;

/// Identifies an access key in public: the first 4 bytes of the SHA-256 of its secret. Written as 8
/// hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub u32);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for KeyId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let id = is_valid.then(|| u32::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or("a key's id is 8 lower-case hexadecimal digits")
    }
}

/// Which rooms an access key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomPattern {
    /// Every room. Written `*`.
    All,
    /// The rooms whose names begin with this. Written with a `*` at the end.
    Prefix(String),
    /// One room.
    One(RoomName),
}

impl RoomPattern {
    /// True if the key is for this room.
    pub fn matches(&self, room: &RoomName) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => room.as_str().starts_with(prefix),
            Self::One(name) => name == room,
        }
    }
}

impl fmt::Display for RoomPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::One(name) => f.write_str(name.as_str()),
        }
    }
}

impl FromStr for RoomPattern {
    type Err = protocol::ErrorCode;

    /// Reads a pattern. What stands before a `*` has the same one spelling as a room's name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(prefix) = text.strip_suffix('*') else { return text.parse().map(Self::One) };
        if prefix.is_empty() {
            return Ok(Self::All);
        }
        // A name may not end with every character that may stand inside it.
        let name: RoomName = [prefix, "x"].concat().parse()?;
        Ok(Self::Prefix(name.as_str().strip_suffix('x').unwrap_or_default().to_owned()))
    }
}

/// An access key. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// The SHA-256 of the secret.
    pub hash: [u8; 32],
    /// What it allows.
    pub rights: Rights,
    /// In which rooms.
    pub rooms: RoomPattern,
    /// What people call it, or whose it is.
    pub label: String,
    /// When it was made.
    pub created: u64,
    /// When it stops to work.
    pub expires: Option<u64>,
}

impl AccessKey {
    /// Returns the key's id.
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, ..] = self.hash;
        KeyId(u32::from_be_bytes([a, b, c, d]))
    }

    /// True if the key works no longer.
    pub fn has_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}
