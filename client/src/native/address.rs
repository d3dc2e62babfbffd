//! The URLs of a room, for each transport.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::limits::PAGE_ENTRIES_MAX;
use protocol::{Position, RoomName};
use rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::http::Uri;

use super::ConnectError;

/// Every character but those that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A room of a server.
#[derive(Clone, Debug)]
pub(super) struct Address {
    is_secure: bool,
    /// The server's URL without its scheme.
    server: String,
    /// The room's name, percent-encoded.
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
        let address = Self {
            is_secure,
            server: rest.trim_end_matches('/').to_owned(),
            room: utf8_percent_encode(room.as_str(), RESERVED).to_string(),
        };
        let uri: Uri = address.websocket(None).parse().map_err(|_| refused())?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        // A resolver may know names for which no certificate can be issued.
        let has_host = !host.is_empty() && (!is_secure || ServerName::try_from(host).is_ok());
        // A user and password would not be sent, and a query would swallow the room.
        if !has_host || rest.contains(['?', '#', '@']) {
            return Err(refused());
        }
        Ok(address)
    }

    /// True if the connection uses TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Returns the URL of the WebSocket.
    pub(super) fn websocket(&self, after: Option<Position>) -> String {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        format!("{scheme}://{}/ws/{}{}", self.server, self.room, query(after))
    }

    /// Returns the URL of the event stream.
    pub(super) fn events(&self, after: Option<Position>) -> String {
        format!("{}/events{}", self.room(), query(after))
    }

    /// Returns the URL to publish at.
    pub(super) fn messages(&self) -> String {
        format!("{}/messages", self.room())
    }

    /// Returns the URL of the page after a position; without one, of the newest entry.
    pub(super) fn page(&self, after: Option<Position>, wait_seconds: u64) -> String {
        let messages = self.messages();
        match after {
            None => format!("{messages}?limit=1"),
            Some(after) if wait_seconds == 0 => format!("{messages}?after={after}&limit={PAGE_ENTRIES_MAX}"),
            Some(after) => format!("{messages}?after={after}&limit={PAGE_ENTRIES_MAX}&wait={wait_seconds}"),
        }
    }

    fn room(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}/api/rooms/{}", self.server, self.room)
    }
}

fn query(after: Option<Position>) -> String {
    after.map_or_else(String::new, |after| format!("?after={after}"))
}

#[cfg(test)]
mod tests {
    use protocol::Epoch;

    use super::*;

    #[test]
    fn builds_the_websocket_url_of_a_room() {
        for (base, room, address) in [
            ("http://localhost:5000", "lobby", "ws://localhost:5000/ws/lobby"),
            ("https://crier.example/", "r_2-d2", "wss://crier.example/ws/r_2-d2"),
            (" ws://[::1]:5000 ", "大厅", "ws://[::1]:5000/ws/%E5%A4%A7%E5%8E%85"),
            ("WSS://crier.example/board", "café", "wss://crier.example/board/ws/caf%C3%A9"),
        ] {
            assert_eq!(Address::new(base, &room.parse().unwrap()).unwrap().websocket(None), address);
        }
    }

    #[test]
    fn builds_a_url_for_each_transport() {
        let address = Address::new("ws://h/board", &RoomName::lobby()).unwrap();
        let after = Some(Position { epoch: Epoch(1), offset: 7 });
        assert_eq!(address.websocket(after), "ws://h/board/ws/lobby?after=0000000000000001:7");
        assert_eq!(address.events(after), "http://h/board/api/rooms/lobby/events?after=0000000000000001:7");
        assert_eq!(address.page(after, 0), "http://h/board/api/rooms/lobby/messages?after=0000000000000001:7&limit=200");
        assert_eq!(address.page(after, 25), "http://h/board/api/rooms/lobby/messages?after=0000000000000001:7&limit=200&wait=25");
        assert_eq!(address.page(None, 0), "http://h/board/api/rooms/lobby/messages?limit=1");
        let address = Address::new("wss://h", &RoomName::lobby()).unwrap();
        assert_eq!(address.events(None), "https://h/api/rooms/lobby/events");
    }

    #[test]
    fn refuses_what_is_not_a_server_url() {
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
