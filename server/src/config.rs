//! The settings: command line, environment variables (`CRIER_*`) and defaults. Other modules get
//! plain values.

mod bench;
mod listen;
mod remote;
mod rules;
mod since;

mod admin;

mod chat;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Command, CommandFactory as _, FromArgMatches as _, Parser};
use clap_complete::Shell;
use client::Transport;
use protocol::limits::OFFSET_MAX;
use protocol::{Author, Position, PublishKey, RoomName};

use crate::http::{AccessPolicy, HostName, Origin, Proxy};
use crate::limits::Allowance;
use crate::room::ROOMS_MAX_DEFAULT;
use crate::store::RetentionPolicy;
pub use admin::{
    AddBan, BanCommand, Call, CreateKey, DecideMessages, KeyCommand, OneRoom, RejectMessages, RemoveBans, RevokeKeys, RoomCommand, SetRoom,
};
pub use bench::{Bench, Measurement, Messages, Subscribers, Target};
pub use chat::{Chat, TerminalEnvironment};
pub use remote::Remote;
pub use rules::RuleFlags;
pub use since::Since;

/// Messages per second that no client reaches. The limiter counts in nanoseconds.
const RATE_UNBOUNDED: NonZeroU32 = NonZeroU32::new(1_000_000_000).unwrap();

/// Maximum number of seconds of a setting: a year.
const SECONDS_MAX: u64 = 366 * 24 * 60 * 60;

/// A live message board in one program.
#[derive(Debug, Parser)]
#[command(name = "crier", version, arg_required_else_help = true)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub subcommand: Subcommand,
}

