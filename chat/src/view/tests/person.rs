//! A person before a simulated terminal.

use client::{ConnectionState, Page, Pending, Stage, Transport, Update};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::{Author, Entry, Epoch, MessagesPage, Position, PublishKey, PublishRequest, RoomName, Text};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, CellWidth as _};

use crate::event::{Action, Colours, Connection, Input, Saved, Settings};
use crate::model::Model;
use crate::view::draw;

/// Saturday 28 November 2026, 12:30 in UTC.
pub(super) const NOON: i64 = 1_795_869_000_000;

/// A person, their terminal, and what the program wanted to do so far.
pub(super) struct Person {
    pub(super) model: Model,
    pub(super) actions: Vec<Action>,
    terminal: Terminal<TestBackend>,
    pub(super) now: i64,
}

pub(super) fn settings(columns: u16, rows: u16) -> Settings {
    let mut keys = 0;
    let draw_key = move || {
        keys += 1;
        PublishKey::from_bits(keys)
    };
    Settings {
        rooms: vec![RoomName::lobby()],
        author: Author::parse("Ana").ok(),
        colours: Colours::Many,
        is_utf8: true,
        links: false,
        size: (columns, rows),
        zone: TimeZone::UTC,
        saved: Saved::default(),
        draw_key: Box::new(draw_key),
    }
}

pub(super) fn room(name: &str) -> RoomName {
    name.parse().unwrap()
}

/// A message at an offset, written `offset` seconds after noon.
pub(super) fn entry(offset: u64, author: &str, text: &str) -> Entry {
    let time = (NOON as u64) + offset * 1000;
    Entry {
        offset,
        time,
        author: Author::from_stored(author.to_owned()),
        text: Text::from_stored(text.to_owned()),
        key: None,
        raw: None,
        ..Default::default()
    }
}

pub(super) fn at(offset: u64) -> Position {
    Position { epoch: Epoch(1), offset }
}

/// A page with some messages, of a room whose newest has the offset `latest`.
pub(super) fn page(entries: Vec<Entry>, latest: u64) -> MessagesPage {
    let first = entries.first().map_or(0, |first| first.offset);
    let last = entries.last().map_or(latest, |last| last.offset);
    let before = (first > 1).then(|| at(first));
    MessagesPage { room: RoomName::lobby(), entries, position: at(last), before, latest: at(latest), online: 2, you: None }
}

/// A page with short messages of one author.
pub(super) fn numbered(offsets: std::ops::RangeInclusive<u64>, latest: u64) -> MessagesPage {
    page(offsets.map(|offset| entry(offset, "Bo", &format!("message {offset}"))).collect(), latest)
}

pub(super) fn connection(state: ConnectionState) -> Connection {
    Connection { state, online: 3, last_error: None, retry_in: None, slow_for: None, outbox: None }
}

pub(super) fn live() -> Connection {
    connection(ConnectionState::Live { transport: Transport::WebSocket, follower: false })
}

impl Person {
    /// A person who has opened the lobby, without messages yet.
    pub(super) fn with(settings: Settings) -> Self {
        let terminal = Terminal::new(TestBackend::new(settings.size.0, settings.size.1)).unwrap();
        let (model, actions) = Model::new(settings, Timestamp::from_millisecond(NOON).unwrap());
        Self { model, actions, terminal, now: NOON }
    }

    /// A person who sees a page of the lobby and has a connection.
    pub(super) fn in_lobby(settings: Settings, page: MessagesPage) -> Self {
        let mut person = Self::with(settings);
        person.load("lobby", Page::Latest, page);
        person.connect();
        person
    }

    pub(super) fn sees(columns: u16, rows: u16, entries: Vec<Entry>) -> Self {
        let latest = entries.last().map_or(0, |last| last.offset);
        Self::in_lobby(settings(columns, rows), page(entries, latest))
    }

