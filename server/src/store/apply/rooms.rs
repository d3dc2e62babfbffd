//! The rooms of the database: found, added, emptied and forgotten.

use protocol::{RoomName, Text};
use rusqlite::{OptionalExtension, params};

use super::super::command::{Change, Outcome, Remaining};
use super::super::read;
use super::super::retention::{RetentionPolicy, TrustedTime};
use super::super::row;
use super::Applier;

/// Maximum number of entries that one command deletes, so that publishes behind it wait only a few
/// milliseconds.
const EXPIRE_ENTRIES_MAX: u64 = 256;

pub(super) const SELECT_ROOM: &str = "SELECT id, first, latest, gone, total,
    coalesce((SELECT time FROM messages WHERE room = id AND offset = latest), 0), settings
    FROM heads WHERE name = ?1";

/// A room in the database.
#[derive(Clone, Copy)]
pub(super) struct RoomRow {
    pub(super) id: i64,
    /// Entries up to this offset have expired.
    pub(super) expired: u64,
    /// The offset of the newest entry.
    pub(super) latest: u64,
    /// Bytes of all expired entries, by [`stored_bytes`](super::super::stored_bytes).
    pub(super) expired_bytes: u64,
    /// Bytes of all entries ever, by [`stored_bytes`](super::super::stored_bytes).
    pub(super) total_bytes: u64,
    /// When the newest entry was written, in milliseconds since 1970; 0 if there is none.
    pub(super) latest_time: u64,
    /// From the room's settings. `None` if it has none of its own.
    pub(super) pace: Option<Pace>,
}

/// What a room's settings say about messages.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// True if messages wait for approval.
    pub(super) queue: bool,
    /// Minimum seconds between two messages of an identity.
    pub(super) slow: u32,
}

impl RoomRow {
    pub(super) fn is_empty(self) -> bool {
        self.latest == self.expired
    }
}

