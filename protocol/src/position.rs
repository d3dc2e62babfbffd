//! Positions: where a reader of a room is, in a form that survives reconnects, restarts and lost logs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::limits::OFFSET_MAX;

/// The identity of a log. A new one is drawn when history was lost, reset or restored, so that an offset of another
/// log is never mistaken for one of this. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The place just after the entry `offset` in the log `epoch`; offset 0 is before the first entry.
///
/// The text form is `epoch:offset`, for example `00c0ffee00c0ffee:42`, in URLs, in JSON and as SSE ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position {
    /// The log.
    pub epoch: Epoch,
    /// The last entry that was read.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = ErrorCode;

    /// Takes only what `Display` writes: one position has one text.
    fn from_str(text: &str) -> Result<Self, ErrorCode> {
        let parse = || {
            let (epoch, offset) = text.split_once(':')?;
            let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let canonical = offset == "0" || !offset.starts_with(['0', '+']);
            if epoch.len() != 16 || !epoch.bytes().all(hexadecimal) || !canonical {
                return None;
            }
            let epoch = Epoch(u64::from_str_radix(epoch, 16).ok()?);
            let offset = offset.parse().ok().filter(|offset| *offset <= OFFSET_MAX)?;
            Some(Self { epoch, offset })
        };
        parse().ok_or(ErrorCode::PositionInvalid)
    }
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
    fn text_and_back() {
        for offset in [0, 1, 42, OFFSET_MAX] {
            let position = Position { epoch: Epoch(0x00c0_ffee), offset };
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert_eq!(Position { epoch: Epoch(1), offset: 7 }.to_string(), "0000000000000001:7");
    }

    #[test]
    fn only_the_canonical_text_is_taken() {
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
