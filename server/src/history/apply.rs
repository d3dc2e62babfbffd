//! What a command does to the history. Deterministic: no clock, no chance, nothing but the command and the database.

use protocol::{Entry, RoomName};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Command, Keep, Outcome, Remains, size};

/// How many entries one command lets go of at the most, so that publishes which wait behind it wait a few milliseconds.
const EXPIRE_ENTRIES_MAX: u64 = 256;

/// Applies one command inside the caller's transaction.
pub(super) fn apply(connection: &Connection, command: &Command) -> rusqlite::Result<Outcome> {
    match command {
        Command::Publish { room, key, author, text, raw, time } => {
            let (room_id, latest) = find_or_make_room(connection, room)?;
            if let Some(key) = key {
                let known = connection
                    .prepare_cached("SELECT offset, author, text FROM messages WHERE room = ?1 AND key = ?2")?
                    .query_row(params![room_id, key.as_str()], |row| {
                        let same = row.get_ref(1)?.as_str()? == author.as_str() && row.get_ref(2)?.as_str()? == text.as_str();
                        Ok(if same { Outcome::Duplicate(row.get(0)?) } else { Outcome::KeyReused })
                    })
                    .optional()?;
                if let Some(outcome) = known {
                    return Ok(outcome);
                }
            }
            let entry =
                Entry { offset: latest + 1, time: *time, author: author.clone(), text: text.clone(), key: key.clone(), raw: raw.clone() };
            insert(connection, room_id, &entry)?;
            Ok(Outcome::Stored(entry))
        }
        Command::Expire { room, keep, time } => expire(connection, room, *keep, *time).map(Outcome::Expired),
    }
}

/// Lets go of a room's oldest entries, as far as they are more than is kept, and no further than one that is not.
fn expire(connection: &Connection, room: &RoomName, keep: Keep, time: u64) -> rusqlite::Result<Remains> {
    let (room_id, latest) = find_or_make_room(connection, room)?;
    let mut remains = connection
        .prepare_cached("SELECT first, bytes FROM rooms WHERE id = ?1")?
        .query_row([room_id], |row| Ok(Remains { first: row.get(0)?, bytes: row.get(1)?, oldest: None }))?;
    let before = remains.first;
    let mut entries = connection.prepare_cached(
        "SELECT offset, time, octet_length(author) + octet_length(text) + coalesce(octet_length(key), 0) + coalesce(octet_length(raw), 0)
         FROM messages WHERE room = ?1 ORDER BY offset LIMIT ?2",
    )?;
    let mut rows = entries.query(params![room_id, EXPIRE_ENTRIES_MAX])?;
    while let Some(row) = rows.next()? {
        let (offset, written, bytes): (u64, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if !keep.lets_go(latest - (offset - 1), remains.bytes, written, time) {
            break;
        }
        remains.first = offset;
        remains.bytes = remains.bytes.saturating_sub(bytes);
    }
    if remains.first > before {
        connection.prepare_cached("DELETE FROM messages WHERE room = ?1 AND offset <= ?2")?.execute(params![room_id, remains.first])?;
        connection.prepare_cached("UPDATE rooms SET first = ?2, bytes = ?3 WHERE id = ?1")?.execute(params![
            room_id,
            remains.first,
            remains.bytes
        ])?;
    }
    remains.oldest = connection
        .prepare_cached("SELECT time FROM messages WHERE room = ?1 ORDER BY offset LIMIT 1")?
        .query_row([room_id], |row| row.get(0))
        .optional()?;
    Ok(remains)
}

/// The room's row and its newest offset.
fn find_or_make_room(connection: &Connection, room: &RoomName) -> rusqlite::Result<(i64, u64)> {
    let found = connection
        .prepare_cached("SELECT id, latest FROM rooms WHERE name = ?1")?
        .query_row([room.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(found) = found {
        return Ok(found);
    }
    connection.prepare_cached("INSERT INTO rooms (name, first, latest) VALUES (?1, 0, 0)")?.execute([room.as_str()])?;
    Ok((connection.last_insert_rowid(), 0))
}

fn insert(connection: &Connection, room_id: i64, entry: &Entry) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO messages (room, offset, time, author, text, key, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            room_id,
            entry.offset,
            entry.time,
            entry.author.as_str(),
            entry.text.as_str(),
            entry.key.as_ref().map(protocol::PublishKey::as_str),
            entry.raw,
        ])?;
    connection.prepare_cached("UPDATE rooms SET latest = ?2, bytes = bytes + ?3 WHERE id = ?1")?.execute(params![
        room_id,
        entry.offset,
        size(entry)
    ])?;
    Ok(())
}
