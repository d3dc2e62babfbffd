//! Pages of a room's history: from memory if the tail has all of it, else from the store.

use protocol::{Entry, Epoch, Gap, GapReason, MessagesPage, Position};

use super::bounds::Bounds;
use super::hub::Hub;
use super::pass::Pass;
use super::state::{Extent, Room};
use crate::encoded::Encoded;
use crate::store::ReadError;

/// Selects the entries of a page.
#[derive(Clone, Copy, Debug)]
pub enum Range {
    /// The newest entries.
    Last,
    /// The entries just after a position.
    After(Position),
    /// The entries just before the entry at a position.
    Before(Position),
}

/// Why there is no page.
#[derive(Debug)]
pub enum PageError {
    /// The reader cannot continue at its position.
    Gone(Gap),
    /// The history cannot be read. The store has logged the cause.
    Unavailable,
}

impl From<ReadError> for PageError {
    fn from(_: ReadError) -> Self {
        Self::Unavailable
    }
}

/// Identifies the content of a room's pages: while it is equal, equal requests get equal pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoomVersion {
    /// The epoch of the log.
    pub epoch: Epoch,
    /// The offsets of the entries.
    pub extent: Extent,
    /// The number of sessions to show.
    pub online: usize,
}

impl Range {
    /// Returns the gap of a reader of this range. A reader that goes back past the oldest entry has
    /// reached the end, not a gap.
    fn gap(self, bounds: Bounds) -> Option<Gap> {
        match self {
            Self::Last => None,
            Self::After(position) => bounds.gap(position),
            Self::Before(position) => bounds.gap(position).filter(|gap| gap.reason != GapReason::Expired),
        }
    }

    /// Returns the encoded entries of this range. `None` if the tail does not have all of them.
    fn read_tail(self, room: &Room, latest: u64, limit: usize) -> Option<Vec<Encoded>> {
        match self {
            Self::Last => room.before(latest + 1, limit),
            Self::After(position) => room.after(position.offset, limit),
            Self::Before(position) => room.before(position.offset, limit),
        }
    }
}

impl Hub {
    /// Returns the version of a room, or the gap that the page of this range would begin with.
    pub fn version(&self, pass: &Pass, range: Range) -> Result<RoomVersion, PageError> {
        let room = self.registry.get(&pass.room);
        let extent = room.as_ref().map_or_else(|| self.registry.unknown_extent(), |room| room.extent());
        let epoch = self.history.epoch();
        match range.gap(Bounds { epoch, extent }) {
            Some(gap) => Err(PageError::Gone(gap)),
            None => Ok(RoomVersion { epoch, extent, online: room.map_or(0, |room| room.online()) }),
        }
    }

    /// Reads a page of at most `limit` entries, and at most
    /// [`PAGE_BYTES_MAX`](crate::store::PAGE_BYTES_MAX). A room without entries has an empty page.
    /// Pages that go back have messages only, because these are folded; pages that go on have every
    /// entry.
    pub async fn page(&self, pass: &Pass, range: Range, limit: usize) -> Result<MessagesPage, PageError> {
        let RoomVersion { epoch, mut extent, online } = self.version(pass, range)?;
        let entries = match self.registry.get(&pass.room).filter(|_| !extent.is_empty()) {
            Some(room) => {
                let mut entries = self.read_entries(&room, range, &mut extent, limit).await?;
                self.mark_own_reactions(pass, &mut entries).await?;
                entries
            }
            None => Vec::new(),
        };
        let bounds = Bounds { epoch, extent };
        // Entries may have expired while the store was read.
        range.gap(bounds).map_or_else(|| Ok(page(pass, bounds, range, entries, online)), |gap| Err(PageError::Gone(gap)))
    }

    /// Reads entries up to `extent.latest`, and moves `extent.expired` to where it was when the
    /// store was read.
    async fn read_entries(&self, room: &Room, range: Range, extent: &mut Extent, limit: usize) -> Result<Vec<Entry>, PageError> {
        let latest = extent.latest;
        let mut entries: Vec<_> = match range.read_tail(room, latest, limit) {
            Some(encoded) => encoded.iter().filter_map(Encoded::entry).collect(),
            None => {
                let stored = match range {
                    Range::Last => self.history.before(room.name(), latest + 1, limit).await?,
                    Range::After(position) => self.history.after(room.name(), position.offset, limit).await?,
                    Range::Before(position) => self.history.before(room.name(), position.offset, limit).await?,
                };
                extent.expired = extent.expired.max(stored.expired).min(latest);
                stored.entries
            }
        };
        // Later entries belong to the next page, which begins after `latest`.
        entries.retain(|entry| entry.offset <= latest);
        Ok(entries)
    }

    /// Reads the pinned messages of a room, the oldest pin first.
    pub async fn pins(&self, pass: &Pass) -> Result<Vec<Entry>, ReadError> {
        let pins = self.registry.get(&pass.room).map(|room| room.pins()).unwrap_or_default();
        if pins.is_empty() {
            return Ok(Vec::new());
        }
        let mut entries = self.history.entries(&pass.room, pins).await?;
        // A pinned message may have been erased meanwhile.
        entries.retain(|entry| !entry.erased);
        self.mark_own_reactions(pass, &mut entries).await?;
        Ok(entries)
    }

    /// Marks the reactions of the reader.
    async fn mark_own_reactions(&self, pass: &Pass, entries: &mut [Entry]) -> Result<(), ReadError> {
        let offsets = || entries.iter().filter(|entry| !entry.reactions.is_empty()).map(|entry| entry.offset);
        let (Some(tag), Some(first), Some(last)) = (pass.tag(), offsets().min(), offsets().max()) else { return Ok(()) };
        for (of, emoji) in self.history.reactions_of(&pass.room, tag, first..=last).await? {
            let entry = entries.iter_mut().find(|entry| entry.offset == of);
            let reactions = entry.into_iter().flat_map(|entry| &mut entry.reactions);
            reactions.filter(|reaction| reaction.emoji == emoji).for_each(|reaction| reaction.mine = true);
        }
        Ok(())
    }
}

fn page(pass: &Pass, bounds: Bounds, range: Range, entries: Vec<Entry>, online: usize) -> MessagesPage {
    let Extent { expired, latest } = bounds.extent;
    let oldest = entries.first().map(|entry| entry.offset);
    let newest = entries.last().map(|entry| bounds.position(entry.offset));
    let position = match range {
        // Messages are folded, so every later change of them is included.
        Range::Last => bounds.position(latest),
        Range::After(position) | Range::Before(position) => newest.unwrap_or(position),
    };
    let before = oldest.filter(|oldest| *oldest > expired + 1).map(|offset| bounds.position(offset));
    MessagesPage { room: pass.room.clone(), entries, position, before, latest: bounds.position(latest), online, you: pass.tag() }
}
