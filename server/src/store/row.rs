//! An entry as a row of the table `messages`.

use protocol::{Author, CastInfo, Entry, Kind, PublishKey, RoomSettings, Tag, Text};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::command::RunningCast;

/// The columns that [`entry`] reads, in their order.
macro_rules! columns {
    () => {
        "offset, time, author, text, key, raw, kind, by, more"
    };
}

pub(super) use columns;

/// Reads an entry without validation. An entry that today's rules refuse would make its whole page
/// unreadable.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let more = text(row, 8)?.and_then(|json| serde_json::from_str::<Entry>(&json).ok());
    Ok(Entry {
        offset: row.get(0)?,
        time: row.get(1)?,
        author: Author::from_stored(text(row, 2)?.unwrap_or_default()),
        text: Text::from_stored(text(row, 3)?.unwrap_or_default()),
        key: text(row, 4)?.map(PublishKey::from_stored),
        raw: text(row, 5)?,
        kind: text(row, 6)?.map_or(Kind::Message, |kind| Kind::parse(&kind).unwrap_or(Kind::Unknown)),
        by: tag(row, 7)?,
        ..more.unwrap_or_default()
    })
}

/// Returns the column `more`: an entry's fields that have no column of their own.
pub(super) fn more(entry: &Entry) -> Option<String> {
    // Most entries have none of them, and are not copied.
    has_more(entry).then(|| {
        json(&Entry {
            offset: 0,
            time: 0,
            author: Author::default(),
            text: Text::default(),
            key: None,
            raw: None,
            kind: Kind::Message,
            by: None,
            ..entry.clone()
        })
    })
}

/// True if an entry has fields that have no column of their own.
pub(super) fn has_more(entry: &Entry) -> bool {
    let Entry { offset: _, time: _, author: _, text: _, key: _, raw: _, kind: _, by: _, .. } = entry;
    let Entry { of, badge, reply, emoji, off, settings, received, changed, edited, erased, reactions, .. } = entry;
    of.is_some()
        || *badge
        || reply.is_some()
        || emoji.is_some()
        || *off
        || settings.is_some()
        || received.is_some()
        || *changed > 0
        || edited.is_some()
        || *erased
        || !reactions.is_empty()
}

/// Reads a running cast: `at, key, author, by, since`.
pub(super) fn cast(row: &Row<'_>) -> rusqlite::Result<RunningCast> {
    let author = Author::from_stored(text(row, 2)?.unwrap_or_default());
    let info = CastInfo { id: row.get(0)?, author, by: Tag::from_bits(row.get(3)?), since: row.get(4)? };
    Ok(RunningCast { info, key: PublishKey::from_stored(text(row, 1)?.unwrap_or_default()) })
}

/// Reads settings. Those of another version may be unreadable; then the room has the default.
pub(super) fn settings(json: &str) -> RoomSettings {
    serde_json::from_str(json).unwrap_or_default()
}

/// Writes a value as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a value of the protocol has only string keys and plain values")
}

/// Reads a text column. SQLite does not ensure that it is UTF-8.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    })
}

/// Reads an identity's tag.
pub(super) fn tag(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Tag>> {
    Ok(row.get::<_, Option<u64>>(column)?.map(Tag::from_bits))
}
