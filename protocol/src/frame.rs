//! WebSocket frames: one JSON object in one text message, told apart by `type`.

use serde::{Deserialize, Serialize};

use crate::{Entry, Epoch, ErrorCode, Limits, Position, Published, RoomName};

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Publish a message; answered by [`ServerFrame::Published`] or [`ServerFrame::Error`] with the same `ref`.
    Publish {
        /// The client's name for this command.
        r#ref: u64,
        /// The message.
        #[serde(flatten)]
        message: crate::PublishRequest,
    },
    /// Ask for a [`ServerFrame::Pong`], to see that the connection still carries both ways.
    Ping {
        /// The client's name for this command.
        r#ref: u64,
    },
}

impl ClientFrame {
    /// Reads a text message. What can't be read is told with the `ref` it carries, if that much can be read.
    pub fn parse(json: &str) -> Result<Self, FrameError> {
        // RFC 8259, section 8.1: a reader may ignore a byte order mark.
        let json = json.strip_prefix('\u{feff}').unwrap_or(json);
        serde_json::from_str(json).map_err(|error| FrameError::find(json, &error))
    }
}

/// Why a client's frame was refused before it was a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// The frame's `ref`, if it had one.
    pub r#ref: Option<u64>,
    /// What is wrong with it.
    pub code: ErrorCode,
    /// Where, in the JSON reader's words.
    pub detail: String,
}

impl FrameError {
    fn find(json: &str, error: &serde_json::Error) -> Self {
        #[derive(Deserialize)]
        struct Outline {
            r#ref: Option<u64>,
            r#type: Option<String>,
        }
        let detail = error.to_string();
        let code = ErrorCode::of_json(error);
        let Ok(outline) = serde_json::from_str::<Outline>(json) else { return Self { r#ref: None, code, detail } };
        let known = matches!(outline.r#type.as_deref(), Some("publish" | "ping"));
        let code = if known { code } else { ErrorCode::CommandUnknown };
        Self { r#ref: outline.r#ref, code, detail }
    }
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The first frame: where this session starts.
    Hello(Hello),
    /// An entry of the room. Entries come in order, each once.
    Message(Entry),
    /// Entries were lost to this reader; delivery goes on at `gap.resumes`.
    Gap(Gap),
    /// How many sessions the room has.
    Presence {
        /// That number, this session included.
        #[serde(rename = "here")]
        online: usize,
    },
    /// Nothing happened; the connection is alive.
    Heartbeat,
    /// The answer to [`ClientFrame::Publish`]: the message is durable.
    Published {
        /// The command's.
        r#ref: u64,
        /// Where the message is.
        #[serde(flatten)]
        published: Published,
    },
    /// The answer to [`ClientFrame::Ping`].
    Pong {
        /// The command's.
        r#ref: u64,
    },
    /// A command was refused; the session goes on.
    Error {
        /// The command's, if it had one that could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#ref: Option<u64>,
        /// What is wrong.
        code: ErrorCode,
        /// A sentence for people.
        detail: String,
        /// With a temporary code: how many milliseconds to wait before another try.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
}

impl ServerFrame {
    /// The frame as the text it travels as.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a frame has only string keys and plain values")
    }
}

/// The first frame of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The room, by its canonical name.
    pub room: RoomName,
    /// Where delivery starts: every entry after this position follows.
    pub position: Position,
    /// The room's newest entry at this moment.
    pub latest: u64,
    /// Whether that is exactly the position the client asked for. When it asked for none, this is true.
    pub recovered: bool,
    /// Why not, and what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// How many sessions the room has, this one included.
    #[serde(rename = "here")]
    pub online: usize,
    /// How often the server says something, in seconds. Twice that without a word is a dead connection.
    pub heartbeat_seconds: u64,
    /// What the server takes.
    pub limits: Limits,
    /// The server's version.
    pub version: String,
}

/// Entries that a reader asked for and can't get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// Just before the first entry that exists.
    pub first: Position,
    /// Where delivery goes on.
    pub resumes: Position,
}

/// Why a position can't be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The entries after it are no longer kept.
    Expired,
    /// It belongs to a log that is gone.
    OtherEpoch,
    /// It is beyond the newest entry, so it can't have come from this log.
    BeyondEnd,
}

impl GapReason {
    /// Why a reader at `position` can't go on in the log `epoch`, which keeps the entries after `first` up to `latest`.
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
    fn a_publish_reads_back() {
        let message = PublishRequest { text: Text::parse("hi").unwrap(), author: Author::default(), key: Some("k".parse().unwrap()) };
        let frame = ClientFrame::Publish { r#ref: 1, message };
        let json = serde_json::to_string(&frame).unwrap();
        assert_eq!(json, r#"{"type":"publish","ref":1,"text":"hi","key":"k"}"#);
        assert_eq!(ClientFrame::parse(&json), Ok(frame));
    }

    #[test]
    fn a_bad_frame_is_told_with_its_ref() {
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
    fn a_message_frame_is_the_entry_with_its_type() {
        let entry =
            Entry { offset: 3, time: 4, author: Author::parse("a").unwrap(), text: Text::parse("b").unwrap(), key: None, raw: None };
        let json = ServerFrame::Message(entry).to_json();
        assert_eq!(json, r#"{"type":"message","offset":3,"time":4,"author":"a","text":"b"}"#);
    }

    #[test]
    fn a_gap_is_found_at_every_boundary() {
        let of = |at| GapReason::find(at, Epoch(1), 5, 9);
        assert_eq!(of(position(2, 7)), Some(GapReason::OtherEpoch));
        assert_eq!(of(position(1, 4)), Some(GapReason::Expired));
        assert_eq!(of(position(1, 5)), None);
        assert_eq!(of(position(1, 9)), None);
        assert_eq!(of(position(1, 10)), Some(GapReason::BeyondEnd));
    }
}
