//! The state of the program.

mod screen;

mod finder;
mod selection;

mod run;

mod keys;

use client::{Page, Update};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use protocol::{Author, MessagesPage, PublishKey, RoomName};

use crate::colours::Palette;
use crate::event::{Action, Connection, Input, Saved, SavedRoom, Settings};
use crate::printable::Charset;
use crate::recall::Recall;
use crate::room::{Grid, Room};
use crate::texts;

pub(crate) use finder::Finder;
pub(crate) use screen::{PROMPT_COLUMNS, Screen};

/// Maximum number of open rooms.
pub(crate) const ROOMS_MAX: usize = 20;
/// How long a sentence of ours is shown.
const NOTICE: SignedDuration = SignedDuration::from_secs(12);
/// The longest time until a change of what is typed or read is saved.
const SAVE: SignedDuration = SignedDuration::from_millis(500);
/// The same for what is only read.
const SAVE_READ: SignedDuration = SignedDuration::from_secs(5);
/// A message that is not posted after this time is said to be on its way.
const SENDING: SignedDuration = SignedDuration::from_millis(400);

/// The state of the program: rooms, what is typed, what is shown.
pub struct Model {
    pub(crate) rooms: Vec<Room>,
    pub(crate) active: usize,
    pub(crate) author: Author,
    pub(crate) palette: Palette,
    pub(crate) charset: Charset,
    pub(crate) links: bool,
    pub(crate) zone: TimeZone,
    pub(crate) search: Option<Finder>,
    /// The first row of the help that is shown.
    pub(crate) help: Option<usize>,
    notice: Option<(String, Timestamp)>,
    recall: Recall,
    size: (u16, u16),
    has_focus: bool,
    /// Until when the person may answer that they want to quit.
    leaving_until: Option<Timestamp>,
    draw_key: Box<dyn FnMut() -> PublishKey + Send>,
    save_at: Option<Timestamp>,
    /// Since when messages are on their way.
    sending_since: Option<Timestamp>,
    /// The time of the last input.
    now: Timestamp,
    is_dirty: bool,
    /// The actions of the current call so far.
    actions: Vec<Action>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("rooms", &self.rooms).field("active", &self.active).finish_non_exhaustive()
    }
}

impl Model {
    /// Creates the state, and returns what to do first.
    pub fn new(settings: Settings, now: Timestamp) -> (Self, Vec<Action>) {
        let Settings { rooms, author, colours, is_utf8, links, size, zone, saved, draw_key } = settings;
        let mut model = Self {
            rooms: Vec::new(),
            active: 0,
            author: author.unwrap_or(saved.author),
            palette: Palette::new(colours),
            charset: if is_utf8 { Charset::Unicode } else { Charset::Ascii },
            links,
            zone,
            search: None,
            help: None,
            notice: None,
            recall: Recall::new(saved.history),
            size,
            has_focus: true,
            leaving_until: None,
            draw_key,
            save_at: None,
            sending_since: None,
            now,
            is_dirty: true,
            actions: Vec::new(),
        };
        for saved in saved.rooms {
            model.open(saved);
        }
        model.active = saved.active.min(model.rooms.len().saturating_sub(1));
        // The tabs are in the order of the arguments; the first of them is shown.
        for name in rooms.iter().chain(rooms.first()) {
            model.join(name, now);
        }
        if model.rooms.is_empty() {
            model.join(&RoomName::lobby(), now);
        }
        model.settle(now);
        let actions = std::mem::take(&mut model.actions);
        (model, actions)
    }

