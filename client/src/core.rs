//! The connection to a room as a state machine: when and how to connect, what to send, what
//! arrived.
//!
//! [`Core::handle`] takes an [`Event`] and the time, and returns [`Action`]s. The core has no I/O,
//! no timer and no storage. Time is the `now` of each call: milliseconds on any clock that only
//! moves forward. Random numbers come from the seed in [`Options`], so a run can be repeated
//! exactly.

mod trust;

mod channel;
mod event;
mod transport_selection;

mod publish;

mod connect;
mod doubt;
mod receive;
mod upgrade;

#[cfg(test)]
mod tests;

use fastrand::Rng;
use protocol::{Limits, Position, Published};

use crate::backoff::Backoff;
use crate::{Outbox, Transport};
use channel::Channel;
use transport_selection::TransportSelection;
use upgrade::UpgradeSchedule;

pub use event::{ABNORMAL_CLOSURE, Action, ConnectionState, Event, Options, Update};

/// A client of one room.
///
/// The owner calls [`Core::handle`] for everything that happens, carries out the actions in order,
/// and sends [`Event::Tick`] at [`Core::deadline`].
///
/// # Guarantees
/// - Entries come in order, each once, across reconnects and changes of transport. Where entries
///   are missing, an [`Update::Gap`] says so.
/// - A message or change stays in [`Core::outbox`] until the server has stored it and its entry has
///   arrived, or until the server refuses it. They are published in order, each once. Only one that
///   waits for a moderator, or for its turn in a slow room, may be overtaken.
/// - Attempts to connect are at least a second apart, whatever events come.
///
/// # Example
/// This program has no runtime: one thread with blocking sockets publishes a message and waits for
/// its entry. A real one would use all transports, and handle other events while a request waits.
///
/// ```
/// use std::collections::VecDeque;
/// use std::io::{self, Read, Write};
/// use std::net::TcpStream;
/// use std::thread;
/// use std::time::{Duration, Instant};
///
/// use client::{Action, Author, Core, Event, Options, Problem, PublishRequest, Text};
/// use client::{Transport, Update};
/// use serde::de::DeserializeOwned;
///
/// /// Sends a request and returns the answer.
/// fn send(host: &str, line: &str, json: &str) -> io::Result<String> {
///     let mut stream = TcpStream::connect(host)?;
///     write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n")?;
///     write!(stream, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", json.len())?;
///     stream.write_all(json.as_bytes())?;
///     let mut answer = String::new();
///     stream.read_to_string(&mut answer)?;
///     Ok(answer)
/// }
///
/// /// Reads an answer: a value, or the server's error.
/// fn read<T: DeserializeOwned>(answer: io::Result<String>) -> Result<T, Option<Problem>> {
///     let answer = answer.map_err(|_| None)?;
///     let (head, body) = answer.split_once("\r\n\r\n").ok_or(None)?;
///     if !head.starts_with("HTTP/1.1 200 ") {
///         return Err(Problem::read(body));
///     }
///     serde_json::from_str(body).map_err(|_| None)
/// }
///
/// fn publish_and_wait(host: &str) -> Result<(), Box<dyn std::error::Error>> {
///     // Draw the seed at random: two clients must not share one.
///     let only = Some(Transport::Poll);
///     let mut core = Core::new(Options { only, seed: 7, ..Options::default() });
///     let (text, author) = (Text::parse("hello")?, Author::default());
///     let message = PublishRequest { text, author, key: None, ..Default::default() };
///     let mut events = VecDeque::from([Event::Start, Event::Publish(message)]);
///     let start = Instant::now();
///     let messages = "/api/rooms/lobby/messages";
///     loop {
///         // Without another event, the next one is a tick when the core wants it.
///         let now = start.elapsed().as_millis() as u64;
///         let wait = core.deadline().unwrap_or_default().saturating_sub(now);
///         let event = events.pop_front().unwrap_or_else(|| {
///             thread::sleep(Duration::from_millis(wait));
///             Event::Tick
///         });
///         for action in core.handle(event, start.elapsed().as_millis() as u64) {
///             match action {
///                 Action::Fetch { channel, after, .. } => {
///                     let newest = || "limit=1".to_owned();
///                     let query = after.map_or_else(newest, |after| format!("after={after}"));
///                     let result = read(send(host, &format!("GET {messages}?{query}"), ""));
///                     events.push_back(Event::Page { channel, result });
///                 }
///                 Action::Post { r#ref, json } => {
///                     let result = read(send(host, &format!("POST {messages}"), &json));
///                     events.push_back(Event::Posted { r#ref, result });
///                 }
///                 Action::Update(Update::Entry(entry)) => {
///                     assert_eq!(entry.text.as_str(), "hello");
///                     return Ok(());
///                 }
///                 Action::Update(update) => println!("{update:?}"),
///                 // The other transports would open streams here, send frames on them, and close
///                 // them. `Event::lost` reports that a stream has ended.
///                 Action::Open { channel, .. } => events.push_back(Event::lost(channel)),
///                 Action::Send { .. } | Action::Close { .. } => {}
///             }
///         }
///     }
/// }
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # let server = runtime.block_on(async { server::TemporaryServer::start() })?;
/// # publish_and_wait(server.url().trim_start_matches("http://"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Core {
    /// The channel in use.
    current: Option<Channel>,
    /// A better channel on trial beside `current`. There is one only while `current` is proven.
    candidate: Option<Channel>,
    /// What the core waits for while it has no channel.
    idle: Idle,
    selection: TransportSelection,
    upgrade: UpgradeSchedule,
    /// The position after the last entry that was passed on, or where the first session started.
    cursor: Option<Position>,
    /// The offset of the room's newest entry when the server last named it.
    latest: u64,
    outbox: Outbox,
    limits: Limits,
    online: usize,
    version: String,
    /// True if the system reports that there is no network.
    offline: bool,
    backoff: Backoff,
    rng: Rng,
    /// The number of the channel that was opened last.
    last_channel: u32,
    /// The number of the publish that was sent last.
    last_ref: u64,
    /// The actions of the current call so far.
    actions: Vec<Action>,
}

