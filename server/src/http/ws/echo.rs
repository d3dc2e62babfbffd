//! Says back what it is told, text and binary, over the board's own WebSockets: for conformance suites, which want a server
//! that they can talk to. No part of the board.

use axum::extract::State as FromState;
use axum::response::Response;
use bytes::Bytes;
use protocol::{Disconnect, RoomName, ServerFrame};

use super::handshake::Handshake;
use crate::codec::{self, Limits};
use crate::commands::Commands;
use crate::delivery::WireFormat;
use crate::encoded::Encoded;
use crate::http::error::ApiError;
use crate::http::extract::ClientAddress;
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;

/// The format of an echo.
pub(in crate::http) struct Echo {
    pub(in crate::http) limits: Limits,
}

impl WireFormat for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn entry(&self, _: &Encoded) -> Bytes {
        Bytes::new()
    }

    fn say(&self, _: &ServerFrame, _: &mut Vec<u8>) {}

    fn receive(&self, _: &mut Commands, text: &str, out: &mut Vec<u8>) -> Result<(), Disconnect> {
        codec::put_text(out, text);
        Ok(())
    }

    fn receive_binary(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Disconnect> {
        codec::put_binary(out, bytes);
        Ok(())
    }
}

pub(in crate::http) async fn upgrade(
    FromState(state): FromState<State>,
    echo: &'static Echo,
    address: ClientAddress,
    place: ConnectionPermit,
    handshake: Handshake,
) -> Result<Response, ApiError> {
    let (admission, _) = state.fanout.enter(echo, address.0, &RoomName::lobby(), None)?;
    Ok(handshake.accept(state.fanout, admission, Vec::new(), place))
}
