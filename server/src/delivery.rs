//! Delivery: brings a room's entries to all who read it, on every transport that keeps arriving.
//!
//! Files stand in reading order. `reader` is the state machine that decides what a reader is told
//! next. A `broadcaster` asks it for all readers that are caught up, and writes to 64 sockets
//! with one system call, without waking a task, copying or encoding anything for each. A reader
//! whose socket does not take everything falls back to its `connection`'s own task, which asks
//! the same machine and writes from the tail or from history until the reader has caught up. Either
//! the shard writes to a socket or its task does, with the one cursor, so nothing is lost or
//! doubled when they change. An idle connection owns no buffer.

pub mod reader;

mod send_state;

mod wire_format;

mod source;

mod shard;

mod broadcaster;

mod subscriber;

mod input;

mod connection;

mod poll;

#[cfg(test)]
pub(crate) mod testing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use protocol::{Disconnect, ErrorCode, Hello, Limits, Position, ReaderId, RoomName};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

use crate::access::Caller;
use crate::cast::{CastLog, Track};
use crate::codec::Violation;
use crate::context::Context;
use crate::encoded::FormatId;
use crate::limits::Account;
use crate::room::{Pass, RoomLog};
use broadcaster::Broadcaster;
pub use connection::Connection;
pub(crate) use input::read_now;
pub use poll::wait_for_entries;
pub use reader::Stale;
use source::{Presence, Source};
use subscriber::Arrival;
pub use wire_format::{FlushPolicy, Message, Place, Policy, ResponseEnd, WireFormat};

/// The time between two looks at all connections, at most.
const TICK_INTERVAL_MAX: Duration = Duration::from_millis(250);
/// Ticks between heartbeats, at least: what is checked once a tick must not come much too late.
const HEARTBEAT_TICKS_MIN: u32 = 4;
/// How many connections a broadcaster has before a room gets another one.
const BROADCASTER_CONNECTIONS: usize = 2048;
/// The end of every session when the server stops. Clients come back at a random time within these
/// milliseconds.
pub const RESTART: Disconnect = Disconnect::Restart { spread: 3000 };

/// All streaming connections of a server. Cheap to clone.
#[derive(Clone)]
pub struct Fanout(Arc<Shared>);

/// By room, log and format; a room with very many connections has several.
type Broadcasters = HashMap<(RoomName, u64, FormatId), Vec<Weak<Broadcaster>>>;

struct Shared {
    context: Arc<Context>,
    broadcasters: Mutex<Broadcasters>,
    /// How many broadcasters a room may have: one for each core, since each keeps one busy.
    broadcasters_max: usize,
    /// Counts the looks at all connections; the clock of what need not be exact.
    tick: AtomicU32,
    tick_interval: Duration,
}

/// Who reads.
#[derive(Clone)]
pub struct Client {
    /// Who it is.
    pub caller: Caller,
    /// Reads of history are charged to it.
    pub account: Option<Arc<Account>>,
    /// The id of the reader, if the client names it.
    pub reader: Option<ReaderId>,
}

/// A client that was admitted to a room and has no socket yet.
pub struct Admission {
    format: &'static dyn WireFormat,
    client: Client,
    source: Source,
    presence: Presence,
    arrival: Arrival,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The client has left.
    Gone,
    /// The client closed, with this code.
    Closed(Option<u16>),
    /// The client broke the protocol.
    Broken(Violation),
    /// The response is over, and the client goes on with another one.
    Recycled,
    /// The server ends the session.
    Disconnected(Disconnect),
}

impl Fanout {
    /// Returns a fan-out without connections.
    pub fn new(context: Context) -> Self {
        let tick_interval = TICK_INTERVAL_MAX.min(context.heartbeat / HEARTBEAT_TICKS_MIN);
        let broadcasters_max = std::thread::available_parallelism().map_or(1, usize::from);
        let (context, broadcasters) = (Arc::new(context), Mutex::default());
        Self(Arc::new(Shared { context, broadcasters, broadcasters_max, tick: AtomicU32::new(0), tick_interval }))
    }

    /// Returns what all connections share.
    pub fn context(&self) -> &Context {
        &self.0.context
    }

