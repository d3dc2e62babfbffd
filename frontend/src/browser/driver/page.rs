//! The start and the end of a visit: what this browser keeps is restored, and kept.

use std::rc::Rc;

use client::Event;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::RoomName;
use web_sys::PerformanceNavigation;

use super::Driver;
use super::attention::SEEN;
use super::history_navigation::Spot;
use crate::browser::{clock, cookie, panels, requests, storage, viewport, window};
use crate::logic::permalink::linked;
use crate::logic::place::Place;
use crate::logic::recent;
use crate::logic::settings::Settings;
use crate::logic::zone::Zone;
use crate::state::set;

/// The storage key of the place at which a tab left a room.
const PLACE: &str = "place";

impl Driver {
    /// Restores what this browser keeps for its reader: zone, settings, recent rooms and draft.
    pub(super) fn restore(&self) {
        cookie::keep_zone(clock::zone());
        self.state.lists.zone.set(Zone::Local(clock::local));
        let settings = Settings::parse(&storage::kept("settings", ""));
        panels::show_settings(settings);
        let rooms = recent::visited(&storage::kept("rooms", ""), self.room.as_str());
        panels::show_recent(&rooms, self.room.as_str());
        storage::keep("rooms", "", &rooms);
        panels::complete_links();
        let mut draft = self.draft.borrow_mut();
        // No event has reported what was typed before hydration.
        let text = viewport::restore_draft(draft.kept());
        draft.keep(text);
        viewport::report_name();
        set(self.state.settings, settings);
        viewport::show_ready();
    }

    /// Counts the unread messages of the rooms that the reader visited: a short request for each.
    pub(super) fn count_unread(&self) {
        let rooms = storage::kept("rooms", "");
        for room in rooms.split(' ').filter(|room| *room != self.room.as_str()) {
            let Ok(room) = RoomName::try_from(room.to_owned()) else { continue };
            let Ok(seen) = storage::kept(SEEN, room.as_str()).parse() else { continue };
            let texts = self.state.texts;
            spawn_local(async move {
                let unread = requests::latest(&room).await.map_or(0, |latest| recent::unread(seen, latest));
                let text = if unread == 0 { String::new() } else { (texts.unseen)(unread) };
                panels::show_beside(room.as_str(), &text);
            });
        }
    }

    /// Keeps for the next visit what was seen, and for this tab its place.
    pub(super) fn leave(&self) {
        self.attend();
        let epoch = self.epoch();
        let mut attention = self.attention.borrow_mut();
        attention.leave();
        attention.keep(epoch);
        let at_end = self.state.follow.get_untracked().at_end();
        let place = if at_end { Some(Place::End) } else { viewport::place() };
        storage::keep_by_tab(PLACE, self.room.as_str(), &place.map_or_else(String::new, |place| place.to_text(epoch)));
    }

    /// Scrolls to the place at which this tab left the room, after a reload or on the way back.
    /// Else to the message that the address names.
    pub(super) fn find_place(self: &Rc<Self>) {
        let epoch = self.epoch();
        let returns =
            window().performance().is_some_and(|performance| performance.navigation().type_() != PerformanceNavigation::TYPE_NAVIGATE);
        match Place::parse(&storage::kept_by_tab(PLACE, self.room.as_str()), epoch).filter(|_| returns) {
            Some(Place::Message { offset, top }) => self.to_spot(Spot::Place(offset, top)),
            Some(Place::End) => {}
            None => self.follow_permalink(),
        }
    }

    /// Scrolls to the message that the address names.
    pub(super) fn follow_permalink(self: &Rc<Self>) {
        let hash = window().location().hash().unwrap_or_default();
        if let Some(offset) = linked(&hash) {
            self.to_spot(Spot::Message(offset));
        }
    }

    /// Closes all connections of a page that is left. The browser can then keep it for the way
    /// back.
    pub(super) fn freeze(&self) {
        self.leave();
        self.connection.channels().freeze();
    }

    /// Continues after [`Driver::freeze`], if the browser has kept the page.
    pub(super) fn thaw(self: &Rc<Self>) {
        for channel in self.connection.channels().thaw() {
            self.handle(Event::lost(channel));
        }
        self.handle(Event::RetryNow);
        self.follow_other_tabs();
    }
}
