//! What `crier post` prints.

use std::io::{self, ErrorKind, Write as _};

use protocol::{PublishKey, Published};
use serde::Serialize;

use super::super::notes::note;
use super::super::terminal::write_json;

/// Prints a line for each message. A message that is stored is a success even if its line can't be
/// written: an error would make the caller post it twice.
pub(super) struct Printer {
    quiet: bool,
    json: bool,
    has_failed: bool,
}

/// A line of `crier post --json`.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    published: Option<&'a Published>,
    /// True if the message waits for a moderator.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    queued: bool,
    key: &'a PublishKey,
}

impl Printer {
    pub(super) fn new(quiet: bool, json: bool) -> Self {
        Self { quiet, json, has_failed: false }
    }

    /// Prints where a message is; `None` if it waits for a moderator.
    pub(super) fn print(&mut self, key: &PublishKey, published: Option<&Published>) {
        if self.quiet || self.has_failed {
            return;
        }
        let mut output = io::stdout().lock();
        let printed = match (self.json, published) {
            (true, _) => write_json(&Line { published, queued: published.is_none(), key }, &mut output),
            (false, Some(published)) => writeln!(output, "{}", published.position),
            (false, None) => Ok(()),
        };
        if let Err(error) = printed.and_then(|()| output.flush()) {
            self.has_failed = true;
            if error.kind() != ErrorKind::BrokenPipe {
                note(&format!("posted, but can't write its position: {error}"));
            }
        }
    }
}
