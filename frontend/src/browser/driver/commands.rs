//! Runs the commands of the reader.

use std::rc::Rc;

use client::Event;
use leptos::prelude::*;
use protocol::{Author, Kind, PublishKey, PublishRequest, Text};

use super::Driver;
use super::history_navigation::Spot;
use crate::browser::{alerts, clipboard, clock, cookie, panels, storage, viewport, window};
use crate::state::{Command, Notice, set};

/// The attributes of the composer with the offset of the message that it edits, or answers.
const EDITS: &str = "data-edits";
const ANSWERS: &str = "data-answers";

impl Driver {
    /// Runs all commands that are waiting. The calling effect runs again when more arrive.
    pub(super) fn run_commands(self: &Rc<Self>) {
        self.state.commands.track();
        let commands = self.state.commands.try_update_untracked(std::mem::take).unwrap_or_default();
        for command in commands {
            self.run_command(command);
        }
    }

    fn run_command(self: &Rc<Self>, command: Command) {
        match command {
            Command::Publish { text, author } => self.publish(text, author),
            Command::Retry(key) => self.resolve(Event::Retry(key)),
            Command::Copy(key) => self.copy(&self.text_of(&key)),
            Command::Discard(key) => self.resolve(Event::Discard(key)),
            Command::Connect => self.handle(Event::RetryNow),
            Command::Older => self.older(),
            Command::Newer => self.newer(),
            Command::ToEnd => self.to_end(),
            Command::ToUnread => self.to_unread(),
            Command::MarkRead => self.mark_read(),
            Command::ToMessage(offset) => self.to_spot(Spot::Message(offset)),
            Command::FollowChanged => self.follow(self.state.follow.get_untracked()),
            // The text of an edit is no draft.
            Command::KeepDraft(text) if viewport::reference(EDITS).is_none() => self.draft.borrow_mut().keep(text),
            Command::KeepDraft(_) => {}
            Command::KeepAuthor(name) => {
                cookie::keep_author(&name);
                storage::keep("author", "", &name);
                *self.author.borrow_mut() = name;
            }
            Command::Scheme(scheme) => {
                cookie::keep_scheme(scheme);
                panels::show_scheme(scheme);
            }
            Command::Set(word, on) => self.set(&word, on),
            Command::CopyLink => self.copy(&panels::link()),
            Command::CopyText(text) => self.copy(&text),
            Command::Reload => _ = window().location().reload(),
            Command::Dismiss => {
                viewport::pass_focus("dismiss");
                self.notice(None);
            }
        }
    }

    /// Publishes the composer's text: a message, or the new text of one.
    fn publish(self: &Rc<Self>, text: Text, author: Author) {
        let key = Some(PublishKey::from_bits(clock::random_bits()));
        if let Some(of) = viewport::take_reference(EDITS) {
            let edit = PublishRequest { kind: Kind::Edit, of: Some(of), text, key, ..PublishRequest::default() };
            return self.handle(Event::Publish(edit));
        }
        let reply = viewport::take_reference(ANSWERS);
        self.handle(Event::Publish(PublishRequest { text, author, key, reply, ..PublishRequest::default() }));
        self.attention.borrow_mut().published();
        self.to_end();
    }

    /// Resolves what was refused. Its buttons disappear, so the focus moves to the row, or the
    /// list.
    fn resolve(self: &Rc<Self>, event: Event) {
        viewport::focus_row();
        self.handle(event);
    }

    pub(super) fn notice(&self, notice: Option<Notice>) {
        set(self.state.notice, notice);
    }

    fn copy(&self, text: &str) {
        if clipboard::copy(text) {
            self.notice(Some(Notice::Copied));
        }
    }

    fn text_of(&self, key: &PublishKey) -> String {
        let core = self.connection.core();
        let found = core.outbox().pending().iter().find(|pending| pending.message.key.as_ref() == Some(key));
        found.map(|pending| pending.message.text.as_str().to_owned()).unwrap_or_default()
    }

    fn set(self: &Rc<Self>, word: &str, on: bool) {
        let before = self.state.settings.get_untracked();
        let settings = before.with(word, on);
        set(self.state.settings, settings);
        panels::show_settings(settings);
        storage::keep("settings", "", &settings.to_words());
        if settings.notify && !before.notify {
            let driver = Rc::clone(self);
            alerts::ask_permission(move || {
                driver.set("notify", false);
                driver.notice(Some(Notice::NotifyRefused));
            });
        }
        if settings.sound && !before.sound {
            alerts::beep();
        }
    }
}
