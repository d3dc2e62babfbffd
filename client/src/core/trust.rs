//! Whether the server still answers on a channel. Everything that arrives is a sign of life.

/// Time without an answer after which a channel is in doubt, in milliseconds.
pub(super) const DOUBT_MS: u64 = 5_000;
/// Time without an answer to a message after which a channel is checked, in milliseconds. A server
/// that lives then has as long again to show it.
pub(super) const CHECK_MS: u64 = DOUBT_MS / 2;

/// Times are in milliseconds on the owner's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trust {
    answer: Answer,
    /// When the channel was last checked because of an unanswered message.
    checked: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    /// None is awaited.
    #[default]
    Given,
    /// One is awaited. Without a sign of life the channel is in doubt from `doubt_at` on.
    Awaited {
        doubt_at: u64,
    },
    Missing,
}

impl Trust {
    /// Records that something arrived.
    pub(super) fn restore(&mut self) {
        self.answer = Answer::Given;
    }

    /// Records a question. Without a sign of life the channel is in doubt from `doubt_at` on.
    pub(super) fn await_answer(&mut self, doubt_at: u64) {
        self.answer = match self.answer {
            Answer::Given => Answer::Awaited { doubt_at },
            Answer::Awaited { doubt_at: earlier } => Answer::Awaited { doubt_at: earlier.min(doubt_at) },
            Answer::Missing => Answer::Missing,
        };
    }

    /// Returns when a channel must be checked, because a message that was sent at `sent` has no
    /// answer. `heard` is when something last arrived.
    pub(super) fn check_at(&self, sent: u64, heard: u64) -> Option<u64> {
        (!self.is_doubted()).then(|| sent.max(heard).max(self.checked) + CHECK_MS)
    }

    /// Records that the channel is checked because of an unanswered message.
    pub(super) fn check(&mut self, now: u64) {
        self.checked = now;
        self.await_answer(now + DOUBT_MS - CHECK_MS);
    }

    /// Returns when the channel is in doubt, if nothing arrives before.
    pub(super) fn doubt_at(&self) -> Option<u64> {
        if let Answer::Awaited { doubt_at } = self.answer { Some(doubt_at) } else { None }
    }

    /// Puts the channel in doubt.
    pub(super) fn doubt(&mut self) {
        self.answer = Answer::Missing;
    }

    /// True if an answer is missing.
    pub(super) fn is_doubted(&self) -> bool {
        self.answer == Answer::Missing
    }
}
