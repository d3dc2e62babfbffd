//! Room names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::limits::ROOM_NAME_CHARS_MAX;

/// A room's name: 1 to 64 characters, each a letter of any script, a digit `0-9`, `_` or `-`.
///
/// Letters are kept in lower case, so `Lobby` and `lobby` are one room.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomName(String);

impl RoomName {
    /// The room behind `/`.
    pub fn lobby() -> Self {
        Self("lobby".to_owned())
    }

    /// The name's text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomName {
    type Err = ErrorCode;

    fn from_str(name: &str) -> Result<Self, ErrorCode> {
        // The name is checked first, so that a hostile one costs no lower-casing.
        if !is_well_formed(name) {
            return Err(ErrorCode::RoomNameInvalid);
        }
        // Lower case can be longer, or need a mark that is no letter, as for the Turkish capital dotted I.
        name.to_lowercase().try_into()
    }
}

fn is_well_formed(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_digit() || c == '_' || c == '-' || c.is_alphabetic();
    let short = name.chars().take(ROOM_NAME_CHARS_MAX + 1).count() <= ROOM_NAME_CHARS_MAX;
    !name.is_empty() && short && name.chars().all(allowed)
}

impl TryFrom<String> for RoomName {
    type Error = ErrorCode;

    /// Takes a canonical name as it is, which is how names travel. What people type is parsed; only that brings the
    /// tables of lower case into a program, and the browser's need not have them.
    fn try_from(name: String) -> Result<Self, ErrorCode> {
        let canonical = is_well_formed(&name) && !name.chars().any(char::is_uppercase);
        if canonical { Ok(Self(name)) } else { Err(ErrorCode::RoomNameInvalid) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_script_are_fine() {
        for name in ["lobby", "r_2-d2", "大厅", "café", "комната", "غرفة", &"大".repeat(64)] {
            assert_eq!(name.parse::<RoomName>().map(|room| room.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!("Lobby".parse::<RoomName>(), Ok(RoomName::lobby()));
    }

    #[test]
    fn names_travel_in_lower_case() {
        assert_eq!(RoomName::try_from("lobby".to_owned()), Ok(RoomName::lobby()));
        assert_eq!(RoomName::try_from("Lobby".to_owned()), Err(ErrorCode::RoomNameInvalid));
        assert_eq!(RoomName::try_from("a b".to_owned()), Err(ErrorCode::RoomNameInvalid));
    }

    #[test]
    fn anything_else_is_refused() {
        for name in ["", " ", "a b", "a/b", "..", "a.b", "<b>", "a\0", "a\u{202e}b", "👍", "İ", &"a".repeat(65), &"大".repeat(65)] {
            assert_eq!(name.parse::<RoomName>(), Err(ErrorCode::RoomNameInvalid), "{name:?}");
        }
    }
}
