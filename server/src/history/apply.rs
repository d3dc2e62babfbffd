//! What a command does to the history. Deterministic: no clock, no chance, nothing but the command and the database.

use std::collections::HashMap;

use protocol::{Author, Entry, PublishKey, RoomName, Text};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::{Command, Keep, Outcome, Remains, TrustedTime, size};

/// How many entries one command lets go of at the most, so that publishes which wait behind it wait a few milliseconds.
const EXPIRE_ENTRIES_MAX: u64 = 256;

/// All that the writer says to the database, prepared once: to parse a statement, or only to find it again by its text, is a good
/// part of what a small commit costs.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    /// Of the rooms that were written to. Nobody else writes, so they stay true; after an error all are asked for again.
    heads: HashMap<RoomName, Head>,
    /// How many rooms have entries, if that is known.
    rooms: Option<usize>,
    begin: Statement<'c>,
    commit: Statement<'c>,
    roll_back: Statement<'c>,
    head: Statement<'c>,
    make_room: Statement<'c>,
    by_key: Statement<'c>,
    insert: Statement<'c>,
    oldest: Statement<'c>,
    let_go: Statement<'c>,
    note_gone: Statement<'c>,
    count: Statement<'c>,
    forget_time: Statement<'c>,
    note_time: Statement<'c>,
}

/// A room's row, and where its log stands.
#[derive(Clone, Copy)]
struct Head {
    id: i64,
    /// Everything after this offset is kept.
    first: u64,
    /// The newest offset.
    latest: u64,
    /// How many bytes are gone, and how many came in all; by [`size`].
    gone: u64,
    total: u64,
    /// The time of the newest entry, or 0.
    time: u64,
}

