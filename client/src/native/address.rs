//! The URLs of a room, for each transport.

use hyper::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::limits::PAGE_ENTRIES_MAX;
use protocol::{Position, ReaderId, RoomName};
use rustls::pki_types::ServerName;

use super::failure::ConnectError;

/// Every character but those that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URL of a server.
#[derive(Clone, Debug)]
pub(super) struct ServerUrl {
    is_secure: bool,
    /// The URL without its scheme.
    server: String,
    uri: Uri,
}

impl ServerUrl {
    pub(super) fn new(url: &str) -> Result<Self, ConnectError> {
        if url.contains('@') {
            return Err(ConnectError::Password);
        }
        let refused = || ConnectError::Url(url.to_owned());
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(refused)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(refused()),
        };
        let server = rest.trim_end_matches('/').to_owned();
        let uri: Uri = http(is_secure, &server, "").parse().map_err(|_| refused())?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        // A resolver may know names for which no certificate can be issued.
        let has_host = !host.is_empty() && (!is_secure || ServerName::try_from(host).is_ok());
        // Without this, an impossible port would mean the default one.
        let has_port = uri.authority().is_some_and(|authority| !authority.as_str().ends_with(authority.host()));
        let has_wrong_port = has_port && uri.port_u16().is_none();
        // A query would swallow the room.
        if !has_host || has_wrong_port || rest.contains(['?', '#']) {
            return Err(refused());
        }
        Ok(Self { is_secure, server, uri })
    }

    /// Returns the URL, with `http` or `https` as its scheme.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the URL of a path of the board, with `http` or `https` as its scheme.
    pub(super) fn http(&self, path: &str) -> String {
        http(self.is_secure, &self.server, path)
    }
}

fn http(is_secure: bool, server: &str, path: &str) -> String {
    let scheme = if is_secure { "https" } else { "http" };
    format!("{scheme}://{server}{path}")
}

/// The addresses of a room, for one reader.
#[derive(Clone, Debug)]
pub(super) struct Address {
    server: ServerUrl,
    /// The room's name, percent-encoded.
    room: String,
    reader: ReaderId,
}

impl Address {
    pub(super) fn new(server: ServerUrl, room: &RoomName, reader: ReaderId) -> Self {
        Self { server, room: utf8_percent_encode(room.as_str(), RESERVED).to_string(), reader }
    }

    /// Returns the URL of the WebSocket, with `http` or `https` as its scheme.
    pub(super) fn websocket(&self, after: Option<Position>) -> String {
        self.server.http(&format!("/ws/{}{}", self.room, self.query(after)))
    }

    /// Returns the URL of the event stream.
    pub(super) fn events(&self, after: Option<Position>) -> String {
        format!("{}/events{}", self.room(), self.query(after))
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
            Some(after) => format!("{messages}?reader={}&after={after}&limit={PAGE_ENTRIES_MAX}&wait={wait_seconds}", self.reader),
        }
    }

    /// Returns the URL of the room's information.
    pub(super) fn room(&self) -> String {
        self.server.http(&format!("/api/rooms/{}", self.room))
    }

    fn query(&self, after: Option<Position>) -> String {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        format!("?reader={}{after}", self.reader)
    }
}

#[cfg(test)]
mod tests {
    use protocol::Epoch;

    use super::*;

    fn address(url: &str, room: &str) -> Address {
        Address::new(ServerUrl::new(url).unwrap(), &room.parse().unwrap(), ReaderId::from_bits(1))
    }

    #[test]
    fn builds_the_websocket_url_of_a_room() {
        for (url, room, socket) in [
            ("http://localhost:5000", "lobby", "http://localhost:5000/ws/lobby"),
            ("https://crier.example/", "r_2-d2", "https://crier.example/ws/r_2-d2"),
            (" ws://[::1]:5000 ", "大厅", "http://[::1]:5000/ws/%E5%A4%A7%E5%8E%85"),
            ("WSS://crier.example/board", "café", "https://crier.example/board/ws/caf%C3%A9"),
        ] {
            assert_eq!(address(url, room).websocket(None), format!("{socket}?reader=0000000000000001"));
        }
    }

    #[test]
    fn builds_a_url_for_each_transport() {
        let board = address("ws://h/board", "lobby");
        let after = Some(Position { epoch: Epoch(1), offset: 7 });
        let room = "http://h/board/api/rooms/lobby";
        let reader = "reader=0000000000000001";
        assert_eq!(board.websocket(after), format!("http://h/board/ws/lobby?{reader}&after=0000000000000001:7"));
        assert_eq!(board.events(after), format!("{room}/events?{reader}&after=0000000000000001:7"));
        assert_eq!(board.page(after, 0), format!("{room}/messages?after=0000000000000001:7&limit=200"));
        assert_eq!(board.page(after, 25), format!("{room}/messages?{reader}&after=0000000000000001:7&limit=200&wait=25"));
        assert_eq!(board.page(None, 0), format!("{room}/messages?limit=1"));
        assert_eq!(address("wss://h", "lobby").events(None), format!("https://h/api/rooms/lobby/events?{reader}"));
    }

    #[test]
    fn refuses_what_is_not_a_server_url() {
        for url in [
            "",
            "localhost:5000",
            "ftp://h",
            "http://",
            "http://:5000",
            "http://h:",
            "http://h:99999",
            "https://[::1]:70000/board",
            "http://a b",
            "http://h?x=",
            "http://h#x",
            "https://-h",
        ] {
            assert_eq!(ServerUrl::new(url).unwrap_err(), ConnectError::Url(url.to_owned()));
        }
        assert_eq!(ServerUrl::new("http://u:p@h").unwrap_err(), ConnectError::Password);
    }
}