impl Cli {
    /// Reads the command line and the environment. Prints and exits on an error or for help.
    pub fn read() -> Self {
        let matches = without_empty(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// Treats empty variables as unset, as service and container files expect.
fn without_empty(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.to_string_lossy().trim().is_empty());
    let unset = |argument: clap::Arg| {
        let is_empty = argument.get_env().is_some_and(is_empty);
        if is_empty { argument.env(None::<&'static str>) } else { argument }
    };
    command.mut_args(unset).mut_subcommands(without_empty)
}

/// A subcommand.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Serve the board.
    Serve(Serve),
    /// Post a text or standard input, and wait until it is stored.
    Post(Post),
    /// Print the messages of a room, and follow it.
    Tail(Tail),
    /// Read and write rooms on a screen of their own in the terminal.
    Chat(Chat),
    /// Create, list and revoke access keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Show and change rooms, and decide on messages that wait.
    #[command(subcommand)]
    Room(RoomCommand),
    /// Ban people from publishing.
    #[command(subcommand)]
    Ban(BanCommand),
    /// Measure the speed, CPU time and memory of a server on this machine.
    Bench(Bench),
    /// Print a script that completes commands and flags in a shell.
    Completions(Completions),
    /// Print a manual page.
    Man(Manual),
}

/// Settings of `crier serve`.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Address or host name to listen on, with a port; only `:` and a port for all addresses.
    #[arg(long, env = "CRIER_LISTEN", default_value = "127.0.0.1:5000", value_name = "ADDRESS", value_parser = listen::listen)]
    pub listen: SocketAddr,
    /// Folder with all data. Removing it resets the board.
    #[arg(long, env = "CRIER_DATA", default_value = "./crier-data", value_name = "FOLDER")]
    pub data: PathBuf,
    /// Other origin whose pages may post and subscribe, such as `https://example.org`. Repeatable.
    #[arg(long, env = "CRIER_ALLOW_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    pub allow_origin: Vec<Origin>,
    /// Host name that requests may use, without a port. By default a server on a loopback address
    /// accepts loopback names only, and others accept any name. Clients on this machine may always
    /// use loopback names. Repeatable.
    #[arg(long, env = "CRIER_ALLOW_HOST", value_delimiter = ',', value_name = "HOST")]
    pub allow_host: Vec<HostName>,
    /// Address of a reverse proxy, or a network such as 10.0.0.0/8, whose X-Forwarded-For header is
    /// trusted, or its Forwarded header if it sends no other. Repeatable.
    #[arg(long, env = "CRIER_TRUST_PROXY", value_delimiter = ',', value_name = "ADDRESS")]
    pub trust_proxy: Vec<Proxy>,
    /// Messages per second that one address may publish, on average. 0 is unlimited.
    #[arg(long, env = "CRIER_PUBLISHES_PER_SECOND", default_value_t = 50, value_name = "N")]
    pub publishes_per_second: u32,
    /// Messages that one address may publish at once after a pause. 0 is unlimited.
    #[arg(long, env = "CRIER_PUBLISHES_BURST", default_value_t = 500, value_name = "N")]
    pub publishes_burst: u32,
    /// New rooms per hour that one address may start with a first message. 0 is unlimited.
    #[arg(long, env = "CRIER_ROOMS_PER_HOUR", default_value_t = 100, value_name = "N")]
    pub rooms_per_hour: u32,
    /// Percent of one processor that one address may use, on average. 0 is unlimited.
    #[arg(long, env = "CRIER_CPU_PER_ADDRESS", default_value_t = 50, value_name = "PERCENT")]
    pub cpu_per_address: u32,
    /// Open connections per address. 0 is unlimited.
    #[arg(long, env = "CRIER_CONNECTIONS_PER_ADDRESS", default_value_t = 1000, value_name = "N")]
    pub connections_per_address: usize,
    /// Open connections in total. 0 is unlimited.
    #[arg(long, env = "CRIER_CONNECTIONS", default_value_t = 50_000, value_name = "N")]
    pub connections: usize,
    /// Rooms with messages, not counting the lobby. 0 is unlimited.
    #[arg(long, env = "CRIER_ROOMS", default_value_t = ROOMS_MAX_DEFAULT, value_name = "N")]
    pub rooms: usize,
    /// Messages that a room keeps. The oldest are removed first. 0 is unlimited.
    #[arg(long, env = "CRIER_KEEP_MESSAGES", default_value_t = 100_000, value_name = "N")]
    pub keep_messages: u64,
    /// Bytes of messages that a room keeps. 0 is unlimited.
    #[arg(long, env = "CRIER_KEEP_BYTES", default_value_t = 64 * 1024 * 1024, value_name = "N")]
    pub keep_bytes: u64,
    /// Days that a message is kept. 0 keeps it forever.
    #[arg(long, env = "CRIER_KEEP_DAYS", default_value_t = 365, value_name = "N")]
    pub keep_days: u64,
    /// Seconds between heartbeats on a silent connection.
    #[arg(long, env = "CRIER_HEARTBEAT", default_value_t = protocol::limits::HEARTBEAT_SECONDS, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub heartbeat: u64,
    /// Minimum milliseconds between two commits. Messages in between are committed and delivered
    /// together. A few milliseconds save CPU time at high message rates, and delay each message.
    #[arg(long, env = "CRIER_FLUSH_INTERVAL", default_value_t = 0, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(0..=100))]
    pub flush_interval: u64,
    /// Who may open rooms and show screens, and what rooms without settings are.
    #[command(flatten)]
    pub rules: RuleFlags,
}

impl Serve {
    /// Returns the limits per address.
    pub fn allowance(&self) -> Allowance {
        let at_any_rate = self.publishes_per_second == 0;
        Allowance {
            publishes_per_second: NonZeroU32::new(self.publishes_per_second).unwrap_or(RATE_UNBOUNDED),
            // Without a rate limit there is no burst limit either.
            publishes_burst: NonZeroU32::new(if at_any_rate { 0 } else { self.publishes_burst }).unwrap_or(NonZeroU32::MAX),
            rooms_per_hour: NonZeroU32::new(self.rooms_per_hour),
            cpu_percent: NonZeroU32::new(self.cpu_per_address),
            connections_per_address: bound(self.connections_per_address, usize::MAX),
            connections: bound(self.connections, usize::MAX),
        }
    }

    /// Returns the maximum number of rooms.
    pub fn rooms(&self) -> usize {
        bound(self.rooms, usize::MAX)
    }

    /// Returns the access policy of a server that listens on `listening`.
    pub fn access(&self, listening: SocketAddr) -> AccessPolicy {
        AccessPolicy {
            loopback_only: listening.ip().to_canonical().is_loopback(),
            hosts: self.allow_host.clone(),
            origins: self.allow_origin.clone(),
            proxies: self.trust_proxy.clone(),
        }
    }

    /// Returns how much a room keeps.
    pub fn retention(&self) -> RetentionPolicy {
        RetentionPolicy {
            messages: bound(self.keep_messages, u64::MAX),
            bytes: bound(self.keep_bytes, u64::MAX),
            age: bound(self.keep_days, u64::MAX).saturating_mul(24 * 60 * 60 * 1000),
        }
    }

    /// Returns the time between heartbeats.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat)
    }

    /// Returns the minimum time between two commits.
    pub fn flush_interval(&self) -> Duration {
        Duration::from_millis(self.flush_interval)
    }
}

/// Replaces 0 by `unlimited`.
fn bound<N: Default + PartialEq>(limit: N, unlimited: N) -> N {
    if limit == N::default() { unlimited } else { limit }
}

/// The last part of the help of each subcommand that talks to a board.
const EXIT_CODES: &str = "\
Exit codes:
  0  Done; or the reader of the output ended, or a signal asked to stop.
  1  The board refused it, the input is not text, or the output can't be written.
  2  The command line is wrong.
  3  The board could not be reached in time, or the connection ended for good.";

/// Reads the name of a transport.
fn transports() -> impl TypedValueParser<Value = Transport> {
    PossibleValuesParser::new(Transport::NAMES).try_map(|word| Transport::from_name(&word).ok_or("unknown"))
}

/// Settings of `crier post`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Post {
    /// The room.
    pub room: RoomName,
    /// Text to post; `-` or none reads standard input to its end. What is longer than a message (16
    /// KiB) becomes several, split between lines where possible. Put `--` before a text that is
    /// also a flag.
    #[arg(allow_hyphen_values = true)]
    pub text: Option<String>,
    /// Author of the messages.
    #[arg(long, env = "CRIER_AUTHOR", default_value = "", hide_default_value = true, value_name = "NAME", value_parser = Author::parse, allow_hyphen_values = true)]
    pub author: Author,
    /// Unique key of the message: posting it again with the same key has no effect. Several
    /// messages get the suffixes `-1`, `-2` and so on. Random by default.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub key: Option<PublishKey>,
    /// Post as a reply to the message at this offset. Of several messages, only the first is one.
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(u64).range(1..=OFFSET_MAX))]
    pub reply: Option<u64>,
    /// Post lines as they come; those that come within 200 ms as one message. While the board is
    /// away, reading waits.
    #[arg(long, conflicts_with_all = ["tail", "key"])]
    pub follow: bool,
    /// Post only the last lines, as many as fit into one message.
    #[arg(long)]
    pub tail: bool,
    /// Replace bytes that are not UTF-8, and NUL, by U+FFFD instead of failing.
    #[arg(long)]
    pub lossy: bool,
    /// Seconds to retry while the board stores nothing. By default 30; with --follow unlimited, and
    /// 30 after the end of the input.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=SECONDS_MAX))]
    pub timeout: Option<u64>,
    /// Print one JSON object for each message instead of its position.
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// Print nothing but errors.
    #[arg(long)]
    pub quiet: bool,
    /// File with the identity to post under, by which one can change one's messages later. It is
    /// made if there is none. Only its owner may read it.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The server.
    #[command(flatten)]
    pub remote: Remote,
}

