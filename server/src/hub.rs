//! The hub: rooms by name; publish, subscribe, read. Alone in moving a room's `latest`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::limits::PAGE_ENTRIES_DEFAULT;
use protocol::{Entry, Epoch, ErrorCode, Gap, GapReason, MessagesPage, Position, PublishRequest, Published, RoomName};
use tokio::sync::oneshot;

use crate::encoded::Encoded;
use crate::history::{Audience, Change, Command, Head, History, Keep, OpenError, Outcome, ReadError, Submitted, WriteError};
use crate::room::{Extent, Room};
use crate::subscription::Subscription;

/// How many rooms a server has when nothing else is said.
pub const ROOMS_MAX_DEFAULT: usize = 10_000;

/// How long nothing is let go after it was to make place, in milliseconds.
const SWEEP_INTERVAL_MIN: u64 = 1000;

/// Reads the time, in milliseconds since 1970.
pub type Clock = fn() -> u64;

/// All rooms of a server. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    rooms: Arc<Rooms>,
    history: History,
    clock: Clock,
    rooms_max: usize,
    /// When a room was last let go to make place for another.
    swept: Arc<AtomicU64>,
}

/// The hub of a folder, and word of its end.
pub struct Opened {
    /// The hub.
    pub hub: Hub,
    /// Resolves when the history's writer has ended; see [`crate::history::Opened::ended`].
    pub ended: oneshot::Receiver<Result<(), WriteError>>,
}

/// Where a subscription starts.
pub struct Start {
    /// The reader.
    pub subscription: Subscription,
    /// The room it reads.
    pub room: Arc<Room>,
    /// It gets every entry after this position.
    pub position: Position,
    /// The newest offset when it started.
    pub latest: u64,
    /// Why that is not where it wanted to start.
    pub gap: Option<Gap>,
}

/// Which entries of a room a page shows.
#[derive(Clone, Copy, Debug)]
pub enum Range {
    /// The newest.
    Last,
    /// Those just after a position.
    After(Position),
    /// Those just before the entry at a position.
    Before(Position),
}

/// Why there is no page.
#[derive(Debug)]
pub enum PageError {
    /// The position can't be continued.
    Gone(Gap),
    /// The history can't be read.
    Unavailable,
}

impl From<ReadError> for PageError {
    fn from(_: ReadError) -> Self {
        Self::Unavailable
    }
}

/// From where to where a room's log goes, as positions in this log.
#[derive(Clone, Copy)]
struct Bounds {
    epoch: Epoch,
    extent: Extent,
}

impl Bounds {
    fn position(self, offset: u64) -> Position {
        Position { epoch: self.epoch, offset }
    }

    /// The gap before a reader at `position`, if it can't go on there. A reader of these entries goes on at the first
    /// one that is left; one that comes from another log starts with the newest page, like a newcomer.
    fn gap(self, position: Position) -> Option<Gap> {
        let Extent { first, latest } = self.extent;
        let reason = GapReason::of(position, self.epoch, first, latest)?;
        let resumes = match reason {
            GapReason::Expired => first,
            GapReason::OtherEpoch | GapReason::BeyondEnd => first.max(latest.saturating_sub(PAGE_ENTRIES_DEFAULT as u64)),
        };
        Some(Gap { reason, first: self.position(first), resumes: self.position(resumes) })
    }

    /// The gap before the page of a range.
    fn gap_before(self, range: Range) -> Option<Gap> {
        match range {
            Range::Last => None,
            Range::After(position) => self.gap(position),
            // Going back past what is kept is the end of the way, not a gap.
            Range::Before(position) => self.gap(position).filter(|gap| gap.reason != GapReason::Expired),
        }
    }
}

/// What a page would be made of, from memory alone: equal ones make equal pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The log.
    pub epoch: Epoch,
    /// From where to where the room's log goes.
    pub extent: Extent,
    /// How many sessions the room has.
    pub here: usize,
}

impl Hub {
    /// Opens the history in `folder` and the rooms in it. `epoch` and `flush_interval` as for [`History::open`].
    pub fn open(folder: &Path, epoch: Epoch, flush_interval: Duration, clock: Clock, rooms_max: usize) -> Result<Opened, OpenError> {
        let rooms = Arc::new(Rooms::default());
        let opened = History::open(folder, epoch, flush_interval, |heads| {
            for head in heads {
                rooms.lock().insert(head.room.clone(), Arc::new(Room::new(head.clone())));
            }
            Box::new(Watchers { rooms: rooms.clone(), shown: Vec::new() })
        })?;
        Ok(Opened { hub: Self { rooms, history: opened.history, clock, rooms_max, swept: Arc::default() }, ended: opened.ended })
    }

