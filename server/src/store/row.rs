//! An entry as a row of the table `messages`.

use protocol::{Author, Emoji, Entry, Kind, PublishKey, RoomSettings, Tag, Text};
use rusqlite::Row;
use rusqlite::types::ValueRef;

/// The columns that [`entry`] reads, in their order.
macro_rules! columns {
    () => {
        "offset, time, author, text, key, raw, kind, of, by, badge, reply, emoji, off, settings, received, changed, edited, erased, reactions"
    };
}

pub(super) use columns;

/// Reads an entry without validation. An entry that today's rules refuse would make its whole page
/// unreadable.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let mut entry = Entry {
        offset: row.get(0)?,
        time: row.get(1)?,
        author: Author::from_stored(text(row, 2)?.unwrap_or_default()),
        text: Text::from_stored(text(row, 3)?.unwrap_or_default()),
        key: text(row, 4)?.map(PublishKey::from_stored),
        raw: text(row, 5)?,
        by: tag(row, 8)?,
        badge: flag(row, 9)?,
        reply: row.get(10)?,
        received: row.get(14)?,
        changed: row.get::<_, Option<u64>>(15)?.unwrap_or_default(),
        ..Entry::default()
    };
    if let Some(kind) = text(row, 6)? {
        entry.kind = Kind::parse(&kind).unwrap_or(Kind::Unknown);
        entry.of = row.get(7)?;
        entry.emoji = text(row, 11)?.map(Emoji::from_stored);
        entry.off = flag(row, 12)?;
        entry.settings = text(row, 13)?.as_deref().map(settings).map(Box::new);
    }
    if entry.changed > 0 {
        entry.edited = row.get(16)?;
        entry.erased = flag(row, 17)?;
        entry.reactions = text(row, 18)?.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    }
    Ok(entry)
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

/// Reads a column that is NULL for false.
fn flag(row: &Row<'_>, column: usize) -> rusqlite::Result<bool> {
    Ok(row.get::<_, Option<bool>>(column)?.unwrap_or_default())
}

/// Returns the value of a column that is NULL for false.
pub(super) fn flag_value(is_set: bool) -> Option<bool> {
    is_set.then_some(true)
}
