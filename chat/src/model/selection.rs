//! Selecting a message, and changing it.

use client::OUTBOX_MESSAGES_MAX;
use jiff::Timestamp;
use protocol::{Emoji, Entry, ErrorCode, Kind, PublishRequest, Text};

use super::Model;
use crate::event::Action;
use crate::texts;

impl Model {
    /// Selects the next message, an older or a newer one, and shows it.
    pub(super) fn select(&mut self, is_older: bool, now: Timestamp) {
        self.refresh(now);
        let height = self.screen().list.height.into();
        let room = self.room_mut();
        match room.select(is_older) {
            Some(offset) => room.scroll_to(offset, 0, height),
            None => room.scroll_to_end(),
        }
        self.load(is_older);
    }

    /// Gives the message that is meant another text.
    pub(super) fn edit(&mut self, text: &str, now: Timestamp) -> Result<(), String> {
        let (of, text) = (self.meant(false)?.offset, checked(text)?);
        self.change(PublishRequest { kind: Kind::Edit, of: Some(of), text, ..PublishRequest::default() }, now)
    }

    /// Returns the line that edits the message that is meant.
    pub(super) fn edit_line(&self) -> Result<String, String> {
        Ok(format!("/edit {}", self.meant(false)?.text.as_str()))
    }

    /// Takes the message that is meant back.
    pub(super) fn erase(&mut self, now: Timestamp) -> Result<(), String> {
        let of = self.meant(false)?.offset;
        self.change(PublishRequest { kind: Kind::Erase, of: Some(of), ..PublishRequest::default() }, now)
    }

    /// Reacts to the message that is meant, or takes the reaction back.
    pub(super) fn react(&mut self, emoji: Emoji, now: Timestamp) -> Result<(), String> {
        let entry = self.meant(true)?;
        let off = entry.reactions.iter().any(|reaction| reaction.mine && reaction.emoji == emoji.as_str());
        let of = Some(entry.offset);
        self.change(PublishRequest { kind: Kind::React, of, emoji: Some(emoji), off, ..PublishRequest::default() }, now)
    }

    /// Returns the message that a command is about.
    pub(super) fn meant(&self, of_others: bool) -> Result<&Entry, String> {
        let missing = if of_others { texts::NO_OTHER_MESSAGE } else { texts::NO_OWN_MESSAGE };
        let entry = self.room().meant(of_others).ok_or(missing)?;
        if entry.erased { Err(texts::IS_ERASED.to_owned()) } else { Ok(entry) }
    }

    fn change(&mut self, change: PublishRequest, now: Timestamp) -> Result<(), String> {
        let change = PublishRequest { key: Some((self.draw_key)()), ..change };
        let room = self.room_with_space()?;
        room.change(change.clone());
        // It is stored before it is sent.
        let publish = Action::Publish { room: room.name.clone(), message: change };
        self.actions.extend([Action::Save, publish]);
        self.refresh(now);
        Ok(())
    }

    /// Returns the room that is shown, unless too much waits in it already.
    pub(super) fn room_with_space(&mut self) -> Result<&mut crate::room::Room, String> {
        let room = self.room_mut();
        if room.outgoing.pending().len() >= OUTBOX_MESSAGES_MAX { Err(texts::OUTBOX_FULL.to_owned()) } else { Ok(room) }
    }
}

/// Returns what was written as the text of a message.
pub(super) fn checked(text: &str) -> Result<Text, String> {
    Text::parse(text).map_err(|error| match error {
        ErrorCode::TextTooLong => texts::TEXT_TOO_LONG.to_owned(),
        ErrorCode::TextEmpty => texts::TEXT_EMPTY.to_owned(),
        other => other.title().to_owned(),
    })
}
