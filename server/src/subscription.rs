//! The reader loop: a cursor that reads what it lacks. Catch-up, live delivery and slow readers are all this.

use std::sync::Arc;

use protocol::limits::PAGE_ENTRIES_MAX;
use protocol::{Gap, GapReason, Position};
use tokio::sync::watch;

use crate::encoded::Encoded;
use crate::history::{History, ReadError};
use crate::room::{Read, Room};

/// A reader's place in a room's log.
pub struct Subscription {
    room: Arc<Room>,
    history: History,
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

impl Subscription {
    /// Reads `room` from just after the offset `cursor` on.
    pub fn new(room: Arc<Room>, history: History, cursor: u64) -> Self {
        let latest = room.watch_latest();
        Self { room, history, cursor, latest }
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
        let entries = match self.room.read(self.cursor) {
            Read::Entries(entries) => entries,
            Read::Expired(first) => return Ok(Delivery::Gap(self.skip_to(first))),
            Read::InHistory => {
                let slice = self.history.after(self.room.name(), self.cursor, PAGE_ENTRIES_MAX).await?;
                // Some may have expired while they were asked for.
                if slice.first > self.cursor {
                    return Ok(Delivery::Gap(self.skip_to(slice.first)));
                }
                // What has been committed and not yet been shown to anybody is not shown here first.
                let latest = self.room.extent().latest;
                slice.entries.iter().filter(|entry| entry.offset <= latest).map(Encoded::new).collect()
            }
        };
        if let Some(last) = entries.last() {
            self.cursor = last.offset();
        }
        Ok(Delivery::Entries(entries))
    }

    fn skip_to(&mut self, first: u64) -> Gap {
        self.cursor = first;
        let first = Position { epoch: self.history.epoch(), offset: first };
        Gap { reason: GapReason::Expired, first, resumes: first }
    }
}
