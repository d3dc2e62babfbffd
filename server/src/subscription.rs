//! The reader loop: a cursor that reads what it lacks. Catch-up, live delivery and slow readers are all this.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use protocol::limits::PAGE_ENTRIES_MAX;
use protocol::{Gap, GapReason, Position};
use tokio::sync::watch;

use crate::encoded::Encoded;
use crate::limits::turns::{self, Account};
use crate::room::{Read, Room};
use crate::store::{History, ReadError};

/// Where a room's entries are read: in memory if they are recent, in history if they are not. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    room: Arc<Room>,
    history: History,
}

/// A reader's place in a room's log.
pub struct Subscription {
    log: Log,
    cursor: u64,
    latest: watch::Receiver<u64>,
    /// A page of history that was asked for.
    asked: Option<Asked>,
    account: Option<Arc<Account>>,
}

/// What history will say to have after a cursor. Kept by who waits for it until it is there, since the question is put as soon
/// as it is first polled, and dropping it does not take it back.
pub struct Asked {
    cursor: u64,
    answer: Pin<Box<dyn Future<Output = Result<Delivery, ReadError>> + Send>>,
}

/// What a reader gets next.
#[derive(Debug)]
pub enum Delivery {
    /// The next entries, in order, none left out.
    Entries(Vec<Encoded>),
    /// The next entries are no longer kept; what follows comes after `resumes`.
    Gap(Gap),
}

impl Asked {
    /// The cursor.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }
}

impl Future for Asked {
    type Output = Result<Delivery, ReadError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().answer.as_mut().poll(context)
    }
}

impl Log {
    /// The log of a room.
    pub fn new(room: Arc<Room>, history: History) -> Self {
        Self { room, history }
    }

    /// The room whose log it is.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// What memory has after an offset.
    pub fn read(&self, cursor: u64) -> Read {
        self.room.read(cursor)
    }

    /// Asks history for what it has after an offset, at the expense of an account if there is one.
    pub fn ask(&self, cursor: u64, account: Option<Arc<Account>>) -> Asked {
        let log = self.clone();
        Asked { cursor, answer: Box::pin(async move { turns::read(account.as_deref(), log.read_history(cursor)).await }) }
    }

    async fn read_history(&self, cursor: u64) -> Result<Delivery, ReadError> {
        let page = self.history.after(self.room.name(), cursor, PAGE_ENTRIES_MAX).await?;
        // Some may have expired while they were asked for.
        if page.expired > cursor {
            return Ok(Delivery::Gap(self.gap(page.expired)));
        }
        // What has been committed and not yet been shown to anybody is not shown here first.
        let latest = self.room.extent().latest;
        Ok(Delivery::Entries(page.entries.iter().filter(|entry| entry.offset <= latest).map(Encoded::new).collect()))
    }

    /// The gap before a reader that goes on with what is kept, which is everything after `first`.
    pub fn gap(&self, first: u64) -> Gap {
        let first = Position { epoch: self.history.epoch(), offset: first };
        Gap { reason: GapReason::Expired, first, resumes: first }
    }
}

impl Subscription {
    /// Reads `room` from just after the offset `cursor` on.
    pub fn new(room: Arc<Room>, history: History, cursor: u64) -> Self {
        let latest = room.watch_latest();
        Self { log: Log::new(room, history), cursor, latest, asked: None, account: None }
    }

    /// Charges reads of history to an account.
    pub fn charge_to(&mut self, account: Option<Arc<Account>>) {
        self.account = account;
    }

    /// Waits until there is something after the cursor.
    pub async fn ready(&mut self) {
        let cursor = self.cursor;
        // The room holds the sender and we hold the room, so this waits for nothing but a new entry.
        let _ = self.latest.wait_for(|latest| *latest > cursor).await;
    }

    /// Waits until there is something after the cursor and moves the cursor past what it returns.
    ///
    /// Cancel-safe: the cursor moves only when the entries are handed over, and a page that was asked for is waited for by the
    /// next call.
    pub async fn next(&mut self) -> Result<Delivery, ReadError> {
        self.ready().await;
        let remembered = match self.log.read(self.cursor) {
            Read::Entries(entries) => Some(Delivery::Entries(entries)),
            Read::Expired(first) => Some(Delivery::Gap(self.log.gap(first))),
            Read::InHistory => None,
        };
        let delivery = match remembered {
            Some(delivery) => Ok(delivery),
            None => self.asked.get_or_insert_with(|| self.log.ask(self.cursor, self.account.clone())).await,
        };
        self.asked = None;
        let delivery = delivery?;
        match &delivery {
            Delivery::Entries(entries) => self.cursor = entries.last().map_or(self.cursor, Encoded::offset),
            Delivery::Gap(gap) => self.cursor = gap.resumes.offset,
        }
        Ok(delivery)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use protocol::{Epoch, RoomName};
    use tokio::runtime::Builder;
    use tokio::sync::oneshot;
    use tokio::task::spawn_blocking;
    use tokio::time::timeout;

    use super::*;
    use crate::room::TailMemory;
    use crate::store::{Command, NoListener, StoredRoom};

    #[test]
    fn a_page_that_was_asked_for_is_waited_for_by_the_next_call() {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::TempDir::new().unwrap();
            let history = History::open(folder.path(), Epoch(1), Duration::ZERO, |_, _| Box::new(NoListener)).unwrap().history;
            let room: RoomName = "lobby".parse().unwrap();
            let text = protocol::Text::parse("hello").unwrap();
            let publish =
                Command::Publish { room: room.clone(), key: None, author: Default::default(), text, raw: None, time: 0, rooms_max: 1 };
            for submitted in history.submit(vec![publish]).unwrap() {
                submitted.await.unwrap();
            }
            let room = Arc::new(Room::new(StoredRoom { latest: 1, ..StoredRoom::empty(room, 0) }, &TailMemory::default()));
            let mut subscription = Subscription::new(room, history, 0);
            // One reads at a time: first this page, then nothing for as long as the test goes on.
            let (begin, may_begin) = oneshot::channel::<()>();
            let (end, may_end) = oneshot::channel::<()>();
            spawn_blocking(move || may_begin.blocking_recv());
            assert!(subscription.next().now_or_never().is_none());
            spawn_blocking(move || may_end.blocking_recv());
            begin.send(()).unwrap();
            let delivery = timeout(Duration::from_secs(10), subscription.next()).await.expect("the page is read again").unwrap();
            assert!(matches!(delivery, Delivery::Entries(entries) if entries.len() == 1));
            end.send(()).unwrap();
        });
    }
}
