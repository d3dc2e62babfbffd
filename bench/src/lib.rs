//! The load generator of `crier bench`: many subscribers, each of which checks that it receives
//! every message once and in order.
//!
//! It must be cheap, or it would measure itself. So a few threads poll all sockets, sockets have no
//! buffers of their own, and a subscriber finds a message's number without parsing the JSON around
//! it. It prints nothing.

#![forbid(unsafe_code)]

mod failure;
mod histogram;
mod process;

mod framing;
mod target;
mod wire_format;

mod report;
mod stopwatch;

mod connection;
mod shared;
mod subscriber;
mod worker;

mod cast;
mod clients;
mod fan_out;
mod pages;
mod publish;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::RoomName;

use failure::Failure;
use process::Process;
pub use report::{CastPhase, Connects, Latency, Memory, Phase, Report};
pub use target::{Peer, Transport};

/// Bytes per read. They fit into a processor's second-level cache.
const BUFFER_BYTES: usize = 64 * 1024;
/// Events per poll.
const EVENTS_MAX: usize = 1024;
/// Bytes of a refusal's body that a failure quotes.
const REFUSAL_BYTES_MAX: usize = 300;
/// How long an expected answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a wait checks whether the run was stopped.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Minimum time between two reports of a count.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// What to measure, and where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's URL, such as `http://localhost:5000`. For peers other than Crier, the URL of
    /// their WebSocket.
    pub server: String,
    /// The server's protocol.
    pub peer: Peer,
    /// The transport of the subscribers.
    pub transport: Transport,
    /// The server's process on this machine, whose CPU time and memory are measured.
    pub pid: Option<u32>,
    /// Threads that hold the subscribers. At least 1.
    pub threads: usize,
    /// The load.
    pub scenario: Scenario,
}

/// A load.
#[derive(Clone, Debug)]
pub enum Scenario {
    /// Messages to all subscribers.
    FanOut(FanOut),
    /// Idle connections.
    Idle {
        /// How many.
        connections: usize,
        /// How long they stay idle.
        time: Duration,
    },
    /// Connections that are all opened at once.
    Connect {
        /// Connections per round.
        connections: usize,
        /// Rounds. Each one closes its connections before the next one.
        rounds: u64,
    },
    /// Messages to all subscribers, some of which stop reading.
    Slow(Slow),
    /// Durable publishes without subscribers.
    Publish(Publish),
    /// Server-rendered pages.
    Pages(Pages),
    /// A screen that is shown to many viewers.
    Cast(Cast),
}

/// Messages to all subscribers.
#[derive(Clone, Debug)]
pub struct FanOut {
    /// Subscribers, including the publisher. At least 1.
    pub subscribers: usize,
    /// Messages sent at a time, for each phase.
    pub batches: Vec<usize>,
    /// Bytes of each message's text.
    pub bytes: usize,
    /// Messages per second. `None` sends the next batch when every subscriber has the last one.
    pub rate: Option<f64>,
    /// Duration of each phase.
    pub time: Duration,
    /// Batches per phase; replaces `time`.
    pub rounds: Option<u64>,
}

/// Messages to all subscribers, some of which stop reading.
#[derive(Clone, Debug)]
pub struct Slow {
    /// The messages.
    pub fan_out: FanOut,
    /// Share of the subscribers that stop reading, from 0 to 1.
    pub share: f64,
}

/// Durable publishes.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Connections. Each publishes to a room of its own.
    pub connections: usize,
    /// Unanswered messages per connection.
    pub in_flight: usize,
    /// Bytes of each message's text.
    pub bytes: usize,
    /// Duration.
    pub time: Duration,
}

/// Server-rendered pages of a room.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Connections, each with one request at a time. At least 1.
    pub connections: usize,
    /// Messages on the page.
    pub messages: usize,
    /// Duration.
    pub time: Duration,
}

/// A screen that is shown to many viewers.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Viewers. At least 1.
    pub viewers: usize,
    /// Bits per second of the video.
    pub bits_per_second: u64,
    /// Share of the viewers that are slow in the second part, from 0 to 1.
    pub slow_share: f64,
    /// Duration of each part.
    pub time: Duration,
}

/// The progress of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A count.
    Counting {
        /// What is counted.
        what: &'a str,
        /// How many there are.
        done: u64,
        /// How many are expected.
        of: u64,
    },
    /// Waits until the server is quiet.
    Settling,
    /// All clients are connected and nothing has been measured. The run continues when the callback
    /// returns.
    Connected,
    /// Everything has been measured and all clients are still connected.
    Measured,
}

/// Runs a plan. Blocks the thread.
///
/// Setting `stop` ends the run early. The report always holds what was measured until then.
pub fn run(plan: &Plan, stop: &Arc<AtomicBool>, on_progress: &mut dyn FnMut(Progress<'_>)) -> Report {
    let scenario = plan.scenario.word();
    let report = Report { scenario, peer: plan.peer.word(), transport: plan.transport.word(), ..Report::default() };
    let mut run = Run { stop: stop.clone(), on_progress, counted: None, report };
    let result = match &plan.scenario {
        Scenario::FanOut(settings) => fan_out::fan_out(plan, settings, &mut run),
        Scenario::Idle { connections, time } => fan_out::idle(plan, *connections, *time, &mut run),
        Scenario::Connect { connections, rounds } => fan_out::connect(plan, *connections, *rounds, &mut run),
        Scenario::Slow(settings) => fan_out::slow(plan, settings, &mut run),
        Scenario::Publish(settings) => publish::publish(plan, settings, &mut run),
        Scenario::Pages(settings) => pages::pages(plan, settings, &mut run),
        Scenario::Cast(settings) => cast::cast(plan, settings, &mut run),
    };
    let mut report = run.report;
    report.interrupted = stop.load(Ordering::Relaxed);
    report.failure = result.err().map(|failure| failure.to_string());
    report.verified = report.failure.is_none() && !report.interrupted;
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
            Self::Cast(_) => "cast",
        }
    }
}

/// The state of one run.
struct Run<'a> {
    stop: Arc<AtomicBool>,
    on_progress: &'a mut dyn FnMut(Progress<'_>),
    /// When a count was last reported.
    counted: Option<Instant>,
    report: Report,
}

impl Run<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Reports progress. Counts are reported at most once per [`PROGRESS_INTERVAL`].
    fn tell(&mut self, progress: Progress<'_>) {
        if let Progress::Counting { .. } = progress {
            if self.counted.is_some_and(|counted| counted.elapsed() < PROGRESS_INTERVAL) {
                return;
            }
            self.counted = Some(Instant::now());
        }
        (self.on_progress)(progress);
    }
}

/// Returns a room that nobody else uses.
fn room() -> Result<RoomName, Failure> {
    let random = getrandom::u64().map_err(|error| Failure::of(&error))?;
    format!("bench-{random:016x}").parse().map_err(|_| Failure::new("the room's name is invalid"))
}
