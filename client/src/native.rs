//! The client for programs outside a browser: a [`crate::Core`] over sockets and HTTP, in a Tokio
//! task.
//!
//! The task ends when its [`Subscription`] is dropped. While the program does not take updates, the
//! task does not read from the server either. So a slow program is a slow reader to the server, and
//! memory is bounded.

mod failure;

mod address;
mod identity;
mod tls;

mod dial;

mod channel;

mod http;
mod websocket;

mod driver;
mod subscription;

mod message;
mod publish;

mod history;

mod board;

#[cfg(test)]
mod tests;

pub use board::{Board, Room};
pub use failure::{ConnectError, Ended, Failure, FailureKind};
pub use history::{HistoryError, Page};
pub use identity::{Identity, IdentityError};
pub use message::Message;
pub use publish::PublishError;
pub use subscription::{Publisher, Subscription};
