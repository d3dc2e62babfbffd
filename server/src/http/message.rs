//! `GET /message/`: the socket of the demo that this board grew from. Raw text in; the same raw text out to every such
//! socket, and into the lobby.

use axum::extract::State as FromState;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use protocol::{Author, ErrorCode, PublishRequest, RoomName, ServerFrame, Text};

use super::State;
use super::problem::Refusal;
use super::publishing::Form;
use super::request::{Address, Place};
use super::websocket::{self, Dialect};
use crate::session::{Outgoing, Session};

pub(super) async fn upgrade(
    FromState(state): FromState<State>,
    Address(address): Address,
    place: Place,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    // The demo answers a plain request with 404.
    if !headers.contains_key("upgrade") {
        return Err(ErrorCode::NotFound.into());
    }
    let upgrade = websocket::accept(upgrade, &headers)?;
    let (session, _) = Session::start(state.context, address, &RoomName::lobby(), None)?;
    Ok(upgrade.on_upgrade(move |socket| websocket::run(socket, session, Demo, None, place)))
}

/// Text without any frame around it.
struct Demo;

impl Dialect for Demo {
    fn receive(&mut self, session: &mut Session, raw: &str) -> Option<Outgoing> {
        match message(raw) {
            Ok((message, raw)) => session.publish(0, message, raw),
            Err(code) => Some(session.refuse(None, code, code.to_string(), None)),
        }
    }

    fn texts(&self, outgoing: Outgoing) -> Vec<Utf8Bytes> {
        match outgoing {
            Outgoing::Entries(entries) => entries.iter().filter_map(|entry| raw_text(&entry.json())).collect(),
            // The demo's page writes what it receives on the console, where a sentence is of use.
            Outgoing::Frame(ServerFrame::Error { code, detail, .. }) => vec![format!("error {}: {detail}", code.as_str()).into()],
            Outgoing::Frame(_) | Outgoing::Heartbeat | Outgoing::Close(_) => Vec::new(),
        }
    }
}

/// What a raw text says. The demo's page sends its form (`content=…`), of which the lobby is shown the content.
fn message(raw: &str) -> Result<(PublishRequest, Option<String>), ErrorCode> {
    let form = Form::parse(raw).ok().filter(|form| form.content.is_some());
    let (text, author) = match &form {
        Some(form) => (Text::parse(form.content.as_deref().unwrap_or_default())?, Author::parse(&form.author)?),
        None => (Text::parse(raw)?, Author::default()),
    };
    let raw = (text.as_str() != raw).then(|| raw.to_owned());
    Ok((PublishRequest { text, author, key: None }, raw))
}

/// What came in, or for a message that came another way, its text.
fn raw_text(json: &[u8]) -> Option<Utf8Bytes> {
    match serde_json::from_slice(json) {
        Ok(ServerFrame::Message(entry)) => Some(entry.raw.unwrap_or_else(|| entry.text.into()).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_anything_else_is_text() {
        let of = |raw: &str| message(raw).map(|(message, raw)| (message.text.as_str().to_owned(), raw));
        assert_eq!(of("hello"), Ok(("hello".to_owned(), None)));
        assert_eq!(of("a=b"), Ok(("a=b".to_owned(), None)));
        assert_eq!(of("content=%E4%BD%A0+%0D%0A"), Ok(("你 \n".to_owned(), Some("content=%E4%BD%A0+%0D%0A".to_owned()))));
        assert_eq!(of("content="), Err(ErrorCode::TextEmpty));
        assert_eq!(of(""), Err(ErrorCode::TextEmpty));
    }
}
