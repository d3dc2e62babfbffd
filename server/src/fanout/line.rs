//! One connection's socket, with what it is owed under a lock that nobody holds for longer than a write.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use protocol::{Disconnect, Gap, ServerFrame};
use tokio::net::TcpStream;

use super::outlet::{Batch, Outlet, Piece};
use super::pass::Pass;
use super::{End, WRITE_TIME_MAX};
use crate::room::Read;
use crate::system::ring::Send;

/// How many heartbeats in a row may go unanswered.
const MISSED_MAX: u8 = 2;

/// A socket and what it is owed. Written by the room's pass while it is level, else by its own task.
pub(super) struct Line {
    socket: TcpStream,
    heard: AtomicBool,
    state: Mutex<State>,
}

struct State {
    outlet: Outlet,
    /// The connection's own task.
    waker: Option<Waker>,
    end: Option<End>,
    here_told: usize,
    /// The number of those present has changed and this reader could not be told.
    here_owed: bool,
    /// It is not level with the log, or has something pending: its own task writes, and the pass goes by. While this is not
    /// so nothing is pending.
    behind: bool,
    /// It is behind because the socket took no more.
    full: bool,
    /// Its task waits for the next tick.
    resting: bool,
    missed: u8,
    beat_due: u32,
    progress_at: u32,
}

/// Where a line is after it was written to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pump {
    /// Everything was written.
    Level,
    /// The socket takes no more; this many bytes wait that are not in the log.
    Full(usize),
    /// What comes after this offset has to be read from history.
    Older(u64),
}

/// What a pass brings to each of its lines.
pub(super) struct Load {
    pub(super) batch: Batch,
    /// How many are here, if that is told now, in the batch's last frame.
    pub(super) here: Option<usize>,
}

/// A level line while it is written to by its pass.
pub(super) struct Turn<'a> {
    line: &'a Line,
    state: MutexGuard<'a, State>,
    load: &'a Load,
    tells_here: bool,
    pass: &'a Pass,
}

