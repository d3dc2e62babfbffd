//! The hub: rooms by name; publish, subscribe, read. Alone in moving a room's `latest`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::limits::PAGE_ENTRIES_DEFAULT;
use protocol::{Entry, Epoch, ErrorCode, Gap, GapReason, MessagesPage, Position, PublishRequest, Published, RoomName};
use tokio::sync::oneshot;

use crate::history::{Command, History, OpenError, Outcome, ReadError, Slice, Visible, WriteError};
use crate::room::Room;
use crate::subscription::Subscription;

/// How many rooms a server has when nothing else is said.
pub const ROOMS_MAX_DEFAULT: usize = 10_000;

/// Reads the time, in milliseconds since 1970.
pub type Clock = fn() -> u64;

/// All rooms of a server. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    rooms: Arc<Rooms>,
    history: History,
    clock: Clock,
    rooms_max: usize,
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

/// A point in a room's life: the offsets between which entries exist.
#[derive(Clone, Copy)]
struct Bounds {
    epoch: Epoch,
    first: u64,
    latest: u64,
}

impl Bounds {
    fn position(self, offset: u64) -> Position {
        Position { epoch: self.epoch, offset }
    }

    /// The gap before a reader at `position`, if it can't go on there. A reader of these entries goes on at the first
    /// one that is left; one that comes from another log starts with the newest page, like a newcomer.
    fn gap(self, position: Position) -> Option<Gap> {
        let reason = GapReason::of(position, self.epoch, self.first, self.latest)?;
        let resumes = match reason {
            GapReason::Expired => self.first,
            GapReason::OtherEpoch | GapReason::BeyondEnd => self.first.max(self.latest.saturating_sub(PAGE_ENTRIES_DEFAULT as u64)),
        };
        Some(Gap { reason, first: self.position(self.first), resumes: self.position(resumes) })
    }
}

impl Hub {
    /// Opens the history in `folder` and the rooms in it. `epoch` names the log if it is new.
    pub fn open(folder: &Path, epoch: Epoch, clock: Clock, rooms_max: usize) -> Result<Opened, OpenError> {
        let rooms = Arc::new(Rooms::default());
        let opened = History::open(folder, epoch, |_, heads| {
            for head in heads {
                rooms.lock().insert(head.room.clone(), Arc::new(Room::new(head.room.clone(), head.latest)));
            }
            make_visible(rooms.clone())
        })?;
        Ok(Opened { hub: Self { rooms, history: opened.history, clock, rooms_max }, ended: opened.ended })
    }

    /// Puts a message in line, at once and in the order of the calls. What is returned resolves when the message is
    /// durable and visible; dropping it does not take the message back.
    pub fn publish(
        &self,
        room: &RoomName,
        message: PublishRequest,
        raw: Option<String>,
    ) -> Result<impl Future<Output = Result<Published, ErrorCode>> + Send + use<>, ErrorCode> {
        let room = self.rooms.get_or_make(room, self.rooms_max)?;
        let PublishRequest { text, author, key } = message;
        let time = (self.clock)();
        let submitted = self.history.submit(Command::Publish { room: room.name().clone(), key, author, text, raw, time })?;
        let epoch = self.history.epoch();
        Ok(async move {
            let (offset, duplicate) = match submitted.await? {
                Outcome::Stored(entry) => (entry.offset, false),
                Outcome::Duplicate(offset) => (offset, true),
                Outcome::KeyReused => return Err(ErrorCode::KeyReused),
            };
            Ok(Published { position: Position { epoch, offset }, duplicate, reached: room.here() })
        })
    }

    /// Starts a reader after a position, or with what comes next.
    pub async fn subscribe(&self, room: &RoomName, after: Option<Position>) -> Result<Start, ErrorCode> {
        let room = self.rooms.get_or_make(room, self.rooms_max)?;
        let bounds = self.bounds(&room, after).await.map_err(|_| ErrorCode::Unavailable)?;
        let gap = after.and_then(|position| bounds.gap(position));
        let position = gap.as_ref().map(|gap| gap.resumes).or(after).unwrap_or(bounds.position(bounds.latest));
        let subscription = Subscription::new(room.clone(), self.history.clone(), position.offset);
        Ok(Start { subscription, room, position, latest: bounds.latest, gap })
    }

