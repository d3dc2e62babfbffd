//! What a [`Core`] makes of the server's frames and pages.

use protocol::{Entry, Gap, GapReason, Hello, MessagesPage, Position, Problem, ServerFrame};

use super::channel::Sign;
use super::connect::Loss;
use super::{Core, Update};

/// The least time that a server which asks to be left alone is left alone, in milliseconds.
const HOLD_MS: u64 = 1_000;

impl Core {
    pub(super) fn received(&mut self, id: u32, frame: Option<ServerFrame>, now: u64) {
        let Some(channel) = self.channel(id) else { return };
        channel.hear(now);
        let is_greeted = channel.epoch.is_some();
        let mut sign = Sign::Frame;
        match frame {
            Some(ServerFrame::Pong { r#ref }) => channel.hear_pong(r#ref),
            _ => channel.hear_other(),
        }
        match frame {
            Some(ServerFrame::Hello(hello)) if !is_greeted => self.hello(id, hello, now),
            Some(frame) if is_greeted => {
                if let ServerFrame::Pong { .. } | ServerFrame::Published { .. } | ServerFrame::Error { .. } = frame {
                    sign = Sign::Answer;
                }
                self.frame(id, frame, now);
            }
            // Before hello nothing has a meaning.
            _ => {}
        }
        self.sign(id, sign, now);
    }

    pub(super) fn alive(&mut self, id: u32, now: u64) {
        if let Some(channel) = self.channel(id) {
            channel.hear(now);
            self.sign(id, Sign::Comment, now);
        }
    }

    fn sign(&mut self, id: u32, sign: Sign, now: u64) {
        // What came by itself may have waited for long; an answer says that there is a network.
        self.offline &= sign == Sign::Frame;
        if self.channel(id).is_some_and(|channel| channel.take(sign, now)) {
            self.proven(id, now);
        } else {
            self.heard_of(id, now);
        }
    }

    fn frame(&mut self, id: u32, frame: ServerFrame, now: u64) {
        match frame {
            ServerFrame::Message(entry) => self.message(id, entry),
            ServerFrame::Gap(gap) => self.gap(id, gap, now),
            ServerFrame::Presence { online } => self.count(online),
            ServerFrame::Published { r#ref, published } => self.published(r#ref, published, now),
            ServerFrame::Error { r#ref: Some(r#ref), code, detail, retry_after } => self.refused(r#ref, code, detail, retry_after, now),
            ServerFrame::Hello(_) | ServerFrame::Heartbeat | ServerFrame::Pong { .. } | ServerFrame::Error { r#ref: None, .. } => {}
        }
    }

    fn hello(&mut self, id: u32, hello: Hello, now: u64) {
        let Hello { position, latest, online, .. } = hello;
        let Some(channel) = self.channel(id) else { return };
        channel.greet(position.epoch, hello.heartbeat_seconds, now);
        let gap = hello.gap.or(unexplained(channel.after, position, position.offset, latest));
        self.limits = hello.limits;
        self.version = hello.version;
        self.count(online);
        match gap {
            Some(gap) => self.gap(id, Gap { resumes: position, ..gap }, now),
            None => self.begin(position),
        }
        self.settle();
    }

    pub(super) fn page(&mut self, id: u32, result: Result<MessagesPage, Option<Problem>>, now: u64) {
        let follows = self.selection.follows;
        let Some(channel) = self.channel(id) else { return };
        let after = channel.after;
        if !channel.answer(follows, now) {
            return;
        }
        let before = self.cursor;
        match result {
            Ok(page) => self.entries(id, after, page, now),
            Err(Some(Problem { gap: Some(gap), .. })) => self.gap(id, gap, now),
            Err(Some(problem)) if problem.code.is_temporary() => {
                self.backoff.hold(problem.retry_after.unwrap_or_default().max(HOLD_MS), now);
                return self.give_up(id, Loss::Innocent, now);
            }
            Err(_) => return self.give_up(id, Loss::Failed { spread: None }, now),
        }
        if self.cursor != before
            && let Some(channel) = self.channel(id)
        {
            channel.pause(0, now);
        }
        self.sign(id, Sign::Answer, now);
        self.tick(now);
    }

    fn entries(&mut self, id: u32, after: Option<Position>, page: MessagesPage, now: u64) {
        let MessagesPage { position, latest, online, entries, .. } = page;
        let Some(channel) = self.channel(id) else { return };
        channel.epoch = Some(position.epoch);
        // Without entries, the page's position is where it was asked from.
        let first = if entries.is_empty() { position.offset } else { 0 };
        if online > 0 {
            self.count(online);
        }
        if after.is_none() {
            // These came before the reader did.
            self.begin(position);
        } else if let Some(reason) = unexplained(after, position, first, latest.offset) {
            self.gap(id, reason, now);
        } else {
            entries.into_iter().for_each(|entry| self.message(id, entry));
        }
        self.settle();
    }

    /// A reader without a position has one from now on.
    fn begin(&mut self, position: Position) {
        if self.cursor.is_none() {
            self.cursor = Some(position);
            self.tell(Update::StartsAt(position));
        }
    }

    fn message(&mut self, id: u32, entry: Entry) {
        // A channel that reads another log has nothing to say that could be put in order.
        let epoch = self.channel(id).and_then(|channel| channel.epoch);
        let is_next = |cursor: &&mut Position| Some(cursor.epoch) == epoch && entry.offset > cursor.offset;
        if let Some(cursor) = self.cursor.as_mut().filter(is_next) {
            cursor.offset = entry.offset;
            self.outbox.arrived(&entry);
            self.tell(Update::Entry(entry));
            self.settle();
        }
    }

    fn gap(&mut self, id: u32, gap: Gap, now: u64) {
        let resumes = gap.resumes;
        let Some(channel) = self.channel(id) else { return };
        channel.epoch = Some(resumes.epoch);
        let asked = channel.after;
        // It may have been told on another channel, or on this one a moment ago. Going back in the same log would bring
        // entries a second time; that is right only if the log itself went back behind the reader.
        let (is_news, restarts) = match self.cursor {
            None => (true, false),
            Some(cursor) if cursor.epoch != resumes.epoch => (true, true),
            Some(cursor) if gap.reason == GapReason::BeyondEnd => {
                let went_back = asked.is_some_and(|asked| asked.epoch == cursor.epoch && cursor.offset >= asked.offset);
                (went_back, went_back)
            }
            Some(cursor) => (resumes.offset > cursor.offset, false),
        };
        if is_news {
            self.cursor = Some(resumes);
            self.tell(Update::Gap(gap));
            self.settle();
        }
        if restarts {
            self.close_others(id, now);
        }
    }

    /// The log is another one than before: what still reads the one before has nothing more to say.
    fn close_others(&mut self, id: u32, now: u64) {
        if self.is_current(id) {
            self.close_candidate();
        } else {
            self.promote(now);
        }
    }

    fn count(&mut self, online: usize) {
        if self.online != online {
            self.online = online;
            self.tell(Update::Online(online));
        }
    }

    pub(super) fn settle(&mut self) {
        if let Some(cursor) = self.cursor {
            self.outbox.reached(cursor);
        }
    }
}

/// The gap that a server brings without naming it. Its word that nothing is missing is checked, since a hole in what the
/// reader sees must never go unsaid. What counts is what was asked for: by now another channel may have brought more.
fn unexplained(asked: Option<Position>, position: Position, first: u64, latest: u64) -> Option<Gap> {
    let reason = GapReason::find(asked?, position.epoch, first, latest)?;
    Some(Gap { reason, first: position, resumes: position })
}
