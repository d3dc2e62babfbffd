//! What is being published: messages and changes, sent in order, until the server has stored or
//! refused each.

use std::collections::VecDeque;

use fastrand::Rng;
use protocol::{Entry, ErrorCode, Position, PublishKey, PublishRequest};

use crate::backoff::full_jitter;

/// Maximum number of messages in an [`Outbox`].
pub const OUTBOX_MESSAGES_MAX: usize = 100;

/// Maximum number of unanswered publishes, if the server does not ask for fewer. If all of them are
/// refused, that is still fewer errors in a row than end a session.
const WINDOW: usize = 8;
const _: () = assert!(WINDOW < protocol::limits::ERRORS_IN_A_ROW_MAX as usize && WINDOW <= protocol::limits::PUBLISHES_IN_FLIGHT_MAX);
/// Time limit for the answer to a publish, in milliseconds. Then the session is given up.
const ANSWER_MS: u64 = 30_000;
/// Maximum wait after the first temporary refusal, in milliseconds. It doubles with each further
/// one.
const DEFER_BASE_MS: u64 = 1_000;
/// Maximum wait after any temporary refusal, in milliseconds.
const DEFER_CAP_MS: u64 = 60_000;
/// Time until the server is asked again about a message that waits for a moderator, unless it says
/// another one, in milliseconds.
const QUEUED_MS: u64 = 10_000;
/// Maximum wait in a slow room, in milliseconds.
const SLOW_CAP_MS: u64 = protocol::limits::SLOW_SECONDS_MAX as u64 * 1_000;

/// A message or change in an [`Outbox`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The message or change; it has a key.
    pub message: PublishRequest,
    /// How far it is.
    pub stage: Stage,
}

impl Pending {
    fn has(&self, key: &PublishKey) -> bool {
        self.message.key.as_ref() == Some(key)
    }

    /// True if an entry with the same key is this one. A message that was changed meanwhile has
    /// another text.
    fn became(&self, entry: &Entry) -> bool {
        let PublishRequest { kind, of, text, .. } = &self.message;
        let is_same_text = entry.text == *text || entry.changed > 0 || !kind.is_message();
        entry.kind == *kind && entry.of == *of && is_same_text
    }
}

/// How far a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not sent yet, not answered yet, or stored but its entry has not arrived yet.
    Sending,
    /// The server keeps the message until a moderator approves or rejects it.
    Queued,
    /// Refused for good. The message stays until it is retried or discarded.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The server's explanation, for people.
        detail: String,
    },
}

impl Stage {
    /// True if the message was refused, and may succeed if it is sent again.
    pub fn can_retry(&self) -> bool {
        matches!(self, Self::Failed { code, .. } if Self::may_succeed_after(*code))
    }

    /// True if a message that was refused with this code may succeed if it is sent again.
    pub fn may_succeed_after(code: ErrorCode) -> bool {
        !matches!(code, ErrorCode::KeyReused | ErrorCode::Rejected | ErrorCode::MessageGone)
    }

    fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// The messages and changes that are being published, in order.
#[derive(Clone, Debug)]
pub struct Outbox {
    pending: Vec<Pending>,
    /// Stored by the server, and kept here until the reader has seen their entries, so that a
    /// message never disappears in between.
    published: Vec<(PublishKey, Position)>,
    /// When the last of these was answered, in milliseconds.
    published_at: u64,
    /// Messages that wait for a moderator, and when the server is asked about each again, in
    /// milliseconds.
    queued: Vec<(PublishKey, u64)>,
    /// Sent on this session and not answered, in the order of sending.
    in_flight: VecDeque<InFlight>,
    window: usize,
    /// Nothing is sent before this time, in milliseconds.
    held_until: u64,
    /// No message is sent before this time, in milliseconds, because the room is slow. Changes are.
    /// 0 if the room is not known to be slow.
    slow_until: u64,
    /// How many temporary refusals came in a row.
    refusals: u32,
    /// True if `held_until` is due to missing answers, not to a server's request.
    is_unreachable: bool,
    /// Messages whose entries arrived and whose answers were lost, until they are reported.
    unreported: Vec<(PublishKey, Position)>,
    changed: bool,
}

#[derive(Clone, Debug)]
struct InFlight {
    r#ref: u64,
    key: PublishKey,
    sent: u64,
    /// Where its entry is, if that arrived before the answer.
    arrived: Option<Position>,
}

impl Outbox {
    /// Returns the messages, in the order in which they are published.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// Returns the messages that would be lost with this outbox, for [`crate::Options::outbox`] of
    /// the next client. Refused messages are included, stored ones are not.
    pub fn messages(&self) -> Vec<PublishRequest> {
        self.pending.iter().filter(|pending| !self.is_published(pending)).map(|pending| pending.message.clone()).collect()
    }

