//! `crier post`: publishes a text, or standard input to its end, and prints the position of each
//! message.

mod decode;
mod split;

mod end_buffer;

mod parts;

mod in_flight;
mod input;
mod printer;

use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, Write as _};
use std::pin::pin;
use std::time::Duration;

use client::{Options, PublishError, Publisher, Stage, Subscription, Update};
use futures_util::future::BoxFuture;
use protocol::{Author, ErrorCode, PublishKey, PublishRequest};
use tokio::time::{Instant, sleep_until};

use super::board;
use super::exit_code::{ExitCode, Failure};
use super::notes::{ConnectionNotes, explain, failed, note};
use crate::config;
use in_flight::InFlight;
use input::Input;
use parts::{Mode, Part, Parts};
use printer::Printer;

/// How long the board may store nothing, unless the settings say otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Publishes the input in order, and retries while the board is away. With `--follow` it ends in
/// good order when `stop` is ready. Reads standard input to its end even after a failure, so that
/// the program which writes it is not killed.
pub async fn post(settings: config::Post, stop: impl Future<Output = ()>) -> ExitCode {
    let mut input = match settings.text.as_deref() {
        Some(text) if text != "-" => Input::Argument(Some(text.to_owned())),
        _ => Input::stdin(),
    };
    if input.is_terminal() && !settings.quiet {
        let _ = writeln!(io::stderr(), "Type the message; Ctrl-D ends it.");
    }
    match publish(&settings, &mut input, stop).await {
        Ok(()) => ExitCode::Done,
        Err(failure) => {
            let code = failed(&failure);
            input.drain().await;
            code
        }
    }
}

async fn publish(settings: &config::Post, input: &mut Input, stop: impl Future<Output = ()>) -> Result<(), Failure> {
    let mut post = Post::new(settings)?;
    let mut stop = pin!(stop);
    loop {
        post.give_next()?;
        if post.is_done() {
            return post.result();
        }
        let (wants_input, deadline) = (post.wants_input(), post.deadline());
        tokio::select! {
            update = post.updates.next() => post.handle(update)?,
            () = finished(&mut post.handover) => {}
            piece = input.next(), if wants_input => post.read(piece),
            () = reached(deadline) => post.check_time()?,
            () = &mut stop, if post.mode == Mode::Follow && !post.is_ended => post.end(),
        }
    }
}

/// A run of the subcommand.
struct Post {
    server: String,
    mode: Mode,
    quiet: bool,
    timeout: Option<Duration>,
    author: Author,
    /// The message that the next one replies to.
    reply: Option<u64>,
    /// The key that makes it safe to repeat the run.
    key: PublishKey,
    updates: Subscription,
    publisher: Publisher,
    notes: ConnectionNotes,
    printer: Printer,
    parts: Parts,
    /// Something that the client is told.
    handover: Option<BoxFuture<'static, ()>>,
    in_flight: InFlight,
    /// Messages that wait for a moderator, which the client need not remember.
    queued: VecDeque<PublishKey>,
    /// True once the person was told that messages wait for a moderator, or for a slow room.
    has_told_of_queue: bool,
    has_told_of_slowness: bool,
    /// When the board stored a message last, or could have done so first.
    progress: Instant,
    /// True if no more input is read.
    is_ended: bool,
    /// True if a message was refused: no other is published after it.
    is_refused: bool,
    /// Why the run fails once the messages in flight are answered.
    failure: Option<Failure>,
}

