//! What keys and the mouse do.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use jiff::Timestamp;

use super::{Model, SAVE};
use crate::composer::{Move, pasted};
use crate::event::Action;
use crate::texts;

/// How many rows a turn of the mouse wheel scrolls.
const WHEEL_ROWS: isize = 3;

impl Model {
    /// Handles a key.
    pub(super) fn key(&mut self, key: KeyEvent, now: Timestamp) {
        let is_quit = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        if self.help.is_some() && !is_quit {
            return self.help_key(key);
        }
        if self.search.is_some() && !is_quit && self.search_key(key, now) {
            return;
        }
        if self.scroll_key(key, now) {
            return;
        }
        let before = self.room().composer.text().len();
        match key.modifiers.difference(KeyModifiers::SHIFT) {
            KeyModifiers::CONTROL => self.control_key(key.code, now),
            KeyModifiers::ALT => self.alt_key(key.code, now),
            KeyModifiers::NONE => self.plain_key(key, now),
            // AltGr on some systems.
            both if both == KeyModifiers::CONTROL | KeyModifiers::ALT => self.plain_key(key, now),
            _ => {}
        }
        if self.room().composer.text().len() != before {
            self.save_within(SAVE, now);
        }
    }

    /// Handles pasted text: it stays one message.
    pub(super) fn paste(&mut self, text: &str, now: Timestamp) {
        let text = pasted(text);
        match &mut self.search {
            Some(finder) if finder.is_typing => {
                finder.write(&text.replace('\n', " "));
            }
            _ => self.insert(&text, now),
        }
    }

    /// Handles the mouse.
    pub(super) fn mouse(&mut self, mouse: MouseEvent) {
        let rows = match mouse.kind {
            MouseEventKind::ScrollUp => -WHEEL_ROWS,
            MouseEventKind::ScrollDown => WHEEL_ROWS,
            _ => return,
        };
        match &mut self.help {
            Some(first) => *first = first.saturating_add_signed(rows),
            None => self.scroll(rows, self.now),
        }
    }

