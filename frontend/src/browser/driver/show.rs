//! Shows updates of the client core: once per animation frame, whatever their number.

use std::rc::Rc;

use client::Update;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use protocol::{Entry, Kind};

use super::{Driver, outbox};
use crate::browser::viewport::{self, Anchor};
use crate::browser::{clock, document};
use crate::state::{Content, Notice, Older, set};

/// What arrived with one frame.
#[derive(Default)]
struct News {
    /// Messages of other people.
    count: usize,
    last: Option<Entry>,
    /// The offsets of the messages that changed, each with a space.
    changed: String,
}

impl Driver {
    /// Shows all updates.
    pub(super) fn flush(self: &Rc<Self>) {
        let Some(updates) = self.screen.take() else { return };
        self.attend();
        let anchor = self.anchor();
        let mut news = self.fold(updates);
        let (now, visible) = (self.clock.now(), !document().hidden());
        let latest = self.state.content.with_value(|content| content.timeline.latest());
        let settings = self.state.settings.get_untracked();
        self.screen_reader.borrow_mut().arrived(news.count, now);
        self.attention.borrow_mut().arrived(news.count, news.last.take(), visible, latest, settings, now);
        let follow = self.state.follow.get_untracked();
        set(self.state.follow, follow.arrived(news.count));
        let drawn = self.draw(anchor);
        spawn_local(async move {
            drawn.await;
            // Scripts look at the changed rows.
            if !news.changed.is_empty() {
                viewport::report_changed(news.changed.trim_ascii_end());
            }
        });
        self.refresh();
    }

    /// Moves the updates into the content.
    fn fold(&self, updates: Vec<Update>) -> News {
        let mut news = News::default();
        let follows = self.state.follow.get_untracked().at_end();
        let mut content = self.state.content.write_value();
        for update in updates {
            match update {
                Update::Entry(entry) => {
                    let sent = content.pending.iter().any(|pending| pending.message.key.is_some() && pending.message.key == entry.key);
                    let own = sent || (entry.by.is_some() && entry.by == content.timeline.you());
                    let last = entry.clone();
                    if content.timeline.append(entry, follows) && !own {
                        news.count += 1;
                        news.last = Some(last);
                    }
                }
                Update::Change(change) => {
                    // 0 stands for the room itself, which has the pins.
                    match change.kind {
                        Kind::Cast => news.changed.push_str("cast"),
                        Kind::Pin | Kind::Unpin => news.changed.push('0'),
                        _ => news.changed.push_str(&change.of.unwrap_or_default().to_string()),
                    }
                    news.changed.push(' ');
                    if let Some(settings) = &change.settings {
                        content.slow = settings.slow > 0;
                    }
                    content.timeline.change(change);
                }
                Update::Gap(gap) => {
                    let (epoch, latest) = (content.timeline.end().epoch, content.timeline.latest());
                    content.timeline.mark_gap(&gap);
                    self.attention.borrow_mut().gap(&gap, latest, content.timeline.end().epoch == epoch);
                }
                _ => {}
            }
        }
        news
    }

    /// Returns the row to keep in place while the list changes; `None` while the list follows its
    /// end.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        if self.state.follow.get_untracked().at_end() { None } else { Anchor::take(self.screen.drift.get()) }
    }

    /// Starts to show the timeline and the outbox, with the anchor in its place. The returned
    /// future resolves when the document shows them.
    pub(super) fn draw(self: &Rc<Self>, anchor: Option<Anchor>) -> impl Future<Output = ()> + use<> {
        let state = self.state;
        let core = self.connection.core();
        let mut guard = state.content.write_value();
        let content = &mut *guard;
        content.pending = core.outbox().pending().to_vec();
        let unread = self.attention.borrow().unread_line();
        let shown = state.lists.show(&content.timeline, &mut content.authors, unread, &content.pending, clock::wall_time());
        outbox::show_pending(state, core.outbox());
        let older = match state.older.get_untracked() {
            Older::None | Older::Some if content.timeline.before().is_some() => Older::Some,
            Older::None | Older::Some => Older::None,
            busy => busy,
        };
        if older == Older::None {
            viewport::pass_focus("older");
        }
        set(state.older, older);
        set(state.empty, is_empty(content));
        // Until the first hello, the count in the server's page is the best one.
        if core.online() > 0 {
            set(state.online, core.online());
        }
        // A newer server may send what this page does not understand. The notice appears once.
        if !core.version().is_empty() && !content.version.is_empty() && core.version() != content.version {
            content.version.clear();
            set(state.notice, Some(Notice::Outdated));
        }
        drop(guard);
        self.screen.drawing.set(true);
        let driver = Rc::clone(self);
        async move {
            let changed = shown.await;
            driver.screen.drawing.set(false);
            match anchor {
                Some(anchor) => driver.screen.drift.set(anchor.hold()),
                None if changed && driver.state.follow.get_untracked().at_end() => viewport::to_end(),
                None => {}
            }
            driver.show_backlog();
        }
    }

    /// Waits until the document shows what was drawn.
    pub(super) async fn drawn(&self) {
        while self.screen.drawing.get() {
            tick().await;
        }
    }
}

fn is_empty(content: &Content) -> bool {
    content.timeline.entries().is_empty() && content.timeline.missed().is_empty() && content.pending.is_empty()
}