impl Post {
    fn new(settings: &config::Post) -> Result<Self, Failure> {
        let mode = match (settings.follow, settings.tail) {
            (true, _) => Mode::Follow,
            (false, true) => Mode::End,
            (false, false) => Mode::Whole,
        };
        let is_text = settings.text.as_deref().is_some_and(|text| text != "-");
        if mode == Mode::Follow && is_text {
            return Err(Failure::usage("--follow reads standard input. Leave out the text."));
        }
        let key = settings.key.clone().map_or_else(PublishKey::random, Ok);
        let key = key.map_err(|_| Failure::refused("the system gives no random numbers"))?;
        let board = board::connect(&settings.remote, settings.identity.as_deref())?;
        let updates = board.room_named(settings.room.clone()).subscribe_with(Options::default());
        Ok(Self {
            server: settings.remote.server.clone(),
            mode,
            quiet: settings.quiet,
            timeout: settings.timeout.map(Duration::from_secs),
            author: settings.author.clone(),
            reply: settings.reply,
            publisher: updates.publisher(),
            updates,
            notes: ConnectionNotes::new(&settings.remote.server, settings.quiet, None),
            printer: Printer::new(settings.quiet, settings.json),
            parts: Parts::new(mode, settings.lossy, key.clone()),
            key,
            handover: None,
            in_flight: InFlight::default(),
            queued: VecDeque::new(),
            has_told_of_queue: false,
            has_told_of_slowness: false,
            progress: Instant::now(),
            is_ended: false,
            is_refused: false,
            failure: None,
        })
    }

    /// Gives the next message to the client, if there is one and it may have one.
    fn give_next(&mut self) -> Result<(), Failure> {
        if self.handover.is_none()
            && let Some(key) = self.queued.pop_front()
        {
            let publisher = self.publisher.clone();
            // If the client has ended, its updates say why.
            self.handover = Some(Box::pin(async move { publisher.discard(key).await.unwrap_or_default() }));
        }
        if !self.has_space() || self.is_refused {
            return Ok(());
        }
        let next = self.parts.next(Instant::now()).map_err(|error| Failure::usage(error.to_string()))?;
        let Some(Part { text, key }) = next else { return Ok(()) };
        if self.in_flight.is_empty() {
            self.progress = Instant::now();
        }
        self.in_flight.push(key.clone());
        let (author, reply) = (self.author.clone(), self.reply.take());
        let message = PublishRequest { text, author, key: Some(key), reply, ..PublishRequest::default() };
        let publisher = self.publisher.clone();
        self.handover = Some(Box::pin(async move { publisher.publish(message).await.map_or((), drop) }));
        Ok(())
    }

    fn has_space(&self) -> bool {
        self.handover.is_none() && self.in_flight.has_space()
    }

    fn is_done(&self) -> bool {
        self.is_ended && self.handover.is_none() && self.in_flight.is_empty()
    }

    /// True if more of the input may be read. While the board is away, the program that writes it
    /// has to wait.
    fn wants_input(&self) -> bool {
        !self.is_ended && self.has_space()
    }

    fn deadline(&self) -> Option<Instant> {
        let line = self.parts.line_deadline().filter(|_| self.has_space());
        [line, self.time_limit()].into_iter().flatten().min()
    }

    /// Returns when the board must have stored a message. With `--follow` it may stay away for any
    /// time while input can come.
    fn time_limit(&self) -> Option<Instant> {
        let is_patient = self.mode == Mode::Follow && !self.is_ended;
        let timeout = self.timeout.or((!is_patient).then_some(TIMEOUT))?;
        (!self.in_flight.is_empty()).then_some(self.progress + timeout)
    }

    fn check_time(&mut self) -> Result<(), Failure> {
        if self.time_limit().is_none_or(|limit| Instant::now() < limit) {
            return Ok(());
        }
        let silent = || "the server has not answered".to_owned();
        let reason = self.updates.last_error().map_or_else(silent, |failure| explain(&self.server, failure));
        Err(self.unreachable(&format!("no answer in time: {reason}")))
    }

    fn read(&mut self, piece: Option<io::Result<Vec<u8>>>) {
        let result = match piece {
            Some(Ok(piece)) => self.parts.push(&piece, Instant::now()).map_err(|error| not_text(&error)),
            Some(Err(error)) => Err(Failure::refused(format!("can't read standard input: {error}"))),
            None => return self.end(),
        };
        if let Err(failure) = result {
            self.failure = Some(failure);
            self.end();
        }
    }

    /// Handles the end of the input.
    fn end(&mut self) {
        self.is_ended = true;
        self.progress = Instant::now();
        if let Err(error) = self.parts.end() {
            self.failure.get_or_insert_with(|| not_text(&error));
        }
    }

