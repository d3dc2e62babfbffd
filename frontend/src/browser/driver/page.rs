//! What the driver knows of the page besides the connection, and how it takes the page over from the server.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{Epoch, Position};

use super::Driver;
use crate::browser::attention::Sign;
use crate::browser::{clock, cookie, panels, storage, viewport, window};
use crate::logic::announcer::Announcer;
use crate::logic::attention::Calls;
use crate::logic::permalink::linked;
use crate::logic::recent;
use crate::logic::settings::Settings;
use crate::logic::unread::Unread;
use crate::logic::zone::Zone;
use crate::state::ViewState;

/// What of a room was seen when it was last left.
const SEEN: &str = "seen";

/// What was seen of a room, if it was this log.
fn seen_before(room: &str, epoch: Epoch) -> Option<u64> {
    let seen: Position = storage::kept(SEEN, room).parse().ok()?;
    (seen.epoch == epoch).then_some(seen.offset)
}

pub(super) struct Page {
    pub(super) unread: Unread,
    pub(super) announcer: Announcer,
    pub(super) calls: Calls,
    pub(super) sign: Sign,
    /// Until when the list is not read out.
    pub(super) quiet_until: u64,
}

impl Page {
    pub(super) fn new(room: &str, state: crate::state::AppState) -> Self {
        let content = state.content.read_value();
        let timeline = &content.timeline;
        let seen = seen_before(room, timeline.end().epoch);
        Self {
            unread: Unread::open(seen, timeline.latest()),
            announcer: Announcer::default(),
            calls: Calls::default(),
            sign: Sign::new(),
            quiet_until: 0,
        }
    }
}

impl Driver {
    /// Makes the page the reader's own: their zone, settings, draft and rooms.
    pub(super) fn settle_in(&self) {
        let zone = clock::zone();
        cookie::keep_zone(zone);
        self.state.lists.zone.set(Zone::Local(clock::local));
        let settings = Settings::parse(&storage::kept("settings", ""));
        panels::show_settings(settings);
        let rooms = recent::visited(&storage::kept("rooms", ""), self.room.as_str());
        panels::show_recent(&rooms);
        storage::keep("rooms", "", &rooms);
        panels::link();
        let mut draft = self.draft.borrow_mut();
        // What was written before the page came alive is told of by nobody else.
        let text = viewport::restore_draft(draft.kept());
        draft.keep(text);
        self.state.show(ViewState { ready: true, settings, ..self.state.looked() });
    }

    /// Keeps what was seen for the next visit. Another tab may have seen more.
    pub(super) fn leave(&self) {
        self.attend();
        let epoch = self.state.content.with_value(|content| content.timeline.end().epoch);
        let seen = self.page.borrow().unread.seen();
        let offset = seen_before(self.room.as_str(), epoch).map_or(seen, |before| before.max(seen));
        storage::keep(SEEN, self.room.as_str(), &Position { epoch, offset }.to_string());
    }

    /// Goes to the message that the address names.
    pub(super) fn follow_link(self: &Rc<Self>) {
        let hash = window().location().hash().unwrap_or_default();
        if let Some(offset) = linked(&hash) {
            self.to_message(offset);
        }
    }
}
