//! The settings: command line, environment (`CRIER_*`) and their defaults, in one place. The rest gets plain values.

mod bench;
mod listen;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use client::Transport;
use protocol::{Author, Position, PublishKey, RoomName};

use crate::http::{AccessPolicy, HostName, Origin, Proxy};
use crate::limits::Allowance;
use crate::room::ROOMS_MAX_DEFAULT;
use crate::store::RetentionPolicy;
pub use bench::{Bench, Measurement, Messages, Place, Readers};

/// Messages per second that nobody reaches; the limiter counts in nanoseconds.
const RATE_UNBOUNDED: NonZeroU32 = NonZeroU32::new(1_000_000_000).unwrap();

/// A live message board in one program.
#[derive(Debug, Parser)]
#[command(name = "crier", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

impl Cli {
    /// Reads the command line and the environment. If they are not right, or help is asked for, says so and ends the program.
    pub fn read() -> Self {
        let matches = without_empty(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// Takes variables that are set to nothing for not set, as files of services and containers mean it.
fn without_empty(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.to_string_lossy().trim().is_empty());
    let unset = |argument: clap::Arg| {
        let is_empty = argument.get_env().is_some_and(is_empty);
        if is_empty { argument.env(None::<&'static str>) } else { argument }
    };
    command.mut_args(unset).mut_subcommands(without_empty)
}

/// The verbs of the command line.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serve the board.
    Serve(Serve),
    /// Post one message and wait until it is stored.
    Post(Post),
    /// Follow a room.
    Tail(Tail),
    /// Measure how fast a server is on this machine, and what it takes.
    Bench(Bench),
}

/// Settings of `crier serve`.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Where to listen: an address or a host name with a port, or only `:` and a port for every address.
    #[arg(long, env = "CRIER_LISTEN", default_value = "127.0.0.1:5000", value_name = "ADDRESS", value_parser = listen::listen)]
    pub listen: SocketAddr,
    /// The folder that holds everything there is to keep; removing it resets the board.
    #[arg(long, env = "CRIER_DATA", default_value = "./crier-data", value_name = "FOLDER")]
    pub data: PathBuf,
    /// An origin, such as `https://example.org`, whose pages may post and subscribe besides the board's own. Repeatable.
    #[arg(long, env = "CRIER_ALLOW_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    pub allow_origin: Vec<Origin>,
    /// A host to answer for, named without a port. On a loopback address the default is loopback names only, elsewhere any. Whoever
    /// asks from this machine may always use loopback names. Repeatable.
    #[arg(long, env = "CRIER_ALLOW_HOST", value_delimiter = ',', value_name = "HOST")]
    pub allow_host: Vec<HostName>,
    /// The address of a reverse proxy, or a network of them such as 10.0.0.0/8, whose X-Forwarded-For is believed, or where it sends
    /// none its Forwarded. Repeatable.
    #[arg(long, env = "CRIER_TRUST_PROXY", value_delimiter = ',', value_name = "ADDRESS")]
    pub trust_proxy: Vec<Proxy>,
    /// Messages per second that one address may publish for long. 0 sets no bound.
    #[arg(long, env = "CRIER_PUBLISHES_PER_SECOND", default_value_t = 50, value_name = "N")]
    pub publishes_per_second: u32,
    /// Messages that one address may publish at once after a silence. 0 sets no bound.
    #[arg(long, env = "CRIER_PUBLISHES_BURST", default_value_t = 500, value_name = "N")]
    pub publishes_burst: u32,
    /// Rooms that one address may open with a first message in an hour. 0 sets no bound.
    #[arg(long, env = "CRIER_ROOMS_PER_HOUR", default_value_t = 100, value_name = "N")]
    pub rooms_per_hour: u32,
    /// Percent of one processor that requests of one address may use for long. 0 sets no bound.
    #[arg(long, env = "CRIER_CPU_PER_ADDRESS", default_value_t = 50, value_name = "PERCENT")]
    pub cpu_per_address: u32,
    /// Connections that one address may have open. 0 sets no bound.
    #[arg(long, env = "CRIER_CONNECTIONS_PER_ADDRESS", default_value_t = 1000, value_name = "N")]
    pub connections_per_address: usize,
    /// Connections that the server has open. 0 sets no bound.
    #[arg(long, env = "CRIER_CONNECTIONS", default_value_t = 50_000, value_name = "N")]
    pub connections: usize,
    /// Rooms that may have messages. The lobby may always. 0 sets no bound.
    #[arg(long, env = "CRIER_ROOMS", default_value_t = ROOMS_MAX_DEFAULT, value_name = "N")]
    pub rooms: usize,
    /// Messages that a room keeps; the oldest go first. 0 keeps all.
    #[arg(long, env = "CRIER_KEEP_MESSAGES", default_value_t = 100_000, value_name = "N")]
    pub keep_messages: u64,
    /// Bytes of messages that a room keeps. 0 sets no bound.
    #[arg(long, env = "CRIER_KEEP_BYTES", default_value_t = 64 * 1024 * 1024, value_name = "N")]
    pub keep_bytes: u64,
    /// Days that a message is kept. 0 keeps it for ever.
    #[arg(long, env = "CRIER_KEEP_DAYS", default_value_t = 365, value_name = "N")]
    pub keep_days: u64,
    /// Seconds between signs of life on a silent connection.
    #[arg(long, env = "CRIER_HEARTBEAT", default_value_t = protocol::limits::HEARTBEAT_SECONDS, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub heartbeat: u64,
    /// Milliseconds from a commit to the next, at the least. What comes meanwhile is committed and delivered together: a few of
    /// them save CPU time where there are many messages a second, and cost each message that much of delay.
    #[arg(long, env = "CRIER_FLUSH_INTERVAL", default_value_t = 0, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(0..=100))]
    pub flush_interval: u64,
}

impl Serve {
    /// What strangers may do.
    pub fn allowance(&self) -> Allowance {
        let at_any_rate = self.publishes_per_second == 0;
        Allowance {
            publishes_per_second: NonZeroU32::new(self.publishes_per_second).unwrap_or(RATE_UNBOUNDED),
            // Without a bound to the rate a burst has none either.
            publishes_burst: NonZeroU32::new(if at_any_rate { 0 } else { self.publishes_burst }).unwrap_or(NonZeroU32::MAX),
            rooms_per_hour: NonZeroU32::new(self.rooms_per_hour),
            cpu_percent: NonZeroU32::new(self.cpu_per_address),
            connections_per_address: bound(self.connections_per_address, usize::MAX),
            connections: bound(self.connections, usize::MAX),
        }
    }

    /// Rooms that there may be.
    pub fn rooms(&self) -> usize {
        bound(self.rooms, usize::MAX)
    }

    /// Who is let in, to the server that really listens on `listening`.
    pub fn access(&self, listening: SocketAddr) -> AccessPolicy {
        AccessPolicy {
            loopback_only: listening.ip().to_canonical().is_loopback(),
            hosts: self.allow_host.clone(),
            origins: self.allow_origin.clone(),
            proxies: self.trust_proxy.clone(),
        }
    }

    /// What a room keeps.
    pub fn retention(&self) -> RetentionPolicy {
        RetentionPolicy {
            messages: bound(self.keep_messages, u64::MAX),
            bytes: bound(self.keep_bytes, u64::MAX),
            age: bound(self.keep_days, u64::MAX).saturating_mul(24 * 60 * 60 * 1000),
        }
    }

    /// Time between signs of life.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat)
    }

    /// Time from a commit to the next, at the least.
    pub fn flush_interval(&self) -> Duration {
        Duration::from_millis(self.flush_interval)
    }
}

/// What a bound is that was set. 0 sets none.
fn bound<N: Default + PartialEq>(set: N, none: N) -> N {
    if set == N::default() { none } else { set }
}

/// The variable by which the environment asks for a proxy, which the client verbs do not use, if it does.
pub fn proxy_variable() -> Option<&'static str> {
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    names.into_iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The server that a client verb talks to.
#[derive(Clone, Debug, Args)]
pub struct Remote {
    /// The board's address.
    #[arg(long, env = "CRIER_SERVER", default_value = "http://127.0.0.1:5000", value_name = "URL")]
    pub server: String,
}

/// Settings of `crier post`.
#[derive(Clone, Debug, Args)]
pub struct Post {
    /// The room.
    pub room: RoomName,
    /// What to say; `-` or nothing reads it from standard input. What is too long for a message becomes several, cut between lines.
    #[arg(allow_hyphen_values = true)]
    pub text: Option<String>,
    /// Who says it.
    #[arg(long, env = "CRIER_AUTHOR", default_value = "", value_parser = Author::parse, allow_hyphen_values = true)]
    pub author: Author,
    /// A name for this message: posting again with the same key posts nothing twice. Of several, each is given `-1`, `-2` and so on
    /// behind it. Drawn at random by default.
    #[arg(long, allow_hyphen_values = true)]
    pub key: Option<PublishKey>,
    /// Seconds to keep trying each message while the server can't be reached.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub timeout: u64,
    /// Where.
    #[command(flatten)]
    pub remote: Remote,
}

/// Settings of `crier tail`.
#[derive(Clone, Debug, Args)]
pub struct Tail {
    /// The room.
    pub room: RoomName,
    /// Continue after this position (epoch:offset) instead of starting with what comes next.
    #[arg(long)]
    pub after: Option<Position>,
    /// One JSON object a line, with each entry's position.
    #[arg(long)]
    pub json: bool,
    /// How to get them, whatever stands in the way. By default the best one that works is found.
    #[arg(long, value_parser = PossibleValuesParser::new(Transport::NAMES).try_map(|word| Transport::from_name(&word).ok_or("unknown")))]
    pub transport: Option<Transport>,
    /// Where.
    #[command(flatten)]
    pub remote: Remote,
}
