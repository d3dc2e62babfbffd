//! What the person asks for: posting, rooms, commands.

use client::{Page, Stage};
use jiff::Timestamp;
use protocol::{PublishRequest, RoomName};

use super::selection::checked;
use super::{Model, NOTICE, ROOMS_MAX, SAVE};
use crate::command::{self, Command};
use crate::event::{Action, SavedRoom};
use crate::room::{Room, is_failed};
use crate::texts;

impl Model {
    /// Posts what was written, or runs the command that it is. What fails stays in the composer.
    pub(super) fn submit(&mut self, now: Timestamp) {
        let text = self.room().composer.text().to_owned();
        let done = match command::parse(&text) {
            // The text that is to be edited comes into the composer.
            Ok(Command::Edit(new)) if new.is_empty() => match self.edit_line() {
                Ok(line) => return self.room_mut().composer.replace(line),
                Err(sentence) => Err(sentence),
            },
            command => command.and_then(|command| self.run(command, now)),
        };
        match done {
            Ok(room) => {
                // The command may have opened another room.
                if let Some(room) = self.index_of(&room) {
                    self.rooms[room].composer.take();
                }
                self.recall.push(text);
                self.save_within(SAVE, now);
            }
            Err(sentence) => self.say(sentence, now),
        }
    }

    /// Runs a command. Returns the room in which it was written.
    fn run(&mut self, command: Command, now: Timestamp) -> Result<RoomName, String> {
        let room = self.room().name.clone();
        self.notice = None;
        match command {
            Command::Post(text) => self.post(&text, None, now)?,
            Command::Reply(text) => {
                let to = self.meant(true)?.offset;
                self.post(&text, Some(to), now)?;
            }
            Command::Edit(text) => self.edit(&text, now)?,
            Command::Erase => self.erase(now)?,
            Command::React(emoji) => self.react(emoji, now)?,
            Command::Join(name) if self.index_of(&name).is_none() && self.rooms.len() >= ROOMS_MAX => {
                return Err(texts::rooms_full(ROOMS_MAX));
            }
            Command::Join(name) => self.join(&name, now),
            Command::Part => self.part(now)?,
            Command::Name(author) => {
                self.say(if author.is_nameless() { texts::NAMELESS.to_owned() } else { texts::named(author.as_str()) }, now);
                self.author = author;
            }
            Command::Search(words) => self.search_for(words, now),
            Command::Retry => self.retry(now)?,
            Command::Discard => self.discard(now)?,
            Command::Reconnect => self.reconnect(now),
            Command::Unfold => self.unfold(now),
            Command::Help => self.help = Some(0),
            Command::Quit => self.quit(now),
        }
        Ok(room)
    }

    fn post(&mut self, text: &str, reply: Option<u64>, now: Timestamp) -> Result<(), String> {
        let (text, author, key) = (checked(text)?, self.author.clone(), Some((self.draw_key)()));
        let message = PublishRequest { text, author, key, reply, ..PublishRequest::default() };
        let room = self.room_with_space()?;
        room.post(message.clone());
        // It is stored before it is sent. The composer's text is not needed any more.
        room.composer.take();
        let publish = Action::Publish { room: room.name.clone(), message };
        self.actions.extend([Action::Save, publish]);
        self.go_to_newest(now);
        Ok(())
    }

    /// Shows a room, and opens it if necessary.
    pub(super) fn join(&mut self, name: &RoomName, now: Timestamp) {
        if self.index_of(name).is_none() {
            self.open(SavedRoom { name: name.clone(), read: None, draft: String::new(), outbox: Vec::new(), own: Vec::new() });
        }
        if let Some(room) = self.index_of(name) {
            self.show(room, now);
        }
    }

    /// Shows the room of a tab.
    pub(super) fn show(&mut self, room: usize, now: Timestamp) {
        if room >= self.rooms.len() {
            return self.say(texts::NO_SUCH_TAB, now);
        }
        if room != self.active {
            self.active = room;
            self.search = None;
            self.sending_since = None;
            self.save_within(SAVE, now);
            self.notice = None;
            self.greet(now);
            self.fill_screen(now);
        }
    }

