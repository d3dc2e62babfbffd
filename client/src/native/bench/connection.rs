//! One connection of the load: it connects, asks, says what it is given to say, and checks what it hears.

use std::io::{self, ErrorKind, Read as _, Write as _};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::Trouble;
use super::framing::{Framing, Piece, put_frame};
use super::speech::{Heard, Speech};
use super::target::Target;

const PONG: u8 = 10;

/// A connection, open or opening.
pub(super) struct Connection {
    socket: TcpStream,
    framing: Framing,
    speech: Speech,
    unsent: Vec<u8>,
}

impl Connection {
    /// Starts to connect.
    pub(super) fn open(target: &Target, registry: &Registry, token: Token) -> Result<Self, Trouble> {
        let mut socket = TcpStream::connect(target.address).map_err(|error| refused(&error))?;
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE).map_err(|error| Trouble::new(error.to_string()))?;
        // A message that waits for the acknowledgement of the one before would measure the delay of that.
        let _ = socket.set_nodelay(true);
        Ok(Self { socket, framing: Framing::default(), speech: Speech::new(target.peer, target.transport), unsent: target.request() })
    }

    /// Does what an event allows.
    pub(super) fn event(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        heard: impl FnMut(Heard) -> Result<(), Trouble>,
    ) -> Result<usize, Trouble> {
        if event.is_writable() {
            self.flush()?;
        }
        if event.is_readable() || event.is_read_closed() { self.read(buffer, event.is_read_closed(), heard) } else { Ok(0) }
    }

    /// Reads all there is; how many bytes that was. Only what may be at its end is read beyond a part of the buffer.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        to_the_end: bool,
        mut heard: impl FnMut(Heard) -> Result<(), Trouble>,
    ) -> Result<usize, Trouble> {
        let mut all = 0;
        loop {
            let length = match self.socket.read(buffer) {
                Ok(0) => return Err(Trouble::end("the server ended a connection")),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(refused(&error)),
            };
            all += length;
            let Self { framing, speech, unsent, .. } = self;
            framing.read(&buffer[..length], |piece| match piece {
                Piece::Head => speech.begin(unsent, &mut heard),
                Piece::Data(data) => speech.hear(data, unsent, &mut heard),
                Piece::Ping(payload) => {
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
        Ok(all)
    }

    /// Where what is to be said is appended; [`Connection::flush`] sends it.
    pub(super) fn unsent(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// Sends what the socket takes.
    pub(super) fn flush(&mut self) -> Result<(), Trouble> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.socket.write(&self.unsent[sent..]) {
                Ok(length) => sent += length,
                // An event says when it goes on; so does one when the connection is made.
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(refused(&error)),
            }
        }
        self.unsent.drain(..sent);
        Ok(())
    }
}

fn refused(error: &io::Error) -> Trouble {
    match error.kind() {
        ErrorKind::ConnectionRefused => Trouble::new("nobody listens there"),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Trouble::end("the server broke a connection off"),
        _ => Trouble::new(error.to_string()),
    }
}
