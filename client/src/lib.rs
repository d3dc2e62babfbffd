//! A client for Crier rooms: follow a room without losing an entry, and publish each message once.
//!
//! # For programs
//!
//! With the feature `native`, a [`Board`] has rooms, and a [`Room`] publishes, follows and reads
//! history. It reconnects by itself, changes transports where a proxy is in the way, and continues
//! after its last position:
//!
//! ```no_run
//! # #[cfg(feature = "native")]
//! # async fn follow() -> Result<(), Box<dyn std::error::Error>> {
//! use client::{Board, Message, Update};
//!
//! let room = Board::connect("http://localhost:5000")?.room("lobby")?;
//!
//! // Publish a message, and wait until it is stored.
//! let published = room.publish(Message::new("hello").author("Ana")).await?;
//!
//! // Follow the room after it. Every entry comes once and in order.
//! let mut updates = room.subscribe(published.position);
//! while let Some(update) = updates.next().await {
//!     match update {
//!         Update::Entry(entry) => println!("{}: {}", entry.author.as_str(), entry.text.as_str()),
//!         Update::Gap(gap) => println!("entries are missing: {:?}", gap.reason),
//!         _ => {}
//!     }
//! }
//! println!("the server does not want this client back: {:?}", updates.ended());
//! # Ok(())
//! # }
//! ```
//!
//! # For other environments
//!
//! [`Core`] is the same client without I/O: events and the time go in, actions come out. Crier's
//! page drives it with the browser's sockets, and tests drive it with simulated ones. [`Timeline`]
//! keeps the part of a room that a reader looks at. [`EventStreamParser`] reads server-sent events.

#![forbid(unsafe_code)]

mod backoff;
mod event_stream;
mod outbox;
mod timeline;
mod transport;
pub mod urls;

mod core;

#[cfg(feature = "native")]
mod native;

pub use crate::core::{ABNORMAL_CLOSURE, Action, ConnectionState, Core, Event, Options, Update};
pub use event_stream::{EventStreamParser, EventTooLong, StreamItem};
pub use outbox::{OUTBOX_MESSAGES_MAX, Outbox, Pending, Stage};
pub use timeline::{Missed, TIMELINE_ENTRIES_MAX, Timeline};
pub use transport::Transport;

pub use protocol::{
    Author, Entry, Epoch, ErrorCode, Gap, GapReason, Limits, MessagesPage, Position, PublishKey, PublishRequest, Published, RoomName, Text,
};

#[cfg(feature = "native")]
pub use native::{
    Board, ConnectError, Ended, Failure, FailureKind, HistoryError, Message, Page, PublishError, Publisher, Room, Subscription,
};
