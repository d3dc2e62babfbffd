//! The settings of `crier bench`.

use std::path::PathBuf;
use std::time::Duration;

use bench::{FanOut, Pages, Peer, Publish, Scenario, Slow, Transport};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use protocol::limits::{PAGE_ENTRIES_DEFAULT, PUBLISHES_IN_FLIGHT_MAX, TEXT_BYTES_MAX};

/// Messages a second among slow readers, unless said otherwise.
const SLOW_RATE_DEFAULT: f64 = 1000.0;

/// Settings of `crier bench`.
#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// What to measure.
    #[command(subcommand)]
    pub what: Measurement,
}

/// What can be measured. Unless one is named, a server of its own is started in a temporary folder and measured.
#[derive(Clone, Debug, Subcommand)]
pub enum Measurement {
    /// Messages to many subscribers.
    FanOut {
        /// The messages.
        #[command(flatten)]
        messages: Messages,
        /// Who gets them.
        #[command(flatten)]
        readers: Readers,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Connections that nobody writes to: what they cost in memory.
    Idle {
        /// How many connections.
        #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = at_least_one)]
        connections: usize,
        /// Seconds to watch them.
        #[arg(long, default_value = "5", value_name = "SECONDS", value_parser = seconds)]
        seconds: Duration,
        /// Over which transport.
        #[command(flatten)]
        readers: Readers,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Connections that all come at once, as after a restart.
    Connect {
        /// How many connections.
        #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one)]
        connections: usize,
        /// How often, each time when those before are gone.
        #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
        rounds: u64,
        /// Over which transport.
        #[command(flatten)]
        readers: Readers,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Messages to many subscribers, of whom some stop reading: what that does to the others.
    Slow {
        /// How many of a hundred subscribers stop reading.
        #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = percent)]
        percent: f64,
        /// The messages.
        #[command(flatten)]
        messages: Messages,
        /// Who gets them.
        #[command(flatten)]
        readers: Readers,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Messages until they are on disk: how many are acknowledged.
    Publish {
        /// How many connections publish, each to a room of its own.
        #[arg(long, default_value_t = 64, value_name = "N", value_parser = at_least_one)]
        connections: usize,
        /// How many messages each has unanswered.
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = in_flight)]
        in_flight: usize,
        /// Bytes of each text.
        #[arg(long, default_value_t = 128, value_name = "BYTES", value_parser = text_bytes)]
        bytes: usize,
        /// Seconds to publish.
        #[arg(long, default_value = "3", value_name = "SECONDS", value_parser = seconds)]
        seconds: Duration,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// The page of a room, rendered by the server: how many a second.
    Pages {
        /// How many ask for it at a time, over connections that stay open.
        #[arg(long, default_value_t = 16, value_name = "N", value_parser = at_least_one)]
        connections: usize,
        /// How many messages are on it.
        #[arg(long, default_value_t = PAGE_ENTRIES_DEFAULT, value_name = "N", value_parser = page_messages)]
        messages: usize,
        /// Seconds to ask.
        #[arg(long, default_value = "3", value_name = "SECONDS", value_parser = seconds)]
        seconds: Duration,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
}

/// Messages to many subscribers.
#[derive(Clone, Debug, Args)]
pub struct Messages {
    /// How many subscribers; the one who publishes, over a WebSocket, is one of them.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one)]
    pub subscribers: usize,
    /// How many messages are sent at a time. Several numbers, with commas, are measured in turn.
    #[arg(long, default_value = "1", value_delimiter = ',', value_name = "N", value_parser = batch)]
    pub batch: Vec<usize>,
    /// Bytes of each text.
    #[arg(long, default_value_t = 128, value_name = "BYTES", value_parser = text_bytes)]
    pub bytes: usize,
    /// Messages a second, whoever has those before. By default the next are sent when everybody has those before; with slow
    /// readers it is 1000.
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rate: Option<f64>,
    /// Seconds that each measurement takes.
    #[arg(long, default_value = "3", value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Duration,
    /// Sends exactly so many times instead, however long it takes.
    #[arg(long, value_name = "N", conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: Option<u64>,
}

/// How subscribers read.
#[derive(Clone, Debug, Args)]
pub struct Readers {
    /// How they read.
    #[arg(long, default_value = "ws", value_parser = PossibleValuesParser::new(Transport::WORDS).try_map(|word| Transport::of_word(&word).ok_or("unknown")))]
    pub transport: Transport,
    /// What the server speaks, if it is not Crier but something to compare with.
    #[arg(long, default_value = "crier", requires_if("raw", "server"), requires_if("socket.io", "server"), requires_if("nats", "server"),
        value_parser = PossibleValuesParser::new(Peer::WORDS).try_map(|word| Peer::of_word(&word).ok_or("unknown")))]
    pub peer: Peer,
}

/// Where it is measured.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// A server that runs already, such as http://127.0.0.1:5000; its limits for one address apply. Never one that others use.
    #[arg(long, visible_alias = "url", value_name = "URL")]
    pub server: Option<String>,
    /// The process of that server, on this machine, whose processor time and memory are measured.
    #[arg(long, value_name = "PID", requires = "server")]
    pub pid: Option<u32>,
    /// The processor that the started server has for itself, so that figures compare; the load takes the others.
    #[arg(long, default_value_t = 0, value_name = "N", conflicts_with = "server")]
    pub server_core: usize,
    /// Lets the server and the load run on any processor.
    #[arg(long)]
    pub unpinned: bool,
    /// Where the started server keeps its messages meanwhile, in a folder that is removed afterwards: a disk such as
    /// you would use. By default where temporary files are.
    #[arg(long, value_name = "FOLDER", conflicts_with = "server")]
    pub data: Option<PathBuf>,
    /// Threads that hold the subscribers. By default one for each processor that the server does not have.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: Option<u16>,
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Waits for Enter when everybody is connected, and again when all is measured, so that a profiler can be attached.
    /// `publish` reads nothing meanwhile: for more than half a minute it needs a server with a longer `--heartbeat`.
    #[arg(long)]
    pub pause: bool,
    /// Settings for the started server, as of `crier serve`.
    #[arg(last = true, value_name = "SERVE SETTINGS", conflicts_with = "server")]
    pub serve: Vec<String>,
}

impl Measurement {
    /// Where it is measured.
    pub fn place(&self) -> &Place {
        match self {
            Self::FanOut { place, .. }
            | Self::Idle { place, .. }
            | Self::Connect { place, .. }
            | Self::Slow { place, .. }
            | Self::Publish { place, .. }
            | Self::Pages { place, .. } => place,
        }
    }

