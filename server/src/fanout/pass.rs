//! The flush pass of a room: one task that brings what was committed to all lines that are level with the log.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use protocol::{Disconnect, ServerFrame};
use tokio::sync::{oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::line::{Line, Load, Turn};
use super::outlet::{Batch, Piece};
use super::{Dialect, End, Fanout};
use crate::encoded::Encoded;
use crate::room::Read;
use crate::session::PRESENCE_INTERVAL;
use crate::subscription::Log;
use crate::system::ring;

/// How many lines are taken out of the list at once; nobody waits for the list while they are written to.
const LINES_TAKEN: usize = ring::SENDS_MAX;
/// After how many writes other tasks get a turn: a few milliseconds.
const LINES_A_TURN: usize = 512;

/// All lines of a room that speak one dialect.
pub(super) struct Pass {
    fanout: Fanout,
    dialect: &'static dyn Dialect,
    log: Log,
    lines: Mutex<Lines>,
    /// The task ends when this goes.
    _running: oneshot::Sender<Infallible>,
}

/// Lines at places that do not change, so that none is passed over when another goes.
#[derive(Default)]
struct Lines {
    places: Vec<Option<Arc<Line>>>,
    free: Vec<u32>,
}

/// A line's place in the pass, until it is dropped.
pub(super) struct Seat {
    pass: Arc<Pass>,
    place: u32,
}

impl Seat {
    /// The pass it is in.
    pub(super) fn pass(&self) -> &Arc<Pass> {
        &self.pass
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut lines = self.pass.lock();
        let line = lines.places[self.place as usize].take();
        lines.free.push(self.place);
        drop(lines);
        // Perhaps the last one to hold it, and closing a socket is work.
        drop(line);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.fanout.forget(self.log.room().name(), self.dialect.name());
    }
}

impl Pass {
    /// A pass without lines, and its task.
    pub(super) fn start(fanout: Fanout, dialect: &'static dyn Dialect, log: Log) -> Arc<Self> {
        let (running, ended) = oneshot::channel();
        let (latest, here) = (log.room().watch_latest(), log.room().watch_here());
        let head = log.room().extent().latest;
        let pass = Arc::new(Self { fanout, dialect, log, lines: Mutex::default(), _running: running });
        tokio::spawn(run(Arc::downgrade(&pass), head, latest, here, ended));
        pass
    }

    /// Takes a line along. From here on it gets what is committed; what it lacks before that it has to be given.
    pub(super) fn seat(self: &Arc<Self>, line: Arc<Line>) -> Seat {
        let mut lines = self.lock();
        let place = match lines.free.pop() {
            Some(place) => {
                lines.places[place as usize] = Some(line);
                place
            }
            None => {
                lines.places.push(Some(line));
                lines.places.len() as u32 - 1
            }
        };
        Seat { pass: self.clone(), place }
    }

    /// How many lines it has.
    pub(super) fn lines(&self) -> usize {
        let lines = self.lock();
        lines.places.len() - lines.free.len()
    }

    pub(super) fn dialect(&self) -> &'static dyn Dialect {
        self.dialect
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn tick(&self) -> u32 {
        self.fanout.tick()
    }

    pub(super) fn ticks(&self, time: Duration) -> u32 {
        self.fanout.ticks(time)
    }

    pub(super) fn heartbeat_ticks(&self) -> u32 {
        self.fanout.ticks(self.fanout.0.context.heartbeat)
    }

    /// Entries as this dialect's frames.
    pub(super) fn pieces(&self, entries: &[Encoded]) -> Vec<Piece> {
        entries.iter().map(|entry| Piece { offset: entry.offset(), frame: self.dialect.entry(entry) }).collect()
    }

    /// Tells how many are here, if a reader who was told `told` does not know, and returns what it knows then.
    pub(super) fn tell_here(&self, out: &mut Vec<u8>, told: usize) -> usize {
        let here = self.log.room().here_told();
        if here != told {
            self.dialect.say(&ServerFrame::Presence { here }, out);
        }
        here
    }

    /// Brings every line what there is after `head`, and how many are here if that is to be told. Returns how far it came.
    async fn flush(&self, mut head: u64, tells_here: bool) -> u64 {
        let mut here = tells_here.then(|| self.log.room().here_told());
        loop {
            let (pieces, overtaken) = match self.log.read(head) {
                Read::Entries(entries) => (self.pieces(&entries), false),
                // More came in one round than the tail keeps. Each line goes on by itself from where it is.
                Read::InHistory | Read::Expired(_) => (Vec::new(), true),
            };
            if overtaken {
                head = self.log.room().extent().latest;
            }
            if pieces.is_empty() && here.is_none() && !overtaken {
                return head;
            }
            let mut last = Vec::new();
            if let Some(here) = here {
                self.dialect.say(&ServerFrame::Presence { here }, &mut last);
            }
            let load = Load { batch: Batch::new(head, &pieces, &last), here: here.take().filter(|_| !last.is_empty()) };
            self.some_lines(|lines| {
                let mut turns = Vec::with_capacity(lines.len());
                turns.extend(lines.iter().filter_map(|line| line.turn(&load, self)));
                let sent = ring::send(&turns.iter().map(Turn::send).collect::<Vec<_>>());
                turns.into_iter().zip(sent).for_each(|(turn, written)| turn.end(written));
            })
            .await;
            head = load.batch.end();
        }
    }

    /// Looks after every line once a tick.
    pub(super) async fn beat(&self) {
        let mut heartbeat = Vec::new();
        self.dialect.say(&ServerFrame::Heartbeat, &mut heartbeat);
        crate::codec::put_ping(&mut heartbeat);
        self.some_lines(|lines| lines.iter().for_each(|line| line.beat(&heartbeat, self))).await;
    }

    /// Ends every session.
    pub(super) fn end_all(&self, disconnect: Disconnect) {
        self.lock().places.iter().flatten().for_each(|line| line.end(End::Told(disconnect)));
    }

    /// Goes through all lines, some at a time. Those that come meanwhile may or may not be met.
    async fn some_lines(&self, act: impl Fn(&[Arc<Line>])) {
        let mut taken = Vec::with_capacity(LINES_TAKEN);
        let mut place = 0;
        loop {
            {
                let lines = self.lock();
                let end = lines.places.len().min(place + LINES_TAKEN);
                if place >= end {
                    return;
                }
                taken.extend(lines.places[place..end].iter().flatten().cloned());
                place = end;
            }
            act(&taken);
            taken.clear();
            if place % LINES_A_TURN == 0 {
                yield_now().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
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
            biased;
            _ = &mut ended => return,
            _ = latest.changed() => false,
            () = due => true,
            _ = here.changed(), if here_due.is_none() => {
                here_due = Some(Instant::now() + PRESENCE_INTERVAL);
                continue;
            }
        };
        if tells_here {
            here_due = None;
        }
        let Some(pass) = pass.upgrade() else { return };
        head = pass.flush(head, tells_here).await;
    }
}
