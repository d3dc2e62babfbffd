//! Parses the room names that people type.

use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{BinaryProperty, EnumeratedProperty, GeneralCategory, JoinControl, VariationSelector};

use super::RoomName;
use crate::ErrorCode;
use crate::limits::ROOM_NAME_CHARS_MAX;
use crate::shaping::has_only_shaping_invisibles;

/// Maximum length of a name before it is normalized, in characters: a composed character may be
/// typed as four, and spaces may repeat. The bound limits the work.
const TYPED_CHARS_MAX: usize = 8 * ROOM_NAME_CHARS_MAX;

impl FromStr for RoomName {
    type Err = ErrorCode;

    fn from_str(name: &str) -> Result<Self, ErrorCode> {
        let name = name.trim();
        // Most names need no normalization, and many clients may reconnect at once.
        if name.is_ascii()
            && name.len() <= ROOM_NAME_CHARS_MAX
            && let Ok(ready) = Self::try_from(name.to_owned())
        {
            return Ok(ready);
        }
        if name.chars().nth(TYPED_CHARS_MAX).is_some() {
            return Err(ErrorCode::RoomNameInvalid);
        }
        let unvaried: String = name.chars().filter(|c| !VariationSelector::for_char(*c)).collect();
        let joined = unvaried.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
        let normalizer = ComposingNormalizerBorrowed::new_nfc();
        let name = normalizer.normalize(&normalizer.normalize(&joined).to_lowercase()).into_owned();
        if is_well_formed(&name) { Ok(Self(name)) } else { Err(ErrorCode::RoomNameInvalid) }
    }
}

fn is_space(c: char) -> bool {
    GeneralCategory::for_char(c) == GeneralCategory::SpaceSeparator
}

fn is_well_formed(name: &str) -> bool {
    let mut before = None;
    let mut allowed = |c: char| {
        let is_mark = matches!(GeneralCategory::for_char(c), GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark);
        let is_digit = || GeneralCategory::for_char(c) == GeneralCategory::DecimalNumber;
        let in_word = before.replace(c).is_some_and(|before| !matches!(before, '-' | '_'));
        if is_mark { in_word } else { c.is_alphabetic() || is_digit() || matches!(c, '-' | '_') || JoinControl::for_char(c) }
    };
    let is_short = name.chars().take(ROOM_NAME_CHARS_MAX + 1).count() <= ROOM_NAME_CHARS_MAX;
    !name.is_empty() && is_short && name.chars().all(&mut allowed) && has_only_shaping_invisibles(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_letters_of_any_script() {
        for name in ["lobby", "r_2-d2", "大厅", "café", "комната", "غرفة", &"大".repeat(64)] {
            assert_eq!(name.parse::<RoomName>().map(|room| room.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn ignores_case() {
        assert_eq!("Lobby".parse::<RoomName>(), Ok(RoomName::lobby()));
    }

    #[test]
    fn accepts_only_lower_case_from_a_server() {
        assert_eq!(RoomName::try_from("lobby".to_owned()), Ok(RoomName::lobby()));
        assert_eq!(RoomName::try_from("Lobby".to_owned()), Err(ErrorCode::RoomNameInvalid));
        assert_eq!(RoomName::try_from("a b".to_owned()), Err(ErrorCode::RoomNameInvalid));
    }

    #[test]
    fn refuses_everything_else() {
        for name in ["", " ", "a/b", "..", "a.b", "<b>", "a\0", "a\u{202e}b", "👍", &"a".repeat(65), &"大".repeat(65)] {
            assert_eq!(name.parse::<RoomName>(), Err(ErrorCode::RoomNameInvalid), "{name:?}");
        }
    }
}
