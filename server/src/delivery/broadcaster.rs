//! The flush pass of a room: one task that brings what was committed to all lines that are level with the log.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use batch_send::Socket;
use protocol::{Disconnect, ServerFrame};
use tokio::sync::{oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::send_state::{Batch, Piece};
use super::shard::{self, Beat, Load, Row, Seat};
use super::{End, Fanout, WRITE_TIME_MAX, WireFormat};
use crate::encoded::Encoded;
use crate::room::Read;
use crate::session::PRESENCE_INTERVAL;
use crate::subscription::Log;

/// After how many rows other tasks get a turn: a few milliseconds.
const ROWS_A_TURN: usize = 8;

/// All lines of a room that speak one format.
pub(super) struct Pass {
    fanout: Fanout,
    format: &'static dyn WireFormat,
    log: Log,
    rows: Mutex<Rows>,
    /// The task ends when this goes.
    _running: oneshot::Sender<Infallible>,
}

/// Seats are numbered, and a row has the next [`shard::LINES`] of them.
#[derive(Default)]
struct Rows {
    rows: Vec<Arc<Row>>,
    /// How many seats have been taken at some time.
    seats: u32,
    /// Those that were given back.
    free: Vec<u32>,
}

/// The number of a seat, until it is dropped.
pub(super) struct Ticket {
    pass: Arc<Pass>,
    number: u32,
}

impl Ticket {
    /// The pass it is for.
    pub(super) fn pass(&self) -> &Arc<Pass> {
        &self.pass
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.pass.lock().free.push(self.number);
    }
}

impl Pass {
    /// A pass without lines, and its task.
    pub(super) fn start(fanout: Fanout, format: &'static dyn WireFormat, log: Log) -> Arc<Self> {
        let (running, ended) = oneshot::channel();
        let (latest, here) = (log.room().watch_latest(), log.room().watch_online());
        let head = log.room().extent().latest;
        let pass = Arc::new(Self { fanout, format, log, rows: Mutex::default(), _running: running });
        tokio::spawn(run(Arc::downgrade(&pass), head, latest, here, ended));
        pass
    }

    /// Gives a line a seat. It rides when its connection lets it in.
    pub(super) fn seat(self: &Arc<Self>, socket: Socket, here_told: u32) -> (Ticket, Seat) {
        let (row, number) = self.lock().take();
        // One more than a heartbeat, since the current tick began some time ago.
        let beat_due = self.tick() + self.heartbeat_ticks() + 1;
        (Ticket { pass: self.clone(), number }, Seat::take(row, number as usize % shard::LINES, socket, here_told, beat_due))
    }

    /// How many lines it has.
    pub(super) fn lines(&self) -> usize {
        let rows = self.lock();
        rows.seats as usize - rows.free.len()
    }

    pub(super) fn format(&self) -> &'static dyn WireFormat {
        self.format
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn tick(&self) -> u32 {
        self.fanout.tick()
    }

    fn heartbeat_ticks(&self) -> u32 {
        self.fanout.ticks(self.fanout.0.context.heartbeat)
    }

    /// Entries as this format's frames.
    pub(super) fn pieces(&self, entries: &[Encoded]) -> Vec<Piece> {
        entries.iter().map(|entry| Piece { offset: entry.offset(), frame: self.format.entry(entry) }).collect()
    }

    /// Brings every line what there is after `head`, and how many are here if that is to be told. Returns how far it came.
    async fn flush(&self, head: u64, tells_here: bool) -> u64 {
        let (start, pieces) = match self.log.read(head) {
            Read::Entries(entries) => (head, self.pieces(&entries)),
            // More came in one round than the tail keeps. Each line goes on by itself from where it is.
            Read::InHistory | Read::Expired(_) => (self.log.room().extent().latest, Vec::new()),
        };
        let (mut last, mut here) = (Vec::new(), None);
        if tells_here {
            let count = self.log.room().online();
            self.format.say(&ServerFrame::Presence { online: count }, &mut last);
            here = Some(count as u32).filter(|_| !last.is_empty());
        }
        let load = Load { batch: Batch::new(start, &pieces, &last), here };
        self.each_row(|row| row.bring(&load, self.tick())).await;
        load.batch.end()
    }

    /// Looks after every line once a tick.
    pub(super) async fn beat(&self) {
        let mut heartbeat = Vec::new();
        self.format.say(&ServerFrame::Heartbeat, &mut heartbeat);
        crate::codec::put_ping(&mut heartbeat);
        let (heartbeat_ticks, write_ticks) = (self.heartbeat_ticks(), self.fanout.ticks(WRITE_TIME_MAX));
        let beat = Beat { heartbeat, heartbeat_ticks, write_ticks, tick: self.tick() };
        self.each_row(|row| row.beat(&beat)).await;
    }

    /// Ends every session.
    pub(super) fn end_all(&self, disconnect: Disconnect) {
        let rows = self.lock().rows.clone();
        rows.iter().for_each(|row| row.end_all(End::Told(disconnect)));
    }

    /// Goes through all rows. Those that are added meanwhile may or may not be met.
    async fn each_row(&self, act: impl Fn(&Row)) {
        for index in 0.. {
            let Some(row) = self.lock().rows.get(index).cloned() else { return };
            act(&row);
            if (index + 1) % ROWS_A_TURN == 0 {
                yield_now().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    /// A free seat, in a row that has another one or is new.
    fn take(&mut self) -> (Arc<Row>, u32) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.seats += 1;
            self.seats - 1
        });
        let index = number as usize / shard::LINES;
        if index == self.rows.len() {
            self.rows.push(Arc::default());
        }
        (self.rows[index].clone(), number)
    }
}

/// Runs the pass until its last rider has gone.
async fn run(
    pass: Weak<Pass>,
    mut head: u64,
    mut latest: watch::Receiver<u64>,
    mut here: watch::Receiver<()>,
    mut ended: oneshot::Receiver<Infallible>,
) {
    // The first riders came before the pass did.
    let mut here_due = Some(Instant::now() + PRESENCE_INTERVAL);
    loop {
        let due = async {
            match here_due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let tells_here = tokio::select! {
            // The log comes last, because in a busy room there is always more of it.
            biased;
            _ = &mut ended => return,
            () = due => true,
            _ = here.changed(), if here_due.is_none() => {
                here_due = Some(Instant::now() + PRESENCE_INTERVAL);
                continue;
            }
            _ = latest.wait_for(|latest| *latest > head) => false,
        };
        if tells_here {
            here_due = None;
        }
        let Some(pass) = pass.upgrade() else { return };
        head = pass.flush(head, tells_here).await;
        if *latest.borrow() > head {
            yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use bytes::Bytes;
    use protocol::{Entry, Text};
    use tokio::runtime::Handle;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::super::testing::{Board, Letters};
    use super::*;
    use crate::commands::Commands;
    use crate::room::Room;
    use crate::store::Change;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_pass_may_end_while_another_is_looked_for() {
        let board = Board::open();
        let fanout = board.fanout.clone();
        let [ending, other] = [(); 2].map(|()| Pass::start(fanout.clone(), &Letters, board.log()));
        ending.lock().take();
        let passes = [&ending, &other].map(Arc::downgrade).into();
        fanout.lock().insert((board.name.clone(), Letters.name()), passes);
        // Who looks for one has the first in its hand, and waits to hear how many lines the second has.
        let lines = other.lock();
        let (found, finds) = oneshot::channel();
        let (handle, log) = (Handle::current(), board.log());
        thread::spawn(move || {
            let _guard = handle.enter();
            found.send(fanout.pass(&Letters, log))
        });
        while Arc::strong_count(&ending) < 2 {
            thread::yield_now();
        }
        drop(ending);
        drop(lines);
        let found = timeout(PATIENCE, finds).await.expect("it waits for itself").unwrap();
        assert!(Arc::ptr_eq(&found, &other));
    }

    /// Of a room in which something is always published before the last has been brought to all.
    struct Busy {
        room: Arc<Room>,
        presence: Notify,
        is_over: AtomicBool,
    }

    impl Busy {
        fn publish(&self, offset: u64) {
            let text = Text::parse("hello").unwrap();
            let entry = Entry { offset, time: 0, author: Default::default(), text, key: None, raw: None };
            self.room.apply(&[Change::Stored(entry)]);
            self.room.notify();
        }
    }

    impl WireFormat for Busy {
        fn name(&self) -> &'static str {
            "busy"
        }

        fn entry(&self, entry: &Encoded) -> Bytes {
            if !self.is_over.load(Ordering::Relaxed) {
                self.publish(entry.offset() + 1);
            }
            Bytes::new()
        }

        fn say(&self, _: &ServerFrame, _: &mut Vec<u8>) {
            self.presence.notify_one();
        }

        fn receive(&self, _: &mut Commands, _: &str, _: &mut Vec<u8>) -> Result<(), Disconnect> {
            Ok(())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn presence_is_told_in_a_room_that_is_never_silent() {
        let board = Board::open();
        let busy: &'static Busy =
            Box::leak(Box::new(Busy { room: board.room(), presence: Notify::new(), is_over: AtomicBool::new(false) }));
        let _pass = Pass::start(board.fanout.clone(), busy, board.log());
        busy.publish(1);
        let told = timeout(PATIENCE, busy.presence.notified()).await;
        busy.is_over.store(true, Ordering::Relaxed);
        assert!(told.is_ok());
    }
}
