//! The event loop: what happens goes into the model, what the model wants is done, and the screen
//! is drawn.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use client::{Board, Transport};
use crossterm::terminal::size;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::{Author, PublishKey, RoomName};
use ratatui::{TerminalOptions, Viewport};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::event::{Action, Colours, Input, Saved, Settings};
use crate::model::Model;
use crate::output::Output;
use crate::rooms::{Command, Rooms};
use crate::screen::Screen;
use crate::state_file::StateFile;
use crate::terminal::{self, Terminal};
use crate::{keyboard, view};

/// Minimum time between two frames, unless the person did something.
const FRAME_INTERVAL: Duration = Duration::from_millis(50);
/// Maximum number of inputs that are handled before the next frame.
const INPUTS_PER_FRAME_MAX: usize = 512;
/// Maximum number of inputs that are handled as they arrive. More of them wait for the next frame,
/// and are handled together.
const INPUTS_AT_ONCE_MAX: usize = 4;
/// Maximum number of keys that are handled before the next frame.
const KEYS_PER_FRAME_MAX: usize = 64;
/// Minimum time between two ticks.
const TICK_INTERVAL: Duration = Duration::from_millis(20);
/// How long the program waits at its end for messages that are on their way.
const LINGER: Duration = Duration::from_secs(1);
/// How long a suspended program waits to be stopped. The system may ignore the signal.
const STOP_TIME: Duration = Duration::from_millis(200);

/// How a chat is started.
#[derive(Debug)]
pub struct Chat {
    /// The board.
    pub board: Board,
    /// The board's URL.
    pub server: String,
    /// The only transport to use. `None` allows all.
    pub transport: Option<Transport>,
    /// The rooms to open; may be empty.
    pub rooms: Vec<RoomName>,
    /// The name to post under. `None` takes the saved one.
    pub author: Option<Author>,
    /// The colours that the terminal has.
    pub colours: Colours,
    /// True if the terminal shows UTF-8.
    pub is_utf8: bool,
    /// The folder of the state file. `None` saves nothing.
    pub folder: Option<PathBuf>,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// Why a chat could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// Standard input or output is not a terminal.
    #[error("crier chat needs a terminal. Use `crier post` to post and `crier tail` to read without one.")]
    NoTerminal,
    /// The terminal or the system refuses something.
    #[error("can't use the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// A thread has panicked. The panic was printed.
    #[error("crier chat has a defect and had to end; unsent messages are kept")]
    Panicked,
}

impl Chat {
    /// Shows the chat until the person quits, `stop` is ready, or the terminal is gone.
    ///
    /// # Errors
    /// Fails if there is no terminal.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ChatError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(ChatError::NoTerminal);
        }
        let mut edge = Edge::start(self)?;
        let result = edge.run(stop).await;
        edge.end().await.and(result)
    }
}

/// The model, and all that it acts on.
struct Edge {
    model: Model,
    terminal: Terminal,
    screen: ratatui::Terminal<Screen>,
    output: Output,
    keys: mpsc::Receiver<Input>,
    rooms: Rooms,
    inputs: mpsc::Receiver<Input>,
    file: Option<StateFile>,
    /// True once the person was told that nothing can be saved.
    has_told: bool,
    now: fn() -> Timestamp,
    drawn_at: Option<Instant>,
    /// Inputs that were handled since the last frame.
    taken: usize,
    ticked_at: Option<Instant>,
    /// True if the next frame must not wait.
    is_urgent: bool,
    /// True if the whole screen must be written again.
    is_stale: bool,
    must_suspend: bool,
    has_quit: bool,
}

