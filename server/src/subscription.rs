//! The reader loop: a cursor that reads what it lacks. Catch-up, live delivery and slow readers are all this.

use std::sync::Arc;

use protocol::limits::PAGE_ENTRIES_MAX;
use protocol::{Gap, GapReason, Position};
use tokio::sync::watch;

use crate::encoded::Encoded;
use crate::history::{History, ReadError};
use crate::room::{Read, Room};

/// Where a room's entries are read: in memory if they are recent, in history if they are not.
pub struct Log {
    room: Arc<Room>,
    history: History,
}

/// A reader's place in a room's log.
pub struct Subscription {
    log: Log,
    cursor: u64,
    latest: watch::Receiver<u64>,
}

/// What a reader gets next.
#[derive(Debug)]
pub enum Delivery {
    /// The next entries, in order, none left out.
    Entries(Vec<Encoded>),
    /// The next entries are no longer kept; what follows comes after `resumes`.
    Gap(Gap),
}

impl Log {
    /// The room whose log it is.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// What memory has after an offset.
    pub fn read(&self, cursor: u64) -> Read {
        self.room.read(cursor)
    }

    /// What history has after an offset.
    pub async fn read_history(&self, cursor: u64) -> Result<Delivery, ReadError> {
        let slice = self.history.after(self.room.name(), cursor, PAGE_ENTRIES_MAX).await?;
        // Some may have expired while they were asked for.
        if slice.first > cursor {
            return Ok(Delivery::Gap(self.gap(slice.first)));
        }
        // What has been committed and not yet been shown to anybody is not shown here first.
        let latest = self.room.extent().latest;
        Ok(Delivery::Entries(slice.entries.iter().filter(|entry| entry.offset <= latest).map(Encoded::new).collect()))
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
        Self { log: Log { room, history }, cursor, latest }
    }

    /// The log, for who keeps the cursor and waits elsewhere.
    pub fn into_log(self) -> Log {
        self.log
    }

    /// Waits until there is something after the cursor.
    pub async fn ready(&mut self) {
        let cursor = self.cursor;
        // The room holds the sender and we hold the room, so this waits for nothing but a new entry.
        let _ = self.latest.wait_for(|latest| *latest > cursor).await;
    }

    /// Waits until there is something after the cursor and moves the cursor past what it returns.
    ///
    /// Cancel-safe: the cursor moves only when the entries are handed over.
    pub async fn next(&mut self) -> Result<Delivery, ReadError> {
        self.ready().await;
        let delivery = match self.log.read(self.cursor) {
            Read::Entries(entries) => Delivery::Entries(entries),
            Read::Expired(first) => Delivery::Gap(self.log.gap(first)),
            Read::InHistory => self.log.read_history(self.cursor).await?,
        };
        match &delivery {
            Delivery::Entries(entries) => self.cursor = entries.last().map_or(self.cursor, Encoded::offset),
            Delivery::Gap(gap) => self.cursor = gap.resumes.offset,
        }
        Ok(delivery)
    }
}