/// Times are in milliseconds on the owner's clock.
#[derive(Clone, Copy, Debug)]
enum Idle {
    Stopped { code: Option<u16> },
    Waiting { until: u64 },
    Offline { until: u64 },
}

impl Core {
    /// Creates a client that does nothing until [`Event::Start`].
    pub fn new(options: Options) -> Self {
        let mut rng = Rng::with_seed(options.seed);
        Self {
            current: None,
            candidate: None,
            idle: Idle::Stopped { code: None },
            selection: TransportSelection::new(options.only, options.last_proven),
            upgrade: UpgradeSchedule::default(),
            cursor: options.after,
            latest: 0,
            outbox: Outbox::new(options.outbox, &mut rng),
            limits: Limits::default(),
            online: 0,
            version: String::new(),
            offline: false,
            backoff: Backoff::default(),
            rng,
            last_channel: 0,
            last_ref: 0,
            actions: Vec::new(),
        }
    }

    /// Handles an event at the time `now`, in milliseconds. Returns what to do, in order.
    pub fn handle(&mut self, event: Event, now: u64) -> Vec<Action> {
        let connection = self.connection();
        match event {
            Event::Start => self.connect_soon(now),
            Event::Opened { channel } => self.ping(channel, now),
            Event::Received { channel, frame } => self.received(channel, frame, now),
            Event::Comment { channel } => self.comment(channel, now),
            Event::Closed { channel, code, reason } => self.closed(channel, code, &reason, now),
            Event::Page { channel, result } => self.page(channel, result, now),
            Event::Posted { r#ref, result } => self.posted(r#ref, result, now),
            Event::NotLeader { channel } => self.not_leader(channel, now),
            Event::BecameLeader => self.became_leader(now),
            Event::Woken => self.woken(now),
            Event::Tick => self.tick(now),
            Event::Publish(message) => self.outbox.push(message, &mut self.rng),
            Event::Retry(key) => self.outbox.retry(&key),
            Event::Discard(key) => self.outbox.discard(&key),
            Event::RetryNow => self.retry_now(now),
            Event::Offline => self.lost_network(now),
        }
        // The owner stores a message before it is sent.
        self.report_outbox();
        self.send_messages(now);
        self.report_outbox();
        if self.connection() != connection {
            self.actions.insert(0, Action::Update(Update::Connection));
        }
        std::mem::take(&mut self.actions)
    }

    /// Returns when [`Event::Tick`] is due, in milliseconds. An earlier tick has no effect.
    pub fn deadline(&self) -> Option<u64> {
        let Some(current) = &self.current else {
            return match self.idle {
                Idle::Stopped { .. } => None,
                Idle::Waiting { until } | Idle::Offline { until } => Some(until),
            };
        };
        let outbox = current.epoch.and_then(|_| self.outbox.deadline(self.window()));
        let candidate = self.candidate.as_ref().map(Channel::deadline);
        let doubt = self.doubt_deadline();
        [Some(current.deadline()), candidate, self.trial_end(), self.upgrade_at(), outbox, self.own_entry_deadline(), doubt]
            .into_iter()
            .flatten()
            .min()
    }

    /// Returns the state of the connection.
    pub fn connection(&self) -> ConnectionState {
        match (&self.current, self.idle) {
            (Some(Channel { proven: None, .. }), _) => ConnectionState::Connecting,
            (Some(channel), _) if self.offline || channel.trust.is_doubted() => ConnectionState::Doubtful,
            (Some(channel), _) => {
                let follower = self.selection.follower && channel.transport == Transport::Poll;
                ConnectionState::Live { transport: channel.transport, follower }
            }
            (None, Idle::Stopped { code }) => ConnectionState::Stopped { code },
            (None, Idle::Waiting { until }) => ConnectionState::Waiting { until },
            (None, Idle::Offline { .. }) => ConnectionState::Offline,
        }
    }

    /// Returns the messages that are being published.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Returns the server's version; empty before the first hello.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns how many sessions the room had when the server last said so; 0 before that.
    pub fn online(&self) -> usize {
        self.online
    }

    /// Returns the position after the last entry that was passed on. `None` until the first hello
    /// or page, if [`Options::after`] was `None`.
    pub fn position(&self) -> Option<Position> {
        self.cursor
    }

    /// True while entries are still to come that the room had when the client connected.
    pub fn is_behind(&self) -> bool {
        self.cursor.is_none_or(|cursor| cursor.offset < self.latest)
    }

    /// Returns what the server accepts; before the first hello, what servers accept by default.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    fn report(&mut self, update: Update) {
        self.actions.push(Action::Update(update));
    }

    fn report_outbox(&mut self) {
        for (key, position) in self.outbox.take_unreported() {
            let published = Published { position, duplicate: false, reached: self.online };
            self.report(Update::Published { key, published });
        }
        if self.outbox.take_changed() {
            self.report(Update::Outbox);
        }
    }

    fn channel(&mut self, id: u32) -> Option<&mut Channel> {
        [&mut self.current, &mut self.candidate].into_iter().flatten().find(|channel| channel.id == id)
    }

    fn is_current(&self, id: u32) -> bool {
        self.current.as_ref().is_some_and(|current| current.id == id)
    }

    fn is_live(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.proven.is_some())
    }
}
