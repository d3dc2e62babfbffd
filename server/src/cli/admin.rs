//! `crier key`, `crier room` and `crier ban`: each is one request, or a few, to a board.

mod call;

mod bans;
mod keys;
mod rooms;

use super::exit_code::{ExitCode, Failure};
use super::notes::failed;
use crate::config::{BanCommand, KeyCommand, RoomCommand};

/// Runs `crier key`. `now` is in milliseconds since 1970.
pub async fn key(command: KeyCommand, now: u64) -> ExitCode {
    end(keys::run(command, now).await)
}

/// Runs `crier room`.
pub async fn room(command: RoomCommand) -> ExitCode {
    end(rooms::run(command).await)
}

/// Runs `crier ban`. `now` is in milliseconds since 1970.
pub async fn ban(command: BanCommand, now: u64) -> ExitCode {
    end(bans::run(command, now).await)
}

fn end(result: Result<(), Failure>) -> ExitCode {
    result.map_or_else(|failure| failed(&failure), |()| ExitCode::Done)
}
