//! `GET /ws/{room}`: Crier's own protocol, JSON frames.

use std::net::IpAddr;

use axum::extract::State as FromState;
use axum::response::Response;
use bytes::Bytes;
use protocol::{Disconnect, ErrorCode, RoomName, ServerFrame};

use super::State;
use super::problem::Refusal;
use super::request::{Address, After, Place, Query, Room};
use super::websocket::Handshake;
use crate::codec;
use crate::commands::Commands;
use crate::encoded::Encoded;
use crate::fanout::{Dialect, Entrance};

pub(super) async fn upgrade(
    FromState(state): FromState<State>,
    Room(room): Room,
    Address(address): Address,
    Query(wanted): Query<After>,
    place: Place,
    handshake: Handshake,
) -> Result<Response, Refusal> {
    let (entrance, hello) = enter(&state, address, &room, &wanted)?;
    Ok(handshake.accept(state.fanout, entrance, hello, place))
}

/// Lets a client in; it is to be told the hello, a finished frame, before all else.
pub(super) fn enter(state: &State, address: IpAddr, room: &RoomName, wanted: &After) -> Result<(Entrance, Vec<u8>), ErrorCode> {
    let (entrance, hello) = state.fanout.enter(&Crier, address, room, wanted.after)?;
    let mut frame = Vec::new();
    Crier.say(&ServerFrame::Hello(hello), &mut frame);
    Ok((entrance, frame))
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