    /// Returns the time before which nothing is sent, in milliseconds on the owner's clock. It is
    /// in the past unless the server asked to wait.
    pub fn held_until(&self) -> u64 {
        self.held_until
    }

    /// Returns the time before which no message is sent because the room is slow, in milliseconds
    /// on the owner's clock. It is in the past unless the server asked to wait.
    pub fn slow_until(&self) -> u64 {
        self.slow_until
    }

    /// Returns how many more messages fit.
    pub fn free_slots(&self) -> usize {
        OUTBOX_MESSAGES_MAX.saturating_sub(self.pending.len())
    }

    /// Creates an outbox with the messages of an earlier one, even if they are more than the
    /// maximum.
    pub(crate) fn new(messages: Vec<PublishRequest>, rng: &mut Rng) -> Self {
        let mut outbox = Self {
            pending: Vec::new(),
            published: Vec::new(),
            published_at: 0,
            queued: Vec::new(),
            in_flight: VecDeque::new(),
            window: WINDOW,
            held_until: 0,
            slow_until: 0,
            refusals: 0,
            is_unreachable: false,
            unreported: Vec::new(),
            changed: false,
        };
        for message in messages {
            outbox.append(message, rng);
        }
        outbox.changed = false;
        outbox
    }

    /// Appends a message, unless it is there already or the outbox is full.
    pub(crate) fn push(&mut self, message: PublishRequest, rng: &mut Rng) {
        if self.free_slots() > 0 {
            self.append(message, rng);
        }
    }

    fn append(&mut self, mut message: PublishRequest, rng: &mut Rng) {
        // Without a key, a message that is sent again would be published again.
        let key = message.key.get_or_insert_with(|| PublishKey::from_bits(rng.u128(..)));
        if !self.pending.iter().any(|pending| pending.has(key)) {
            self.pending.push(Pending { message, stage: Stage::Sending });
            self.changed = true;
        }
    }

    /// Moves a refused message to the end, unless it would be refused each time.
    pub(crate) fn retry(&mut self, key: &PublishKey) {
        let retriable = |pending: &Pending| pending.has(key) && pending.stage.can_retry();
        if let Some(index) = self.pending.iter().position(retriable) {
            let message = self.pending.remove(index).message;
            self.pending.push(Pending { message, stage: Stage::Sending });
            self.changed = true;
        }
    }

    /// Removes a message.
    pub(crate) fn discard(&mut self, key: &PublishKey) {
        let before = self.pending.len();
        self.pending.retain(|pending| !pending.has(key));
        self.published.retain(|(published, _)| published != key);
        self.queued.retain(|(queued, _)| queued != key);
        self.changed |= self.pending.len() != before;
    }

    /// Returns the message to send now, if `in_flight_max` unanswered ones allow it.
    pub(crate) fn next_to_send(&self, in_flight_max: usize, now: u64) -> Option<&PublishRequest> {
        self.unsent(in_flight_max).find(|(_, at)| now >= *at).map(|(pending, _)| &pending.message)
    }

    /// Returns what may be sent beside the unanswered ones, in order, and when.
    fn unsent(&self, in_flight_max: usize) -> impl Iterator<Item = (&Pending, u64)> {
        let is_free = self.in_flight.len() < self.window.min(in_flight_max.max(1));
        let pending = if is_free { &self.pending[..] } else { &[] };
        pending.iter().filter_map(|pending| {
            let at = match pending.stage {
                // One at a time: a later message must not pass one that comes a moment too early.
                Stage::Sending if pending.message.kind.is_message() && self.slow_until > 0 => {
                    self.in_flight.is_empty().then_some(self.slow_until)?
                }
                Stage::Sending => 0,
                Stage::Queued => self.queued.iter().find(|(key, _)| pending.has(key))?.1,
                Stage::Failed { .. } => return None,
            };
            let is_in_flight = self.in_flight.iter().any(|sent| pending.has(&sent.key));
            (!is_in_flight && !self.is_published(pending)).then_some((pending, at.max(self.held_until)))
        })
    }

