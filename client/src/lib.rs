//! A client for Crier rooms: follow a room without losing an entry, and publish each message once.
//!
//! # For programs
//!
//! With the feature `native`, [`native::Client`] connects to a server, reconnects by itself,
//! changes transports where a proxy is in the way, and continues after its last position:
//!
//! ```no_run
//! # #[cfg(feature = "native")]
//! # async fn follow() -> Result<(), Box<dyn std::error::Error>> {
//! use client::native::Client;
//! use client::{Options, Update};
//! use protocol::{Author, PublishRequest, RoomName, Text};
//!
//! let room: RoomName = "lobby".parse()?;
//! let mut client = Client::connect("http://localhost:5000", &room, Options::default())?;
//!
//! // Publish a message. It is sent as soon as there is a connection.
//! let (text, author) = (Text::parse("hello")?, Author::parse("Ana")?);
//! let key = client.publish(PublishRequest { text, author, key: None }).await?;
//!
//! // Follow the room. Every entry comes once and in order.
//! while let Some(update) = client.next().await {
//!     match update {
//!         Update::Entry(entry) => println!("{}: {}", entry.author.as_str(), entry.text.as_str()),
//!         Update::Gap(gap) => println!("entries are missing: {:?}", gap.reason),
//!         Update::Published { key: published, .. } if published == key => break,
//!         _ => {}
//!     }
//! }
//!
//! // Continue later where this client stopped.
//! let options = Options { after: client.position(), ..Options::default() };
//! let client = Client::connect("http://localhost:5000", &room, options)?;
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

mod core;

#[cfg(feature = "native")]
pub mod native;

pub use crate::core::{ABNORMAL_CLOSURE, Action, ConnectionState, Core, Event, Options, Update};
pub use event_stream::{EventStreamParser, EventTooLong, StreamItem};
pub use outbox::{OUTBOX_MESSAGES_MAX, Outbox, Pending, Stage};
pub use timeline::{Missed, TIMELINE_ENTRIES_MAX, Timeline};
pub use transport::Transport;
