//! Reactions: an emoji beside a message, and how many people chose it.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::limits::EMOJI_BYTES_MAX;

/// One emoji.
///
/// Without the feature `unicode`, any short text is valid here that a server may refuse.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Emoji(String);

impl Emoji {
    /// Checks an emoji, and returns its one spelling: with the variation selector if Unicode
    /// recommends that.
    ///
    /// # Errors
    /// [`ErrorCode::EmojiInvalid`].
    pub fn parse(text: &str) -> Result<Self, ErrorCode> {
        if text.is_empty() || text.len() > EMOJI_BYTES_MAX {
            return Err(ErrorCode::EmojiInvalid);
        }
        #[cfg(feature = "unicode")]
        let text = emojis::get(text).ok_or(ErrorCode::EmojiInvalid)?.as_str();
        Ok(Self(text.to_owned()))
    }

    /// Creates an emoji from storage without checking it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the emoji's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Emoji {
    type Error = ErrorCode;

    fn try_from(text: String) -> Result<Self, ErrorCode> {
        Self::parse(&text)
    }
}

impl From<Emoji> for String {
    fn from(emoji: Emoji) -> Self {
        emoji.0
    }
}

/// How many identities chose an emoji for a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The emoji. Not checked: another version may know more of them.
    pub emoji: String,
    /// How many chose it; at least 1.
    pub count: u32,
    /// True if the reader is one of them. Only set in answers to one reader.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mine: bool,
}

#[cfg(all(test, feature = "unicode"))]
mod tests {
    use super::*;

    #[test]
    fn accepts_one_emoji_in_one_spelling() {
        for emoji in ["👍", "❤️", "👩🏽‍💻", "🇨🇳", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"] {
            assert_eq!(Emoji::parse(emoji).map(String::from).as_deref(), Ok(emoji));
        }
        assert_eq!(Emoji::parse("❤"), Emoji::parse("❤️"));
    }

    #[test]
    fn refuses_letters_and_several_emoji() {
        for bad in ["", "a", "1", "好", "👍👍", "👍a", " 👍", "<b>", "\u{200d}", &"👍".repeat(99)] {
            assert_eq!(Emoji::parse(bad), Err(ErrorCode::EmojiInvalid), "{bad:?}");
        }
    }
}
