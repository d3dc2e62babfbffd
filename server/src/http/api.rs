//! The HTTP interface for programs: reading, waiting and publishing, in JSON.

pub(super) mod admin;

mod cast;
mod messages;
mod publish;
mod room;

pub(super) use cast::{cast, end_cast};
pub(super) use messages::messages;
pub(super) use publish::publish;
pub(super) use room::room;