    fn help_key(&mut self, key: KeyEvent) {
        let Some(first) = &mut self.help else { return };
        let page = usize::from(self.size.1.saturating_sub(2));
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => *first = first.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => *first += 1,
            KeyCode::PageUp => *first = first.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => *first += page,
            KeyCode::Home => *first = 0,
            KeyCode::End => *first = usize::MAX / 2,
            _ => self.help = None,
        }
    }

    /// Handles a key of a search. Returns false if it means what it means without one.
    fn search_key(&mut self, key: KeyEvent, now: Timestamp) -> bool {
        let Some(finder) = &mut self.search else { return false };
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        let is_shift = key.modifiers.contains(KeyModifiers::SHIFT);
        match key.code {
            KeyCode::Esc => self.search = None,
            KeyCode::Enter => self.find(!is_shift, now),
            KeyCode::Char('f') if is_control => finder.is_typing = true,
            KeyCode::Char(c) if finder.is_typing && !is_control => {
                finder.write(c.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Backspace if finder.is_typing => finder.erase(Move::Left),
            KeyCode::Char('u') if finder.is_typing => finder.erase(Move::Start),
            KeyCode::Char('w') if finder.is_typing => finder.erase(Move::WordLeft),
            KeyCode::Left if finder.is_typing => finder.input.go(Move::Left),
            KeyCode::Right if finder.is_typing => finder.input.go(Move::Right),
            KeyCode::Char('n') | KeyCode::Up if !finder.is_typing && !is_control => self.find(true, now),
            KeyCode::Char('N') | KeyCode::Down if !finder.is_typing => self.find(false, now),
            KeyCode::Char(_) if !finder.is_typing && !is_control => {
                // The person goes on writing.
                self.search = None;
                return false;
            }
            _ => return false,
        }
        true
    }

    /// Handles a key that scrolls. Returns false if it is none.
    fn scroll_key(&mut self, key: KeyEvent, now: Timestamp) -> bool {
        let is_row = key.modifiers.intersects(KeyModifiers::SHIFT | KeyModifiers::ALT);
        let is_list = key.modifiers.contains(KeyModifiers::CONTROL) || self.room().composer.is_empty();
        match key.code {
            KeyCode::PageUp => self.scroll(-self.page_rows(), now),
            KeyCode::PageDown => self.scroll(self.page_rows(), now),
            KeyCode::Up if is_row => self.scroll(-1, now),
            KeyCode::Down if is_row => self.scroll(1, now),
            KeyCode::Home if is_list => self.scroll(-(isize::MAX), now),
            KeyCode::End if is_list => self.go_to_newest(now),
            _ => return false,
        }
        true
    }

    fn page_rows(&self) -> isize {
        isize::try_from(self.screen().list.height.saturating_sub(1).max(1)).unwrap_or(1)
    }

    fn scroll(&mut self, rows: isize, now: Timestamp) {
        self.refresh(now);
        let height = self.screen().list.height.into();
        self.room_mut().scroll_by(rows, height);
        self.load(rows < 0);
    }

    fn control_key(&mut self, code: KeyCode, now: Timestamp) {
        let count = self.rooms.len();
        let composer = &mut self.rooms[self.active].composer;
        match code {
            KeyCode::Char('a') => composer.go(Move::Start),
            KeyCode::Char('e') => composer.go(Move::End),
            KeyCode::Char('w' | 'h') | KeyCode::Backspace => composer.delete(Move::WordLeft),
            KeyCode::Char('u') => composer.delete(Move::Start),
            KeyCode::Char('k') => composer.delete(Move::End),
            KeyCode::Char('d') => composer.delete(Move::Right),
            KeyCode::Delete => composer.delete(Move::WordRight),
            KeyCode::Char('_' | '7' | '/') => composer.undo(),
            KeyCode::Char('z') => self.actions.push(Action::Suspend),
            KeyCode::Left => composer.go(Move::WordLeft),
            KeyCode::Right => composer.go(Move::WordRight),
            KeyCode::Up => self.select(true, now),
            KeyCode::Down => self.select(false, now),
            KeyCode::Char('j') | KeyCode::Enter => self.insert("\n", now),
            KeyCode::Char('n') => self.show((self.active + 1) % count, now),
            KeyCode::Char('p') => self.show((self.active + count - 1) % count, now),
            KeyCode::Char('f') => self.start_search(),
            KeyCode::Char('o') => self.unfold(now),
            KeyCode::Char('l') => self.actions.push(Action::Redraw),
            KeyCode::Char('c') => self.clear_or_quit(now),
            _ => {}
        }
    }

    fn alt_key(&mut self, code: KeyCode, now: Timestamp) {
        let composer = &mut self.rooms[self.active].composer;
        match code {
            KeyCode::Enter => self.insert("\n", now),
            KeyCode::Left | KeyCode::Char('b') => composer.go(Move::WordLeft),
            KeyCode::Right | KeyCode::Char('f') => composer.go(Move::WordRight),
            KeyCode::Backspace => composer.delete(Move::WordLeft),
            KeyCode::Char('z') => composer.undo(),
            KeyCode::Delete | KeyCode::Char('d') => composer.delete(Move::WordRight),
            KeyCode::Char(digit @ '1'..='9') => self.show(digit as usize - '1' as usize, now),
            _ => {}
        }
    }

    fn plain_key(&mut self, key: KeyEvent, now: Timestamp) {
        let columns = self.composer_columns();
        let charset = self.charset;
        let composer = &mut self.rooms[self.active].composer;
        match key.code {
            KeyCode::Enter if key.modifiers.contains(KeyModifiers::SHIFT) => self.insert("\n", now),
            KeyCode::Enter if composer.text().trim().is_empty() => {}
            KeyCode::Enter => self.submit(now),
            KeyCode::Char(c) => self.insert(c.encode_utf8(&mut [0; 4]), now),
            KeyCode::Tab => self.insert("\t", now),
            KeyCode::Backspace => composer.delete(Move::Left),
            KeyCode::Delete => composer.delete(Move::Right),
            KeyCode::Left => composer.go(Move::Left),
            KeyCode::Right => composer.go(Move::Right),
            KeyCode::Home => composer.go(Move::Start),
            KeyCode::End => composer.go(Move::End),
            KeyCode::Up => {
                if !composer.up(columns, charset)
                    && let Some(text) = self.recall.earlier(composer.text())
                {
                    composer.replace(text);
                }
            }
            KeyCode::Down => {
                if !composer.down(columns, charset)
                    && let Some(text) = self.recall.later(composer.text())
                {
                    composer.replace(text);
                }
            }
            KeyCode::Esc => {
                self.room_mut().deselect();
                self.notice = None;
            }
            _ => {}
        }
    }

    fn insert(&mut self, text: &str, now: Timestamp) {
        if self.room_mut().composer.insert(text) {
            self.save_within(SAVE, now);
        } else {
            self.say(texts::DRAFT_TOO_LONG, now);
        }
    }

    /// Clears what is being written, and keeps it for the Up key. If nothing is, ends the program.
    fn clear_or_quit(&mut self, now: Timestamp) {
        self.help = None;
        if self.search.take().is_some() {
            return;
        }
        let composer = &mut self.rooms[self.active].composer;
        if composer.is_empty() {
            return self.quit(now);
        }
        let text = composer.take();
        self.recall.push(text);
        self.say(texts::DRAFT_CLEARED, now);
    }
}
