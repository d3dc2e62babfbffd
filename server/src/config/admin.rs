//! Settings of the subcommands for admins and moderators: `crier key`, `crier room` and `crier
//! ban`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand};
use jiff::{Span, SpanRelativeTo};
use protocol::admin::{BannedAddress, KeyId, Rights, RoomPattern};
use protocol::limits::SLOW_SECONDS_MAX;
use protocol::{Mode, RoomName, Tag};

use super::{EXIT_CODES, Remote};

/// The longest time of a key or a ban, in milliseconds: ten years.
const TIME_MAX: u64 = 3660 * 24 * 60 * 60 * 1000;

/// What all of these subcommands share.
#[derive(Clone, Debug, Args)]
pub struct Call {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The server.
    #[command(flatten)]
    pub remote: Remote,
}

/// A subcommand of `crier key`.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyCommand {
    /// Create an access key, and print it.
    Create(CreateKey),
    /// List all access keys, without their secrets.
    #[command(after_help = EXIT_CODES)]
    List(Call),
    /// Revoke access keys. Their sessions end at once.
    Revoke(RevokeKeys),
}

/// Settings of `crier key create`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct CreateKey {
    /// What the key allows. Each right includes those before it. Only `admin` keys create keys.
    #[arg(value_parser = PossibleValuesParser::new(["read", "post", "moderate", "admin"]).try_map(|word| Rights::parse(&word).ok_or("unknown")))]
    pub rights: Rights,
    /// The rooms: a name, or `team-*` for all that begin alike. All by default.
    #[arg(long, value_name = "ROOMS", value_parser = rooms)]
    pub rooms: Option<RoomPattern>,
    /// Whose key it is, or what it is for. Nobody else may use a moderator's label as a name.
    #[arg(long, value_name = "LABEL", default_value = "", hide_default_value = true)]
    pub label: String,
    /// How long the key lasts, such as 12h or 30d. Without it, until it is revoked.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub time: Option<u64>,
    /// What all share.
    #[command(flatten)]
    pub call: Call,
}

/// Settings of `crier key revoke`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct RevokeKeys {
    /// Ids of the keys, as `crier key list` shows them.
    #[arg(value_name = "ID", required = true, value_parser = key_id)]
    pub keys: Vec<KeyId>,
    /// What all share.
    #[command(flatten)]
    pub call: Call,
}

/// A subcommand of `crier room`.
#[derive(Clone, Debug, Subcommand)]
pub enum RoomCommand {
    /// Show the settings of a room, and what you may do in it.
    Show(OneRoom),
    /// Change settings of a room. Those that are not named stay as they are.
    Set(SetRoom),
    /// List the messages that wait for a moderator, the oldest first.
    Queue(OneRoom),
    /// Approve messages that wait.
    Approve(DecideMessages),
    /// Reject messages that wait.
    Reject(RejectMessages),
}

/// Settings of subcommands about one room.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct OneRoom {
    /// The room.
    pub room: RoomName,
    /// What all share.
    #[command(flatten)]
    pub call: Call,
}

/// Settings of `crier room set`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES, group = ArgGroup::new("change").required(true).multiple(true))]
pub struct SetRoom {
    /// The room.
    pub room: RoomName,
    /// Name of the room for people; empty for none.
    #[arg(long, value_name = "TEXT", group = "change")]
    pub title: Option<String>,
    /// What the room is about, in one line; empty for none.
    #[arg(long, value_name = "TEXT", group = "change")]
    pub topic: Option<String>,
    /// All read and post in `open` rooms; only people with an access key post in `announce` rooms,
    /// and only they read `private` rooms.
    #[arg(long, value_name = "MODE", group = "change", value_parser = PossibleValuesParser::new(["open", "announce", "private"]).try_map(|word| Mode::parse(&word).ok_or("unknown")))]
    pub mode: Option<Mode>,
    /// `on`: messages wait until a moderator approves them.
    #[arg(long, value_name = "SWITCH", group = "change", value_parser = switch())]
    pub queue: Option<bool>,
    /// Minimum seconds between two messages of one person; 0 for none.
    #[arg(long, value_name = "SECONDS", group = "change", value_parser = clap::value_parser!(u32).range(..=i64::from(SLOW_SECONDS_MAX)))]
    pub slow: Option<u32>,
    /// `on`: only moderators publish.
    #[arg(long, value_name = "SWITCH", group = "change", value_parser = switch())]
    pub closed: Option<bool>,
    /// What all share.
    #[command(flatten)]
    pub call: Call,
}