impl Applier<'_> {
    pub(super) fn find_room(&mut self, room: &RoomName) -> rusqlite::Result<Option<RoomRow>> {
        if let Some(row) = self.rooms.get(room) {
            return Ok(Some(*row));
        }
        let found = self.select_room.query_row([room.as_str()], |row| {
            let settings = row::text(row, 6)?.as_deref().map(row::settings);
            Ok(RoomRow {
                id: row.get(0)?,
                expired: row.get(1)?,
                latest: row.get(2)?,
                expired_bytes: row.get(3)?,
                total_bytes: row.get(4)?,
                latest_time: row.get(5)?,
                pace: settings.map(|settings| Pace { queue: settings.queue, slow: settings.slow }),
            })
        });
        found.optional()
    }

    /// Returns a room that gets an entry, and adds it if it is new. `None` if the room has no
    /// entries and `rooms_max` rooms have some.
    pub(super) fn open_room(&mut self, found: Option<RoomRow>, room: &RoomName, rooms_max: usize) -> rusqlite::Result<Option<RoomRow>> {
        if found.is_none_or(RoomRow::is_empty) {
            let rooms_in_use = self.rooms_in_use()?;
            if rooms_in_use >= rooms_max && *room != RoomName::lobby() {
                return Ok(None);
            }
            self.rooms_in_use = Some(rooms_in_use + 1);
        }
        found.map_or_else(|| self.add_room(room), Ok).map(Some)
    }

    fn add_room(&mut self, room: &RoomName) -> rusqlite::Result<RoomRow> {
        const SQL: &str = "INSERT INTO rooms (name, first) VALUES (?1, coalesce((SELECT floor FROM log), 0)) RETURNING id, first";
        self.connection.prepare_cached(SQL)?.query_row([room.as_str()], |row| {
            let expired = row.get(1)?;
            Ok(RoomRow { id: row.get(0)?, expired, latest: expired, expired_bytes: 0, total_bytes: 0, latest_time: 0, pace: None })
        })
    }

    /// Remembers what the database has about a room.
    pub(super) fn remember(&mut self, room: &RoomName, row: RoomRow) {
        match self.rooms.get_mut(room) {
            Some(known) => *known = row,
            None => drop(self.rooms.insert(room.clone(), row)),
        }
    }

    pub(super) fn expire(
        &mut self,
        room: &RoomName,
        policy: RetentionPolicy,
        now: TrustedTime,
        rooms_max: usize,
    ) -> rusqlite::Result<Outcome> {
        let Some(row) = self.find_room(room)? else { return Ok(Outcome::RoomUnknown) };
        let rooms_in_use = self.rooms_in_use()?;
        let remaining_row = self.delete_expired(room, row, policy, now)?;
        let mut select_oldest = self.connection.prepare_cached("SELECT time FROM messages WHERE room = ?1 ORDER BY offset LIMIT 1")?;
        let oldest = select_oldest.query_row([row.id], |row| row.get(0)).optional()?;
        if oldest.is_none() && !row.is_empty() {
            self.rooms_in_use = Some(rooms_in_use - 1);
            self.forget_rooms(room, remaining_row, rooms_max)?;
        }
        let RoomRow { expired, expired_bytes, total_bytes, .. } = remaining_row;
        let forgotten_max = read::forgotten_max(self.connection)?;
        let remaining = Remaining { expired, bytes: total_bytes - expired_bytes, oldest, forgotten_max };
        self.push(room, Change::Expired(remaining));
        Ok(Outcome::Expired(remaining))
    }

    /// Deletes a room's expired entries, at most [`EXPIRE_ENTRIES_MAX`]. Stops at the first entry
    /// that has not expired.
    fn delete_expired(&mut self, room: &RoomName, row: RoomRow, policy: RetentionPolicy, now: TrustedTime) -> rusqlite::Result<RoomRow> {
        const OLDEST: &str = "SELECT offset, total, time FROM messages WHERE room = ?1 ORDER BY offset LIMIT ?2";
        const UPDATE: &str = "UPDATE rooms SET first = ?2, gone = ?3 WHERE id = ?1";
        let mut remaining = row;
        let mut select = self.connection.prepare_cached(OLDEST)?;
        let mut entries = select.query(params![row.id, EXPIRE_ENTRIES_MAX])?;
        while let Some(entry) = entries.next()? {
            let (offset, total_bytes, written): (u64, u64, u64) = (entry.get(0)?, entry.get(1)?, entry.get(2)?);
            let bytes = row.total_bytes - remaining.expired_bytes;
            if !policy.expires(row.latest - (offset - 1), bytes, written, now) {
                break;
            }
            (remaining.expired, remaining.expired_bytes) = (offset, total_bytes);
        }
        if remaining.is_empty() {
            // As the database has it, so that a restart changes no outcome.
            remaining.latest_time = 0;
        }
        drop(entries);
        if remaining.expired > row.expired {
            for sql in [
                "DELETE FROM messages WHERE room = ?1 AND offset <= ?2",
                "DELETE FROM reactions WHERE room = ?1 AND of <= ?2",
                "DELETE FROM pins WHERE room = ?1 AND of <= ?2",
            ] {
                self.connection.prepare_cached(sql)?.execute(params![row.id, remaining.expired])?;
            }
            self.connection.prepare_cached(UPDATE)?.execute(params![row.id, remaining.expired, remaining.expired_bytes])?;
            self.remember(room, remaining);
            self.forget_changes(room, remaining)?;
        }
        Ok(remaining)
    }

    /// Removes the texts of edits whose messages have expired: nobody could take them back.
    fn forget_changes(&mut self, room: &RoomName, row: RoomRow) -> rusqlite::Result<()> {
        let mut edits = self.find_edits(row, 0..=row.expired)?;
        for edit in &mut edits {
            edit.text = Text::default();
            self.rewrite(row, edit)?;
        }
        if !edits.is_empty() {
            self.push(room, Change::Rewritten(edits));
        }
        let mut delete = self.connection.prepare_cached("DELETE FROM changes WHERE room = ?1 AND of <= ?2")?;
        delete.execute(params![row.id, row.expired]).map(|_| ())
    }

    /// Forgets rooms without entries, settings and a cast, after `emptied` became one. A room is
    /// forgotten if it had no entry after the offset that new rooms start after (the column
    /// `floor`). If more than `rooms_max` of them are left, half of them raise that offset. So no
    /// offset of a room is ever given twice.
    fn forget_rooms(&mut self, emptied: &RoomName, row: RoomRow, rooms_max: usize) -> rusqlite::Result<()> {
        const COUNT: &str = "SELECT count(*) FROM rooms WHERE settings IS NULL AND id NOT IN (SELECT room FROM casts)";
        let mut count = self.connection.prepare_cached(COUNT)?;
        let all: usize = count.query_row([], |row| row.get(0))?;
        // Too few while rooms with settings or a cast have entries: then rooms are forgotten later.
        let empty = all.saturating_sub(self.rooms_in_use()?);
        if empty > rooms_max {
            const RAISE: &str = "UPDATE log SET floor = max(floor, (SELECT max(latest) FROM
                (SELECT latest FROM heads WHERE latest = first AND settings IS NULL AND id NOT IN (SELECT room FROM casts)
                    ORDER BY latest LIMIT ?1)))";
            const FORGET: &str = "DELETE FROM rooms WHERE id IN (SELECT id FROM heads, log
                WHERE latest = first AND latest <= floor AND heads.settings IS NULL AND id NOT IN (SELECT room FROM casts))";
            self.connection.execute(RAISE, [empty / 2 + 1])?;
            self.connection.execute(FORGET, [])?;
            self.rooms.retain(|_, row| !row.is_empty());
        } else if row.pace.is_none() && row.latest <= read::forgotten_max(self.connection)? && !self.has_cast(row)? {
            self.connection.execute("DELETE FROM rooms WHERE id = ?1", [row.id])?;
            self.rooms.remove(emptied);
        }
        Ok(())
    }

    /// Returns the number of rooms that have entries.
    fn rooms_in_use(&mut self) -> rusqlite::Result<usize> {
        let count = match self.rooms_in_use {
            Some(count) => count,
            None => self.connection.prepare_cached("SELECT count(*) FROM heads WHERE latest > first")?.query_row([], |row| row.get(0))?,
        };
        self.rooms_in_use = Some(count);
        Ok(count)
    }
}
