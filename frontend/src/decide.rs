//! What the page decides, in pure code: components and the browser's events only ask.

pub mod attention;
pub mod author;
pub mod crowd;
pub mod draft;
pub mod follow;
pub mod ime;
pub mod link;
pub mod links;
pub mod moment;
pub mod recent;
pub mod rows;
pub mod settings;
pub mod shortcut;
pub mod status;
pub mod unread;
