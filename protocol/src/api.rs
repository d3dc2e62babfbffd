//! Bodies of the HTTP interface.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Author, Entry, Position, PublishKey, RoomName, Text};

/// A message to publish, as the body of a `POST` and inside a publish frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// What to say.
    pub text: Text,
    /// Who says it; `null` is nobody.
    #[serde(default, deserialize_with = "author_or_null", skip_serializing_if = "Author::is_nameless")]
    pub author: Author,
    /// The name by which sending it again is recognised. Without one, sending again publishes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublishKey>,
}

fn author_or_null<'de, D: Deserializer<'de>>(author: D) -> Result<Author, D::Error> {
    Option::deserialize(author).map(Option::unwrap_or_default)
}

/// The answer to a publish: the message is durable and on its way to everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Where it is.
    pub position: Position,
    /// Whether it had been there before, under the same key.
    pub duplicate: bool,
    /// How many sessions the room had when it became visible.
    pub reached: usize,
}

/// A page of a room's history, oldest entry first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesPage {
    /// The room, by its canonical name.
    pub room: RoomName,
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where to go on: pass it as `after`, or subscribe from it, and nothing is missed.
    pub position: Position,
    /// Where to go back: pass it as `before` to get the entries older than this one. Absent when nothing older is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Position>,
    /// The room's newest entry.
    pub latest: Position,
    /// How many sessions the room has; who only asks now and then is not one of them.
    #[serde(default, rename = "here")]
    pub online: usize,
}
