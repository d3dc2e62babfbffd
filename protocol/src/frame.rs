//! WebSocket frames: one JSON object in one text message; `type` says which.

use serde::{Deserialize, Serialize};

use crate::fields::{InputError, fields_from_json, from_json};
use crate::{Entry, Epoch, ErrorCode, Limits, Position, Published, RoomName, Tag};

/// A frame from a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Publishes a message. Answered by [`ServerFrame::Published`] or [`ServerFrame::Error`] with
    /// the same `ref`.
    Publish {
        /// The number by which the client recognizes the answer.
        r#ref: u64,
        /// The message.
        #[serde(flatten)]
        message: crate::PublishRequest,
    },
    /// Asks for a [`ServerFrame::Pong`], which shows that the connection works in both directions.
    Ping {
        /// The number by which the client recognizes the answer.
        r#ref: u64,
    },
}

/// The fields that every frame of a client has.
#[derive(Deserialize)]
struct Head {
    r#type: Option<String>,
    r#ref: Option<u64>,
}

impl ClientFrame {
    /// Reads a text message.
    ///
    /// # Errors
    /// The code of what is refused, with the frame's `ref` if that much can be read.
    pub fn parse(json: &str) -> Result<Self, FrameError> {
        let head: Head = fields_from_json(json).map_err(|error| FrameError::new(None, &error))?;
        Self::read(&head, json).map_err(|error| FrameError::new(head.r#ref, &error))
    }

    fn read(head: &Head, json: &str) -> Result<Self, InputError> {
        let r#ref = || head.r#ref.ok_or_else(|| InputError::with_detail(ErrorCode::ShapeInvalid, "missing field `ref`"));
        match head.r#type.as_deref() {
            Some("publish") => Ok(Self::Publish { message: from_json(json)?, r#ref: r#ref()? }),
            Some("ping") => Ok(Self::Ping { r#ref: r#ref()? }),
            _ => Err(ErrorCode::CommandUnknown.into()),
        }
    }
}

/// Why a client's frame was refused before it was a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// The frame's `ref`, if it had one.
    pub r#ref: Option<u64>,
    /// What is wrong with it.
    pub code: ErrorCode,
    /// A sentence about it.
    pub detail: String,
}

impl FrameError {
    fn new(r#ref: Option<u64>, error: &InputError) -> Self {
        Self { r#ref, code: error.code, detail: error.to_string() }
    }
}

/// A frame from a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The first frame: where this session starts.
    Hello(Hello),
    /// A message of the room. Entries come in order, each once per session.
    Message(Entry),
    /// Another entry of the room, in the same order. See [`Entry::kind`].
    Change(Entry),
    /// Entries are missing; delivery continues after [`Gap::resumes`].
    Gap(Gap),
    /// The number of sessions in the room has changed.
    Presence {
        /// The number of sessions, this one included. `here` on the wire.
        #[serde(rename = "here")]
        online: usize,
    },
    /// The connection is alive. Sent every [`Hello::heartbeat_seconds`].
    Heartbeat,
    /// The answer to [`ClientFrame::Publish`]: the message is durable.
    Published {
        /// The publish's number.
        r#ref: u64,
        /// Where the message is, and whether it was there before.
        #[serde(flatten)]
        published: Published,
    },
    /// The answer to [`ClientFrame::Ping`].
    Pong {
        /// The ping's number.
        r#ref: u64,
    },
    /// A command was refused; the session continues.
    Error {
        /// The command's number, if it could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#ref: Option<u64>,
        /// Why.
        code: ErrorCode,
        /// An explanation for people.
        detail: String,
        /// With a temporary code: the time to wait before another attempt, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
}

impl ServerFrame {
    /// Returns the frame as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a frame has only string keys and plain values")
    }

    /// Adds the JSON of an entry's frame, which is a [`Self::Message`] or a [`Self::Change`]. Does
    /// not copy the entry.
    pub fn put_entry(entry: &Entry, json: &mut Vec<u8>) {
        let frame = if entry.kind.is_message() { EntryFrame::Message(entry) } else { EntryFrame::Change(entry) };
        serde_json::to_writer(json, &frame).expect("an entry has only string keys and plain values");
    }
}

/// The frames of entries, borrowed.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum EntryFrame<'a> {
    Message(&'a Entry),
    Change(&'a Entry),
}

/// The first frame of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The room, by its canonical name.
    pub room: RoomName,
    /// Every entry after this position follows.
    pub position: Position,
    /// The offset of the room's newest entry.
    pub latest: u64,
    /// True if `position` is the one that the client asked for, or it asked for none.
    pub recovered: bool,
    /// What is missing and why, if `recovered` is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// The number of sessions in the room, this one included. `here` on the wire.
    #[serde(rename = "here")]
    pub online: usize,
    /// The interval of heartbeats, in seconds. A connection that is silent for twice that is dead.
    pub heartbeat_seconds: u64,
    /// What the server accepts.
    pub limits: Limits,
    /// The reader's own identity, if the request had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you: Option<Tag>,
    /// The server's version.
    pub version: String,
}

/// Entries that a reader can't get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// The position just before the oldest entry that is kept.
    pub first: Position,
    /// The position after which delivery continues.
    pub resumes: Position,
}

/// Why a position can't be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Entries after the position are no longer kept.
    Expired,
    /// The position belongs to another log.
    OtherEpoch,
    /// The position is beyond the newest entry, so it can't be of this log.
    BeyondEnd,
}

impl GapReason {
    /// Returns why a reader at `position` can't continue in the log `epoch`, which keeps the
    /// entries after `first` up to `latest`. `None` if it can.
    pub fn find(position: Position, epoch: Epoch, first: u64, latest: u64) -> Option<Self> {
        if position.epoch != epoch {
            Some(Self::OtherEpoch)
        } else if position.offset > latest {
            Some(Self::BeyondEnd)
        } else if position.offset < first {
            Some(Self::Expired)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Author, PublishRequest, Text};

    fn position(epoch: u64, offset: u64) -> Position {
        Position { epoch: Epoch(epoch), offset }
    }

    #[test]
    fn reads_the_publish_that_it_writes() {
        let message = PublishRequest {
            text: Text::parse("hi").unwrap(),
            author: Author::default(),
            key: Some("k".parse().unwrap()),
            ..Default::default()
        };
        let frame = ClientFrame::Publish { r#ref: 1, message };
        let json = serde_json::to_string(&frame).unwrap();
        assert_eq!(json, r#"{"type":"publish","ref":1,"text":"hi","key":"k"}"#);
        assert_eq!(ClientFrame::parse(&json), Ok(frame));
    }

    #[test]
    fn refuses_a_bad_frame_with_its_ref() {
        let long = format!(r#"{{"type":"publish","ref":7,"text":"{}"}}"#, "x".repeat(20_000));
        for (json, r#ref, code) in [
            ("", None, ErrorCode::NotJson),
            ("hello", None, ErrorCode::NotJson),
            ("{\"type\":\"publish\"", None, ErrorCode::NotJson),
            ("[]", None, ErrorCode::ShapeInvalid),
            ("{}", None, ErrorCode::CommandUnknown),
            (r#"{"type":"shout","ref":7}"#, Some(7), ErrorCode::CommandUnknown),
            (r#"{"type":"publish","ref":7}"#, Some(7), ErrorCode::ShapeInvalid),
            (r#"{"type":"publish","ref":7,"text":5}"#, Some(7), ErrorCode::ShapeInvalid),
            (r#"{"type":"publish","ref":"7","text":"x"}"#, None, ErrorCode::ShapeInvalid),
            (r#"{"type":"publish","ref":7,"text":" "}"#, Some(7), ErrorCode::TextEmpty),
            (r#"{"type":"publish","ref":7,"text":"\u0000"}"#, Some(7), ErrorCode::TextInvalid),
            (r#"{"type":"publish","ref":7,"text":"x","key":"?"}"#, Some(7), ErrorCode::KeyInvalid),
            (r#"{"type":"publish","ref":7,"text":"x","author":"\u202e"}"#, Some(7), ErrorCode::AuthorInvalid),
            (&long, Some(7), ErrorCode::TextTooLong),
            (r#"{"type":"ping","ref":1,"ref":2}"#, None, ErrorCode::ShapeInvalid),
            (&"[".repeat(60_000), None, ErrorCode::ShapeInvalid),
        ] {
            let error = ClientFrame::parse(json).unwrap_err();
            assert_eq!((error.r#ref, error.code), (r#ref, code), "{json:.80}");
        }
    }

    #[test]
    fn a_message_frame_is_an_entry_with_a_type() {
        let entry = Entry {
            offset: 3,
            time: 4,
            author: Author::parse("a").unwrap(),
            text: Text::parse("b").unwrap(),
            key: None,
            raw: None,
            ..Default::default()
        };
        let json = ServerFrame::Message(entry).to_json();
        assert_eq!(json, r#"{"type":"message","offset":3,"time":4,"author":"a","text":"b"}"#);
    }

    #[test]
    fn finds_the_gap_at_every_boundary() {
        let of = |at| GapReason::find(at, Epoch(1), 5, 9);
        assert_eq!(of(position(2, 7)), Some(GapReason::OtherEpoch));
        assert_eq!(of(position(1, 4)), Some(GapReason::Expired));
        assert_eq!(of(position(1, 5)), None);
        assert_eq!(of(position(1, 9)), None);
        assert_eq!(of(position(1, 10)), Some(GapReason::BeyondEnd));
    }
}
