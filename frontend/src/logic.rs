//! What the page decides, in pure code: components and the browser's events only ask.

pub mod announcer;
pub mod attention;
pub mod author;
pub mod datetime;
pub mod draft;
pub mod follow;
pub mod ime;
pub mod permalink;
pub mod recent;
pub mod rows;
pub mod settings;
pub mod shortcut;
pub mod status;
pub mod unread;
pub mod urls;
pub mod zone;
