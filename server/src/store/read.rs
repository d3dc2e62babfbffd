//! Queries of the history.

use protocol::{Author, Entry, PublishKey, RoomName, Text};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::page_size::{PAGE_BYTES_MAX, page_bytes};
use super::retention::TrustedTime;

/// A room in the database. It has, or had, entries.
#[derive(Clone, Debug)]
pub struct StoredRoom {
    /// The room's name.
    pub name: RoomName,
    /// Entries up to this offset have expired.
    pub expired: u64,
    /// The offset of the newest entry.
    pub latest: u64,
    /// Bytes of all entries that are kept, by [`stored_bytes`](super::stored_bytes).
    pub bytes: u64,
    /// When the oldest entry was written, in milliseconds since 1970. `None` if the room has no
    /// entries.
    pub oldest: Option<u64>,
}

impl StoredRoom {
    /// A room without entries that starts after the offset `expired`.
    pub fn empty(name: RoomName, expired: u64) -> Self {
        Self { name, expired, latest: expired, bytes: 0, oldest: None }
    }
}

/// Successive entries of a room, and where the room starts, both from one transaction.
#[derive(Clone, Debug, Default)]
pub struct StoredPage {
    /// Entries up to this offset have expired.
    pub expired: u64,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
}

/// Returns all rooms in the database.
pub(super) fn rooms(connection: &Connection) -> rusqlite::Result<Vec<StoredRoom>> {
    const SQL: &str =
        "SELECT name, first, latest, total - gone, (SELECT time FROM messages WHERE room = id ORDER BY offset LIMIT 1) FROM heads";
    let mut statement = connection.prepare(SQL)?;
    let rows = statement.query_map([], |row| {
        let name = RoomName::from_stored(text(row, 0)?.unwrap_or_default());
        Ok(StoredRoom { name, expired: row.get(1)?, latest: row.get(2)?, bytes: row.get(3)?, oldest: row.get(4)? })
    })?;
    rows.collect()
}

/// Returns the offset that no forgotten room exceeded. New rooms start after it.
pub(super) fn forgotten_max(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce((SELECT floor FROM log), 0)", [], |row| row.get(0))
}

/// Returns the trusted time that was saved last.
pub(super) fn trusted_time(connection: &Connection) -> rusqlite::Result<Option<TrustedTime>> {
    let time = |row: &Row<'_>| Ok(TrustedTime { time: row.get(0)?, since: row.get(1)? });
    connection.query_row("SELECT time, since FROM clock", [], time).optional()
}

/// Tests that the database can be read. SQLite reads the file again, because it may have changed.
pub(super) fn probe(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// Returns the first `limit` entries of a room after `offset`.
pub(super) fn after(connection: &mut Connection, room: &RoomName, offset: u64, limit: usize) -> rusqlite::Result<StoredPage> {
    const SQL: &str = "SELECT offset, time, author, text, key, raw FROM messages WHERE room = ?1 AND offset > ?2 ORDER BY offset LIMIT ?3";
    page(connection, room, SQL, offset, limit)
}

/// Returns the last `limit` entries of a room before `offset`, oldest first.
pub(super) fn before(connection: &mut Connection, room: &RoomName, offset: u64, limit: usize) -> rusqlite::Result<StoredPage> {
    const SQL: &str =
        "SELECT offset, time, author, text, key, raw FROM messages WHERE room = ?1 AND offset < ?2 ORDER BY offset DESC LIMIT ?3";
    let mut page = page(connection, room, SQL, offset, limit)?;
    page.entries.reverse();
    Ok(page)
}

/// Reads at most [`PAGE_BYTES_MAX`] of entries, in one transaction.
fn page(connection: &mut Connection, room: &RoomName, sql: &str, offset: u64, limit: usize) -> rusqlite::Result<StoredPage> {
    let transaction = connection.transaction()?;
    let found = transaction
        .prepare_cached("SELECT id, first FROM rooms WHERE name = ?1")?
        .query_row([room.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        .optional()?;
    let Some((room_id, expired)) = found else { return Ok(StoredPage::default()) };
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let mut statement = transaction.prepare_cached(sql)?;
    for entry in statement.query_map(params![room_id, offset, limit], entry)? {
        let entry = entry?;
        bytes += page_bytes(&entry);
        if bytes > PAGE_BYTES_MAX && !entries.is_empty() {
            break;
        }
        entries.push(entry);
    }
    drop(statement);
    Ok(StoredPage { expired, entries })
}

/// Reads an entry without validation. An entry that today's rules refuse would make its whole page
/// unreadable.
fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        offset: row.get(0)?,
        time: row.get(1)?,
        author: Author::from_stored(text(row, 2)?.unwrap_or_default()),
        text: Text::from_stored(text(row, 3)?.unwrap_or_default()),
        key: text(row, 4)?.map(PublishKey::from_stored),
        raw: text(row, 5)?,
        ..Entry::default()
    })
}

/// Reads a text column. SQLite does not ensure that it is UTF-8.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    })
}
