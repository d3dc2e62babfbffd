//! Doubt about the channel in use. If a message of ours stays unanswered and nothing else arrives,
//! the channel is checked: by a ping, a new event stream, or a request. If nothing arrives after
//! that either, the channel is in doubt until something does, or until it is given up.

use super::Core;
use super::channel::Channel;

impl Core {
    /// Returns when the channel in use must be checked or is in doubt, if nothing arrives before.
    pub(super) fn doubt_deadline(&self) -> Option<u64> {
        let doubt = self.current.as_ref().and_then(Channel::doubt_at);
        self.message_check_at().into_iter().chain(doubt).min()
    }

    fn message_check_at(&self) -> Option<u64> {
        self.current.as_ref()?.check_at(self.outbox.unanswered_since()?)
    }

    /// Records that the server lives, whatever it answered and where.
    pub(super) fn server_answered(&mut self) {
        if let Some(channel) = &mut self.current {
            channel.trust.restore();
        }
    }

    /// Doubts or checks the channel in use, if that is due.
    pub(super) fn doubt(&mut self, now: u64) {
        if let Some(channel) = self.current.as_mut().filter(|channel| channel.doubt_at().is_some_and(|at| now >= at)) {
            channel.trust.doubt();
        }
        if self.message_check_at().is_some_and(|at| now >= at)
            && let Some(channel) = &mut self.current
        {
            channel.trust.check(now);
            self.check_current(now);
        }
    }
}
