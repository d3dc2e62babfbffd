//! What a command does to the history. Deterministic: no clock, no chance, nothing but the command and the database.

use std::collections::HashMap;

use protocol::{Entry, PublishKey, RoomName};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::{Command, Keep, Outcome, Remains, size};

/// How many entries one command lets go of at the most, so that publishes which wait behind it wait a few milliseconds.
const EXPIRE_ENTRIES_MAX: u64 = 256;

/// All that the writer says to the database, prepared once: to parse a statement, or only to find it again by its text, is a good
/// part of what a small commit costs.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    /// Of the rooms that were written to. Nobody else writes, so they stay true; after an error all are asked for again.
    heads: HashMap<RoomName, Head>,
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
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            heads: HashMap::new(),
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            roll_back: connection.prepare("ROLLBACK")?,
            head: connection.prepare("SELECT id, first, latest, gone, total FROM heads WHERE name = ?1")?,
            make_room: connection.prepare("INSERT INTO rooms (name, first) VALUES (?1, 0)")?,
            by_key: connection.prepare("SELECT offset, author, text FROM messages WHERE room = ?1 AND key = ?2")?,
            insert: connection.prepare(
                "INSERT INTO messages (room, offset, total, time, author, text, key, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            oldest: connection.prepare("SELECT offset, total, time FROM messages WHERE room = ?1 ORDER BY offset LIMIT ?2")?,
            let_go: connection.prepare("DELETE FROM messages WHERE room = ?1 AND offset <= ?2")?,
            note_gone: connection.prepare("UPDATE rooms SET first = ?2, gone = ?3 WHERE id = ?1")?,
        })
    }

    /// Applies commands in one transaction: after an error none of them was.
    pub(super) fn commit<'a>(&mut self, commands: impl Iterator<Item = &'a Command>) -> rusqlite::Result<Vec<Outcome>> {
        self.begin.execute([])?;
        let outcomes = self.apply_all(commands);
        if outcomes.is_err() {
            self.heads.clear();
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
            Command::Publish { room, key, author, text, raw, time } => {
                let head @ Head { id, latest, total, .. } = self.find_or_make_room(room)?;
                if let Some(key) = key {
                    let known = self.by_key.query_row(params![id, key.as_str()], |row| {
                        let same = row.get_ref(1)?.as_str()? == author.as_str() && row.get_ref(2)?.as_str()? == text.as_str();
                        Ok(if same { Outcome::Duplicate(row.get(0)?) } else { Outcome::KeyReused })
                    });
                    if let Some(outcome) = known.optional()? {
                        return Ok(outcome);
                    }
                }
                let (offset, key) = (latest + 1, key.clone());
                let entry = Entry { offset, time: *time, author: author.clone(), text: text.clone(), key, raw: raw.clone() };
                let total = total + size(&entry);
                let key = entry.key.as_ref().map(PublishKey::as_str);
                self.insert.execute(params![id, offset, total, time, author.as_str(), text.as_str(), key, raw])?;
                self.heads.insert(room.clone(), Head { latest: offset, total, ..head });
                Ok(Outcome::Stored(entry))
            }
            Command::Expire { room, keep, time } => self.expire(room, *keep, *time).map(Outcome::Expired),
        }
    }

    /// Lets go of a room's oldest entries, as far as they are more than is kept, and no further than one that is not.
    fn expire(&mut self, room: &RoomName, keep: Keep, time: u64) -> rusqlite::Result<Remains> {
        let Head { id, first, latest, gone, total } = self.find_or_make_room(room)?;
        let mut remains = Remains { first, bytes: total - gone, oldest: None };
        let mut entries = self.oldest.query(params![id, EXPIRE_ENTRIES_MAX])?;
        while let Some(row) = entries.next()? {
            let (offset, total_then, written): (u64, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if !keep.lets_go(latest - (offset - 1), remains.bytes, written, time) {
                break;
            }
            (remains.first, remains.bytes) = (offset, total - total_then);
        }
        drop(entries);
        if remains.first > first {
            self.let_go.execute(params![id, remains.first])?;
            let gone = total - remains.bytes;
            self.note_gone.execute(params![id, remains.first, gone])?;
            self.heads.insert(room.clone(), Head { id, first: remains.first, latest, gone, total });
        }
        remains.oldest = self.oldest.query_row(params![id, 1], |row| row.get(2)).optional()?;
        Ok(remains)
    }

    fn find_or_make_room(&mut self, room: &RoomName) -> rusqlite::Result<Head> {
        if let Some(head) = self.heads.get(room) {
            return Ok(*head);
        }
        let found = self.head.query_row([room.as_str()], |row| {
            Ok(Head { id: row.get(0)?, first: row.get(1)?, latest: row.get(2)?, gone: row.get(3)?, total: row.get(4)? })
        });
        if let Some(head) = found.optional()? {
            return Ok(head);
        }
        self.make_room.execute([room.as_str()])?;
        Ok(Head { id: self.connection.last_insert_rowid(), first: 0, latest: 0, gone: 0, total: 0 })
    }
}
