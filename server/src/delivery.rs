//! Fan-out over WebSockets: one room's entries to all who watch it, for little more than the system's own price of a write.
//!
//! Who is level with the log rides the room's `Pass`: a task that is woken once for all that was committed together and
//! writes it to one socket after the other, a row of them at a time, without waking a task, copying or encoding anything for
//! each. A socket that does not take everything falls out of its row; its own task then writes what is owed, from the tail or
//! from history, until it is level again. Either the row writes to a socket or its task does, which has the line's
//! `outlet::Outlet` then; with it goes the one cursor, so nothing is lost or doubled where one hands over to the other. A
//! connection without traffic owns no buffer.

mod send_state;

mod shard;

mod broadcaster;

mod subscriber;

mod connection;

#[cfg(test)]
mod testing;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use protocol::{Disconnect, ErrorCode, Hello, Position, RoomName, ServerFrame};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

use crate::codec::{Limits, Violation};
use crate::commands::Commands;
use crate::encoded::Encoded;
use crate::room::PresenceGuard;
use crate::session::{self, Context};
use crate::subscription::Log;
use broadcaster::Pass;
pub use connection::Connection;
pub(crate) use connection::read_now;

/// How long a socket may take nothing of what it is owed.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// How often all connections are looked at, at the least.
const TICK_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// How many lines a pass has before a room gets another.
const PASS_LINES: usize = 2048;
/// Ticks between heartbeats, at the least: what is checked once a tick must not come much too late.
const HEARTBEAT_TICKS_MIN: u32 = 4;

/// What is said over a WebSocket. One value serves all connections that speak it.
pub trait WireFormat: Send + Sync {
    /// A name that no other format has.
    fn name(&self) -> &'static str;
    /// What is taken.
    fn limits(&self) -> &Limits {
        &Limits::BOARD
    }
    /// An entry as a finished frame.
    fn entry(&self, entry: &Encoded) -> Bytes;
    /// Writes what else the server says as finished frames; nothing, where the format has no words for it.
    fn say(&self, frame: &ServerFrame, out: &mut Vec<u8>);
    /// Takes a text message and writes the answer, if there is one at once.
    fn receive(&self, commands: &mut Commands, text: &str, out: &mut Vec<u8>) -> Result<(), Disconnect>;
    /// Takes a binary message.
    fn receive_binary(&self, _bytes: &[u8], _out: &mut Vec<u8>) -> Result<(), Disconnect> {
        Err(Disconnect::Binary)
    }
}

/// All WebSockets of a server. Cheap to clone.
#[derive(Clone)]
pub struct Fanout(Arc<Shared>);

/// By room and format; a room with very many lines has several.
type Passes = HashMap<(RoomName, &'static str), Vec<Weak<Pass>>>;

struct Shared {
    context: Arc<Context>,
    passes: Mutex<Passes>,
    /// How many passes a room may have: one for each core, since each keeps one busy.
    passes_max: usize,
    /// Counts the times that all connections were looked at; the clock of what need not be exact.
    tick: AtomicU32,
    tick_interval: Duration,
}

/// A client that was let in and whose socket is not there yet.
pub struct Admission {
    format: &'static dyn WireFormat,
    address: IpAddr,
    log: Log,
    visit: PresenceGuard,
    cursor: u64,
    here: usize,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Nobody is there any more.
    Gone,
    /// The client closed, with this code.
    Closed(Option<u16>),
    /// The client broke the protocol.
    Broken(Violation),
    /// We end the session.
    Told(Disconnect),
}

impl Fanout {
    /// No connections yet.
    pub fn new(context: Context) -> Self {
        let tick_interval = TICK_INTERVAL_MAX.min(context.heartbeat / HEARTBEAT_TICKS_MIN);
        let passes_max = std::thread::available_parallelism().map_or(1, usize::from);
        let context = Arc::new(context);
        Self(Arc::new(Shared { context, passes: Mutex::default(), passes_max, tick: AtomicU32::new(0), tick_interval }))
    }

    /// Lets a client in. The hello is what it is to be told first, if its format has a word for that.
    pub fn enter(
        &self,
        format: &'static dyn WireFormat,
        address: IpAddr,
        room: &RoomName,
        after: Option<Position>,
    ) -> Result<(Admission, Hello), ErrorCode> {
        let start = self.0.context.hub.subscribe(room, after)?;
        let visit = start.room.join();
        let hello = session::hello(&self.0.context, &start);
        let log = Log::new(start.room, start.history);
        Ok((Admission { format, address, log, visit, cursor: hello.position.offset, here: hello.online }, hello))
    }

    /// Takes over a client's socket. `early` has come in already, `first` is said before all else.
    pub fn start(&self, admission: Admission, socket: TcpStream, early: &[u8], first: &[u8]) -> Connection {
        Connection::start(self, admission, socket, early, first)
    }

    /// Looks after all connections until the server stops: heartbeats, deadlines; then tells everybody to go.
    pub async fn keep_time(self) {
        let stop = self.0.context.stop.clone();
        let mut interval = interval(self.0.tick_interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = interval.tick() => {}
            }
            self.0.tick.fetch_add(1, Ordering::Relaxed);
            for pass in self.passes() {
                pass.beat().await;
            }
        }
        for pass in self.passes() {
            pass.end_all(session::RESTART);
        }
    }

    fn tick(&self) -> u32 {
        self.0.tick.load(Ordering::Relaxed)
    }

    /// How many ticks a time is, rounded up.
    fn ticks(&self, time: Duration) -> u32 {
        time.as_millis().div_ceil(self.0.tick_interval.as_millis().max(1)) as u32
    }

    /// A pass of a room in a format, with place for another line: the emptiest there is, or a new one when that is full.
    fn pass(&self, format: &'static dyn WireFormat, log: Log) -> Arc<Pass> {
        let mut passes = self.lock();
        let passes = passes.entry((log.room().name().clone(), format.name())).or_default();
        forget_ended(passes);
        let emptiest = passes.iter().filter_map(Weak::upgrade).min_by_key(|pass| pass.lines());
        match emptiest {
            Some(pass) if pass.lines() < PASS_LINES || passes.len() >= self.0.passes_max => pass,
            _ => {
                let pass = Pass::start(self.clone(), format, log);
                passes.push(Arc::downgrade(&pass));
                pass
            }
        }
    }

    /// All passes. Forgets those that nobody rides any more.
    fn passes(&self) -> Vec<Arc<Pass>> {
        let mut all = self.lock();
        all.retain(|_, passes| {
            forget_ended(passes);
            !passes.is_empty()
        });
        all.values().flatten().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Passes> {
        self.0.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pass does not do this itself when it ends, because whoever looks for one, with the lock held, may be the last to have it.
fn forget_ended(passes: &mut Vec<Weak<Pass>>) {
    passes.retain(|pass| pass.strong_count() > 0);
}
