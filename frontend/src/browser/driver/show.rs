//! Shows updates of the client core: once per animation frame, whatever their number.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use client::{ConnectionState, Update};
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use protocol::Entry;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

use super::Driver;
use crate::browser::viewport::{self, Anchor};
use crate::browser::{attention, document, window};
use crate::state::{Content, Notice, Older, ViewState};

/// Maximum updates that wait for a frame. A page in the background gets no frames.
pub(super) const UPDATES_MAX: usize = 1000;
/// How long updates wait while the page is in the background, in milliseconds.
const HIDDEN_MS: i32 = 250;
/// From this many updates in one frame on, the next ones wait for [`CROWD_MS`]: layout and paint
/// take time that typing needs.
const CROWD_UPDATES: usize = 5;
/// How long updates wait in a busy room, in milliseconds. Short enough to look like a stream.
const CROWD_MS: i32 = 60;

/// Requests frames from the browser, one at a time.
pub(super) struct Frames {
    asked: Cell<bool>,
    crowded: Cell<bool>,
    callback: Closure<dyn FnMut()>,
}

impl Frames {
    pub(super) fn new(driver: Weak<Driver>) -> Self {
        let callback = Closure::new(move || {
            if let Some(driver) = driver.upgrade() {
                driver.flush();
            }
        });
        Self { asked: Cell::new(false), crowded: Cell::new(false), callback }
    }

    pub(super) fn ask(&self) {
        if self.asked.replace(true) {
            return;
        }
        let callback = self.callback.as_ref().unchecked_ref();
        // Neither can fail with a function to call. A callback after another flush finds nothing to
        // do.
        let wait = if document().hidden() { HIDDEN_MS } else { CROWD_MS };
        if wait == HIDDEN_MS || self.crowded.get() {
            _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(callback, wait);
        } else {
            _ = window().request_animation_frame(callback);
        }
    }
}

/// What arrived with one frame.
#[derive(Default)]
struct News {
    /// Messages of other people.
    count: usize,
    last: Option<Entry>,
}

impl Driver {
    /// Shows all updates.
    pub(super) fn flush(self: &Rc<Self>) {
        self.frames.asked.set(false);
        if self.drawing.get() {
            return self.frames.ask();
        }
        self.frames.crowded.set(self.updates.borrow().len() >= CROWD_UPDATES);
        self.attend();
        let anchor = self.anchor();
        let news = self.fold();
        let now = self.now();
        let visible = !document().hidden();
        let latest = self.state.content.with_value(|content| content.timeline.latest());
        let settings = self.state.looked().settings;
        let calls = {
            let mut page = self.page.borrow_mut();
            page.unread = page.unread.arrived(news.count, latest, visible);
            page.announcer.arrived(news.count, now);
            let hidden = page.unread.hidden();
            page.sign.show(hidden);
            // While nobody asks for notifications there are none, so they delay no later one.
            page.calls.calls(news.count, !visible && (settings.notify || settings.sound), now)
        };
        let look = self.state.looked();
        self.state.show(ViewState { follow: look.follow.arrived(news.count), ..look });
        spawn_local(self.draw(anchor));
        if calls {
            self.call(news.last);
        }
    }

    /// Moves the updates into the content.
    fn fold(&self) -> News {
        let mut news = News::default();
        let follows = self.state.looked().follow.at_end();
        let mut content = self.state.content.write_value();
        for update in self.updates.take() {
            match update {
                Update::Entry(entry) => {
                    let own = content.pending.iter().any(|pending| pending.message.key.is_some() && pending.message.key == entry.key);
                    let last = entry.clone();
                    if content.timeline.append(entry, follows) && !own {
                        news.count += 1;
                        news.last = Some(last);
                    }
                }
                Update::Gap(gap) => {
                    let epoch = content.timeline.end().epoch;
                    content.timeline.mark_gap(&gap);
                    if content.timeline.end().epoch != epoch {
                        let mut page = self.page.borrow_mut();
                        page.unread = page.unread.start_over();
                    }
                }
                _ => {}
            }
        }
        news
    }

