//! The messages that wait for a moderator's approval.

use protocol::admin::{Decision, QueuePage};
use protocol::{Epoch, ErrorCode, Position};

use super::hub::Hub;
use super::pass::Pass;
use crate::access::Action;
use crate::store::{Command, Decide, Outcome, Refusal, Verdict};

impl Hub {
    /// Returns how many messages wait for approval in a room, and the oldest or newest `limit` of
    /// them.
    pub async fn queue(&self, pass: &Pass, limit: usize, newest_first: bool) -> Result<QueuePage, ErrorCode> {
        if pass.action != Action::Moderate {
            return Err(ErrorCode::AccessRefused);
        }
        // The version before the messages: a later change then wakes the moderator.
        let version = *self.registry.watch_queues().borrow();
        let waiting = self.history.waiting(&pass.room, limit, newest_first).await;
        let (count, waiting) = waiting.map_err(|_| ErrorCode::Unavailable)?;
        Ok(QueuePage { version, count, waiting })
    }

    /// Resolves when the version of the queues is another one.
    pub async fn queue_changed(&self, version: u64) {
        // Fails only if the registry is gone, which this hub has.
        let _ = self.registry.watch_queues().wait_for(|now| *now != version).await;
    }

    /// Approves or rejects a message of the queue. Returns the position of the approved message. If
    /// the message was decided before, that decision stands.
    pub async fn decide(&self, pass: &Pass, id: u64, decision: Decision) -> Result<Option<Position>, Refusal> {
        let (room, actor, time, rooms_max) = (pass.room.clone(), pass.actor, (self.clock())(), self.rules().rooms_max);
        let command = Command::Decide(Box::new(Decide { room, id, decision, actor, time, rooms_max }));
        let epoch = self.history.epoch();
        position(self.run(command).await?, epoch)
    }
}

fn position(outcome: Outcome, epoch: Epoch) -> Result<Option<Position>, Refusal> {
    match outcome {
        Outcome::Decided(Verdict::Approved { offset }) => Ok(Some(Position { epoch, offset })),
        Outcome::Decided(Verdict::Rejected { .. }) => Ok(None),
        Outcome::Refused(refusal) => Err(refusal),
        // A decision has no other outcome.
        _ => Err(ErrorCode::Unavailable.into()),
    }
}
