//! A connection's end of its line: what it writes while the row does not.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::Waker;

use batch_send::Socket;
use protocol::{Gap, ServerFrame};
use tokio::net::TcpStream;

use super::End;
use super::broadcaster::{Pass, Ticket};
use super::send_state::{Outlet, Piece};
use super::shard::{Lack, Seat};
use crate::room::Read;

/// A socket that has a seat in a pass.
pub(super) struct Line {
    socket: Arc<TcpStream>,
    // In this order, so that the place is empty when it is given back.
    seat: Seat,
    ticket: Ticket,
    /// What it is owed, while it does not ride.
    outlet: Option<Box<Outlet>>,
}

/// Where a line is after it was written to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pump {
    /// Everything was written, and it rides.
    Level,
    /// The socket takes no more; this many bytes wait that are not in the log.
    Full(usize),
    /// What comes after this offset has to be read from history.
    Older(u64),
}

impl Line {
    /// A line that is to be written `first`, and then the log after `cursor`.
    pub(super) fn new(pass: &Arc<Pass>, socket: TcpStream, cursor: u64, here: usize, first: &[u8]) -> Self {
        let socket = Arc::new(socket);
        let (ticket, seat) = pass.seat(Socket::new(socket.clone()), here as u32);
        Self { socket, seat, ticket, outlet: Some(Box::new(Outlet::new(cursor, first.to_vec()))) }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(super) fn seat(&self) -> &Seat {
        &self.seat
    }

    pub(super) fn pass(&self) -> &Arc<Pass> {
        self.ticket.pass()
    }

    /// Makes `waker` the one that is woken when there is something to do, and tells whether it is over.
    pub(super) fn attend(&mut self, waker: &Waker) -> Option<End> {
        let (end, outlet) = self.seat.attend(waker);
        if outlet.is_some() {
            self.outlet = outlet;
        }
        end
    }

    /// Puts whole frames for this reader alone in line, for [`Self::pump`] to write.
    pub(super) fn say(&mut self, frames: &[u8]) {
        self.outlet().push(frames);
    }

    /// Goes on after a gap, once the reader is told of it.
    pub(super) fn skip(&mut self, gap: Gap) {
        self.outlet().skip_to(gap.resumes.offset);
        let mut frame = Vec::new();
        self.pass().format().say(&ServerFrame::Gap(gap), &mut frame);
        self.say(&frame);
    }

    /// Writes as much as the socket takes of what the line is owed, until it can ride. `page` holds entries from history.
    pub(super) fn pump(&mut self, page: &[Piece]) -> Pump {
        while let Some(outlet) = &mut self.outlet {
            let (log, cursor) = (self.ticket.pass().log(), outlet.cursor());
            let (mut pieces, mut is_older) = (&page[page.partition_point(|piece| piece.offset <= cursor)..], false);
            let from_tail;
            if pieces.is_empty() {
                match log.read(cursor) {
                    Read::Entries(entries) => {
                        from_tail = self.ticket.pass().pieces(&entries);
                        pieces = &from_tail;
                    }
                    Read::InHistory => is_older = true,
                    Read::Expired(first) => {
                        self.skip(log.gap(first));
                        continue;
                    }
                }
            }
            let mut has_taken_some = false;
            let written = outlet.write(pieces, |slices| {
                let length = write_now(&self.socket, slices)?;
                has_taken_some = length > 0;
                Ok(length)
            });
            match written {
                Ok(true) => {}
                Ok(false) => {
                    self.seat.stick(self.ticket.pass().tick(), has_taken_some);
                    return Pump::Full(outlet.pending());
                }
                Err(_) => {
                    self.seat.end(End::Gone);
                    return Pump::Full(0);
                }
            }
            if is_older {
                self.seat.unstick();
                return Pump::Older(cursor);
            }
            match self.seat.step_in(outlet.cursor(), log) {
                Ok(()) => self.outlet = None,
                Err(Lack::Entries) => {}
                Err(Lack::Here(here)) => {
                    let mut frame = Vec::new();
                    self.pass().format().say(&ServerFrame::Presence { online: here as usize }, &mut frame);
                    self.say(&frame);
                }
            }
        }
        Pump::Level
    }

    /// Leaves the pass, with the socket and what is still to be written to it that is not in the log.
    pub(super) fn close(mut self) -> (Arc<TcpStream>, Outlet) {
        let outlet = self.outlet.take().unwrap_or_else(|| self.seat.step_out());
        (self.socket, *outlet)
    }

    /// What it is owed. From here on the row does not write to it.
    fn outlet(&mut self) -> &mut Outlet {
        self.outlet.get_or_insert_with(|| self.seat.step_out())
    }
}

/// Writes what the socket takes without waiting.
pub(super) fn write_now(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        // The system has a shorter way for one.
        [slice] => socket.try_write(slice),
        slices => socket.try_write_vectored(slices),
    }
}
