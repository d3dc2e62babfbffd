//! Navigation through history: to older messages, to newer ones, to one message, to the newest.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{MessagesPage, Position};

use super::Driver;
use crate::browser::requests::{self, Range};
use crate::browser::viewport;
use crate::logic::follow::Follow;
use crate::logic::permalink::page_around;
use crate::state::{Announcements, Notice, Older, set};

/// Where a navigation goes.
#[derive(Clone, Copy)]
enum Target {
    /// The messages before this position.
    Older(Position),
    /// The messages after the last one shown.
    Newer,
    Newest,
    Spot(Spot),
}

/// A row to scroll to.
#[derive(Clone, Copy)]
pub(super) enum Spot {
    /// The message at this offset, which the reader asked for. It is marked.
    Message(u64),
    /// The message at this offset, so many pixels below the upper edge of the list's box.
    Place(u64, i32),
    /// The line in front of the first message after this offset.
    Unread(u64),
}

impl Spot {
    /// The offset of the message.
    fn offset(self) -> u64 {
        match self {
            Self::Message(offset) | Self::Place(offset, _) => offset,
            Self::Unread(after) => after + 1,
        }
    }
}

/// Numbers the navigations, so that a new one replaces the one that is under way.
#[derive(Default)]
pub(super) struct HistoryNavigation {
    newest: Cell<u32>,
}

impl HistoryNavigation {
    fn start(&self) -> u32 {
        self.newest.set(self.newest.get() + 1);
        self.newest.get()
    }

    fn is_current(&self, navigation: u32) -> bool {
        self.newest.get() == navigation
    }
}

impl Driver {
    pub(super) fn older(self: &Rc<Self>) {
        if let Some(before) = self.state.content.with_value(|content| content.timeline.before()) {
            self.navigate(Target::Older(before), Range::Before(before));
        }
    }

    pub(super) fn newer(self: &Rc<Self>) {
        let end = self.state.content.with_value(|content| content.timeline.end());
        self.navigate(Target::Newer, Range::After(end));
    }

    pub(super) fn to_end(self: &Rc<Self>) {
        if !self.state.content.with_value(|content| content.timeline.has_newest()) {
            return self.navigate(Target::Newest, Range::Newest);
        }
        viewport::to_end();
        self.follow(self.state.follow.get_untracked().scrolled(0, true));
    }

    /// Sets whether the list follows its end. Browsers report a scroll only with the next frame, so
    /// code that scrolls calls this itself.
    pub(super) fn follow(&self, follow: Follow) {
        set(self.state.follow, follow);
        viewport::show_follows(follow.at_end());
        if follow.at_end() {
            viewport::pass_focus("unseen");
        }
        self.attend();
    }

    /// Scrolls to the first unread message.
    pub(super) fn to_unread(self: &Rc<Self>) {
        viewport::pass_focus("backlog");
        let line = self.attention.borrow().unread_line();
        if let Some(after) = line {
            self.to_spot(Spot::Unread(after));
        }
    }

    /// Scrolls to a row, and loads its part of history first if it is not shown.
    pub(super) fn to_spot(self: &Rc<Self>, spot: Spot) {
        let driver = Rc::clone(self);
        spawn_local(async move {
            driver.drawn().await;
            if !driver.scroll_to(spot) {
                let before = driver.state.content.with_value(|content| page_around(&content.timeline, spot.offset()));
                let range = match (before, spot) {
                    (Some(before), Spot::Unread(_)) => Range::BeforeOrOldest(before),
                    (Some(before), _) => Range::Before(before),
                    (None, _) => Range::Newest,
                };
                driver.navigate(Target::Spot(spot), range);
            }
        });
    }

    /// Scrolls to a row. False if it is not shown.
    fn scroll_to(self: &Rc<Self>, spot: Spot) -> bool {
        let (row, top) = match spot {
            Spot::Message(offset) => (viewport::message(offset), None),
            Spot::Place(offset, top) => (viewport::message(offset), Some(top)),
            Spot::Unread(_) => (viewport::unread_line(), None),
        };
        let Some(row) = row else { return false };
        let has_newest = self.state.content.with_value(|content| content.timeline.has_newest());
        let follow = self.state.follow.get_untracked();
        // Heights are right only while the list does not follow its end.
        self.follow(follow.scrolled(i32::MAX, has_newest));
        self.follow(follow.scrolled(viewport::to_row(&row, top), has_newest));
        if let Spot::Message(_) = spot {
            viewport::mark(&row);
        }
        true
    }

    fn navigate(self: &Rc<Self>, target: Target, range: Range) {
        let state = self.state;
        // One page at a time. A navigation to another place replaces the one that is under way.
        let is_onward = matches!(target, Target::Older(_) | Target::Newer);
        if is_onward && state.older.get_untracked() == Older::Loading {
            return;
        }
        let navigation = self.history.start();
        set(state.older, Older::Loading);
        set(state.announcements, Announcements { quiet: true, ..state.announcements.get_untracked() });
        let driver = Rc::clone(self);
        spawn_local(async move {
            let page = requests::history(&driver.room, range).await;
            driver.drawn().await;
            if driver.history.is_current(navigation) {
                driver.arrive(target, page).await;
            }
        });
    }

    async fn arrive(self: &Rc<Self>, target: Target, page: Option<MessagesPage>) {
        let state = self.state;
        let arrived = page.is_some();
        let anchor = self.anchor();
        if let Some(page) = page {
            self.take_in(target, page);
        }
        set(state.older, if arrived { Older::Some } else { Older::Failed });
        let has_newest = state.content.with_value(|content| content.timeline.has_newest());
        if !has_newest {
            self.follow(state.follow.get_untracked().scrolled(i32::MAX, false));
        }
        self.draw(anchor).await;
        let now = self.clock.now();
        self.screen_reader.borrow_mut().suppress(now);
        self.refresh();
        match target {
            Target::Spot(spot) => _ = self.scroll_to(spot),
            // More may have come in while the page was loading.
            Target::Newest if arrived && !has_newest => self.newer(),
            Target::Newest if arrived => self.to_end(),
            _ => {}
        }
    }

    /// Puts a page of history into the timeline.
    fn take_in(&self, target: Target, page: MessagesPage) {
        let state = self.state;
        // A reader who scrolled down while older messages were loading keeps the messages they read
        // there.
        let stays = state.follow.get_untracked().at_end() || viewport::is_nearer_end();
        let has = |offset| page.entries.iter().any(|entry| entry.offset == offset);
        let mut content = state.content.write_value();
        let timeline = &mut content.timeline;
        match target {
            Target::Older(before) => timeline.prepend(page, before, stays),
            Target::Newer => timeline.extend(page),
            // The reader stays where they are if the message does not exist.
            Target::Spot(Spot::Message(offset)) if !has(offset) => {
                drop(content);
                set(state.notice, Some(Notice::LinkGone));
            }
            Target::Spot(Spot::Place(offset, _)) if !has(offset) => {}
            Target::Newest | Target::Spot(_) => timeline.show(page),
        }
    }
}
