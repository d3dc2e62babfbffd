//! Changes: edit, erase, react, pin, unpin, and a room's settings.

use protocol::limits::{PINS_MAX, REACTIONS_MAX};
use protocol::{Emoji, Entry, ErrorCode, Kind, RoomSettings, Text};
use rusqlite::{OptionalExtension, params};

use super::super::command::{Change, Outcome, Publish, Stored};
use super::super::{access, row};
use super::Applier;
use super::entries::entry_of;
use super::rooms::{Pace, RoomRow};

/// A change, and the message that it is about.
struct Target<'a> {
    publish: &'a Publish,
    row: RoomRow,
    message: Entry,
}

impl Target<'_> {
    fn is_own(&self) -> bool {
        self.message.by.is_some() && self.message.by == self.publish.actor.tag
    }

    /// Returns why the message cannot be edited. A window of 0 admits no edit by its author. Where
    /// messages wait for approval, there is none either: the new text is not approved.
    fn refusal_of_edit(&self) -> Option<ErrorCode> {
        let Publish { actor, time, rules, .. } = self.publish;
        let has_queue = self.row.pace.map_or(rules.queue, |pace| pace.queue);
        let is_late = has_queue || rules.edit_window == 0 || time.saturating_sub(self.message.time) > rules.edit_window;
        if self.message.erased {
            Some(ErrorCode::MessageGone)
        } else if actor.is_moderator() {
            None
        } else if !self.is_own() {
            Some(ErrorCode::NotYours)
        } else {
            is_late.then_some(ErrorCode::EditLate)
        }
    }
}

