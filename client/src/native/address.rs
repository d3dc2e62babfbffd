//! Where a room is, for each transport.

use std::fmt::Write;

use protocol::limits::PAGE_ENTRIES_MAX;
use protocol::{Position, RoomName};
use rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::http::Uri;

use super::ConnectError;

/// The addresses of a room.
#[derive(Clone, Debug)]
pub(super) struct Address {
    is_secure: bool,
    /// The server without its scheme.
    server: String,
    room: String,
}

impl Address {
    pub(super) fn new(base: &str, room: &RoomName) -> Result<Self, ConnectError> {
        let refused = || ConnectError::Address(base.to_owned());
        let (scheme, rest) = base.trim().split_once("://").ok_or_else(refused)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(refused()),
        };
        let address = Self { is_secure, server: rest.trim_end_matches('/').to_owned(), room: encode(room.as_str()) };
        let uri: Uri = address.socket(None).parse().map_err(|_| refused())?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        // A certificate can't be for any name that a resolver may know.
        let has_host = !host.is_empty() && (!is_secure || ServerName::try_from(host).is_ok());
        // A user and password would be sent nowhere, and a query would swallow the room.
        if !has_host || rest.contains(['?', '#', '@']) {
            return Err(refused());
        }
        Ok(address)
    }

    /// Whether the server is spoken to by TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Of the WebSocket.
    pub(super) fn socket(&self, after: Option<Position>) -> String {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        format!("{scheme}://{}/ws/{}{}", self.server, self.room, query(after))
    }

    /// Of the event stream.
    pub(super) fn events(&self, after: Option<Position>) -> String {
        format!("{}/events{}", self.room(), query(after))
    }

    /// Where messages are posted.
    pub(super) fn messages(&self) -> String {
        format!("{}/messages", self.room())
    }

    /// Of the page after a position; without one, of the newest entry.
    pub(super) fn page(&self, after: Option<Position>, wait_seconds: u64) -> String {
        let messages = self.messages();
        match after {
            None => format!("{messages}?limit=1"),
            Some(after) if wait_seconds == 0 => format!("{messages}?after={after}&limit={PAGE_ENTRIES_MAX}"),
            Some(after) => format!("{messages}?after={after}&limit={PAGE_ENTRIES_MAX}&wait={wait_seconds}"),
        }
    }

    fn room(&self) -> String {
        self.http("api/rooms")
    }

    /// Of the room under a path.
    fn http(&self, path: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}/{path}/{}", self.server, self.room)
    }
}

fn query(after: Option<Position>) -> String {
    after.map_or_else(String::new, |after| format!("?after={after}"))
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
            assert_eq!(Address::new(base, &room.parse().unwrap()).unwrap().socket(None), address);
        }
    }

    #[test]
    fn each_transport_has_an_address() {
        let address = Address::new("ws://h/board", &RoomName::lobby()).unwrap();
        let after = Some(Position { epoch: Epoch(1), offset: 7 });
        assert_eq!(address.socket(after), "ws://h/board/ws/lobby?after=0000000000000001:7");
        assert_eq!(address.events(after), "http://h/board/api/rooms/lobby/events?after=0000000000000001:7");
        assert_eq!(address.page(after, 0), "http://h/board/api/rooms/lobby/messages?after=0000000000000001:7&limit=200");
        assert_eq!(address.page(after, 25), "http://h/board/api/rooms/lobby/messages?after=0000000000000001:7&limit=200&wait=25");
        assert_eq!(address.page(None, 0), "http://h/board/api/rooms/lobby/messages?limit=1");
        let address = Address::new("wss://h", &RoomName::lobby()).unwrap();
        assert_eq!(address.events(None), "https://h/api/rooms/lobby/events");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for base in [
            "",
            "localhost:5000",
            "ftp://h",
            "http://",
            "http://:5000",
            "http://a b",
            "http://h?x=",
            "http://h#x",
            "http://u:p@h",
            "https://-h",
        ] {
            let error = Address::new(base, &RoomName::lobby()).unwrap_err();
            assert!(matches!(&error, ConnectError::Address(address) if address == base), "{base:?}");
        }
    }
}
