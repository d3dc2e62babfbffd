//! The settings of `crier bench`.

use std::path::PathBuf;
use std::time::Duration;

use bench::{Cast, FanOut, Pages, Peer, Publish, Scenario, Slow, Transport};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use protocol::limits::{PAGE_ENTRIES_DEFAULT, PUBLISHES_IN_FLIGHT_MAX, TEXT_BYTES_MAX};

/// The default rate of `slow`.
const SLOW_RATE_DEFAULT: f64 = 1000.0;

/// Settings of `crier bench`.
#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// The measurement.
    #[command(subcommand)]
    pub measurement: Measurement,
}

/// A measurement. Without `--server`, a new server is started in a temporary folder.
#[derive(Clone, Debug, Subcommand)]
pub enum Measurement {
    /// Deliver messages to many subscribers.
    FanOut {
        /// The messages.
        #[command(flatten)]
        messages: Messages,
        /// The subscribers.
        #[command(flatten)]
        subscribers: Subscribers,
        /// The server.
        #[command(flatten)]
        target: Target,
    },
    /// Keep idle connections open: the memory per connection.
    Idle {
        /// Number of connections.
        #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = at_least_one)]
        connections: usize,
        /// Seconds to keep them open.
        #[arg(long, default_value = "5", value_name = "SECONDS", value_parser = seconds)]
        seconds: Duration,
        /// The transport.
        #[command(flatten)]
        subscribers: Subscribers,
        /// The server.
        #[command(flatten)]
        target: Target,
    },
    /// Open connections all at once, as after a restart.
    Connect {
        /// Number of connections.
        #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one)]
        connections: usize,
        /// Number of rounds. Each one closes its connections before the next.
        #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
        rounds: u64,
        /// The transport.
        #[command(flatten)]
        subscribers: Subscribers,
        /// The server.
        #[command(flatten)]
        target: Target,
    },
    /// Deliver messages while some subscribers stop reading: the effect on the others.
    Slow {
        /// Percent of the subscribers that stop reading.
        #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = percent)]
        percent: f64,
        /// The messages.
        #[command(flatten)]
        messages: Messages,
        /// The subscribers.
        #[command(flatten)]
        subscribers: Subscribers,
        /// The server.
        #[command(flatten)]
        target: Target,
    },
    /// Publish durably: acknowledged messages per second.
    Publish {
        /// Number of connections; each publishes to a room of its own.
        #[arg(long, default_value_t = 64, value_name = "N", value_parser = at_least_one)]
        connections: usize,
        /// Unanswered messages per connection.
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = in_flight)]
        in_flight: usize,
        /// Bytes per message text.
        #[arg(long, default_value_t = 128, value_name = "BYTES", value_parser = text_bytes)]
        bytes: usize,
        /// Seconds to publish.
        #[arg(long, default_value = "3", value_name = "SECONDS", value_parser = seconds)]
        seconds: Duration,
        /// The server.
        #[command(flatten)]
        target: Target,
    },
    /// Show a screen to many viewers, some of them slow, while the room chats; then send the same
    /// bytes by a plain loop.
    Cast {
        /// The screen.
        #[command(flatten)]
        cast: CastLoad,
        /// The server.
        #[command(flatten)]
        target: Target,
    },
    /// Request the page of a room: rendered pages per second.
    Pages {
        /// Number of connections; each requests one page at a time.
        #[arg(long, default_value_t = 16, value_name = "N", value_parser = at_least_one)]
        connections: usize,
        /// Messages on the page.
        #[arg(long, default_value_t = PAGE_ENTRIES_DEFAULT, value_name = "N", value_parser = page_messages)]
        messages: usize,
        /// Seconds to request pages.
        #[arg(long, default_value = "3", value_name = "SECONDS", value_parser = seconds)]
        seconds: Duration,
        /// The server.
        #[command(flatten)]
        target: Target,
    },
}

