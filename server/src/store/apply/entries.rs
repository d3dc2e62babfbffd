//! Entries in the database: added, found and rewritten.

use std::ops::RangeInclusive;

use protocol::{Author, Emoji, Entry, Kind, PublishKey, PublishRequest, RoomName, Tag, Text};
use rusqlite::{OptionalExtension, params};

use super::super::command::Publish;
use super::super::retention::stored_bytes;
use super::super::row::{self, columns};
use super::Applier;
use super::rooms::RoomRow;

pub(super) const INSERT_ENTRY: &str = "INSERT INTO messages
    (room, offset, total, time, author, text, key, raw, kind, by, more)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

/// For a message like most, which has only these. Each column that is bound costs every publish.
pub(super) const INSERT_MESSAGE: &str = "INSERT INTO messages
    (room, offset, total, time, author, text, key, by)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

pub(super) const SELECT_BY_KEY: &str = concat!("SELECT ", columns!(), " FROM messages WHERE room = ?1 AND key = ?2");

/// Returns the entry of a publish, without its offset. `request` is the publish's.
pub(super) fn entry_of(publish: &Publish, request: PublishRequest) -> Entry {
    let PublishRequest { kind, of, text, author, key, reply, emoji, off, settings } = request;
    Entry {
        time: publish.time,
        raw: publish.raw.clone(),
        by: publish.actor.tag,
        badge: publish.actor.is_moderator(),
        kind,
        of,
        text,
        author,
        key,
        reply,
        emoji,
        off,
        settings,
        ..Entry::default()
    }
}

/// True if a request asks for what the entry with its key did. The text is compared only while the
/// entry has what was published.
pub(super) fn is_same(entry: &Entry, request: &PublishRequest) -> bool {
    // Parsed again, because another version may have stored another form of the same text, such as
    // other line ends.
    let is_same_text = || Text::parse(entry.text.as_str()).as_ref() == Ok(&request.text);
    let is_same_author = || Author::parse(entry.author.as_str()).as_ref() == Ok(&request.author);
    entry.kind == request.kind
        && entry.of == request.of
        && match entry.kind {
            Kind::Message => entry.erased || (is_same_author() && (entry.edited.is_some() || is_same_text())),
            Kind::Edit => entry.text.is_absent() || is_same_text(),
            Kind::React => (&entry.emoji, entry.off) == (&request.emoji, request.off),
            Kind::Room => entry.settings == request.settings,
            Kind::Erase | Kind::Pin | Kind::Unpin | Kind::Cast | Kind::Unknown => true,
        }
}

impl Applier<'_> {
    /// Adds an entry at the end of a room. Returns it with its offset and time.
    pub(super) fn add_entry(&mut self, room: &RoomName, row: RoomRow, entry: Entry) -> rusqlite::Result<Entry> {
        // The system clock may have been set back. Times never decrease.
        let entry = Entry { offset: row.latest + 1, time: row.latest_time.max(entry.time), ..entry };
        let total_bytes = row.total_bytes + stored_bytes(&entry);
        let (author, text) = (entry.author.as_str(), entry.text.as_str());
        let (key, by) = (entry.key.as_ref().map(PublishKey::as_str), entry.by.map(Tag::bits));
        if entry.kind.is_message() && entry.raw.is_none() && !row::has_more(&entry) {
            self.insert_message.execute(params![row.id, entry.offset, total_bytes, entry.time, author, text, key, by])?;
        } else {
            let (raw, more) = (&entry.raw, row::more(&entry));
            let kind = Some(entry.kind).filter(|kind| !kind.is_message()).map(Kind::as_str);
            self.insert_entry.execute(params![row.id, entry.offset, total_bytes, entry.time, author, text, key, raw, kind, by, more])?;
        }
        if let Some(of) = entry.of {
            const SQL: &str = "INSERT INTO changes (room, of, offset, kind, emoji, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let (kind, emoji, by) = (entry.kind.as_str(), entry.emoji.as_ref().map(Emoji::as_str), entry.by.map(Tag::bits));
            self.connection.prepare_cached(SQL)?.execute(params![row.id, of, entry.offset, kind, emoji, by])?;
        }
        self.remember(room, RoomRow { latest: entry.offset, total_bytes, latest_time: entry.time, ..row });
        Ok(entry)
    }

    /// Returns the entry with a publish key.
    pub(super) fn find_by_key(&mut self, row: RoomRow, key: &PublishKey) -> rusqlite::Result<Option<Entry>> {
        self.select_by_key.query_row(params![row.id, key.as_str()], row::entry).optional()
    }

    /// Returns an entry. `None` if there is none, or if it has expired.
    pub(super) fn find_entry(&self, row: RoomRow, offset: u64) -> rusqlite::Result<Option<Entry>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM messages WHERE room = ?1 AND offset = ?2");
        // SQLite has no numbers above 2^63: with one, the whole transaction would fail.
        if offset > row.latest {
            return Ok(None);
        }
        self.connection.prepare_cached(SQL)?.query_row(params![row.id, offset], row::entry).optional()
    }

    /// Returns the edits of the messages of a range of offsets.
    pub(super) fn find_edits(&self, row: RoomRow, of: RangeInclusive<u64>) -> rusqlite::Result<Vec<Entry>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM messages WHERE room = ?1 AND offset IN
                (SELECT offset FROM changes WHERE room = ?1 AND of BETWEEN ?2 AND ?3 AND kind = 'edit') ORDER BY offset"
        );
        self.connection.prepare_cached(SQL)?.query_map(params![row.id, of.start(), of.end()], row::entry)?.collect()
    }

    /// Stores what changes have left of an entry.
    pub(super) fn rewrite(&self, row: RoomRow, entry: &Entry) -> rusqlite::Result<()> {
        const SQL: &str = "UPDATE messages SET author = ?3, text = ?4, raw = ?5, more = ?6 WHERE room = ?1 AND offset = ?2";
        let (author, text) = (entry.author.as_str(), entry.text.as_str());
        self.connection.prepare_cached(SQL)?.execute(params![row.id, entry.offset, author, text, entry.raw, row::more(entry)])?;
        Ok(())
    }

    /// Returns the offset of the last change of a kind: of a message, perhaps with an emoji and by
    /// an identity. If there is none, the offset of the message itself.
    pub(super) fn last_change(&self, row: RoomRow, request: &PublishRequest, by: Option<Tag>) -> rusqlite::Result<u64> {
        const SQL: &str = "SELECT coalesce(max(offset), ?2) FROM changes
            WHERE room = ?1 AND of = ?2 AND kind = ?3 AND (?4 IS NULL OR emoji = ?4) AND (?5 IS NULL OR by = ?5)";
        let emoji = request.emoji.as_ref().map(Emoji::as_str);
        let values = params![row.id, request.of, request.kind.as_str(), emoji, by.map(Tag::bits)];
        self.connection.prepare_cached(SQL)?.query_row(values, |row| row.get(0))
    }
}