    /// Admits a client to a room. The hello is what it is to be told first, if its format has words
    /// for that.
    pub fn admit(
        &self,
        format: &'static dyn WireFormat,
        client: Client,
        pass: &Pass,
        after: Option<Position>,
    ) -> Result<(Admission, Hello), ErrorCode> {
        let context = &self.0.context;
        let start = context.hub.subscribe(pass, after)?;
        let room = start.room.clone();
        let presence = room.join(client.reader);
        let hello = Hello {
            room: room.name().clone(),
            position: start.position,
            latest: start.latest,
            recovered: start.gap.is_none(),
            gap: start.gap,
            online: room.online(),
            heartbeat_seconds: context.heartbeat.as_secs().max(1),
            limits: Limits::default(),
            you: pass.tag(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let grants = client.caller.grants.clone();
        let arrival = Arrival { cursor: hello.position.offset, latest: hello.latest, online: hello.online, grants, greeting: Bytes::new() };
        let source = Source::Room(RoomLog::new(start.room, start.history));
        Ok((Admission { format, client, source, presence: Presence::Room(presence), arrival }, hello))
    }

    /// Admits a client to a track of a room's cast. What it gets first are the newest picture, if
    /// the track is video, and the chunks since the key frame.
    ///
    /// # Errors
    /// [`ErrorCode::NoCast`] or [`ErrorCode::ViewersFull`].
    pub fn admit_viewer(
        &self,
        format: &'static dyn WireFormat,
        client: Client,
        pass: &Pass,
        track: Track,
    ) -> Result<(Admission, CastLog), ErrorCode> {
        let feeds = &self.0.context.feeds;
        let room = self.0.context.hub.room(pass.room());
        let feed = feeds.of(&room)?;
        let viewer = feed.join(track)?;
        let greeting = Some(&feed).filter(|_| track == Track::Video).and_then(|feed| feed.picture_message()).unwrap_or_default();
        feed.take_egress(greeting.len(), feeds.now())?;
        let log = CastLog::new(room, feed, track);
        let (cursor, grants) = (log.start(), client.caller.grants.clone());
        let arrival = Arrival { cursor, latest: cursor, online: 0, grants, greeting };
        Ok((Admission { format, client, source: Source::Cast(log.clone()), presence: Presence::Cast(viewer), arrival }, log))
    }

    /// Takes over a client's socket, from which `early` was read. `first` is written before
    /// anything else.
    pub fn start(&self, admission: Admission, socket: TcpStream, early: &[u8], first: &[u8]) -> Connection {
        Connection::start(self, admission, socket, early, first)
    }

    /// Keeps the time of all connections until the server stops, then ends all sessions.
    pub async fn keep_time(self) {
        let stop = self.0.context.stop.clone();
        let mut interval = interval(self.0.tick_interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = interval.tick() => {}
            }
            self.advance(1).await;
        }
        for broadcaster in self.broadcasters() {
            broadcaster.end_all(End::Disconnected(RESTART));
        }
    }

    /// Moves the time on, and does what is due.
    pub(crate) async fn advance(&self, ticks: u32) {
        self.0.tick.fetch_add(ticks, Ordering::Relaxed);
        for broadcaster in self.broadcasters() {
            broadcaster.keep_time().await;
        }
    }

    fn tick(&self) -> u32 {
        self.0.tick.load(Ordering::Relaxed)
    }

    /// Returns how many ticks a time is, rounded up.
    fn ticks(&self, time: Duration) -> u32 {
        time.as_millis().div_ceil(self.0.tick_interval.as_millis().max(1)) as u32
    }

    /// Returns a broadcaster of a room and format with room for another connection: the emptiest
    /// one, or a new one if that is full.
    fn broadcaster(&self, format: &'static dyn WireFormat, source: Source) -> Arc<Broadcaster> {
        let mut broadcasters = self.lock();
        let broadcasters = broadcasters.entry((source.room().name().clone(), source.id(), format.id())).or_default();
        forget_ended(broadcasters);
        let emptiest = broadcasters.iter().filter_map(Weak::upgrade).min_by_key(|broadcaster| broadcaster.connections());
        match emptiest {
            Some(broadcaster) if broadcaster.connections() < BROADCASTER_CONNECTIONS || broadcasters.len() >= self.0.broadcasters_max => {
                broadcaster
            }
            _ => {
                let broadcaster = Broadcaster::start(self.clone(), format, source);
                broadcasters.push(Arc::downgrade(&broadcaster));
                broadcaster
            }
        }
    }

    /// Returns all broadcasters. Forgets those without connections.
    fn broadcasters(&self) -> Vec<Arc<Broadcaster>> {
        let mut all = self.lock();
        all.retain(|_, broadcasters| {
            forget_ended(broadcasters);
            !broadcasters.is_empty()
        });
        all.values().flatten().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Broadcasters> {
        self.0.broadcasters.lock()
    }
}

/// A broadcaster does not do this itself when it ends: the last reference to it may be in
/// [`Fanout::broadcaster`], with the lock held.
fn forget_ended(broadcasters: &mut Vec<Weak<Broadcaster>>) {
    broadcasters.retain(|broadcaster| broadcaster.strong_count() > 0);
}
