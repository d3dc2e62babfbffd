//! What updates and pages mean to a room.

use client::{Page, Pending, Stage, Timeline, Update};
use jiff::Timestamp;
use protocol::{Entry, Gap, Kind, MessagesPage, Position};

use super::scroll::Scroll;
use super::unread::Unread;
use super::{Older, Room};
use crate::event::{Action, Connection};
use crate::texts;

/// Maximum number of messages that wait for the first page.
const EARLY_MAX: usize = 200;

impl Room {
    /// Returns the first request. The subscription follows from the position of its page, so
    /// nothing is missing between the two.
    pub(crate) fn start(&mut self) -> Vec<Action> {
        self.fetch(Page::Latest)
    }

    /// Requests a page.
    pub(crate) fn fetch(&mut self, page: Page) -> Vec<Action> {
        self.fetching = Some(page);
        self.older = if let Page::Before(_) = page { Older::Loading } else { Older::Idle };
        self.is_stale = true;
        vec![Action::Fetch { room: self.name.clone(), page }]
    }

    /// Subscribes, again if the subscription has ended.
    pub(crate) fn open(&mut self) -> Vec<Action> {
        self.link.ended = None;
        self.is_open = true;
        let outbox = self.outgoing.pending().iter().map(|pending| pending.message.clone()).collect();
        vec![Action::Open { room: self.name.clone(), after: self.cursor, outbox }]
    }

    /// Handles the answer to a request. Returns what to do, and why the request failed if the
    /// person should know.
    pub(crate) fn page(&mut self, asked: Page, result: Result<MessagesPage, String>) -> (Vec<Action>, Option<String>) {
        if self.fetching != Some(asked) {
            return (Vec::new(), None);
        }
        self.fetching = None;
        self.is_stale = true;
        let page = match result {
            Ok(page) => page,
            Err(why) => return self.page_failed(asked, why),
        };
        let keeps_newest = self.scroll == Scroll::End;
        match (&mut self.timeline, asked) {
            (None, _) => return (self.first_page(page), None),
            (Some(timeline), Page::Before(before)) => {
                timeline.prepend(page, before, keeps_newest);
                self.older = Older::Idle;
            }
            (Some(timeline), Page::After(after)) if timeline.end() == after => timeline.extend(page),
            (Some(_), Page::After(_)) => {}
            (Some(timeline), Page::Latest) => {
                timeline.show(page);
                self.layout.clear();
                self.scroll_to_end();
            }
        }
        let actions = self.catch_up();
        if self.is_at_end() {
            self.below = 0;
        }
        (actions, None)
    }

    /// Requests what is missing at the end of the list, if the person looks there.
    fn catch_up(&mut self) -> Vec<Action> {
        match &self.timeline {
            Some(timeline) if self.scroll == Scroll::End && !timeline.has_newest() => {
                let page = Page::After(timeline.end());
                self.fetch(page)
            }
            _ => Vec::new(),
        }
    }

    fn page_failed(&mut self, asked: Page, why: String) -> (Vec<Action>, Option<String>) {
        if let Page::Before(_) = asked {
            self.older = Older::Failed(why);
            return (Vec::new(), None);
        }
        let actions = if self.is_open { Vec::new() } else { self.open() };
        // Without a connection the status line says more.
        (actions, Some(why).filter(|_| self.link.is_live()))
    }

    fn first_page(&mut self, page: MessagesPage) -> Vec<Action> {
        let position = page.position;
        let early = std::mem::take(&mut self.early);
        if early.first().is_some_and(|first| first.offset > position.offset + 1) {
            // The page is older than the messages that are left.
            return self.fetch(Page::Latest);
        }
        let read = self.read.filter(|read| read.epoch == position.epoch).map(|read| read.offset);
        if read.is_none() {
            self.outgoing.drop_changes();
        }
        self.unread = Unread::open(read, page.latest.offset, |seen| unread_in(&page, seen));
        self.read = Some(Position { offset: self.unread.seen(), ..position });
        self.timeline = Some(Timeline::new(page));
        for entry in early {
            if entry.kind.is_message() { self.entry(entry, false) } else { self.changed(entry) }
        }
        if self.is_open {
            return Vec::new();
        }
        self.cursor = Some(position);
        self.open()
    }

