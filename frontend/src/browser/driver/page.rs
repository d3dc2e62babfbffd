//! The start and the end of a visit: what this browser keeps is restored, and kept.

use std::rc::Rc;

use leptos::prelude::*;

use super::Driver;
use crate::browser::{clock, cookie, panels, storage, viewport, window};
use crate::logic::permalink::linked;
use crate::logic::recent;
use crate::logic::settings::Settings;
use crate::logic::zone::Zone;
use crate::state::set;

impl Driver {
    /// Restores what this browser keeps for its reader: zone, settings, recent rooms and draft.
    pub(super) fn restore(&self) {
        cookie::keep_zone(clock::zone());
        self.state.lists.zone.set(Zone::Local(clock::local));
        let settings = Settings::parse(&storage::kept("settings", ""));
        panels::show_settings(settings);
        let rooms = recent::visited(&storage::kept("rooms", ""), self.room.as_str());
        panels::show_recent(&rooms);
        storage::keep("rooms", "", &rooms);
        panels::link();
        self.mark_own();
        let mut draft = self.draft.borrow_mut();
        // No event has reported what was typed before hydration.
        let text = viewport::restore_draft(draft.kept());
        draft.keep(text);
        viewport::report_name();
        set(self.state.settings, settings);
        set(self.state.ready, true);
    }

    /// Keeps what was seen for the next visit.
    pub(super) fn leave(&self) {
        self.attend();
        let epoch = self.state.content.with_value(|content| content.timeline.end().epoch);
        self.attention.borrow().keep(&self.room, epoch);
    }

    /// Scrolls to the message that the address names.
    pub(super) fn follow_permalink(self: &Rc<Self>) {
        let hash = window().location().hash().unwrap_or_default();
        if let Some(offset) = linked(&hash) {
            self.to_message(offset);
        }
    }
}
