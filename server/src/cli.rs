//! The subcommands beside `serve`.

mod exit_code;
mod terminal;

mod board;
mod notes;

mod post;
mod tail;

mod admin;
mod bench;
mod chat;

mod generated;

pub use admin::{ban, key, room};
pub use bench::bench;
pub use chat::chat;
pub use exit_code::ExitCode;
pub use generated::{completions, man};
pub use post::post;
pub use tail::tail;
pub use terminal::harmless;
