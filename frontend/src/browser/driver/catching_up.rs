//! What the reader has seen and missed: on this page, and in other tabs.

use std::cmp::Ordering;
use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::Epoch;

use super::Driver;
use crate::browser::{clock, document, storage, viewport};
use crate::state::set;

impl Driver {
    /// The epoch of the log that the page shows.
    pub(super) fn epoch(&self) -> Epoch {
        self.state.content.with_value(|content| content.timeline.end().epoch)
    }

    /// Notes what the reader sees.
    pub(super) fn attend(&self) {
        let at_end = self.state.follow.get_untracked().at_end();
        let latest = self.state.content.with_value(|content| content.timeline.latest());
        self.attention.borrow_mut().look(!document().hidden(), at_end, latest);
    }

    /// Ends the reader's absence if the page is visible, connected, and has everything that it
    /// missed.
    pub(super) fn come_back(&self) {
        let has_all = self.connection.is_live() && !self.connection.core().is_behind() && self.screen.is_up_to_date();
        if has_all && !document().hidden() && self.attention.borrow_mut().back() {
            self.attend();
            self.show_backlog();
        }
    }

    /// Does what is due: calls for attention, and keeps what the reader has seen. Returns when to
    /// call this again.
    pub(super) fn attend_to_time(&self, now: u64) -> Option<u64> {
        let mut attention = self.attention.borrow_mut();
        let call = attention.call(self.state.settings.get_untracked(), self.state.texts, now);
        call.into_iter().chain(attention.keep_seen(self.epoch(), now)).min()
    }

    /// Shows the backlog while it begins above what the reader sees.
    pub(super) fn show_backlog(&self) {
        let Some(backlog) = self.attention.borrow().backlog() else { return set(self.state.backlog, None) };
        if document().hidden() || self.screen.drawing.get() {
            return;
        }
        let side = match viewport::unread_line() {
            Some(line) => viewport::side(&line),
            // The line is not loaded.
            None => self.state.content.with_value(|content| {
                let first = content.timeline.entries().first().map_or(0, |first| first.offset);
                if backlog.after < first { Ordering::Less } else { Ordering::Greater }
            }),
        };
        if side == Ordering::Equal {
            let mut attention = self.attention.borrow_mut();
            attention.found();
            // At once: nothing else may wake the driver for many seconds.
            attention.keep(self.epoch());
        }
        if side != Ordering::Less {
            viewport::pass_focus("backlog");
        }
        set(self.state.backlog, (side == Ordering::Less).then_some(backlog));
    }

    /// The reader says that they have read everything.
    pub(super) fn mark_read(self: &Rc<Self>) {
        viewport::pass_focus("mark_read");
        let latest = self.state.content.with_value(|content| content.timeline.latest());
        self.attention.borrow_mut().mark_read(latest);
        self.redraw();
    }

    /// Takes over what other tabs keep: what the reader has seen, and their name.
    pub(super) fn follow_other_tabs(self: &Rc<Self>) {
        let latest = self.state.content.with_value(|content| content.timeline.latest());
        if self.attention.borrow_mut().read_elsewhere(self.epoch(), latest) {
            self.redraw();
        }
        let author = storage::kept("author", "");
        if self.author.replace(author.clone()) != author {
            viewport::show_author(&author);
        }
    }

    /// Draws the list again, with the unread line in its new place.
    fn redraw(self: &Rc<Self>) {
        let driver = Rc::clone(self);
        spawn_local(async move {
            driver.drawn().await;
            let anchor = driver.anchor();
            driver.draw(anchor).await;
            driver.refresh();
        });
    }

    /// Shows the current day. Returns when to call this again.
    pub(super) fn show_day(&self, now: u64) -> u64 {
        if now >= self.next_day.get() {
            let (today, wait) = clock::today();
            set(self.state.lists.today, Some(today));
            self.next_day.set(now + wait);
        }
        self.next_day.get()
    }
}
