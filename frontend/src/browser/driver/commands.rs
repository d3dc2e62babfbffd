//! Doing what the reader asks for.

use std::rc::Rc;

use client::Event;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use protocol::{PublishKey, PublishRequest};

use super::Driver;
use crate::board::{Command, Look, Older};
use crate::browser::{clock, cookie, requests, storage, viewport};

impl Driver {
    /// Does all that was asked for, and again whenever more is.
    pub(super) fn obey(self: &Rc<Self>) {
        self.board.commands.track();
        let commands = self.board.commands.try_update_untracked(std::mem::take).unwrap_or_default();
        for command in commands {
            self.obey_one(command);
        }
    }

    fn obey_one(self: &Rc<Self>, command: Command) {
        match command {
            Command::Publish { text, author } => {
                let key = Some(PublishKey::from_bits(clock::random_bits()));
                self.handle(Event::Publish(PublishRequest { text, author, key }));
                // Whoever says something wants to see it.
                self.to_end();
            }
            Command::Retry(key) => self.handle(Event::Retry(key)),
            Command::Discard(key) => self.handle(Event::Discard(key)),
            Command::Connect => self.handle(Event::Nudge),
            Command::Older => self.older(),
            Command::ToEnd => self.to_end(),
            Command::KeepDraft(text) => storage::keep_draft(&self.room, &text),
            Command::KeepAuthor(name) => cookie::keep_author(&name),
            Command::Scheme(scheme) => cookie::keep_scheme(scheme),
        }
    }

    fn to_end(&self) {
        viewport::to_end();
        let look = self.board.looked();
        self.board.show(Look { follow: look.follow.scrolled(0), ..look });
    }

    fn older(self: &Rc<Self>) {
        let board = self.board;
        let before = board.content.with_value(|content| content.timeline.before());
        if before.is_none() || board.looked().older == Older::Loading {
            return;
        }
        board.show(Look { older: Older::Loading, ..board.looked() });
        let driver = Rc::clone(self);
        spawn_local(async move {
            let page = requests::history(&driver.room, before).await;
            let older = if page.is_some() { Older::Some } else { Older::Failed };
            let mut content = board.content.write_value();
            // A list that has meanwhile let go of its oldest would get a hole.
            if let Some(page) = page.filter(|_| content.timeline.before() == before) {
                content.timeline.prepend(page);
            }
            drop(content);
            driver.show();
            // The rows are to be there before the list is announced again.
            tick().await;
            board.show(Look { older, ..board.looked() });
            driver.show();
        });
    }
}
