//! How a subcommand that talks to a board ends.

use std::{io, process};

use client::ConnectError;

/// The exit code of `crier post`, `crier tail` and `crier chat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything was done, the reader of the output ended, or a signal asked to stop.
    Done = 0,
    /// The board refused what was asked, the input is no text, or the output can't be written.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The board could not be reached in time, or the connection ended for good.
    Unreachable = 3,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Why a subcommand could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: ExitCode,
    /// For people: what happened, then what to do.
    pub(super) sentence: String,
}

impl Failure {
    /// Describes why there is no board to talk to.
    pub(super) fn from_connect(error: &ConnectError) -> Self {
        match error {
            ConnectError::Random => Self::refused(error.to_string()),
            _ => Self::usage(error.to_string()),
        }
    }

    /// Describes why standard output takes nothing.
    pub(super) fn output(error: &io::Error) -> Self {
        Self::refused(format!("can't write to standard output: {error}"))
    }

    pub(super) fn refused(sentence: impl Into<String>) -> Self {
        Self { code: ExitCode::Refused, sentence: sentence.into() }
    }

    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self { code: ExitCode::Usage, sentence: sentence.into() }
    }

    pub(super) fn unreachable(sentence: impl Into<String>) -> Self {
        Self { code: ExitCode::Unreachable, sentence: sentence.into() }
    }
}
