//! What the page decides, in pure code: components and the browser's events only ask.

pub mod author;
pub mod draft;
pub mod follow;
pub mod ime;
pub mod moment;
pub mod rows;
pub mod status;
