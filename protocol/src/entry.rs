//! The entries of a room's log: messages, and what changes them.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Author, Emoji, PublishKey, Reaction, RoomSettings, Tag, Text};

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody said something.
    #[default]
    Message,
    /// A message gets another text.
    Edit,
    /// A message is taken back.
    Erase,
    /// An identity chooses an emoji for a message, or takes it back.
    React,
    /// A message is pinned.
    Pin,
    /// A message is no longer pinned.
    Unpin,
    /// The room has new settings.
    Room,
    /// Somebody begins to show a screen in the room, or a cast ends. Only the server writes it.
    Cast,
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Kind {
    /// Every kind that this version knows.
    pub const ALL: [Self; 8] = [Self::Message, Self::Edit, Self::Erase, Self::React, Self::Pin, Self::Unpin, Self::Room, Self::Cast];

    /// The kind's word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Edit => "edit",
            Self::Erase => "erase",
            Self::React => "react",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Room => "room",
            Self::Cast => "cast",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the kind's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// True for a message.
    pub fn is_message(&self) -> bool {
        *self == Self::Message
    }
}

/// An entry of a room's log. Its `offset` never changes. Which other fields it has depends on its
/// `kind`.
///
/// A message is *folded*: later changes are applied to it, up to the offset [`Self::changed`].
///
/// Deserializing does not check author, text and key: another version may have accepted them under
/// other rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The place in the room: 1 for the first entry, and one more for each later one.
    pub offset: u64,
    /// When the server accepted the entry, in milliseconds since 1970 (UTC). Never before the time
    /// of the entry before it; several may be equal.
    pub time: u64,
    /// What the entry is.
    #[serde(default, skip_serializing_if = "Kind::is_message")]
    pub kind: Kind,
    /// The offset of the message that the entry changes, or of the entry that began the cast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// The name that the author gave, which nobody checked.
    #[serde(default, skip_serializing_if = "Author::is_nameless", deserialize_with = "author")]
    pub author: Author,
    /// The text of a message or an edit.
    #[serde(default, skip_serializing_if = "Text::is_absent", deserialize_with = "text")]
    pub text: Text,
    /// The publish key, by which the publisher recognizes the entry.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "key")]
    pub key: Option<PublishKey>,
    /// What arrived on the demo's WebSocket, if that is not just the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// The identity that published it, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Tag>,
    /// True if it was published with a moderator's access key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub badge: bool,
    /// The offset of the message that a message replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<u64>,
    /// The emoji of a reaction.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emoji")]
    pub emoji: Option<Emoji>,
    /// True if a reaction was taken back, or if a cast ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
    /// The room's new settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Box<RoomSettings>>,
    /// When a message that waited for approval was received, in milliseconds since 1970 (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// The offset of the last change that is applied to this message; 0 if there is none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub changed: u64,
    /// When the message was edited last, in milliseconds since 1970 (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<u64>,
    /// True if the message was taken back: its text, author and raw form are gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// The message's reactions, in the order in which their emoji came first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(crate) fn author<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Author, D::Error> {
    String::deserialize(deserializer).map(Author::from_stored)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
    String::deserialize(deserializer).map(Text::from_stored)
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PublishKey>, D::Error> {
    Option::deserialize(deserializer).map(|key: Option<String>| key.map(PublishKey::from_stored))
}

fn emoji<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Emoji>, D::Error> {
    Option::deserialize(deserializer).map(|emoji: Option<String>| emoji.map(Emoji::from_stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omits_absent_fields() {
        let entry = Entry { offset: 1, time: 2, text: Text::parse("hi").unwrap(), ..Entry::default() };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(json, r#"{"offset":1,"time":2,"text":"hi"}"#);
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    }

    #[test]
    fn a_change_names_its_kind_and_its_message() {
        let emoji = Some(Emoji::from_stored("👍".to_owned()));
        let entry = Entry { offset: 9, time: 2, kind: Kind::React, of: Some(7), emoji, by: Some(Tag::from_bits(1)), ..Entry::default() };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(json, r#"{"offset":9,"time":2,"kind":"react","of":7,"by":"aaaaaaaaaaab","emoji":"👍"}"#);
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
        let later = serde_json::from_str::<Entry>(r#"{"offset":9,"time":2,"kind":"dance","of":7}"#).unwrap();
        assert_eq!(later.kind, Kind::Unknown);
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn reads_values_that_other_versions_accepted() {
        let json = r#"{"offset":1,"time":2,"author":"a\nb","text":" ","key":"no key"}"#;
        let entry = serde_json::from_str::<Entry>(json).unwrap();
        assert_eq!((entry.author.as_str(), entry.text.as_str()), ("a\nb", " "));
        assert_eq!(serde_json::to_string(&entry).unwrap(), json);
    }
}