    fn part(&mut self, now: Timestamp) -> Result<(), String> {
        let unsent = self.room().outgoing.kept();
        if unsent > 0 {
            return Err(texts::part_with_unsent(unsent));
        }
        if self.rooms.len() == 1 {
            return Err(texts::LAST_ROOM.to_owned());
        }
        let room = self.rooms.remove(self.active);
        self.active = self.active.min(self.rooms.len() - 1);
        self.search = None;
        self.actions.push(Action::Close { room: room.name });
        self.save_within(SAVE, now);
        self.fill_screen(now);
        Ok(())
    }

    fn retry(&mut self, now: Timestamp) -> Result<(), String> {
        let room = &self.rooms[self.active];
        let failed: Vec<_> = room.outgoing.pending().iter().filter(|pending| pending.stage.can_retry()).collect();
        if failed.is_empty() {
            let is_any_failed = room.outgoing.failed() > 0;
            return Err(if is_any_failed { texts::NOTHING_TO_RETRY } else { texts::NOTHING_FAILED }.to_owned());
        }
        let keys = failed.iter().filter_map(|pending| pending.message.key.clone());
        let retries: Vec<_> = keys.map(|key| Action::Retry { room: room.name.clone(), key }).collect();
        let count = retries.len();
        self.actions.extend(retries);
        self.say(texts::retried(count), now);
        Ok(())
    }

    /// Removes the messages that were refused. If there are none, removes those that wait for the
    /// connection.
    fn discard(&mut self, now: Timestamp) -> Result<(), String> {
        let room = &mut self.rooms[self.active];
        let pending = room.outgoing.pending();
        let mut removed: Vec<_> = pending.iter().filter(|pending| is_failed(&pending.stage)).cloned().collect();
        if removed.is_empty() && !room.link.is_live() {
            removed = pending.iter().filter(|pending| pending.stage == Stage::Sending).cloned().collect();
        }
        if removed.is_empty() {
            return Err(if pending.is_empty() { texts::NOTHING_UNSENT } else { texts::NOTHING_FAILED }.to_owned());
        }
        for pending in &removed {
            room.discard(pending);
            let key = pending.message.key.clone();
            self.actions.extend(key.map(|key| Action::Discard { room: room.name.clone(), key }));
            self.recall.push(pending.message.text.as_str().to_owned());
        }
        self.say(texts::discarded(removed.len()), now);
        Ok(())
    }

    fn reconnect(&mut self, now: Timestamp) {
        let room = &mut self.rooms[self.active];
        if room.link.ended.is_some() {
            let actions = room.open();
            self.actions.extend(actions);
        } else {
            self.actions.push(Action::RetryNow { room: room.name.clone() });
        }
        self.say(texts::RECONNECTING, now);
    }

    /// Shows the long messages on the screen whole, or folds them if none is folded.
    pub(super) fn unfold(&mut self, now: Timestamp) {
        self.refresh(now);
        let height = self.screen().list.height.into();
        let room = self.room_mut();
        let places = room.visible(height);
        let long = room.long_among(&places);
        let is_any_folded = long.iter().any(|(_, is_folded)| *is_folded);
        // Where the person looks stays.
        room.hold(height);
        for (offset, _) in &long {
            room.set_unfolded(*offset, is_any_folded);
        }
        if long.is_empty() {
            self.say(texts::NOTHING_FOLDED, now);
        }
    }

    /// Goes to the newest message, and loads it if necessary.
    pub(super) fn go_to_newest(&mut self, now: Timestamp) {
        let room = self.room_mut();
        room.scroll_to_end();
        let actions = if room.has_newest() && room.is_loaded() { Vec::new() } else { room.fetch(Page::Latest) };
        self.actions.extend(actions);
        self.refresh(now);
    }

    /// Ends the program. If messages stay unposted, the person is asked once. The program waits a
    /// moment for those that are on their way.
    pub(super) fn quit(&mut self, now: Timestamp) {
        let staying = |room: &Room| if room.link.is_live() { room.outgoing.failed() } else { room.outgoing.kept() };
        let unsent = self.rooms.iter().map(staying).sum();
        if unsent > 0 && self.leaving_until.is_none() {
            self.leaving_until = now.checked_add(NOTICE).ok();
            return self.say(texts::quit_with_unsent(unsent), now);
        }
        self.actions.extend([Action::Save, Action::Quit]);
    }
}