impl Applier<'_> {
    /// Applies a change of a message.
    pub(super) fn change(&mut self, found: Option<RoomRow>, publish: &Publish) -> rusqlite::Result<Outcome> {
        let gone = Ok(ErrorCode::MessageGone.into());
        let (Some(row), Some(of)) = (found, publish.request.of) else { return gone };
        let Some(message) = self.find_entry(row, of)?.filter(|entry| entry.kind.is_message()) else { return gone };
        let target = Target { publish, row, message };
        match publish.request.kind {
            Kind::Edit => self.edit(target),
            Kind::Erase => self.erase(target),
            Kind::React => self.react(target),
            Kind::Pin => self.pin(target),
            Kind::Unpin => self.unpin(target),
            Kind::Message | Kind::Room | Kind::Cast | Kind::Unknown => gone,
        }
    }

    fn edit(&mut self, target: Target<'_>) -> rusqlite::Result<Outcome> {
        if let Some(code) = target.refusal_of_edit() {
            return Ok(code.into());
        }
        if target.message.text == target.publish.request.text {
            return self.done_before(&target, None);
        }
        self.store(target, Vec::new())
    }

    /// Removes a message's text, also from its edits, with its reactions and its pin.
    fn erase(&mut self, target: Target<'_>) -> rusqlite::Result<Outcome> {
        let Target { publish, row, ref message } = target;
        if !target.is_own() && !publish.actor.is_moderator() {
            return Ok(ErrorCode::NotYours.into());
        }
        if message.erased {
            return Ok(Outcome::duplicate(message.changed));
        }
        for sql in ["DELETE FROM reactions WHERE room = ?1 AND of = ?2", "DELETE FROM pins WHERE room = ?1 AND of = ?2"] {
            self.connection.prepare_cached(sql)?.execute(params![row.id, message.offset])?;
        }
        let mut edits = self.find_edits(row, message.offset..=message.offset)?;
        for edit in &mut edits {
            edit.text = Text::default();
            self.rewrite(row, edit)?;
        }
        self.mark_erased()?;
        self.store(target, edits)
    }

    fn react(&mut self, target: Target<'_>) -> rusqlite::Result<Outcome> {
        const EXISTS: &str = "SELECT count(*) > 0 FROM reactions WHERE room = ?1 AND of = ?2 AND emoji = ?3 AND by = ?4";
        const INSERT: &str = "INSERT INTO reactions (room, of, emoji, by) VALUES (?1, ?2, ?3, ?4)";
        const DELETE: &str = "DELETE FROM reactions WHERE room = ?1 AND of = ?2 AND emoji = ?3 AND by = ?4";
        let (message, request) = (&target.message, &target.publish.request);
        let Some(by) = target.publish.actor.tag else { return Ok(ErrorCode::IdentityRequired.into()) };
        let Some(emoji) = request.emoji.as_ref().map(Emoji::as_str).filter(|_| !message.erased) else {
            return Ok(ErrorCode::MessageGone.into());
        };
        let reaction = params![target.row.id, message.offset, emoji, by.bits()];
        let is_on: bool = self.connection.prepare_cached(EXISTS)?.query_row(reaction, |row| row.get(0))?;
        if is_on != request.off {
            return self.done_before(&target, Some(by));
        }
        let is_new = !message.reactions.iter().any(|reaction| reaction.emoji == emoji);
        if is_new && message.reactions.len() >= REACTIONS_MAX {
            return Ok(ErrorCode::ReactionsFull.into());
        }
        self.connection.prepare_cached(if request.off { DELETE } else { INSERT })?.execute(reaction)?;
        self.store(target, Vec::new())
    }

    fn pin(&mut self, target: Target<'_>) -> rusqlite::Result<Outcome> {
        const INSERT: &str = "INSERT INTO pins (room, of, at) VALUES (?1, ?2, ?3)";
        let (row, message) = (target.row, &target.message);
        if let Some(code) = refusal_of_pin(&target) {
            return Ok(code.into());
        }
        if let Some(at) = self.find_pin(row, message.offset)? {
            return Ok(Outcome::duplicate(at));
        }
        let mut count = self.connection.prepare_cached("SELECT count(*) FROM pins WHERE room = ?1")?;
        if count.query_row([row.id], |row| row.get::<_, usize>(0))? >= PINS_MAX {
            return Ok(ErrorCode::PinsFull.into());
        }
        self.connection.prepare_cached(INSERT)?.execute(params![row.id, message.offset, row.latest + 1])?;
        self.store(target, Vec::new())
    }

    fn unpin(&mut self, target: Target<'_>) -> rusqlite::Result<Outcome> {
        let (row, message) = (target.row, &target.message);
        if let Some(code) = refusal_of_pin(&target) {
            return Ok(code.into());
        }
        if self.find_pin(row, message.offset)?.is_none() {
            return self.done_before(&target, None);
        }
        let mut delete = self.connection.prepare_cached("DELETE FROM pins WHERE room = ?1 AND of = ?2")?;
        delete.execute(params![row.id, message.offset])?;
        self.store(target, Vec::new())
    }

    /// Returns the offset of the entry that pinned a message.
    fn find_pin(&self, row: RoomRow, of: u64) -> rusqlite::Result<Option<u64>> {
        let mut select = self.connection.prepare_cached("SELECT at FROM pins WHERE room = ?1 AND of = ?2")?;
        select.query_row(params![row.id, of], |row| row.get(0)).optional()
    }

    /// Sets a room up.
    pub(super) fn set_room(&mut self, found: Option<RoomRow>, publish: &Publish) -> rusqlite::Result<Outcome> {
        const UPDATE: &str = "UPDATE rooms SET settings = ?2, settings_at = ?3 WHERE id = ?1";
        let room = &publish.room;
        if !publish.actor.is_moderator() {
            return Ok(ErrorCode::AccessRefused.into());
        }
        let Some(settings) = &publish.request.settings else { return Ok(ErrorCode::SettingsInvalid.into()) };
        if let Some((known, at)) = found.map(|row| self.find_settings(row)).transpose()?.flatten()
            && known == **settings
        {
            return Ok(Outcome::duplicate(at));
        }
        let Some(row) = self.open_room(found, room, publish.rules.rooms_max)? else { return Ok(ErrorCode::RoomsFull.into()) };
        let row = RoomRow { pace: Some(Pace { queue: settings.queue, slow: settings.slow }), ..row };
        let entry = self.add_entry(room, row, entry_of(publish, (*publish.request).clone()))?;
        let offset = entry.offset;
        self.connection.prepare_cached(UPDATE)?.execute(params![row.id, row::json(settings), offset])?;
        self.audit(publish, false)?;
        self.push(room, Change::stored(entry));
        Ok(Outcome::stored(offset))
    }

    /// Returns a room's settings and the offset of their entry.
    fn find_settings(&self, row: RoomRow) -> rusqlite::Result<Option<(RoomSettings, u64)>> {
        const SQL: &str = "SELECT settings, settings_at FROM rooms WHERE id = ?1 AND settings IS NOT NULL";
        let read = |row: &rusqlite::Row<'_>| Ok((row::settings(&row::text(row, 0)?.unwrap_or_default()), row.get(1)?));
        self.connection.prepare_cached(SQL)?.query_row([row.id], read).optional()
    }

    /// The outcome of a change that would change nothing.
    fn done_before(&self, target: &Target<'_>, by: Option<protocol::Tag>) -> rusqlite::Result<Outcome> {
        Ok(Outcome::duplicate(self.last_change(target.row, &target.publish.request, by)?))
    }

    /// Adds what a moderator did to the audit, unless it was to a message of their own.
    fn audit(&self, publish: &Publish, is_own: bool) -> rusqlite::Result<()> {
        let Publish { room, request, actor, time, .. } = publish;
        let of = request.of.map(|of| format!(" {of}")).unwrap_or_default();
        let action = match request.kind {
            Kind::Edit if !is_own => "edited",
            Kind::Erase if !is_own => "erased",
            Kind::Pin => "pinned",
            Kind::Unpin => "unpinned",
            Kind::Room => "room_set",
            _ => return Ok(()),
        };
        access::record(self.connection, *time, actor.key, action, &format!("{room}{of}"))
    }

    /// Stores a change and applies it to its message. `rewritten` are other entries that it
    /// changed.
    fn store(&mut self, target: Target<'_>, mut rewritten: Vec<Entry>) -> rusqlite::Result<Outcome> {
        self.audit(target.publish, target.is_own())?;
        let Target { publish, row, mut message } = target;
        let entry = self.add_entry(&publish.room, row, entry_of(publish, (*publish.request).clone()))?;
        let offset = entry.offset;
        if message.fold(&entry, None) {
            self.rewrite(row, &message)?;
            rewritten.push(message);
        }
        self.push(&publish.room, Change::Stored(Stored { entry, rewritten }));
        Ok(Outcome::stored(offset))
    }
}

/// Returns why a message cannot be pinned or unpinned.
fn refusal_of_pin(target: &Target<'_>) -> Option<ErrorCode> {
    if !target.publish.actor.is_moderator() {
        Some(ErrorCode::AccessRefused)
    } else {
        target.message.erased.then_some(ErrorCode::MessageGone)
    }
}
