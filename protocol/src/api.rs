//! Bodies of the HTTP interface.

use serde::{Deserialize, Serialize};

use crate::fields::FromFields;
use crate::{Author, Entry, ErrorCode, Position, PublishKey, RoomName, Text};

/// A message to publish, as the body of a `POST` and inside a publish frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PublishFields")]
pub struct PublishRequest {
    /// The message's text.
    pub text: Text,
    /// The author's name. In JSON, `null` is the same as an absent field.
    #[serde(skip_serializing_if = "Author::is_nameless")]
    pub author: Author,
    /// The key that makes it safe to publish the message again. Without one, it would be stored
    /// twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PublishKey>,
}

/// The fields of a [`PublishRequest`] as they arrive. `null` is the same as an absent field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct PublishFields {
    /// The message's text.
    pub text: String,
    /// The author's name.
    pub author: Option<String>,
    /// The publish key.
    pub key: Option<String>,
}

impl FromFields for PublishRequest {
    type Fields = PublishFields;
}

impl TryFrom<PublishFields> for PublishRequest {
    type Error = ErrorCode;

    fn try_from(fields: PublishFields) -> Result<Self, ErrorCode> {
        let PublishFields { text, author, key } = fields;
        Ok(Self {
            text: text.try_into()?,
            author: author.map(Author::try_from).transpose()?.unwrap_or_default(),
            key: key.map(PublishKey::try_from).transpose()?,
        })
    }
}

/// The answer to a publish: the message is durable, and readers receive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The message's position.
    pub position: Position,
    /// True if the message was stored before, with the same key.
    pub duplicate: bool,
    /// The number of sessions in the room when the message became visible.
    pub reached: usize,
}

/// A page of a room's history, oldest entry first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesPage {
    /// The room's name in its one spelling.
    pub room: RoomName,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// The position after the entries: pass it as `after`, or subscribe from it, and nothing is
    /// missed.
    pub position: Position,
    /// The position to pass as `before` for older entries. Absent if nothing older is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Position>,
    /// The position of the room's newest entry.
    pub latest: Position,
    /// The number of sessions in the room. A reader that polls is not one. `here` on the wire.
    #[serde(default, rename = "here")]
    pub online: usize,
}
