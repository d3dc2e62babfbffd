//! Attention to messages that the reader has not seen: the unread line, the backlog, the unread
//! count, and calls.

use client::Timeline;
use protocol::{Entry, Epoch, Gap, GapReason, Position, RoomName};

use crate::browser::alerts::{self, Badge};
use crate::browser::{clock, storage};
use crate::logic::attention::Calls;
use crate::logic::settings::Settings;
use crate::logic::unread::{Backlog, Unread};
use crate::texts::Texts;

/// The storage key of the newest message that the reader has seen in a room.
pub(super) const SEEN: &str = "seen";
/// The storage key of the time at which the reader left a room.
const LEFT: &str = "left";
/// The minimum interval between two writes of what was seen, in milliseconds.
const KEEP_MS: u64 = 1_000;

/// What the reader has seen, and how the page calls for attention.
pub(super) struct Attention {
    room: RoomName,
    unread: Unread,
    calls: Calls,
    /// The message to call for.
    newest: Option<Entry>,
    badge: Badge,
    /// What was kept last for other tabs and the next visit, and when.
    kept: u64,
    kept_at: u64,
}

impl Attention {
    pub(super) fn new(room: &RoomName, timeline: &Timeline) -> Self {
        let seen = seen_before(room, timeline.end().epoch);
        let left = storage::kept(LEFT, room.as_str()).parse().unwrap_or_default();
        Self {
            room: room.clone(),
            unread: Unread::open(seen, left, timeline.latest(), clock::wall_time()),
            calls: Calls::default(),
            newest: None,
            badge: Badge::new(),
            kept: seen.unwrap_or_default(),
            kept_at: 0,
        }
    }

    fn change(&mut self, change: impl FnOnce(Unread) -> Unread) {
        self.unread = change(self.unread);
        self.badge.show(self.unread.hidden());
    }

    /// Follows whether the page is visible, and whether the reader sees the newest message.
    pub(super) fn look(&mut self, visible: bool, at_end: bool, latest: u64) {
        self.change(|unread| unread.visible(visible).look(visible && at_end, latest));
        if visible {
            self.calls.cancel();
        }
    }

    /// Follows the connection. `heard` is true if the server was heard on it just now.
    pub(super) fn follow_connection(&mut self, is_live: bool, heard: bool) {
        match (is_live, heard) {
            (true, true) => self.unread = self.unread.heard(clock::wall_time()),
            (true, false) => {}
            (false, _) => self.unread = self.unread.disconnected(clock::wall_time()),
        }
    }

    /// The page is hidden or closed.
    pub(super) fn leave(&mut self) {
        self.unread = self.unread.leave(clock::wall_time());
    }

    /// The page is visible, connected, and has everything that it missed. True if it was absent.
    pub(super) fn back(&mut self) -> bool {
        let was_absent = self.unread.is_absent();
        self.unread = self.unread.back();
        was_absent
    }

    /// Counts new messages of others.
    pub(super) fn arrived(&mut self, count: usize, last: Option<Entry>, visible: bool, latest: u64, settings: Settings, now: u64) {
        self.change(|unread| unread.arrived(count, latest, visible));
        if count > 0 && !visible && (settings.notify || settings.sound) {
            self.calls.arrived(count, now);
            self.newest = last;
        }
    }

    /// Calls for attention if that is due, as far as the settings allow. Returns when to ask again.
    pub(super) fn call(&mut self, settings: Settings, texts: &Texts, now: u64) -> Option<u64> {
        let (count, again) = self.calls.take(now);
        if count > 0 && settings.sound {
            alerts::beep();
        }
        if let Some(entry) = self.newest.take_if(|_| count > 0).filter(|_| settings.notify) {
            let author = texts.shown(entry.author.as_str());
            let room = self.room.as_str();
            let title = if count == 1 { room.to_owned() } else { [room, " · ", &(texts.unseen)(count)].concat() };
            alerts::notify(room, &title, &[author, ": ", entry.text.as_str()].concat());
        }
        again
    }

    /// The reader published a message, so they have read those above it.
    pub(super) fn published(&mut self) {
        self.unread = self.unread.published();
    }

    /// The reader has seen where the backlog begins.
    pub(super) fn found(&mut self) {
        self.unread = self.unread.found();
    }

    /// The reader says that they have read everything.
    pub(super) fn mark_read(&mut self, latest: u64) {
        self.change(|unread| unread.read(latest));
    }

    /// Entries after `last` are missing. `is_same_log` is false if another log replaced this one.
    pub(super) fn gap(&mut self, gap: &Gap, last: u64, is_same_log: bool) {
        if !is_same_log {
            self.unread = self.unread.start_over();
            self.kept = 0;
        } else if gap.reason == GapReason::Expired {
            self.unread = self.unread.expired(gap.resumes.offset.saturating_sub(last), gap.resumes.offset);
        }
    }

    /// Takes over what the reader has seen in another tab. True if that is more than in this one.
    pub(super) fn read_elsewhere(&mut self, epoch: Epoch, latest: u64) -> bool {
        let before = self.unread;
        if let Some(seen) = seen_before(&self.room, epoch) {
            self.change(|unread| unread.read_elsewhere(seen, latest));
        }
        self.unread != before
    }

    /// The unread line stands after this entry.
    pub(super) fn unread_line(&self) -> Option<u64> {
        self.unread.line()
    }

    /// What arrived in the reader's absence, until they have found it.
    pub(super) fn backlog(&self) -> Option<Backlog> {
        self.unread.backlog()
    }

    /// Keeps what was seen, for other tabs and the next visit, if that is due. Returns when to ask
    /// again.
    pub(super) fn keep_seen(&mut self, epoch: Epoch, now: u64) -> Option<u64> {
        let seen = self.unread.seen();
        if seen <= self.kept {
            return None;
        }
        let due = self.kept_at + KEEP_MS;
        if now < due {
            return Some(due);
        }
        self.kept_at = now;
        self.keep(epoch);
        None
    }

    /// Keeps what was seen. Another tab may have seen more.
    pub(super) fn keep(&mut self, epoch: Epoch) {
        let offset = self.unread.seen();
        self.kept = offset;
        if seen_before(&self.room, epoch).is_none_or(|kept| kept <= offset) {
            let room = self.room.as_str();
            storage::keep(LEFT, room, &self.unread.left(clock::wall_time()).to_string());
            storage::keep(SEEN, room, &Position { epoch, offset }.to_string());
        }
    }
}

/// What was seen in a room before, if it was in this log.
fn seen_before(room: &RoomName, epoch: Epoch) -> Option<u64> {
    let seen: Position = storage::kept(SEEN, room.as_str()).parse().ok()?;
    (seen.epoch == epoch).then_some(seen.offset)
}
