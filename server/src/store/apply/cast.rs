//! Casts: the entries that begin and end them, and which one is running in a room.

use protocol::{CastInfo, Entry, ErrorCode, Kind, RoomName, Tag};
use rusqlite::{OptionalExtension, params};

use super::super::command::{Change, EndCast, Outcome, RunningCast, StartCast};
use super::super::{access, row};
use super::Applier;
use super::rooms::RoomRow;

impl Applier<'_> {
    /// Begins a cast. With the key and the identity of the one that is running, it goes on.
    pub(super) fn start_cast(&mut self, start: &StartCast) -> rusqlite::Result<Outcome> {
        let StartCast { room, key, author, actor, time, rules } = start;
        let Some(by) = actor.tag else { return Ok(ErrorCode::IdentityRequired.into()) };
        let found = self.find_room(room)?;
        if let Some(running) = found.map(|row| self.find_cast(row)).transpose()?.flatten() {
            let is_same = running.key == *key && running.info.by == by;
            return Ok(if is_same { Outcome::Casting(Box::new(running)) } else { ErrorCode::CastBusy.into() });
        }
        if self.has_key(found, start)? {
            return Ok(ErrorCode::KeyReused.into());
        }
        let count: usize = self.connection.prepare_cached("SELECT count(*) FROM casts")?.query_row([], |row| row.get(0))?;
        if count >= rules.casts_max {
            return Ok(ErrorCode::CastsFull.into());
        }
        let Some(row) = self.open_room(found, room, rules.rooms_max)? else { return Ok(ErrorCode::RoomsFull.into()) };
        let (author, key, badge) = (author.clone(), Some(key.clone()), actor.is_moderator());
        let entry = Entry { kind: Kind::Cast, time: *time, author, key, by: Some(by), badge, ..Entry::default() };
        let entry = self.add_entry(room, row, entry)?;
        let info = CastInfo { id: entry.offset, author: entry.author.clone(), by, since: entry.time };
        let running = RunningCast { info, key: start.key.clone() };
        self.save_cast(row, &running)?;
        self.push(room, Change::stored(entry));
        Ok(Outcome::Casting(Box::new(running)))
    }

    /// Ends a cast, if it is still running.
    pub(super) fn end_cast(&mut self, end: &EndCast) -> rusqlite::Result<Outcome> {
        let EndCast { room, cast, actor, time } = end;
        let Some((row, running)) = self.find_running(room, *cast)? else { return Ok(Outcome::duplicate(*cast)) };
        self.connection.prepare_cached("DELETE FROM casts WHERE room = ?1")?.execute([row.id])?;
        // The entries may have expired meanwhile. The cast ends in any case.
        let Some(row) = self.open_room(Some(row), room, usize::MAX)? else { return Ok(ErrorCode::RoomsFull.into()) };
        let badge = actor.is_moderator();
        let entry = Entry { kind: Kind::Cast, time: *time, of: Some(*cast), off: true, by: actor.tag, badge, ..Entry::default() };
        let entry = self.add_entry(room, row, entry)?;
        let offset = entry.offset;
        if actor.key.is_some() && actor.tag != Some(running.info.by) {
            access::record(self.connection, *time, actor.key, "cast_ended", &format!("{room} {cast}"))?;
        }
        self.push(room, Change::stored(entry));
        Ok(Outcome::stored(offset))
    }

    /// True if an entry of the room, or a message that waits for approval, has the key of a start.
    /// Such a message becomes an entry with this key.
    fn has_key(&mut self, found: Option<RoomRow>, StartCast { room, key, .. }: &StartCast) -> rusqlite::Result<bool> {
        if found.map(|row| self.find_by_key(row, key)).transpose()?.flatten().is_some() {
            return Ok(true);
        }
        let mut select = self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM queue WHERE room = ?1 AND key = ?2)")?;
        select.query_row(params![room.as_str(), key.as_str()], |row| row.get(0))
    }

    fn find_running(&mut self, room: &RoomName, cast: u64) -> rusqlite::Result<Option<(RoomRow, RunningCast)>> {
        let Some(row) = self.find_room(room)? else { return Ok(None) };
        Ok(self.find_cast(row)?.filter(|running| running.info.id == cast).map(|running| (row, running)))
    }

    /// Returns the cast that is running in a room.
    fn find_cast(&self, row: RoomRow) -> rusqlite::Result<Option<RunningCast>> {
        let mut select = self.connection.prepare_cached("SELECT at, key, author, by, since FROM casts WHERE room = ?1")?;
        select.query_row([row.id], row::cast).optional()
    }

    /// True if a cast is running in a room, so that the room must not be forgotten.
    pub(super) fn has_cast(&self, row: RoomRow) -> rusqlite::Result<bool> {
        Ok(self.find_cast(row)?.is_some())
    }

    fn save_cast(&self, row: RoomRow, RunningCast { info, key }: &RunningCast) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO casts (room, at, key, author, by, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![row.id, info.id, key.as_str(), info.author.as_str(), Tag::bits(info.by), info.since];
        self.connection.prepare_cached(SQL)?.execute(values).map(|_| ())
    }
}
