//! The only thread that writes. It takes all queued commands, commits them in one transaction,
//! shows them to the listener and answers the publishers. The longer the queue, the more commands
//! share one fsync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use protocol::ErrorCode;
use rusqlite::Connection;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::apply::{Applier, Committed};
use super::command::{Changes, Command, Outcome};
use super::error::WriteError;
use super::folder::{DatabaseFiles, Folder};
use super::health::WriteHealth;
use super::identity::Identity;
use super::schema;
use super::scrub::{Progress, Scrub};
use crate::log::Throttle;

/// Number of commands at which a batch is full. The group that fills it may exceed it.
const BATCH_COMMANDS_MAX: usize = 1024;
/// Pause of the scrubbing while a reader, or an error, holds it up.
const SCRUB_PAUSE: Duration = Duration::from_millis(2);

/// Gets what is committed, on the writer's thread and in commit order.
pub trait CommitListener: Send {
    /// Makes the changes of a commit visible. Publishers are answered after it returns.
    fn on_commit(&mut self, changes: Changes);
    /// Wakes the readers that wait for these changes. Publishers have been answered.
    fn notify(&mut self);
}

/// The channel for a command's outcome.
pub(super) type Answer = oneshot::Sender<Result<Outcome, ErrorCode>>;

/// Commands, and a channel for the outcome of each.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) commands: Vec<Command>,
    pub(super) answers: Vec<Answer>,
}

/// A job of the writer.
pub(super) enum Job {
    /// Commit these commands in one transaction.
    Apply(Batch),
    /// Commit without a change, to test whether the disk stores it.
    Probe,
    /// End after the queued jobs, and refuse later ones.
    End,
}

/// The queue of the writer.
pub(super) struct Queue {
    pub(super) jobs: mpsc::Receiver<Job>,
    /// Places for commands.
    pub(super) free_places: Arc<Semaphore>,
}

/// What the queue had.
#[derive(PartialEq, Eq)]
enum Taken {
    /// Commands, or a probe: then the batch is empty.
    Jobs,
    /// Nothing at the moment.
    Nothing,
    /// Nothing any more.
    End,
}

impl Queue {
    /// Takes what is queued. Waits for the first job, unless there is `other_work`.
    fn take(&mut self, batch: &mut Batch, other_work: bool) -> Taken {
        let first = if other_work { self.jobs.try_recv() } else { self.jobs.blocking_recv().ok_or(TryRecvError::Disconnected) };
        let mut taken = Taken::Nothing;
        let mut next = first;
        loop {
            match next {
                Ok(Job::Apply(group)) => {
                    batch.commands.extend(group.commands);
                    batch.answers.extend(group.answers);
                    taken = Taken::Jobs;
                }
                // The commit of the batch is a probe too.
                Ok(Job::Probe) => taken = Taken::Jobs,
                Ok(Job::End) => self.jobs.close(),
                Err(TryRecvError::Disconnected) if taken == Taken::Nothing => return Taken::End,
                Err(_) => break,
            }
            if batch.commands.len() >= BATCH_COMMANDS_MAX {
                break;
            }
            next = self.jobs.try_recv();
        }
        self.free_places.add_permits(batch.commands.len());
        taken
    }
}

/// What the writer owns. Fields are dropped in this order: the folder is unlocked last.
pub(super) struct Database {
    pub(super) connection: Connection,
    pub(super) identity: Identity,
    pub(super) scrub: Scrub,
    pub(super) files: Arc<DatabaseFiles>,
    pub(super) health: Arc<WriteHealth>,
    pub(super) _folder: Folder,
}

impl Database {
    fn close(&mut self) -> Result<(), WriteError> {
        self.files.check()?;
        if let Err(error) = self.identity.close(&self.connection) {
            tracing::warn!(%error, "the log could not be marked as closed: the next start treats this end as a crash");
        }
        Ok(())
    }
}

/// Starts the writer. It ends after [`Job::End`], when every handle is dropped, or when the disk
/// fails. Then it unlocks the folder.
pub(super) fn start(
    mut database: Database,
    mut queue: Queue,
    flush_interval: Duration,
    mut listener: Box<dyn CommitListener>,
) -> oneshot::Receiver<Result<(), WriteError>> {
    let (end, ended) = oneshot::channel();
    let run = move || {
        // After a panic none of these values is used again.
        let run = AssertUnwindSafe(|| run(&mut database, &mut queue, flush_interval, &mut *listener).and_then(|()| database.close()));
        let result = catch_unwind(run).unwrap_or(Err(WriteError::Panicked));
        // Commands are refused from now on.
        drop(queue);
        drop(database);
        let _ = end.send(result);
    };
    thread::Builder::new().name("history".to_owned()).spawn(run).expect("a thread can be started at start-up");
    ended
}

fn run(database: &mut Database, queue: &mut Queue, flush_interval: Duration, listener: &mut dyn CommitListener) -> Result<(), WriteError> {
    let Database { connection, identity, scrub, files, health, .. } = database;
    let mut applier = Applier::prepare(connection)?;
    let mut batch = Batch::default();
    let failures = Throttle::new();
    loop {
        match queue.take(&mut batch, scrub.is_pending()) {
            Taken::End => return Ok(()),
            Taken::Nothing => {}
            Taken::Jobs => {
                let count = batch.commands.len();
                // A failed expiry says nothing: on a full disk a publish may succeed while a
                // deletion, which needs space, fails.
                let tells_health = count == 0 || batch.commands.iter().any(|command| matches!(command, Command::Publish(_)));
                let committed = identity.renew_anchor(connection).and_then(|()| commit(&mut applier, connection, &mut batch.commands));
                // Checked after the commit: a message in a file that is gone must not be
                // acknowledged.
                let committed = files.check().and(committed);
                if tells_health {
                    health.record(committed.is_ok());
                }
                match committed {
                    Ok(Committed { outcomes, changes, has_erased }) => {
                        acknowledge(&mut batch.answers, outcomes, changes, listener);
                        if has_erased {
                            scrub.request();
                        }
                    }
                    Err(error) => {
                        if let Some(suppressed) = failures.pass(Instant::now()) {
                            tracing::error!(%error, commands = count, suppressed, "a commit failed: none of its commands is acknowledged");
                        }
                        refuse(&mut batch);
                        if error.is_final() {
                            return Err(error);
                        }
                    }
                }
                // After a full batch, the next commands may have waited for the interval already.
                if count < BATCH_COMMANDS_MAX {
                    pause(flush_interval);
                }
            }
        }
        if scrub.is_pending() {
            clean_up(scrub, connection, &failures)?;
        }
    }
}

