//! Publishing over the channel in use: frames on a WebSocket, otherwise one HTTP request at a time.

use protocol::{ClientFrame, ErrorCode, Problem, PublishRequest, Published};
use serde::Serialize;

use super::{Action, Channel, Core, Update};
use crate::Transport;

/// Time limit for the entry of a published message on an otherwise silent stream, in milliseconds.
/// After that, something on the way holds data back.
const OWN_ENTRY_MS: u64 = 5_000;

impl Core {
    /// Returns how many publishes may be unanswered.
    pub(super) fn window(&self) -> usize {
        match self.current {
            Some(Channel { transport: Transport::WebSocket, .. }) => self.limits.publishes_in_flight_max,
            _ => 1,
        }
    }

    /// Sends the messages that may be sent now.
    pub(super) fn send_messages(&mut self, now: u64) {
        let Some(Channel { id, transport, epoch: Some(_), .. }) = self.current else { return };
        while let Some(message) = self.outbox.next_to_send(self.window(), now).cloned() {
            let Some(key) = message.key.clone() else { return };
            self.last_ref += 1;
            let r#ref = self.last_ref;
            let action = send(id, transport, r#ref, message);
            let (Action::Send { text, .. } | Action::Post { json: text, .. }) = &action else { return };
            if text.len() <= self.limits.frame_bytes_max {
                self.outbox.sent(r#ref, key, now);
                self.actions.push(action);
            } else {
                // The server would close the WebSocket, each time the message is sent. A valid text
                // can be this long as JSON if it consists of control characters.
                self.outbox.fail(&key, ErrorCode::TextTooLong, ErrorCode::TextTooLong.title().to_owned());
            }
        }
    }

    /// Handles the answer that a message or change is durable.
    pub(super) fn published(&mut self, r#ref: u64, published: Published, now: u64) {
        if let Some(key) = self.outbox.published(r#ref, published.position, now) {
            self.settle_outbox();
            self.report(Update::Published { key, published });
        }
    }

    /// Handles the refusal of a message.
    pub(super) fn refused(&mut self, r#ref: u64, code: ErrorCode, detail: String, retry_after: Option<u64>, now: u64) {
        if code.is_temporary() {
            self.outbox.deferred(r#ref, code, retry_after, now, &mut self.rng);
        } else {
            self.outbox.refused(r#ref, code, detail);
        }
    }

    /// Handles [`crate::Event::Posted`].
    pub(super) fn posted(&mut self, r#ref: u64, result: Result<Published, Option<Problem>>, now: u64) {
        if let Ok(_) | Err(Some(_)) = result {
            self.server_answered();
        }
        match result {
            Ok(published) => {
                self.published(r#ref, published, now);
                // People see their own message without waiting for the next poll.
                self.woken(now);
            }
            Err(Some(Problem { code, title, detail, retry_after, .. })) => {
                self.refused(r#ref, code, detail.unwrap_or(title), retry_after, now);
            }
            Err(None) => self.outbox.unanswered(r#ref, now, &mut self.rng),
        }
    }

    /// Returns when the entry of a published message must have arrived on the stream in use.
    pub(super) fn own_entry_deadline(&self) -> Option<u64> {
        let channel = self.current.as_ref().filter(|channel| channel.is_stream() && channel.proven.is_some())?;
        Some(self.outbox.published_at()?.max(channel.heard()) + OWN_ENTRY_MS)
    }
}

fn send(channel: u32, transport: Transport, r#ref: u64, message: PublishRequest) -> Action {
    match transport {
        Transport::WebSocket => Action::Send { channel, text: to_json(&ClientFrame::Publish { r#ref, message }) },
        _ => Action::Post { r#ref, json: to_json(&message) },
    }
}

pub(super) fn to_json(value: &impl Serialize) -> String {
    // This can't fail: frames have only string keys and plain values. `expect` would add the code
    // that formats errors to the browser's bundle.
    serde_json::to_string(value).unwrap_or_default()
}
