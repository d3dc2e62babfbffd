//! A client for Crier boards: publish each message once, and follow a room without losing an entry.
//!
//! # A bot
//!
//! This program plays guess-the-number with everyone in a room. Its state is the room's log, so it
//! continues where it was killed. The rules of the game, which know no client, are beside it in
//! `examples/guess_number`.
//!
//! ```text
#![doc = include_str!("../examples/guess_number/main.rs")]
//! ```
//!
//! # Publish
//!
//! With the feature `native`, a [`Board`] has rooms. [`Room::publish`] waits until the message is
//! stored. While the server is away it tries again, and the message is stored once.
//!
//! ```
//! use client::{Board, Message};
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = server::TemporaryServer::start()?;
//! # let url = server.url();
//!
//! let room = Board::connect(url)?.room("Tea Time")?;
//! let published = room.publish("The water boils.").await?;
//! assert_eq!(published.position.offset, 1);
//!
//! // A key makes it safe to publish a message again, even from another process.
//! let message = Message::new("Tea is ready.").author("Ana").key("tea-1");
//! let first = room.publish(message.clone()).await?;
//! let again = room.publish(message).await?;
//! assert!(again.duplicate && again.position == first.position);
//! # Ok(())
//! # }
//! ```
//!
//! # Follow a room, and resume
//!
//! A [`Subscription`] is a stream of [`Update`]s. It reconnects by itself, and changes transports
//! where a proxy is in the way. Every entry comes once and in order; a gap is reported. The
//! position is all that a program has to remember to continue.
//!
//! ```
//! use client::{Board, Room, Subscription, Update};
//!
//! /// Returns the next text in the room.
//! async fn next_text(updates: &mut Subscription) -> Option<String> {
//!     while let Some(update) = updates.next().await {
//!         match update {
//!             Update::Entry(entry) => return Some(entry.text.into()),
//!             Update::Gap(gap) => println!("entries before {} are no longer kept", gap.resumes),
//!             Update::Connection => println!("{:?}", updates.connection()),
//!             _ => {}
//!         }
//!     }
//!     // The server does not want this client back.
//!     println!("ended: {:?}", updates.ended());
//!     None
//! }
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = server::TemporaryServer::start()?;
//! # let url = server.url();
//!
//! let room = Board::connect(url)?.room("lobby")?;
//! let start = room.publish("one").await?.position;
//! room.publish("two").await?;
//!
//! let mut updates = room.subscribe(start);
//! assert_eq!(next_text(&mut updates).await.as_deref(), Some("two"));
//!
//! // Later, in another process:
//! let position = updates.position();
//! # drop(updates);
//! room.publish("three").await?;
//! let mut updates = room.subscribe(position);
//! assert_eq!(next_text(&mut updates).await.as_deref(), Some("three"));
//! # Ok(())
//! # }
//! ```
//!
//! A program that has shown a page of history subscribes from the page's position, so that it
//! misses nothing in between.
//!
//! # Read history
//!
//! ```
//! use client::{Board, Page};
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = server::TemporaryServer::start()?;
//! # let url = server.url();
//!
//! let room = Board::connect(url)?.room("lobby")?;
//! for n in 1..=5 {
//!     room.publish(n.to_string()).await?;
//! }
//!
//! // The newest entries, then older ones until there are no more.
//! let mut page = room.history_with(Page::Latest, 2).await?;
//! let mut texts: Vec<String> = page.entries.into_iter().map(|entry| entry.text.into()).collect();
//! assert_eq!(texts, ["4", "5"]);
//! while let Some(before) = page.before {
//!     page = room.history_with(Page::Before(before), 2).await?;
//!     texts.splice(..0, page.entries.into_iter().map(|entry| entry.text.into()));
//! }
//! assert_eq!(texts, ["1", "2", "3", "4", "5"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Handle errors
//!
//! Every error is an enum to match on, and says whether the same call may succeed later. A
//! [`Failure`] tells the reasons apart: no server, no proxy, an invalid certificate, an answer that
//! is not of a Crier server, a refusal, the end of a session.
//!
//! ```
//! use std::time::Duration;
//!
//! use client::{Board, ErrorCode, FailureKind, Message, PublishError};
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = server::TemporaryServer::start()?;
//! # let url = server.url();
//!
//! let room = Board::connect(url)?.room("lobby")?;
//! room.publish(Message::new("hello").key("k")).await?;
//! match room.publish(Message::new("something else").key("k")).await {
//!     Err(PublishError::Refused { code: ErrorCode::KeyReused, .. }) => println!("key is taken"),
//!     Err(error) if error.is_temporary() => println!("{error}; it may work later"),
//!     Err(error) => return Err(error.into()),
//!     Ok(_) => unreachable!(),
//! }
//!
//! // Nothing listens on this port.
//! let nowhere = Board::connect("http://127.0.0.1:1")?.room("lobby")?;
//! let impatient = nowhere.with_time_limit(Duration::from_secs(1));
//! let error = impatient.publish("hello").await.unwrap_err();
//! let PublishError::TimedOut(failure) = &error else { panic!("{error}") };
//! assert_eq!(failure.kind(), FailureKind::NoServer);
//! assert!(error.is_temporary());
//! # Ok(())
//! # }
//! ```
//!
//! # Take a message back
//!
//! A program with an [`Identity`] can change its own messages. A change is an [`Update`] like a
//! message, and every page of history has its result already. [`Entry::fold`] applies a change to a
//! message. A [`Timeline`] does that for the part of a room that a reader looks at.
//!
//! ```
//! use client::{Board, Identity, Page, Update};
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = server::TemporaryServer::start()?;
//! # let url = server.url();
//!
//! // `Identity::from_file` keeps the identity for the next run.
//! let room = Board::connect(url)?.with_identity(&Identity::random()?).room("lobby")?;
//! let start = room.publish("Tee is ready.").await?.position;
//! room.edit(start.offset, "Tea is ready.").await?;
//! room.react(start.offset, "👍").await?;
//!
//! let mut message = room.history(Page::Latest).await?.entries.remove(0);
//! assert_eq!(message.text.as_str(), "Tea is ready.");
//! assert!(message.edited.is_some() && message.reactions[0].mine);
//!
//! // Everyone who is connected hears of it.
//! let mut updates = room.subscribe(start);
//! room.erase(start.offset).await?;
//! while !message.erased {
//!     if let Some(Update::Change(change)) = updates.next().await {
//!         message.fold(&change, None);
//!     }
//! }
//! assert_eq!(message.text.as_str(), "");
//! # Ok(())
//! # }
//! ```
//!
//! [`Board::with_access_key`] gives a program the rights of an access key: to read and post in
//! private rooms, or to moderate. [`Room::info`] says what it may do.
//!
//! # Show messages that are on their way
//!
//! A program for people shows their messages before they are stored, and keeps them over a restart.
//! The [`Publisher`] of a subscription returns as soon as a message is queued. The outbox then has
//! it until its entry arrives, or until it is refused and the program retries or discards it.
//!
//! ```
//! use client::{Board, Message, Options, Update};
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = server::TemporaryServer::start()?;
//! # let url = server.url();
//!
//! let room = Board::connect(url)?.room("lobby")?;
//! // What an earlier process had not published.
//! let unsent = vec![Message::new("first").key("a").try_into()?];
//! let mut updates = room.subscribe_with(Options { outbox: unsent, ..Options::default() });
//! let second = updates.publisher().publish(Message::new("second").try_into()?).await?;
//!
//! while let Some(update) = updates.next().await {
//!     match update {
//!         // The time to save the outbox.
//!         Update::Outbox => println!("{:?}", updates.outbox()),
//!         Update::Published { key, published } if key == second => {
//!             assert_eq!(published.position.offset, 2);
//!             break;
//!         }
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Without the feature `native`
//!
//! [`Core`] is the same client without I/O: events and the time go in, actions come out. Its
//! documentation shows how to drive it from any runtime, or from none. Crier's page drives it with
//! the browser's sockets, and tests drive it with simulated ones. [`Timeline`] keeps the part of a
//! room that a reader looks at. [`EventStreamParser`] reads server-sent events.

#![forbid(unsafe_code)]

mod backoff;
mod event_stream;
pub mod hues;
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
    Author, CastInfo, Emoji, Entry, Epoch, ErrorCode, Gap, GapReason, Kind, Limits, MessagesPage, Mode, Position, Problem, PublishKey,
    PublishRequest, Published, Reaction, RoomInfo, RoomName, RoomSettings, Tag, Text,
};

#[cfg(feature = "native")]
pub use native::{
    Board, ConnectError, Ended, Failure, FailureKind, HistoryError, Identity, IdentityError, Message, Page, PublishError, Publisher, Room,
    Subscription,
};
