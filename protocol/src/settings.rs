//! What a room is for, and who may do what in it.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::limits::{SLOW_SECONDS_MAX, TITLE_CHARS_MAX, TOPIC_CHARS_MAX};

/// Who may read a room and post to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All read and post.
    #[default]
    Open,
    /// All read. To post takes an access key.
    Announce,
    /// To read and to post takes an access key.
    Private,
}

impl Mode {
    /// The mode's word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Announce => "announce",
            Self::Private => "private",
        }
    }

    /// Reads the mode's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Announce, Self::Private].into_iter().find(|mode| mode.as_str() == word)
    }
}

/// The settings of a room. They are an entry of its log, so they change in one order for everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSettings {
    /// A name for people; empty: the room's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What the room is about, in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Who may read and post.
    #[serde(default)]
    pub mode: Mode,
    /// True if messages wait for a moderator's approval.
    #[serde(default)]
    pub queue: bool,
    /// Minimum time between two messages of an identity, in seconds; 0 is no minimum.
    #[serde(default)]
    pub slow: u32,
    /// True if only moderators may publish.
    #[serde(default)]
    pub closed: bool,
}

impl RoomSettings {
    /// Checks the settings and trims their texts.
    ///
    /// # Errors
    /// [`ErrorCode::SettingsInvalid`].
    pub fn checked(self) -> Result<Self, ErrorCode> {
        let line = |text: &str, chars_max: usize| line(text, chars_max).ok_or(ErrorCode::SettingsInvalid);
        if self.slow > SLOW_SECONDS_MAX {
            return Err(ErrorCode::SettingsInvalid);
        }
        Ok(Self { title: line(&self.title, TITLE_CHARS_MAX)?, topic: line(&self.topic, TOPIC_CHARS_MAX)?, ..self })
    }
}

/// Returns a trimmed line of at most `chars_max` characters. `None` if the text is none.
pub(crate) fn line(text: &str, chars_max: usize) -> Option<String> {
    let text = text.trim();
    let is_fine = text.chars().count() <= chars_max && !text.contains(char::is_control);
    is_fine.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_fields_are_the_default() {
        assert_eq!(serde_json::from_str::<RoomSettings>("{}").unwrap(), RoomSettings::default());
        let json = serde_json::to_string(&RoomSettings { mode: Mode::Announce, slow: 5, ..RoomSettings::default() }).unwrap();
        assert_eq!(json, r#"{"mode":"announce","queue":false,"slow":5,"closed":false}"#);
        for mode in [Mode::Open, Mode::Announce, Mode::Private] {
            assert_eq!(Mode::parse(mode.as_str()), Some(mode));
        }
    }

    #[test]
    fn refuses_long_and_broken_lines() {
        let title = |title: &str| RoomSettings { title: title.to_owned(), ..RoomSettings::default() }.checked();
        assert_eq!(title("  Tea  ").map(|settings| settings.title).as_deref(), Ok("Tea"));
        for bad in ["a\nb", &"x".repeat(TITLE_CHARS_MAX + 1)] {
            assert_eq!(title(bad), Err(ErrorCode::SettingsInvalid));
        }
        let slow = RoomSettings { slow: SLOW_SECONDS_MAX + 1, ..RoomSettings::default() };
        assert_eq!(slow.checked(), Err(ErrorCode::SettingsInvalid));
    }
}
