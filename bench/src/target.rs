//! The server under test: its address, and what it speaks.

use std::net::{SocketAddr, ToSocketAddrs};

use protocol::RoomName;

use crate::Failure;

/// The protocol of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Crier's protocol.
    Crier,
    /// A WebSocket that sends each text it receives to all clients.
    Raw,
    /// Socket.IO over a WebSocket; the event is `message`.
    SocketIo,
    /// NATS over a WebSocket; the subject is `bench`.
    Nats,
}

impl Peer {
    /// All peers.
    pub const ALL: [Self; 4] = [Self::Crier, Self::Raw, Self::SocketIo, Self::Nats];
    /// Their names on the command line and in a report, in the order of [`Peer::ALL`].
    pub const WORDS: [&'static str; 4] = ["crier", "raw", "socket.io", "nats"];

    /// Returns the peer's name.
    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// Returns the peer with this name.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|peer| peer.word() == word)
    }
}

/// The transport of the subscribers. The publisher always uses a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// Server-sent events; Crier only.
    EventStream,
}

impl Transport {
    /// All transports.
    pub const ALL: [Self; 2] = [Self::WebSocket, Self::EventStream];
    /// Their names on the command line and in a report, in the order of [`Transport::ALL`].
    pub const WORDS: [&'static str; 2] = ["ws", "sse"];

    /// Returns the transport's name.
    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// Returns the transport with this name.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.word() == word)
    }
}

/// A server's address.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    /// The value of the `Host` header.
    pub(crate) name: String,
    /// Starts with a slash.
    path: String,
}

impl Host {
    /// Resolves a URL such as `http://localhost:5000`.
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        let invalid = || Failure::new(format!("{url:?} is not the address of a server: it must be like http://localhost:5000"));
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(invalid)?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => {}
            "https" | "wss" => return Err(Failure::new("TLS is not measured: name the server behind the proxy, by http://")),
            _ => return Err(invalid()),
        }
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let has_port = name.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let with_port = if has_port { name.to_owned() } else { format!("{name}:80") };
        let mut found = with_port.to_socket_addrs().map_err(|error| Failure::new(format!("{name} is not found: {error}")))?;
        let address = found.next().ok_or_else(|| Failure::new(format!("{name} has no address")))?;
        Ok(Self { address, name: name.to_owned(), path: format!("/{path}") })
    }

    /// Returns a path below the server's own.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.path.trim_end_matches('/'))
    }
}

/// A stream to subscribe to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    host: Host,
    path: String,
    pub(crate) peer: Peer,
    pub(crate) transport: Transport,
}

impl Target {
    /// Only Crier has rooms. For other peers `url` is the address of their WebSocket.
    pub(crate) fn new(url: &str, peer: Peer, transport: Transport, room: &RoomName) -> Result<Self, Failure> {
        let host = Host::new(url)?;
        let path = match (peer, transport) {
            (Peer::Crier, Transport::WebSocket) => host.path(&format!("ws/{room}")),
            (Peer::Crier, Transport::EventStream) => host.path(&format!("api/rooms/{room}/events")),
            (_, Transport::WebSocket) => host.path.clone(),
            (_, Transport::EventStream) => return Err(Failure::new("only Crier is measured over anything but ws")),
        };
        Ok(Self { host, path, peer, transport })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.host.address
    }

    /// Returns the HTTP request that opens the stream.
    pub(crate) fn request(&self) -> Vec<u8> {
        let (path, host) = (&self.path, &self.host.name);
        let rest = match self.transport {
            Transport::WebSocket => {
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y3JpZXIncyBvd24gbG9hZA==\r\n"
            }
            Transport::EventStream => "Accept: text/event-stream\r\n",
        };
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{rest}\r\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, peer: Peer, transport: Transport) -> Result<(String, String), String> {
        let target = Target::new(url, peer, transport, &RoomName::lobby()).map_err(|failure| failure.to_string())?;
        let line = String::from_utf8(target.request()).unwrap().lines().next().unwrap().to_owned();
        Ok((target.address().to_string(), line))
    }

    #[test]
    fn requests_the_stream_of_each_peer() {
        for (url, peer, transport, address, line) in [
            ("http://127.0.0.1:5", Peer::Crier, Transport::WebSocket, "127.0.0.1:5", "GET /ws/lobby HTTP/1.1"),
            ("http://127.0.0.1:5/board/", Peer::Crier, Transport::WebSocket, "127.0.0.1:5", "GET /board/ws/lobby HTTP/1.1"),
            ("http://[::1]", Peer::Crier, Transport::EventStream, "[::1]:80", "GET /api/rooms/lobby/events HTTP/1.1"),
            ("ws://127.0.0.1:5", Peer::Raw, Transport::WebSocket, "127.0.0.1:5", "GET / HTTP/1.1"),
            ("ws://127.0.0.1:5/a/b/", Peer::Nats, Transport::WebSocket, "127.0.0.1:5", "GET /a/b/ HTTP/1.1"),
            ("ws://127.0.0.1:5/a/?b=c", Peer::SocketIo, Transport::WebSocket, "127.0.0.1:5", "GET /a/?b=c HTTP/1.1"),
        ] {
            assert_eq!(request(url, peer, transport), Ok((address.to_owned(), line.to_owned())), "{url}");
        }
    }

    #[test]
    fn refuses_what_it_can_not_measure() {
        for (url, peer, transport, text) in [
            ("https://127.0.0.1", Peer::Crier, Transport::WebSocket, "TLS"),
            ("wss://127.0.0.1", Peer::Raw, Transport::WebSocket, "TLS"),
            ("ws://127.0.0.1", Peer::Raw, Transport::EventStream, "only Crier"),
            ("nonsense", Peer::Raw, Transport::WebSocket, "not the address"),
            ("ftp://127.0.0.1", Peer::Crier, Transport::WebSocket, "not the address"),
        ] {
            let failure = request(url, peer, transport).unwrap_err();
            assert!(failure.contains(text), "{url}: {failure}");
        }
    }
}
