//! The publishing connection of a room: it publishes while nobody takes updates.
//!
//! One task for a [`super::Room`] and its clones. It connects for the first message, takes the
//! updates of its connection itself, and closes the connection when nothing was published for a
//! while.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use protocol::{ErrorCode, PublishKey, PublishRequest, Published};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::failure::{Failure, FailureKind};
use super::subscription::{Endpoint, Subscription, random_key};
use crate::{Event, OUTBOX_MESSAGES_MAX, Options, Stage, Update};

/// Maximum number of messages that wait for the task. Further calls wait.
const JOBS_MAX: usize = 16;
/// Maximum number of unanswered messages.
const WAITING_MAX: usize = OUTBOX_MESSAGES_MAX / 2;
/// Time without a message after which the connection is closed.
const IDLE_TIME: Duration = Duration::from_secs(20);

/// Why a message or change is not known to be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// It waits for a moderator's approval. It is safe on the server, so nothing needs to be done.
    /// Publishing it again with the same key tells what became of it.
    #[error("{}", ErrorCode::Queued)]
    Queued,
    /// It is refused: it is not published.
    #[error("{}", sentences(*code, detail))]
    Refused {
        /// Why.
        code: ErrorCode,
        /// The server's explanation, for people.
        detail: String,
    },
    /// The connection has ended for good. The message may be published or not.
    #[error("{0}")]
    Ended(Failure),
    /// No answer came in time. The message may be published or not; with the same key it is safe to
    /// publish it again.
    #[error("no answer in time: {0}")]
    TimedOut(Failure),
}

impl PublishError {
    /// True if publishing the same message with the same key may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused { code, .. } => code.is_temporary(),
            Self::Ended(failure) => failure.is_temporary(),
            Self::Queued | Self::TimedOut(_) => true,
        }
    }
}

impl From<ErrorCode> for PublishError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused { code, detail: code.title().to_owned() }
    }
}

/// Returns the code's sentence, followed by the server's own if it is a different one.
fn sentences(code: ErrorCode, detail: &str) -> String {
    if detail == code.title() { detail.to_owned() } else { format!("{code} {detail}") }
}

type Answer = Result<Published, PublishError>;

/// A message with a key, and who waits for it.
#[derive(Debug)]
struct Job {
    message: PublishRequest,
    answer: oneshot::Sender<Answer>,
}

/// A handle on the task. The task ends when all handles are dropped.
#[derive(Clone, Debug)]
pub(super) struct PublishingTask {
    jobs: mpsc::Sender<Job>,
    last_error: watch::Receiver<Option<Failure>>,
}

impl PublishingTask {
    /// Starts the task. It connects when there is a message.
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub(super) fn start(endpoint: Endpoint) -> Self {
        let (jobs, jobs_rx) = mpsc::channel(JOBS_MAX);
        let (last_error_tx, last_error) = watch::channel(None);
        tokio::spawn(run(endpoint, jobs_rx, last_error_tx));
        Self { jobs, last_error }
    }

    /// True if the task's runtime has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.jobs.is_closed()
    }

    /// Publishes a message and waits until it is durable, for at most `time_limit`.
    pub(super) async fn publish(self, mut message: PublishRequest, time_limit: Duration) -> Answer {
        if message.key.is_none() {
            message.key = Some(random_key().map_err(PublishError::Ended)?);
        }
        let publishing = async {
            let (answer, answered) = oneshot::channel();
            self.jobs.send(Job { message, answer }).await.ok()?;
            answered.await.ok()
        };
        match timeout(time_limit, publishing).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Err(PublishError::Ended(Failure::new(FailureKind::Dropped, "the Tokio runtime of the connection has ended"))),
            Err(_) => {
                let silent = || Failure::new(FailureKind::NoAnswer, "the server has not answered");
                Err(PublishError::TimedOut(self.last_error.borrow().clone().unwrap_or_else(silent)))
            }
        }
    }
}

async fn run(endpoint: Endpoint, mut jobs: mpsc::Receiver<Job>, last_error: watch::Sender<Option<Failure>>) {
    while let Some(job) = jobs.recv().await {
        let subscription = Subscription::start(&endpoint, Options::default());
        Connection { subscription, commands: VecDeque::new(), waiting: Vec::new(), idle_since: Instant::now() }
            .run(job, &mut jobs, &last_error)
            .await;
    }
}

