//! What a [`Core`] makes of the server's frames.

use protocol::{ClientFrame, Entry, ErrorCode, Gap, GapReason, Hello, Position, ServerFrame};

use super::session::Session;
use super::{Core, Link, Update};

impl Core {
    pub(super) fn receive(&mut self, frame: Option<ServerFrame>, now: u64) {
        if let Link::Live(session) = &mut self.link {
            session.hear(now);
        }
        let Some(frame) = frame else { return };
        match (&self.link, frame) {
            (Link::Connecting { .. }, ServerFrame::Hello(hello)) => self.hello(hello, now),
            (Link::Live(_), frame) => self.frame(frame, now),
            // Before hello nothing has a meaning, and a socket that was given up has nothing to say.
            _ => {}
        }
    }

    fn frame(&mut self, frame: ServerFrame, now: u64) {
        match frame {
            ServerFrame::Message(entry) => self.message(entry),
            ServerFrame::Gap(gap) => self.gap(gap),
            ServerFrame::Presence { here } => self.count(here),
            ServerFrame::Published { r#ref, published } => {
                if let Some(key) = self.outbox.published(r#ref, published.position) {
                    self.settle();
                    self.tell(Update::Published { key, published });
                }
            }
            ServerFrame::Error { r#ref: Some(r#ref), code, retry_after, .. } if code.is_temporary() => {
                self.outbox.held(r#ref, retry_after, now, &mut self.rng);
            }
            ServerFrame::Error { r#ref: Some(r#ref), code, detail, .. } => self.outbox.refused(r#ref, code, detail),
            ServerFrame::Hello(_) | ServerFrame::Heartbeat | ServerFrame::Pong { .. } | ServerFrame::Error { r#ref: None, .. } => {}
        }
    }

    fn hello(&mut self, hello: Hello, now: u64) {
        self.link = Link::Live(Session::new(hello.heartbeat_seconds, now));
        self.offline = false;
        self.limits = hello.limits;
        let gap = hello.gap.clone().or_else(|| self.unexplained(&hello));
        let (position, here) = (hello.position, hello.here);
        self.tell(Update::Hello(hello));
        self.count(here);
        match gap {
            Some(gap) => self.gap(Gap { resumes: position, ..gap }),
            None => self.cursor = Some(self.cursor.unwrap_or(position)),
        }
        self.settle();
    }

    /// The gap that a hello brings without naming it. A server's word that nothing is missing is checked, since a hole
    /// in what the reader sees must never go unsaid.
    fn unexplained(&self, hello: &Hello) -> Option<Gap> {
        let Position { epoch, offset } = hello.position;
        let reason = GapReason::of(self.cursor?, epoch, offset, hello.latest)?;
        Some(Gap { reason, first: hello.position, resumes: hello.position })
    }

    fn message(&mut self, entry: Entry) {
        // There is a cursor on every live session: its hello set it.
        if let Some(cursor) = self.cursor.as_mut().filter(|cursor| entry.offset > cursor.offset) {
            cursor.offset = entry.offset;
            self.outbox.arrived(&entry);
            self.tell(Update::Entry(entry));
            self.settle();
        }
    }

    fn gap(&mut self, gap: Gap) {
        let resumes = gap.resumes;
        // Going back in the same log would bring entries a second time.
        let nothing_missed =
            |cursor: Position| gap.reason == GapReason::Expired && cursor.epoch == resumes.epoch && resumes.offset <= cursor.offset;
        if !self.cursor.is_some_and(nothing_missed) {
            self.cursor = Some(resumes);
            self.tell(Update::Gap(gap));
            self.settle();
        }
    }

    fn count(&mut self, here: usize) {
        if self.here != here {
            self.here = here;
            self.tell(Update::Here(here));
        }
    }

    fn settle(&mut self) {
        if let Some(cursor) = self.cursor {
            self.outbox.reached(cursor);
        }
    }

    /// Sends what may be sent now.
    pub(super) fn flush(&mut self, now: u64) {
        let Link::Live(session) = &mut self.link else { return };
        while let Some(message) = self.outbox.next(self.limits.publishes_in_flight_max, now).cloned() {
            let Some(key) = message.key.clone() else { return };
            let r#ref = session.next_ref();
            let text = write(&ClientFrame::Publish { r#ref, message });
            if text.len() <= self.limits.frame_bytes_max {
                self.outbox.sent(r#ref, key, now);
                self.actions.push(super::Action::Send(text));
            } else {
                // The server would close the socket over it, each time it is sent again. A short text can be this long
                // as JSON when it is made of control characters.
                self.outbox.fail(&key, ErrorCode::TextTooLong, ErrorCode::TextTooLong.title().to_owned());
            }
        }
    }
}

/// A frame as the text it travels as.
pub(super) fn write(frame: &ClientFrame) -> String {
    // A frame has only string keys and plain values, so this can't fail. Saying so with `expect` would bring all that
    // writes errors out into the browser's bundle.
    serde_json::to_string(frame).unwrap_or_default()
}
