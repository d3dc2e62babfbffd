//! Messages on their way: each is sent in order until the server has it or refuses it.

use std::collections::VecDeque;

use fastrand::Rng;
use protocol::{Entry, ErrorCode, Position, PublishKey, PublishRequest};

use crate::backoff::full_jitter;

/// How many messages an [`Outbox`] takes.
pub const OUTBOX_MESSAGES_MAX: usize = 100;

/// How many publishes may be unanswered at once, when the server does not ask for fewer. A whole window of refusals
/// stays below the number of errors in a row that ends a session.
const WINDOW: usize = 8;
const _: () = assert!(WINDOW < protocol::limits::ERRORS_IN_A_ROW_MAX as usize && WINDOW <= protocol::limits::PUBLISHES_IN_FLIGHT_MAX);
/// How long a publish may be unanswered on a living session before that session is given up, in milliseconds.
const ANSWER_MS: u64 = 30_000;
/// What the wait after a temporary refusal starts from, in milliseconds.
const HOLD_BASE_MS: u64 = 1_000;
/// What no such wait goes beyond, in milliseconds.
const HOLD_CAP_MS: u64 = 60_000;

/// A message that is not yet known to be durable and seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The message, with a key.
    pub message: PublishRequest,
    /// How far it is.
    pub stage: Stage,
}

impl Pending {
    fn has(&self, key: &PublishKey) -> bool {
        self.message.key.as_ref() == Some(key)
    }
}

/// How far a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In line, or sent and not yet answered, or answered and its entry not yet seen.
    Sending,
    /// Refused: only the person can decide what becomes of it.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The server's sentence.
        detail: String,
    },
}

/// The messages on their way, in the order in which they are published.
#[derive(Clone, Debug)]
pub struct Outbox {
    pending: Vec<Pending>,
    /// Answered, and kept until the reader has come to them, so that they do not vanish in between.
    stored: Vec<(PublishKey, Position)>,
    /// When the last of these was answered.
    stored_at: u64,
    /// Sent on this session and not answered, in the order of sending.
    flights: VecDeque<Flight>,
    window: usize,
    /// Nothing is sent before this time.
    held_until: u64,
    refusals: u32,
    /// Whether that is because nobody answered, and not because the server asked for it.
    is_cut_off: bool,
    changed: bool,
}

#[derive(Clone, Debug)]
struct Flight {
    r#ref: u64,
    key: PublishKey,
    sent: u64,
}

impl Outbox {
    /// What is on its way, in order.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// The messages that would be lost with this outbox: what to keep for the next life, and to give to
    /// [`crate::Options::outbox`] then. Refused ones are among them, durable ones no longer.
    pub fn messages(&self) -> Vec<PublishRequest> {
        self.pending.iter().filter(|pending| !self.is_stored(pending)).map(|pending| pending.message.clone()).collect()
    }

    /// Nothing is sent before this time, because the server asked to wait. Most often it is long over.
    pub fn held_until(&self) -> u64 {
        self.held_until
    }

    /// How many more messages are taken.
    pub fn free_slots(&self) -> usize {
        OUTBOX_MESSAGES_MAX.saturating_sub(self.pending.len())
    }

    /// Starts from what a previous life left. All of it is taken, even where two lives left more than fits into one.
    pub(crate) fn new(messages: Vec<PublishRequest>, rng: &mut Rng) -> Self {
        let mut outbox = Self {
            pending: Vec::new(),
            stored: Vec::new(),
            stored_at: 0,
            flights: VecDeque::new(),
            window: WINDOW,
            held_until: 0,
            refusals: 0,
            is_cut_off: false,
            changed: false,
        };
        for message in messages {
            outbox.append(message, rng);
        }
        outbox.changed = false;
        outbox
    }

    /// Appends a message, unless it is there already or there is no room for it.
    pub(crate) fn push(&mut self, message: PublishRequest, rng: &mut Rng) {
        if self.free_slots() > 0 {
            self.append(message, rng);
        }
    }

    fn append(&mut self, mut message: PublishRequest, rng: &mut Rng) {
        // Without a key, sending again would publish again.
        let key = message.key.get_or_insert_with(|| PublishKey::from_bits(rng.u128(..)));
        if !self.pending.iter().any(|pending| pending.has(key)) {
            self.pending.push(Pending { message, stage: Stage::Sending });
            self.changed = true;
        }
    }

    /// Puts a refused message at the end of the line. One whose key belongs to another message stays refused: it would
    /// be refused each time.
    pub(crate) fn retry(&mut self, key: &PublishKey) {
        let retriable = |pending: &Pending| match pending.stage {
            Stage::Failed { code, .. } => pending.has(key) && code != ErrorCode::KeyReused,
            Stage::Sending => false,
        };
        if let Some(index) = self.pending.iter().position(retriable) {
            let message = self.pending.remove(index).message;
            self.pending.push(Pending { message, stage: Stage::Sending });
            self.changed = true;
        }
    }

    /// Drops a message. One that is on the wire may be published nevertheless.
    pub(crate) fn discard(&mut self, key: &PublishKey) {
        let before = self.pending.len();
        self.pending.retain(|pending| !pending.has(key));
        self.stored.retain(|(stored, _)| stored != key);
        self.changed |= self.pending.len() != before;
    }

    /// The message to send now, if there is one and `in_flight_max` allows it.
    pub(crate) fn next(&self, in_flight_max: usize, now: u64) -> Option<&PublishRequest> {
        self.waiting(in_flight_max).filter(|_| now >= self.held_until)
    }

