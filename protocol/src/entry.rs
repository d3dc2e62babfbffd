//! The records of a room's log.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Author, PublishKey, Text};

/// One record of a room's log: today always a message. Its place, `offset`, never changes.
///
/// Deserializing does not check author, text and key: another version may have accepted them under other rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The place in the room: the first entry's is 1, each later one's is greater.
    pub offset: u64,
    /// When the server took the message, in milliseconds since 1970 (UTC). Offsets order entries; times need not.
    pub time: u64,
    /// Who wrote it, in their own words; nobody checked.
    #[serde(default, skip_serializing_if = "Author::is_nameless", deserialize_with = "author")]
    pub author: Author,
    /// What they wrote.
    #[serde(deserialize_with = "text")]
    pub text: Text,
    /// The publisher's key, by which they know their own message again.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "key")]
    pub key: Option<PublishKey>,
    /// What came in on the demo's socket, where that is not just the text.
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
    fn an_entry_says_only_what_there_is() {
        let entry = Entry { offset: 1, time: 2, author: Author::default(), text: Text::parse("hi").unwrap(), key: None, raw: None };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(json, r#"{"offset":1,"time":2,"text":"hi"}"#);
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    }

    #[test]
    fn what_other_versions_accepted_is_read() {
        let json = r#"{"offset":1,"time":2,"author":"a\nb","text":"","key":"no key"}"#;
        let entry = serde_json::from_str::<Entry>(json).unwrap();
        assert_eq!((entry.author.as_str(), entry.text.as_str()), ("a\nb", ""));
        assert_eq!(serde_json::to_string(&entry).unwrap(), json);
    }
}
