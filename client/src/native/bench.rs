//! A measured load on a server: many subscribers, of whom each is checked to get every message once and in order.
//!
//! The load has to be cheap, or it would measure itself: a few threads with a poll each, sockets without buffers of their
//! own, and a reader that finds each message's number without parsing what is around it. It prints nothing.

mod histogram;
mod process;

mod framing;
mod speech;
mod target;

mod connection;
mod meter;
mod report;
mod scene;
mod subscriber;
mod worker;

mod crowd;
mod durable;
mod fan_out;
mod pages;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::RoomName;

use crate::Transport;
pub use report::{Connects, Latency, Memory, Phase, Report};
pub use target::Peer;

/// What one read takes at the most, in bytes. It stays in a processor's own memory.
const BUFFER_BYTES: usize = 64 * 1024;
/// How many sockets one poll tells of.
const EVENTS_MAX: usize = 1024;
/// How often is told how far a run is.
const TELL_INTERVAL: Duration = Duration::from_millis(250);

/// Why a run is worth nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
struct Trouble {
    text: String,
    /// Whether the server ended a connection.
    is_end: bool,
}

impl Trouble {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_end: false }
    }

    fn end(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_end: true }
    }
}

/// What is to be measured, and where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's address, as for [`crate::native::Client::connect`]; of a peer that is not Crier, its socket's.
    pub server: String,
    /// What it speaks.
    pub peer: Peer,
    /// How subscribers read.
    pub transport: Transport,
    /// The server's process, if it is on this machine, whose use of processor and memory is measured.
    pub pid: Option<u32>,
    /// How many threads hold the subscribers; at least 1.
    pub threads: usize,
    /// What is done.
    pub scenario: Scenario,
}

/// What is done.
#[derive(Clone, Debug)]
pub enum Scenario {
    /// Messages to everybody.
    FanOut(FanOut),
    /// Connections that nobody writes to.
    Idle {
        /// How many.
        connections: usize,
        /// For how long.
        time: Duration,
    },
    /// Connections that all come at once.
    Connect {
        /// How many.
        connections: usize,
        /// How often, each time when those before are gone.
        rounds: u64,
    },
    /// Messages to everybody, while some do not read.
    Slow(Slow),
    /// Messages to nobody else, until they are durable.
    Publish(Publish),
    /// The page of a room.
    Pages(Pages),
}

/// Messages to everybody.
#[derive(Clone, Debug)]
pub struct FanOut {
    /// How many get them; the one who publishes them is one of these. At least 1.
    pub subscribers: usize,
    /// How many messages are sent at a time, for each phase.
    pub batches: Vec<usize>,
    /// Bytes of each message's text.
    pub bytes: usize,
    /// Messages a second; without it the next are sent when all have the ones before.
    pub rate: Option<f64>,
    /// How long each phase takes.
    pub time: Duration,
    /// How many batches are sent in each, however long it takes.
    pub rounds: Option<u64>,
}

/// Messages to everybody, while some do not read.
#[derive(Clone, Debug)]
pub struct Slow {
    /// The messages.
    pub fan_out: FanOut,
    /// Which share of the subscribers does not read, of 1.
    pub share: f64,
}

/// Messages that are to be durable.
#[derive(Clone, Debug)]
pub struct Publish {
    /// How many publish, each to a room of its own.
    pub connections: usize,
    /// How many messages each has unanswered.
    pub in_flight: usize,
    /// Bytes of each message's text.
    pub bytes: usize,
    /// For how long.
    pub time: Duration,
}

/// The page of a room, as the server renders it.
#[derive(Clone, Debug)]
pub struct Pages {
    /// How many ask for it at a time. At least 1.
    pub connections: usize,
    /// How many messages are on it, at most as many as a page shows.
    pub messages: usize,
    /// For how long.
    pub time: Duration,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage<'a> {
    /// So many of so many.
    Counting {
        /// Of what.
        what: &'a str,
        /// How many there are.
        done: u64,
        /// How many there will be.
        of: u64,
    },
    /// It waits until the server has nothing more to say.
    Waiting,
    /// Everybody is connected, and nothing was measured yet. The run goes on when whoever is told returns.
    Gathered,
    /// All is measured, and everybody still connected.
    Measured,
}

/// Does what is planned, which takes its time: not to be called where that matters. Setting `stop` ends it with what was
/// measured until then. Whatever happens, the report says how far it came.
pub fn run(plan: &Plan, stop: &Arc<AtomicBool>, watch: &mut dyn FnMut(Stage<'_>)) -> Report {
    let scenario = plan.scenario.word();
    let report = Report { scenario, peer: plan.peer.word(), transport: plan.transport.word(), ..Report::default() };
    let mut run = Run { stop: stop.clone(), watch, told: None, report };
    let result = match &plan.scenario {
        Scenario::FanOut(wanted) => fan_out::fan_out(plan, wanted, &mut run),
        Scenario::Idle { connections, time } => fan_out::idle(plan, *connections, *time, &mut run),
        Scenario::Connect { connections, rounds } => fan_out::connect(plan, *connections, *rounds, &mut run),
        Scenario::Slow(wanted) => fan_out::slow(plan, wanted, &mut run),
        Scenario::Publish(wanted) => durable::publish(plan, wanted, &mut run),
        Scenario::Pages(wanted) => pages::pages(plan, wanted, &mut run),
    };
    let mut report = run.report;
    report.interrupted = stop.load(Ordering::Relaxed);
    report.trouble = result.err().map(|trouble| trouble.to_string());
    report.verified = report.trouble.is_none() && !report.interrupted;
    report
}

impl Scenario {
    fn word(&self) -> &'static str {
        match self {
            Self::FanOut(_) => "fan-out",
            Self::Idle { .. } => "idle",
            Self::Connect { .. } => "connect",
            Self::Slow(_) => "slow",
            Self::Publish(_) => "publish",
            Self::Pages(_) => "pages",
        }
    }
}

/// What belongs to one run: who watches it, who stops it, what came of it.
struct Run<'a> {
    stop: Arc<AtomicBool>,
    watch: &'a mut dyn FnMut(Stage<'_>),
    told: Option<Instant>,
    report: Report,
}

impl Run<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Tells how far it is; counts only now and then.
    fn tell(&mut self, stage: Stage<'_>) {
        if let Stage::Counting { .. } = stage {
            if self.told.is_some_and(|told| told.elapsed() < TELL_INTERVAL) {
                return;
            }
            self.told = Some(Instant::now());
        }
        (self.watch)(stage);
    }
}

/// A room that nobody else is in.
fn room() -> Result<RoomName, Trouble> {
    let random = getrandom::u64().map_err(|error| Trouble::new(error.to_string()))?;
    format!("bench-{random:016x}").parse().map_err(|_| Trouble::new("no room has that name"))
}
