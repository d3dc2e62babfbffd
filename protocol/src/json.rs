//! Reading server frames out of JSON, whoever parses it.
//!
//! Programs have `serde_json`. A browser has a parser of its own, and `serde_json`'s would be 40 KB of its download.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{ErrorCode, Problem, ServerFrame};

/// A JSON text out of which values can be read.
pub trait Json {
    /// Reads all of it as a value; `None` if it is not JSON, or not of that shape. Unknown fields are passed over.
    fn read<T: DeserializeOwned>(&self) -> Option<T>;
}

impl Json for str {
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self).ok()
    }
}

/// What says which frame it is.
#[derive(Deserialize)]
struct Head {
    r#type: String,
    #[serde(default)]
    r#ref: Option<u64>,
}

#[derive(Deserialize)]
struct Presence {
    #[serde(rename = "here")]
    online: usize,
}

#[derive(Deserialize)]
struct Refused {
    code: ErrorCode,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    retry_after: Option<u64>,
}

/// An error whose code is newer than this reader.
#[derive(Deserialize)]
struct RefusedAnew {
    #[serde(default)]
    detail: String,
    #[serde(default)]
    retry_after: Option<u64>,
}

impl ServerFrame {
    /// Reads a server's frame; `None` for one that a newer server may say.
    ///
    /// The derived reader would first copy the whole frame into a tree, because its `type` may come last. Reading that
    /// first, and then what it says, needs no tree, and less code.
    pub fn read(json: &(impl Json + ?Sized)) -> Option<Self> {
        let Head { r#type, r#ref } = json.read()?;
        match r#type.as_str() {
            "hello" => json.read().map(Self::Hello),
            "message" => json.read().map(Self::Message),
            "gap" => json.read().map(Self::Gap),
            "presence" => json.read().map(|Presence { online }| Self::Presence { online }),
            "heartbeat" => Some(Self::Heartbeat),
            "published" => Some(Self::Published { r#ref: r#ref?, published: json.read()? }),
            "pong" => Some(Self::Pong { r#ref: r#ref? }),
            "error" => Some(refused(r#ref, json.read(), json.read()?)),
            _ => None,
        }
    }
}

/// A problem document whose code is newer than this reader.
#[derive(Deserialize)]
struct ProblemAnew {
    r#type: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    retry_after: Option<u64>,
}

impl Problem {
    /// Reads a problem document; `None` for what is none of Crier's, such as a proxy's own answer.
    pub fn read(json: &(impl Json + ?Sized)) -> Option<Self> {
        json.read().or_else(|| {
            let ProblemAnew { r#type, title, detail, retry_after } = json.read()?;
            let code = code_anew(retry_after);
            r#type.starts_with("urn:crier:error:").then(|| Self { title, detail, retry_after, ..code.into() })
        })
    }
}

/// An unknown code is an answer all the same, without which the message it is about would be sent again for ever. A time
/// to wait says that it is temporary.
fn refused(r#ref: Option<u64>, known: Option<Refused>, anew: RefusedAnew) -> ServerFrame {
    let RefusedAnew { detail, retry_after } = anew;
    let code = code_anew(retry_after);
    let Refused { code, detail, retry_after } = known.unwrap_or(Refused { code, detail, retry_after });
    ServerFrame::Error { r#ref, code, detail, retry_after }
}

fn code_anew(retry_after: Option<u64>) -> ErrorCode {
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
        };
        let text = Text::parse("\"你好\" \u{2028} \\ </script>\n").unwrap();
        let entry = Entry { offset: 1, time: 2, author: Author::parse("a").unwrap(), text, key: Some("k".parse().unwrap()), raw: None };
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
    fn every_frame_is_read_as_the_derived_reader_reads_it() {
        for frame in frames() {
            let json = frame.to_json();
            assert_eq!(serde_json::from_str::<ServerFrame>(&json).unwrap(), frame);
            assert_eq!(ServerFrame::read(json.as_str()), Some(frame));
        }
    }

    #[test]
    fn what_is_no_frame_is_nothing() {
        for json in ["", "?", "[]", "{}", r#"{"type":"dance"}"#, r#"{"type":"pong"}"#, r#"{"type":"message","offset":1}"#, r#"{"type":5}"#]
        {
            assert_eq!(ServerFrame::read(json), None, "{json}");
        }
    }

    #[test]
    fn a_problem_with_a_new_code_is_an_answer() {
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
    fn an_error_with_a_new_code_is_an_answer() {
        for (json, code, retry_after) in [
            (r#"{"type":"error","ref":1,"code":"mood_wrong","detail":"No."}"#, ErrorCode::RequestInvalid, None),
            (r#"{"type":"error","ref":1,"code":"mood_wrong","detail":"No.","retry_after":5}"#, ErrorCode::Unavailable, Some(5)),
        ] {
            let error = ServerFrame::Error { r#ref: Some(1), code, detail: "No.".to_owned(), retry_after };
            assert_eq!(ServerFrame::read(json), Some(error));
        }
    }
}
