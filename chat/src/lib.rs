//! The screen of `crier chat`: rooms of a board in a terminal.
//!
//! [`Model`] is the whole state as a state machine: an [`Input`] and the time go in, [`Action`]s
//! come out. [`draw`] shows it. Both have no terminal, clock, socket or file.

#![forbid(unsafe_code)]

mod texts;

mod printable;

mod wrap;

mod calendar;
mod event;

mod colours;
mod composer;
mod recall;

mod command;
mod room;
mod search;

mod model;
mod view;

mod screen;
mod terminal;

mod keyboard;
mod output;
mod rooms;
mod state_file;

mod run;

pub use event::{Action, Colours, Connection, Input, Saved, SavedRoom, Settings};
pub use model::Model;
pub use printable::is_harmful;
pub use run::{Chat, ChatError};
pub use view::draw;
