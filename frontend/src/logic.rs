//! The decisions of the page, in pure code: no signals, no browser, no clock.

pub mod datetime;
pub mod zone;

pub mod announcer;
pub mod attention;
pub mod author;
pub mod changes;
pub mod draft;
pub mod follow;
pub mod ime;
pub mod permalink;
pub mod place;
pub mod recent;
#[cfg(feature = "ssr")]
pub mod room_name;
pub mod rows;
pub mod settings;
pub mod shortcut;
pub mod status;
pub mod unread;

pub use client::urls;

pub mod format;
