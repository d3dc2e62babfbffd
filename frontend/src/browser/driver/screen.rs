//! Updates that wait for an animation frame, and the state of drawing.

use std::cell::{Cell, RefCell};
use std::rc::Weak;

use client::Update;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

use super::Driver;
use crate::browser::{document, window};

/// Maximum updates that wait for a frame. A page in the background gets no frames.
const UPDATES_MAX: usize = 1000;
/// How long updates wait while the page is in the background, in milliseconds.
const HIDDEN_MS: i32 = 250;
/// From this many updates in one frame on, the next ones wait for [`CROWD_MS`]: layout and paint
/// take time that typing needs.
const CROWD_UPDATES: usize = 5;
/// How long updates wait in a busy room, in milliseconds. Short enough to look like a stream.
const CROWD_MS: i32 = 60;

/// What is not shown yet.
pub(super) struct Screen {
    updates: RefCell<Vec<Update>>,
    frames: Frames,
    /// True while the document does not show yet what was drawn.
    pub(super) drawing: Cell<bool>,
    /// The rest of a pixel by which the list is out of place.
    pub(super) drift: Cell<f64>,
}

impl Screen {
    pub(super) fn new(driver: Weak<Driver>) -> Self {
        Self { updates: RefCell::default(), frames: Frames::new(driver), drawing: Cell::default(), drift: Cell::default() }
    }

    /// Adds an update and requests a frame. True if too many updates wait for one.
    pub(super) fn push(&self, update: Update) -> bool {
        self.updates.borrow_mut().push(update);
        let is_full = self.updates.borrow().len() >= UPDATES_MAX;
        if !is_full {
            self.frames.request();
        }
        is_full
    }

    /// True if no update waits for a frame.
    pub(super) fn is_up_to_date(&self) -> bool {
        self.updates.borrow().is_empty()
    }

    /// Takes all updates; `None` if the document does not show yet what was drawn before.
    pub(super) fn take(&self) -> Option<Vec<Update>> {
        self.frames.requested.set(false);
        if self.drawing.get() {
            self.frames.request();
            return None;
        }
        let updates = self.updates.take();
        self.frames.crowded.set(updates.len() >= CROWD_UPDATES);
        Some(updates)
    }
}

/// Requests frames from the browser, one at a time.
struct Frames {
    requested: Cell<bool>,
    crowded: Cell<bool>,
    callback: Closure<dyn FnMut()>,
}

impl Frames {
    fn new(driver: Weak<Driver>) -> Self {
        let callback = Closure::new(move || {
            if let Some(driver) = driver.upgrade() {
                driver.flush();
            }
        });
        Self { requested: Cell::new(false), crowded: Cell::new(false), callback }
    }

    fn request(&self) {
        if self.requested.replace(true) {
            return;
        }
        let callback = self.callback.as_ref().unchecked_ref();
        // Neither call can fail. A callback after another flush finds nothing to do.
        let wait = if document().hidden() { HIDDEN_MS } else { CROWD_MS };
        if wait == HIDDEN_MS || self.crowded.get() {
            _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(callback, wait);
        } else {
            _ = window().request_animation_frame(callback);
        }
    }
}
