//! The rules of a board: who may open rooms, and what rooms without settings of their own are.

use clap::Args;
use clap::builder::PossibleValuesParser;
use protocol::limits::SLOW_SECONDS_MAX;
use protocol::{Mode, RoomSettings};

use super::{SECONDS_MAX, bound};
use crate::access::{Access, CastsBy, RoomsBy};
use crate::limits::CastBounds;
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
    /// Who may show a screen in a room: those who may post there, those of them who have an access
    /// key, or nobody.
    #[arg(long, env = "CRIER_CAST", default_value = "post", value_name = "WHO", value_parser = PossibleValuesParser::new(["post", "key", "off"]))]
    pub cast: String,
    /// Screens that are shown at the same time: one in a room, at most half of them from one
    /// address. 0 is unlimited.
    #[arg(long, env = "CRIER_CASTS", default_value_t = 8, value_name = "N")]
    pub casts: usize,
    /// Viewers of one screen. Others see still pictures. 0 is unlimited.
    #[arg(long, env = "CRIER_CAST_VIEWERS", default_value_t = 1000, value_name = "N")]
    pub cast_viewers: usize,
    /// Bytes per second that a screen may have, on average over two seconds. 0 is unlimited.
    #[arg(long, env = "CRIER_CAST_RATE", default_value_t = 500_000, value_name = "BYTES")]
    pub cast_rate: u64,
    /// Bytes per second that the server sends to the viewers of all screens. Above it, viewers see
    /// fewer pictures, and new ones still pictures. 0 is unlimited.
    #[arg(long, env = "CRIER_CAST_EGRESS", default_value_t = 0, value_name = "BYTES")]
    pub cast_egress: u64,
}

impl RuleFlags {
    /// Returns who may do what, without keys and bans.
    pub fn access(&self) -> Access {
        let rooms_by = if self.rooms_by == "key" { RoomsBy::Key } else { RoomsBy::Anyone };
        let casts_by = match self.cast.as_str() {
            "key" => CastsBy::Key,
            "off" => CastsBy::Off,
            _ => CastsBy::Post,
        };
        let mode = Mode::parse(&self.default_mode).unwrap_or_default();
        let defaults = RoomSettings { mode, queue: self.default_queue, slow: self.default_slow, ..RoomSettings::default() };
        Access::new(rooms_by, casts_by, defaults)
    }

    /// Returns the rules for what is published, with this maximum number of rooms.
    pub fn publishing(&self, rooms_max: usize) -> PublishRules {
        let edit_window = self.edit_window * 1000;
        let casts_max = bound(self.casts, usize::MAX);
        PublishRules { rooms_max, edit_window, queue: self.default_queue, slow: self.default_slow, casts_max }
    }

    /// Returns what a cast may have.
    pub fn cast_bounds(&self) -> CastBounds {
        CastBounds {
            viewers_max: bound(self.cast_viewers, usize::MAX),
            bytes_per_second_max: bound(self.cast_rate, u64::MAX),
            egress_bytes_per_second_max: bound(self.cast_egress, u64::MAX),
        }
    }
}
