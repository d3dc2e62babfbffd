//! A room's log, in memory and in history: what there is after a cursor.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use protocol::Epoch;
use protocol::limits::PAGE_ENTRIES_MAX;

use super::state::{Read, Room};
use crate::encoded::Encoded;
use crate::limits::{self, Account};
use crate::store::{History, ReadError};

/// Reads a room's entries: from memory if they are recent, from history if not. Cheap to clone.
#[derive(Clone)]
pub struct RoomLog {
    room: Arc<Room>,
    history: History,
}

/// A pending query of history. It is kept until it is ready: it begins when it is first polled, and
/// dropping it does not stop it.
pub struct HistoryQuery {
    cursor: u64,
    answer: Pin<Box<dyn Future<Output = Result<HistoryPage, ReadError>> + Send>>,
}

/// The answer of history to a query.
#[derive(Debug)]
pub enum HistoryPage {
    /// The next entries, in order, none left out.
    Entries(Vec<Encoded>),
    /// The next entries are no longer kept; everything after this offset is.
    Expired(u64),
}

impl HistoryQuery {
    /// Returns the cursor.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }
}

impl Future for HistoryQuery {
    type Output = Result<HistoryPage, ReadError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().answer.as_mut().poll(context)
    }
}

impl RoomLog {
    /// Returns the log of a room whose older entries are in `history`.
    pub fn new(room: Arc<Room>, history: History) -> Self {
        Self { room, history }
    }

    /// Returns the room.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Returns the log's epoch.
    pub fn epoch(&self) -> Epoch {
        self.history.epoch()
    }

    /// Returns what memory has after an offset.
    pub fn read(&self, cursor: u64) -> Read {
        self.room.read(cursor)
    }

    /// Asks history for what it has after an offset. The time is charged to an account, if there is
    /// one.
    pub fn query(&self, cursor: u64, account: Option<Arc<Account>>) -> HistoryQuery {
        let log = self.clone();
        HistoryQuery { cursor, answer: Box::pin(async move { limits::charge(account.as_deref(), log.read_history(cursor)).await }) }
    }

    async fn read_history(&self, cursor: u64) -> Result<HistoryPage, ReadError> {
        let page = self.history.after(self.room.name(), cursor, PAGE_ENTRIES_MAX).await?;
        // Some may have expired while the query ran.
        if page.expired > cursor {
            return Ok(HistoryPage::Expired(page.expired));
        }
        // Skips entries that are committed but not yet visible.
        let latest = self.room.extent().latest;
        Ok(HistoryPage::Entries(page.entries.iter().filter(|entry| entry.offset <= latest).map(Encoded::new).collect()))
    }
}
