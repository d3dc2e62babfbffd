//! Requests to the admin interface of a board, and printing what comes back.

use std::io::{self, ErrorKind, Write as _};

use client::{Board, HistoryError};
use jiff::Timestamp;
use protocol::{ErrorCode, RoomName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::board::{connect, escaped};
use crate::cli::exit_code::Failure;
use crate::cli::notes::explain;
use crate::cli::terminal::{harmless, write_json};
use crate::config;

/// A board, and how to print.
pub(super) struct Call {
    board: Board,
    server: String,
    is_json: bool,
}

impl Call {
    /// Prepares to talk to the board of the settings, with their access key.
    pub(super) fn new(settings: &config::Call) -> Result<Self, Failure> {
        let board = connect(&settings.remote, None)?;
        Ok(Self { board, server: settings.remote.server.clone(), is_json: settings.json })
    }

    /// Requests a value.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.send("GET", path, String::new()).await
    }

    /// Sends a value, and returns the answer.
    pub(super) async fn send_json<T: DeserializeOwned>(&self, method: &str, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = serde_json::to_string(body).map_err(|error| Failure::refused(error.to_string()))?;
        self.send(method, path, body).await
    }

    /// Deletes what is at a path.
    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.board.request("DELETE", path, String::new()).await.map(drop).map_err(|error| self.failure(&error))
    }

    async fn send<T: DeserializeOwned>(&self, method: &str, path: &str, body: String) -> Result<T, Failure> {
        let answer = self.board.request(method, path, body).await.map_err(|error| self.failure(&error))?;
        serde_json::from_slice(&answer).map_err(|_| Failure::refused("The board's answer has an unknown form. Is this a newer version?"))
    }

    fn failure(&self, error: &HistoryError) -> Failure {
        match error {
            HistoryError::Refused { code: ErrorCode::AccessRefused | ErrorCode::AccessKeyUnknown | ErrorCode::NotFound, detail } => {
                Failure::refused(format!("{detail} Give a key that may do it with --access-key or CRIER_ACCESS_KEY."))
            }
            HistoryError::Refused { detail, .. } => Failure::refused(detail),
            HistoryError::Failed(failure) => Failure::unreachable(explain(&self.server, failure)),
            other => Failure::unreachable(other.to_string()),
        }
    }

    /// Prints a value as JSON if that was asked for, or else the lines.
    pub(super) fn print(&self, value: &impl Serialize, lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
        let mut output = io::stdout().lock();
        let printed = if self.is_json {
            write_json(value, &mut output)
        } else {
            lines.into_iter().try_for_each(|line| writeln!(output, "{}", harmless(&line)))
        };
        match printed.and_then(|()| output.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::output(&error)),
            _ => Ok(()),
        }
    }
}

/// The path of a room's settings and queue in the admin interface.
pub(super) fn room_path(room: &RoomName) -> String {
    format!("/api/admin/rooms/{}", escaped(room))
}

/// Shows a time, in UTC.
pub(super) fn shown(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    time.map_or_else(|| "never".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// Lays rows out in columns that are two spaces apart.
pub(super) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}  ", width = width(column)));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
