//! The durable past: every room's entries in SQLite. One thread writes, a few connections read.
//!
//! All SQL is here. Not here: encoding and wake-ups. A [`CommitListener`] gets what was committed
//! before publishers are answered.

mod error;

mod retention;

mod page_size;

mod command;

mod folder;

mod schema;

mod access;

mod identity;

mod health;

mod scrub;

mod row;

mod read;

mod readers;

mod apply;

mod writer;

mod history;

pub use command::{
    Change, Changes, Command, Decide, EndCast, Outcome, Publish, PublishRules, Refusal, Remaining, RunningCast, StartCast, Stored, Verdict,
};
pub use error::{OpenError, ReadError, WriteError};
pub use history::{History, OpenedHistory, QUEUE_COMMANDS_MAX, Submitted};
pub use page_size::{PAGE_BYTES_MAX, page_bytes};
pub use read::{StoredPage, StoredRoom};
pub use retention::{RetentionPolicy, TrustedTime, stored_bytes};
pub use writer::CommitListener;