    fn is_published(&self, pending: &Pending) -> bool {
        self.published.iter().any(|(key, _)| pending.has(key))
    }

    /// Records that a message was sent.
    pub(crate) fn sent(&mut self, r#ref: u64, key: PublishKey, now: u64) {
        self.in_flight.push_back(InFlight { r#ref, key, sent: now, arrived: None });
    }

    /// Records that the server has stored a message. Returns its key, unless `ref` is unknown.
    pub(crate) fn published(&mut self, r#ref: u64, position: Position, now: u64) -> Option<PublishKey> {
        let InFlight { key, .. } = self.answered(r#ref)?;
        self.accepted();
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.has(&key)) {
            pending.stage = Stage::Sending;
            self.published.push((key.clone(), position));
            self.published_at = now;
            self.changed = true;
        }
        Some(key)
    }

    /// Records that the server takes messages: more of them may be unanswered again.
    fn accepted(&mut self) {
        self.refusals = 0;
        self.window = (self.window * 2).min(WINDOW);
    }

    /// Records a temporary refusal. Those that say nothing about other messages let these pass.
    pub(crate) fn deferred(&mut self, r#ref: u64, code: ErrorCode, retry_after: Option<u64>, now: u64, rng: &mut Rng) {
        let Some(sent) = self.answered(r#ref) else { return };
        let index = self.pending.iter().position(|pending| pending.has(&sent.key));
        self.lost(sent);
        match index.and_then(|index| self.pending.get_mut(index)) {
            Some(pending) if code == ErrorCode::Queued => {
                self.changed |= std::mem::replace(&mut pending.stage, Stage::Queued) != Stage::Queued;
                let wait = retry_after.unwrap_or(QUEUED_MS).clamp(DEFER_BASE_MS, DEFER_CAP_MS);
                let at = now + wait + full_jitter(wait / 4, DEFER_CAP_MS, 0, rng);
                let key = pending.message.key.clone();
                self.queued.retain(|(queued, _)| Some(queued) != key.as_ref());
                self.queued.extend(key.map(|key| (key, at)));
                self.accepted();
            }
            Some(pending) if code == ErrorCode::SlowMode && pending.message.kind.is_message() => {
                let wait = retry_after.unwrap_or(DEFER_BASE_MS).min(SLOW_CAP_MS);
                self.slow_until = self.slow_until.max(now + wait + full_jitter(DEFER_BASE_MS / 4, DEFER_CAP_MS, 0, rng));
                self.changed = true;
            }
            _ => self.hold(retry_after, now, rng),
        }
    }

    /// Lets everything wait. After that the messages are sent one at a time until one succeeds, so
    /// that none overtakes the one that was refused.
    fn hold(&mut self, retry_after: Option<u64>, now: u64, rng: &mut Rng) {
        let wait = match retry_after {
            Some(wait) => wait.min(DEFER_CAP_MS) + full_jitter(DEFER_BASE_MS / 4, DEFER_CAP_MS, 0, rng),
            None => DEFER_BASE_MS / 2 + full_jitter(DEFER_BASE_MS, DEFER_CAP_MS, self.refusals, rng),
        };
        self.held_until = self.held_until.max(now + wait);
        self.refusals = self.refusals.saturating_add(1);
        self.is_unreachable = false;
        self.window = 1;
    }

    /// Records that a request or its answer was lost. The message waits as after a refusal, but
    /// only until [`Self::network_recovered`].
    pub(crate) fn unanswered(&mut self, r#ref: u64, now: u64, rng: &mut Rng) {
        let refusals = self.refusals;
        self.deferred(r#ref, ErrorCode::Unavailable, None, now, rng);
        self.is_unreachable |= self.refusals > refusals;
    }

    /// Ends a wait that was due to missing answers.
    pub(crate) fn network_recovered(&mut self) {
        if std::mem::take(&mut self.is_unreachable) {
            (self.held_until, self.refusals) = (0, 0);
        }
    }

    /// Records that the server refuses a message for good.
    pub(crate) fn refused(&mut self, r#ref: u64, code: ErrorCode, detail: String) {
        if let Some(sent) = self.answered(r#ref) {
            self.fail(&sent.key, code, detail);
        }
    }

    /// Marks a message as failed.
    pub(crate) fn fail(&mut self, key: &PublishKey, code: ErrorCode, detail: String) {
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.has(key)) {
            pending.stage = Stage::Failed { code, detail };
            self.changed = true;
        }
    }

    fn answered(&mut self, r#ref: u64) -> Option<InFlight> {
        let index = self.in_flight.iter().position(|sent| sent.r#ref == r#ref)?;
        self.in_flight.remove(index)
    }

    /// Records that no answer tells that a message is stored.
    fn lost(&mut self, sent: InFlight) {
        self.unreported.extend(sent.arrived.map(|position| (sent.key, position)));
    }

    /// Returns the messages that are stored although their answers were lost, each once.
    pub(crate) fn take_unreported(&mut self) -> Vec<(PublishKey, Position)> {
        std::mem::take(&mut self.unreported)
    }

    /// Records an entry that the reader received, and the position after it. If it is a message of
    /// this outbox, that message has arrived, whether it was answered or not.
    pub(crate) fn arrived(&mut self, entry: &Entry, position: Position) {
        let Some(key) = &entry.key else { return };
        // If a message was refused because its key belongs to this entry, the entry is another's.
        // After any other refusal it was stored before: by an earlier try, or by a moderator.
        let is_others = |stage: &Stage| matches!(stage, Stage::Failed { code: ErrorCode::KeyReused, .. });
        let is_same = |pending: &Pending| pending.has(key) && !is_others(&pending.stage) && pending.became(entry);
        if self.pending.iter().any(is_same) {
            match self.in_flight.iter_mut().find(|sent| sent.key == *key) {
                // The answer tells more, so it is awaited.
                Some(sent) => sent.arrived = Some(position),
                None if self.published.iter().all(|(published, _)| published != key) => self.unreported.push((key.clone(), position)),
                None => {}
            }
            self.discard(key);
        }
    }

    /// Gives up the changes that are not stored: the log is another one, where other messages have
    /// their offsets.
    pub(crate) fn log_replaced(&mut self) {
        for pending in &mut self.pending {
            pending.message.reply = None;
            if pending.message.of.is_some() && !pending.stage.is_failed() {
                let code = ErrorCode::MessageGone;
                pending.stage = Stage::Failed { code, detail: code.title().to_owned() };
                self.changed = true;
            }
        }
    }

    /// Ends the wait of a slow room: it has new settings.
    pub(crate) fn room_changed(&mut self) {
        self.slow_until = 0;
    }

    /// Removes the messages that are stored at or before `cursor`, because the reader has passed
    /// them, and those stored in another log, because their entries will never arrive.
    pub(crate) fn reached(&mut self, cursor: Position) {
        let is_ahead = |position: &Position| position.epoch == cursor.epoch && position.offset > cursor.offset;
        while let Some(index) = self.published.iter().position(|(_, position)| !is_ahead(position)) {
            let (key, _) = self.published.swap_remove(index);
            self.discard(&key);
        }
    }

    /// Returns when the last stored message was answered, while the entry of any has not arrived.
    pub(crate) fn published_at(&self) -> Option<u64> {
        (!self.published.is_empty()).then_some(self.published_at)
    }

    /// Records that the session ended: unanswered messages are sent again.
    pub(crate) fn disconnected(&mut self) {
        for sent in std::mem::take(&mut self.in_flight) {
            self.lost(sent);
        }
    }

    /// True if an answer is so late that the session must be broken.
    pub(crate) fn is_overdue(&self, now: u64) -> bool {
        self.in_flight.front().is_some_and(|sent| now >= sent.sent + ANSWER_MS)
    }

    /// Returns when the oldest message that has no answer was sent.
    pub(crate) fn unanswered_since(&self) -> Option<u64> {
        self.in_flight.front().map(|sent| sent.sent)
    }

    /// Returns when there is something to do on a live session.
    pub(crate) fn deadline(&self, in_flight_max: usize) -> Option<u64> {
        let overdue = self.in_flight.front().map(|sent| sent.sent + ANSWER_MS);
        let next = self.unsent(in_flight_max).map(|(_, at)| at).min();
        [overdue, next].into_iter().flatten().min()
    }

    /// Returns true if anything public has changed since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}
