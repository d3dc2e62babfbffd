//! Going through history: back, forward, to one message, to the newest.

use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{MessagesPage, Position};

use super::Driver;
use crate::browser::requests::{self, Range};
use crate::browser::viewport;
use crate::logic::follow::Follow;
use crate::logic::permalink::page_around;
use crate::logic::rows::Row;
use crate::state::{Notice, Older, ViewState};

/// How long what came of history keeps the list from being read out, in milliseconds: browsers find out what there is to
/// read only after they have drawn it.
const QUIET_MS: u64 = 500;

/// Where to.
#[derive(Clone, Copy)]
enum Way {
    /// To what is older than this position.
    Older(Position),
    Newer,
    Newest,
    Message(u64),
}

impl Driver {
    pub(super) fn older(self: &Rc<Self>) {
        if let Some(before) = self.state.content.with_value(|content| content.timeline.before()) {
            self.travel(Way::Older(before), Range::Before(before));
        }
    }

    pub(super) fn newer(self: &Rc<Self>) {
        let end = self.state.content.with_value(|content| content.timeline.end());
        self.travel(Way::Newer, Range::After(end));
    }

    pub(super) fn to_end(self: &Rc<Self>) {
        if !self.state.content.with_value(|content| content.timeline.has_newest()) {
            return self.travel(Way::Newest, Range::Newest);
        }
        viewport::to_end();
        self.follow(self.state.looked().follow.scrolled(0, true));
    }

    /// Has the list follow its end, or no longer. The browser tells of scrolling with the next frame only, so whoever moves
    /// the reader says it here.
    pub(super) fn follow(&self, follow: Follow) {
        self.state.show(ViewState { follow, ..self.state.looked() });
        viewport::show_follows(follow.at_end());
        if follow.at_end() {
            viewport::pass_focus("unseen");
        }
        self.attend();
    }

    /// Goes to a message, and to its part of history first where that is not shown.
    pub(super) fn to_message(self: &Rc<Self>, offset: u64) {
        if self.go_to(offset) {
            return;
        }
        let before = self.state.content.with_value(|content| page_around(&content.timeline, offset));
        self.travel(Way::Message(offset), before.map_or(Range::Newest, Range::Before));
    }

    /// Scrolls to a message, if it is shown.
    fn go_to(&self, offset: u64) -> bool {
        let is_it = |row: &Row| matches!(row, Row::Message { offset: of, .. } if *of == offset);
        let found = self.page.borrow().lists[0].elements().find(|(row, _)| is_it(row)).map(|(_, element)| element.clone());
        let Some(element) = found else { return false };
        let has_newest = self.state.content.with_value(|content| content.timeline.has_newest());
        let follow = self.state.looked().follow;
        self.follow(follow.scrolled(i32::MAX, has_newest));
        self.follow(follow.scrolled(viewport::to_row(&element), has_newest));
        true
    }

    fn travel(self: &Rc<Self>, way: Way, range: Range) {
        let state = self.state;
        // One journey at a time. Whoever wants to somewhere else does not wait for what they turn away from.
        let is_onward = matches!(way, Way::Older(_) | Way::Newer);
        if is_onward && state.looked().older == Older::Loading {
            return;
        }
        let journey = self.journey.get() + 1;
        self.journey.set(journey);
        // What it brings is not announced.
        state.show(ViewState { older: Older::Loading, quiet: true, ..state.looked() });
        let driver = Rc::clone(self);
        spawn_local(async move {
            let page = requests::history(&driver.room, range).await;
            if driver.journey.get() == journey {
                driver.arrive(way, page);
            }
        });
    }

    fn arrive(self: &Rc<Self>, way: Way, page: Option<MessagesPage>) {
        let state = self.state;
        let older = if page.is_some() { Older::Some } else { Older::Failed };
        let anchor = self.anchor();
        // Whoever went down while older entries were on their way keeps what they read there.
        let stays = state.looked().follow.at_end() || viewport::is_nearer_end();
        let has = |page: &MessagesPage, offset| page.entries.iter().any(|entry| entry.offset == offset);
        let mut notice = state.looked().notice;
        let mut arrived = false;
        if let Some(page) = page {
            arrived = true;
            let mut content = state.content.write_value();
            let timeline = &mut content.timeline;
            match way {
                Way::Older(before) => timeline.prepend(page, before, stays),
                Way::Newer => timeline.extend(page),
                // Nobody is moved for a message that is not there.
                Way::Message(offset) if !has(&page, offset) => notice = Some(Notice::LinkGone),
                Way::Newest | Way::Message(_) => timeline.show(page),
            }
        }
        state.show(ViewState { older, notice, ..state.looked() });
        let has_newest = state.content.with_value(|content| content.timeline.has_newest());
        if !has_newest {
            // Elsewhere in history the list follows nothing.
            self.follow(state.looked().follow.scrolled(i32::MAX, false));
        }
        self.draw(anchor);
        self.page.borrow_mut().quiet_until = self.now() + QUIET_MS;
        self.look();
        match way {
            Way::Message(offset) => _ = self.go_to(offset),
            // Something more may have come in while the page was on its way.
            Way::Newest if arrived && !has_newest => self.newer(),
            Way::Newest if arrived => self.to_end(),
            _ => {}
        }
    }
}
