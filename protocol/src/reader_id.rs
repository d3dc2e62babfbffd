//! The id of a reader, so that several sessions of one count once.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use crate::error::ErrorCode;
use crate::fields::InputError;
use crate::position::parse_hexadecimal;

/// The random id of a reader, the same in all tabs of a browser. Written as 16 lower-case
/// hexadecimal digits, not all of them 0, so that an optional id takes no more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReaderId(NonZeroU64);

impl ReaderId {
    /// Makes an id of 63 random bits; the lowest bit is not used.
    pub fn from_bits(bits: u64) -> Self {
        Self(NonZeroU64::MIN | bits)
    }
}

impl fmt::Display for ReaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ReaderId {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        let id = parse_hexadecimal(text).and_then(NonZeroU64::new).map(Self);
        id.ok_or_else(|| {
            InputError::with_detail(ErrorCode::QueryInvalid, "reader must be 16 lower-case hexadecimal digits, not all of them 0")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_sixteen_hexadecimal_digits() {
        assert_eq!("00000000000000ff".parse().ok(), Some(ReaderId::from_bits(255)));
        assert_eq!(ReaderId::from_bits(0xfe).to_string(), "00000000000000ff");
        for text in ["", "ff", "00000000000000FF", "+0000000000000ff", "000000000000000ff", "0000000000000000"] {
            assert!(text.parse::<ReaderId>().is_err(), "{text}");
        }
    }
}
