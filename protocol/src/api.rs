//! Bodies of the HTTP interface.

use serde::{Deserialize, Serialize};

use crate::fields::{FromFields, InputError};
use crate::{Author, CastInfo, Emoji, Entry, ErrorCode, Kind, Position, PublishKey, RoomName, RoomSettings, Tag, Text};

/// Something to publish, as the body of a `POST` and inside a publish frame: a message, or a change
/// of one. Which fields it has depends on its `kind`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PublishFields")]
pub struct PublishRequest {
    /// What it is.
    #[serde(skip_serializing_if = "Kind::is_message")]
    pub kind: Kind,
    /// The offset of the message to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// The text of a message or an edit.
    #[serde(skip_serializing_if = "Text::is_absent")]
    pub text: Text,
    /// The author's name. In JSON, `null` is the same as an absent field.
    #[serde(skip_serializing_if = "Author::is_nameless")]
    pub author: Author,
    /// The key that makes it safe to publish the same again. Without one, it would be stored twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PublishKey>,
    /// The offset of the message that a message replies to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<u64>,
    /// The emoji of a reaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<Emoji>,
    /// True to take a reaction back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
    /// The room's new settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Box<RoomSettings>>,
}

/// The fields of a [`PublishRequest`] as they arrive. `null` is the same as an absent field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct PublishFields {
    /// The kind's word.
    pub kind: Option<String>,
    /// The offset of the message to change.
    pub of: Option<u64>,
    /// The text.
    pub text: Option<String>,
    /// The author's name.
    pub author: Option<String>,
    /// The publish key.
    pub key: Option<String>,
    /// The offset of the message that is replied to.
    pub reply: Option<u64>,
    /// The emoji.
    pub emoji: Option<String>,
    /// True to take a reaction back.
    pub off: Option<bool>,
    /// The room's settings.
    pub settings: Option<RoomSettings>,
}

impl FromFields for PublishRequest {
    type Fields = PublishFields;
}

impl TryFrom<PublishFields> for PublishRequest {
    type Error = InputError;

    /// Takes the fields that the kind has, and ignores others.
    fn try_from(fields: PublishFields) -> Result<Self, InputError> {
        let PublishFields { kind, of, text, author, key, reply, emoji, off, settings } = fields;
        let missing = |field: &str| InputError::with_detail(ErrorCode::ShapeInvalid, ["missing field `", field, "`"].concat());
        let kind = match kind.as_deref() {
            None => Kind::Message,
            Some(word) => Kind::parse(word).ok_or_else(|| InputError::with_detail(ErrorCode::ShapeInvalid, "unknown kind"))?,
        };
        if kind == Kind::Cast {
            return Err(InputError::with_detail(ErrorCode::ShapeInvalid, "only the server publishes this kind"));
        }
        let mut request = Self { kind, ..Self::default() };
        if !matches!(kind, Kind::Message | Kind::Room) {
            request.of = Some(of.ok_or_else(|| missing("of"))?);
        }
        match kind {
            Kind::Message | Kind::Edit => request.text = text.ok_or_else(|| missing("text"))?.try_into()?,
            Kind::React => {
                request.emoji = Some(emoji.ok_or_else(|| missing("emoji"))?.try_into()?);
                request.off = off.unwrap_or_default();
            }
            Kind::Room => request.settings = Some(settings.ok_or_else(|| missing("settings"))?.checked()?.into()),
            _ => {}
        }
        if kind == Kind::Message {
            request.author = author.map(Author::try_from).transpose()?.unwrap_or_default();
            request.reply = reply;
        }
        request.key = key.map(PublishKey::try_from).transpose()?;
        Ok(request)
    }
}

/// The answer to a publish: the entry is durable, and readers receive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The entry's position.
    pub position: Position,
    /// True if the entry was stored before, with the same key, or if it would change nothing.
    pub duplicate: bool,
    /// The number of sessions in the room when the entry became visible.
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
    /// The reader's own identity, if the request had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you: Option<Tag>,
}

/// What a room is, and what the reader may do in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInfo {
    /// The room's name in its one spelling.
    pub room: RoomName,
    /// The room's settings.
    pub settings: RoomSettings,
    /// The pinned messages, the oldest pin first.
    #[serde(default)]
    pub pins: Vec<Entry>,
    /// The reader's own identity, if the request had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you: Option<Tag>,
    /// True if the reader may publish messages now.
    #[serde(default)]
    pub can_post: bool,
    /// True if the reader may moderate the room.
    #[serde(default)]
    pub can_moderate: bool,
    /// The cast that is running, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cast: Option<CastInfo>,
    /// True if the reader may show a screen in the room, when nobody else does.
    #[serde(default)]
    pub can_cast: bool,
    /// The position of the room's newest entry.
    pub latest: Position,
    /// The number of sessions in the room. `here` on the wire.
    #[serde(default, rename = "here")]
    pub online: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_json;

    #[test]
    fn nobody_can_publish_a_cast() {
        for json in [r#"{"kind":"cast"}"#, r#"{"kind":"cast","of":1,"off":true}"#, r#"{"kind":"cast","author":"a","key":"k"}"#] {
            assert_eq!(from_json::<PublishRequest>(json).map_err(|error| error.code), Err(ErrorCode::ShapeInvalid), "{json}");
        }
    }
}
