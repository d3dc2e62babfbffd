//! `crier chat` in a pseudo-terminal, with an emulator that shows its screen.

use std::fs;
use std::num::NonZeroU16;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use pty_process::{Command, Pty, Size};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::time::{Instant, interval, timeout, timeout_at};
use vt100::{Parser, Screen};

use crate::board::{Board, binary};

/// The longest wait of any test. A test that reaches it has failed.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// How a chat is started.
#[derive(Default)]
pub struct Setup<'a> {
    pub arguments: &'a [&'a str],
    pub variables: &'a [(&'a str, &'a str)],
    /// Columns and rows; 80 and 24 if there are none.
    pub size: Option<(u16, u16)>,
    /// The home folder, from another chat.
    pub home: Option<Arc<TempDir>>,
}

/// A program in a pseudo-terminal.
pub struct Chat {
    pty: Pty,
    pub process: Child,
    emulator: Parser,
    /// All bytes that the program has written.
    pub raw: Vec<u8>,
    /// The path of the terminal, and its modes before the start.
    terminal: (PathBuf, String),
    pub home: Arc<TempDir>,
}

impl Chat {
    /// Starts a chat in the lobby of a board, and waits until it is connected.
    pub async fn start(board: &Board) -> Self {
        Self::start_with(board, Setup::default()).await
    }

    pub async fn start_with(board: &Board, setup: Setup<'_>) -> Self {
        let mut chat = Self::open(&board.url(""), setup);
        chat.until_shown("online").await;
        chat
    }

    /// Starts a chat, and waits for nothing.
    pub fn open(url: &str, setup: Setup<'_>) -> Self {
        let arguments = [&["chat", "--server", url], setup.arguments].concat();
        Self::open_program(Command::new(binary()).args(arguments), setup)
    }

    /// Starts a shell.
    pub fn open_shell(home: Option<Arc<TempDir>>) -> Self {
        Self::open_program(Command::new("bash").args(["--norc", "--noprofile", "-i"]), Setup { home, ..Setup::default() })
    }

    fn open_program(command: Command, setup: Setup<'_>) -> Self {
        let (columns, rows) = setup.size.unwrap_or((80, 24));
        let home = setup.home.unwrap_or_else(|| Arc::new(TempDir::new().unwrap()));
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let path = fs::read_link(format!("/proc/self/fd/{}", pts.as_raw_fd())).unwrap();
        let modes = modes(&path);
        let variables = ["NO_COLOR", "COLORTERM", "XDG_STATE_HOME", "LC_ALL", "LC_CTYPE", "CRIER_AUTHOR", "http_proxy", "HTTP_PROXY"];
        let mut command = command.kill_on_drop(true).env("HOME", home.path()).env("TERM", "xterm-256color");
        command = variables.into_iter().fold(command, Command::env_remove);
        command = command.env("LANG", "C.UTF-8").env("TZ", "UTC").env("PS1", "shell> ").envs(setup.variables.iter().copied());
        let process = command.spawn(pts).unwrap();
        Self { pty, process, emulator: Parser::new(cells(rows), cells(columns), 0), raw: Vec::new(), terminal: (path, modes), home }
    }

    pub fn screen(&self) -> &Screen {
        self.emulator.screen()
    }

    /// Returns the text on the screen.
    pub fn text(&self) -> String {
        self.screen().contents()
    }

    /// Types text or sequences of keys.
    pub async fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).await.unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.pty.resize(Size::new(rows, columns)).unwrap();
        self.emulator.set_size(cells(rows), cells(columns));
    }

    /// Waits until the screen shows a text.
    pub async fn until_shown(&mut self, text: &str) {
        self.until(&format!("shows `{text}`"), |screen| screen.contents().contains(text)).await;
    }

    pub async fn until(&mut self, what: &str, is_true: impl Fn(&Screen) -> bool) {
        let latest = Instant::now() + TIMEOUT;
        while !is_true(self.emulator.screen()) {
            assert!(self.read(latest).await, "the screen never {what}:\n{}", self.text());
        }
    }

    /// Waits until the program has written nothing for a moment.
    pub async fn until_quiet(&mut self) {
        let latest = Instant::now() + TIMEOUT;
        loop {
            let moment = Instant::now() + Duration::from_millis(150);
            if !self.read(moment).await || Instant::now() > latest {
                return;
            }
        }
    }

    /// Shows what the program writes next. Returns false if nothing comes.
    async fn read(&mut self, latest: Instant) -> bool {
        let before = self.raw.len();
        let Ok(Ok(count)) = timeout_at(latest, self.pty.read_buf(&mut self.raw)).await else { return false };
        self.emulator.process(&self.raw[before..]);
        count > 0
    }

    /// Waits until the program has ended. Returns how.
    pub async fn end(&mut self) -> ExitStatus {
        let latest = Instant::now() + TIMEOUT;
        while self.read(latest).await {}
        timeout(TIMEOUT, self.process.wait()).await.expect("it does not end").unwrap()
    }

    /// Asserts that the terminal is as it was before the start.
    pub fn assert_restored(&self) {
        let screen = self.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste(), "{}", self.text());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        let count = |sequence: &str| self.raw.windows(sequence.len()).filter(|bytes| bytes == &sequence.as_bytes()).count();
        for (on, off) in [("\x1b[?1004h", "\x1b[?1004l"), ("\x1b[>1u", "\x1b[<u"), ("\x1b[?2026h", "\x1b[?2026l")] {
            assert!(count(on) <= count(off), "{on:?} is not undone");
        }
        assert_eq!(modes(&self.terminal.0), self.terminal.1);
    }

    /// Closes the terminal, as a window does.
    pub fn close(self) -> Child {
        self.process
    }

    /// Returns the state file's text.
    pub fn state(&self) -> String {
        fs::read_to_string(self.home.path().join(".local/state/crier/chat.json")).unwrap_or_default()
    }

    /// Waits until the state file contains a text.
    pub async fn until_saved(&mut self, text: &str) {
        eventually(&format!("the state file has `{text}`"), || self.state().contains(text)).await;
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

/// Returns all modes of a terminal, as text.
fn modes(terminal: &PathBuf) -> String {
    let output = std::process::Command::new("stty").arg("-g").arg("-F").arg(terminal).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, is_true: impl Fn() -> bool) {
    let (latest, mut pause) = (Instant::now() + TIMEOUT, interval(Duration::from_millis(20)));
    while !is_true() {
        assert!(Instant::now() < latest, "never true: {what}");
        pause.tick().await;
    }
}
