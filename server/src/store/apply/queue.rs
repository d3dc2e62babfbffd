//! Messages that wait for a moderator's approval. They are not in the log, so no reader gets them.

use protocol::admin::Decision;
use protocol::{Author, Entry, ErrorCode, PublishKey, Tag, Text};
use rusqlite::{OptionalExtension, Row, params};

use super::super::command::{Change, Decide, Outcome, Publish, Refusal, Verdict};
use super::super::{access, row};
use super::Applier;

/// Maximum number of messages that wait in a room.
const WAITING_MAX: usize = 1000;
/// Maximum number of messages that wait in all rooms.
const ALL_WAITING_MAX: usize = 20_000;
/// Maximum number of decisions that are kept.
const DECISIONS_MAX: usize = 20_000;
/// How long decisions are kept, in milliseconds: a publisher that asks again is told.
const DECISIONS_KEPT: u64 = 24 * 60 * 60 * 1000;

/// A message of the queue.
struct Queued {
    received: u64,
    author: Author,
    text: Text,
    key: Option<PublishKey>,
    raw: Option<String>,
    by: Option<Tag>,
    reply: Option<u64>,
    verdict: Option<Verdict>,
}

const COLUMNS: &str = "SELECT received, author, text, key, raw, by, reply, decided, offset, reason FROM queue";

fn queued(row: &Row<'_>) -> rusqlite::Result<Queued> {
    let is_decided = row.get::<_, Option<u64>>(7)?.is_some();
    let verdict = match row.get(8)? {
        Some(offset) => Verdict::Approved { offset },
        None => Verdict::Rejected { reason: row::text(row, 9)?.unwrap_or_default() },
    };
    Ok(Queued {
        received: row.get(0)?,
        author: Author::from_stored(row::text(row, 1)?.unwrap_or_default()),
        text: Text::from_stored(row::text(row, 2)?.unwrap_or_default()),
        key: row::text(row, 3)?.map(PublishKey::from_stored),
        raw: row::text(row, 4)?,
        by: row::tag(row, 5)?,
        reply: row.get(6)?,
        verdict: is_decided.then_some(verdict),
    })
}

