//! The rules of a board: who may open rooms, and what rooms without settings of their own are.

use clap::Args;
use clap::builder::PossibleValuesParser;
use protocol::limits::SLOW_SECONDS_MAX;
use protocol::{Mode, RoomSettings};

use super::SECONDS_MAX;
use crate::access::{Access, RoomsBy};
use crate::store::PublishRules;

/// Default of the time in which authors may edit, in seconds.
const EDIT_SECONDS: u64 = 3600;

/// The flags for the rules of a board.
#[derive(Clone, Debug, Args)]
pub struct RuleFlags {
    /// Who may open a room with a first message. With `key`, only somebody with an access key for
    /// it; for others, rooms that nobody has opened are not there.
    #[arg(long, env = "CRIER_ROOMS_BY", default_value = "anyone", value_name = "WHO", value_parser = PossibleValuesParser::new(["anyone", "key"]))]
    pub rooms_by: String,
    /// Mode of rooms without settings of their own: in `announce` rooms only people with an access
    /// key post, and in `private` ones only they read.
    #[arg(long, env = "CRIER_DEFAULT_MODE", default_value = "open", value_name = "MODE", value_parser = PossibleValuesParser::new(["open", "announce", "private"]))]
    pub default_mode: String,
    /// In rooms without settings of their own, messages wait until a moderator approves them.
    #[arg(long, env = "CRIER_DEFAULT_QUEUE", num_args = 0..=1, default_value = "false", default_missing_value = "true", require_equals = true, value_name = "BOOL", value_parser = clap::value_parser!(bool))]
    pub default_queue: bool,
    /// Minimum seconds between two messages of one person, in rooms without settings of their own.
    /// 0 is no minimum.
    #[arg(long, env = "CRIER_DEFAULT_SLOW", default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=i64::from(SLOW_SECONDS_MAX)))]
    pub default_slow: u32,
    /// Seconds in which authors may edit a message. 0 is never.
    #[arg(long, env = "CRIER_EDIT_WINDOW", default_value_t = EDIT_SECONDS, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=SECONDS_MAX))]
    pub edit_window: u64,
}

impl RuleFlags {
    /// Returns who may do what, without keys and bans.
    pub fn access(&self) -> Access {
        let rooms_by = if self.rooms_by == "key" { RoomsBy::Key } else { RoomsBy::Anyone };
        let mode = Mode::parse(&self.default_mode).unwrap_or_default();
        let defaults = RoomSettings { mode, queue: self.default_queue, slow: self.default_slow, ..RoomSettings::default() };
        Access::new(rooms_by, defaults)
    }

    /// Returns the rules for what is published, with this maximum number of rooms.
    pub fn publishing(&self, rooms_max: usize) -> PublishRules {
        let edit_window = self.edit_window * 1000;
        PublishRules { rooms_max, edit_window, queue: self.default_queue, slow: self.default_slow }
    }
}
