//! `crier chat`: rooms on a screen of their own in the terminal.

use chat::{Chat, ChatError};
use jiff::Timestamp;

use super::board;
use super::exit_code::ExitCode;
use super::notes::{failed, note};
use crate::config;

/// Shows the chat until the person quits or `stop` is ready. `now` is the clock.
pub async fn chat(settings: config::Chat, now: fn() -> Timestamp, stop: impl Future<Output = ()>) -> ExitCode {
    let environment = config::TerminalEnvironment::read();
    let default = || board::default_identity(environment.state_folder.as_deref()?, &settings.remote.server);
    let board = match board::connect(&settings.remote, settings.identity.clone().or_else(default).as_deref()) {
        Ok(board) => board,
        Err(failure) => return failed(&failure),
    };
    let chat = Chat {
        board,
        server: settings.remote.server,
        transport: settings.transport,
        rooms: settings.rooms,
        author: settings.author,
        colours: environment.colours,
        is_utf8: environment.is_utf8,
        folder: environment.state_folder,
        now,
    };
    let result = if environment.is_dumb { Err(ChatError::NoTerminal) } else { chat.run(stop).await };
    let Err(error) = result else { return ExitCode::Done };
    note(&error.to_string());
    match error {
        ChatError::NoTerminal => ExitCode::Usage,
        _ => ExitCode::Refused,
    }
}
