//! `GET /message/`: the socket of the demo that this board grew from. Raw text in; the same raw
//! text out to every such socket, and into the lobby.

use axum::extract::State as FromState;
use axum::http::HeaderMap;
use axum::http::header::UPGRADE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use protocol::limits::TEXT_BYTES_MAX;
use protocol::{Author, Disconnect, Epoch, ErrorCode, PublishRequest, RoomName, ServerFrame, Text};

use super::handshake::{Handshake, Refused};
use crate::access::{Action, Caller};
use crate::codec::{self, Limits};
use crate::commands::Command;
use crate::delivery::{Message, Place, Policy, WireFormat};
use crate::encoded::{Encoded, FormatId};
use crate::http::error::ApiError;
use crate::http::form::{self, without_mark};
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;

pub(in crate::http) async fn upgrade(
    FromState(state): FromState<State>,
    caller: Caller,
    permit: ConnectionPermit,
    headers: HeaderMap,
    handshake: Result<Handshake, Refused>,
) -> Result<Response, ApiError> {
    // The demo answers a plain request with 404.
    if !headers.contains_key(UPGRADE) {
        return Err(ErrorCode::NotFound.into());
    }
    let handshake = match handshake {
        Ok(handshake) => handshake,
        Err(refused) => return Ok(refused.into_response()),
    };
    let pass = state.context.hub.enter(&caller, &RoomName::lobby(), Action::Read)?;
    let (admission, _) = state.fanout.admit(&Raw, permit.client(caller, None), &pass, None)?;
    Ok(handshake.accept(admission, Vec::new(), permit))
}

/// Bytes of a raw text in JSON: enough for a form whose text is as long as may be, each byte of it
/// percent-encoded.
const RAW_BYTES_MAX: usize = 3 * TEXT_BYTES_MAX + 1024;

/// Text without any frame around it.
pub(in crate::http) struct Raw;

impl WireFormat for Raw {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(0)
    }

    fn policy(&self) -> Policy {
        Policy::web_socket(Limits::BOARD)
    }

    /// What came in, or for a message that came another way, its text. The demo knows no changes.
    fn entry(&self, entry: &Encoded, _: Epoch) -> Bytes {
        if !entry.kind().is_message() {
            return Bytes::new();
        }
        entry.form(self.id(), |entry| {
            let mut frame = Vec::new();
            if let Some(entry) = entry.entry().filter(|entry| !entry.erased) {
                codec::put_text(&mut frame, entry.raw.as_deref().unwrap_or(entry.text.as_str()));
            }
            frame.into()
        })
    }

    fn say(&self, frame: &ServerFrame, _: &Place<'_>, out: &mut Vec<u8>) {
        // The demo's page writes what it receives on the console, where a sentence is of use.
        if let ServerFrame::Error { code, detail, .. } = frame {
            codec::put_text(out, &format!("error {}: {detail}", code.as_str()));
        }
    }

    fn heartbeat(&self, _: &Place<'_>, out: &mut Vec<u8>) {
        codec::put_ping(out);
    }

    fn command(&self, message: Message<'_>) -> Command {
        match message {
            Message::Text(raw) => command(raw),
            Message::Binary(_) => Command::Disconnect(Disconnect::Binary),
        }
    }
}

/// Returns a raw text as a command.
fn command(raw: &str) -> Command {
    match read(raw) {
        Ok((message, raw)) => Command::Publish { r#ref: 0, message: Box::new(message), raw },
        Err(code) => Command::Invalid { r#ref: None, code, detail: code.to_string() },
    }
}

/// Reads a raw text. The demo's page sends its form (`content=…`), of which the lobby is shown the
/// content.
fn read(raw: &str) -> Result<(PublishRequest, Option<String>), ErrorCode> {
    let said = without_mark(raw);
    let form = form::find(said).ok().flatten();
    let (text, author) = match &form {
        Some(form) => (Text::parse(form.text.as_deref().unwrap_or_default())?, Author::parse(form.author.as_deref().unwrap_or_default())?),
        None => (Text::parse(said)?, Author::default()),
    };
    let raw = Some(raw).filter(|raw| *raw != text.as_str());
    // Every reader gets it as JSON, in which a control character is six bytes.
    if raw.is_some_and(|raw| json_bytes(raw) > RAW_BYTES_MAX) {
        return Err(ErrorCode::TextTooLong);
    }
    Ok((PublishRequest { text, author, key: None, ..Default::default() }, raw.map(str::to_owned)))
}

fn json_bytes(text: &str) -> usize {
    text.bytes().map(|byte| if byte.is_ascii_control() { 6 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_anything_else_is_text() {
        let of = |raw: &str| read(raw).map(|(message, raw)| (message.text.as_str().to_owned(), raw));
        assert_eq!(of("hello"), Ok(("hello".to_owned(), None)));
        assert_eq!(of("a=b"), Ok(("a=b".to_owned(), None)));
        let longest = format!("content={}", "%E4%BD%A0".repeat(TEXT_BYTES_MAX / 3));
        assert!(of(&longest).is_ok());
        assert_eq!(of(&format!("content=a&author={}", "\u{1}".repeat(60_000))), Err(ErrorCode::AuthorTooLong));
        assert_eq!(of(&format!("content=a&key={}", "\u{1}".repeat(60_000))), Err(ErrorCode::TextTooLong));
        assert_eq!(of("content=%E4%BD%A0+%0D%0A"), Ok(("你 ".to_owned(), Some("content=%E4%BD%A0+%0D%0A".to_owned()))));
        assert_eq!(of("content=a&b"), Ok(("content=a&b".to_owned(), None)));
        assert_eq!(of("content="), Err(ErrorCode::TextEmpty));
        assert_eq!(of(""), Err(ErrorCode::TextEmpty));
    }
}
