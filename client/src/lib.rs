//! The Crier client, without any I/O of its own: events and the time go in, actions come out.
//!
//! [`Core`] keeps the connection and the outbox, [`Timeline`] folds what arrives into what a reader sees. The page drives both with
//! the browser's sockets, the command line with native ones (feature `native`), the tests with none at all.

mod backoff;
mod core;
mod event_stream;
mod outbox;
mod timeline;
mod transport;

#[cfg(feature = "native")]
pub mod native;

pub use crate::core::{ABNORMAL_CLOSURE, Action, ConnectionState, Core, Event, Options, Update};
pub use event_stream::{EventStreamParser, EventTooLong, StreamItem};
pub use outbox::{OUTBOX_MESSAGES_MAX, Outbox, Pending, Stage};
pub use timeline::{Missed, TIMELINE_ENTRIES_MAX, Timeline};
pub use transport::Transport;