impl Edge {
    fn start(chat: Chat) -> Result<Self, ChatError> {
        let (file, saved, notice) = open_state(chat.folder, &chat.server);
        let terminal_size = size().unwrap_or_default();
        let mut backend = Screen::new(terminal_size, chat.is_utf8);
        let settings = Settings {
            rooms: chat.rooms,
            author: chat.author,
            colours: chat.colours,
            is_utf8: chat.is_utf8,
            links: chat.is_utf8,
            size: backend.resize(terminal_size),
            zone: TimeZone::system(),
            saved,
            draw_key: Box::new(|| PublishKey::random().expect("connecting needed random numbers as well")),
        };
        let (model, actions) = Model::new(settings, (chat.now)());
        let terminal = Terminal::enter()?;
        let options = TerminalOptions { viewport: Viewport::Fullscreen };
        let Ok(screen) = ratatui::Terminal::with_options(backend, options);
        let (rooms, inputs) = Rooms::new(chat.board, chat.transport);
        let mut edge = Self {
            model,
            terminal,
            screen,
            output: Output::start()?,
            keys: keyboard::start()?,
            rooms,
            inputs,
            file,
            has_told: false,
            now: chat.now,
            drawn_at: None,
            taken: 0,
            ticked_at: None,
            is_urgent: true,
            is_stale: true,
            must_suspend: false,
            has_quit: false,
        };
        edge.act(actions);
        if let Some(notice) = notice {
            edge.handle(Input::Notice(notice));
        }
        Ok(edge)
    }

