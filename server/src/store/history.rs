//! The handle on the durable past: opens it, queues commands, reads pages.

use std::ops::RangeInclusive;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use protocol::admin::{AuditRecord, Waiting};
use protocol::{Entry, Epoch, ErrorCode, RoomName, Tag};
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::access;
use super::command::{Command, Outcome};
use super::error::{OpenError, ReadError, WriteError};
use super::folder::{DatabaseFiles, Folder};
use super::health::WriteHealth;
use super::identity::Identity;
use super::read::{self, StoredPage, StoredRoom};
use super::readers::Readers;
use super::retention::TrustedTime;
use super::schema;
use super::scrub::Scrub;
use super::writer::{self, Answer, Batch, CommitListener, Database, Job, Queue};
use crate::access::StoredAccess;

/// Maximum number of commands that wait for the writer. More are refused.
pub const QUEUE_COMMANDS_MAX: usize = 4096;
/// Places in the queue for jobs without commands: a probe, and the end.
const QUEUE_OTHERS_MAX: usize = 2;

/// A handle on the durable past. Cheap to clone. The writer ends when the last handle is dropped,
/// or by [`History::close`].
#[derive(Clone)]
pub struct History {
    epoch: Epoch,
    queue: mpsc::Sender<Job>,
    /// Places for commands in the queue.
    free_places: Arc<Semaphore>,
    health: Arc<WriteHealth>,
    readers: Arc<Readers>,
}

/// The result of [`History::open`].
pub struct OpenedHistory {
    /// The handle.
    pub history: History,
    /// The trusted time that the previous server saved.
    pub saved_time: Option<TrustedTime>,
    /// Who may do what.
    pub access: StoredAccess,
    /// Resolves when the writer has ended. An error means that the disk no longer stores what is
    /// written.
    pub ended: oneshot::Receiver<Result<(), WriteError>>,
}

/// A queued command. Resolves with its outcome when that is durable.
pub struct Submitted(oneshot::Receiver<Result<Outcome, ErrorCode>>);

impl Submitted {
    /// Returns a future outcome, and the channel for it.
    fn new() -> (Answer, Self) {
        let (answer, outcome) = oneshot::channel();
        (answer, Self(outcome))
    }
}

impl Future for Submitted {
    type Output = Result<Outcome, ErrorCode>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.unwrap_or(Err(ErrorCode::Unavailable)))
    }
}

impl History {
    /// Opens the history in `folder`. Creates both if they are missing.
    ///
    /// A new log, and a copy of a log, gets the epoch `new_epoch`. The writer commits at most once
    /// per `flush_interval`, or sooner when a batch is full. `listener` gets all rooms and the
    /// offset after which other rooms start, and returns the listener of the writer.
    pub fn open(
        folder: &Path,
        new_epoch: Epoch,
        flush_interval: Duration,
        listener: impl FnOnce(&[StoredRoom], u64) -> Box<dyn CommitListener>,
    ) -> Result<OpenedHistory, OpenError> {
        let folder = Folder::lock(folder)?;
        let wal = folder.wal().metadata();
        let path = folder.database();
        let mut connection = schema::open(&path)?;
        schema::migrate(&mut connection)?;
        if let Err(error) = schema::preallocate_wal(&folder.wal()) {
            tracing::warn!(%error, "the write-ahead log could not be preallocated: commits are slower at first");
        }
        let scrub = Scrub::load(&connection, folder.wal())?;
        // The scrubbing empties it.
        let had_wal = wal.is_ok_and(|wal| wal.len() > 0 || scrub.is_pending());
        let mut identity = Identity::determine(&connection, folder.path(), had_wal, new_epoch)?;
        let epoch = identity.epoch();
        let can_write = write_at_start(&connection, &mut identity)?;
        let saved_time = read::trusted_time(&connection)?;
        let stored_access = access::load(&connection)?;
        let listener = listener(&read::rooms(&connection)?, read::forgotten_max(&connection)?);

        let files = Arc::new(DatabaseFiles::find(&folder)?);
        let health = Arc::new(WriteHealth::new(can_write));
        let (queue, jobs) = mpsc::channel(QUEUE_COMMANDS_MAX + QUEUE_OTHERS_MAX);
        let free_places = Arc::new(Semaphore::new(QUEUE_COMMANDS_MAX));
        let database = Database { connection, identity, scrub, files: files.clone(), health: health.clone(), _folder: folder };
        let ended = writer::start(database, Queue { jobs, free_places: free_places.clone() }, flush_interval, listener);
        let readers = Arc::new(Readers::new(path, files));
        Ok(OpenedHistory { history: Self { epoch, queue, free_places, health, readers }, saved_time, access: stored_access, ended })
    }

    /// Returns the epoch of the log.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Queues commands. Calls are ordered; the commands of one call are committed together.
    /// Returns, for each command, a future that resolves when the command is durable; dropping it
    /// does not cancel the command.
    ///
    /// Fails with `Overloaded` if the queue is full, and with `Unavailable` if the writer has
    /// ended.
    pub fn submit(&self, commands: Vec<Command>) -> Result<Vec<Submitted>, ErrorCode> {
        let count = u32::try_from(commands.len()).map_err(|_| ErrorCode::Overloaded)?;
        self.free_places.try_acquire_many(count).map_err(|_| ErrorCode::Overloaded)?.forget();
        let (answers, submitted) = commands.iter().map(|_| Submitted::new()).unzip();
        // There are at most as many groups as commands, so the channel has a place.
        self.queue.try_send(Job::Apply(Batch { commands, answers })).map_err(|_| ErrorCode::Unavailable)?;
        Ok(submitted)
    }

