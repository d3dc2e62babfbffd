//! The person's own messages: those on their way, and the keys by which they are recognized.

use std::collections::VecDeque;

use client::{Pending, Stage};
use protocol::{PublishKey, PublishRequest};

/// Maximum number of keys that are remembered.
const OWN_MAX: usize = 200;

/// The person's messages in a room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing {
    /// The messages to show: those of the subscription's outbox, then those it has not named yet.
    pending: Vec<Pending>,
    /// How many of them the outbox has not named.
    handed: usize,
    own: VecDeque<PublishKey>,
}

impl Outgoing {
    /// Creates it with what an earlier run left.
    pub(crate) fn new(outbox: Vec<PublishRequest>, own: Vec<PublishKey>) -> Self {
        let mut outgoing = Self { own: own.into(), ..Self::default() };
        outbox.into_iter().for_each(|message| outgoing.hand_over(message));
        outgoing
    }

    /// Adds a message or change that goes to the outbox.
    pub(crate) fn hand_over(&mut self, message: PublishRequest) {
        let is_new = |key: &PublishKey| message.kind.is_message() && !self.own.contains(key);
        if let Some(key) = message.key.clone().filter(is_new) {
            self.own.push_back(key);
            self.own.drain(..self.own.len().saturating_sub(OWN_MAX));
        }
        self.pending.push(Pending { message, stage: Stage::Sending });
        self.handed += 1;
    }

    /// Takes the outbox of the subscription.
    pub(crate) fn update(&mut self, outbox: Vec<Pending>) {
        let first = self.pending.len() - self.handed;
        let mut handed = self.pending.split_off(first);
        handed.retain(|own| !outbox.iter().any(|pending| pending.message.key == own.message.key));
        self.handed = handed.len();
        self.pending = outbox;
        self.pending.extend(handed);
    }

    /// Removes the message with a key: it is in the room, or is discarded.
    pub(crate) fn remove(&mut self, key: &PublishKey) {
        if let Some(index) = self.pending.iter().position(|pending| pending.message.key.as_ref() == Some(key)) {
            self.handed -= usize::from(index >= self.pending.len() - self.handed);
            self.pending.remove(index);
        }
    }

    /// Removes the changes: they were meant for another log.
    pub(crate) fn drop_changes(&mut self) {
        self.pending.retain(|pending| pending.message.of.is_none());
        self.handed = self.handed.min(self.pending.len());
    }

    /// Returns the messages and changes on their way, in order.
    pub(crate) fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// Returns how many are not stored yet, and were not refused.
    pub(crate) fn unsent(&self) -> usize {
        self.count(|stage| *stage == Stage::Sending)
    }

    /// Returns how many messages wait for a moderator.
    pub(crate) fn queued(&self) -> usize {
        self.count(|stage| *stage == Stage::Queued)
    }

    /// Returns how many were refused.
    pub(crate) fn failed(&self) -> usize {
        self.count(is_failed)
    }

    /// Returns how many would be lost with this program.
    pub(crate) fn kept(&self) -> usize {
        self.unsent() + self.failed()
    }

    fn count(&self, has_stage: impl Fn(&Stage) -> bool) -> usize {
        self.pending.iter().filter(|pending| has_stage(&pending.stage)).count()
    }

    /// True if the message with this key is the person's own.
    pub(crate) fn is_own(&self, key: Option<&PublishKey>) -> bool {
        key.is_some_and(|key| self.own.contains(key))
    }

    /// Returns the keys of the newest messages, oldest first.
    pub(crate) fn own(&self) -> Vec<PublishKey> {
        self.own.iter().cloned().collect()
    }
}

/// True if a message was refused.
pub(crate) fn is_failed(stage: &Stage) -> bool {
    matches!(stage, Stage::Failed { .. })
}

#[cfg(test)]
mod tests {
    use protocol::{Author, ErrorCode, Text};

    use super::*;

    fn message(number: u128) -> PublishRequest {
        let text = Text::parse(&number.to_string()).unwrap();
        PublishRequest { text, author: Author::default(), key: Some(PublishKey::from_bits(number)), ..PublishRequest::default() }
    }

    fn texts(outgoing: &Outgoing) -> Vec<&str> {
        outgoing.pending().iter().map(|pending| pending.message.text.as_str()).collect()
    }

    #[test]
    fn shows_a_message_from_the_first_moment_and_once() {
        let mut outgoing = Outgoing::new(vec![message(1)], Vec::new());
        outgoing.hand_over(message(2));
        assert_eq!(texts(&outgoing), ["1", "2"]);
        outgoing.update(vec![Pending { message: message(1), stage: Stage::Sending }]);
        assert_eq!(texts(&outgoing), ["1", "2"]);
        let failed = Stage::Failed { code: ErrorCode::TextInvalid, detail: String::new() };
        outgoing.update(vec![Pending { message: message(2), stage: failed }]);
        assert_eq!((texts(&outgoing), outgoing.failed()), (vec!["2"], 1));
        outgoing.remove(&PublishKey::from_bits(2));
        outgoing.hand_over(message(3));
        outgoing.update(Vec::new());
        assert_eq!(texts(&outgoing), ["3"]);
    }

    #[test]
    fn recognizes_the_newest_of_its_messages() {
        let mut outgoing = Outgoing::default();
        (0..300).for_each(|number| outgoing.hand_over(message(number)));
        let key = PublishKey::from_bits;
        assert!(outgoing.is_own(Some(&key(299))) && !outgoing.is_own(Some(&key(99))) && !outgoing.is_own(None));
        assert_eq!(outgoing.own().len(), OWN_MAX);
    }
}