/// A screen that is shown.
#[derive(Clone, Debug, Args)]
pub struct CastLoad {
    /// Number of viewers.
    #[arg(long, default_value_t = 300, value_name = "N", value_parser = at_least_one)]
    pub viewers: usize,
    /// Kilobits per second of the video.
    #[arg(long, default_value_t = 1500, value_name = "N", value_parser = clap::value_parser!(u64).range(100..=100_000))]
    pub kilobits: u64,
    /// Percent of the viewers that read 200 kb/s in the second part.
    #[arg(long, default_value_t = 5.0, value_name = "N", value_parser = percent)]
    pub percent: f64,
    /// Seconds of each part.
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Duration,
}

/// Messages to many subscribers.
#[derive(Clone, Debug, Args)]
pub struct Messages {
    /// Number of subscribers. One of them also publishes, over a WebSocket.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one)]
    pub subscribers: usize,
    /// Messages sent at a time. A list, such as 1,32, is measured one by one.
    #[arg(long, default_value = "1", value_delimiter = ',', value_name = "N", value_parser = batch)]
    pub batch: Vec<usize>,
    /// Bytes per message text.
    #[arg(long, default_value_t = 128, value_name = "BYTES", value_parser = text_bytes)]
    pub bytes: usize,
    /// Messages per second. By default the next are sent when all subscribers have the last ones;
    /// `slow` uses 1000.
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rate: Option<f64>,
    /// Seconds per measurement.
    #[arg(long, default_value = "3", value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Duration,
    /// Number of sends per measurement, instead of --seconds.
    #[arg(long, value_name = "N", conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: Option<u64>,
}

/// The subscribers.
#[derive(Clone, Debug, Args)]
pub struct Subscribers {
    /// Transport of the subscribers.
    #[arg(long, default_value = "ws", value_parser = PossibleValuesParser::new(Transport::WORDS).try_map(|word| Transport::of_word(&word).ok_or("unknown")))]
    pub transport: Transport,
    /// Protocol of the server, to compare Crier with others.
    #[arg(long, default_value = "crier", requires_if("raw", "server"), requires_if("socket.io", "server"), requires_if("nats", "server"),
        value_parser = PossibleValuesParser::new(Peer::WORDS).try_map(|word| Peer::of_word(&word).ok_or("unknown")))]
    pub peer: Peer,
}

/// The server that is measured.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// URL of a running server, such as http://127.0.0.1:5000. Its limits per address apply. Never
    /// use a server that others use.
    #[arg(long, visible_alias = "url", value_name = "URL")]
    pub server: Option<String>,
    /// Process id of that server on this machine, to measure its CPU time and memory.
    #[arg(long, value_name = "PID", requires = "server")]
    pub pid: Option<u32>,
    /// Processor of the started server. The load generator uses the others.
    #[arg(long, default_value_t = 0, value_name = "N", conflicts_with = "server")]
    pub server_core: usize,
    /// Let the server and the load generator run on any processor.
    #[arg(long)]
    pub unpinned: bool,
    /// Existing folder for the data of the started server, which is removed afterwards. Choose the
    /// disk that you will use. By default the system's temporary folder.
    #[arg(long, value_name = "FOLDER", conflicts_with = "server")]
    pub data: Option<PathBuf>,
    /// Threads that hold the subscribers. By default one per processor that the server does not
    /// use.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: Option<u16>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Wait for Enter when all clients are connected, and again after the measurement, for a
    /// profiler. `publish` does not read in between: for a pause of more than half a minute, set a
    /// longer `--heartbeat`.
    #[arg(long)]
    pub pause: bool,
    /// Settings of `crier serve` for the started server.
    #[arg(last = true, value_name = "SERVE SETTINGS", conflicts_with = "server")]
    pub serve: Vec<String>,
}

