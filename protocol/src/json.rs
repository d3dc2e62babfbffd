//! Reads frames and problem documents of a server, with any JSON parser.
//!
//! Programs use `serde_json`. A browser uses its own parser, which saves 40 KB of download.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{ErrorCode, Gap, Problem, ServerFrame};

/// A JSON text from which values can be read.
pub trait Json {
    /// Reads the whole text as a value. Returns `None` if it is not JSON, or has another structure.
    /// Ignores unknown fields.
    fn read<T: DeserializeOwned>(&self) -> Option<T>;
}

impl Json for str {
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self).ok()
    }
}

/// The fields of the small frames. They share a type, because each one that is deserialized
/// enlarges the browser's bundle.
#[derive(Deserialize)]
struct Fields {
    r#type: String,
    #[serde(default)]
    r#ref: Option<u64>,
    #[serde(default)]
    here: Option<usize>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    retry_after: Option<u64>,
}

impl ServerFrame {
    /// Reads a server's frame. Returns `None` if its `type` or structure is unknown: a newer server
    /// may have sent it.
    ///
    /// The derived deserializer would copy the whole frame into a tree, because `type` may come
    /// last. Reading `type` first needs no tree, and less code in a browser.
    pub fn read(json: &(impl Json + ?Sized)) -> Option<Self> {
        let Fields { r#type, r#ref, here, code, detail, retry_after } = json.read()?;
        match r#type.as_str() {
            "hello" => json.read().map(Self::Hello),
            "message" => json.read().map(Self::Message),
            "change" => json.read().map(Self::Change),
            "gap" => json.read().map(Self::Gap),
            "presence" => Some(Self::Presence { online: here? }),
            "heartbeat" => Some(Self::Heartbeat),
            "published" => Some(Self::Published { r#ref: r#ref?, published: json.read()? }),
            "pong" => Some(Self::Pong { r#ref: r#ref? }),
            // Without it, a client would send a message again and again that is refused with an
            // unknown code.
            "error" => {
                let code = ErrorCode::parse(&code).unwrap_or_else(|| unknown_code(retry_after));
                Some(Self::Error { r#ref, code, detail, retry_after })
            }
            _ => None,
        }
    }
}

/// A problem document, perhaps with a code that this version does not know.
#[derive(Deserialize)]
struct AnyProblem {
    r#type: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    retry_after: Option<u64>,
    #[serde(default)]
    gap: Option<Gap>,
}

impl Problem {
    /// Reads a problem document. Returns `None` if a Crier server did not write it.
    pub fn read(json: &(impl Json + ?Sized)) -> Option<Self> {
        let AnyProblem { r#type, title, code, detail, retry_after, gap } = json.read()?;
        let known = ErrorCode::parse(&code);
        if known.is_none() && !r#type.starts_with("urn:crier:error:") {
            return None;
        }
        let code = known.unwrap_or_else(|| unknown_code(retry_after));
        Some(Self { title, detail, retry_after, gap, ..code.into() })
    }
}

/// Returns the code that stands for an unknown one, which is temporary if it has a time to wait.
fn unknown_code(retry_after: Option<u64>) -> ErrorCode {
    if retry_after.is_some() { ErrorCode::Unavailable } else { ErrorCode::RequestInvalid }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Author, Entry, Epoch, Gap, GapReason, Hello, Limits, Position, Published, RoomName, Text};

    fn position(offset: u64) -> Position {
        Position { epoch: Epoch(7), offset }
    }

    fn frames() -> Vec<ServerFrame> {
        let gap = Gap { reason: GapReason::Expired, first: position(3), resumes: position(3) };
        let hello = Hello {
            room: RoomName::lobby(),
            position: position(3),
            latest: 9,
            recovered: false,
            gap: Some(gap.clone()),
            online: 2,
            heartbeat_seconds: 20,
            limits: Limits::default(),
            version: "1".to_owned(),
            you: None,
        };
        let text = Text::parse("\"你好\" \u{2028} \\ </script>\n").unwrap();
        let entry = Entry {
            offset: 1,
            time: 2,
            author: Author::parse("a").unwrap(),
            text,
            key: Some("k".parse().unwrap()),
            raw: None,
            ..Default::default()
        };
        vec![
            ServerFrame::Hello(hello),
            ServerFrame::Message(entry),
            ServerFrame::Gap(gap),
            ServerFrame::Presence { online: 3 },
            ServerFrame::Heartbeat,
            ServerFrame::Published { r#ref: 1, published: Published { position: position(9), duplicate: true, reached: 4 } },
            ServerFrame::Pong { r#ref: 2 },
            ServerFrame::Error { r#ref: None, code: ErrorCode::NotJson, detail: "d".to_owned(), retry_after: None },
            ServerFrame::Error { r#ref: Some(3), code: ErrorCode::RateLimited, detail: "d".to_owned(), retry_after: Some(5) },
        ]
    }

    #[test]
    fn reads_every_frame_like_the_derived_deserializer() {
        for frame in frames() {
            let json = frame.to_json();
            assert_eq!(serde_json::from_str::<ServerFrame>(&json).unwrap(), frame);
            assert_eq!(ServerFrame::read(json.as_str()), Some(frame));
        }
    }

    #[test]
    fn online_is_here_on_the_wire() {
        assert_eq!(ServerFrame::Presence { online: 3 }.to_json(), r#"{"type":"presence","here":3}"#);
        for frame in frames().iter().filter(|frame| matches!(frame, ServerFrame::Hello(_))) {
            assert!(frame.to_json().contains(r#""here":2"#), "{frame:?}");
        }
    }

    #[test]
    fn ignores_unknown_frames() {
        for json in ["", "?", "[]", "{}", r#"{"type":"dance"}"#, r#"{"type":"pong"}"#, r#"{"type":"message","offset":1}"#, r#"{"type":5}"#]
        {
            assert_eq!(ServerFrame::read(json), None, "{json}");
        }
    }

    #[test]
    fn reads_a_problem_with_an_unknown_code() {
        let problem = Problem { detail: Some("d".to_owned()), retry_after: Some(5), ..ErrorCode::RateLimited.into() };
        assert_eq!(Problem::read(serde_json::to_string(&problem).unwrap().as_str()), Some(problem));
        for (retry_after, code) in [("", ErrorCode::RequestInvalid), (r#","retry_after":5"#, ErrorCode::Unavailable)] {
            let json = format!(r#"{{"type":"urn:crier:error:mood_wrong","title":"No.","status":499,"code":"mood_wrong"{retry_after}}}"#);
            let problem = Problem::read(json.as_str()).unwrap();
            assert_eq!((problem.code, problem.title.as_str(), problem.retry_after.is_some()), (code, "No.", !retry_after.is_empty()));
        }
        for json in ["", "{}", r#"{"error":"blocked"}"#, r#"{"type":"about:blank","title":"Blocked"}"#] {
            assert_eq!(Problem::read(json), None, "{json}");
        }
    }

    #[test]
    fn reads_an_error_with_an_unknown_code() {
        for (json, code, retry_after) in [
            (r#"{"type":"error","ref":1,"code":"mood_wrong","detail":"No."}"#, ErrorCode::RequestInvalid, None),
            (r#"{"type":"error","ref":1,"code":"mood_wrong","detail":"No.","retry_after":5}"#, ErrorCode::Unavailable, Some(5)),
        ] {
            let error = ServerFrame::Error { r#ref: Some(1), code, detail: "No.".to_owned(), retry_after };
            assert_eq!(ServerFrame::read(json), Some(error));
        }
    }
}
