//! The entries of a room's log.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Author, PublishKey, Text};

/// An entry of a room's log: today always a message. Its `offset` never changes.
///
/// Deserializing does not check author, text and key: another version may have accepted them under
/// other rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The place in the room: 1 for the first entry, and one more for each later one.
    pub offset: u64,
    /// When the server accepted the message, in milliseconds since 1970 (UTC). Never before the
    /// time of the entry before it; several may be equal.
    pub time: u64,
    /// The name that the author gave, which nobody checked.
    #[serde(default, skip_serializing_if = "Author::is_nameless", deserialize_with = "author")]
    pub author: Author,
    /// The message's text.
    #[serde(deserialize_with = "text")]
    pub text: Text,
    /// The publish key, by which the publisher recognizes the message.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "key")]
    pub key: Option<PublishKey>,
    /// What arrived on the demo's WebSocket, if that is not just the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

fn author<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Author, D::Error> {
    String::deserialize(deserializer).map(Author::from_stored)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
    String::deserialize(deserializer).map(Text::from_stored)
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PublishKey>, D::Error> {
    Option::deserialize(deserializer).map(|key: Option<String>| key.map(PublishKey::from_stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omits_absent_fields() {
        let entry = Entry { offset: 1, time: 2, author: Author::default(), text: Text::parse("hi").unwrap(), key: None, raw: None };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(json, r#"{"offset":1,"time":2,"text":"hi"}"#);
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    }

    #[test]
    fn reads_values_that_other_versions_accepted() {
        let json = r#"{"offset":1,"time":2,"author":"a\nb","text":"","key":"no key"}"#;
        let entry = serde_json::from_str::<Entry>(json).unwrap();
        assert_eq!((entry.author.as_str(), entry.text.as_str()), ("a\nb", ""));
        assert_eq!(serde_json::to_string(&entry).unwrap(), json);
    }
}