    async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<(), ChatError> {
        let mut stop = pin!(stop);
        let mut hangup = terminal::hangup()?;
        let mut resized = signal(SignalKind::window_change())?;
        let mut continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
        self.resize();
        while !self.has_quit && !terminal::has_panicked() {
            self.keep_time();
            self.draw();
            let wake = self.next_wake();
            let must_wait = self.taken >= INPUTS_AT_ONCE_MAX && self.frame_at().is_some_and(|at| at > Instant::now());
            tokio::select! {
                biased;
                () = &mut stop => self.stop(),
                _ = &mut hangup => self.stop(),
                _ = resized.recv() => self.resize(),
                _ = continued.recv() => self.reenter(),
                key = self.keys.recv() => match key {
                    Some(key) => self.take_keys(key),
                    None => self.stop(),
                },
                result = self.output.idle(), if !self.output.is_idle() => if result.is_err() {
                    self.stop();
                },
                Some(input) = self.inputs.recv(), if !must_wait => self.take_inputs(input),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
            if std::mem::take(&mut self.must_suspend) {
                // A frame that is being written must not follow the restored screen.
                let _ = timeout(STOP_TIME, self.output.idle()).await;
                self.save();
                self.terminal.suspend();
                let _ = timeout(STOP_TIME, continued.recv()).await;
                self.reenter();
            }
        }
        Ok(())
    }

    /// Ends the program, whatever the model wants to do before.
    fn stop(&mut self) {
        self.handle(Input::Stop);
        self.has_quit = true;
    }

    /// Takes the keys that have arrived: a key that repeats must not be drawn late. Not without an
    /// end: a signal must not wait for a paste of thousands of keys.
    fn take_keys(&mut self, key: Input) {
        self.is_urgent = true;
        self.handle(key);
        for _ in 1..KEYS_PER_FRAME_MAX {
            if self.has_quit {
                break;
            }
            let Ok(key) = self.keys.try_recv() else { break };
            self.handle(key);
        }
    }

    fn take_inputs(&mut self, input: Input) {
        self.handle(input);
        self.taken += 1;
        for _ in 1..INPUTS_PER_FRAME_MAX {
            let Ok(input) = self.inputs.try_recv() else { break };
            self.handle(input);
            self.taken += 1;
        }
    }

    fn handle(&mut self, input: Input) {
        let actions = self.model.handle(input, (self.now)());
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Open { room, after, outbox } => self.rooms.open(room, after, outbox),
                Action::Close { room } => self.rooms.close(&room),
                Action::Fetch { room, page } => self.rooms.fetch(room, page),
                Action::Publish { room, message } => self.rooms.tell(&room, Command::Publish(message)),
                Action::Retry { room, key } => self.rooms.tell(&room, Command::Retry(key)),
                Action::Discard { room, key } => self.rooms.tell(&room, Command::Discard(key)),
                Action::RetryNow { room } => self.rooms.tell(&room, Command::RetryNow),
                Action::Save => self.save(),
                Action::Redraw => self.is_stale = true,
                Action::Suspend => self.must_suspend = true,
                Action::Quit => self.has_quit = true,
            }
        }
    }

    fn save(&mut self) {
        let Some(file) = &mut self.file else { return };
        let notice = match file.save(&self.model.saved(), (self.now)()) {
            Ok(notice) => notice,
            Err(error) if !std::mem::replace(&mut self.has_told, true) => {
                let path = file.path();
                Some(format!("{} can't be written ({error}). Drafts and unsent messages are lost at the end.", path.display()))
            }
            Err(_) => None,
        };
        if let Some(notice) = notice {
            self.handle(Input::Notice(notice));
        }
    }

    /// Ticks if it is time.
    fn keep_time(&mut self) {
        if self.tick_at().is_some_and(|at| Instant::now() >= at) {
            self.ticked_at = Some(Instant::now());
            self.handle(Input::Tick);
        }
    }

    fn tick_at(&self) -> Option<Instant> {
        let wait = self.model.deadline()?.duration_since((self.now)());
        let at = Instant::now() + Duration::try_from(wait).unwrap_or_default();
        Some(self.ticked_at.map_or(at, |before| at.max(before + TICK_INTERVAL)))
    }

    /// Returns when the loop has something to do by itself.
    fn next_wake(&self) -> Option<Instant> {
        [self.frame_at(), self.tick_at()].into_iter().flatten().min()
    }

    /// Returns when the next frame is due, if the terminal can take one.
    fn frame_at(&self) -> Option<Instant> {
        let is_wanted = self.model.is_dirty() && self.output.is_idle();
        self.drawn_at.map(|before| before + FRAME_INTERVAL).filter(|_| is_wanted)
    }

    /// Draws a frame if one is due and the last one was written.
    fn draw(&mut self) {
        let has_paused = self.drawn_at.is_none_or(|before| before.elapsed() >= FRAME_INTERVAL);
        let is_due = self.is_stale || self.model.is_dirty() && (self.is_urgent || has_paused);
        if !is_due || !self.output.is_idle() || self.has_quit {
            return;
        }
        let (model, now) = (&mut self.model, (self.now)());
        let is_stale = std::mem::take(&mut self.is_stale);
        if is_stale {
            let Ok(()) = self.screen.clear();
        }
        let Ok(_) = self.screen.draw(|frame| view::draw(model, frame, now));
        self.output.write(|frame| {
            if is_stale {
                frame.extend_from_slice(terminal::ENTER);
            }
            self.screen.backend_mut().take(frame);
        });
        self.drawn_at = Some(Instant::now());
        self.taken = 0;
        self.is_urgent = false;
    }

    fn resize(&mut self) {
        let (columns, rows) = self.screen.backend_mut().resize(size().unwrap_or_default());
        self.is_urgent = true;
        self.handle(Input::Resize { columns, rows });
    }

    /// Takes the terminal back after another program had it.
    fn reenter(&mut self) {
        if self.terminal.reenter().is_err() {
            return self.stop();
        }
        self.is_stale = true;
        self.resize();
    }

    /// Restores the terminal, waits a moment for messages that are on their way, and saves.
    async fn end(mut self) -> Result<(), ChatError> {
        self.save();
        self.terminal.leave();
        if terminal::has_panicked() {
            return Err(ChatError::Panicked);
        }
        let latest = Instant::now() + LINGER;
        while self.model.is_sending() {
            let Ok(Some(input)) = timeout_at(latest, self.inputs.recv()).await else { break };
            self.handle(input);
        }
        self.save();
        match (self.model.kept(), self.file.is_some() && !self.has_told) {
            (0, _) => {}
            (unsent, true) => say(&format!("Unsent messages are kept: {unsent}. The next crier chat sends them.")),
            (unsent, false) => say(&format!("Messages that were not sent: {unsent}.")),
        }
        Ok(())
    }
}

/// Opens the state file, if there is a folder. Returns it, what is saved for the server, and a
/// sentence for the person if something is wrong.
fn open_state(folder: Option<PathBuf>, server: &str) -> (Option<StateFile>, Saved, Option<String>) {
    let Some(folder) = folder else {
        let notice = "There is no home folder. Drafts and unsent messages are lost at the end.";
        return (None, Saved::default(), Some(notice.to_owned()));
    };
    let (file, saved, notice) = StateFile::open(folder, server);
    (Some(file), saved, notice)
}

/// Says something after the screen was left. The terminal may be gone.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "crier: {text}");
}