impl Head {
    fn is_empty(self) -> bool {
        self.latest == self.first
    }
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            heads: HashMap::new(),
            rooms: None,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            roll_back: connection.prepare("ROLLBACK")?,
            head: connection.prepare(
                "SELECT id, first, latest, gone, total, coalesce((SELECT time FROM messages WHERE room = id AND offset = latest), 0)
                FROM heads WHERE name = ?1",
            )?,
            make_room: connection
                .prepare("INSERT INTO rooms (name, first) VALUES (?1, coalesce((SELECT floor FROM log), 0)) RETURNING id, first")?,
            by_key: connection.prepare("SELECT offset, author, text FROM messages WHERE room = ?1 AND key = ?2")?,
            insert: connection.prepare(
                "INSERT INTO messages (room, offset, total, time, author, text, key, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            oldest: connection.prepare("SELECT offset, total, time FROM messages WHERE room = ?1 ORDER BY offset LIMIT ?2")?,
            let_go: connection.prepare("DELETE FROM messages WHERE room = ?1 AND offset <= ?2")?,
            note_gone: connection.prepare("UPDATE rooms SET first = ?2, gone = ?3 WHERE id = ?1")?,
            count: connection.prepare("SELECT count(*) FROM heads WHERE latest > first")?,
            forget_time: connection.prepare("DELETE FROM clock")?,
            note_time: connection.prepare("INSERT INTO clock (time, since) VALUES (?1, ?2)")?,
        })
    }

    /// Applies commands in one transaction: after an error none of them was.
    pub(super) fn commit<'a>(&mut self, commands: impl Iterator<Item = &'a Command>) -> rusqlite::Result<Vec<Outcome>> {
        self.begin.execute([])?;
        let outcomes = self.apply_all(commands);
        if outcomes.is_err() {
            self.heads.clear();
            self.rooms = None;
            // Some errors have ended the transaction already.
            if !self.connection.is_autocommit() {
                self.roll_back.execute([])?;
            }
        }
        outcomes
    }

    fn apply_all<'a>(&mut self, commands: impl Iterator<Item = &'a Command>) -> rusqlite::Result<Vec<Outcome>> {
        let outcomes = commands.map(|command| self.apply(command)).collect::<Result<_, _>>()?;
        self.commit.execute([])?;
        Ok(outcomes)
    }

    fn apply(&mut self, command: &Command) -> rusqlite::Result<Outcome> {
        match command {
            Command::Publish { room, key, author, text, raw, time, rooms_max } => {
                let found = self.find_room(room)?;
                if let (Some(Head { id, .. }), Some(key)) = (found, key) {
                    let known = self.by_key.query_row(params![id, key.as_str()], |row| {
                        let stored = |column| row.get_ref(column)?.as_bytes().map(String::from_utf8_lossy).map_err(rusqlite::Error::from);
                        // Another version may have stored another form of the same text, such as other line ends.
                        let same = Author::parse(&stored(1)?).as_ref() == Ok(author) && Text::parse(&stored(2)?).as_ref() == Ok(text);
                        Ok(if same { Outcome::Duplicate(row.get(0)?) } else { Outcome::KeyReused })
                    });
                    if let Some(outcome) = known.optional()? {
                        return Ok(outcome);
                    }
                }
                if found.is_none_or(Head::is_empty) {
                    let rooms = self.rooms()?;
                    if rooms >= *rooms_max && *room != RoomName::lobby() {
                        return Ok(Outcome::RoomsFull);
                    }
                    self.rooms = Some(rooms + 1);
                }
                let head = found.map_or_else(|| self.make_room(room), Ok)?;
                let Head { id, latest, total, .. } = head;
                // The system clock may have been set back; times stay in order.
                let (offset, key, time) = (latest + 1, key.clone(), head.time.max(*time));
                let entry = Entry { offset, time, author: author.clone(), text: text.clone(), key, raw: raw.clone() };
                let total = total + size(&entry);
                let key = entry.key.as_ref().map(PublishKey::as_str);
                self.insert.execute(params![id, offset, total, time, author.as_str(), text.as_str(), key, raw])?;
                self.heads.insert(room.clone(), Head { latest: offset, total, time, ..head });
                Ok(Outcome::Stored(entry))
            }
            Command::Expire { room, keep, now, rooms_max } => {
                let Some(head) = self.find_room(room)? else { return Ok(Outcome::RoomUnknown) };
                let rooms = self.rooms()?;
                let mut remains = self.expire(room, head, *keep, *now)?;
                if remains.oldest.is_none() && !head.is_empty() {
                    self.rooms = Some(rooms - 1);
                    self.forget_rooms(room, head, *rooms_max)?;
                }
                remains.floor = super::read::floor(self.connection)?;
                Ok(Outcome::Expired(remains))
            }
            Command::SaveTime(TrustedTime { time, since }) => {
                self.forget_time.execute([])?;
                self.note_time.execute([time, since])?;
                Ok(Outcome::TimeSaved)
            }
        }
    }

    /// Lets go of a room's oldest entries, as far as they are more than is kept, and no further than one that is not.
    fn expire(&mut self, room: &RoomName, head: Head, keep: Keep, now: TrustedTime) -> rusqlite::Result<Remains> {
        let Head { id, first, latest, gone, total, .. } = head;
        let mut remains = Remains { first, bytes: total - gone, oldest: None, floor: 0 };
        let mut entries = self.oldest.query(params![id, EXPIRE_ENTRIES_MAX])?;
        while let Some(row) = entries.next()? {
            let (offset, total_then, written): (u64, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if !keep.lets_go(latest - (offset - 1), remains.bytes, written, now) {
                break;
            }
            (remains.first, remains.bytes) = (offset, total - total_then);
        }
        drop(entries);
        if remains.first > first {
            self.let_go.execute(params![id, remains.first])?;
            let gone = total - remains.bytes;
            self.note_gone.execute(params![id, remains.first, gone])?;
            self.heads.insert(room.clone(), Head { first: remains.first, gone, ..head });
        }
        remains.oldest = self.oldest.query_row(params![id, 1], |row| row.get(2)).optional()?;
        Ok(remains)
    }

    /// Forgets rooms whose entries have all expired, after another one was emptied. Those with an offset after the floor are
    /// remembered, but when they are more than `rooms_max`, half of them raise the floor. A room that is opened later begins
    /// after the floor, so no offset of a room is ever given twice.
    fn forget_rooms(&mut self, emptied: &RoomName, head: Head, rooms_max: usize) -> rusqlite::Result<()> {
        let all: usize = self.connection.prepare_cached("SELECT count(*) FROM rooms")?.query_row([], |row| row.get(0))?;
        let empty = all.saturating_sub(self.rooms()?);
        if empty > rooms_max {
            const RAISE: &str = "UPDATE log SET floor = (SELECT max(latest) FROM
                (SELECT latest FROM heads WHERE latest = first ORDER BY latest LIMIT ?1))";
            self.connection.execute(RAISE, [empty / 2 + 1])?;
            self.connection
                .execute("DELETE FROM rooms WHERE id IN (SELECT id FROM heads, log WHERE latest = first AND latest <= floor)", [])?;
            self.heads.retain(|_, head| !head.is_empty());
        } else if head.latest <= super::read::floor(self.connection)? {
            self.connection.execute("DELETE FROM rooms WHERE id = ?1", [head.id])?;
            self.heads.remove(emptied);
        }
        Ok(())
    }

    /// How many rooms have entries.
    fn rooms(&mut self) -> rusqlite::Result<usize> {
        let rooms = match self.rooms {
            Some(rooms) => rooms,
            None => self.count.query_row([], |row| row.get(0))?,
        };
        self.rooms = Some(rooms);
        Ok(rooms)
    }

    fn find_room(&mut self, room: &RoomName) -> rusqlite::Result<Option<Head>> {
        if let Some(head) = self.heads.get(room) {
            return Ok(Some(*head));
        }
        let found = self.head.query_row([room.as_str()], |row| {
            let (id, first, latest) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Head { id, first, latest, gone: row.get(3)?, total: row.get(4)?, time: row.get(5)? })
        });
        found.optional()
    }

    fn make_room(&mut self, room: &RoomName) -> rusqlite::Result<Head> {
        self.make_room.query_row([room.as_str()], |row| {
            let first = row.get(1)?;
            Ok(Head { id: row.get(0)?, first, latest: first, gone: 0, total: 0, time: 0 })
        })
    }
}
