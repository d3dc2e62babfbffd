//! The one thread that writes: it takes what has queued, applies it in one transaction, commits, shows it, answers, then wakes
//! who waits for it. The busier it is, the more commands share one fsync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use protocol::{ErrorCode, RoomName};
use rusqlite::{Connection, ffi};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::apply::Statements;
use super::folder::{Files, Folder};
use super::health::WriteHealth;
use super::identity::Identity;
use super::{Change, Command, Outcome, WriteError, schema};
use crate::log::Throttle;

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

/// A job of the writer.
pub(super) enum Job {
    /// Commit these commands in one transaction.
    Apply(Vec<Request>),
    /// Commit without a change, to see whether the disk takes it.
    Probe,
    /// End after the jobs that are queued, and take no more.
    End,
}

/// What waits to be written.
pub(super) struct Queue {
    pub(super) jobs: mpsc::Receiver<Job>,
    /// How many more commands may wait.
    pub(super) room: Arc<Semaphore>,
}

impl Queue {
    /// Waits for jobs and takes what has queued; false when there will be no more. A batch ends with the group that fills it, and
    /// is empty if only a probe was queued.
    fn take(&mut self, batch: &mut Vec<Request>) -> bool {
        loop {
            match self.jobs.blocking_recv() {
                Some(Job::Apply(group)) => batch.extend(group),
                Some(Job::Probe) => {}
                Some(Job::End) => {
                    self.jobs.close();
                    continue;
                }
                None => return false,
            }
            break;
        }
        while batch.len() < BATCH_COMMANDS_MAX
            && let Ok(job) = self.jobs.try_recv()
        {
            match job {
                Job::Apply(group) => batch.extend(group),
                // The batch is a probe as well.
                Job::Probe => {}
                Job::End => self.jobs.close(),
            }
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
    pub(super) health: Arc<WriteHealth>,
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

/// Starts the writer. It ends when it is told to, when every handle is gone, or when the disk fails; the folder's lock goes with it.
pub(super) fn start(
    mut log: Log,
    mut queue: Queue,
    flush_interval: Duration,
    mut audience: Box<dyn Audience>,
) -> oneshot::Receiver<Result<(), WriteError>> {
    let (end, ended) = oneshot::channel();
    let run = move || {
        // After a panic nothing of this is used again.
        let run = AssertUnwindSafe(|| run(&mut log, &mut queue, flush_interval, &mut *audience).and_then(|()| log.close()));
        let result = catch_unwind(run).unwrap_or(Err(WriteError::Panicked));
        // Publishers are refused from now on.
        drop(queue);
        drop(log);
        let _ = end.send(result);
    };
    thread::Builder::new().name("history".to_owned()).spawn(run).expect("a thread can be started at start-up");
    ended
}

fn run(log: &mut Log, queue: &mut Queue, flush_interval: Duration, audience: &mut dyn Audience) -> Result<(), WriteError> {
    let Log { connection, identity, files, health, .. } = log;
    let mut statements = Statements::prepare(connection)?;
    let mut batch = Vec::with_capacity(BATCH_COMMANDS_MAX);
    let failures = Throttle::new();
    while queue.take(&mut batch) {
        let is_full = batch.len() >= BATCH_COMMANDS_MAX;
        let committed = identity.settle(connection).and_then(|()| match batch[..] {
            [] => Ok(schema::probe(connection).map(|()| Vec::new())?),
            _ => Ok(statements.commit(batch.iter().map(|request| &request.command))?),
        });
        // Checked after the commit: a message in a file that is gone must not be acknowledged.
        let committed = files.check().and(committed);
        // On a full disk messages may fit again while nothing can be deleted, which takes space as well.
        if batch.is_empty() || batch.iter().any(|request| matches!(request.command, Command::Publish { .. })) {
            health.record(committed.is_ok());
        }
        match committed {
            Ok(outcomes) => {
                audience.show(batch.iter().zip(&outcomes).filter_map(|(request, outcome)| change(&request.command, outcome)).collect());
                // From the last to the first: a socket waits for its oldest, and then finds all its answers there.
                for (request, outcome) in batch.drain(..).zip(outcomes).rev() {
                    let _ = request.done.send(Ok(outcome));
                }
                // Last, so that a publisher who also reads gets its answer and what was shown in one write.
                audience.wake();
            }
            Err(error) => {
                if let Some(suppressed) = failures.pass(Instant::now()) {
                    tracing::error!(%error, commands = batch.len(), suppressed, "a commit failed; nothing of it is acknowledged");
                }
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

/// What a command did to its room.
fn change(command: &Command, outcome: &Outcome) -> Option<(RoomName, Change)> {
    let (Command::Publish { room, .. } | Command::Expire { room, .. }) = command else { return None };
    let change = match outcome {
        Outcome::Stored(entry) => Change::Stored(entry.clone()),
        Outcome::Expired(remains) => Change::Expired(*remains),
        Outcome::Duplicate(_) | Outcome::KeyReused | Outcome::RoomsFull | Outcome::RoomUnknown | Outcome::TimeSaved => return None,
    };
    Some((room.clone(), change))
}

/// Lets commands gather, so that they share a commit.
#[expect(clippy::disallowed_methods, reason = "it is time itself that is waited for, and a thread that nobody else waits for")]
fn pause(time: Duration) {
    thread::sleep(time);
}

/// After a failed fsync the kernel may have dropped the pages it could not write, so trying again could report
/// success for data that is gone ("fsyncgate", 2018). The only safe answer is to stop.
pub(super) fn is_final(error: &WriteError) -> bool {
    let code = match error {
        WriteError::Gone(_) | WriteError::Panicked => return true,
        WriteError::Folder(_) => return false,
        WriteError::Sqlite(error) => error.sqlite_error().map(|error| error.extended_code),
    };
    matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC | ffi::SQLITE_CORRUPT))
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Epoch, Text};

    use super::super::{History, Nobody, Opened};
    use super::*;

    fn publish() -> Vec<Command> {
        let (room, text) = ("lobby".parse().unwrap(), Text::parse("hello").unwrap());
        vec![Command::Publish { room, key: None, author: Author::default(), text, raw: None, time: 0, rooms_max: 1 }]
    }

    #[tokio::test]
    async fn a_writer_that_panics_ends_with_an_error_and_refuses_what_comes() {
        struct Broken;
        impl Audience for Broken {
            fn show(&mut self, _: Vec<(RoomName, Change)>) {
                panic!("as the test wants it");
            }
            fn wake(&mut self) {}
        }
        let folder = tempfile::TempDir::new().unwrap();
        let Opened { history, ended, .. } = History::open(folder.path(), Epoch(1), Duration::ZERO, |_| Box::new(Broken)).unwrap();
        let submitted = history.submit(publish()).unwrap().pop().unwrap();
        assert_eq!(submitted.await, Err(ErrorCode::Unavailable));
        assert!(matches!(ended.await, Ok(Err(WriteError::Panicked))));
        assert_eq!(history.submit(publish()).err(), Some(ErrorCode::Unavailable));
        assert_eq!(history.trouble().await, Some("the history can't be written"));
        // Its folder is free for the next server.
        History::open(folder.path(), Epoch(1), Duration::ZERO, |_| Box::new(Nobody)).unwrap();
    }

    #[tokio::test]
    async fn a_history_that_is_closed_finishes_what_has_queued_and_no_more() {
        let folder = tempfile::TempDir::new().unwrap();
        let Opened { history, ended, .. } = History::open(folder.path(), Epoch(1), Duration::ZERO, |_| Box::new(Nobody)).unwrap();
        let submitted: Vec<_> = (0..10).map(|_| history.submit(publish()).unwrap().pop().unwrap()).collect();
        history.close();
        for submitted in submitted {
            assert!(matches!(submitted.await, Ok(Outcome::Stored(_))));
        }
        assert!(matches!(ended.await, Ok(Ok(()))));
        assert_eq!(history.submit(publish()).err(), Some(ErrorCode::Unavailable));
    }
}
