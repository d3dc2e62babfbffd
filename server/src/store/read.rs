//! Queries of the history.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use protocol::admin::Waiting;
use protocol::{Entry, RoomName, RoomSettings, Tag};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::command::RunningCast;
use super::page_size::{PAGE_BYTES_MAX, page_bytes};
use super::retention::TrustedTime;
use super::row::{self, columns};

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
    /// The room's settings, if it has some of its own.
    pub settings: Option<RoomSettings>,
    /// The offsets of the pinned messages, the oldest pin first.
    pub pins: Vec<u64>,
    /// The cast that is running.
    pub cast: Option<RunningCast>,
}

impl StoredRoom {
    /// A room without entries and settings that starts after the offset `expired`.
    pub fn empty(name: RoomName, expired: u64) -> Self {
        Self { name, expired, latest: expired, bytes: 0, oldest: None, settings: None, pins: Vec::new(), cast: None }
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
    const SQL: &str = "SELECT name, first, latest, total - gone,
        (SELECT time FROM messages WHERE room = id ORDER BY offset LIMIT 1), settings, id FROM heads";
    let (mut pins, mut casts) = (pins(connection)?, casts(connection)?);
    let mut statement = connection.prepare(SQL)?;
    let rows = statement.query_map([], |row| {
        Ok(StoredRoom {
            name: RoomName::from_stored(row::text(row, 0)?.unwrap_or_default()),
            expired: row.get(1)?,
            latest: row.get(2)?,
            bytes: row.get(3)?,
            oldest: row.get(4)?,
            settings: row::text(row, 5)?.as_deref().map(row::settings),
            pins: pins.remove(&row.get(6)?).unwrap_or_default(),
            cast: casts.remove(&row.get(6)?),
        })
    })?;
    rows.collect()
}

/// Returns the pinned messages of every room, the oldest pin first.
fn pins(connection: &Connection) -> rusqlite::Result<HashMap<i64, Vec<u64>>> {
    let mut pins: HashMap<_, Vec<u64>> = HashMap::new();
    let mut statement = connection.prepare("SELECT room, of FROM pins ORDER BY at")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        pins.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(pins)
}

/// Returns the running cast of every room that has one.
fn casts(connection: &Connection) -> rusqlite::Result<HashMap<i64, RunningCast>> {
    let mut statement = connection.prepare("SELECT at, key, author, by, since, room FROM casts")?;
    let casts = statement.query_map([], |row| Ok((row.get(5)?, row::cast(row)?)))?;
    casts.collect()
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
    const SQL: &str = concat!("SELECT ", columns!(), " FROM messages WHERE room = ?1 AND offset > ?2 ORDER BY offset LIMIT ?3");
    page(connection, room, SQL, offset, limit)
}

/// Returns the last `limit` messages of a room before `offset`, oldest first, without other
/// entries.
pub(super) fn before(connection: &mut Connection, room: &RoomName, offset: u64, limit: usize) -> rusqlite::Result<StoredPage> {
    const SQL: &str =
        concat!("SELECT ", columns!(), " FROM messages WHERE room = ?1 AND offset < ?2 AND kind IS NULL ORDER BY offset DESC LIMIT ?3");
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
    for entry in statement.query_map(params![room_id, offset, limit], row::entry)? {
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

/// Returns one entry of a room.
pub(super) fn entry(connection: &Connection, room: &RoomName, offset: u64) -> rusqlite::Result<Option<Entry>> {
    const SQL: &str = concat!("SELECT ", columns!(), " FROM messages WHERE room = (SELECT id FROM rooms WHERE name = ?1) AND offset = ?2");
    connection.prepare_cached(SQL)?.query_row(params![room.as_str(), offset], row::entry).optional()
}

/// Returns the reactions of an identity to the messages of a range of offsets.
pub(super) fn reactions_of(
    connection: &Connection,
    room: &RoomName,
    by: Tag,
    range: RangeInclusive<u64>,
) -> rusqlite::Result<Vec<(u64, String)>> {
    const SQL: &str = "SELECT of, emoji FROM reactions
        WHERE room = (SELECT id FROM rooms WHERE name = ?1) AND of BETWEEN ?2 AND ?3 AND by = ?4";
    let mut statement = connection.prepare_cached(SQL)?;
    let values = params![room.as_str(), range.start(), range.end(), by.bits()];
    let reactions = statement.query_map(values, |row| Ok((row.get(0)?, row::text(row, 1)?.unwrap_or_default())))?;
    reactions.collect()
}

/// Returns how many messages wait for approval in a room, and the oldest or newest `limit` of them.
pub(super) fn waiting(
    connection: &mut Connection,
    room: &RoomName,
    limit: usize,
    newest_first: bool,
) -> rusqlite::Result<(u64, Vec<Waiting>)> {
    const OLDEST: &str =
        "SELECT id, received, author, text, key, by, reply FROM queue WHERE room = ?1 AND decided IS NULL ORDER BY id LIMIT ?2";
    const NEWEST: &str =
        "SELECT id, received, author, text, key, by, reply FROM queue WHERE room = ?1 AND decided IS NULL ORDER BY id DESC LIMIT ?2";
    let transaction = connection.transaction()?;
    let mut count = transaction.prepare_cached("SELECT count(*) FROM queue WHERE room = ?1 AND decided IS NULL")?;
    let count = count.query_row([room.as_str()], |row| row.get(0))?;
    let mut statement = transaction.prepare_cached(if newest_first { NEWEST } else { OLDEST })?;
    let waiting = statement.query_map(params![room.as_str(), limit], |row| {
        Ok(Waiting {
            id: row.get(0)?,
            received: row.get(1)?,
            author: row::text(row, 2)?.unwrap_or_default(),
            text: row::text(row, 3)?.unwrap_or_default(),
            key: row::text(row, 4)?,
            by: row::tag(row, 5)?,
            reply: row.get(6)?,
        })
    })?;
    let waiting = waiting.collect::<Result<_, _>>()?;
    Ok((count, waiting))
}
