//! `GET /ws/{room}`: Crier's own protocol, JSON frames.

use axum::extract::State as FromState;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use protocol::{Position, ServerFrame};
use serde::Deserialize;

use super::State;
use super::problem::Refusal;
use super::request::{Address, Place, Query, Room};
use super::websocket::{self, Dialect};
use crate::session::{Outgoing, Session};

/// Where to go on.
#[derive(Deserialize)]
pub(super) struct Wanted {
    after: Option<Position>,
}

pub(super) async fn upgrade(
    FromState(state): FromState<State>,
    Room(room): Room,
    Address(address): Address,
    Query(wanted): Query<Wanted>,
    place: Place,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = websocket::accept(upgrade, &headers)?;
    let (session, hello) = Session::start(state.context, address, &room, wanted.after)?;
    let hello = ServerFrame::Hello(hello).to_json();
    Ok(upgrade.on_upgrade(move |socket| websocket::run(socket, session, Crier, Some(hello.into()), place)))
}

/// JSON frames both ways.
struct Crier;

impl Dialect for Crier {
    fn receive(&mut self, session: &mut Session, text: &str) -> Option<Outgoing> {
        session.receive(text)
    }

    fn texts(&self, outgoing: Outgoing) -> Vec<Utf8Bytes> {
        match outgoing {
            // An entry's JSON is UTF-8, so none is left out here.
            Outgoing::Entries(entries) => entries.iter().filter_map(|entry| Utf8Bytes::try_from(entry.json()).ok()).collect(),
            Outgoing::Frame(frame) => vec![frame.to_json().into()],
            Outgoing::Heartbeat => vec![ServerFrame::Heartbeat.to_json().into()],
            Outgoing::Close(_) => Vec::new(),
        }
    }
}
