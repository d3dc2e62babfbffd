//! The rooms that an access key or a ban is for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, RoomName};

/// Which rooms: all (`*`), one by its name, or all whose names begin alike (`team-*`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomPattern(String);

impl Default for RoomPattern {
    /// All rooms.
    fn default() -> Self {
        Self("*".to_owned())
    }
}

impl RoomPattern {
    /// The pattern of one room.
    pub fn one(room: &RoomName) -> Self {
        Self(room.as_str().to_owned())
    }

    /// Creates a pattern from storage without checking it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the pattern's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the room is one of these.
    pub fn covers(&self, room: &RoomName) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => room.as_str().starts_with(prefix),
            None => room.as_str() == self.0,
        }
    }

    /// True if every room of the other pattern is one of these.
    pub fn includes(&self, other: &Self) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => other.0.trim_end_matches('*').starts_with(prefix),
            None => self == other,
        }
    }

    #[cfg(feature = "unicode")]
    fn name(text: &str) -> Result<RoomName, ErrorCode> {
        text.parse()
    }

    #[cfg(not(feature = "unicode"))]
    fn name(text: &str) -> Result<RoomName, ErrorCode> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for RoomPattern {
    type Error = ErrorCode;

    /// Reads a pattern as people type it: `Team-*` is `team-*`.
    fn try_from(text: String) -> Result<Self, ErrorCode> {
        // No character of a name changes by what follows it; a letter makes any prefix a name.
        const END: char = 'x';
        match text.trim().strip_suffix('*') {
            Some("") => Ok(Self::default()),
            Some(prefix) => {
                let name = Self::name(&format!("{prefix}{END}"))?;
                name.as_str().strip_suffix(END).map(|prefix| Self(format!("{prefix}*"))).ok_or(ErrorCode::RoomNameInvalid)
            }
            None => Ok(Self(Self::name(&text)?.into())),
        }
    }
}

impl From<RoomPattern> for String {
    fn from(pattern: RoomPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for RoomPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(all(test, feature = "unicode"))]
mod tests {
    use super::*;

    fn pattern(text: &str) -> RoomPattern {
        let Ok(pattern) = RoomPattern::try_from(text.to_owned()) else { panic!("{text}") };
        pattern
    }

    #[test]
    fn covers_all_rooms_one_or_those_that_begin_alike() {
        let covers = |text: &str, room: &str| room.parse().is_ok_and(|room| pattern(text).covers(&room));
        assert!(covers("*", "lobby") && covers("Lobby", "lobby") && covers("Team-*", "team-red") && covers("team-*", "team-"));
        assert!(!covers("lobby", "lobby-2") && !covers("team-*", "team") && !covers("team-*", "a-team-"));
        assert!(covers("大*", "大厅") && covers("max*", "max") && covers("maxx*", "maxx-2") && !covers("maxx*", "max"));
    }

    #[test]
    fn includes_narrower_patterns() {
        let includes = |wide: &str, narrow: &str| pattern(wide).includes(&pattern(narrow));
        assert!(includes("*", "*") && includes("*", "a") && includes("*", "a*") && includes("a*", "ab*") && includes("a*", "ab"));
        assert!(!includes("a", "a*") && !includes("ab*", "a*") && !includes("a*", "*") && !includes("a", "b"));
    }

    #[test]
    fn refuses_what_no_room_can_be() {
        for bad in ["", "a/b", "a/*", "**", "a*b"] {
            assert!(RoomPattern::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