    /// Puts a message in line, at once and in the order of the calls. What is returned resolves when the message is
    /// durable and visible; dropping it does not take the message back.
    pub fn publish(
        &self,
        room: &RoomName,
        message: PublishRequest,
        raw: Option<String>,
    ) -> Result<impl Future<Output = Result<Published, ErrorCode>> + Send + use<>, ErrorCode> {
        self.publish_all(room, [(message, raw)])?.next().ok_or(ErrorCode::Unavailable)
    }

    /// Puts messages in line that are committed together.
    pub fn publish_all<M: IntoIterator<Item = (PublishRequest, Option<String>)>>(
        &self,
        room: &RoomName,
        messages: M,
    ) -> Result<impl Iterator<Item = impl Future<Output = Result<Published, ErrorCode>> + Send + use<M>> + use<M>, ErrorCode> {
        let room = self.room(room)?;
        let time = (self.clock)();
        let commands = messages.into_iter().map(|(PublishRequest { text, author, key }, raw)| {
            let room = room.name().clone();
            Command::Publish { room, key, author, text, raw, time }
        });
        let submitted = self.history.submit(commands.collect())?;
        let epoch = self.history.epoch();
        Ok(submitted.into_iter().map(move |submitted| published(submitted, epoch, room.clone())))
    }

    /// Starts a reader after a position, or with what comes next.
    pub fn subscribe(&self, room: &RoomName, after: Option<Position>) -> Result<Start, ErrorCode> {
        let room = self.room(room)?;
        let bounds = self.bounds(room.extent());
        let gap = after.and_then(|position| bounds.gap(position));
        let latest = bounds.extent.latest;
        let position = gap.as_ref().map(|gap| gap.resumes).or(after).unwrap_or(bounds.position(latest));
        let subscription = Subscription::new(room.clone(), self.history.clone(), position.offset);
        Ok(Start { subscription, room, position, latest, gap })
    }

    /// Where a room stands, unless the page of this range would begin with a gap.
    pub fn standing(&self, room: &RoomName, range: Range) -> Result<Standing, PageError> {
        // All rooms with entries are in memory, so one that is not has none.
        let room = self.rooms.get(room);
        let bounds = self.bounds(room.as_ref().map(|room| room.extent()).unwrap_or_default());
        match bounds.gap_before(range) {
            Some(gap) => Err(PageError::Gone(gap)),
            None => Ok(Standing {
                epoch: bounds.epoch,
                extent: bounds.extent,
                here: room.as_ref().map(|room| room.here_told()).unwrap_or_default(),
            }),
        }
    }

    /// A page of a room's history, from memory if that has all of it. A room nobody wrote in is empty.
    pub async fn page(&self, name: &RoomName, range: Range, limit: usize) -> Result<MessagesPage, PageError> {
        let standing = self.standing(name, range)?;
        let Extent { mut first, latest } = standing.extent;
        let Some(room) = self.rooms.get(name).filter(|_| latest > 0) else {
            return Ok(page(name, self.bounds(standing.extent), range, Vec::new(), standing.here));
        };
        let remembered = match range {
            Range::Last => room.before(latest + 1, limit),
            Range::After(position) => room.after(position.offset, limit),
            Range::Before(position) => room.before(position.offset, limit),
        };
        let mut entries: Vec<_> = match remembered {
            Some(entries) => entries.iter().filter_map(Encoded::entry).collect(),
            None => {
                let slice = match range {
                    Range::Last => self.history.before(name, latest + 1, limit).await?,
                    Range::After(position) => self.history.after(name, position.offset, limit).await?,
                    Range::Before(position) => self.history.before(name, position.offset, limit).await?,
                };
                first = first.max(slice.first).min(latest);
                slice.entries
            }
        };
        // What has come since is another page's: a reader of this one goes on after `latest`.
        entries.retain(|entry| entry.offset <= latest);
        let bounds = self.bounds(Extent { first, latest });
        // Some may have expired meanwhile.
        bounds.gap_before(range).map_or_else(|| Ok(page(name, bounds, range, entries, standing.here)), |gap| Err(PageError::Gone(gap)))
    }

    /// Whether the history answers.
    pub async fn ready(&self) -> bool {
        self.history.ready().await
    }

    /// The rooms that have more than is kept.
    pub fn overfull(&self, keep: Keep) -> Vec<RoomName> {
        let rooms: Vec<_> = self.rooms.lock().values().cloned().collect();
        let now = (self.clock)();
        rooms.iter().filter(|room| room.is_overfull(keep, now)).map(|room| room.name().clone()).collect()
    }

