//! What wakes the driver: its alarm, the network, and the page becoming visible.

use std::rc::{Rc, Weak};

use client::Event;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::EventTarget;

use super::Driver;
use crate::browser::{document, window};
use crate::state::Notice;

/// A timer that wakes the driver. Dropping it cancels it.
pub(super) struct Timer {
    id: Option<i32>,
    _callback: Closure<dyn FnMut()>,
}

impl Timer {
    pub(super) fn new(wait: u64, driver: Weak<Driver>) -> Self {
        let callback = Closure::new(move || {
            if let Some(driver) = driver.upgrade() {
                driver.handle(Event::Tick);
            }
        });
        // A tick that comes early does no harm, so a longer wait is cut to the browser's maximum.
        let wait = i32::try_from(wait).unwrap_or(i32::MAX);
        let id = window().set_timeout_with_callback_and_timeout_and_arguments_0(callback.as_ref().unchecked_ref(), wait);
        Self { id: id.ok(), _callback: callback }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            window().clear_timeout_with_handle(id);
        }
    }
}

impl Driver {
    /// Listens for as long as the page exists.
    pub(super) fn listen(self: &Rc<Self>) {
        self.on(&window(), "online", |driver| driver.handle(Event::RetryNow));
        self.on(&window(), "offline", |driver| driver.handle(Event::Offline));
        // A page from the browser's back/forward cache was frozen, and has no connection.
        self.on(&window(), "pageshow", Self::thaw);
        self.on(&document(), "visibilitychange", |driver| {
            if document().hidden() {
                driver.leave();
            } else {
                driver.handle(Event::RetryNow);
            }
            // A frame that was requested before the page was hidden does not come, and only one is
            // requested at a time.
            driver.flush();
        });
        self.on(&window(), "pagehide", |driver| driver.freeze());
        self.on(&window(), "hashchange", Self::follow_permalink);
        // Another tab has written something.
        self.on(&window(), "storage", Self::follow_other_tabs);
        self.on(&window(), "crier:text-only", |driver| driver.notice(Some(Notice::TextOnly)));
        if let Some(scroller) = document().get_element_by_id("scroller") {
            self.on(&scroller, "scroll", |driver| driver.show_backlog());
        }
    }

    fn on(self: &Rc<Self>, target: &EventTarget, event: &str, act: fn(&Rc<Self>)) {
        let driver = Rc::downgrade(self);
        let callback = Closure::<dyn FnMut()>::new(move || {
            if let Some(driver) = driver.upgrade() {
                act(&driver);
            }
        });
        _ = target.add_event_listener_with_callback(event, callback.as_ref().unchecked_ref());
        callback.forget();
    }
}
