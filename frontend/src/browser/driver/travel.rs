//! Going through history: back, forward, to one message, to the newest.

use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{MessagesPage, Position};

use super::Driver;
use crate::board::{Look, Notice, Older};
use crate::browser::requests::{self, Range};
use crate::browser::viewport;
use crate::decide::link::page_around;
use crate::decide::rows::Row;

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
        if let Some(before) = self.board.content.with_value(|content| content.timeline.before()) {
            self.travel(Way::Older(before), Range::Before(before));
        }
    }

    pub(super) fn newer(self: &Rc<Self>) {
        let end = self.board.content.with_value(|content| content.timeline.end());
        self.travel(Way::Newer, Range::After(end));
    }

    pub(super) fn to_end(self: &Rc<Self>) {
        if !self.board.content.with_value(|content| content.timeline.has_newest()) {
            return self.travel(Way::Newest, Range::Newest);
        }
        viewport::to_end();
        let look = self.board.looked();
        self.board.show(Look { follow: look.follow.scrolled(0, true), ..look });
        self.attend();
    }

    /// Goes to a message, and to its part of history first where that is not shown.
    pub(super) fn to_message(self: &Rc<Self>, offset: u64) {
        if self.go_to(offset) {
            return;
        }
        let before = self.board.content.with_value(|content| page_around(&content.timeline, offset));
        self.travel(Way::Message(offset), before.map_or(Range::Newest, Range::Before));
    }

    /// Scrolls to a message, if it is shown.
    fn go_to(&self, offset: u64) -> bool {
        let page = self.page.borrow();
        let mut elements = page.lists[0].elements();
        let found = elements.find(|(row, _)| matches!(row, Row::Message { offset: of, .. } if *of == offset));
        if let Some((_, element)) = found {
            viewport::to_row(element);
        }
        found.is_some()
    }

    fn travel(self: &Rc<Self>, way: Way, range: Range) {
        let board = self.board;
        // One journey at a time; and what it brings is not announced.
        if board.looked().older == Older::Loading {
            return;
        }
        board.show(Look { older: Older::Loading, ..board.looked() });
        let driver = Rc::clone(self);
        spawn_local(async move {
            let page = requests::history(&driver.room, range).await;
            driver.arrive(way, page);
        });
    }

    fn arrive(self: &Rc<Self>, way: Way, page: Option<MessagesPage>) {
        let board = self.board;
        let failed = page.is_none();
        let anchor = self.anchor();
        // Whoever went down while older entries were on their way keeps what they read there.
        let stays = board.looked().follow.at_end() || viewport::is_nearer_end();
        if let Some(page) = page {
            let mut content = board.content.write_value();
            let timeline = &mut content.timeline;
            match way {
                Way::Older(before) => timeline.prepend(page, before, stays),
                Way::Newer => timeline.extend(page),
                Way::Newest | Way::Message(_) => timeline.show(page),
            }
        }
        let has_newest = board.content.with_value(|content| content.timeline.has_newest());
        let look = board.looked();
        let older = if failed { Older::Failed } else { Older::Some };
        // Elsewhere in history the list follows nothing.
        let follow = if matches!(way, Way::Message(_)) { look.follow.scrolled(i32::MAX, has_newest) } else { look.follow };
        board.show(Look { older, follow, ..look });
        self.draw(anchor);
        match way {
            Way::Message(offset) if !failed && !self.go_to(offset) => {
                board.show(Look { notice: Some(Notice::LinkGone), ..board.looked() });
            }
            // Something more may have come in while the page was on its way.
            Way::Newest if !failed && !has_newest => self.newer(),
            Way::Newest if !failed => self.to_end(),
            _ => {}
        }
    }
}
