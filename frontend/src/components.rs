//! What the page is made of. Components show the board and forward what the reader does; `decide` decides.

#![allow(unreachable_pub, reason = "`#[component]` makes a second function that is as public and not exported")]

mod composer;
mod connection;
mod header;
mod message;
mod pending;
mod timeline;

pub use composer::{Composer, ComposerStart};
pub use connection::Connection;
pub use header::Header;
pub use message::Message;
pub use pending::PendingMessage;
pub use timeline::Timeline;
