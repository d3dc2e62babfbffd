//! What sends a cast: a presenter's socket to the server, or a plain loop to all viewers.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use protocol::RoomName;

use crate::framing::{Frame, Framing, put_frame};
use crate::target::Host;
use crate::{BUFFER_BYTES, Failure, TIMEOUT};

const BINARY: u8 = 2;
const PONG: u8 = 10;
/// The first byte of a whole binary frame.
const BINARY_FRAME: u8 = 0x80 | BINARY;
/// How long to wait for a socket that takes no more.
const PAUSE: Duration = Duration::from_millis(1);

/// Takes a cast's chunks.
pub(crate) trait Sink {
    fn send(&mut self, chunk: &[u8]) -> Result<(), Failure>;
}

/// Returns a request for a WebSocket.
pub(crate) fn request(host: &Host, path: &str, headers: &str) -> Vec<u8> {
    let (path, name) = (host.path(path), &host.name);
    let upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y3JpZXIncyBvd24gbG9hZA==\r\n";
    format!("GET {path} HTTP/1.1\r\nHost: {name}\r\n{upgrade}{headers}\r\n").into_bytes()
}

/// A presenter's connection.
pub(crate) struct Presenter {
    socket: TcpStream,
    framing: Framing,
    buffer: Vec<u8>,
    unsent: Vec<u8>,
    is_ready: bool,
}

impl Presenter {
    /// Begins a cast in a room.
    pub(crate) fn open(host: &Host, room: &RoomName) -> Result<Self, Failure> {
        let mut socket = TcpStream::connect(host.address).map_err(|error| Failure::of_io(&error))?;
        let key = getrandom::u64().map_err(|error| Failure::of(&error))?;
        let identity = format!("crier-identity: b{}\r\n", "A".repeat(42));
        let request = request(host, &format!("ws/{room}/present?key={key:016x}"), &identity);
        socket.set_nodelay(true).and_then(|()| socket.set_read_timeout(Some(TIMEOUT))).map_err(|error| Failure::of_io(&error))?;
        socket.write_all(&request).map_err(|error| Failure::of_io(&error))?;
        let (framing, buffer) = (Framing::default(), vec![0; BUFFER_BYTES]);
        let mut presenter = Self { socket, framing, buffer, unsent: Vec::new(), is_ready: false };
        while !presenter.is_ready {
            presenter.read()?;
        }
        presenter.socket.set_nonblocking(true).map_err(|error| Failure::of_io(&error))?;
        Ok(presenter)
    }

    /// Reads once what has arrived.
    fn read(&mut self) -> Result<(), Failure> {
        let length = match self.socket.read(&mut self.buffer) {
            Ok(0) => return Err(Failure::disconnected("the server ended the presenter's connection")),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(Failure::of_io(&error)),
        };
        let Self { framing, buffer, unsent, is_ready, .. } = self;
        framing.read(&buffer[..length], |frame| {
            match frame {
                Frame::Head => *is_ready = true,
                Frame::Data(data) if data.starts_with(br#"{"type":"error""#) => return Err(Failure::new(String::from_utf8_lossy(data))),
                Frame::Data(_) => {}
                Frame::Ping(payload) => put_frame(unsent, PONG, payload),
            }
            Ok(())
        })
    }
}

impl Sink for Presenter {
    fn send(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.read()?;
        put_frame(&mut self.unsent, BINARY, chunk);
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.socket.write(&self.unsent[sent..]) {
                Ok(length) => sent += length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => std::thread::park_timeout(PAUSE),
                Err(error) => return Err(Failure::of_io(&error)),
            }
        }
        self.unsent.clear();
        Ok(())
    }
}

/// A loop of `send()`, without anything else that a server does.
pub(crate) struct PlainLoop(Vec<TcpStream>);

impl PlainLoop {
    /// Accepts so many viewers.
    pub(crate) fn accept(listener: &TcpListener, viewers: usize) -> Result<Self, Failure> {
        let accept = |_| {
            let (mut socket, _) = listener.accept()?;
            socket.set_nodelay(true)?;
            socket.set_write_timeout(Some(TIMEOUT))?;
            socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
            Ok(socket)
        };
        let sockets = (0..viewers).map(accept).collect::<std::io::Result<_>>();
        sockets.map(Self).map_err(|error| Failure::of_io(&error))
    }
}

impl Sink for PlainLoop {
    fn send(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let length = (chunk.len() as u64).to_be_bytes();
        let header = match chunk.len() {
            length @ 0..=125 => vec![BINARY_FRAME, length as u8],
            126..=0xffff => [&[BINARY_FRAME, 126], &length[6..]].concat(),
            _ => [&[BINARY_FRAME, 127], &length[..]].concat(),
        };
        let frame = [&header[..], chunk].concat();
        self.0.iter_mut().try_for_each(|socket| socket.write_all(&frame)).map_err(|error| Failure::of_io(&error))
    }
}
