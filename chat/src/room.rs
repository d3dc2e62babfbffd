//! A room: what arrived, what is on its way, and where the person looks.

mod link;
mod outgoing;
mod unread;

mod items;
mod layout;
mod scroll;
mod selection;

mod receive;

use client::{Page, Pending, Timeline};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::{Author, Entry, Position, PublishRequest, RoomName};

use crate::composer::Composer;
use crate::event::SavedRoom;
use crate::printable::Charset;
use crate::texts;

pub(crate) use items::Item;
pub(crate) use layout::{GUTTER_COLUMNS, Grid, Laid, Part, TIME_COLUMNS, sentence, shown_text};
pub(crate) use link::{Link, Status};
pub(crate) use outgoing::is_failed;
pub(crate) use scroll::Place;

use layout::{Layout, quote};
use outgoing::Outgoing;
use scroll::Scroll;
use unread::Unread;

/// A room.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) name: RoomName,
    pub(crate) composer: Composer,
    pub(crate) link: Link,
    pub(crate) outgoing: Outgoing,
    /// `None` until the first page.
    timeline: Option<Timeline>,
    /// The screen that is being shown: the offset at which that began, and who shows it.
    cast: Option<(u64, Author)>,
    /// What arrived before the first page.
    early: Vec<Entry>,
    unread: Unread,
    /// The position up to which the person had read in an earlier run.
    read: Option<Position>,
    /// The position up to which the subscription has delivered.
    cursor: Option<Position>,
    /// The message that the person has selected.
    selected: Option<u64>,
    is_open: bool,
    fetching: Option<Page>,
    older: Older,
    scroll: Scroll,
    /// How many messages of others arrived below what the person sees.
    below: u64,
    items: Vec<Item>,
    /// True if `items` is older than what it is made from.
    is_stale: bool,
    layout: Layout,
}

/// How far a request for older messages is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Older {
    Idle,
    Loading,
    Failed(String),
}

impl Room {
    /// Creates a room with what an earlier run left.
    pub(crate) fn new(saved: SavedRoom, grid: Grid) -> Self {
        let SavedRoom { name, read, draft, outbox, own } = saved;
        Self {
            name,
            composer: Composer::new(draft),
            link: Link::default(),
            outgoing: Outgoing::new(outbox, own),
            timeline: None,
            cast: None,
            early: Vec::new(),
            unread: Unread::default(),
            read,
            cursor: None,
            selected: None,
            is_open: false,
            fetching: None,
            older: Older::Idle,
            scroll: Scroll::End,
            below: 0,
            items: Vec::new(),
            is_stale: true,
            layout: Layout::new(grid),
        }
    }

    /// Returns what the next run continues with.
    pub(crate) fn saved(&self) -> SavedRoom {
        SavedRoom {
            name: self.name.clone(),
            read: self.read(),
            draft: self.composer.text().to_owned(),
            outbox: self.outgoing.pending().iter().map(|pending| pending.message.clone()).collect(),
            own: self.outgoing.own(),
        }
    }

    /// Takes a message that the person posts.
    pub(crate) fn post(&mut self, message: PublishRequest) {
        self.outgoing.hand_over(message);
        self.unread.posted();
        self.layout.clear_pending();
        self.scroll_to_end();
        self.selected = None;
        self.is_stale = true;
    }

    /// Takes a change that the person makes.
    pub(crate) fn change(&mut self, change: PublishRequest) {
        self.outgoing.hand_over(change);
        self.selected = None;
    }

    /// Removes a message that was on its way.
    pub(crate) fn discard(&mut self, pending: &Pending) {
        if let Some(key) = &pending.message.key {
            self.outgoing.remove(key);
            self.layout.clear_pending();
            self.is_stale = true;
        }
    }

