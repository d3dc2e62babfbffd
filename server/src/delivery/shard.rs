//! Up to 64 lines of a pass, side by side under one lock, so that a round of writes looks at little memory.
//!
//! A line either rides, or its connection has its [`Outlet`]. While it rides nothing is pending, and only the row writes to it. A
//! connection that has something to write takes its line out, and lets it in again when it is level with the log.

use std::mem::{self, MaybeUninit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use batch_send::{BATCH_MAX, Disconnected, SendRequest, Socket, send_batch};
use protocol::Disconnect;
use socket2::SockRef;

use super::End;
use super::send_state::{Batch, Outlet};
use crate::subscription::Log;

/// How many lines are written to at once.
pub(super) const LINES: usize = BATCH_MAX;
/// How many heartbeats in a row may go unanswered.
const MISSED_MAX: u8 = 2;

/// The lines, each at a place that does not change.
#[derive(Default)]
pub(super) struct Row {
    /// Who was heard of since its last heartbeat: a bit for each place.
    heard: AtomicU64,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    /// What every round looks at.
    riders: Vec<Option<Rider>>,
    /// What else there is to know of each.
    notes: Vec<Notes>,
}

struct Rider {
    socket: Socket,
    /// The log up to here was written, while it rides.
    cursor: u64,
    here_told: u32,
    rides: bool,
}

#[derive(Default)]
struct Notes {
    /// The connection's own task.
    waker: Option<Waker>,
    end: Option<End>,
    /// What a line that fell behind is owed, until its connection comes for it.
    outlet: Option<Box<Outlet>>,
    /// The number of those present has changed and this reader could not be told.
    here_owed: bool,
    missed: u8,
    beat_due: u32,
    /// The tick of the last progress of a socket that does not take all it is owed.
    stuck_at: Option<u32>,
}

/// A line's place in a row, until it is dropped: the connection's end of it.
pub(super) struct Seat {
    row: Arc<Row>,
    place: usize,
}

/// What a pass brings to each of its lines.
pub(super) struct Load {
    pub(super) batch: Batch,
    /// How many are here, if that is told now, in the batch's last frame.
    pub(super) here: Option<u32>,
}

/// What is due once a tick.
pub(super) struct Beat {
    /// What a silent connection hears, and how many ticks after the last time.
    pub(super) heartbeat: Vec<u8>,
    pub(super) heartbeat_ticks: u32,
    /// For how many ticks a socket may take nothing.
    pub(super) write_ticks: u32,
    pub(super) tick: u32,
}

/// What a line lacks that wants to ride.
pub(super) enum Lack {
    /// The log goes on.
    Entries,
    /// It was not told that so many are here.
    Here(u32),
}

impl Row {
    /// Writes to who rides and is at the load's start. Who rides and is not has to fetch what it lacks.
    pub(super) fn bring(&self, load: &Load, tick: u32) {
        let lines = &mut *self.lock();
        for (rider, notes) in lines.iter_mut().filter(|(rider, _)| load.owed(rider).is_none()) {
            let tells_here = load.tells_here(rider);
            notes.here_owed |= tells_here;
            if rider.rides && (tells_here || rider.cursor < load.batch.end()) {
                let outlet = Outlet::new(rider.cursor, Vec::new());
                notes.fall_behind(rider, outlet, None);
            }
        }
        let owed = |_, rider: &Rider| load.owed(rider);
        lines.send(owed, |rider, notes, bytes, length| {
            let tells_here = load.tells_here(rider);
            let mut cursor = load.batch.end();
            if length == bytes.len() {
                rider.cursor = cursor;
            } else {
                let outlet = load.batch.cut(tells_here, length);
                cursor = outlet.cursor();
                notes.fall_behind(rider, outlet, Some(tick));
            }
            if cursor == load.batch.end() {
                rider.here_told = load.here.unwrap_or(rider.here_told);
            } else {
                notes.here_owed |= tells_here;
            }
        });
    }

    /// Looks after every line.
    pub(super) fn beat(&self, beat: &Beat) {
        let Beat { heartbeat, tick, .. } = beat;
        let lines = &mut *self.lock();
        let mut due = 0_u64;
        for (place, (rider, notes)) in lines.places_mut() {
            if !rider.rides {
                // It hears more than a heartbeat, or nothing that is written would reach it.
                if notes.stuck_at.is_some_and(|stuck_at| tick.wrapping_sub(stuck_at) >= beat.write_ticks) {
                    notes.end(rider, End::Told(Disconnect::SlowConsumer));
                }
                continue;
            }
            if *tick < notes.beat_due {
                continue;
            }
            notes.beat_due = tick + beat.heartbeat_ticks;
            let was_heard = self.heard.fetch_and(!bit(place), Ordering::Relaxed) & bit(place) != 0;
            // What it said may wait for its address's turn, or for an answer.
            let is_heard = was_heard || has_unread(&rider.socket);
            notes.missed = if is_heard { 0 } else { notes.missed + 1 };
            if notes.missed >= MISSED_MAX {
                notes.end(rider, End::Told(Disconnect::HeartbeatMissed));
            } else {
                due |= bit(place);
            }
        }
        let owed = |place, _: &Rider| (due & bit(place) != 0).then_some(&heartbeat[..]);
        lines.send(owed, |rider, notes, bytes, length| {
            if length < bytes.len() {
                let outlet = Outlet::new(rider.cursor, bytes[length..].to_vec());
                notes.fall_behind(rider, outlet, Some(*tick));
            }
        });
    }

    /// Ends every session.
    pub(super) fn end_all(&self, end: End) {
        self.lock().iter_mut().for_each(|(rider, notes)| notes.end(rider, end));
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Seats a line whose connection has its outlet. Nobody may have the place.
    pub(super) fn take(row: Arc<Row>, place: usize, socket: Socket, here_told: u32, beat_due: u32) -> Self {
        let mut lines = row.lock();
        let length = lines.riders.len().max(place + 1);
        lines.riders.resize_with(length, || None);
        lines.notes.resize_with(length, Notes::default);
        lines.riders[place] = Some(Rider { socket, cursor: 0, here_told, rides: false });
        lines.notes[place] = Notes { beat_due, ..Notes::default() };
        drop(lines);
        let seat = Self { row, place };
        seat.heard();
        seat
    }

    /// Notes that the client is alive.
    pub(super) fn heard(&self) {
        self.row.heard.fetch_or(bit(self.place), Ordering::Relaxed);
    }

    /// Makes `waker` the one that is woken when there is something to do. Tells whether it is over, and what the line is owed if it
    /// fell behind.
    pub(super) fn attend(&self, waker: &Waker) -> (Option<End>, Option<Box<Outlet>>) {
        let notes = &mut self.row.lock().notes[self.place];
        if !notes.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            notes.waker = Some(waker.clone());
        }
        (notes.end, notes.outlet.take())
    }

    /// Notes that the socket does not take all it is owed, and whether it has taken some.
    pub(super) fn stick(&self, tick: u32, has_taken_some: bool) {
        let stuck_at = &mut self.row.lock().notes[self.place].stuck_at;
        if has_taken_some || stuck_at.is_none() {
            *stuck_at = Some(tick);
        }
    }

    /// Notes that the socket has taken all it was given.
    pub(super) fn unstick(&self) {
        self.row.lock().notes[self.place].stuck_at = None;
    }

    /// Ends a connection, unless it has ended already.
    pub(super) fn end(&self, end: End) {
        if let Some((rider, notes)) = self.row.lock().at(self.place) {
            notes.end(rider, end);
        }
    }

    /// Takes a line out: from now on only its connection writes to it.
    pub(super) fn step_out(&self) -> Box<Outlet> {
        let mut lines = self.row.lock();
        let Some((rider, notes)) = lines.at(self.place) else { return Box::default() };
        rider.rides = false;
        notes.outlet.take().unwrap_or_else(|| Box::new(Outlet::new(rider.cursor, Vec::new())))
    }

    /// Lets a line in that has been written everything up to `cursor`, unless there is something it lacks.
    pub(super) fn step_in(&self, cursor: u64, log: &Log) -> Result<(), Lack> {
        let mut lines = self.row.lock();
        let Some((rider, notes)) = lines.at(self.place) else { return Ok(()) };
        notes.stuck_at = None;
        if mem::take(&mut notes.here_owed) {
            let here = log.room().online() as u32;
            if mem::replace(&mut rider.here_told, here) != here {
                return Err(Lack::Here(here));
            }
        }
        // Whatever is added from here on, the pass will find the line level when it brings that.
        if log.room().extent().latest > cursor {
            return Err(Lack::Entries);
        }
        rider.cursor = cursor;
        rider.rides = notes.end.is_none();
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut lines = self.row.lock();
        let gone = (lines.riders[self.place].take(), mem::take(&mut lines.notes[self.place]));
        drop(lines);
        // Perhaps the last one to hold the socket, and closing one is work.
        drop(gone);
    }
}

impl Load {
    /// What a line is to be sent of it, if it rides and is at the start.
    fn owed(&self, rider: &Rider) -> Option<&[u8]> {
        let tells_here = self.tells_here(rider);
        let takes_part = rider.rides && rider.cursor == self.batch.start && (tells_here || !self.batch.is_without_entries());
        takes_part.then(|| self.batch.bytes(tells_here))
    }

    fn tells_here(&self, rider: &Rider) -> bool {
        self.here.is_some_and(|here| here != rider.here_told)
    }
}

impl Lines {
    fn at(&mut self, place: usize) -> Option<(&mut Rider, &mut Notes)> {
        Some((self.riders[place].as_mut()?, &mut self.notes[place]))
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = (&mut Rider, &mut Notes)> {
        self.places_mut().map(|(_, line)| line)
    }

    fn places_mut(&mut self) -> impl Iterator<Item = (usize, (&mut Rider, &mut Notes))> {
        let lines = self.riders.iter_mut().zip(&mut self.notes).enumerate();
        lines.filter_map(|(place, (rider, notes))| Some((place, (rider.as_mut()?, notes))))
    }

    /// Sends to each line what it is `owed`, and tells `sent` how much of it the socket took. A broken one is at its end.
    fn send<'a>(&mut self, owed: impl Fn(usize, &Rider) -> Option<&'a [u8]>, sent: impl Fn(&mut Rider, &mut Notes, &'a [u8], usize)) {
        let riders = self.riders.iter().enumerate().filter_map(|(place, rider)| Some((place, rider.as_ref()?)));
        let sends = riders.filter_map(|(place, rider)| Some(SendRequest { socket: &rider.socket, bytes: owed(place, rider)? }));
        let answers = send_batch(sends);
        let lines = self.places_mut().filter_map(|(place, (rider, notes))| Some((owed(place, rider)?, rider, notes)));
        for ((bytes, rider, notes), answer) in lines.zip(answers) {
            match answer {
                Ok(length) => sent(rider, notes, bytes, length),
                Err(Disconnected) => notes.end(rider, End::Gone),
            }
        }
    }
}

impl Notes {
    /// Leaves the rest to the connection: `stuck_at` the current tick if its socket did not take all.
    fn fall_behind(&mut self, rider: &mut Rider, outlet: Outlet, stuck_at: Option<u32>) {
        rider.rides = false;
        self.outlet = Some(Box::new(outlet));
        self.stuck_at = stuck_at;
        self.wake();
    }

    fn end(&mut self, rider: &mut Rider, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            rider.rides = false;
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// True if the peer has sent something that was not read yet.
fn has_unread(socket: &Socket) -> bool {
    SockRef::from(socket.stream()).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|length| length > 0)
}

fn bit(place: usize) -> u64 {
    1 << place
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::send_state::Piece;
    use super::super::testing::{self, Board};
    use super::*;

    /// There may be 50,000 of them, and a round looks at 64 riders one after the other.
    #[test]
    fn a_line_is_small() {
        assert!(size_of::<Option<Rider>>() <= 32, "{}", size_of::<Option<Rider>>());
        assert!(size_of::<Notes>() <= 72, "{}", size_of::<Notes>());
    }

    #[tokio::test]
    async fn a_client_whose_words_wait_to_be_read_misses_no_heartbeat() {
        let (board, row) = (Board::open(), Arc::new(Row::default()));
        let (near, far) = testing::pair().await;
        let seat = Seat::take(row.clone(), 0, Socket::new(Arc::new(near)), 0, 0);
        assert!(seat.step_in(0, &board.log()).is_ok());
        let mut ticks = 1..;
        let mut beat = || row.beat(&Beat { heartbeat: b"h".to_vec(), heartbeat_ticks: 1, write_ticks: 100, tick: ticks.next().unwrap() });
        far.writable().await.unwrap();
        assert_eq!(far.try_write(b"x").unwrap(), 1);
        (0..5).for_each(|_| beat());
        assert!(seat.attend(Waker::noop()).0.is_none());
    }

    #[tokio::test]
    async fn who_is_here_is_told_to_a_line_that_fell_behind_before_it() {
        let (board, row) = (Board::open(), Arc::new(Row::default()));
        let (near, _far) = testing::pair().await;
        let seat = Seat::take(row.clone(), 0, Socket::new(Arc::new(near)), 0, u32::MAX);
        assert!(seat.step_in(0, &board.log()).is_ok());
        let _visit = board.room().join();
        // More than a socket takes, so that the second entry, and how many are here after it, are not begun.
        let pieces = [vec![b'x'; 16 * 1024 * 1024], vec![b'x']].map(Bytes::from).into_iter().zip(1..);
        let pieces: Vec<_> = pieces.map(|(frame, offset)| Piece { offset, frame }).collect();
        row.bring(&Load { batch: Batch::new(0, &pieces, b"p"), here: Some(1) }, 0);
        let (_, outlet) = seat.attend(Waker::noop());
        assert_eq!(outlet.unwrap().cursor(), 1);
        assert!(matches!(seat.step_in(2, &board.log()), Err(Lack::Here(1))));
    }
}
