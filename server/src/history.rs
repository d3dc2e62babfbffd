//! The durable past: every room's entries in SQLite, written by one thread, read by a few.
//!
//! All SQL is in this module. Not here: anything that wakes or encodes; the hub is the [`Audience`] that is shown
//! what was committed, before the publisher is told.

mod apply;
mod folder;
mod health;
mod identity;
mod read;
mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use protocol::{Author, Entry, Epoch, ErrorCode, PublishKey, RoomName, Text};
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::log::Throttle;
use folder::{Files, Folder};
use health::WriteHealth;
use identity::Identity;
pub use read::{Head, Slice};
pub use writer::Audience;
use writer::{Job, Queue};

/// How many commands wait for the writer before publishers are told that the server is busy.
pub const QUEUE_COMMANDS_MAX: usize = 4096;
/// How many connections read at the same time.
pub const READERS_MAX: usize = 4;
/// Places in the queue for what is no command: a probe, and the end.
const QUEUE_OTHERS_MAX: usize = 2;

/// A change of the history. All that time and chance decide is in it, so that the same commands in the same order
/// make the same history anywhere.
#[derive(Clone, Debug)]
pub enum Command {
    /// Add a message to a room's log.
    Publish {
        /// The room.
        room: RoomName,
        /// The publisher's name for the message.
        key: Option<PublishKey>,
        /// Who wrote it.
        author: Author,
        /// What they wrote.
        text: Text,
        /// What came in on the demo's socket, where that is not just the text.
        raw: Option<String>,
        /// When it came, in milliseconds since 1970.
        time: u64,
        /// How many rooms may have messages. The lobby may always.
        rooms_max: usize,
    },
    /// Let go of a room's oldest messages, as far as they are more than is kept; a part of them, if there are many.
    Expire {
        /// The room.
        room: RoomName,
        /// What is kept.
        keep: Keep,
        /// Now.
        now: TrustedTime,
        /// How many rooms without messages are remembered.
        rooms_max: usize,
    },
    /// Save the trusted time for the next server.
    SaveTime(TrustedTime),
}

/// The time by which messages expire; see [`TrustedClock`](crate::retention::TrustedClock). Both in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedTime {
    /// Now.
    pub time: u64,
    /// Messages that are older count as written then.
    pub since: u64,
}

/// How much of a room is kept. The oldest go first, with their keys, as soon as one of the bounds is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// How many messages.
    pub messages: u64,
    /// How many bytes of them, by [`size`]. The newest message is kept, however long it is.
    pub bytes: u64,
    /// For how long, in milliseconds.
    pub age: u64,
}

impl Keep {
    /// Whether the oldest of a room's `count` messages, which have `bytes` together, goes now; it was written at `written`.
    pub fn lets_go(self, count: u64, bytes: u64, written: u64, now: TrustedTime) -> bool {
        let age = now.time.saturating_sub(written.max(now.since));
        count > self.messages || (count > 1 && bytes > self.bytes) || age > self.age
    }
}

/// How many bytes a message counts for: those that people wrote.
pub fn size(entry: &Entry) -> u64 {
    let key = entry.key.as_ref().map_or(0, |key| key.as_str().len());
    (entry.author.as_str().len() + entry.text.as_str().len() + key + entry.raw.as_ref().map_or(0, String::len)) as u64
}

/// What a room has left after some of it was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Everything after this offset is kept.
    pub first: u64,
    /// How many bytes that is, by [`size`].
    pub bytes: u64,
    /// The time of the oldest entry, if there is one.
    pub oldest: Option<u64>,
    /// Where the log of a room begins that is not remembered.
    pub floor: u64,
}

/// What a commit did to a room.
#[derive(Clone, Debug)]
pub enum Change {
    /// It has a new entry.
    Stored(Entry),
    /// Its oldest entries are gone.
    Expired(Remains),
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message is a new entry.
    Stored(Entry),
    /// The room has it already, at this offset.
    Duplicate(u64),
    /// The key belongs to another message.
    KeyReused,
    /// The room has no messages, and as many rooms as may have some.
    RoomsFull,
    /// The oldest messages are gone, if there were any to let go.
    Expired(Remains),
    /// Nobody has written in the room.
    RoomUnknown,
    /// The trusted time is saved.
    TimeSaved,
}

