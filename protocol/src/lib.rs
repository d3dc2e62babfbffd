//! The wire protocol between a Crier server and its clients: names, positions, entries, frames,
//! error codes and limits. `docs/protocol.md` describes it for other languages.
//!
//! Values only: no I/O and no clock. Values check themselves: a [`Text`] that was parsed is valid.
//! Deserialized [`Entry`] values are the exception, because a server may have other rules.
//!
//! ```
//! use protocol::{ClientFrame, Position, RoomName, ServerFrame};
//!
//! // A room's name has one spelling.
//! let room: RoomName = "Tea Time".parse()?;
//! assert_eq!(room.as_str(), "tea-time");
//!
//! // A position is a place in a log.
//! let position: Position = "00c0ffee00c0ffee:42".parse()?;
//! assert_eq!(position.offset, 42);
//!
//! // Frames are JSON.
//! assert_eq!(ServerFrame::read(r#"{"type":"heartbeat"}"#), Some(ServerFrame::Heartbeat));
//! let ping = r#"{"type":"ping","ref":1}"#;
//! assert_eq!(ClientFrame::parse(ping), Ok(ClientFrame::Ping { r#ref: 1 }));
//! # Ok::<(), protocol::ErrorCode>(())
//! ```

#![forbid(unsafe_code)]

pub mod limits;

mod error;
mod visible;

mod shaping;

mod fields;
mod key;
mod position;
mod reader_id;
mod room_name;
mod tag;
mod text;

mod reaction;
mod settings;

mod entry;

mod fold;

pub mod admin;

pub mod cast;

mod api;
mod close;
mod frame;
mod problem;

mod json;

pub use api::{MessagesPage, PublishFields, PublishRequest, Published, RoomInfo};
pub use cast::CastInfo;
pub use close::Disconnect;
pub use entry::{Entry, Kind};
pub use error::ErrorCode;
pub use fields::{FromFields, InputError, from_json};
pub use frame::{ClientFrame, FrameError, Gap, GapReason, Hello, ServerFrame};
pub use json::Json;
pub use key::PublishKey;
pub use limits::Limits;
pub use position::{Epoch, Position};
pub use problem::Problem;
pub use reaction::{Emoji, Reaction};
pub use reader_id::ReaderId;
pub use room_name::RoomName;
pub use settings::{Mode, RoomSettings};
pub use tag::Tag;
pub use text::{Author, Text};
