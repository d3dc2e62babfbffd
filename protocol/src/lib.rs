//! What travels between a Crier server and its clients: names, positions, entries, frames, error codes and limits.
//!
//! Values only. There is no I/O here, no clock and no chance; both ends build on the same definitions.

pub mod limits;

mod visible;

mod key;
mod position;
mod room_name;
mod text;

mod entry;

mod close;
mod error;

mod api;
mod frame;
mod json;

pub use api::{MessagesPage, PublishRequest, Published};
pub use close::Disconnect;
pub use entry::Entry;
pub use error::{ErrorCode, Problem};
pub use frame::{ClientFrame, FrameError, Gap, GapReason, Hello, ServerFrame};
pub use json::Json;
pub use key::PublishKey;
pub use limits::Limits;
pub use position::{Epoch, Position};
pub use room_name::RoomName;
pub use text::{Author, Text};
