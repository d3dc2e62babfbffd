//! Publishing over whatever channel is in use: frames on a WebSocket, and elsewhere one post at a time.

use protocol::{ClientFrame, ErrorCode, Problem, PublishRequest, Published};
use serde::Serialize;

use super::{Action, Channel, Core, Update};
use crate::Transport;

/// How long the entry of a message that is durable may be missing from a silent stream, in milliseconds. A stream on which
/// it does not come holds something back.
const LATE_MS: u64 = 5_000;

impl Core {
    /// How many publishes may be unanswered.
    pub(super) fn window(&self) -> usize {
        match self.current {
            Some(Channel { transport: Transport::WebSocket, .. }) => self.limits.publishes_in_flight_max,
            _ => 1,
        }
    }

    /// Sends what may be sent now.
    pub(super) fn flush(&mut self, now: u64) {
        let Some(Channel { id, transport, epoch: Some(_), .. }) = self.current else { return };
        while let Some(message) = self.outbox.next(self.window(), now).cloned() {
            let Some(key) = message.key.clone() else { return };
            self.refs += 1;
            let r#ref = self.refs;
            let action = send(id, transport, r#ref, message);
            let (Action::Send { text, .. } | Action::Post { json: text, .. }) = &action else { return };
            if text.len() <= self.limits.frame_bytes_max {
                self.outbox.sent(r#ref, key, now);
                self.actions.push(action);
            } else {
                // The server would close the socket over it, each time it is sent again. A short text can be this long
                // as JSON when it is made of control characters.
                self.outbox.fail(&key, ErrorCode::TextTooLong, ErrorCode::TextTooLong.title().to_owned());
            }
        }
    }

    /// A message of ours is durable.
    pub(super) fn published(&mut self, r#ref: u64, published: Published, now: u64) {
        if let Some(key) = self.outbox.published(r#ref, published.position, now) {
            self.settle();
            self.tell(Update::Published { key, published });
        }
    }

    /// A message of ours was refused.
    pub(super) fn refused(&mut self, r#ref: u64, code: ErrorCode, detail: String, retry_after: Option<u64>, now: u64) {
        if code.is_temporary() {
            self.outbox.held(r#ref, retry_after, now, &mut self.rng);
        } else {
            self.outbox.refused(r#ref, code, detail);
        }
    }

    pub(super) fn posted(&mut self, r#ref: u64, result: Result<Published, Option<Problem>>, now: u64) {
        match result {
            Ok(published) => {
                self.published(r#ref, published, now);
                // Nobody waits for the next poll to see what they said themselves.
                self.woken(now);
            }
            Err(Some(Problem { code, title, detail, retry_after, .. })) => {
                self.refused(r#ref, code, detail.unwrap_or(title), retry_after, now);
            }
            Err(None) => self.outbox.lost(r#ref, now, &mut self.rng),
        }
    }

    /// When the channel in use is late with a message of ours.
    pub(super) fn late_at(&self) -> Option<u64> {
        let channel = self.current.as_ref().filter(|channel| channel.is_stream() && channel.proven.is_some())?;
        Some(self.outbox.stored_at()?.max(channel.heard()) + LATE_MS)
    }
}

fn send(channel: u32, transport: Transport, r#ref: u64, message: PublishRequest) -> Action {
    match transport {
        Transport::WebSocket => Action::Send { channel, text: write(&ClientFrame::Publish { r#ref, message }) },
        _ => Action::Post { r#ref, json: write(&message) },
    }
}

/// A value as the text it travels as.
pub(super) fn write(value: &impl Serialize) -> String {
    // What is sent has only string keys and plain values, so this can't fail. Saying so with `expect` would bring all that
    // writes errors out into the browser's bundle.
    serde_json::to_string(value).unwrap_or_default()
}