/// Why history could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it can't be made or used.
    #[error("can't use the folder {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another server has it open.
    #[error("the folder {} is in use by another crier", .0.display())]
    InUse(PathBuf),
    /// The file is not a history, or one of a newer version. It is left as it is.
    #[error("{0}")]
    Foreign(String),
    /// SQLite's own words.
    #[error("can't open the history")]
    Sqlite(#[from] rusqlite::Error),
    /// The disk does not keep what it is given.
    #[error("the history can't be used")]
    Unsafe(#[source] WriteError),
}

/// Why the history can't be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// SQLite's own words.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The data folder can't be written.
    #[error(transparent)]
    Folder(#[from] std::io::Error),
    /// A file of the database is not where it was, so what is written to it would be lost.
    #[error("{} was removed, moved or replaced while the server ran", .0.display())]
    Gone(PathBuf),
    /// The writer panicked; the log says where.
    #[error("the history's writer panicked, which is a fault of crier")]
    Panicked,
}

/// History can't be read at the moment; the cause is in the server's log.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the history can't be read")]
pub struct ReadError;

/// A handle on the durable past. Cheap to clone; the last one to go ends the writer, as does [`History::close`].
#[derive(Clone)]
pub struct History {
    epoch: Epoch,
    queue: mpsc::Sender<Job>,
    queue_room: Arc<Semaphore>,
    health: Arc<WriteHealth>,
    readers: Arc<Readers>,
}

/// A command that is in line: resolves when it is durable, with what it did.
pub struct Submitted(oneshot::Receiver<Result<Outcome, ErrorCode>>);

impl Submitted {
    fn of(command: Command) -> (writer::Request, Self) {
        let (done, outcome) = oneshot::channel();
        (writer::Request { command, done }, Self(outcome))
    }
}

impl Future for Submitted {
    type Output = Result<Outcome, ErrorCode>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.unwrap_or(Err(ErrorCode::Unavailable)))
    }
}

/// What [`History::open`] found and started.
pub struct Opened {
    /// The handle.
    pub history: History,
    /// Every room there is.
    pub heads: Vec<Head>,
    /// Where the log of any other room begins.
    pub floor: u64,
    /// The trusted time that the last server saved.
    pub saved_time: Option<TrustedTime>,
    /// Resolves when the writer has ended: with an error when the disk no longer keeps what it is given.
    pub ended: oneshot::Receiver<Result<(), WriteError>>,
}

impl History {
    /// Opens the history in `folder`, making both where they are missing.
    ///
    /// `fresh` is the epoch of a new log, and of a copy. From a commit to the next it is `flush_interval` at the least, unless more waits than one takes. `audience` makes, of the
    /// rooms there are, who is shown each commit, on the writer's thread and in commit order.
    pub fn open(
        folder: &Path,
        fresh: Epoch,
        flush_interval: Duration,
        audience: impl FnOnce(&[Head]) -> Box<dyn Audience>,
    ) -> Result<Opened, OpenError> {
        let folder = Folder::lock(folder)?;
        let had_wal = folder.wal().metadata().is_ok_and(|wal| wal.len() > 0);
        let path = folder.database();
        let mut connection = schema::open(&path)?;
        schema::migrate(&mut connection)?;
        if let Err(error) = schema::lay_out_log(&folder.wal()) {
            tracing::warn!(%error, "the write-ahead log will grow bit by bit");
        }
        let mut identity = Identity::find(&connection, folder.path(), had_wal, fresh)?;
        let epoch = identity.epoch();
        let prepared = prepare(&connection, &mut identity);
        if let Err(error) = &prepared {
            tracing::error!(%error, "the history can't be written: messages are refused until it can. Check the disk and the file's permissions");
        }
        let health = Arc::new(WriteHealth::new(prepared.is_ok()));
        prepared.or_else(|error| if writer::is_final(&error) { Err(OpenError::Unsafe(error)) } else { Ok(()) })?;
        let (heads, floor, saved_time) = (read::heads(&connection)?, read::floor(&connection)?, read::trusted_time(&connection)?);
        let files = Arc::new(Files::of(&folder)?);
        let audience = audience(&heads);
        let (queue, jobs) = mpsc::channel(QUEUE_COMMANDS_MAX + QUEUE_OTHERS_MAX);
        let queue_room = Arc::new(Semaphore::new(QUEUE_COMMANDS_MAX));
        let log = writer::Log { connection, identity, files: files.clone(), health: health.clone(), _folder: folder };
        let ended = writer::start(log, Queue { jobs, room: queue_room.clone() }, flush_interval, audience);
        let readers = Arc::new(Readers::new(path, files));
        Ok(Opened { history: Self { epoch, queue, queue_room, health, readers }, heads, floor, saved_time, ended })
    }