    fn handle(&mut self, update: Option<Update>) -> Result<(), Failure> {
        match update {
            Some(Update::Published { key, published }) => {
                self.in_flight.answered(&key, published);
                self.print_stored();
            }
            Some(Update::Outbox) => {
                self.check_queued();
                self.check_slow();
                self.check_refused();
            }
            Some(Update::Connection) => self.notes.update(&self.updates),
            Some(_) => {}
            None => {
                let unknown = || "the server said not to come back".to_owned();
                let reason = self.updates.ended().map_or_else(unknown, |failure| explain(&self.server, failure));
                return Err(self.unreachable(&reason));
            }
        }
        Ok(())
    }

    fn print_stored(&mut self) {
        for (key, answer) in self.in_flight.take_answered() {
            self.progress = Instant::now();
            self.printer.print(&key, answer.as_ref());
        }
    }

    /// Messages that wait for a moderator are safe on the server, which is a success.
    fn check_queued(&mut self) {
        let outbox = self.updates.outbox().iter().filter(|pending| pending.stage == Stage::Queued);
        for key in outbox.filter_map(|pending| pending.message.key.clone()).collect::<Vec<_>>() {
            if self.in_flight.queued(&key) {
                self.queued.push_back(key.clone());
                if !self.quiet && !std::mem::replace(&mut self.has_told_of_queue, true) {
                    note(&format!("{} Repeat this with --key {key} to see what became of it.", ErrorCode::Queued));
                }
            }
        }
        self.print_stored();
    }

    /// A slow room takes a message now and then. That is progress.
    fn check_slow(&mut self) {
        let Some(wait) = self.updates.slow_for() else { return };
        self.progress = Instant::now() + wait;
        if !self.quiet && !std::mem::replace(&mut self.has_told_of_slowness, true) {
            note(&format!("the room is slow: the next message is posted in {} s", wait.as_secs() + 1));
        }
    }

    /// If the board refused a message, no more is read or published. Those in flight are awaited,
    /// because the board may have stored them.
    fn check_refused(&mut self) {
        let refusal = |key: &PublishKey| {
            let pending = self.updates.outbox().iter().find(|pending| pending.message.key.as_ref() == Some(key))?;
            let Stage::Failed { code, detail } = pending.stage.clone() else { return None };
            Some(PublishError::Refused { code, detail }.to_string())
        };
        if let Some(refusal) = self.in_flight.take_refused(refusal) {
            self.failure.get_or_insert_with(|| Failure::refused(refusal));
            self.is_ended = true;
            self.is_refused = true;
        }
    }

    fn result(mut self) -> Result<(), Failure> {
        if let Some(Failure { code, sentence }) = self.failure.take() {
            return Err(Failure { code, sentence: self.after_posted(&sentence) });
        }
        match self.in_flight.posted().0 {
            0 if self.mode != Mode::Follow => Err(Failure::refused("The text is empty. Nothing was posted.")),
            count if count > 1 && self.mode == Mode::Whole && !self.quiet => {
                note(&format!("too long for one message: posted as {count}"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn unreachable(&self, reason: &str) -> Failure {
        let mut sentence = self.after_posted(reason.trim_end_matches('.'));
        sentence += ". What was not acknowledged may be posted or not.";
        if self.mode != Mode::Follow {
            sentence += &format!(" Repeat this with --key {}, and nothing is posted twice.", self.key);
        }
        Failure::unreachable(sentence)
    }

    /// Puts what was posted before a sentence.
    fn after_posted(&self, sentence: &str) -> String {
        match self.in_flight.posted() {
            (_, None) => sentence.to_owned(),
            (count, Some(last)) => {
                let were = if count == 1 { "message was" } else { "messages were" };
                format!("{count} {were} posted, the last one at {last}. Then: {sentence}")
            }
        }
    }
}

fn not_text(error: &parts::NotText) -> Failure {
    Failure::refused(format!("standard input {error}. To replace what is not text, use --lossy."))
}

/// Waits until the client has been told.
async fn finished(handover: &mut Option<BoxFuture<'static, ()>>) {
    let Some(future) = handover else { return pending().await };
    future.await;
    *handover = None;
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