/// Settings of `crier room approve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DecideMessages {
    /// The room.
    pub room: RoomName,
    /// Numbers of the messages, as `crier room queue` shows them.
    #[arg(value_name = "NUMBER", required = true)]
    pub messages: Vec<u64>,
    /// What all share.
    #[command(flatten)]
    pub call: Call,
}

/// Settings of `crier room reject`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct RejectMessages {
    /// Why. The author is told.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// Which messages.
    #[command(flatten)]
    pub decide: DecideMessages,
}

/// A subcommand of `crier ban`.
#[derive(Clone, Debug, Subcommand)]
pub enum BanCommand {
    /// Ban somebody from publishing. They can still read.
    Add(AddBan),
    /// List the bans of the rooms that you moderate.
    #[command(after_help = EXIT_CODES)]
    List(Call),
    /// Remove bans.
    Remove(RemoveBans),
}

/// Settings of `crier ban add`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES, group = ArgGroup::new("who").required(true))]
pub struct AddBan {
    /// The tag of an identity, as messages have it in `by`.
    #[arg(long, value_name = "TAG", group = "who")]
    pub tag: Option<Tag>,
    /// The id of an access key.
    #[arg(long, value_name = "ID", group = "who", value_parser = key_id)]
    pub key: Option<KeyId>,
    /// An IPv4 address, or an IPv6 address, which stands for its /64 network.
    #[arg(long, value_name = "ADDRESS", group = "who", value_parser = address)]
    pub address: Option<BannedAddress>,
    /// The rooms: a name, or `team-*` for all that begin alike. By default all that your key is
    /// for.
    #[arg(long, value_name = "ROOMS", value_parser = rooms)]
    pub rooms: Option<RoomPattern>,
    /// How long the ban lasts, such as 10m, 2h or 30d. Without it, until it is removed.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub time: Option<u64>,
    /// Why, for other moderators.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// What all share.
    #[command(flatten)]
    pub call: Call,
}

/// Settings of `crier ban remove`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct RemoveBans {
    /// Numbers of the bans, as `crier ban list` shows them.
    #[arg(value_name = "NUMBER", required = true)]
    pub bans: Vec<u64>,
    /// What all share.
    #[command(flatten)]
    pub call: Call,
}

fn rooms(text: &str) -> Result<RoomPattern, String> {
    RoomPattern::try_from(text.to_owned()).map_err(|_| "write a room's name, or team-* for all that begin alike".to_owned())
}

fn key_id(text: &str) -> Result<KeyId, String> {
    text.parse().map_err(|_| "an id is 8 hexadecimal digits, as `crier key list` shows it".to_owned())
}

fn address(text: &str) -> Result<BannedAddress, String> {
    text.parse().map_err(|_| "write an IPv4 address, or an IPv6 address or its /64 network".to_owned())
}

fn switch() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["on", "off"]).map(|word| word == "on")
}

/// Reads a time from now on, in milliseconds.
fn duration(text: &str) -> Result<u64, String> {
    let span = text.trim().parse::<Span>().ok();
    // Days are of 24 hours, so that a key lasts as long in every zone.
    let time = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let milliseconds = time.and_then(|time| u64::try_from(time.as_millis()).ok()).filter(|time| (1..=TIME_MAX).contains(time));
    milliseconds.ok_or_else(|| "write 10m, 2h or 30d, at most ten years".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_as_people_write_them() {
        for (text, seconds) in [("10m", 600), ("2h", 7200), ("1h30m", 5400), ("30d", 30 * 86_400), ("2 weeks", 14 * 86_400)] {
            assert_eq!(duration(text), Ok(seconds * 1000), "{text}");
        }
        for bad in ["", "10", "-10m", "0s", "soon", "11y", "99999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