    /// Handles an input at the time `now`. Returns what to do, in order.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Vec<Action> {
        match input {
            Input::Key(key) => self.key(key, now),
            Input::Paste(text) => self.paste(&text, now),
            Input::Mouse(mouse) => self.mouse(mouse),
            Input::Resize { columns, rows } => self.resize(columns, rows),
            Input::Focus(has_focus) => self.has_focus = has_focus,
            Input::Update { room, update, connection } => self.update(&room, update, connection, now),
            Input::Page { room, asked, result } => self.page(&room, asked, result, now),
            Input::Ended { room, why } => self.ended(&room, why, now),
            Input::Notice(sentence) => self.say(sentence, now),
            Input::Stop => self.actions.extend([Action::Save, Action::Quit]),
            Input::Tick => {}
        }
        self.settle(now);
        std::mem::take(&mut self.actions)
    }

    /// Returns when [`Input::Tick`] is due. An earlier tick has no effect.
    pub fn deadline(&self) -> Option<Timestamp> {
        let notice = self.notice.as_ref().map(|(_, until)| *until);
        let link = self.rooms[self.active].link.deadline(self.now);
        let sending = self.sending_since.and_then(|since| since.checked_add(SENDING).ok()).filter(|at| *at > self.now);
        [self.save_at, notice, link, sending].into_iter().flatten().min()
    }

    /// Returns what the next run continues with.
    pub fn saved(&self) -> Saved {
        Saved {
            author: self.author.clone(),
            rooms: self.rooms.iter().map(Room::saved).collect(),
            active: self.active,
            history: self.recall.texts().to_vec(),
        }
    }

    /// True if the screen is older than the state.
    pub fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// True if messages are on their way over a live connection, so they may be stored in a moment.
    pub(crate) fn is_sending(&self) -> bool {
        self.rooms.iter().any(|room| room.link.is_live() && room.outgoing.unsent() > 0)
    }

    /// Returns how many messages and changes are not posted.
    pub(crate) fn kept(&self) -> usize {
        self.rooms.iter().map(|room| room.outgoing.kept()).sum()
    }

    pub(crate) fn drawn(&mut self) {
        self.is_dirty = false;
    }

    /// Returns the sentence that is shown, if there is one.
    pub(crate) fn notice(&self) -> Option<&str> {
        self.notice.as_ref().map(|(text, _)| text.as_str())
    }

    /// True if messages have been on their way for so long that the person should know.
    pub(crate) fn is_sending_slowly(&self, now: Timestamp) -> bool {
        self.sending_since.is_some_and(|since| now.duration_since(since) >= SENDING)
    }

    pub(crate) fn room(&self) -> &Room {
        &self.rooms[self.active]
    }

    pub(crate) fn room_mut(&mut self) -> &mut Room {
        &mut self.rooms[self.active]
    }

    /// Brings the list of the room that is shown up to date.
    pub(crate) fn refresh(&mut self, now: Timestamp) {
        let grid = Grid::new(self.size.0, self.charset);
        self.rooms[self.active].refresh(grid, &self.zone, now);
    }

    fn update(&mut self, name: &RoomName, update: Update, connection: Connection, now: Timestamp) {
        let Some(index) = self.index_of(name) else { return };
        let is_watched = self.has_focus && index == self.active;
        if connection.outbox.is_some() {
            self.actions.push(Action::Save);
        }
        let (actions, failure) = self.rooms[index].update(update, connection, is_watched, now);
        self.actions.extend(actions);
        if let Some(failure) = failure {
            self.say(failure, now);
        }
        self.save_within(SAVE_READ, now);
    }

    fn page(&mut self, name: &RoomName, asked: Page, result: Result<MessagesPage, String>, now: Timestamp) {
        let Some(index) = self.index_of(name) else { return };
        let is_first = !self.rooms[index].is_loaded();
        let (actions, failure) = self.rooms[index].page(asked, result);
        self.actions.extend(actions);
        if is_first && index == self.active {
            self.greet(now);
        }
        if let Some(why) = failure {
            self.say(texts::page_failed(&why), now);
        }
        self.fill_screen(now);
    }

    fn ended(&mut self, name: &RoomName, why: String, now: Timestamp) {
        let Some(index) = self.index_of(name) else { return };
        self.say(texts::ended(&why), now);
        self.rooms[index].link.ended = Some(why);
    }

    /// Says how many messages are unread, if they do not fit on the screen.
    fn greet(&mut self, now: Timestamp) {
        let unread = self.room().unread();
        if unread > self.screen().list.height.into() {
            self.say(texts::since_last_visit(unread), now);
        }
    }

    /// Loads older messages if the newest do not fill the screen.
    fn fill_screen(&mut self, now: Timestamp) {
        self.refresh(now);
        let height = self.screen().list.height.into();
        let room = self.room_mut();
        if room.is_loaded() && room.visible(height).len() < height {
            self.load(true);
        }
    }

    /// Loads what is missing above or below of what the person sees.
    fn load(&mut self, is_upward: bool) {
        let height = self.screen().list.height.into();
        let room = self.room_mut();
        if let Some(page) = room.wants(is_upward, height) {
            let actions = room.fetch(page);
            self.actions.extend(actions);
        }
    }

    fn open(&mut self, saved: SavedRoom) {
        if self.rooms.len() < ROOMS_MAX && self.index_of(&saved.name).is_none() {
            let mut room = Room::new(saved, Grid::new(self.size.0, self.charset));
            self.actions.extend(room.start());
            self.rooms.push(room);
        }
    }

    fn index_of(&self, name: &RoomName) -> Option<usize> {
        self.rooms.iter().position(|room| room.name == *name)
    }

    /// Shows a sentence for a while.
    fn say(&mut self, sentence: impl Into<String>, now: Timestamp) {
        self.notice = now.checked_add(NOTICE).ok().map(|until| (sentence.into(), until));
    }

    fn save_within(&mut self, time: SignedDuration, now: Timestamp) {
        let at = now.checked_add(time).ok();
        self.save_at = self.save_at.or(at).min(at);
    }

    /// Does what depends on the time, and on what has just changed.
    fn settle(&mut self, now: Timestamp) {
        self.now = now;
        self.is_dirty = true;
        if self.has_focus {
            self.rooms[self.active].look();
        }
        self.notice.take_if(|(_, until)| *until <= now);
        self.leaving_until.take_if(|until| *until <= now);
        if self.save_at.take_if(|at| *at <= now).is_some() {
            self.actions.push(Action::Save);
        }
        let is_sending = self.room().outgoing.unsent() > 0;
        self.sending_since = is_sending.then(|| self.sending_since.unwrap_or(now));
    }
}