    /// A page of a room's history. A room nobody wrote in is empty.
    pub async fn page(&self, room: &RoomName, range: Range, limit: usize) -> Result<MessagesPage, PageError> {
        let epoch = self.history.epoch();
        let slice = match range {
            Range::Last => self.history.before(room, i64::MAX as u64, limit).await?,
            Range::After(position) => self.history.after(room, position.offset, limit).await?,
            Range::Before(position) => self.history.before(room, position.offset, limit).await?,
        };
        let bounds = Bounds { epoch, first: slice.first, latest: slice.latest };
        let refused = match range {
            Range::Last => None,
            Range::After(position) => bounds.gap(position),
            // Going back past what is kept is the end of the way, not a gap.
            Range::Before(position) => bounds.gap(position).filter(|gap| gap.reason != GapReason::Expired),
        };
        refused.map_or_else(|| Ok(page(room.clone(), bounds, range, slice)), |gap| Err(PageError::Gone(gap)))
    }

    /// How many sessions a room has.
    pub fn here(&self, room: &RoomName) -> usize {
        self.rooms.get(room).map_or(0, |room| room.here())
    }

    /// Whether the history answers.
    pub async fn ready(&self) -> bool {
        self.history.ready().await
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

    async fn bounds(&self, room: &Room, after: Option<Position>) -> Result<Bounds, ReadError> {
        let epoch = self.history.epoch();
        // A position that memory can vouch for, as nearly all can, needs no database.
        let latest = room.latest();
        match after {
            Some(position) if position.epoch == epoch && position.offset <= latest && room.reaches(position.offset) => {
                Ok(Bounds { epoch, first: 0, latest })
            }
            None => Ok(Bounds { epoch, first: 0, latest }),
            Some(_) => {
                let slice = self.history.after(room.name(), latest, 0).await?;
                Ok(Bounds { epoch, first: slice.first, latest: slice.latest })
            }
        }
    }
}

fn page(room: RoomName, bounds: Bounds, range: Range, slice: Slice) -> MessagesPage {
    let oldest = slice.entries.first().map(|entry| entry.offset);
    let newest = slice.entries.last().map(|entry| entry.offset);
    let position = match range {
        Range::Last => bounds.position(newest.unwrap_or(bounds.latest)),
        Range::After(position) => newest.map_or(position, |offset| bounds.position(offset)),
        Range::Before(position) => newest.map_or(position, |offset| bounds.position(offset)),
    };
    let before = oldest.filter(|oldest| *oldest > bounds.first + 1).map(|offset| bounds.position(offset));
    MessagesPage { room, entries: slice.entries, position, before, latest: bounds.position(bounds.latest), here: 0 }
}

/// What the history's writer does with committed entries: each room's tail first, then its readers, in commit order.
fn make_visible(rooms: Arc<Rooms>) -> Visible {
    Box::new(move |stored: Vec<(RoomName, Entry)>| {
        let mut by_room: HashMap<RoomName, Vec<Entry>> = HashMap::new();
        for (room, entry) in stored {
            by_room.entry(room).or_default().push(entry);
        }
        for (name, entries) in by_room {
            // A room that was swept away since is made anew, as if read from the history just before these entries.
            let before = entries.first().map_or(0, |entry| entry.offset - 1);
            let room = rooms.lock().entry(name.clone()).or_insert_with(|| Arc::new(Room::new(name, before))).clone();
            room.append(entries.iter());
            room.reveal();
        }
    })
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
        let room = Arc::new(Room::new(name.clone(), 0));
        rooms.insert(name.clone(), room.clone());
        Ok(room)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomName, Arc<Room>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
