//! Applies commands to the database. Deterministic: no clock and no random value, only the commands
//! and the database.

mod rooms;

mod entries;

mod change;

mod queue;

mod publish;

mod cast;

use std::collections::HashMap;

use protocol::RoomName;
use rusqlite::{Connection, Statement};

use super::access;
use super::command::{Change, Changes, Command, Outcome};
use super::retention::TrustedTime;
use super::scrub;
use entries::{INSERT_ENTRY, INSERT_MESSAGE};
use rooms::{RoomRow, SELECT_ROOM};

/// Applies commands in transactions. Statements of every publish are prepared once, because even a
/// search in SQLite's statement cache is a noticeable part of a small commit.
pub(super) struct Applier<'c> {
    connection: &'c Connection,
    /// Rooms that were read or written. Valid because nothing else writes; cleared after an error.
    rooms: HashMap<RoomName, RoomRow>,
    /// Number of rooms that have entries. `None` if it is not known.
    rooms_in_use: Option<usize>,
    /// False if the table `queue` is known to be empty. Most boards have no queue.
    may_have_queue: bool,
    /// What the transaction has changed so far.
    changes: Changes,
    /// True if the transaction has erased a text.
    has_erased: bool,
    begin: Statement<'c>,
    commit: Statement<'c>,
    roll_back: Statement<'c>,
    select_room: Statement<'c>,
    select_by_key: Statement<'c>,
    insert_message: Statement<'c>,
    insert_entry: Statement<'c>,
}

/// What a transaction has committed.
#[derive(Default)]
pub(super) struct Committed {
    /// The outcome of each command.
    pub(super) outcomes: Vec<Outcome>,
    /// What they changed.
    pub(super) changes: Changes,
    /// True if a text was erased, so that its remains must be scrubbed.
    pub(super) has_erased: bool,
}

impl<'c> Applier<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            rooms: HashMap::new(),
            rooms_in_use: None,
            may_have_queue: true,
            changes: Changes::default(),
            has_erased: false,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            roll_back: connection.prepare("ROLLBACK")?,
            select_room: connection.prepare(SELECT_ROOM)?,
            select_by_key: connection.prepare(entries::SELECT_BY_KEY)?,
            insert_message: connection.prepare(INSERT_MESSAGE)?,
            insert_entry: connection.prepare(INSERT_ENTRY)?,
        })
    }

    /// Applies commands in one transaction. After an error none of them is applied.
    pub(super) fn commit(&mut self, commands: impl Iterator<Item = Command>) -> rusqlite::Result<Committed> {
        self.begin.execute([])?;
        let outcomes = self.apply_all(commands);
        let (changes, has_erased) = (std::mem::take(&mut self.changes), std::mem::take(&mut self.has_erased));
        if outcomes.is_err() {
            self.rooms.clear();
            self.rooms_in_use = None;
            self.may_have_queue = true;
            // Some errors end the transaction.
            if !self.connection.is_autocommit() {
                self.roll_back.execute([])?;
            }
        }
        outcomes.map(|outcomes| Committed { outcomes, changes, has_erased })
    }

    fn apply_all(&mut self, commands: impl Iterator<Item = Command>) -> rusqlite::Result<Vec<Outcome>> {
        let outcomes = commands.map(|command| self.apply(command)).collect::<Result<_, _>>()?;
        self.commit.execute([])?;
        Ok(outcomes)
    }

    fn apply(&mut self, command: Command) -> rusqlite::Result<Outcome> {
        match command {
            Command::Publish(publish) => self.publish(*publish),
            Command::Decide(decide) => self.decide(&decide),
            Command::StartCast(start) => self.start_cast(&start),
            Command::EndCast(end) => self.end_cast(&end),
            Command::Expire { room, policy, now, rooms_max } => self.expire(&room, policy, now, rooms_max),
            Command::Access { change, by, time } => {
                let applied = access::apply(self.connection, &change, by, time)?;
                self.changes.access.extend(applied.clone());
                Ok(Outcome::Access(Box::new(applied)))
            }
            Command::SaveTime(TrustedTime { time, since }) => {
                self.connection.prepare_cached("DELETE FROM clock")?.execute([])?;
                self.connection.prepare_cached("INSERT INTO clock (time, since) VALUES (?1, ?2)")?.execute([time, since])?;
                Ok(Outcome::TimeSaved)
            }
        }
    }

    fn push(&mut self, room: &RoomName, change: Change) {
        self.changes.rooms.push((room.clone(), change));
    }

    /// Records that a text was erased.
    fn mark_erased(&mut self) -> rusqlite::Result<()> {
        self.has_erased = true;
        scrub::mark(self.connection)
    }
}

#[cfg(test)]
mod tests;
