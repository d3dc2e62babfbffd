//! What differs between the transports: how entries and frames are spelled, and a few numbers.

use std::time::Duration;

use bytes::Bytes;
use protocol::{Disconnect, Epoch, Kind, Position, RoomName, ServerFrame};

use super::reader::Stale;
use crate::codec::Limits;
use crate::commands::Command;
use crate::encoded::{Encoded, FormatId};

/// How long a response lasts at most. Proxies and browsers keep state for each; a fresh one costs
/// little.
const RESPONSE_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// The format of what is said on a connection. One value serves all connections that speak it.
pub trait WireFormat: Send + Sync {
    /// Returns what no other format has. Connections of a room with the same format are written to
    /// together.
    fn id(&self) -> FormatId;

    /// Returns how connections are treated.
    fn policy(&self) -> Policy;

    /// Returns an entry of a room as finished bytes. Empty if the format does not show it. The
    /// entries of a cast are finished.
    fn entry(&self, _entry: &Encoded, _epoch: Epoch) -> Bytes {
        Bytes::new()
    }

    /// Returns what an entry of this kind changes of what was written before, if the format has no
    /// words for the change.
    fn stale(&self, _kind: Kind) -> Stale {
        Stale::Nothing
    }

    /// Writes another frame as finished bytes; nothing, if the format has no words for it.
    fn say(&self, frame: &ServerFrame, place: &Place<'_>, out: &mut Vec<u8>);

    /// Writes what a reader gets that has not been told anything for a while.
    fn heartbeat(&self, place: &Place<'_>, out: &mut Vec<u8>);

    /// Writes the last words of a response. A WebSocket has its close frame instead.
    fn end(&self, _end: ResponseEnd, _place: &Place<'_>, _out: &mut Vec<u8>) {}

    /// Reads a message of the client.
    fn command(&self, _message: Message<'_>) -> Command {
        Command::Disconnect(Disconnect::Binary)
    }
}

/// How the connections of a format are treated.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The bounds of a client's messages on a WebSocket; `None` for a response, which carries
    /// nothing back.
    pub input: Option<Limits>,
    /// When a heartbeat follows what was written.
    pub flush: FlushPolicy,
    /// How many bytes a response has at most.
    pub bytes_max: u64,
    /// How long a response lasts at most.
    pub age_max: Option<Duration>,
}

/// When a heartbeat soon follows what was written. To the reader it shows that nothing on the way
/// holds the stream back, and a proxy that holds back each chunk until the next one lets it go
/// then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushPolicy {
    /// Never.
    Off,
    /// After the start.
    Once,
    /// After the start and after everything else.
    Always,
}

impl Policy {
    /// Returns how WebSockets are treated.
    pub const fn web_socket(limits: Limits) -> Self {
        Self { input: Some(limits), flush: FlushPolicy::Off, bytes_max: u64::MAX, age_max: None }
    }

    /// Returns how responses are treated.
    pub const fn response(bytes_max: u64, flush: FlushPolicy) -> Self {
        Self { input: None, flush, bytes_max, age_max: Some(RESPONSE_AGE_MAX) }
    }
}

/// Where a reader is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The room.
    pub room: &'a RoomName,
    /// The position up to which the reader has everything.
    pub position: Position,
    /// The time between heartbeats.
    pub heartbeat: Duration,
}

/// Why a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseEnd {
    /// It has become long or old enough.
    Recycled,
    /// The server ends the session.
    Disconnected(Disconnect),
}

/// A whole message of a client.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}
