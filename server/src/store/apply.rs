//! Applies commands to the database. Deterministic: no clock and no random value, only the commands
//! and the database.

use std::collections::HashMap;

use protocol::{Author, Entry, ErrorCode, PublishKey, PublishRequest, RoomName, Text};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::access;
use super::command::{Command, Outcome, Publisher, Remaining, Stored};
use super::read;
use super::retention::{RetentionPolicy, TrustedTime, stored_bytes};

/// Maximum number of entries that one command deletes, so that publishes behind it wait only a few
/// milliseconds.
const EXPIRE_ENTRIES_MAX: u64 = 256;

/// Applies commands in transactions. Statements are prepared once, because even a search in
/// SQLite's statement cache is a noticeable part of a small commit.
pub(super) struct Applier<'c> {
    connection: &'c Connection,
    /// Rooms that were read or written. Valid because nothing else writes; cleared after an error.
    rooms: HashMap<RoomName, RoomRow>,
    /// Number of rooms that have entries. `None` if it is not known.
    rooms_in_use: Option<usize>,
    begin: Statement<'c>,
    commit: Statement<'c>,
    roll_back: Statement<'c>,
    select_room: Statement<'c>,
    insert_room: Statement<'c>,
    select_by_key: Statement<'c>,
    insert_message: Statement<'c>,
    select_oldest: Statement<'c>,
    delete_messages: Statement<'c>,
    update_room: Statement<'c>,
    count_rooms_in_use: Statement<'c>,
    delete_time: Statement<'c>,
    insert_time: Statement<'c>,
}

/// A room in the database.
#[derive(Clone, Copy)]
struct RoomRow {
    id: i64,
    /// Entries up to this offset have expired.
    expired: u64,
    /// The offset of the newest entry.
    latest: u64,
    /// Bytes of all expired entries, by [`stored_bytes`].
    expired_bytes: u64,
    /// Bytes of all entries ever, by [`stored_bytes`].
    total_bytes: u64,
    /// When the newest entry was written, in milliseconds since 1970; 0 if there is none.
    latest_time: u64,
}

impl RoomRow {
    fn is_empty(self) -> bool {
        self.latest == self.expired
    }
}

/// The parts of [`Command::Publish`].
struct Message<'a> {
    room: &'a RoomName,
    key: Option<&'a PublishKey>,
    author: &'a Author,
    text: &'a Text,
    raw: Option<&'a String>,
    time: u64,
    publisher: Publisher,
}

