//! One task per room and wire format that brings what was committed to all caught-up readers.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use protocol::ServerFrame;
use tokio::sync::{oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::reader::{Flush, NEVER, Rules, Seen};
use super::send_state::{Batch, Frame};
use super::shard::{self, Now, Shard};
use super::source::{Found, Source};
use super::wire_format::{FlushPolicy, Place, Policy, WireFormat};
use super::{End, Fanout};
use crate::context::Context;
use crate::encoded::Encoded;

/// How long after somebody came or went the readers are told how many are online: a storm of
/// arrivals is one frame, and a client that is back within the second was never gone.
const PRESENCE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a socket may take nothing of what it is owed.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// How soon a heartbeat follows what was written, where the format asks for that.
const FLUSH_DELAY: Duration = Duration::from_secs(1);
/// How long a response may go on that shows a text which was edited or erased. Not at once, so that
/// somebody who edits without a pause does not make all readers load it again without a pause.
const STALE_TEXTS_AGE_MAX: Duration = Duration::from_millis(500);
/// The same for reactions, which are many in a busy room.
const STALE_REACTIONS_AGE_MAX: Duration = Duration::from_secs(5);

/// The connections of a room that speak one wire format.
pub(super) struct Broadcaster {
    fanout: Fanout,
    format: &'static dyn WireFormat,
    rules: Rules,
    source: Source,
    shards: Mutex<Shards>,
    /// The version of access that allows all sessions.
    access_version: AtomicU64,
    /// The task ends when this is dropped.
    _running: oneshot::Sender<Infallible>,
}

/// Slots are numbered, and each shard has the next [`shard::SLOTS`] of them.
#[derive(Default)]
struct Shards {
    shards: Vec<Arc<Shard>>,
    /// How many slots there are.
    slots: u32,
    free: Vec<u32>,
}

impl Broadcaster {
    /// Starts a broadcaster without connections.
    pub(super) fn start(fanout: Fanout, format: &'static dyn WireFormat, source: Source) -> Arc<Self> {
        let (running, ended) = oneshot::channel();
        let (latest, online) = (source.watch_latest(), source.watch_online());
        let cursor = source.extent().latest;
        let rules = rules(&fanout, &format.policy());
        let access_version = AtomicU64::new(fanout.0.context.access_version());
        let broadcaster = Arc::new(Self { fanout, format, rules, source, shards: Mutex::default(), access_version, _running: running });
        tokio::spawn(run(Arc::downgrade(&broadcaster), cursor, latest, online, ended));
        broadcaster
    }

    /// Takes a free slot: its shard and its number. It is empty, and given back by
    /// [`Self::give_back`].
    pub(super) fn take_slot(&self) -> (Arc<Shard>, u32) {
        self.lock().take()
    }

    /// Takes back a slot, which is empty.
    pub(super) fn give_back(&self, number: u32) {
        self.lock().free.push(number);
    }

    /// Returns how many connections it has.
    pub(super) fn connections(&self) -> usize {
        let shards = self.lock();
        shards.slots as usize - shards.free.len()
    }

    pub(super) fn format(&self) -> &'static dyn WireFormat {
        self.format
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn context(&self) -> &Context {
        &self.fanout.0.context
    }

    /// Returns the time, with the rules.
    pub(super) fn now(&self) -> Now<'_> {
        Now { tick: self.fanout.tick(), rules: &self.rules }
    }

    /// Returns the place of a reader with this cursor.
    pub(super) fn place(&self, cursor: u64) -> Place<'_> {
        let (room, position) = (self.source.room().name(), self.source.position(cursor));
        Place { room, position, heartbeat: self.fanout.0.context.heartbeat }
    }

    /// Returns what memory has after a cursor.
    pub(super) fn read(&self, cursor: u64) -> Found {
        self.source.read(cursor, self.format)
    }

    /// Returns entries as frames of the format.
    pub(super) fn frames(&self, entries: &[Encoded]) -> Vec<Frame> {
        self.source.frames(entries, self.format)
    }

    /// Returns a frame as the format says it to a reader with this cursor.
    pub(super) fn say(&self, frame: &ServerFrame, cursor: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.format.say(frame, &self.place(cursor), &mut bytes);
        bytes
    }

    /// Returns a heartbeat for a reader with this cursor.
    pub(super) fn heartbeat(&self, cursor: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.format.heartbeat(&self.place(cursor), &mut bytes);
        bytes
    }

    /// Brings every caught-up reader what there is after `cursor`, and the number of sessions if
    /// that is due. Returns the cursor after it.
    async fn broadcast(&self, cursor: u64, is_presence_due: bool) -> u64 {
        let (start, frames, may_be_restricted) = match self.read(cursor) {
            Found::Frames { frames, have_settings } => (cursor, frames, have_settings),
            // More came in one round than the tail keeps. Each reader catches up by itself.
            Found::InHistory | Found::Expired => (self.source.extent().latest, Vec::new(), true),
        };
        self.check_access(may_be_restricted).await;
        let online = is_presence_due.then(|| self.source.online());
        let presence = online.map(|online| (online as u32, self.say(&ServerFrame::Presence { online }, start)));
        let presence = presence.as_ref().filter(|(_, bytes)| !bytes.is_empty()).map(|(online, bytes)| (*online, &bytes[..]));
        let batch = Batch::new(start, &frames, presence);
        self.each_shard(|shard| shard.broadcast(&batch, self.now())).await;
        batch.end()
    }

    /// Ends the sessions of readers that may no longer read, if access has changed since the last
    /// time, or the room's settings have. Before a broadcast, so that they are not told what comes
    /// after the change.
    async fn check_access(&self, have_settings_changed: bool) {
        let (context, room) = (self.context(), self.source.room());
        let version = context.access_version();
        if self.access_version.load(Ordering::Relaxed) != version || have_settings_changed {
            self.each_shard(|shard| shard.end_refused(|grants| context.may_read(grants, room))).await;
            self.access_version.store(version, Ordering::Relaxed);
        }
    }

    /// Does what is due at this tick.
    pub(super) async fn keep_time(&self) {
        if let Some(disconnect) = self.source.end() {
            self.end_all(End::Disconnected(disconnect));
        }
        self.check_access(self.source.has_no_settings()).await;
        let extent = self.source.extent();
        let seen = Seen { tick: self.fanout.tick(), extent, online: None, is_caught_up: true };
        self.each_shard(|shard| shard.keep_time(&seen, &self.rules, |cursor| self.heartbeat(cursor))).await;
    }

    /// Ends every session.
    pub(super) fn end_all(&self, end: End) {
        let shards = self.lock().shards.clone();
        shards.iter().for_each(|shard| shard.end_all(end));
    }

    /// Goes through all shards. Those that are added meanwhile may be left out.
    async fn each_shard(&self, act: impl Fn(&Shard)) {
        for index in 0.. {
            let Some(shard) = self.lock().shards.get(index).cloned() else { return };
            act(&shard);
            if (index + 1) % self.source.shards_a_turn() == 0 {
                yield_now().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shards> {
        self.shards.lock()
    }
}

impl Shards {
    fn take(&mut self) -> (Arc<Shard>, u32) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        });
        let index = number as usize / shard::SLOTS;
        if index == self.shards.len() {
            self.shards.push(Arc::default());
        }
        (self.shards[index].clone(), number)
    }
}