impl Measurement {
    /// Returns the server.
    pub fn target(&self) -> &Target {
        match self {
            Self::FanOut { target, .. }
            | Self::Idle { target, .. }
            | Self::Connect { target, .. }
            | Self::Slow { target, .. }
            | Self::Publish { target, .. }
            | Self::Pages { target, .. }
            | Self::Cast { target, .. } => target,
        }
    }

    /// Returns the protocol of the server and the transport of the subscribers.
    pub fn protocol(&self) -> (Peer, Transport) {
        match self {
            Self::FanOut { subscribers, .. }
            | Self::Idle { subscribers, .. }
            | Self::Connect { subscribers, .. }
            | Self::Slow { subscribers, .. } => (subscribers.peer, subscribers.transport),
            Self::Publish { .. } | Self::Pages { .. } | Self::Cast { .. } => (Peer::Crier, Transport::WebSocket),
        }
    }

    /// Returns the number of concurrent connections.
    pub fn connections(&self) -> usize {
        match self {
            Self::FanOut { messages, .. } | Self::Slow { messages, .. } => messages.subscribers,
            Self::Idle { connections, .. }
            | Self::Connect { connections, .. }
            | Self::Publish { connections, .. }
            | Self::Pages { connections, .. } => *connections,
            // The presenter and the chat are few.
            Self::Cast { cast, .. } => cast.viewers,
        }
    }

    /// Returns the load.
    pub fn scenario(&self) -> Scenario {
        match self {
            Self::FanOut { messages, .. } => Scenario::FanOut(messages.fan_out()),
            Self::Idle { connections, seconds, .. } => Scenario::Idle { connections: *connections, time: *seconds },
            Self::Connect { connections, rounds, .. } => Scenario::Connect { connections: *connections, rounds: *rounds },
            Self::Slow { percent, messages, .. } => {
                // Without a rate, each send would wait for the subscribers that do not read.
                let rate = messages.rate.or(Some(SLOW_RATE_DEFAULT));
                Scenario::Slow(Slow { fan_out: FanOut { rate, ..messages.fan_out() }, share: percent / 100.0 })
            }
            Self::Publish { connections, in_flight, bytes, seconds, .. } => {
                Scenario::Publish(Publish { connections: *connections, in_flight: *in_flight, bytes: *bytes, time: *seconds })
            }
            Self::Pages { connections, messages, seconds, .. } => {
                Scenario::Pages(Pages { connections: *connections, messages: *messages, time: *seconds })
            }
            Self::Cast { cast: CastLoad { viewers, kilobits, percent, seconds }, .. } => {
                let (bits_per_second, slow_share) = (kilobits * 1000, percent / 100.0);
                Scenario::Cast(Cast { viewers: *viewers, bits_per_second, slow_share, time: *seconds })
            }
        }
    }
}

impl Messages {
    fn fan_out(&self) -> FanOut {
        let Self { subscribers, batch, bytes, rate, seconds, rounds } = self.clone();
        FanOut { subscribers, batches: batch, bytes, rate, time: seconds, rounds }
    }
}

fn within(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "not a whole number".to_owned())?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(format!("not from {least} to {most}")) }
}

fn number(text: &str, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number > 0.0 && number <= most { Ok(number) } else { Err(format!("not more than 0 and at most {most}")) }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    within(text, 1, 1_000_000)
}

fn batch(text: &str) -> Result<usize, String> {
    within(text, 1, 10_000)
}

fn in_flight(text: &str) -> Result<usize, String> {
    within(text, 1, PUBLISHES_IN_FLIGHT_MAX)
}

fn page_messages(text: &str) -> Result<usize, String> {
    within(text, 1, PAGE_ENTRIES_DEFAULT)
}

/// The minimum leaves room for the message's number.
fn text_bytes(text: &str) -> Result<usize, String> {
    within(text, 16, TEXT_BYTES_MAX)
}

fn seconds(text: &str) -> Result<Duration, String> {
    number(text, 86_400.0).map(Duration::from_secs_f64)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 1e6)
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, 90.0)
}
