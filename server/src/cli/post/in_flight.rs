//! The messages that were given to the client, and which of them are stored.

use std::collections::VecDeque;

use protocol::{Position, PublishKey, Published};

/// Maximum number of messages that are not stored yet. It hides the way to the board and back, and
/// bounds the memory.
const MESSAGES_MAX: usize = 16;

/// Messages in the order of the input.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight {
    messages: VecDeque<Message>,
    posted: u64,
    last: Option<Position>,
}

#[derive(Clone, Debug)]
struct Message {
    key: PublishKey,
    answer: Option<Answer>,
}

/// What became of a message: where it is, or `None` if it waits for a moderator.
pub(super) type Answer = Option<Published>;

impl InFlight {
    /// True if another message may be given to the client. The first message goes alone: if it is
    /// refused, nothing is posted.
    pub(super) fn has_space(&self) -> bool {
        self.messages.len() < if self.posted == 0 { 1 } else { MESSAGES_MAX }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn push(&mut self, key: PublishKey) {
        self.messages.push_back(Message { key, answer: None });
    }

    /// Records that the board answered that a message is stored.
    pub(super) fn answered(&mut self, key: &PublishKey, published: Published) {
        if let Some(message) = self.messages.iter_mut().find(|message| message.key == *key) {
            message.answer = Some(Some(published));
        }
    }

    /// Records that a message waits for a moderator. Returns false if that is known.
    pub(super) fn queued(&mut self, key: &PublishKey) -> bool {
        let message = self.messages.iter_mut().find(|message| message.key == *key && message.answer.is_none());
        message.map(|message| message.answer = Some(None)).is_some()
    }

    /// Takes the messages that are stored or wait for a moderator, up to the first that is not.
    pub(super) fn take_answered(&mut self) -> Vec<(PublishKey, Answer)> {
        let mut answered = Vec::new();
        while let Some(Message { key, answer: Some(answer) }) = self.messages.pop_front_if(|message| message.answer.is_some()) {
            self.posted += 1;
            self.last = answer.as_ref().map_or(self.last, |published| Some(published.position));
            answered.push((key, answer));
        }
        answered
    }

    /// Returns the first message for which `is_refused` is true, and forgets it.
    pub(super) fn take_refused<R>(&mut self, is_refused: impl Fn(&PublishKey) -> Option<R>) -> Option<R> {
        let refused = |(index, message): (usize, &Message)| Some((index, is_refused(&message.key)?));
        let (index, refused) = self.messages.iter().enumerate().find_map(refused)?;
        self.messages.remove(index);
        Some(refused)
    }

    /// Returns how many messages are stored or wait, and the position of the last one stored.
    pub(super) fn posted(&self) -> (u64, Option<Position>) {
        (self.posted, self.last)
    }
}

#[cfg(test)]
mod tests {
    use protocol::Epoch;

    use super::*;

    fn key(number: u64) -> PublishKey {
        number.to_string().parse().unwrap()
    }

    fn position(number: u64) -> Position {
        Position { epoch: Epoch(1), offset: number }
    }

    fn published(number: u64) -> Published {
        Published { position: position(number), duplicate: false, reached: 7 }
    }

    #[test]
    fn sends_the_first_message_alone_and_then_a_bounded_number() {
        let mut in_flight = InFlight::default();
        assert!(in_flight.has_space());
        in_flight.push(key(1));
        assert!(!in_flight.has_space());
        in_flight.answered(&key(1), published(1));
        in_flight.take_answered();
        let more = (2..).take_while(|number| {
            let has_space = in_flight.has_space();
            in_flight.push(key(*number));
            has_space
        });
        assert_eq!(more.count(), MESSAGES_MAX);
    }

    #[test]
    fn reports_in_order_what_is_answered_in_any_order() {
        let mut in_flight = InFlight::default();
        (1..=3).for_each(|number| in_flight.push(key(number)));
        in_flight.answered(&key(2), published(2));
        assert_eq!(in_flight.take_answered(), []);
        assert_eq!(in_flight.posted(), (0, None));
        in_flight.answered(&key(1), published(1));
        assert_eq!(in_flight.take_answered(), [(key(1), Some(published(1))), (key(2), Some(published(2)))]);
        assert_eq!(in_flight.posted(), (2, Some(position(2))));
        assert_eq!(in_flight.take_refused(|other| (*other == key(3)).then_some("no")), Some("no"));
        assert!(in_flight.is_empty());
    }

    #[test]
    fn a_message_that_waits_for_a_moderator_is_done() {
        let mut in_flight = InFlight::default();
        in_flight.push(key(1));
        assert!(in_flight.queued(&key(1)) && !in_flight.queued(&key(1)) && !in_flight.queued(&key(2)));
        assert_eq!(in_flight.take_answered(), [(key(1), None)]);
        assert_eq!((in_flight.posted(), in_flight.is_empty()), ((1, None), true));
    }
}