impl Line {
    /// A line whose first heartbeat is due at a tick.
    pub(super) fn new(socket: TcpStream, cursor: u64, here: usize, beat_due: u32) -> Self {
        let state = State {
            outlet: Outlet::new(cursor),
            waker: None,
            end: None,
            here_told: here,
            here_owed: false,
            behind: false,
            full: false,
            resting: false,
            missed: 0,
            beat_due,
            progress_at: 0,
        };
        Self { socket, heard: AtomicBool::new(true), state: Mutex::new(state) }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Notes that the client is alive.
    pub(super) fn heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Makes `waker` the one that is woken when there is something to do, and tells whether it is over.
    pub(super) fn attend(&self, waker: &Waker) -> Option<End> {
        let mut state = self.lock();
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        state.end
    }

    /// Has the task woken at the next tick.
    pub(super) fn rest(&self) {
        self.lock().resting = true;
    }

    /// Ends the connection, unless it has ended already.
    pub(super) fn end(&self, end: End) {
        self.lock().end(end);
    }

    /// What the line is to be sent of what a pass brings, if it is level with its start; if it is not, it is given what it lacks.
    /// Until the turn ends, nobody else writes.
    pub(super) fn turn<'a>(&'a self, load: &'a Load, pass: &'a Pass) -> Option<Turn<'a>> {
        let Load { batch, here } = load;
        let mut state = self.lock();
        let tells_here = here.is_some_and(|here| here != state.here_told);
        let cursor = state.outlet.cursor();
        if state.behind || cursor != batch.start {
            state.here_owed |= tells_here;
            if !state.behind && (tells_here || cursor < batch.end()) {
                self.flush(&mut state, pass, Vec::new());
            }
            return None;
        }
        let owed = tells_here || !batch.is_without_entries();
        owed.then_some(Turn { line: self, state, load, tells_here, pass })
    }

    /// Writes whole frames for this reader alone, and what it lacks of the log.
    pub(super) fn say(&self, frames: &[u8], pass: &Pass) {
        let mut state = self.lock();
        if state.behind {
            state.outlet.push(frames);
        } else {
            self.flush(&mut state, pass, frames.to_vec());
        }
    }

    /// Writes as much as the socket takes of what a line that is behind is owed. `page` holds entries from history.
    pub(super) fn pump(&self, page: &[Piece], pass: &Pass) -> Pump {
        let mut state = self.lock();
        if !state.behind {
            return Pump::Level;
        }
        loop {
            let cursor = state.outlet.cursor();
            let rest = &page[page.partition_point(|piece| piece.offset <= cursor)..];
            if rest.is_empty() {
                return self.flush(&mut state, pass, Vec::new());
            }
            if !self.write(&mut state, &[], rest, pass) {
                return Pump::Full(state.outlet.pending());
            }
        }
    }

    /// Goes on after a gap, once the reader was told of it.
    pub(super) fn skip(&self, gap: Gap, pass: &Pass) {
        self.lock().skip(gap, pass);
    }

    /// Puts a last frame in line. Nothing else is written after it.
    pub(super) fn push(&self, frame: &[u8]) {
        self.lock().outlet.push(frame);
    }

    /// Writes what is pending and nothing of the log. Whether that is all.
    pub(super) fn finish(&self) -> io::Result<bool> {
        self.lock().outlet.write(&[], &[], |slices| self.try_write(slices))
    }

    /// Looks after the connection once a tick. `heartbeat` is what a silent one hears.
    pub(super) fn beat(&self, heartbeat: &[u8], pass: &Pass) {
        let (tick, mut state) = (pass.tick(), self.lock());
        if state.resting {
            state.resting = false;
            state.wake();
        }
        if state.behind {
            // It hears more than a heartbeat, or nothing that is written would reach it.
            if state.full && tick.wrapping_sub(state.progress_at) >= pass.ticks(WRITE_TIME_MAX) {
                state.end(End::Told(Disconnect::SlowConsumer));
            }
            return;
        }
        if tick < state.beat_due {
            return;
        }
        state.beat_due = tick + pass.heartbeat_ticks();
        state.missed = if self.heard.swap(false, Ordering::Relaxed) { 0 } else { state.missed + 1 };
        if state.missed >= MISSED_MAX {
            state.end(End::Told(Disconnect::HeartbeatMissed));
        } else {
            self.flush(&mut state, pass, heartbeat.to_vec());
        }
    }

    /// Writes what is pending, `own`, and what the tail has after the cursor.
    fn flush(&self, state: &mut State, pass: &Pass, mut own: Vec<u8>) -> Pump {
        loop {
            let pieces = match pass.log().read(state.outlet.cursor()) {
                Read::Entries(entries) => pass.pieces(&entries),
                Read::Expired(first) => {
                    state.outlet.push(&own);
                    own.clear();
                    state.skip(pass.log().gap(first), pass);
                    continue;
                }
                Read::InHistory => {
                    if !self.write(state, &own, &[], pass) {
                        return Pump::Full(state.outlet.pending());
                    }
                    state.fall_behind(false, pass);
                    return Pump::Older(state.outlet.cursor());
                }
            };
            if state.here_owed {
                state.here_owed = false;
                state.here_told = pass.tell_here(&mut own, state.here_told);
            }
            if !self.write(state, &own, &pieces, pass) {
                return Pump::Full(state.outlet.pending());
            }
            own.clear();
            // Whatever is added from here on, the pass will find the line level when it brings that.
            if pass.log().room().extent().latest <= state.outlet.cursor() {
                state.behind = false;
                return Pump::Level;
            }
        }
    }

    /// Whether all was taken. If not, the line is behind.
    fn write(&self, state: &mut State, own: &[u8], pieces: &[Piece], pass: &Pass) -> bool {
        let mut progress = false;
        let write = |slices: &[io::IoSlice<'_>]| {
            let written = self.try_write(slices);
            progress = written.as_ref().is_ok_and(|written| *written > 0);
            written
        };
        let all = state.outlet.write(own, pieces, write).unwrap_or_else(|_| {
            state.end(End::Gone);
            false
        });
        if all {
            state.full = false;
        } else if progress || !state.full {
            state.fall_behind(true, pass);
        }
        all
    }

    fn try_write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // The system has a shorter way for one.
            [slice] => self.socket.try_write(slice),
            slices => self.socket.try_write_vectored(slices),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// What is to be sent.
    pub(super) fn send(&self) -> Send<'_> {
        Send { socket: self.line.socket(), bytes: self.load.batch.bytes(self.tells_here) }
    }

    /// Ends it with how much the socket took.
    pub(super) fn end(self, written: io::Result<usize>) {
        let Self { mut state, load: Load { batch, here }, tells_here, pass, .. } = self;
        match state.outlet.wrote(batch, tells_here, written) {
            Ok(true) => {}
            Ok(false) => state.fall_behind(true, pass),
            Err(_) => state.end(End::Gone),
        }
        if let Some(here) = *here {
            state.here_owed |= tells_here && state.outlet.cursor() != batch.end();
            state.here_told = here;
        }
    }
}

impl State {
    /// Leaves the rest to the connection's own task, from now on: `full` if the socket took no more.
    fn fall_behind(&mut self, full: bool, pass: &Pass) {
        self.full = full;
        self.progress_at = pass.tick();
        if !self.behind {
            self.behind = true;
            self.wake();
        }
    }

    fn skip(&mut self, gap: Gap, pass: &Pass) {
        self.outlet.skip_to(gap.resumes.offset);
        let mut frame = Vec::new();
        pass.dialect().say(&ServerFrame::Gap(gap), &mut frame);
        self.outlet.push(&frame);
    }

    fn end(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            // Nothing more is to be written by others.
            self.behind = true;
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
