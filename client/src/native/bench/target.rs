//! What is measured: where it listens, and what is spoken there.

use std::net::{SocketAddr, ToSocketAddrs};

use protocol::RoomName;

use super::Trouble;
use crate::Transport;
use crate::native::address::Address;

/// What is spoken by the server that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Crier's own protocol.
    Crier,
    /// A WebSocket on which a text is published, and everybody gets it.
    Raw,
    /// Socket.IO, over a WebSocket: the event `message`.
    SocketIo,
    /// NATS, over a WebSocket: the subject `bench`.
    Nats,
}

impl Peer {
    /// Every peer.
    pub const ALL: [Self; 4] = [Self::Crier, Self::Raw, Self::SocketIo, Self::Nats];
    /// Their words, in the same order.
    pub const WORDS: [&'static str; 4] = ["crier", "raw", "socket.io", "nats"];

    /// Its word, on the command line and in a report.
    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// The peer with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|peer| peer.word() == word)
    }
}

/// One place to connect to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// The host as the server knows itself.
    host: String,
    path: String,
    pub(super) peer: Peer,
    pub(super) transport: Transport,
}

impl Target {
    /// Of a room at a server; peers that are not Crier have no rooms, and their address is that of their socket.
    pub(super) fn new(base: &str, peer: Peer, transport: Transport, room: &RoomName) -> Result<Self, Trouble> {
        let room_at = || Address::new(base, room).map_err(|error| Trouble::new(error.to_string()));
        let url = match (peer, transport) {
            (Peer::Crier, Transport::WebSocket) => room_at()?.socket(None),
            (Peer::Crier, Transport::Sse) => room_at()?.events(None),
            (Peer::Crier, _) => return Err(Trouble::new("only ws and sse are measured")),
            (_, Transport::WebSocket) => base.to_owned(),
            _ => return Err(Trouble::new("only Crier is measured over anything but ws")),
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("", &url));
        match scheme {
            "http" | "ws" => {}
            "https" | "wss" => return Err(Trouble::new("TLS is not measured: name the server behind the proxy, by http://")),
            _ => return Err(Trouble::new(format!("{base:?} is not the address of a socket: it must be like ws://localhost:5000"))),
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let with_port = if host.rsplit(']').next().is_some_and(|end| end.contains(':')) { host.to_owned() } else { format!("{host}:80") };
        let found = with_port.to_socket_addrs().map_err(|error| Trouble::new(format!("{host} is not found: {error}")))?;
        let address = found.into_iter().next().ok_or_else(|| Trouble::new(format!("{host} has no address")))?;
        Ok(Self { address, host: host.to_owned(), path: format!("/{path}"), peer, transport })
    }

    /// What asks for the stream.
    pub(super) fn request(&self) -> Vec<u8> {
        let Self { path, host, .. } = self;
        let rest = match self.transport {
            Transport::WebSocket => {
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y3JpZXIncyBvd24gbG9hZA==\r\n"
            }
            _ => "Accept: text/event-stream\r\n",
        };
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{rest}\r\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(base: &str, peer: Peer, transport: Transport) -> Result<(String, String), String> {
        let target = Target::new(base, peer, transport, &RoomName::lobby()).map_err(|trouble| trouble.to_string())?;
        let line = String::from_utf8(target.request()).unwrap().lines().next().unwrap().to_owned();
        Ok((target.address.to_string(), line))
    }

    #[test]
    fn each_peer_is_asked_for_its_stream() {
        let asked = |base, peer, transport| request(base, peer, transport).unwrap();
        let at = |address: &str, line: &str| (address.to_owned(), line.to_owned());
        assert_eq!(asked("http://127.0.0.1:5", Peer::Crier, Transport::WebSocket), at("127.0.0.1:5", "GET /ws/lobby HTTP/1.1"));
        let events = at("[::1]:80", "GET /api/rooms/lobby/events HTTP/1.1");
        assert_eq!(asked("http://[::1]", Peer::Crier, Transport::Sse), events);
        assert_eq!(asked("ws://127.0.0.1:5", Peer::Raw, Transport::WebSocket), at("127.0.0.1:5", "GET / HTTP/1.1"));
        assert_eq!(asked("ws://127.0.0.1:5/a/b/", Peer::Nats, Transport::WebSocket), at("127.0.0.1:5", "GET /a/b/ HTTP/1.1"));
        let asked = asked("ws://127.0.0.1:5/a/?b=c", Peer::SocketIo, Transport::WebSocket);
        assert_eq!(asked, at("127.0.0.1:5", "GET /a/?b=c HTTP/1.1"));
    }

    #[test]
    fn what_is_not_measured_is_said() {
        assert!(request("https://127.0.0.1", Peer::Crier, Transport::WebSocket).unwrap_err().contains("TLS"));
        assert!(request("wss://127.0.0.1", Peer::Raw, Transport::WebSocket).unwrap_err().contains("TLS"));
        assert!(request("http://127.0.0.1", Peer::Crier, Transport::Poll).unwrap_err().contains("only ws and sse"));
        assert!(request("ws://127.0.0.1", Peer::Raw, Transport::Sse).unwrap_err().contains("only Crier"));
        assert!(request("nonsense", Peer::Raw, Transport::WebSocket).unwrap_err().contains("not the address"));
        assert!(request("nonsense", Peer::Crier, Transport::WebSocket).unwrap_err().contains("not the address"));
    }
}
