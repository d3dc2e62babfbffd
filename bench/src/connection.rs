//! One connection: opens a stream, sends what is queued, and decodes what arrives.

use std::io::{ErrorKind, Read as _, Write as _};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::Failure;
use crate::framing::{Frame, Framing, put_frame};
use crate::target::Target;
use crate::wire_format::{Received, WireFormat};

const PONG: u8 = 10;

/// A connection, open or opening.
pub(crate) struct Connection {
    socket: TcpStream,
    framing: Framing,
    wire_format: WireFormat,
    unsent: Vec<u8>,
}

impl Connection {
    /// Starts to connect.
    pub(crate) fn open(target: &Target, registry: &Registry, token: Token) -> Result<Self, Failure> {
        let mut socket = TcpStream::connect(target.address()).map_err(|error| Failure::of_io(&error))?;
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE).map_err(|error| Failure::of(&error))?;
        // Nagle's algorithm would delay a message until the one before is acknowledged.
        let _ = socket.set_nodelay(true);
        let (framing, wire_format) = (Framing::default(), WireFormat::new(target.peer, target.transport));
        Ok(Self { socket, framing, wire_format, unsent: target.request() })
    }

    /// Handles an event. Returns the number of bytes read.
    pub(crate) fn handle(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        on_received: impl FnMut(Received) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        if event.is_writable() {
            self.flush()?;
        }
        if event.is_readable() || event.is_read_closed() { self.read(buffer, event.is_read_closed(), on_received) } else { Ok(0) }
    }

    /// Reads all that has arrived. Returns the number of bytes read.
    ///
    /// A read that leaves part of the buffer empty is the last one, unless `to_the_end` is set,
    /// which also looks for the peer's close.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        to_the_end: bool,
        mut on_received: impl FnMut(Received) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        let mut total = 0;
        loop {
            let length = match self.socket.read(buffer) {
                Ok(0) => return Err(Failure::disconnected("the server ended a connection")),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::of_io(&error)),
            };
            total += length;
            let Self { framing, wire_format, unsent, .. } = self;
            framing.read(&buffer[..length], |frame| match frame {
                Frame::Head => wire_format.subscribe(unsent, &mut on_received),
                Frame::Data(data) => wire_format.receive(data, unsent, &mut on_received),
                Frame::Ping(payload) => {
                    put_frame(unsent, PONG, payload);
                    Ok(())
                }
            })?;
            if length < buffer.len() && !to_the_end {
                break;
            }
        }
        if !self.unsent.is_empty() {
            self.flush()?;
        }
        Ok(total)
    }

    /// Returns the queue of bytes to send; [`Connection::flush`] sends them.
    pub(crate) fn unsent(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// Sends as much of the queue as the socket takes. An event tells when it takes more.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.socket.write(&self.unsent[sent..]) {
                Ok(length) => sent += length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::of_io(&error)),
            }
        }
        self.unsent.drain(..sent);
        Ok(())
    }
}
