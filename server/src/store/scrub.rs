//! Removes what is left of erased texts from the files. SQLite zeroes a row that it deletes
//! (`secure_delete`), but copies of it stay in the unused parts of pages that were split or merged,
//! and in the write-ahead log.
//!
//! The writer calls [`Scrub::step`] between its batches, so no publisher waits longer than for one
//! step. A row in the table `scrub` makes a restart continue.

mod page;

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::error::WriteError;
use super::schema;
use page::{Overflow, clean, clear, number_at};

/// Maximum pages that a step reads.
const STEP_PAGES_MAX: u32 = 512;
/// Pages that a step has changed when it ends.
const STEP_CHANGES: usize = 32;
/// Bytes by which a step extends the write-ahead log.
const STEP_WAL_BYTES: u64 = 256 * 1024;
/// From this number of pages on, an overflow page can begin like a b-tree page: with the highest
/// byte of a page's number.
const PAGES_MAX: u32 = 1 << 25;
/// How long a checkpoint waits for readers. Longer ones are waited for by trying again.
const READERS_WAIT: Duration = Duration::from_millis(2);

/// The work that is left to do.
#[derive(Debug)]
pub(super) struct Scrub {
    stage: Stage,
    /// True if something was erased after the work began.
    is_requested_again: bool,
    wal: PathBuf,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is left to do.
    Done,
    /// Clear the unused parts of this page, and of all after it.
    Pages { next: u32 },
    /// Empty the write-ahead log.
    EmptyWal,
    /// Extend the write-ahead log to its full size again.
    ExtendWal,
}

/// The result of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The next step can follow.
    Made,
    /// A reader still needs the write-ahead log.
    Blocked,
}

/// Records in the transaction of a command that something was erased.
pub(super) fn mark(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO scrub (pending) VALUES (1)")?.execute([]).map(|_| ())
}

impl Scrub {
    /// Returns the work that an earlier server has left to do. `wal` is the write-ahead log's path.
    pub(super) fn load(connection: &Connection, wal: PathBuf) -> rusqlite::Result<Self> {
        let is_pending = connection.query_row("SELECT count(*) FROM scrub", [], |row| row.get::<_, u32>(0))? > 0;
        let stage = if is_pending { Stage::Pages { next: 1 } } else { Stage::Done };
        Ok(Self { stage, is_requested_again: false, wal })
    }

    /// Begins the work. If it runs, it is done once more afterwards: erased texts may be in parts
    /// that are done already.
    pub(super) fn request(&mut self) {
        match self.stage {
            Stage::Done | Stage::ExtendWal => self.stage = Stage::Pages { next: 1 },
            Stage::Pages { .. } | Stage::EmptyWal => self.is_requested_again = true,
        }
    }

    /// True if something is left to do.
    pub(super) fn is_pending(&self) -> bool {
        self.stage != Stage::Done
    }

    /// Does a part of the work.
    pub(super) fn step(&mut self, connection: &Connection) -> Result<Progress, WriteError> {
        self.stage = match self.stage {
            Stage::Done => Stage::Done,
            Stage::Pages { next } => match without_sync(connection, |connection| clean_pages(connection, next))? {
                Some(next) => Stage::Pages { next },
                None => Stage::EmptyWal,
            },
            Stage::EmptyWal if !empty_wal(connection)? => return Ok(Progress::Blocked),
            Stage::EmptyWal if std::mem::take(&mut self.is_requested_again) => Stage::Pages { next: 1 },
            Stage::EmptyWal => {
                connection.execute("DELETE FROM scrub", [])?;
                Stage::ExtendWal
            }
            Stage::ExtendWal if schema::extend_wal(&self.wal, STEP_WAL_BYTES)? => Stage::Done,
            Stage::ExtendWal => Stage::ExtendWal,
        };
        Ok(Progress::Made)
    }
}