/// An open connection.
struct Connection {
    subscription: Subscription,
    /// Commands for the outbox.
    commands: VecDeque<Event>,
    /// Messages without an answer, the oldest first.
    waiting: Vec<Job>,
    idle_since: Instant,
}

impl Connection {
    /// Publishes until the connection ends, has been idle for a while, or is no longer needed.
    async fn run(mut self, first: Job, jobs: &mut mpsc::Receiver<Job>, last_error: &watch::Sender<Option<Failure>>) {
        self.add(first);
        loop {
            let outbox = self.subscription.publisher().commands;
            let takes_jobs = self.commands.is_empty() && self.waiting.len() < WAITING_MAX;
            tokio::select! {
                update = self.subscription.next() => {
                    let error = self.subscription.last_error().cloned();
                    last_error.send_replace(error.or_else(|| self.subscription.slow_for().map(|_| slow())));
                    let Some(update) = update else { return self.fail() };
                    self.handle(&update);
                }
                permit = outbox.reserve(), if !self.commands.is_empty() => {
                    if let (Ok(permit), Some(command)) = (permit, self.commands.pop_front()) {
                        permit.send(command);
                    }
                }
                job = jobs.recv(), if takes_jobs => match job {
                    Some(job) => self.add(job),
                    None => return,
                },
                key = abandoned(&mut self.waiting) => self.commands.extend(key.map(Event::Discard)),
                () = sleep_until(self.idle_since + IDLE_TIME), if self.waiting.is_empty() => return,
            }
        }
    }

    fn add(&mut self, job: Job) {
        let Some(key) = &job.message.key else { return };
        match self.waiting.iter().find(|other| other.message.key.as_ref() == Some(key)) {
            Some(other) if other.message == job.message => {}
            Some(_) => {
                let _ = job.answer.send(Err(ErrorCode::KeyReused.into()));
                return;
            }
            None => {
                // The outbox still has the key if the entry of an earlier message has not arrived,
                // and would ignore this one.
                self.commands.push_back(Event::Discard(key.clone()));
                self.commands.push_back(Event::Publish(job.message.clone()));
            }
        }
        self.waiting.push(job);
    }

    fn handle(&mut self, update: &Update) {
        match update {
            Update::Published { key, published } => self.answer(key, &Ok(published.clone())),
            Update::Outbox => {
                let refused = self.subscription.outbox().iter().filter_map(|pending| {
                    let error = match pending.stage.clone() {
                        Stage::Sending => return None,
                        Stage::Queued => PublishError::Queued,
                        Stage::Failed { code, detail } => PublishError::Refused { code, detail },
                    };
                    Some((pending.message.key.clone()?, error))
                });
                for (key, error) in refused.collect::<Vec<_>>() {
                    self.answer(&key, &Err(error));
                    self.commands.push_back(Event::Discard(key));
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, key: &PublishKey, answer: &Answer) {
        for job in self.waiting.extract_if(.., |job| job.message.key.as_ref() == Some(key)) {
            let _ = job.answer.send(answer.clone());
        }
        self.idle_since = Instant::now();
    }

    /// Answers everything that waits, after the connection has ended for good.
    fn fail(self) {
        let ended = || Failure::new(FailureKind::Dropped, "the connection has ended");
        let failure = self.subscription.ended().cloned().unwrap_or_else(ended);
        for job in self.waiting {
            let _ = job.answer.send(Err(PublishError::Ended(failure.clone())));
        }
    }
}

/// Says why a message is not sent yet.
fn slow() -> Failure {
    Failure::new(FailureKind::Refused(ErrorCode::SlowMode), ErrorCode::SlowMode.title())
}

/// Waits until nobody waits for one of the messages any more, and removes it. Cancel-safe.
async fn abandoned(waiting: &mut Vec<Job>) -> Option<PublishKey> {
    let index = poll_fn(|context| {
        let abandoned = waiting.iter_mut().position(|job| job.answer.poll_closed(context).is_ready());
        abandoned.map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    let key = waiting.swap_remove(index).message.key;
    let is_shared = waiting.iter().any(|job| job.message.key == key);
    key.filter(|_| !is_shared)
}
