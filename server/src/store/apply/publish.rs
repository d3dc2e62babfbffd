//! Publishing: what is known by its key, messages, and what makes them wait.

use protocol::{ErrorCode, Kind, PublishKey, Tag};
use rusqlite::{OptionalExtension, params};

use super::super::command::{Change, Outcome, Publish, Refusal};
use super::Applier;
use super::entries::{entry_of, is_same};
use super::rooms::{Pace, RoomRow};

impl Applier<'_> {
    pub(super) fn publish(&mut self, publish: Publish) -> rusqlite::Result<Outcome> {
        let found = self.find_room(&publish.room)?;
        if let Some(key) = &publish.request.key
            && let Some(outcome) = self.find_known(found, &publish, key)?
        {
            return Ok(outcome);
        }
        if let Some(code) = publish.refused {
            return Ok(code.into());
        }
        match publish.request.kind {
            Kind::Message => self.message(found, publish),
            Kind::Room => self.set_room(found, &publish),
            _ => self.change(found, &publish),
        }
    }

    /// Returns the outcome of a publish whose key the room has already.
    fn find_known(&mut self, found: Option<RoomRow>, publish: &Publish, key: &PublishKey) -> rusqlite::Result<Option<Outcome>> {
        let Some(entry) = found.map(|row| self.find_by_key(row, key)).transpose()?.flatten() else {
            return self.find_queued(publish, key);
        };
        let is_same = is_same(&entry, &publish.request);
        Ok(Some(if is_same { Outcome::duplicate(entry.offset) } else { ErrorCode::KeyReused.into() }))
    }

    fn message(&mut self, found: Option<RoomRow>, mut publish: Publish) -> rusqlite::Result<Outcome> {
        let rules = publish.rules;
        if let Some(reply) = publish.request.reply
            && (reply == 0 || found.is_none_or(|row| reply > row.latest))
        {
            return Ok(ErrorCode::MessageGone.into());
        }
        let Pace { queue, slow } = found.and_then(|row| row.pace).unwrap_or(Pace { queue: rules.queue, slow: rules.slow });
        let (queue, slow) = if publish.actor.is_moderator() { (false, 0) } else { (queue, u64::from(slow) * 1000) };
        if slow > 0
            && let Some(wait) = self.find_wait(&publish, slow)?
        {
            return Ok(Outcome::Refused(Refusal { retry_after: Some(wait), ..ErrorCode::SlowMode.into() }));
        }
        let outcome = if queue {
            self.enqueue(&publish)?
        } else {
            let Some(row) = self.open_room(found, &publish.room, rules.rooms_max)? else {
                return Ok(ErrorCode::RoomsFull.into());
            };
            let request = std::mem::take(&mut *publish.request);
            let entry = self.add_entry(&publish.room, row, entry_of(&publish, request))?;
            let offset = entry.offset;
            self.push(&publish.room, Change::stored(entry));
            Outcome::stored(offset)
        };
        if slow > 0 && outcome != ErrorCode::QueueFull.into() {
            self.save_post(&publish, slow)?;
        }
        Ok(outcome)
    }

    /// Returns how many milliseconds an identity must wait in a slow room. `slow`: the minimum time
    /// between two messages.
    fn find_wait(&self, publish: &Publish, slow: u64) -> rusqlite::Result<Option<u64>> {
        let mut select = self.connection.prepare_cached("SELECT time FROM last_posts WHERE room = ?1 AND by = ?2")?;
        let last = select.query_row(params![publish.room.as_str(), poster(publish)], |row| row.get::<_, u64>(0)).optional()?;
        // A clock that was set back refuses nothing.
        let elapsed = last.and_then(|last| publish.time.checked_sub(last));
        Ok(elapsed.filter(|elapsed| *elapsed < slow).map(|elapsed| slow - elapsed))
    }

    fn save_post(&self, publish: &Publish, slow: u64) -> rusqlite::Result<()> {
        let (room, time) = (publish.room.as_str(), publish.time);
        let mut forget = self.connection.prepare_cached("DELETE FROM last_posts WHERE room = ?1 AND time <= ?2")?;
        forget.execute(params![room, time.saturating_sub(slow)])?;
        let mut save = self.connection.prepare_cached("INSERT OR REPLACE INTO last_posts (room, by, time) VALUES (?1, ?2, ?3)")?;
        save.execute(params![room, poster(publish), time]).map(|_| ())
    }
}

/// The identity that a slow room knows. Publishers without one count as one.
fn poster(publish: &Publish) -> u64 {
    publish.actor.tag.map_or(0, Tag::bits)
}