/// Returns a format's rules, with times in ticks.
fn rules(fanout: &Fanout, policy: &Policy) -> Rules {
    let flush_ticks = fanout.ticks(FLUSH_DELAY);
    Rules {
        heartbeat: fanout.ticks(fanout.0.context.heartbeat),
        expects_replies: policy.input.is_some(),
        flush: match policy.flush {
            FlushPolicy::Off => Flush::Off,
            FlushPolicy::Once => Flush::Once(flush_ticks),
            FlushPolicy::Always => Flush::Always(flush_ticks),
        },
        write_time_max: fanout.ticks(WRITE_TIME_MAX),
        age_max: policy.age_max.map_or(NEVER, |age| fanout.ticks(age)),
        stale_texts_age_max: fanout.ticks(STALE_TEXTS_AGE_MAX),
        stale_reactions_age_max: fanout.ticks(STALE_REACTIONS_AGE_MAX),
        bytes_max: policy.bytes_max,
    }
}

/// Runs the broadcaster until its last connection has gone.
async fn run(
    broadcaster: Weak<Broadcaster>,
    mut cursor: u64,
    mut latest: watch::Receiver<u64>,
    mut online: watch::Receiver<()>,
    mut ended: oneshot::Receiver<Infallible>,
) {
    // The first connections came before the broadcaster did.
    let mut presence_due = Some(Instant::now() + PRESENCE_INTERVAL);
    loop {
        let due = async {
            match presence_due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let is_presence_due = tokio::select! {
            // The log comes last, because a busy room always has more of it.
            biased;
            _ = &mut ended => return,
            () = due => true,
            _ = online.changed(), if presence_due.is_none() => {
                presence_due = Some(Instant::now() + PRESENCE_INTERVAL);
                continue;
            }
            _ = latest.wait_for(|latest| *latest > cursor) => false,
        };
        if is_presence_due {
            presence_due = None;
        }
        let Some(broadcaster) = broadcaster.upgrade() else { return };
        cursor = broadcaster.broadcast(cursor, is_presence_due).await;
        if *latest.borrow() > cursor {
            yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use bytes::Bytes;
    use protocol::{Entry, Epoch, Text};
    use tokio::runtime::Handle;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::super::testing::{Board, Letters};
    use super::*;
    use crate::codec::Limits;
    use crate::encoded::FormatId;
    use crate::room::Room;
    use crate::store::{Change, Stored};

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_broadcaster_may_end_while_another_one_is_looked_for() {
        let board = Board::open();
        let fanout = board.fanout.clone();
        let [ending, other] = [(); 2].map(|()| Broadcaster::start(fanout.clone(), &Letters, board.source()));
        ending.take_slot();
        let broadcasters = [&ending, &other].map(Arc::downgrade).into();
        fanout.lock().insert((board.name.clone(), 0, Letters.id()), broadcasters);
        // The search holds the first, and waits to hear how many connections the second has.
        let shards = other.lock();
        let (found, finds) = oneshot::channel();
        let (handle, source) = (Handle::current(), board.source());
        thread::spawn(move || {
            let _guard = handle.enter();
            found.send(fanout.broadcaster(&Letters, source))
        });
        while Arc::strong_count(&ending) < 2 {
            thread::yield_now();
        }
        drop(ending);
        drop(shards);
        let found = timeout(TIMEOUT, finds).await.expect("it waits for itself").unwrap();
        assert!(Arc::ptr_eq(&found, &other));
    }

    /// The format of a room in which each entry is published before the last one was brought to
    /// all.
    struct Busy {
        room: Arc<Room>,
        presence: Notify,
        is_over: AtomicBool,
    }

    impl Busy {
        fn publish(&self, offset: u64) {
            let text = Text::parse("hello").unwrap();
            let entry = Entry { offset, time: 0, author: Default::default(), text, key: None, raw: None, ..Default::default() };
            self.room.apply(&[Change::Stored(Stored { entry, rewritten: Vec::new() })]);
            self.room.notify();
        }
    }

    impl WireFormat for Busy {
        fn id(&self) -> FormatId {
            FormatId::of::<Self>(0)
        }

        fn policy(&self) -> Policy {
            Policy::web_socket(Limits::BOARD)
        }

        fn entry(&self, entry: &Encoded, _: Epoch) -> Bytes {
            if !self.is_over.load(Ordering::Relaxed) {
                self.publish(entry.offset() + 1);
            }
            Bytes::new()
        }

        fn say(&self, _: &ServerFrame, _: &Place<'_>, _: &mut Vec<u8>) {
            self.presence.notify_one();
        }

        fn heartbeat(&self, _: &Place<'_>, _: &mut Vec<u8>) {}
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn presence_is_told_in_a_room_that_is_never_silent() {
        let board = Board::open();
        let busy: &'static Busy =
            Box::leak(Box::new(Busy { room: board.room(), presence: Notify::new(), is_over: AtomicBool::new(false) }));
        let _broadcaster = Broadcaster::start(board.fanout.clone(), busy, board.source());
        busy.publish(1);
        let told = timeout(TIMEOUT, busy.presence.notified()).await;
        busy.is_over.store(true, Ordering::Relaxed);
        assert!(told.is_ok());
    }
}
