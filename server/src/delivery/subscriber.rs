//! A connection's side of its slot: what its own task writes while the shard does not.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::Waker;

use batch_send::Socket;
use bytes::Bytes;
use protocol::ServerFrame;
use tokio::net::TcpStream;

use super::End;
use super::broadcaster::Broadcaster;
use super::reader::{Next, Reader};
use super::send_state::{Frame, SendState};
use super::shard::{self, Shard};
use super::source::Found;
use crate::access::Grants;
use crate::commands::Scope;

/// Where a client starts to read.
pub(super) struct Arrival {
    /// It has the log up to here.
    pub(super) cursor: u64,
    /// The newest entry when it came.
    pub(super) latest: u64,
    /// The number of sessions that it is told first.
    pub(super) online: usize,
    /// Its access keys.
    pub(super) grants: Option<Arc<Grants>>,
    /// What it is written before the log, shared with others.
    pub(super) greeting: Bytes,
}

/// A socket with a slot in a broadcaster.
pub(super) struct Subscriber {
    socket: Arc<TcpStream>,
    registration: Registration,
    /// Here while the reader is not caught up.
    state: Option<Box<SendState>>,
}

/// Keeps a slot taken until it is dropped.
struct Registration {
    broadcaster: Arc<Broadcaster>,
    shard: Arc<Shard>,
    number: u32,
}

/// How far [`Subscriber::catch_up`] came.
#[derive(Clone, Copy, Debug)]
pub(super) enum CatchUp {
    /// Everything was written. The shard writes what comes next.
    Done,
    /// The socket takes no more; so many bytes wait that are not in the log.
    Blocked(usize),
    /// What comes after this offset has to be read from history.
    Older(u64),
    /// The session is over.
    Ended,
}

impl Registration {
    fn index(&self) -> usize {
        self.number as usize % shard::SLOTS
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // In this order, so that the next subscriber finds the slot empty.
        self.shard.remove(self.index());
        self.broadcaster.give_back(self.number);
    }
}

impl Subscriber {
    /// Registers a socket. It is written `first`, and then the log after the cursor.
    pub(super) fn new(broadcaster: Arc<Broadcaster>, socket: TcpStream, arrival: Arrival, first: &[u8]) -> Self {
        let Arrival { cursor, latest, online, grants, greeting } = arrival;
        let socket = Arc::new(socket);
        let (shard, number) = broadcaster.take_slot();
        let registration = Registration { broadcaster, shard, number };
        registration.shard.insert(registration.index(), Socket::new(socket.clone()), grants);
        let now = registration.broadcaster.now();
        let mut reader = Reader::new(cursor, online as u32, now.tick, now.rules);
        reader.wrote(first.len() + greeting.len(), now.tick, now.rules);
        let state = SendState::new(reader, [Bytes::copy_from_slice(first), greeting]).fresh(latest);
        Self { socket, registration, state: Some(Box::new(state)) }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(super) fn broadcaster(&self) -> &Broadcaster {
        &self.registration.broadcaster
    }

    /// Returns where the client's commands are carried out.
    pub(super) fn scope(&self) -> Scope<'_> {
        let broadcaster = self.broadcaster();
        Scope { context: broadcaster.context(), room: broadcaster.source().room() }
    }

    /// Notes that the client is alive.
    pub(super) fn set_heard(&self) {
        self.registration.shard.set_heard(self.registration.index());
    }

    /// Ends the session, unless it has ended already.
    pub(super) fn end(&self, end: End) {
        self.registration.shard.end(self.registration.index(), end);
    }

    /// Makes `waker` the one that is woken when there is something to do. Returns the end of the
    /// session.
    pub(super) fn attend(&mut self, waker: &Waker) -> Option<End> {
        let (end, fallen) = self.registration.shard.attend(self.registration.index(), waker);
        if fallen.is_some() {
            self.state = fallen;
        }
        end
    }

    /// Adds whole frames for this client alone, for [`Self::catch_up`] to write.
    pub(super) fn say(&mut self, frames: &[u8]) {
        let now = self.registration.broadcaster.now();
        if let Some(state) = take_reader(&mut self.state, &self.registration) {
            state.push(frames);
            state.reader.wrote(frames.len(), now.tick, now.rules);
        }
    }