    /// Returns the number of commands that wait for the writer.
    pub fn queued_commands(&self) -> usize {
        QUEUE_COMMANDS_MAX.saturating_sub(self.free_places.available_permits())
    }

    /// Ends the writer after the queued commands. Later commands are refused.
    pub fn close(&self) {
        let _ = self.queue.try_send(Job::End);
    }

    /// Reads the first `limit` entries of a room after `offset`, oldest first. A page has at most
    /// [`PAGE_BYTES_MAX`](super::PAGE_BYTES_MAX).
    pub async fn after(&self, room: &RoomName, offset: u64, limit: usize) -> Result<StoredPage, ReadError> {
        let room = room.clone();
        self.readers.run(move |connection| read::after(connection, &room, offset, limit)).await
    }

    /// Reads the last `limit` messages of a room before `offset`, oldest first, with the same
    /// bound. Other entries are left out.
    pub async fn before(&self, room: &RoomName, offset: u64, limit: usize) -> Result<StoredPage, ReadError> {
        let room = room.clone();
        self.readers.run(move |connection| read::before(connection, &room, offset, limit)).await
    }

    /// Reads the newest records of the audit before one, or of all, newest first.
    pub async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditRecord>, ReadError> {
        self.readers.run(move |connection| access::audit(connection, before, limit)).await
    }

    /// Returns the entries of a room at these offsets, without those that are not kept.
    pub async fn entries(&self, room: &RoomName, offsets: Vec<u64>) -> Result<Vec<Entry>, ReadError> {
        let room = room.clone();
        let find = move |connection: &mut Connection| {
            offsets.iter().filter_map(|offset| read::entry(connection, &room, *offset).transpose()).collect()
        };
        self.readers.run(find).await
    }

    /// Returns the reactions of an identity to the messages of a range of offsets, as offset and
    /// emoji.
    pub async fn reactions_of(&self, room: &RoomName, by: Tag, range: RangeInclusive<u64>) -> Result<Vec<(u64, String)>, ReadError> {
        let room = room.clone();
        self.readers.run(move |connection| read::reactions_of(connection, &room, by, range)).await
    }

    /// Returns how many messages of a room wait for approval, and the oldest or newest `limit` of
    /// them.
    pub async fn waiting(&self, room: &RoomName, limit: usize, newest_first: bool) -> Result<(u64, Vec<Waiting>), ReadError> {
        let room = room.clone();
        self.readers.run(move |connection| read::waiting(connection, &room, limit, newest_first)).await
    }

    /// Returns why the history cannot be written or read at the moment. `None` if it can.
    pub async fn unavailable_reason(&self) -> Option<&'static str> {
        if self.queue.is_closed() || !self.health.can_write(|| self.queue.try_send(Job::Probe).is_ok()).await {
            return Some("the history can't be written");
        }
        let files = self.readers.files().clone();
        match self.readers.run(move |connection| read::probe(connection).map(|()| files.check().is_ok())).await {
            Ok(true) => None,
            Ok(false) => Some("the history's files are gone"),
            Err(_) => Some("the history can't be read"),
        }
    }
}

/// Makes the writes of each start, and logs their failure. Returns false if they may succeed later.
fn write_at_start(connection: &Connection, identity: &mut Identity) -> Result<bool, OpenError> {
    let Err(error) = try_write_at_start(connection, identity) else { return Ok(true) };
    tracing::error!(%error, "the history can't be written: messages are refused until it can. Check the disk and the file's permissions");
    if error.is_final() { Err(OpenError::Unsafe(error)) } else { Ok(false) }
}

fn try_write_at_start(connection: &Connection, identity: &mut Identity) -> Result<(), WriteError> {
    identity.renew_anchor(connection)?;
    schema::rename_rooms(connection)?;
    access::draw_secret(connection)?;
    // A database file that is copied without its write-ahead log then shows that it had one.
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::folder::DATABASE;
    use super::super::writer::NoListener;
    use super::*;

    async fn epoch(folder: &TempDir, new_epoch: u64) -> Epoch {
        let opened = History::open(folder.path(), Epoch(new_epoch), Duration::ZERO, |_, _| Box::new(NoListener)).unwrap();
        let OpenedHistory { history, ended, .. } = opened;
        let epoch = history.epoch();
        drop(history);
        ended.await.unwrap().unwrap();
        epoch
    }

    /// Makes the folder look as after `kill -9` with an empty write-ahead log.
    fn empty_wal(folder: &TempDir, is_scrubbing: bool) {
        let connection = Connection::open(folder.path().join(DATABASE)).unwrap();
        connection.execute_batch("UPDATE log SET open = 1; DELETE FROM scrub").unwrap();
        if is_scrubbing {
            super::super::scrub::mark(&connection).unwrap();
        }
        drop(connection);
        fs::write(folder.path().join(format!("{DATABASE}-wal")), "").unwrap();
    }

    #[tokio::test]
    async fn a_kill_while_erased_texts_are_scrubbed_keeps_the_epoch() {
        let folder = TempDir::new().unwrap();
        assert_eq!(epoch(&folder, 1).await, Epoch(1));
        empty_wal(&folder, true);
        assert_eq!(epoch(&folder, 2).await, Epoch(1));
        empty_wal(&folder, false);
        assert_eq!(epoch(&folder, 3).await, Epoch(3), "messages may be missing");
    }
}
