//! Publish keys, with which it is safe to publish a message twice.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::limits::KEY_CHARS_MAX;

/// A key that a client gives to one message: 1 to 64 of `A-Z a-z 0-9 _ -`.
///
/// A room stores at most one message per key. Clients draw keys at random (128 bits), because a key
/// that another client used first belongs to that client's message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublishKey(String);

impl PublishKey {
    /// Creates a key of 32 hexadecimal digits from 128 random bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// Draws a key from the system's random numbers.
    ///
    /// # Errors
    /// Fails if the system has no random numbers.
    #[cfg(feature = "random")]
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self::from_bits(u128::from_ne_bytes(bits)))
    }

    /// Creates a key from storage without checking it: another version may have accepted it under
    /// other rules.
    pub fn from_stored(key: String) -> Self {
        Self(key)
    }

    /// Returns the key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublishKey {
    type Err = ErrorCode;

    fn from_str(key: &str) -> Result<Self, ErrorCode> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.bytes().all(allowed) {
            return Err(ErrorCode::KeyInvalid);
        }
        Ok(Self(key.to_owned()))
    }
}

impl TryFrom<String> for PublishKey {
    type Error = ErrorCode;

    fn try_from(key: String) -> Result<Self, ErrorCode> {
        key.parse()
    }
}

impl From<PublishKey> for String {
    fn from(key: PublishKey) -> Self {
        key.0
    }
}

impl fmt::Display for PublishKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_short_ascii_keys_only() {
        assert!("a".parse::<PublishKey>().is_ok());
        assert!("aZ_9-".parse::<PublishKey>().is_ok());
        assert!("k".repeat(64).parse::<PublishKey>().is_ok());
        for bad in ["", " ", "a b", "é", "a\n", &"k".repeat(65)] {
            assert_eq!(bad.parse::<PublishKey>(), Err(ErrorCode::KeyInvalid), "{bad:?}");
        }
    }

    #[test]
    fn random_bits_become_a_valid_key() {
        for bits in [0, 1, u128::MAX] {
            let key = PublishKey::from_bits(bits);
            assert_eq!(key.as_str().parse(), Ok(key.clone()));
        }
    }
}
