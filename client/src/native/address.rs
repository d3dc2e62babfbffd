//! Where a room's WebSocket is.

use std::fmt::Write;

use protocol::{Position, RoomName};
use tokio_tungstenite::tungstenite::http::Uri;

use super::ConnectError;

/// The address of a room's WebSocket, but for the position.
#[derive(Clone, Debug)]
pub(super) struct Address(String);

impl Address {
    pub(super) fn new(base: &str, room: &RoomName) -> Result<Self, ConnectError> {
        let refused = || ConnectError::Address(base.to_owned());
        let (scheme, rest) = base.trim().split_once("://").ok_or_else(refused)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            _ => return Err(refused()),
        };
        let address = format!("{scheme}://{}/ws/{}", rest.trim_end_matches('/'), encode(room.as_str()));
        let uri: Uri = address.parse().map_err(|_| refused())?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        // A user and password would be sent nowhere, and a query would swallow the room.
        if !has_host || rest.contains(['?', '#', '@']) {
            return Err(refused());
        }
        Ok(Self(address))
    }

    pub(super) fn after(&self, position: Option<Position>) -> String {
        position.map_or_else(|| self.0.clone(), |position| format!("{}?after={position}", self.0))
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use protocol::Epoch;

    use super::*;

    #[test]
    fn a_room_has_an_address() {
        for (base, room, address) in [
            ("http://localhost:5000", "lobby", "ws://localhost:5000/ws/lobby"),
            ("https://crier.example/", "r_2-d2", "wss://crier.example/ws/r_2-d2"),
            (" ws://[::1]:5000 ", "大厅", "ws://[::1]:5000/ws/%E5%A4%A7%E5%8E%85"),
            ("WSS://crier.example/board", "café", "wss://crier.example/board/ws/caf%C3%A9"),
        ] {
            assert_eq!(Address::new(base, &room.parse().unwrap()).unwrap().after(None), address);
        }
        let address = Address::new("http://h", &RoomName::lobby()).unwrap();
        let position = Position { epoch: Epoch(1), offset: 7 };
        assert_eq!(address.after(Some(position)), "ws://h/ws/lobby?after=0000000000000001:7");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for base in ["", "localhost:5000", "ftp://h", "http://", "http://:5000", "http://a b", "http://h?x=", "http://h#x", "http://u:p@h"]
        {
            let error = Address::new(base, &RoomName::lobby()).unwrap_err();
            assert!(matches!(&error, ConnectError::Address(address) if address == base), "{base:?}");
        }
    }
}
