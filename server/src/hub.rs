//! The hub: rooms by name; publish, subscribe, read. Alone in moving a room's `latest`.

mod rooms;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::limits::PAGE_ENTRIES_DEFAULT;
use protocol::{Entry, Epoch, ErrorCode, Gap, GapReason, MessagesPage, Position, PublishRequest, Published, RoomName};
use tokio::sync::oneshot;

use crate::encoded::Encoded;
use crate::history::{Audience, Change, Command, History, Keep, OpenError, Outcome, ReadError, Submitted, TrustedTime, WriteError};
use crate::room::{Extent, Room};
use crate::subscription::Subscription;
use rooms::{Rooms, is_watched};

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
    /// The trusted time that the last server saved.
    pub saved_time: Option<TrustedTime>,
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
        let reason = GapReason::find(position, self.epoch, first, latest)?;
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
    /// Opens the history in `folder` and the rooms in it, of which `rooms_max` may have messages. `epoch` and `flush_interval` as for [`History::open`].
    pub fn open(folder: &Path, epoch: Epoch, flush_interval: Duration, clock: Clock, rooms_max: usize) -> Result<Opened, OpenError> {
        let rooms = Arc::new(Rooms::default());
        let opened = History::open(folder, epoch, flush_interval, |heads| {
            for head in heads {
                rooms.lock().by_name.insert(head.room.clone(), Arc::new(Room::new(head.clone(), &rooms.tails)));
            }
            Box::new(Watchers { rooms: rooms.clone(), shown: Vec::new() })
        })?;
        rooms.floor.store(opened.floor, Ordering::Relaxed);
        let hub = Self { rooms, history: opened.history, clock, rooms_max };
        Ok(Opened { hub, saved_time: opened.saved_time, ended: opened.ended })
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
        let (room, time, rooms_max) = (self.room(room), (self.clock)(), self.rooms_max);
        let commands = messages.into_iter().map(|(PublishRequest { text, author, key }, raw)| {
            let room = room.name().clone();
            Command::Publish { room, key, author, text, raw, time, rooms_max }
        });
        let submitted = self.history.submit(commands.collect())?;
        let epoch = self.history.epoch();
        Ok(submitted.into_iter().map(move |submitted| published(submitted, epoch, room.clone())))
    }

    /// Starts a reader after a position, or with what comes next.
    pub fn subscribe(&self, room: &RoomName, after: Option<Position>) -> Result<Start, ErrorCode> {
        let room = self.room(room);
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
        let bounds = self.bounds(room.as_ref().map_or_else(|| self.rooms.empty(), |room| room.extent()));
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
        let Some(room) = self.rooms.get(name).filter(|_| latest > first) else {
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

    /// Why messages can't be published or read at the moment. Nothing if they can.
    pub async fn trouble(&self) -> Option<&'static str> {
        self.history.trouble().await
    }

    /// How many commands wait to be written.
    pub fn waiting(&self) -> usize {
        self.history.waiting()
    }

    /// Stores what was published, and refuses what comes later; see [`History::close`].
    pub fn close(&self) {
        self.history.close();
    }

    /// The system clock. It may be wrong.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The rooms that have more than is kept.
    pub fn overfull(&self, keep: Keep, now: TrustedTime) -> Vec<RoomName> {
        let rooms: Vec<_> = self.rooms.lock().by_name.values().cloned().collect();
        rooms.iter().filter(|room| room.is_overfull(keep, now)).map(|room| room.name().clone()).collect()
    }

    /// Lets go of some of what a room has more than is kept. Says whether there is still more.
    pub async fn expire(&self, room: &RoomName, keep: Keep, now: TrustedTime) -> Result<bool, ErrorCode> {
        self.run(Command::Expire { room: room.clone(), keep, now, rooms_max: self.rooms_max }).await?;
        Ok(self.rooms.get(room).is_some_and(|room| room.is_overfull(keep, now)))
    }

    /// Saves the trusted time for the next server.
    pub async fn save_time(&self, time: TrustedTime) -> Result<(), ErrorCode> {
        self.run(Command::SaveTime(time)).await
    }

    async fn run(&self, command: Command) -> Result<(), ErrorCode> {
        for submitted in self.history.submit(vec![command])? {
            submitted.await?;
        }
        Ok(())
    }

    /// Lets go of what nobody watches: tails, and rooms without entries. To be called now and then.
    pub fn sweep(&self) {
        let mut rooms = self.rooms.lock();
        rooms.by_name.values().filter(|room| !is_watched(room)).for_each(|room| room.forget_tail());
        self.rooms.sweep(&mut rooms);
    }

    /// The room of that name, which is made if nobody knows it yet.
    pub fn room(&self, name: &RoomName) -> Arc<Room> {
        self.rooms.get_or_make(name)
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
        Outcome::RoomsFull => return Err(ErrorCode::RoomsFull),
        // Those answer other commands.
        Outcome::Expired(_) | Outcome::RoomUnknown | Outcome::TimeSaved => return Err(ErrorCode::Unavailable),
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
    MessagesPage { room: room.clone(), entries, position, before, latest: bounds.position(latest), online: here }
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
            if let Change::Expired(remains) = &change {
                self.rooms.floor.fetch_max(remains.floor, Ordering::Relaxed);
            }
            by_room.entry(room).or_default().push(change);
        }
        for (name, changes) in by_room {
            // Only a room without entries is ever swept away, so one that is made anew here begins with these.
            let room = self.rooms.get_or_make(&name);
            room.apply(&changes);
            self.shown.push(room);
        }
    }

    fn wake(&mut self) {
        self.shown.drain(..).for_each(|room| room.reveal());
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use protocol::Text;
    use tempfile::TempDir;

    use super::rooms::SWEEP_ROOMS_MIN;
    use super::*;

    const ALL: Keep = Keep { messages: u64::MAX, bytes: u64::MAX, age: u64::MAX };
    const NONE: Keep = Keep { messages: 0, ..ALL };

    struct Board {
        hub: Hub,
        ended: oneshot::Receiver<Result<(), WriteError>>,
        folder: TempDir,
    }

    impl Board {
        fn open(folder: TempDir, rooms_max: usize) -> Self {
            let Opened { hub, ended, .. } = Hub::open(folder.path(), Epoch(1), Duration::ZERO, || 0, rooms_max).unwrap();
            Self { hub, ended, folder }
        }

        async fn reopen(self, rooms_max: NonZeroUsize) -> Self {
            drop(self.hub);
            self.ended.await.unwrap().unwrap();
            Self::open(self.folder, rooms_max.get())
        }

        async fn publish(&self, room: &str) -> Result<u64, ErrorCode> {
            let message = PublishRequest { text: Text::parse("x").unwrap(), author: Default::default(), key: None };
            Ok(self.hub.publish(&room.parse().unwrap(), message, None)?.await?.position.offset)
        }

        async fn empty(&self, room: &str) {
            while self.hub.expire(&room.parse().unwrap(), NONE, TrustedTime { time: 0, since: 0 }).await.unwrap() {}
        }

        fn gap(&self, room: &str, offset: u64) -> Option<GapReason> {
            let start = self.hub.subscribe(&room.parse().unwrap(), Some(Position { epoch: Epoch(1), offset })).unwrap();
            start.gap.map(|gap| gap.reason)
        }
    }

    #[tokio::test]
    async fn a_room_whose_messages_have_expired_makes_place_for_another() {
        let two = NonZeroUsize::new(2).unwrap();
        let mut board = Board::open(TempDir::new().unwrap(), two.get());
        for room in ["a", "b"] {
            board.publish(room).await.unwrap();
        }
        for _ in 0..2 {
            assert_eq!(board.publish("c").await, Err(ErrorCode::RoomsFull));
            board.publish("lobby").await.unwrap();
            board.empty("lobby").await;
            board = board.reopen(two).await;
        }
        board.publish("a").await.unwrap();
        board.empty("a").await;
        board = board.reopen(two).await;
        assert_eq!(board.publish("c").await, Ok(1));
        assert_eq!(board.publish("a").await, Err(ErrorCode::RoomsFull));
        board.empty("c").await;
        assert_eq!(board.publish("a").await, Ok(3), "its log goes on where it was");
    }

    #[tokio::test]
    async fn rooms_are_forgotten_and_no_offset_is_given_twice() {
        let mut board = Board::open(TempDir::new().unwrap(), 2);
        for (number, room) in ["a", "b", "c", "d", "e", "f", "g"].into_iter().enumerate() {
            for _ in 0..=number {
                board.publish(room).await.unwrap();
            }
            board.empty(room).await;
        }
        let floor = board.hub.rooms.floor.load(Ordering::Relaxed);
        assert!(floor > 0, "more rooms than two were emptied");
        let remembered = board.hub.rooms.lock().by_name.len();
        board.hub.sweep();
        assert!(board.hub.rooms.lock().by_name.len() < remembered);
        for _ in 0..2 {
            // Of a room that was forgotten nobody knows any more what a reader at this position has missed.
            assert_eq!(board.gap("a", 0), Some(GapReason::Expired));
            assert_eq!(board.gap("a", floor), None);
            board = board.reopen(NonZeroUsize::MIN).await;
        }
        assert!(board.publish("a").await.is_ok_and(|offset| offset > floor));
        assert_eq!(board.gap("a", 0), Some(GapReason::Expired));
    }

    #[tokio::test]
    async fn rooms_that_nobody_writes_in_are_never_refused_and_do_not_stay() {
        let board = Board::open(TempDir::new().unwrap(), 1);
        board.publish("full").await.unwrap();
        let watched = board.hub.subscribe(&"watched".parse().unwrap(), None).unwrap();
        for number in 0..10 * SWEEP_ROOMS_MIN {
            assert!(board.hub.subscribe(&format!("r{number}").parse().unwrap(), None).is_ok());
            assert!(board.hub.rooms.lock().by_name.len() <= SWEEP_ROOMS_MIN);
        }
        assert!(Arc::ptr_eq(&watched.room, &board.hub.room(&"watched".parse().unwrap())));
        assert_eq!(board.publish("full").await, Ok(2));
    }
}
