//! Bodies of the HTTP interface.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Author, Entry, Position, PublishKey, RoomName, Text};

/// A message to publish, as the body of a `POST` and inside a publish frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The message's text.
    pub text: Text,
    /// The author's name. In JSON, `null` is the same as an absent field.
    #[serde(default, deserialize_with = "author_or_null", skip_serializing_if = "Author::is_nameless")]
    pub author: Author,
    /// The key that makes it safe to publish the message again. Without one, it would be stored
    /// twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublishKey>,
}

fn author_or_null<'de, D: Deserializer<'de>>(author: D) -> Result<Author, D::Error> {
    Option::deserialize(author).map(Option::unwrap_or_default)
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
