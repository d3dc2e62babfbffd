//! Positions: where a reader of a room is. They stay valid over reconnects and restarts, and never
//! match another log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::limits::OFFSET_MAX;

/// Identifies a log. A new one is drawn when history is lost, reset or restored, so that an offset
/// of one log is never mistaken for an offset of another. Written as 16 lower-case hexadecimal
/// digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The place just after the entry at `offset` in the log `epoch`. Offset 0 is before the first
/// entry.
///
/// In URLs, in JSON and as ids of server-sent events it is written `epoch:offset`, for example
/// `00c0ffee00c0ffee:42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position {
    /// The log.
    pub epoch: Epoch,
    /// The offset of the last entry that was read; at most [`OFFSET_MAX`] in text form.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = ErrorCode;

    /// Parses exactly what `Display` writes, so that each position has one text.
    fn from_str(text: &str) -> Result<Self, ErrorCode> {
        let parse = || {
            let (epoch, offset) = text.split_once(':')?;
            let canonical = offset == "0" || !offset.starts_with(['0', '+']);
            if !canonical {
                return None;
            }
            let epoch = Epoch(parse_hexadecimal(epoch)?);
            let offset = offset.parse().ok().filter(|offset| *offset <= OFFSET_MAX)?;
            Some(Self { epoch, offset })
        };
        parse().ok_or(ErrorCode::PositionInvalid)
    }
}

/// Reads a number from 16 lower-case hexadecimal digits, the one way to write it.
pub(crate) fn parse_hexadecimal(text: &str) -> Option<u64> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let valid = text.len() == 16 && text.bytes().all(is_digit);
    if valid { u64::from_str_radix(text, 16).ok() } else { None }
}

impl TryFrom<String> for Position {
    type Error = ErrorCode;

    fn try_from(text: String) -> Result<Self, ErrorCode> {
        text.parse()
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_writes() {
        for offset in [0, 1, 42, OFFSET_MAX] {
            let position = Position { epoch: Epoch(0x00c0_ffee), offset };
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert_eq!(Position { epoch: Epoch(1), offset: 7 }.to_string(), "0000000000000001:7");
    }

    #[test]
    fn refuses_every_other_text() {
        for bad in [
            "",
            ":",
            "42",
            "lobby:1",
            "0000000000000001",
            "0000000000000001:",
            ":1",
            "1:1",
            "0000000000000001:-1",
            "0000000000000001:+1",
            "0000000000000001:01",
            "0000000000000001: 1",
            "0000000000000001:1:1",
            "000000000000000G:1",
            "000000000000000A:1",
            "0000000000000001:9007199254740992",
            "0000000000000001:18446744073709551616",
            "+000000000000001:1",
        ] {
            assert_eq!(bad.parse::<Position>(), Err(ErrorCode::PositionInvalid), "{bad:?}");
        }
    }
}
