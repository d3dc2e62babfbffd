//! The one thread that writes: it takes what has queued, applies it in one transaction, commits, shows it, answers, then wakes
//! who waits for it. The busier it is, the more commands share one fsync.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use protocol::{ErrorCode, RoomName};
use rusqlite::{Connection, ffi};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::apply::Statements;
use super::folder::{Files, Folder};
use super::identity::Identity;
use super::{Change, Command, Outcome, WriteError};

/// With how many commands a transaction takes no more.
const BATCH_COMMANDS_MAX: usize = 1024;

/// Who sees what was committed.
pub trait Audience: Send {
    /// Takes in what a commit did, in its order: from now on whoever looks finds it.
    fn show(&mut self, committed: Vec<(RoomName, Change)>);
    /// Wakes whoever waits for what was shown.
    fn wake(&mut self);
}

/// A command and who waits for it.
pub(super) struct Request {
    pub(super) command: Command,
    pub(super) done: oneshot::Sender<Result<Outcome, ErrorCode>>,
}

/// What waits to be written. Commands that came together are one group, so that they are committed together.
pub(super) struct Queue {
    pub(super) groups: mpsc::Receiver<Vec<Request>>,
    /// How many more commands may wait.
    pub(super) room: Arc<Semaphore>,
}

impl Queue {
    /// Waits for commands and takes what has queued; false when nobody can send any more. A batch ends with the group that fills it.
    fn take(&mut self, batch: &mut Vec<Request>) -> bool {
        let Some(group) = self.groups.blocking_recv() else { return false };
        batch.extend(group);
        while batch.len() < BATCH_COMMANDS_MAX
            && let Ok(group) = self.groups.try_recv()
        {
            batch.extend(group);
        }
        self.room.add_permits(batch.len());
        true
    }
}

/// What the writer owns, in the order in which it is dropped: the folder is unlocked last.
pub(super) struct Log {
    pub(super) connection: Connection,
    pub(super) identity: Identity,
    pub(super) files: Arc<Files>,
    pub(super) _folder: Folder,
}

impl Log {
    fn close(&mut self) -> Result<(), WriteError> {
        self.files.check()?;
        if let Err(error) = self.identity.close(&self.connection) {
            tracing::warn!(%error, "the log is left as after a crash");
        }
        Ok(())
    }
}

/// Starts the writer. It ends when every handle is gone, or when the disk fails; the folder's lock goes with it.
pub(super) fn start(
    mut log: Log,
    mut queue: Queue,
    flush_interval: Duration,
    mut audience: Box<dyn Audience>,
) -> oneshot::Receiver<Result<(), WriteError>> {
    let (end, ended) = oneshot::channel();
    let run = move || {
        let result = run(&mut log, &mut queue, flush_interval, &mut *audience).and_then(|()| log.close());
        drop(log);
        let _ = end.send(result);
    };
    thread::Builder::new().name("history".to_owned()).spawn(run).expect("a thread can be started at start-up");
    ended
}

fn run(log: &mut Log, queue: &mut Queue, flush_interval: Duration, audience: &mut dyn Audience) -> Result<(), WriteError> {
    let Log { connection, identity, files, .. } = log;
    let mut statements = Statements::prepare(connection)?;
    let mut batch = Vec::with_capacity(BATCH_COMMANDS_MAX);
    while queue.take(&mut batch) {
        let is_full = batch.len() >= BATCH_COMMANDS_MAX;
        let committed = identity.settle(connection).and_then(|()| Ok(statements.commit(batch.iter().map(|request| &request.command))?));
        // Checked after the commit: a message in a file that is gone must not be acknowledged.
        match files.check().and(committed) {
            Ok(outcomes) => {
                let changes = batch.iter().zip(&outcomes).filter_map(|(request, outcome)| {
                    let (Command::Publish { room, .. } | Command::Expire { room, .. }) = &request.command;
                    let change = match outcome {
                        Outcome::Stored(entry) => Change::Stored(entry.clone()),
                        Outcome::Expired(remains) => Change::Expired(*remains),
                        Outcome::Duplicate(_) | Outcome::KeyReused | Outcome::RoomsFull | Outcome::RoomUnknown => return None,
                    };
                    Some((room.clone(), change))
                });
                audience.show(changes.collect());
                // From the last to the first: a socket waits for its oldest, and then finds all its answers there.
                for (request, outcome) in batch.drain(..).zip(outcomes).rev() {
                    let _ = request.done.send(Ok(outcome));
                }
                // Last, so that a publisher who also reads gets its answer and what was shown in one write.
                audience.wake();
            }
            Err(error) => {
                tracing::error!(%error, commands = batch.len(), "a commit failed; nothing of it was stored");
                for request in batch.drain(..) {
                    let _ = request.done.send(Err(ErrorCode::Unavailable));
                }
                if is_final(&error) {
                    return Err(error);
                }
            }
        }
        // After a full batch there may be another that has waited long enough.
        if !is_full {
            pause(flush_interval);
        }
    }
    Ok(())
}

/// Lets commands gather, so that they share a commit.
#[expect(clippy::disallowed_methods, reason = "it is time itself that is waited for, and a thread that nobody else waits for")]
fn pause(time: Duration) {
    thread::sleep(time);
}

/// After a failed fsync the kernel may have dropped the pages it could not write, so trying again could report
/// success for data that is gone ("fsyncgate", 2018). The only safe answer is to stop.
fn is_final(error: &WriteError) -> bool {
    let code = match error {
        WriteError::Gone(_) => return true,
        WriteError::Folder(_) => return false,
        WriteError::Sqlite(error) => error.sqlite_error().map(|error| error.extended_code),
    };
    matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC | ffi::SQLITE_CORRUPT))
}