impl Applier<'_> {
    /// Returns the outcome of a publish whose key the queue has.
    pub(super) fn find_queued(&mut self, publish: &Publish, key: &PublishKey) -> rusqlite::Result<Option<Outcome>> {
        if !self.may_have_queue {
            return Ok(None);
        }
        let mut count = self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM queue)")?;
        self.may_have_queue = count.query_row([], |row| row.get(0))?;
        let mut select = self.connection.prepare_cached(&format!("{COLUMNS} WHERE room = ?1 AND key = ?2"))?;
        let found = select.query_row(params![publish.room.as_str(), key.as_str()], queued).optional()?;
        Ok(found.map(|queued| match queued.verdict {
            Some(Verdict::Approved { offset }) => Outcome::duplicate(offset),
            Some(Verdict::Rejected { reason }) => Outcome::Refused(rejection(reason)),
            None => {
                let request = &publish.request;
                let is_same = request.kind.is_message() && (&request.text, &request.author) == (&queued.text, &queued.author);
                if is_same { ErrorCode::Queued.into() } else { ErrorCode::KeyReused.into() }
            }
        }))
    }

    /// Lets a message wait for approval.
    pub(super) fn enqueue(&mut self, publish: &Publish) -> rusqlite::Result<Outcome> {
        const SIZES: &str = "SELECT (SELECT count(*) FROM queue WHERE room = ?1 AND decided IS NULL),
            (SELECT count(*) FROM queue WHERE decided IS NULL)";
        const INSERT: &str =
            "INSERT INTO queue (room, received, author, text, key, raw, by, reply) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (room, request) = (publish.room.as_str(), &publish.request);
        self.forget_decisions(publish.time)?;
        let mut select = self.connection.prepare_cached(SIZES)?;
        let (waiting, all): (usize, usize) = select.query_row([room], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if waiting >= WAITING_MAX || all >= ALL_WAITING_MAX {
            return Ok(ErrorCode::QueueFull.into());
        }
        self.connection.prepare_cached(INSERT)?.execute(params![
            room,
            publish.time,
            request.author.as_str(),
            request.text.as_str(),
            request.key.as_ref().map(PublishKey::as_str),
            publish.raw,
            publish.actor.tag.map(Tag::bits),
            request.reply,
        ])?;
        self.may_have_queue = true;
        self.push(&publish.room, Change::Queue);
        Ok(ErrorCode::Queued.into())
    }

    /// Approves or rejects a message that waits. The first decision stands.
    pub(super) fn decide(&mut self, decide: &Decide) -> rusqlite::Result<Outcome> {
        if !decide.actor.is_moderator() {
            return Ok(ErrorCode::AccessRefused.into());
        }
        let mut select = self.connection.prepare_cached(&format!("{COLUMNS} WHERE room = ?1 AND id = ?2"))?;
        // SQLite has no number that is greater.
        let id = decide.id.min(i64::MAX as u64);
        let found = select.query_row(params![decide.room.as_str(), id], queued).optional()?;
        let verdict = match (found, &decide.decision) {
            (None, _) => return Ok(ErrorCode::MessageGone.into()),
            (Some(Queued { verdict: Some(verdict), .. }), _) => return Ok(Outcome::Decided(verdict)),
            (Some(queued), Decision::Approve) => match self.approve(decide, queued)? {
                Some(offset) => Verdict::Approved { offset },
                None => return Ok(ErrorCode::RoomsFull.into()),
            },
            (Some(_), Decision::Reject { reason }) => {
                self.mark_erased()?;
                Verdict::Rejected { reason: reason.clone() }
            }
        };
        let action = if matches!(verdict, Verdict::Approved { .. }) { "approved" } else { "rejected" };
        let detail = format!("{} {}", decide.room, decide.id);
        access::record(self.connection, decide.time, decide.actor.key, action, &detail)?;
        self.save_verdict(decide, &verdict)?;
        self.push(&decide.room, Change::Queue);
        Ok(Outcome::Decided(verdict))
    }

    /// Adds an approved message to its room. `None` if no more rooms may have messages.
    fn approve(&mut self, decide: &Decide, queued: Queued) -> rusqlite::Result<Option<u64>> {
        let Queued { received, author, text, key, raw, by, reply, .. } = queued;
        let found = self.find_room(&decide.room)?;
        let Some(row) = self.open_room(found, &decide.room, decide.rooms_max)? else { return Ok(None) };
        let entry = Entry { time: decide.time, received: Some(received), author, text, key, raw, by, reply, ..Entry::default() };
        let entry = self.add_entry(&decide.room, row, entry)?;
        let offset = entry.offset;
        self.push(&decide.room, Change::stored(entry));
        Ok(Some(offset))
    }

    /// Keeps a decision and the message's key, without the message.
    fn save_verdict(&mut self, decide: &Decide, verdict: &Verdict) -> rusqlite::Result<()> {
        const UPDATE: &str = "UPDATE queue SET author = '', text = '', raw = NULL, decided = ?2, offset = ?3, reason = ?4 WHERE id = ?1";
        let (offset, reason) = match verdict {
            Verdict::Approved { offset } => (Some(*offset), None),
            Verdict::Rejected { reason } => (None, Some(reason)),
        };
        self.connection.prepare_cached(UPDATE)?.execute(params![decide.id, decide.time, offset, reason])?;
        self.forget_decisions(decide.time)?;
        self.forget_excess()
    }

    fn forget_decisions(&mut self, now: u64) -> rusqlite::Result<()> {
        let mut delete = self.connection.prepare_cached("DELETE FROM queue WHERE decided < ?1")?;
        delete.execute([now.saturating_sub(DECISIONS_KEPT)]).map(|_| ())
    }

    /// Forgets the oldest decisions, if there are too many.
    fn forget_excess(&mut self) -> rusqlite::Result<()> {
        const EXCESS: &str = "DELETE FROM queue WHERE id IN (SELECT id FROM queue WHERE decided IS NOT NULL ORDER BY decided, id LIMIT ?1)";
        let mut count = self.connection.prepare_cached("SELECT count(*) FROM queue WHERE decided IS NOT NULL")?;
        let decisions: usize = count.query_row([], |row| row.get(0))?;
        if decisions > DECISIONS_MAX {
            self.connection.prepare_cached(EXCESS)?.execute([decisions - DECISIONS_MAX])?;
        }
        Ok(())
    }
}

/// What the publisher of a rejected message is told.
fn rejection(reason: String) -> Refusal {
    Refusal { detail: Some(reason).filter(|reason| !reason.is_empty()), ..ErrorCode::Rejected.into() }
}