    /// Brings the list up to date: before anything is scrolled or drawn.
    pub(crate) fn refresh(&mut self, grid: Grid, zone: &TimeZone, now: Timestamp) {
        if grid != self.layout.grid {
            self.resize(grid);
        }
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let now = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let Some(timeline) = &self.timeline else {
            let pending = self.outgoing.pending().iter().enumerate().filter(|(_, pending)| pending.message.kind.is_message());
            self.items = pending.map(|(index, _)| Item::Pending { index, is_continued: false }).collect();
            if !self.items.is_empty() {
                self.items.push(Item::Waiting);
            }
            return;
        };
        let cast = self.cast.as_ref().map(|(began, _)| *began);
        self.items = items::of(timeline, self.unread.line(), cast, self.outgoing.pending(), zone, now);
    }

    pub(crate) fn item(&self, place: Place) -> Item {
        self.items[place.item]
    }

    /// Returns the loaded messages, oldest first.
    pub(crate) fn entries(&self) -> &[Entry] {
        self.timeline.as_ref().map_or(&[], Timeline::entries)
    }

    pub(crate) fn entry_at(&self, offset: u64) -> Option<&Entry> {
        self.timeline.as_ref()?.entry(offset)
    }

    /// Returns the rows of a message.
    pub(crate) fn laid(&mut self, offset: u64) -> Option<&Laid> {
        let (timeline, grid) = (self.timeline.as_ref()?, self.layout.grid);
        Some(self.layout.message(timeline.entry(offset)?, |reply| quote(timeline, reply, grid)))
    }

    /// Returns the rows of a message on its way.
    pub(crate) fn laid_pending(&mut self, index: usize) -> Option<&Laid> {
        let (pending, grid) = (self.outgoing.pending().get(index)?, self.layout.grid);
        let quoted = |reply| self.timeline.as_ref().map_or_else(String::new, |timeline| quote(timeline, reply, grid));
        Some(self.layout.pending(index, pending, quoted))
    }

    /// True if a message is the person's own.
    pub(crate) fn is_own(&self, entry: &Entry) -> bool {
        let you = self.timeline.as_ref().and_then(Timeline::you);
        self.outgoing.is_own(entry.key.as_ref()) || you.is_some() && entry.by == you
    }

    /// Shows a long message whole, or folds it again.
    pub(crate) fn set_unfolded(&mut self, offset: u64, is_unfolded: bool) {
        self.layout.set_unfolded(offset, is_unfolded);
    }

    /// True once the room has shown messages, or that it has none.
    pub(crate) fn is_loaded(&self) -> bool {
        self.timeline.is_some()
    }

    /// True if the newest messages are loaded.
    pub(crate) fn has_newest(&self) -> bool {
        self.timeline.as_ref().is_none_or(Timeline::has_newest)
    }

    /// Returns who is showing a screen.
    pub(crate) fn cast(&self) -> Option<&str> {
        self.cast.as_ref().map(|(_, author)| author.as_str())
    }

    /// Returns how many messages the person has not seen.
    pub(crate) fn unread(&self) -> u64 {
        self.unread.count()
    }

    /// Returns how many messages of others arrived below what the person sees.
    pub(crate) fn below(&self) -> u64 {
        self.below
    }

    /// Returns the rows of what is above the oldest message that is loaded.
    pub(crate) fn start_rows(&self) -> Vec<String> {
        let Grid { columns, charset, .. } = self.layout.grid;
        let text = match (&self.older, self.timeline.as_ref().and_then(Timeline::before)) {
            (Older::Loading, _) => texts::LOADING.to_owned(),
            (Older::Failed(why), _) => texts::older_failed(why),
            (Older::Idle, None) => texts::FIRST.to_owned(),
            (Older::Idle, Some(_)) => texts::MORE_ABOVE.to_owned(),
        };
        sentence(&text, columns, charset)
    }

    /// True if messages are on their way and there is no connection for them.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.link.is_live() && self.outgoing.unsent() > 0
    }

    /// Returns how many messages are laid out.
    #[cfg(test)]
    pub(crate) fn laid_out(&self) -> usize {
        self.layout.len()
    }

    pub(crate) fn grid(&self) -> Grid {
        self.layout.grid
    }

    pub(crate) fn charset(&self) -> Charset {
        self.layout.grid.charset
    }
}