    /// Handles an update of the subscription. `is_watched` is true if the room is before the
    /// person's eyes. Returns what to do, and what to tell the person.
    pub(crate) fn update(
        &mut self,
        update: Update,
        mut connection: Connection,
        is_watched: bool,
        now: Timestamp,
    ) -> (Vec<Action>, Option<String>) {
        let slow = connection.slow_for.filter(|_| connection.outbox.is_some());
        let outbox = connection.outbox.take();
        let (mut actions, failure) = outbox.map_or_else(Default::default, |outbox| self.outbox(outbox));
        self.link.update(connection, now);
        if let (Update::Entry(entry) | Update::Change(entry), Some(cursor)) = (&update, &mut self.cursor) {
            cursor.offset = entry.offset;
        }
        match update {
            Update::Entry(entry) => self.entry(entry, is_watched),
            Update::Change(change) => self.changed(change),
            Update::Gap(gap) => {
                self.cursor = Some(gap.resumes);
                self.gap(&gap);
            }
            Update::StartsAt(position) => self.cursor = Some(position),
            Update::Connection | Update::Proven(_) | Update::Online(_) | Update::Outbox | Update::Published { .. } => {}
        }
        // The first request may have failed because there was no connection.
        if self.timeline.is_none() && self.fetching.is_none() && self.link.is_live() {
            actions.extend(self.fetch(Page::Latest));
        }
        (actions, failure.or_else(|| slow.map(|wait| texts::slow(wait.as_secs() + 1))))
    }

    /// Takes the outbox of the subscription. Discards changes that were refused, and tells why.
    fn outbox(&mut self, outbox: Vec<Pending>) -> (Vec<Action>, Option<String>) {
        self.outgoing.update(outbox);
        self.layout.clear_pending();
        self.is_stale = true;
        let (mut actions, mut failure) = (Vec::new(), None);
        let changes = self.outgoing.pending().iter().filter(|pending| !pending.message.kind.is_message());
        for Pending { message, stage } in changes.cloned().collect::<Vec<_>>() {
            if let (Stage::Failed { code, detail }, Some(key)) = (stage, message.key) {
                let why = if detail.is_empty() { code.title() } else { &detail };
                failure = Some(texts::change_refused(message.kind, why));
                self.outgoing.remove(&key);
                actions.push(Action::Discard { room: self.name.clone(), key });
            }
        }
        (actions, failure)
    }

    /// Handles a change.
    fn changed(&mut self, change: Entry) {
        if let Some(key) = &change.key {
            self.outgoing.remove(key);
        }
        self.cast_changed(&change);
        let Some(timeline) = &mut self.timeline else { return self.keep_early(change) };
        if timeline.change(change) {
            self.layout.clear_messages();
            self.layout.clear_pending();
            self.is_stale = true;
        }
        if self.selected.is_some_and(|offset| self.entry_at(offset).is_some_and(|entry| entry.erased)) {
            self.selected = None;
        }
    }

    /// Shows that somebody begins to show a screen, or that it is over.
    fn cast_changed(&mut self, change: &Entry) {
        if change.kind == Kind::Cast {
            self.cast = (!change.off).then(|| (change.offset, change.author.clone()));
            self.is_stale = true;
        }
    }

    fn keep_early(&mut self, entry: Entry) {
        self.early.drain(..(self.early.len() + 1).saturating_sub(EARLY_MAX));
        self.early.push(entry);
    }

    fn entry(&mut self, entry: Entry, is_watched: bool) {
        let is_own = self.is_own(&entry);
        if let Some(key) = entry.key.as_ref().filter(|_| is_own) {
            self.outgoing.remove(key);
            self.layout.clear_pending();
            self.is_stale = true;
        }
        let Some(timeline) = &mut self.timeline else { return self.keep_early(entry) };
        let offset = entry.offset;
        if !timeline.append(entry, self.scroll == Scroll::End) {
            return;
        }
        let is_shown = timeline.has_newest();
        self.is_stale |= is_shown;
        let is_at_end = self.scroll == Scroll::End && is_shown;
        self.unread.arrived(offset, is_own, is_watched && is_at_end);
        if !is_at_end && !is_own {
            self.below += 1;
        }
    }

    fn gap(&mut self, gap: &Gap) {
        self.early.clear();
        let Some(timeline) = &mut self.timeline else { return };
        let epoch = timeline.end().epoch;
        timeline.mark_gap(gap);
        self.is_stale = true;
        if timeline.end().epoch != epoch || timeline.entries().is_empty() {
            self.unread = Unread::open(None, gap.resumes.offset, |_| 0);
            self.cast = None;
            self.selected = None;
            self.layout.clear();
            self.older = Older::Idle;
            self.fetching = None;
            self.scroll_to_end();
        }
    }

    /// The person sees the room.
    pub(crate) fn look(&mut self) {
        if let Some(timeline) = self.timeline.as_ref().filter(|_| self.is_at_end()) {
            self.unread.look(timeline.latest());
        }
    }

    /// Returns the position up to which the person has read.
    pub(crate) fn read(&self) -> Option<Position> {
        let Some(timeline) = &self.timeline else { return self.read };
        Some(Position { offset: self.unread.seen(), ..timeline.end() })
    }
}

/// Returns how many messages come after an offset. If the page begins later, changes before it
/// count as well.
fn unread_in(page: &MessagesPage, seen: u64) -> u64 {
    let is_new = |entry: &&Entry| entry.kind.is_message() && entry.offset > seen;
    let before = page.entries.first().map_or(0, |first| first.offset.saturating_sub(seen + 1));
    before + page.entries.iter().filter(is_new).count() as u64
}