/// Settings of `crier tail`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Tail {
    /// The room.
    pub room: RoomName,
    /// Start with the last N messages. By default 0, or 10 with --no-follow.
    #[arg(long, short = 'n', value_name = "N", group = "start", value_parser = clap::value_parser!(u64).range(..=OFFSET_MAX))]
    pub lines: Option<u64>,
    /// Start with the messages of the last 10m, 2h or 3d, or since a time such as 10:00,
    /// 2026-11-28, '2026-11-28 10:00' or 2026-11-28T10:00:00Z. Times without a zone are local.
    #[arg(long, value_name = "TIME", group = "start", allow_hyphen_values = true)]
    pub since: Option<Since>,
    /// Start after this position (epoch:offset).
    #[arg(long, value_name = "POSITION", group = "start")]
    pub after: Option<Position>,
    /// Print the messages that the room has, and end.
    #[arg(long)]
    pub no_follow: bool,
    /// Print one JSON object per line, with each message's position.
    #[arg(long)]
    pub json: bool,
    /// Print no notes about the connection.
    #[arg(long)]
    pub quiet: bool,
    /// Use only this transport. By default the best one that works is used.
    #[arg(long, conflicts_with = "no_follow", value_parser = transports())]
    pub transport: Option<Transport>,
    /// File with one's identity: one's own reactions are marked. It is made if there is none.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The server.
    #[command(flatten)]
    pub remote: Remote,
}

/// Settings of `crier completions`.
#[derive(Clone, Debug, Args)]
#[command(after_help = COMPLETIONS_HELP)]
pub struct Completions {
    /// The shell.
    #[arg(value_parser = PossibleValuesParser::new(["bash", "zsh", "fish"]).try_map(|name| name.parse::<Shell>()))]
    pub shell: Shell,
}

/// Where to put completions.
const COMPLETIONS_HELP: &str = "\
Where to put the script:
  bash  crier completions bash > ~/.local/share/bash-completion/completions/crier
  zsh   crier completions zsh > ~/.zfunc/_crier; in ~/.zshrc before compinit: fpath+=~/.zfunc
  fish  crier completions fish > ~/.config/fish/completions/crier.fish";

/// Settings of `crier man`.
#[derive(Clone, Debug, Args)]
#[command(after_help = MANUAL_HELP)]
pub struct Manual {
    /// Subcommand whose page is printed. Without one, crier(1).
    #[arg(value_name = "SUBCOMMAND")]
    pub subcommand: Vec<String>,
    /// Write the pages of all subcommands into this folder instead.
    #[arg(long, value_name = "FOLDER", conflicts_with = "subcommand")]
    pub out: Option<PathBuf>,
}

/// How to read pages.
const MANUAL_HELP: &str = "\
Examples:
  crier man post | man -l -
  crier man --out ~/.local/share/man/man1";
