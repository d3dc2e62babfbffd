//! What a command does to the history. Deterministic: no clock, no chance, nothing but the command and the database.

use protocol::{Entry, RoomName};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Command, Outcome};

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
    }
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
    connection.prepare_cached("UPDATE rooms SET latest = ?2 WHERE id = ?1")?.execute(params![room_id, entry.offset])?;
    Ok(())
}