    /// What the server speaks, and over which transport.
    pub fn readers(&self) -> (Peer, Transport) {
        match self {
            Self::FanOut { readers, .. } | Self::Idle { readers, .. } | Self::Connect { readers, .. } | Self::Slow { readers, .. } => {
                (readers.peer, readers.transport)
            }
            Self::Publish { .. } | Self::Pages { .. } => (Peer::Crier, Transport::WebSocket),
        }
    }

    /// How many connections there are at a time.
    pub fn connections(&self) -> usize {
        match self {
            Self::FanOut { messages, .. } | Self::Slow { messages, .. } => messages.subscribers,
            Self::Idle { connections, .. }
            | Self::Connect { connections, .. }
            | Self::Publish { connections, .. }
            | Self::Pages { connections, .. } => *connections,
        }
    }

    /// What is to be done.
    pub fn scenario(&self) -> Scenario {
        match self {
            Self::FanOut { messages, .. } => Scenario::FanOut(messages.fan_out()),
            Self::Idle { connections, seconds, .. } => Scenario::Idle { connections: *connections, time: *seconds },
            Self::Connect { connections, rounds, .. } => Scenario::Connect { connections: *connections, rounds: *rounds },
            Self::Slow { percent, messages, .. } => {
                // Nobody can wait for those who do not read.
                let rate = messages.rate.or(Some(SLOW_RATE_DEFAULT));
                Scenario::Slow(Slow { fan_out: FanOut { rate, ..messages.fan_out() }, share: percent / 100.0 })
            }
            Self::Publish { connections, in_flight, bytes, seconds, .. } => {
                Scenario::Publish(Publish { connections: *connections, in_flight: *in_flight, bytes: *bytes, time: *seconds })
            }
            Self::Pages { connections, messages, seconds, .. } => {
                Scenario::Pages(Pages { connections: *connections, messages: *messages, time: *seconds })
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

/// A text has room for its number.
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
