//! Attention to messages that the reader has not seen: the unread line, the unread count, and
//! calls.

use client::Timeline;
use protocol::{Entry, Epoch, Position, RoomName};

use crate::browser::alerts::{self, Badge};
use crate::browser::storage;
use crate::logic::attention::Calls;
use crate::logic::settings::Settings;
use crate::logic::unread::Unread;

/// The storage key of the newest message that the reader has seen in a room.
pub(super) const SEEN: &str = "seen";

/// What the reader has seen, and how the page calls for attention.
pub(super) struct Attention {
    unread: Unread,
    calls: Calls,
    badge: Badge,
}

impl Attention {
    pub(super) fn new(room: &RoomName, timeline: &Timeline) -> Self {
        let seen = seen_before(room, timeline.end().epoch);
        Self { unread: Unread::open(seen, timeline.latest()), calls: Calls::default(), badge: Badge::new() }
    }

    /// Follows whether the page is visible, and whether the reader sees the newest message.
    pub(super) fn look(&mut self, visible: bool, at_end: bool, latest: u64) {
        self.unread = self.unread.visible(visible).look(visible && at_end, latest);
        self.badge.show(self.unread.hidden());
    }

    /// Counts new messages of others. True if the page has to call for attention.
    pub(super) fn arrived(&mut self, count: usize, visible: bool, latest: u64, settings: Settings, now: u64) -> bool {
        self.unread = self.unread.arrived(count, latest, visible);
        self.badge.show(self.unread.hidden());
        // Only a call that the reader has switched on delays the next one.
        self.calls.calls(count, !visible && (settings.notify || settings.sound), now)
    }

    /// The reader published a message, so they have read those above it.
    pub(super) fn published(&mut self) {
        self.unread = self.unread.published();
    }

    /// Another log replaced this one.
    pub(super) fn start_over(&mut self) {
        self.unread = self.unread.start_over();
    }

    /// The unread line stands after this entry.
    pub(super) fn unread_line(&self) -> Option<u64> {
        self.unread.line()
    }

    /// Keeps what was seen for the next visit. Another tab may have seen more.
    pub(super) fn keep(&self, room: &RoomName, epoch: Epoch) {
        let offset = seen_before(room, epoch).unwrap_or_default().max(self.unread.seen());
        storage::keep(SEEN, room.as_str(), &Position { epoch, offset }.to_string());
    }
}

/// Calls for attention to a message, as far as the settings allow.
pub(super) fn call(room: &RoomName, entry: Option<&Entry>, settings: Settings, nameless: &str) {
    if settings.sound {
        alerts::beep();
    }
    if let Some(entry) = entry.filter(|_| settings.notify) {
        let author = if entry.author.is_nameless() { nameless } else { entry.author.as_str() };
        alerts::notify(room.as_str(), author, entry.text.as_str());
    }
}

/// What was seen in a room before, if it was in this log.
fn seen_before(room: &RoomName, epoch: Epoch) -> Option<u64> {
    let seen: Position = storage::kept(SEEN, room.as_str()).parse().ok()?;
    (seen.epoch == epoch).then_some(seen.offset)
}