/// Runs transactions that need not be durable: after a power cut they are made again. The next
/// commit of a publish syncs them as well.
fn without_sync<T>(connection: &Connection, run: impl Fn(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.execute_batch("PRAGMA synchronous = NORMAL")?;
    let result = run(connection);
    connection.execute_batch(schema::SYNC_COMMITS)?;
    result
}

/// Clears the unused parts of some pages, from the page `first` on. Returns the next page to clear,
/// or `None` after the last.
fn clean_pages(connection: &Connection, first: u32) -> rusqlite::Result<Option<u32>> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let count: u32 = transaction.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if count >= PAGES_MAX {
        tracing::error!("the database has 128 GiB or more: parts of erased messages may stay in its file");
        return Ok(None);
    }
    let end = first.saturating_add(STEP_PAGES_MAX).min(count + 1);
    let pages = Pages { connection: &transaction, usable: usable_bytes(&transaction)? };
    let free = pages.find_free(first..end)?;
    let (mut next, mut changes) = (first, 0);
    while next < end && changes < STEP_CHANGES {
        changes += pages.clean(next, free.get(&next).copied())?;
        next += 1;
    }
    transaction.commit()?;
    Ok((next <= count).then_some(next))
}

/// Returns the size of a page without what is reserved for extensions.
fn usable_bytes(connection: &Connection) -> rusqlite::Result<usize> {
    let header = read(connection, 1)?;
    Ok(header.len() - usize::from(header.get(20).copied().unwrap_or_default()))
}

fn read(connection: &Connection, number: u32) -> rusqlite::Result<Vec<u8>> {
    let mut statement = connection.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?1")?;
    let page = statement.query_row([number], |row| row.get(0)).optional()?;
    Ok(page.unwrap_or_default())
}

/// The pages of the database, in a transaction.
struct Pages<'c> {
    connection: &'c Connection,
    usable: usize,
}

impl Pages<'_> {
    /// Returns the pages of a range that are on the list of free pages, with the bytes that the
    /// list itself uses in them.
    fn find_free(&self, range: Range<u32>) -> rusqlite::Result<HashMap<u32, usize>> {
        let mut free = HashMap::new();
        let mut trunk = number_at(&read(self.connection, 1)?, 32).unwrap_or_default();
        while trunk != 0 {
            let page = read(self.connection, trunk)?;
            let count = number_at(&page, 4).unwrap_or_default() as usize;
            let leaves = (0..count).filter_map(|index| number_at(&page, 8 + 4 * index));
            free.extend(leaves.filter(|leaf| range.contains(leaf)).map(|leaf| (leaf, 0)));
            if range.contains(&trunk) {
                free.insert(trunk, 8 + 4 * count);
            }
            trunk = number_at(&page, 0).unwrap_or_default();
        }
        Ok(free)
    }

    /// Clears what a page, and the overflow pages of its cells, do not use. Returns the number of
    /// pages that changed. `free`: if the page is free, the bytes that the list of free pages uses.
    fn clean(&self, number: u32, free: Option<usize>) -> rusqlite::Result<usize> {
        let mut page = read(self.connection, number)?;
        if let Some(used) = free {
            let end = page.len();
            return self.write_if(clear(&mut page, used..end), number, &page);
        }
        let Some(cleaned) = clean(&mut page, number, self.usable) else { return Ok(0) };
        let mut changes = self.write_if(cleaned.is_changed, number, &page)?;
        for overflow in cleaned.overflows {
            changes += self.clean_end(&overflow)?;
        }
        Ok(changes)
    }

    /// Clears the last page of an overflow chain after the payload's end.
    fn clean_end(&self, overflow: &Overflow) -> rusqlite::Result<usize> {
        let (mut number, mut left, capacity) = (overflow.first, overflow.bytes, self.usable - 4);
        while number != 0 {
            let mut page = read(self.connection, number)?;
            if left <= capacity {
                return self.write_if(clear(&mut page, 4 + left..self.usable), number, &page);
            }
            left -= capacity;
            number = number_at(&page, 0).unwrap_or_default();
        }
        Ok(0)
    }

    fn write_if(&self, is_changed: bool, number: u32, page: &[u8]) -> rusqlite::Result<usize> {
        if is_changed {
            self.connection.prepare_cached("UPDATE sqlite_dbpage SET data = ?2 WHERE pgno = ?1")?.execute(params![number, page])?;
        }
        Ok(usize::from(is_changed))
    }
}

/// Copies the write-ahead log into the database and empties it. False if a reader needs it.
fn empty_wal(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(READERS_WAIT)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, u32>(0));
    connection.busy_timeout(schema::BUSY_TIMEOUT)?;
    Ok(busy? == 0)
}

#[cfg(test)]
mod tests;