    fn waiting(&self, in_flight_max: usize) -> Option<&PublishRequest> {
        if self.flights.len() >= self.window.min(in_flight_max.max(1)) {
            return None;
        }
        let in_line = |pending: &&Pending| {
            let flies = self.flights.iter().any(|flight| pending.has(&flight.key));
            pending.stage == Stage::Sending && !flies && !self.is_stored(pending)
        };
        self.pending.iter().find(in_line).map(|pending| &pending.message)
    }

    fn is_stored(&self, pending: &Pending) -> bool {
        self.stored.iter().any(|(key, _)| pending.has(key))
    }

    /// The message was sent.
    pub(crate) fn sent(&mut self, r#ref: u64, key: PublishKey, now: u64) {
        self.flights.push_back(Flight { r#ref, key, sent: now });
    }

    /// The server has the message that was sent with this `ref`. Its key, if there is such a message.
    pub(crate) fn published(&mut self, r#ref: u64, position: Position, now: u64) -> Option<PublishKey> {
        let key = self.answered(r#ref)?;
        self.refusals = 0;
        self.window = (self.window * 2).min(WINDOW);
        if self.pending.iter().any(|pending| pending.has(&key)) {
            self.stored.push((key.clone(), position));
            self.stored_at = now;
            self.changed = true;
        }
        Some(key)
    }

    /// The server refuses the message for now. It goes back in line, and those behind it wait with it: one at a time
    /// is sent after that, so that none overtakes it.
    pub(crate) fn held(&mut self, r#ref: u64, retry_after: Option<u64>, now: u64, rng: &mut Rng) {
        if self.answered(r#ref).is_none() {
            return;
        }
        let wait = match retry_after {
            Some(wait) => wait.min(HOLD_CAP_MS) + full_jitter(HOLD_BASE_MS / 4, HOLD_CAP_MS, 0, rng),
            None => HOLD_BASE_MS / 2 + full_jitter(HOLD_BASE_MS, HOLD_CAP_MS, self.refusals, rng),
        };
        self.held_until = self.held_until.max(now + wait);
        self.refusals = self.refusals.saturating_add(1);
        self.is_cut_off = false;
        self.window = 1;
    }

    /// The message did not reach the server, or the answer did not reach us: the same, but only for as long as there is no
    /// reason to hope for better.
    pub(crate) fn lost(&mut self, r#ref: u64, now: u64, rng: &mut Rng) {
        let refusals = self.refusals;
        self.held(r#ref, None, now, rng);
        self.is_cut_off |= self.refusals > refusals;
    }

    /// The network is better than it was.
    pub(crate) fn hope(&mut self) {
        if std::mem::take(&mut self.is_cut_off) {
            (self.held_until, self.refusals) = (0, 0);
        }
    }

    /// The server refuses the message for good.
    pub(crate) fn refused(&mut self, r#ref: u64, code: ErrorCode, detail: String) {
        if let Some(key) = self.answered(r#ref) {
            self.fail(&key, code, detail);
        }
    }

    /// A message can't be published.
    pub(crate) fn fail(&mut self, key: &PublishKey, code: ErrorCode, detail: String) {
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.has(key)) {
            pending.stage = Stage::Failed { code, detail };
            self.changed = true;
        }
    }

    fn answered(&mut self, r#ref: u64) -> Option<PublishKey> {
        let index = self.flights.iter().position(|flight| flight.r#ref == r#ref)?;
        self.flights.remove(index).map(|flight| flight.key)
    }

    /// The reader saw an entry: if it is a message of ours, that message has arrived, whether answered or not.
    pub(crate) fn arrived(&mut self, entry: &Entry) {
        let Some(key) = &entry.key else { return };
        // A refused message may be so because its key belongs to this entry, which then has another text.
        let is_it = |pending: &Pending| pending.has(key) && pending.stage == Stage::Sending && pending.message.text == entry.text;
        if self.pending.iter().any(is_it) {
            self.discard(key);
        }
    }

    /// The reader has come to `cursor`: what is stored up to there has been seen, and what is stored in another log
    /// never will be.
    pub(crate) fn reached(&mut self, cursor: Position) {
        let ahead = |position: &Position| position.epoch == cursor.epoch && position.offset > cursor.offset;
        while let Some(index) = self.stored.iter().position(|(_, position)| !ahead(position)) {
            let (key, _) = self.stored.swap_remove(index);
            self.discard(&key);
        }
    }

    /// When the last message was answered, while there is one whose entry has not come.
    pub(crate) fn stored_at(&self) -> Option<u64> {
        (!self.stored.is_empty()).then_some(self.stored_at)
    }

    /// The session ended: what was not answered is to be sent again.
    pub(crate) fn disconnected(&mut self) {
        self.flights.clear();
    }

    /// Whether an answer is so late that the session can't be sound.
    pub(crate) fn is_overdue(&self, now: u64) -> bool {
        self.flights.front().is_some_and(|flight| now >= flight.sent + ANSWER_MS)
    }

    /// When there is something to do on a living session.
    pub(crate) fn deadline(&self, in_flight_max: usize) -> Option<u64> {
        let overdue = self.flights.front().map(|flight| flight.sent + ANSWER_MS);
        let resume = self.waiting(in_flight_max).map(|_| self.held_until);
        [overdue, resume].into_iter().flatten().min()
    }

    /// Whether anything onlookers see has changed since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}