    fn call(&self, last: Option<Entry>) {
        let settings = self.state.looked().settings;
        if settings.sound {
            attention::beep();
        }
        if let Some(entry) = last.filter(|_| settings.notify) {
            let author = if entry.author.is_nameless() { self.state.texts.nameless } else { entry.author.as_str() };
            attention::notify(self.room.as_str(), author, entry.text.as_str());
        }
    }

    /// Returns the row to keep in place while the list changes; `None` while the list follows its
    /// end.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        if self.state.looked().follow.at_end() { None } else { Anchor::take(self.drift.get()) }
    }

    /// Shows the timeline and the outbox as they are, and keeps the anchor where it is. Returns at
    /// once a future, which ends when the document shows them.
    pub(super) fn draw(self: &Rc<Self>, anchor: Option<Anchor>) -> impl Future<Output = ()> + use<> {
        let state = self.state;
        let core = self.core.borrow();
        let mut content = state.content.write_value();
        content.pending = core.outbox().pending().to_vec();
        let shown = state.lists.show(&content.timeline, self.page.borrow().unread.line(), &content.pending);
        let look = state.looked();
        let older = match look.older {
            Older::None | Older::Some if content.timeline.before().is_some() => Older::Some,
            Older::None | Older::Some => Older::None,
            busy => busy,
        };
        if older == Older::None {
            viewport::pass_focus("older");
        }
        let empty = is_empty(&content);
        // Until the first hello, the count in the server's page is the best one.
        let here = if core.online() > 0 { core.online() } else { look.here };
        let (outbox, outbox_room) = (content.pending.len(), core.outbox().free_slots());
        // A newer server may send what this page does not understand. The notice appears once.
        let outdated = !core.version().is_empty() && !content.version.is_empty() && core.version() != content.version;
        if outdated {
            content.version.clear();
        }
        drop(content);
        let notice = if outdated { Some(Notice::Outdated) } else { look.notice };
        state.show(ViewState { older, here, empty, outbox, outbox_room, notice, ..look });
        self.drawing.set(true);
        let driver = Rc::clone(self);
        async move {
            let changed = shown.await;
            driver.drawing.set(false);
            match anchor {
                Some(anchor) => driver.drift.set(anchor.hold()),
                None if changed && driver.state.looked().follow.at_end() => viewport::to_end(),
                None => {}
            }
        }
    }

    /// Waits until the document shows what was drawn.
    pub(super) async fn drawn(&self) {
        while self.drawing.get() {
            tick().await;
        }
    }

    /// Notes what the reader sees.
    pub(super) fn attend(&self) {
        let visible = !document().hidden();
        let looks = visible && self.state.looked().follow.at_end();
        let latest = self.state.content.with_value(|content| content.timeline.latest());
        let mut page = self.page.borrow_mut();
        page.unread = page.unread.shown(visible).look(looks, latest);
        let hidden = page.unread.hidden();
        page.sign.show(hidden);
    }

    /// Shows what changes with time alone. Returns when to look again.
    pub(super) fn linger(&self, now: u64) -> Option<u64> {
        let core = self.core.borrow();
        let hold = core.outbox().held_until();
        let waits = matches!(core.connection(), ConnectionState::Live { .. }) && !core.outbox().pending().is_empty() && hold > now;
        let held = if waits { (hold - now).div_ceil(1000) } else { 0 };
        let mut page = self.page.borrow_mut();
        let (crowded, crowd, again) = page.announcer.look(now);
        let look = self.state.looked();
        let quiet = look.older == Older::Loading || now < page.quiet_until;
        self.state.show(ViewState { held, crowded, quiet, crowd: crowd.unwrap_or(look.crowd), ..look });
        let loud = (now < page.quiet_until).then_some(page.quiet_until);
        let tick = waits.then_some(hold.min(now + 1000));
        again.into_iter().chain(loud).chain(tick).min()
    }
}

fn is_empty(content: &Content) -> bool {
    content.timeline.entries().is_empty() && content.timeline.missed().is_empty() && content.pending.is_empty()
}
