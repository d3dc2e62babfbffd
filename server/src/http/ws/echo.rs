//! Says back what it is told, text and binary, over the board's own WebSockets: for conformance
//! suites, which want a server that they can talk to. No part of the board.

use axum::extract::State as FromState;
use axum::response::Response;
use bytes::Bytes;
use protocol::{Epoch, RoomName, ServerFrame};

use super::handshake::Handshake;
use crate::codec::{self, Limits};
use crate::commands::Command;
use crate::delivery::{Message, Place, Policy, WireFormat};
use crate::encoded::{Encoded, FormatId};
use crate::http::error::ApiError;
use crate::http::extract::ClientAddress;
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;

/// The format of an echo.
pub(in crate::http) struct Echo {
    pub(in crate::http) limits: Limits,
}

impl WireFormat for Echo {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(0)
    }

    fn policy(&self) -> Policy {
        Policy::web_socket(self.limits)
    }

    fn entry(&self, _: &Encoded, _: Epoch) -> Bytes {
        Bytes::new()
    }

    fn say(&self, _: &ServerFrame, _: &Place<'_>, _: &mut Vec<u8>) {}

    fn heartbeat(&self, _: &Place<'_>, out: &mut Vec<u8>) {
        codec::put_ping(out);
    }

    fn command(&self, message: Message<'_>) -> Command {
        let mut bytes = Vec::new();
        match message {
            Message::Text(text) => codec::put_text(&mut bytes, text),
            Message::Binary(binary) => codec::put_binary(&mut bytes, binary),
        }
        Command::Echo(bytes)
    }
}

pub(in crate::http) async fn upgrade(
    FromState(state): FromState<State>,
    echo: &'static Echo,
    ClientAddress(address): ClientAddress,
    permit: ConnectionPermit,
    handshake: Handshake,
) -> Result<Response, ApiError> {
    let (admission, _) = state.fanout.admit(echo, permit.client(address), &RoomName::lobby(), None)?;
    Ok(handshake.accept(admission, Vec::new(), permit))
}
