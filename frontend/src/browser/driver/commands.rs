//! Doing what the reader asks for.

use std::rc::Rc;

use client::Event;
use leptos::prelude::*;
use protocol::{PublishKey, PublishRequest};

use super::Driver;
use crate::browser::{attention, clipboard, clock, cookie, panels, storage, viewport, window};
use crate::state::{Command, Notice, ViewState};

impl Driver {
    /// Does all that was asked for, and again whenever more is.
    pub(super) fn run_commands(self: &Rc<Self>) {
        self.state.commands.track();
        let commands = self.state.commands.try_update_untracked(std::mem::take).unwrap_or_default();
        for command in commands {
            self.run_command(command);
        }
    }

    fn run_command(self: &Rc<Self>, command: Command) {
        match command {
            Command::Publish { text, author } => {
                let key = Some(PublishKey::from_bits(clock::random_bits()));
                self.handle(Event::Publish(PublishRequest { text, author, key }));
                let mut page = self.page.borrow_mut();
                page.unread = page.unread.spoke();
                drop(page);
                // Whoever says something wants to see it.
                self.to_end();
            }
            Command::Retry(key) => self.decide_on(Event::Retry(key)),
            Command::Copy(key) => self.copy(&self.text_of(&key)),
            Command::Discard(key) => self.decide_on(Event::Discard(key)),
            Command::Connect => self.handle(Event::RetryNow),
            Command::Older => self.older(),
            Command::Newer => self.newer(),
            Command::ToEnd => self.to_end(),
            Command::ToMessage(offset) => self.to_message(offset),
            Command::Looked => self.follow(self.state.looked().follow),
            Command::KeepDraft(text) => self.draft.borrow_mut().keep(text),
            Command::KeepAuthor(name) => cookie::keep_author(&name),
            Command::Scheme(scheme) => {
                cookie::keep_scheme(scheme);
                panels::show_scheme(scheme);
            }
            Command::Set(word, on) => self.set(&word, on),
            Command::CopyLink => self.copy(&panels::link()),
            // It can't fail on a page that was loaded.
            Command::Reload => _ = window().location().reload(),
            Command::Dismiss => {
                viewport::pass_focus("dismiss");
                self.notice(None);
            }
        }
    }

    /// Does with a refused message what its reader decided. Its buttons go, so the focus goes to the list.
    fn decide_on(self: &Rc<Self>, event: Event) {
        viewport::focus("scroller");
        self.handle(event);
    }

    fn notice(&self, notice: Option<Notice>) {
        self.state.show(ViewState { notice, ..self.state.looked() });
    }

    fn copy(&self, text: &str) {
        if clipboard::copy(text) {
            self.notice(Some(Notice::Copied));
        }
    }

    fn text_of(&self, key: &PublishKey) -> String {
        let core = self.core.borrow();
        let found = core.outbox().pending().iter().find(|pending| pending.message.key.as_ref() == Some(key));
        found.map(|pending| pending.message.text.as_str().to_owned()).unwrap_or_default()
    }

    fn set(self: &Rc<Self>, word: &str, on: bool) {
        let look = self.state.looked();
        let settings = look.settings.with(word, on);
        self.state.show(ViewState { settings, ..look });
        panels::show_settings(settings);
        storage::keep("settings", "", &settings.to_words());
        if settings.notify && !look.settings.notify {
            let driver = Rc::clone(self);
            attention::ask_leave(move || {
                driver.set("notify", false);
                driver.notice(Some(Notice::NotifyRefused));
            });
        }
        if settings.sound && !look.settings.sound {
            attention::beep();
        }
    }
}
