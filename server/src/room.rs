//! Rooms in memory: the recent entries and the sessions of each, the log that continues them from
//! history, and the hub that finds them by name. No socket and no SQL.

mod tail;

mod presence;

mod state;

mod room_log;

mod registry;

mod presenters;

mod updater;

mod bounds;

mod pass;

mod hub;

mod page;

mod info;

mod queue;

mod casts;

mod trusted_clock;

mod expiry;

pub use casts::{Presenting, end_casts};
pub use expiry::expire_messages;
pub use hub::{Clock, Hub, OpenedHub, ROOMS_MAX_DEFAULT, Start};
pub use page::{PageError, Range, RoomVersion};
pub use pass::Pass;
pub use room_log::{HistoryPage, HistoryQuery, RoomLog};
pub use state::{Extent, PresenceGuard, Read, Room};
pub use tail::{READ_BYTES_MAX, TailMemory};
pub use trusted_clock::TrustedClock;

#[cfg(test)]
mod tests;