    /// The identity of this log.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Puts commands in line, at once and in the order of the calls; those of one call are committed together. What is
    /// returned resolves, for each, when it is durable; dropping it does not take the command back.
    pub fn submit(&self, commands: Vec<Command>) -> Result<Vec<Submitted>, ErrorCode> {
        let count = u32::try_from(commands.len()).map_err(|_| ErrorCode::Overloaded)?;
        self.queue_room.try_acquire_many(count).map_err(|_| ErrorCode::Overloaded)?.forget();
        let (group, submitted) = commands.into_iter().map(Submitted::of).unzip();
        // There are no more groups than commands, so there is a place if the writer lives.
        self.queue.try_send(Job::Apply(group)).map_err(|_| ErrorCode::Unavailable)?;
        Ok(submitted)
    }

    /// How many commands wait for the writer.
    pub fn waiting(&self) -> usize {
        QUEUE_COMMANDS_MAX.saturating_sub(self.queue_room.available_permits())
    }

    /// Ends the writer after the commands that are queued. Later commands are refused.
    pub fn close(&self) {
        let _ = self.queue.try_send(Job::End);
    }

    /// The entries of a room after `offset`, oldest first, at most `limit`.
    pub async fn after(&self, room: &RoomName, offset: u64, limit: usize) -> Result<Slice, ReadError> {
        let room = room.clone();
        self.readers.run(move |connection| read::after(connection, &room, offset, limit)).await
    }

    /// The `limit` entries of a room just before `offset`, oldest first.
    pub async fn before(&self, room: &RoomName, offset: u64, limit: usize) -> Result<Slice, ReadError> {
        let room = room.clone();
        self.readers.run(move |connection| read::before(connection, &room, offset, limit)).await
    }

    /// Why the history can't be written or read at the moment. Nothing if it can.
    pub async fn trouble(&self) -> Option<&'static str> {
        if self.queue.is_closed() || !self.health.can_write(|| self.queue.try_send(Job::Probe).is_ok()).await {
            return Some("the history can't be written");
        }
        let files = self.readers.files.clone();
        match self.readers.run(move |connection| read::probe(connection).map(|()| files.check().is_ok())).await {
            Ok(true) => None,
            Ok(false) => Some("the history's files are gone"),
            Err(_) => Some("the history can't be read"),
        }
    }
}

/// Writes what each start writes.
fn prepare(connection: &Connection, identity: &mut Identity) -> Result<(), WriteError> {
    identity.settle(connection)?;
    schema::rename_rooms(connection)?;
    // A copy of the database file alone then says that a write-ahead log belongs to it.
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
}

/// Connections that read, opened when first needed and kept.
struct Readers {
    path: PathBuf,
    files: Arc<Files>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    failures: Throttle,
}

impl Readers {
    fn new(path: PathBuf, files: Arc<Files>) -> Self {
        Self { path, files, idle: Mutex::default(), permits: Arc::new(Semaphore::new(READERS_MAX)), failures: Throttle::new() }
    }
}

impl Readers {
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let readers = self.clone();
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| ReadError)?;
        let run = move || {
            // Until it is done, even if nobody waits for it any more.
            let _permit = permit;
            let idle = readers.lock().pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => readers.open()?,
            };
            let result = read(&mut connection)?;
            readers.lock().push(connection);
            Ok(result)
        };
        let result: rusqlite::Result<T> = spawn_blocking(run).await.map_err(|_| ReadError)?;
        result.map_err(|error| {
            if let Some(suppressed) = self.failures.pass(Instant::now()) {
                tracing::error!(%error, suppressed, "reading the history failed");
            }
            ReadError
        })
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = schema::open_reader(&self.path)?;
        // After the folder was removed, another server may have created a new database at the same path.
        self.files.check().map_err(|_| rusqlite::Error::InvalidPath(self.path.clone()))?;
        Ok(connection)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Sees nothing of what is committed, for tests of what is below the hub.
#[cfg(test)]
pub(crate) struct Nobody;

#[cfg(test)]
impl Audience for Nobody {
    fn show(&mut self, _: Vec<(RoomName, Change)>) {}
    fn wake(&mut self) {}
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_still_counts() {
        let folder = tempfile::TempDir::new().unwrap();
        let folder = Folder::lock(folder.path()).unwrap();
        let path = folder.database();
        let mut connection = schema::open(&path).unwrap();
        schema::migrate(&mut connection).unwrap();
        let readers = Arc::new(Readers::new(path, Arc::new(Files::of(&folder).unwrap())));
        let waiting: Vec<_> = std::iter::repeat_with(|| {
            let (end, may_end) = oneshot::channel::<()>();
            let read = readers.run(move |_| Ok(may_end.blocking_recv()));
            assert!(read.now_or_never().is_none());
            end
        })
        .take(READERS_MAX)
        .collect();
        assert_eq!(readers.permits.available_permits(), 0);
        drop(waiting);
        for _ in 0..2 * READERS_MAX {
            readers.run(|_| Ok(())).await.unwrap();
        }
        assert!(readers.lock().len() <= READERS_MAX);
    }
}