    pub(super) fn time(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now).unwrap()
    }

    pub(super) fn input(&mut self, input: Input) {
        let now = self.time();
        let actions = self.model.handle(input, now);
        self.actions.extend(actions);
    }

    pub(super) fn wait(&mut self, milliseconds: i64) {
        self.now += milliseconds;
        self.input(Input::Tick);
    }

    pub(super) fn load(&mut self, name: &str, asked: Page, page: MessagesPage) {
        self.input(Input::Page { room: room(name), asked, result: Ok(page) });
    }

    pub(super) fn update(&mut self, name: &str, update: Update, connection: Connection) {
        self.input(Input::Update { room: room(name), update, connection });
    }

    pub(super) fn connect(&mut self) {
        self.update("lobby", Update::Connection, live());
    }

    pub(super) fn disconnect(&mut self) {
        self.update("lobby", Update::Connection, connection(ConnectionState::Waiting { until: 0 }));
    }

    pub(super) fn receive(&mut self, entry: Entry) {
        self.update("lobby", Update::Entry(entry), live());
    }

    /// The lobby's outbox has these messages now.
    pub(super) fn outbox(&mut self, pending: Vec<(PublishRequest, Stage)>) {
        let pending = pending.into_iter().map(|(message, stage)| Pending { message, stage }).collect();
        self.update("lobby", Update::Outbox, Connection { outbox: Some(pending), ..live() });
    }

    pub(super) fn press(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.input(Input::Key(KeyEvent::new(code, modifiers)));
    }

    pub(super) fn key(&mut self, code: KeyCode) {
        self.press(code, KeyModifiers::NONE);
    }

    pub(super) fn control(&mut self, c: char) {
        self.press(KeyCode::Char(c), KeyModifiers::CONTROL);
    }

    pub(super) fn write(&mut self, text: &str) {
        text.chars().for_each(|c| self.key(KeyCode::Char(c)));
    }

    /// Writes a line and presses Enter.
    pub(super) fn enter(&mut self, text: &str) {
        self.write(text);
        self.key(KeyCode::Enter);
    }

    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
        self.input(Input::Resize { columns, rows });
    }

    /// Draws the screen.
    pub(super) fn buffer(&mut self) -> Buffer {
        let now = self.time();
        let Self { terminal, model, .. } = self;
        terminal.draw(|frame| draw(model, frame, now)).unwrap();
        assert!(!model.is_dirty());
        terminal.backend().buffer().clone()
    }

    /// The rows of the screen, without spaces at their ends.
    pub(super) fn screen(&mut self) -> Vec<String> {
        let buffer = self.buffer();
        buffer.content.chunks(buffer.area.width.into()).map(row).collect()
    }

    /// The rows with messages and the lines between them.
    pub(super) fn list(&mut self) -> Vec<String> {
        let screen = self.screen();
        let part = self.model.screen().list;
        screen[usize::from(part.y)..usize::from(part.bottom())].iter().filter(|row| !row.is_empty()).cloned().collect()
    }

    pub(super) fn status(&mut self) -> String {
        let screen = self.screen();
        screen[usize::from(self.model.screen().status.y)].clone()
    }

    pub(super) fn cursor(&mut self) -> (u16, u16) {
        self.screen();
        let position = self.terminal.get_cursor_position().unwrap();
        (position.x, position.y)
    }

    pub(super) fn has(&mut self, text: &str) -> bool {
        self.screen().iter().any(|row| row.contains(text))
    }

    /// The messages that were handed over for publishing.
    pub(super) fn published(&self) -> Vec<PublishRequest> {
        let publishes = self.actions.iter().filter_map(|action| match action {
            Action::Publish { message, .. } => Some(message.clone()),
            _ => None,
        });
        publishes.collect()
    }
}

fn row(cells: &[ratatui::buffer::Cell]) -> String {
    let (mut row, mut x) = (String::new(), 0);
    while let Some(cell) = cells.get(x) {
        row.push_str(cell.symbol());
        x += usize::from(cell.cell_width().max(1));
    }
    row.trim_end().to_owned()
}
