//! Showing what was told: once per animation frame, however much came in.

use std::cell::Cell;
use std::rc::Weak;

use client::Update;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

use super::Driver;
use crate::board::{Look, Older};
use crate::browser::viewport::{self, Anchor};
use crate::browser::{clock, document, window};
use crate::decide::rows::{self, Row};

/// How many updates wait for a frame at the most; a page in the background gets no frames.
pub(super) const UPDATES_MAX: usize = 1000;
/// How long updates of a page in the background wait, in milliseconds.
const HIDDEN_MS: i32 = 250;

/// Asks the browser for a frame, one at a time.
pub(super) struct Frames {
    asked: Cell<bool>,
    callback: Closure<dyn FnMut()>,
}

impl Frames {
    pub(super) fn new(driver: Weak<Driver>) -> Self {
        let callback = Closure::new(move || {
            if let Some(driver) = driver.upgrade() {
                driver.flush();
            }
        });
        Self { asked: Cell::new(false), callback }
    }

    pub(super) fn ask(&self) {
        if self.asked.replace(true) {
            return;
        }
        let callback = self.callback.as_ref().unchecked_ref();
        // Neither can fail with a function to call. One that comes after another flush finds nothing to do.
        if document().hidden() {
            _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(callback, HIDDEN_MS);
        } else {
            _ = window().request_animation_frame(callback);
        }
    }
}

impl Driver {
    /// Shows all that was told.
    pub(super) fn flush(&self) {
        self.frames.asked.set(false);
        let board = self.board;
        let today = clock::today();
        if board.today.get_untracked() != Some(today) {
            board.today.set(Some(today));
        }
        let look = board.looked();
        let anchor = Anchor::take().filter(|_| !look.follow.at_end());
        let new = self.fold(look.follow.at_end());
        board.show(Look { follow: look.follow.arrived(new), ..look });
        self.show();
        spawn_local(async move {
            tick().await;
            match anchor {
                Some(anchor) => anchor.hold(),
                None => viewport::to_end(),
            }
        });
    }

    /// Takes what was told into the content. How many messages of it are new.
    fn fold(&self, at_end: bool) -> usize {
        let mut content = self.board.content.write_value();
        let mut new = 0;
        for update in self.updates.take() {
            match update {
                Update::Entry(entry) => new += usize::from(content.timeline.append(entry)),
                Update::Gap(gap) => content.timeline.gap(&gap),
                _ => {}
            }
        }
        if at_end {
            content.timeline.follow();
        }
        new
    }

    /// Shows the timeline and the core as they are, touching only what has changed.
    pub(super) fn show(&self) {
        let board = self.board;
        let core = self.core.borrow();
        let mut content = board.content.write_value();
        content.pending = core.outbox().pending().to_vec();
        let (rows, outbox) = (rows::of(&content.timeline), rows::of_outbox(&content.pending));
        let more = content.timeline.before().is_some();
        drop(content);
        show_rows(board.rows, rows);
        show_rows(board.outbox, outbox);
        let look = board.looked();
        let older = match look.older {
            Older::None | Older::Some if more => Older::Some,
            Older::None | Older::Some => Older::None,
            busy => busy,
        };
        // Before the first hello, the server's own count in the page is the better one.
        let here = if core.here() > 0 { core.here() } else { look.here };
        board.show(Look { older, here, ..look });
    }
}

fn show_rows(shown: RwSignal<Vec<Row>>, rows: Vec<Row>) {
    if *shown.read_untracked() != rows {
        shown.set(rows);
    }
}
