//! What can be asked of the history.

use protocol::{Author, Entry, PublishKey, RoomName, Text};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::TrustedTime;
use crate::encoded::page_bytes;
use crate::tail::PAGE_BYTES_MAX;

/// A room that has, or had, entries.
#[derive(Clone, Debug)]
pub struct Head {
    /// The room.
    pub room: RoomName,
    /// Everything after this offset is kept.
    pub first: u64,
    /// The newest offset.
    pub latest: u64,
    /// How many bytes its entries have together, by [`size`](super::size).
    pub bytes: u64,
    /// The time of the oldest entry that is kept, if there is one.
    pub oldest: Option<u64>,
}

impl Head {
    /// The head of a room that nobody wrote in.
    /// Its log begins after `floor`.
    pub fn empty(room: RoomName, floor: u64) -> Self {
        Self { room, first: floor, latest: floor, bytes: 0, oldest: None }
    }
}

/// A run of entries, and what the room kept at the moment they were read.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    /// Everything after this offset is kept.
    pub first: u64,
    /// The newest offset.
    pub latest: u64,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
}

pub(super) fn heads(connection: &Connection) -> rusqlite::Result<Vec<Head>> {
    const SQL: &str =
        "SELECT name, first, latest, total - gone, (SELECT time FROM messages WHERE room = id ORDER BY offset LIMIT 1) FROM heads";
    let mut statement = connection.prepare(SQL)?;
    let rows = statement.query_map([], |row| {
        let room = RoomName::from_stored(text(row, 0)?.unwrap_or_default());
        Ok(Head { room, first: row.get(1)?, latest: row.get(2)?, bytes: row.get(3)?, oldest: row.get(4)? })
    })?;
    rows.collect()
}

/// Where the log of a room begins that is not remembered: no such room ever had a later entry.
pub(super) fn floor(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce((SELECT floor FROM log), 0)", [], |row| row.get(0))
}

/// The trusted time that was saved last.
pub(super) fn trusted_time(connection: &Connection) -> rusqlite::Result<Option<TrustedTime>> {
    let time = |row: &Row<'_>| Ok(TrustedTime { time: row.get(0)?, since: row.get(1)? });
    connection.query_row("SELECT time, since FROM clock", [], time).optional()
}

/// Reads from the file itself.
pub(super) fn probe(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

pub(super) fn after(connection: &mut Connection, room: &RoomName, offset: u64, limit: usize) -> rusqlite::Result<Slice> {
    const SQL: &str = "SELECT offset, time, author, text, key, raw FROM messages WHERE room = ?1 AND offset > ?2 ORDER BY offset LIMIT ?3";
    slice(connection, room, SQL, offset, limit)
}

pub(super) fn before(connection: &mut Connection, room: &RoomName, offset: u64, limit: usize) -> rusqlite::Result<Slice> {
    const SQL: &str =
        "SELECT offset, time, author, text, key, raw FROM messages WHERE room = ?1 AND offset < ?2 ORDER BY offset DESC LIMIT ?3";
    let mut slice = slice(connection, room, SQL, offset, limit)?;
    slice.entries.reverse();
    Ok(slice)
}

/// One transaction, so that the bounds and the entries are of the same moment. It ends before the entry with which there would be
/// more than [`PAGE_BYTES_MAX`].
fn slice(connection: &mut Connection, room: &RoomName, sql: &str, offset: u64, limit: usize) -> rusqlite::Result<Slice> {
    let transaction = connection.transaction()?;
    let head = transaction
        .prepare_cached("SELECT id, first, latest FROM heads WHERE name = ?1")?
        .query_row([room.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((room_id, first, latest)) = head else { return Ok(Slice::default()) };
    let (mut entries, mut length) = (Vec::new(), 0);
    let mut statement = transaction.prepare_cached(sql)?;
    for entry in statement.query_map(params![room_id, offset, limit], entry)? {
        let entry = entry?;
        length += page_bytes(&entry);
        if length > PAGE_BYTES_MAX && !entries.is_empty() {
            break;
        }
        entries.push(entry);
    }
    drop(statement);
    Ok(Slice { first, latest, entries })
}

/// Reads an entry as it was stored. Today's rules are not applied: one refused entry would make its whole page unreadable.
fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        offset: row.get(0)?,
        time: row.get(1)?,
        author: Author::from_stored(text(row, 2)?.unwrap_or_default()),
        text: Text::from_stored(text(row, 3)?.unwrap_or_default()),
        key: text(row, 4)?.map(PublishKey::from_stored),
        raw: text(row, 5)?,
    })
}

/// Reads a text column. SQLite does not check that it is UTF-8.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    })
}
