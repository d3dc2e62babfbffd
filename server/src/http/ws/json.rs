//! `GET /ws/{room}`: Crier's own protocol, JSON frames.

use std::net::IpAddr;

use axum::extract::State as FromState;
use axum::response::Response;
use bytes::Bytes;
use protocol::{Disconnect, ErrorCode, RoomName, ServerFrame};

use super::handshake::Handshake;
use crate::codec;
use crate::commands::Commands;
use crate::delivery::{Admission, WireFormat};
use crate::encoded::Encoded;
use crate::http::error::ApiError;
use crate::http::extract::{After, ClientAddress, Query, Room};
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;

pub(in crate::http) async fn upgrade(
    FromState(state): FromState<State>,
    Room(room): Room,
    ClientAddress(address): ClientAddress,
    Query(wanted): Query<After>,
    place: ConnectionPermit,
    handshake: Handshake,
) -> Result<Response, ApiError> {
    let (admission, hello) = enter(&state, address, &room, &wanted)?;
    Ok(handshake.accept(state.fanout, admission, hello, place))
}

/// Lets a client in; it is to be told the hello, a finished frame, before all else.
pub(in crate::http) fn enter(state: &State, address: IpAddr, room: &RoomName, wanted: &After) -> Result<(Admission, Vec<u8>), ErrorCode> {
    let (admission, hello) = state.fanout.enter(&Crier, address, room, wanted.after)?;
    let mut frame = Vec::new();
    Crier.say(&ServerFrame::Hello(hello), &mut frame);
    Ok((admission, frame))
}

/// JSON frames both ways.
struct Crier;

impl WireFormat for Crier {
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
