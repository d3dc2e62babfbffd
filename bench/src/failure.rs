//! Why a run failed.

use std::error::Error;
use std::io::{self, ErrorKind};

/// Why a run failed, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Failure {
    text: String,
    /// True if the server ended a connection.
    pub(crate) is_disconnect: bool,
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_disconnect: false }
    }

    pub(crate) fn disconnected(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_disconnect: true }
    }

    /// Takes the text of the innermost cause; the outer ones name a library's layers.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::new(cause.to_string())
    }

    /// The failure of a socket.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::new("nobody listens there"),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Self::disconnected("the server broke a connection off"),
            _ => Self::of(error),
        }
    }
}