fn commit(applier: &mut Applier<'_>, connection: &Connection, commands: &mut Vec<Command>) -> Result<Committed, WriteError> {
    if commands.is_empty() {
        return Ok(schema::probe(connection).map(|()| Committed::default())?);
    }
    Ok(applier.commit(commands.drain(..))?)
}

/// Does one step of the scrubbing. Publishes that arrive meanwhile wait for it.
fn clean_up(scrub: &mut Scrub, connection: &Connection, failures: &Throttle) -> Result<(), WriteError> {
    match scrub.step(connection) {
        Ok(Progress::Made) => {}
        Ok(Progress::Blocked) => pause(SCRUB_PAUSE),
        Err(error) if error.is_final() => return Err(error),
        Err(error) => {
            if let Some(suppressed) = failures.pass(Instant::now()) {
                tracing::error!(%error, suppressed, "erased messages could not be removed from the files yet; this is tried again");
            }
            pause(SCRUB_PAUSE);
        }
    }
    Ok(())
}

/// Makes a commit visible, then answers its publishers, then notifies readers. A publisher that
/// also reads then gets its answer and the message in one write.
fn acknowledge(answers: &mut Vec<Answer>, outcomes: Vec<Outcome>, changes: Changes, listener: &mut dyn CommitListener) {
    listener.on_commit(changes);
    // Newest first: a socket waits for its oldest answer, and then finds all of them.
    for (answer, outcome) in answers.drain(..).zip(outcomes).rev() {
        let _ = answer.send(Ok(outcome));
    }
    listener.notify();
}

fn refuse(batch: &mut Batch) {
    batch.commands.clear();
    for answer in batch.answers.drain(..) {
        let _ = answer.send(Err(ErrorCode::Unavailable));
    }
}

/// Lets commands queue, so that they share a commit.
#[expect(clippy::disallowed_methods, reason = "waits for time to pass, on a thread that nothing else waits for")]
fn pause(time: Duration) {
    thread::sleep(time);
}

/// A listener that ignores commits, for tests of what is below the hub.
#[cfg(test)]
pub(crate) struct NoListener;

#[cfg(test)]
impl CommitListener for NoListener {
    fn on_commit(&mut self, _: Changes) {}
    fn notify(&mut self) {}
}

#[cfg(test)]
mod tests {
    use protocol::{Epoch, PublishRequest, RoomName, Text};

    use super::super::{History, OpenedHistory, Publish, PublishRules};
    use super::*;
    use crate::access::Actor;

    fn publish() -> Vec<Command> {
        let request = PublishRequest { text: Text::parse("hello").unwrap(), ..PublishRequest::default() };
        let rules = PublishRules { rooms_max: 1, ..PublishRules::default() };
        let (request, actor) = (Box::new(request), Actor::default());
        let publish = Publish { room: RoomName::lobby(), request, raw: None, refused: None, actor, time: 0, rules };
        vec![Command::Publish(Box::new(publish))]
    }

    #[tokio::test]
    async fn refuses_commands_and_unlocks_the_folder_after_a_panic() {
        struct Panicking;
        impl CommitListener for Panicking {
            fn on_commit(&mut self, _: Changes) {
                panic!("wanted by the test");
            }
            fn notify(&mut self) {}
        }
        let folder = tempfile::TempDir::new().unwrap();
        let OpenedHistory { history, ended, .. } =
            History::open(folder.path(), Epoch(1), Duration::ZERO, |_, _| Box::new(Panicking)).unwrap();
        let submitted = history.submit(publish()).unwrap().pop().unwrap();
        assert_eq!(submitted.await, Err(ErrorCode::Unavailable));
        assert!(matches!(ended.await, Ok(Err(WriteError::Panicked))));
        assert_eq!(history.submit(publish()).err(), Some(ErrorCode::Unavailable));
        assert_eq!(history.unavailable_reason().await, Some("the history can't be written"));
        History::open(folder.path(), Epoch(1), Duration::ZERO, |_, _| Box::new(NoListener)).unwrap();
    }

    #[tokio::test]
    async fn commits_queued_commands_and_refuses_later_ones_when_closed() {
        let folder = tempfile::TempDir::new().unwrap();
        let OpenedHistory { history, ended, .. } =
            History::open(folder.path(), Epoch(1), Duration::ZERO, |_, _| Box::new(NoListener)).unwrap();
        let submitted: Vec<_> = (0..10).map(|_| history.submit(publish()).unwrap().pop().unwrap()).collect();
        history.close();
        for submitted in submitted {
            assert!(matches!(submitted.await, Ok(Outcome::Published { duplicate: false, .. })));
        }
        assert!(matches!(ended.await, Ok(Ok(()))));
        assert_eq!(history.submit(publish()).err(), Some(ErrorCode::Unavailable));
    }
}