    /// Lets go of some of what a room has more than is kept. Says whether there is still more.
    pub async fn expire(&self, room: &RoomName, keep: Keep) -> Result<bool, ErrorCode> {
        let time = (self.clock)();
        for submitted in self.history.submit(vec![Command::Expire { room: room.clone(), keep, time }])? {
            submitted.await?;
        }
        Ok(self.rooms.get(room).is_some_and(|room| room.is_overfull(keep, time)))
    }

    /// Lets go of what nobody watches: tails, and rooms without entries. To be called now and then.
    pub fn sweep(&self) {
        self.rooms.lock().retain(|_, room| {
            // Nobody can come in meanwhile: that takes the lock that is held here.
            let watched = room.here() > 0 || Arc::strong_count(room) > 1;
            if !watched {
                room.forget_tail();
            }
            watched || room.latest() > 0
        });
    }

    /// The room of that name. When there are as many as may be, it takes the place of one that nobody watches or wrote in.
    fn room(&self, name: &RoomName) -> Result<Arc<Room>, ErrorCode> {
        let found = self.rooms.get_or_make(name, self.rooms_max);
        if !matches!(found, Err(ErrorCode::RoomsFull)) {
            return found;
        }
        // All rooms are looked at, so not for each who asks.
        let (now, swept) = ((self.clock)(), self.swept.load(Ordering::Relaxed));
        if now.abs_diff(swept) >= SWEEP_INTERVAL_MIN
            && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.sweep();
        }
        self.rooms.get_or_make(name, self.rooms_max)
    }

    fn bounds(&self, extent: Extent) -> Bounds {
        Bounds { epoch: self.history.epoch(), extent }
    }
}

async fn published(submitted: Submitted, epoch: Epoch, room: Arc<Room>) -> Result<Published, ErrorCode> {
    let (offset, duplicate) = match submitted.await? {
        Outcome::Stored(entry) => (entry.offset, false),
        Outcome::Duplicate(offset) => (offset, true),
        Outcome::KeyReused => return Err(ErrorCode::KeyReused),
        // That answers another command.
        Outcome::Expired(_) => return Err(ErrorCode::Unavailable),
    };
    Ok(Published { position: Position { epoch, offset }, duplicate, reached: room.here() })
}

fn page(room: &RoomName, bounds: Bounds, range: Range, entries: Vec<Entry>, here: usize) -> MessagesPage {
    let Extent { first, latest } = bounds.extent;
    let oldest = entries.first().map(|entry| entry.offset);
    let newest = entries.last().map(|entry| bounds.position(entry.offset));
    let position = match range {
        Range::Last => newest.unwrap_or(bounds.position(latest)),
        Range::After(position) | Range::Before(position) => newest.unwrap_or(position),
    };
    let before = oldest.filter(|oldest| *oldest > first + 1).map(|offset| bounds.position(offset));
    MessagesPage { room: room.clone(), entries, position, before, latest: bounds.position(latest), here }
}

/// All rooms, as the history's writer knows them.
struct Watchers {
    rooms: Arc<Rooms>,
    /// Where somebody may wait for what was shown.
    shown: Vec<Arc<Room>>,
}

impl Audience for Watchers {
    fn show(&mut self, committed: Vec<(RoomName, Change)>) {
        let mut by_room: HashMap<RoomName, Vec<Change>> = HashMap::new();
        for (room, change) in committed {
            by_room.entry(room).or_default().push(change);
        }
        for (name, changes) in by_room {
            // Only a room without entries is ever swept away, so one that is made anew here begins with these.
            let make = || Arc::new(Room::new(Head::empty(name.clone())));
            let room = self.rooms.lock().entry(name.clone()).or_insert_with(make).clone();
            room.apply(&changes);
            self.shown.push(room);
        }
    }

    fn wake(&mut self) {
        self.shown.drain(..).for_each(|room| room.reveal());
    }
}

#[derive(Default)]
struct Rooms(Mutex<HashMap<RoomName, Arc<Room>>>);

impl Rooms {
    fn get(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.lock().get(name).cloned()
    }

    fn get_or_make(&self, name: &RoomName, rooms_max: usize) -> Result<Arc<Room>, ErrorCode> {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get(name) {
            return Ok(room.clone());
        }
        if rooms.len() >= rooms_max {
            return Err(ErrorCode::RoomsFull);
        }
        let room = Arc::new(Room::new(Head::empty(name.clone())));
        rooms.insert(name.clone(), room.clone());
        Ok(room)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomName, Arc<Room>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