    /// Tells the reader that the entries before `first` are missing, and goes on there.
    pub(super) fn skip_to(&mut self, first: u64) {
        let gap = self.broadcaster().source().gap(first);
        let Some(state) = take_reader(&mut self.state, &self.registration) else { return };
        let before = state.reader.cursor();
        state.reader.advance_to(gap.resumes.offset);
        let frame = self.broadcaster().say(&ServerFrame::Gap(gap), before);
        self.say(&frame);
    }

    /// Writes as much as the socket takes, until the reader is caught up. `page` holds entries from
    /// history.
    pub(super) fn catch_up(&mut self, page: &[Frame]) -> CatchUp {
        while let Some(state) = &mut self.state {
            let broadcaster = &*self.registration.broadcaster;
            let (now, cursor) = (broadcaster.now(), state.reader.cursor());
            let page = &page[page.partition_point(|frame| frame.offset <= cursor)..];
            let (mut from_tail, mut is_older) = (Vec::new(), false);
            if page.is_empty() {
                match broadcaster.read(cursor) {
                    Found::Frames { frames, .. } => from_tail = frames,
                    Found::InHistory => is_older = true,
                    Found::Expired => {}
                }
            }
            let frames = state.fitting(if page.is_empty() { &from_tail } else { page });
            match state.write(frames, now.tick, now.rules, |slices| write_now(&self.socket, slices)) {
                Ok(true) => {}
                Ok(false) => return self.wait_for_socket(),
                Err(_) => {
                    self.end(End::Gone);
                    return CatchUp::Ended;
                }
            }
            let next = self.registration.shard.next(self.registration.index(), &mut self.state, broadcaster.source(), now);
            match next {
                Next::Entries if is_older => return CatchUp::Older(cursor),
                Next::Entries => {}
                // Caught up, or ended by somebody else.
                Next::Wait if self.state.is_none() => return CatchUp::Done,
                Next::Wait => return CatchUp::Ended,
                Next::End(reason) => {
                    self.end(reason.into());
                    return CatchUp::Ended;
                }
                told => self.tell(told),
            }
        }
        CatchUp::Done
    }

    /// Adds what the machine has asked for, for the next write.
    fn tell(&mut self, next: Next) {
        let Some(state) = &mut self.state else { return };
        let broadcaster = &*self.registration.broadcaster;
        let cursor = state.reader.cursor();
        match next {
            Next::Gap => self.skip_to(broadcaster.source().extent().expired),
            Next::Presence(online) => {
                state.reader.set_online_told(online);
                let frame = broadcaster.say(&ServerFrame::Presence { online: online as usize }, cursor);
                self.say(&frame);
            }
            Next::Heartbeat => state.push(&broadcaster.heartbeat(cursor)),
            Next::Wait | Next::Entries | Next::End(_) => {}
        }
    }

    /// Arranges that the task is woken when the session ends because the socket takes nothing.
    fn wait_for_socket(&self) -> CatchUp {
        let Some(state) = &self.state else { return CatchUp::Done };
        let now = self.broadcaster().now();
        if let Some(reason) = state.reader.overdue(now.tick, now.rules) {
            self.end(reason.into());
            return CatchUp::Ended;
        }
        self.registration.shard.wake_at(self.registration.index(), state.reader.ends_at(now.rules));
        CatchUp::Blocked(state.pending())
    }

    /// Leaves the broadcaster. Returns the socket, and what is still to be written to it that is
    /// not in the log. `with_reader` sees the reader, if the socket is not broken.
    pub(super) fn close(mut self, with_reader: impl FnOnce(&Broadcaster, &Reader)) -> (Arc<TcpStream>, Vec<u8>) {
        let Some(state) = take_reader(&mut self.state, &self.registration) else { return (self.socket, Vec::new()) };
        with_reader(&self.registration.broadcaster, &state.reader);
        let pending = state.take_pending();
        (self.socket, pending)
    }
}

/// Takes the reader out of its slot. From here on the shard does not write to it.
fn take_reader<'a>(state: &'a mut Option<Box<SendState>>, registration: &Registration) -> Option<&'a mut SendState> {
    if state.is_none() {
        *state = registration.shard.take(registration.index());
    }
    state.as_deref_mut()
}

/// Writes what the socket takes without waiting.
pub(super) fn write_now(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        // The system has a shorter way for one.
        [slice] => socket.try_write(slice),
        slices => socket.try_write_vectored(slices),
    }
}