impl<'c> Applier<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            rooms: HashMap::new(),
            rooms_in_use: None,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            roll_back: connection.prepare("ROLLBACK")?,
            select_room: connection.prepare(
                "SELECT id, first, latest, gone, total, coalesce((SELECT time FROM messages WHERE room = id AND offset = latest), 0)
                FROM heads WHERE name = ?1",
            )?,
            insert_room: connection
                .prepare("INSERT INTO rooms (name, first) VALUES (?1, coalesce((SELECT floor FROM log), 0)) RETURNING id, first")?,
            select_by_key: connection.prepare("SELECT offset, author, text FROM messages WHERE room = ?1 AND key = ?2")?,
            insert_message: connection.prepare(
                "INSERT INTO messages (room, offset, total, time, author, text, key, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            select_oldest: connection.prepare("SELECT offset, total, time FROM messages WHERE room = ?1 ORDER BY offset LIMIT ?2")?,
            delete_messages: connection.prepare("DELETE FROM messages WHERE room = ?1 AND offset <= ?2")?,
            update_room: connection.prepare("UPDATE rooms SET first = ?2, gone = ?3 WHERE id = ?1")?,
            count_rooms_in_use: connection.prepare("SELECT count(*) FROM heads WHERE latest > first")?,
            delete_time: connection.prepare("DELETE FROM clock")?,
            insert_time: connection.prepare("INSERT INTO clock (time, since) VALUES (?1, ?2)")?,
        })
    }

    /// Applies commands in one transaction. After an error none of them is applied.
    pub(super) fn commit<'a>(&mut self, commands: impl Iterator<Item = &'a Command>) -> rusqlite::Result<Vec<Outcome>> {
        self.begin.execute([])?;
        let outcomes = self.apply_all(commands);
        if outcomes.is_err() {
            self.rooms.clear();
            self.rooms_in_use = None;
            // Some errors end the transaction.
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
            Command::Publish { room, request, raw, publisher, time, rules } => {
                let PublishRequest { key, author, text, .. } = request;
                let message = Message { room, key: key.as_ref(), author, text, raw: raw.as_ref(), time: *time, publisher: *publisher };
                self.publish(&message, rules.rooms_max)
            }
            Command::Expire { room, policy, now, rooms_max } => self.expire(room, *policy, *now, *rooms_max),
            Command::Access { change, by, time } => Ok(Outcome::Access(access::apply(self.connection, change, *by, *time)?)),
            Command::SaveTime(TrustedTime { time, since }) => {
                self.delete_time.execute([])?;
                self.insert_time.execute([time, since])?;
                Ok(Outcome::TimeSaved)
            }
        }
    }

    fn publish(&mut self, message: &Message<'_>, rooms_max: usize) -> rusqlite::Result<Outcome> {
        let found = self.find_room(message.room)?;
        if let (Some(row), Some(key)) = (found, message.key)
            && let Some(outcome) = self.find_by_key(row, key, message)?
        {
            return Ok(outcome);
        }
        if found.is_none_or(RoomRow::is_empty) {
            let rooms_in_use = self.rooms_in_use()?;
            if rooms_in_use >= rooms_max && *message.room != RoomName::lobby() {
                return Ok(Outcome::Refused(ErrorCode::RoomsFull.into()));
            }
            self.rooms_in_use = Some(rooms_in_use + 1);
        }
        let row = found.map_or_else(|| self.add_room(message.room), Ok)?;
        let entry = self.add_message(row, message)?;
        Ok(Outcome::Stored(Stored { entry, rewritten: Vec::new() }))
    }

    /// Returns the outcome of a publish whose key the room has already.
    fn find_by_key(&mut self, row: RoomRow, key: &PublishKey, message: &Message<'_>) -> rusqlite::Result<Option<Outcome>> {
        let found = self.select_by_key.query_row(params![row.id, key.as_str()], |row| {
            let stored = |column| row.get_ref(column)?.as_bytes().map(String::from_utf8_lossy).map_err(rusqlite::Error::from);
            // Parsed again, because another version may have stored another form of the same text,
            // such as other line ends.
            let is_same_author = Author::parse(&stored(1)?).as_ref() == Ok(message.author);
            let is_same_text = Text::parse(&stored(2)?).as_ref() == Ok(message.text);
            Ok(if is_same_author && is_same_text { Outcome::Duplicate(row.get(0)?) } else { Outcome::Refused(ErrorCode::KeyReused.into()) })
        });
        found.optional()
    }

    fn add_message(&mut self, row: RoomRow, message: &Message<'_>) -> rusqlite::Result<Entry> {
        let entry = Entry {
            offset: row.latest + 1,
            // The system clock may have been set back. Times never decrease.
            time: row.latest_time.max(message.time),
            author: message.author.clone(),
            text: message.text.clone(),
            key: message.key.cloned(),
            raw: message.raw.cloned(),
            by: message.publisher.tag,
            badge: message.publisher.is_moderator,
            ..Entry::default()
        };
        let total_bytes = row.total_bytes + stored_bytes(&entry);
        self.insert_message.execute(params![
            row.id,
            entry.offset,
            total_bytes,
            entry.time,
            entry.author.as_str(),
            entry.text.as_str(),
            entry.key.as_ref().map(PublishKey::as_str),
            entry.raw,
        ])?;
        let row = RoomRow { latest: entry.offset, total_bytes, latest_time: entry.time, ..row };
        self.rooms.insert(message.room.clone(), row);
        Ok(entry)
    }

    fn expire(&mut self, room: &RoomName, policy: RetentionPolicy, now: TrustedTime, rooms_max: usize) -> rusqlite::Result<Outcome> {
        let Some(row) = self.find_room(room)? else { return Ok(Outcome::RoomUnknown) };
        let rooms_in_use = self.rooms_in_use()?;
        let remaining_row = self.delete_expired(room, row, policy, now)?;
        let oldest = self.select_oldest.query_row(params![row.id, 1], |row| row.get(2)).optional()?;
        if oldest.is_none() && !row.is_empty() {
            self.rooms_in_use = Some(rooms_in_use - 1);
            self.forget_rooms(room, remaining_row, rooms_max)?;
        }
        let RoomRow { expired, expired_bytes, total_bytes, .. } = remaining_row;
        let forgotten_max = read::forgotten_max(self.connection)?;
        Ok(Outcome::Expired(Remaining { expired, bytes: total_bytes - expired_bytes, oldest, forgotten_max }))
    }

    /// Deletes a room's expired entries, at most [`EXPIRE_ENTRIES_MAX`]. Stops at the first entry
    /// that has not expired.
    fn delete_expired(&mut self, room: &RoomName, row: RoomRow, policy: RetentionPolicy, now: TrustedTime) -> rusqlite::Result<RoomRow> {
        let mut remaining = row;
        let mut entries = self.select_oldest.query(params![row.id, EXPIRE_ENTRIES_MAX])?;
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
            self.delete_messages.execute(params![row.id, remaining.expired])?;
            self.update_room.execute(params![row.id, remaining.expired, remaining.expired_bytes])?;
            self.rooms.insert(room.clone(), remaining);
        }
        Ok(remaining)
    }

    /// Forgets rooms without entries, after `emptied` became one. A room is forgotten if it had no
    /// entry after the offset that new rooms start after (the column `floor`). If more than
    /// `rooms_max` empty rooms are left, half of them raise that offset. So no offset of a room is
    /// ever given twice.
    fn forget_rooms(&mut self, emptied: &RoomName, row: RoomRow, rooms_max: usize) -> rusqlite::Result<()> {
        let all: usize = self.connection.prepare_cached("SELECT count(*) FROM rooms")?.query_row([], |row| row.get(0))?;
        let empty = all.saturating_sub(self.rooms_in_use()?);
        if empty > rooms_max {
            const RAISE: &str = "UPDATE log SET floor = (SELECT max(latest) FROM
                (SELECT latest FROM heads WHERE latest = first ORDER BY latest LIMIT ?1))";
            const FORGET: &str = "DELETE FROM rooms WHERE id IN (SELECT id FROM heads, log WHERE latest = first AND latest <= floor)";
            self.connection.execute(RAISE, [empty / 2 + 1])?;
            self.connection.execute(FORGET, [])?;
            self.rooms.retain(|_, row| !row.is_empty());
        } else if row.latest <= read::forgotten_max(self.connection)? {
            self.connection.execute("DELETE FROM rooms WHERE id = ?1", [row.id])?;
            self.rooms.remove(emptied);
        }
        Ok(())
    }

    /// Returns the number of rooms that have entries.
    fn rooms_in_use(&mut self) -> rusqlite::Result<usize> {
        let count = match self.rooms_in_use {
            Some(count) => count,
            None => self.count_rooms_in_use.query_row([], |row| row.get(0))?,
        };
        self.rooms_in_use = Some(count);
        Ok(count)
    }

    fn find_room(&mut self, room: &RoomName) -> rusqlite::Result<Option<RoomRow>> {
        if let Some(row) = self.rooms.get(room) {
            return Ok(Some(*row));
        }
        let found = self.select_room.query_row([room.as_str()], |row| {
            Ok(RoomRow {
                id: row.get(0)?,
                expired: row.get(1)?,
                latest: row.get(2)?,
                expired_bytes: row.get(3)?,
                total_bytes: row.get(4)?,
                latest_time: row.get(5)?,
            })
        });
        found.optional()
    }

    fn add_room(&mut self, room: &RoomName) -> rusqlite::Result<RoomRow> {
        self.insert_room.query_row([room.as_str()], |row| {
            let expired = row.get(1)?;
            Ok(RoomRow { id: row.get(0)?, expired, latest: expired, expired_bytes: 0, total_bytes: 0, latest_time: 0 })
        })
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;
    use tempfile::TempDir;

    use super::super::command::PublishRules;
    use super::super::schema;
    use super::*;

    /// Publishes in four rooms, of which two may have messages, and expires some of them.
    fn commands() -> Vec<Command> {
        let room = |number: u64| ["a", "b", "c", "lobby"][number as usize % 4].parse::<RoomName>().unwrap();
        let keep = |messages| RetentionPolicy { messages, bytes: u64::MAX, age: u64::MAX };
        let command = |number: u64| match number % 9 {
            6 => {
                let now = TrustedTime { time: number, since: 0 };
                Command::Expire { room: room(number / 9), policy: keep(number % 3), now, rooms_max: 1 }
            }
            8 => Command::SaveTime(TrustedTime { time: number, since: number / 2 }),
            _ => Command::Publish {
                room: room(number),
                request: PublishRequest {
                    key: Some(format!("key-{}", number % 12).parse().unwrap()),
                    text: Text::parse(&format!("text {}", number % 24)).unwrap(),
                    ..PublishRequest::default()
                },
                raw: None,
                publisher: Publisher::default(),
                time: 1000 - number % 5,
                rules: PublishRules { rooms_max: 2, edit_window: 0, queue: false, slow: 0 },
            },
        };
        (0..300).map(command).collect()
    }

    /// Returns every row of the database after the commands, and their outcomes. Each batch has a
    /// new applier, as after a restart.
    fn apply(commands: &[Command], batch_size: usize) -> (Vec<Outcome>, Vec<Vec<Value>>) {
        let folder = TempDir::new().unwrap();
        let mut connection = schema::open(&folder.path().join("crier.db")).unwrap();
        schema::migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO log (epoch) VALUES (1)", []).unwrap();
        let batches = commands.chunks(batch_size);
        let outcomes = batches.flat_map(|batch| Applier::prepare(&connection).unwrap().commit(batch.iter()).unwrap()).collect();
        let mut rows = Vec::new();
        for table in ["log", "rooms", "messages", "clock"] {
            let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
            let columns = statement.column_count();
            let read = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
            rows.extend(statement.query_map([], read).unwrap().map(Result::unwrap));
        }
        (outcomes, rows)
    }

    #[test]
    fn makes_the_same_history_in_batches_of_any_size() {
        let commands = commands();
        let (outcomes, rows) = apply(&commands, 1);
        for batch_size in [7, 64, commands.len()] {
            let (other_outcomes, other_rows) = apply(&commands, batch_size);
            let different = outcomes.iter().zip(other_outcomes).find(|(one, other)| *one != other);
            assert_eq!(different, None, "batches of {batch_size}");
            assert!(rows == other_rows, "batches of {batch_size}");
        }
        let has = |wanted: fn(&Outcome) -> bool| outcomes.iter().any(wanted);
        assert!(has(|outcome| matches!(outcome, Outcome::Duplicate(_))));
        for code in [ErrorCode::KeyReused, ErrorCode::RoomsFull] {
            assert!(outcomes.contains(&Outcome::Refused(code.into())));
        }
        assert!(has(|outcome| matches!(outcome, Outcome::Expired(rest) if rest.forgotten_max > 0)));
    }
}
