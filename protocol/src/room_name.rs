//! Room names.

#[cfg(feature = "unicode")]
mod parse;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// A room's name: 1 to 64 characters, each a letter, a mark within a word or a digit of any script,
/// `_`, `-`, or a joiner that shapes a word.
///
/// Parsing normalizes a name to its one spelling: lower case, NFC, `-` for spaces, no variation
/// selectors. So `Lobby` and `lobby` are the same room. It needs the feature `unicode`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomName(String);

impl RoomName {
    /// Returns the name of the room at `/`.
    pub fn lobby() -> Self {
        Self("lobby".to_owned())
    }

    /// Creates a name from storage without checking it: another version may have accepted it under
    /// other rules.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// Returns the name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RoomName {
    type Error = ErrorCode;

    /// Accepts a name that a server wrote. Use [`str::parse`] for one that people typed. Only ASCII
    /// characters are checked, so that a browser needs no Unicode tables.
    fn try_from(name: String) -> Result<Self, ErrorCode> {
        let plain = |byte: u8| !byte.is_ascii() || byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if !name.is_empty() && name.bytes().all(plain) { Ok(Self(name)) } else { Err(ErrorCode::RoomNameInvalid) }
    }
}

impl From<RoomName> for String {
    fn from(name: RoomName) -> Self {
        name.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
