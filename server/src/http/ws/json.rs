//! `GET /ws/{room}`: Crier's own protocol, JSON frames.

use axum::extract::State as FromState;
use axum::response::Response;
use bytes::Bytes;
use protocol::{Disconnect, Epoch, ErrorCode, RoomName, ServerFrame};

use super::handshake::Handshake;
use crate::access::{Action, Caller};
use crate::codec::{self, Limits};
use crate::commands::Command;
use crate::delivery::{Admission, Client, Message, Place, Policy, WireFormat};
use crate::encoded::{Encoded, FormatId};
use crate::http::error::ApiError;
use crate::http::extract::{After, Query, Room};
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;

pub(in crate::http) async fn upgrade(
    FromState(state): FromState<State>,
    Room(room): Room,
    caller: Caller,
    Query(wanted): Query<After>,
    permit: ConnectionPermit,
    handshake: Handshake,
) -> Result<Response, ApiError> {
    let (admission, hello) = admit(&state, permit.client(caller, wanted.reader), &room, &wanted)?;
    Ok(handshake.accept(admission, hello, permit))
}

/// Admits a client to a room. It is to be told the hello, a finished frame, before anything else.
pub(in crate::http) fn admit(state: &State, client: Client, room: &RoomName, wanted: &After) -> Result<(Admission, Vec<u8>), ErrorCode> {
    let pass = state.context.hub.enter(&client.caller, room, Action::Read)?;
    let (admission, hello) = state.fanout.admit(&Json, client, &pass, wanted.after)?;
    let mut frame = Vec::new();
    codec::put_text(&mut frame, &ServerFrame::Hello(hello).to_json());
    Ok((admission, frame))
}

/// JSON frames both ways.
pub(in crate::http) struct Json;

impl WireFormat for Json {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(0)
    }

    fn policy(&self) -> Policy {
        Policy::web_socket(Limits::BOARD)
    }

    fn entry(&self, entry: &Encoded, _: Epoch) -> Bytes {
        entry.frame().clone()
    }

    fn say(&self, frame: &ServerFrame, _: &Place<'_>, out: &mut Vec<u8>) {
        codec::put_text(out, &frame.to_json());
    }

    fn heartbeat(&self, place: &Place<'_>, out: &mut Vec<u8>) {
        self.say(&ServerFrame::Heartbeat, place, out);
        // The answer shows that the client is alive; pages can't see it.
        codec::put_ping(out);
    }

    fn command(&self, message: Message<'_>) -> Command {
        match message {
            Message::Text(json) => Command::parse(json),
            Message::Binary(_) => Command::Disconnect(Disconnect::Binary),
        }
    }
}
