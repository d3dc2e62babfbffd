//! `GET /ws/{room}`: Crier's own protocol, JSON frames.

use axum::extract::State as FromState;
use axum::response::Response;
use bytes::Bytes;
use protocol::{Disconnect, ServerFrame};

use super::State;
use super::problem::Refusal;
use super::request::{Address, After, Place, Query, Room};
use super::websocket::Handshake;
use crate::codec;
use crate::commands::Commands;
use crate::encoded::Encoded;
use crate::fanout::Dialect;

pub(super) async fn upgrade(
    FromState(state): FromState<State>,
    Room(room): Room,
    Address(address): Address,
    Query(wanted): Query<After>,
    place: Place,
    handshake: Handshake,
) -> Result<Response, Refusal> {
    let (entrance, hello) = state.fanout.enter(&Crier, address, &room, wanted.after)?;
    let mut first = Vec::new();
    Crier.say(&ServerFrame::Hello(hello), &mut first);
    Ok(handshake.accept(state.fanout, entrance, first, place))
}

/// JSON frames both ways.
struct Crier;

impl Dialect for Crier {
    fn name(&self) -> &'static str {
        "crier"
    }

    fn entry(&self, entry: &Encoded) -> Bytes {
        entry.frame().clone()
    }

    fn say(&self, frame: &ServerFrame, out: &mut Vec<u8>) {
        codec::put_text(out, &frame.to_json());
    }

    fn receive(&self, commands: &mut Commands, text: &str, out: &mut Vec<u8>) -> Result<(), Disconnect> {
        if let Some(answer) = commands.receive(text)? {
            self.say(&answer, out);
        }
        Ok(())
    }
}
