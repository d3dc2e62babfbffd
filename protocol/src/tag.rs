//! Identity tags: by which one author is told from another of the same name.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// The alphabet of base32 (RFC 4648, section 6), in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters of a tag.
const CHARS: u32 = 12;
/// Bits of a character.
const CHAR_BITS: u32 = 5;

/// What stands for an identity in public: 60 bits that the server derives from the identity's
/// secret. Nobody can find the secret from it, or choose it. Written as 12 characters of base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(
    /// The 60 bits, then a 1, so that an optional tag takes no more memory.
    NonZeroU64,
);

impl Tag {
    /// Creates a tag from the lowest 60 bits of a number.
    pub fn from_bits(bits: u64) -> Self {
        Self(NonZeroU64::MIN | (bits & ((1 << (CHARS * CHAR_BITS)) - 1)) << 1)
    }

    /// Returns the 60 bits.
    pub fn bits(self) -> u64 {
        self.0.get() >> 1
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let char_at = |place: u32| char::from(ALPHABET[(self.bits() >> (place * CHAR_BITS)) as usize % ALPHABET.len()]);
        f.write_str(&(0..CHARS).rev().map(char_at).collect::<String>())
    }
}

impl FromStr for Tag {
    type Err = ErrorCode;

    fn from_str(text: &str) -> Result<Self, ErrorCode> {
        let digit = |byte: u8| ALPHABET.iter().position(|char| *char == byte);
        let add = |bits: u64, byte: u8| digit(byte).map(|digit| bits << CHAR_BITS | digit as u64);
        let bits = text.bytes().try_fold(0, add).filter(|_| text.len() == CHARS as usize);
        bits.map(Self::from_bits).ok_or(ErrorCode::TagInvalid)
    }
}

impl TryFrom<String> for Tag {
    type Error = ErrorCode;

    fn try_from(text: String) -> Result<Self, ErrorCode> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_writes() {
        for bits in [0, 1, 31, 32, 0x0123_4567_89ab_cdef, u64::MAX] {
            let tag = Tag::from_bits(bits);
            assert_eq!(tag.to_string().parse(), Ok(tag));
        }
        assert_eq!(Tag::from_bits(33).to_string(), "aaaaaaaaaabb");
        assert_eq!(Tag::from_bits(u64::MAX).to_string(), "777777777777");
    }

    #[test]
    fn refuses_every_other_text() {
        for bad in ["", "aaaaaaaaaaa", "aaaaaaaaaaaaa", "AAAAAAAAAAAA", "aaaaaaaaaaa1", "aaaaaaaaaaa ", "\u{e9}aaaaaaaaaa"] {
            assert_eq!(bad.parse::<Tag>(), Err(ErrorCode::TagInvalid), "{bad:?}");
        }
    }
}
