//! Notes to the person at the terminal, on standard error.

use std::io::{self, Write as _};
use std::time::Duration;

use client::{ConnectionState, FailureKind, Subscription, Transport};

use super::exit_code::{ExitCode, Failure};
use super::terminal::harmless;

/// Prints a note to standard error, if it is open.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "crier: {}", harmless(text));
}

/// Notes why a subcommand failed. Returns its exit code.
pub(super) fn failed(failure: &Failure) -> ExitCode {
    note(&failure.sentence);
    failure.code
}

/// Says why a board can't be reached, with its URL where that may be wrong.
pub(super) fn explain(server: &str, failure: &client::Failure) -> String {
    match failure.kind() {
        FailureKind::NoServer => format!("there is no connection to {server}: {failure}"),
        FailureKind::NotCrier { .. } if !failure.is_temporary() => format!("there is no Crier board at {server}: {failure}"),
        _ => failure.to_string(),
    }
}

/// Tells when a connection is lost or back. At first the person expects a connection over the best
/// transport.
#[derive(Clone, Debug)]
pub(super) struct ConnectionNotes {
    server: String,
    quiet: bool,
    is_live: bool,
    transport: Transport,
}

impl ConnectionNotes {
    pub(super) fn new(server: &str, quiet: bool, transport: Option<Transport>) -> Self {
        Self { server: server.to_owned(), quiet, is_live: true, transport: transport.unwrap_or(Transport::WebSocket) }
    }

    /// Notes what has changed.
    pub(super) fn update(&mut self, updates: &Subscription) {
        if let (Some(trouble), Some(wait)) = (updates.last_error(), updates.retry_in()) {
            self.lost(&explain(&self.server, trouble), wait);
        }
        if let ConnectionState::Live { transport, .. } = updates.connection() {
            let before = std::mem::replace(&mut self.transport, transport);
            if transport != before {
                self.is_live = true;
                self.note(&format!("connected by {}", transport.as_str()));
            } else {
                self.found();
            }
        }
    }

    /// Notes that the board can't be reached.
    pub(super) fn lost(&mut self, trouble: &str, wait: Duration) {
        self.is_live = false;
        self.note(&format!("{trouble}; trying again in {:.1} s", wait.as_secs_f32()));
    }

    /// Notes that the board is back, if it was away.
    pub(super) fn found(&mut self) {
        if !std::mem::replace(&mut self.is_live, true) {
            self.note("connected again");
        }
    }

    fn note(&self, text: &str) {
        if !self.quiet {
            note(text);
        }
    }
}
