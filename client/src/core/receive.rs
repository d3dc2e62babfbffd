//! What frames and pages from the server mean to a [`Core`].

use protocol::{Disconnect, Entry, ErrorCode, Gap, GapReason, Hello, Kind, MessagesPage, Position, Problem, ServerFrame};

use super::channel::Evidence;
use super::connect::Loss;
use super::{Core, Update};

/// Minimum pause before a busy server is asked again, in milliseconds.
const BUSY_MS: u64 = 1_000;

impl Core {
    /// Handles [`crate::Event::Received`].
    pub(super) fn received(&mut self, id: u32, frame: Option<ServerFrame>, now: u64) {
        let Some(channel) = self.channel(id) else { return };
        channel.hear(now);
        let is_greeted = channel.epoch.is_some();
        match frame {
            Some(ServerFrame::Pong { r#ref }) => channel.hear_pong(r#ref),
            _ => channel.hear_other(),
        }
        let mut evidence = Evidence::Frame;
        match frame {
            Some(ServerFrame::Hello(hello)) if !is_greeted => self.hello(id, hello, now),
            Some(frame) if is_greeted => {
                if let ServerFrame::Pong { .. } | ServerFrame::Published { .. } | ServerFrame::Error { .. } = frame {
                    evidence = Evidence::Answer;
                }
                self.frame(id, frame, now);
            }
            // Before the hello, no frame has a meaning.
            _ => {}
        }
        self.record(id, evidence, now);
    }

    /// Handles [`crate::Event::Comment`].
    pub(super) fn comment(&mut self, id: u32, now: u64) {
        if let Some(channel) = self.channel(id) {
            channel.hear(now);
            self.record(id, Evidence::Comment, now);
        }
    }

    fn record(&mut self, id: u32, evidence: Evidence, now: u64) {
        // A frame may have been sent long ago. An answer shows that there is a network now.
        self.offline &= evidence == Evidence::Frame;
        self.server_answered();
        if self.channel(id).is_some_and(|channel| channel.prove(evidence, now)) {
            self.proven(id, now);
        } else {
            self.heard_of(id, now);
        }
    }

    fn frame(&mut self, id: u32, frame: ServerFrame, now: u64) {
        match frame {
            ServerFrame::Message(entry) | ServerFrame::Change(entry) => self.entry(id, entry),
            ServerFrame::Gap(gap) => self.gap(id, gap, now),
            ServerFrame::Presence { online } => self.presence(online),
            ServerFrame::Published { r#ref, published } => self.published(r#ref, published, now),
            ServerFrame::Error { r#ref: Some(r#ref), code, detail, retry_after } => self.refused(r#ref, code, detail, retry_after, now),
            ServerFrame::Hello(_) | ServerFrame::Heartbeat | ServerFrame::Pong { .. } | ServerFrame::Error { r#ref: None, .. } => {}
        }
    }

    fn hello(&mut self, id: u32, hello: Hello, now: u64) {
        let Hello { position, latest, online, .. } = hello;
        let Some(channel) = self.channel(id) else { return };
        channel.greet(position.epoch, hello.heartbeat_seconds, now);
        let gap = hello.gap.or(unreported_gap(channel.after, position, position.offset, latest));
        self.latest = latest;
        self.limits = hello.limits;
        self.version = hello.version;
        self.presence(online);
        match gap {
            Some(gap) => self.gap(id, Gap { resumes: position, ..gap }, now),
            None => self.start_at(position),
        }
        self.settle_outbox();
    }

    /// Handles [`crate::Event::Page`].
    pub(super) fn page(&mut self, id: u32, result: Result<MessagesPage, Option<Problem>>, now: u64) {
        let follower = self.selection.follower;
        let Some(channel) = self.channel(id) else { return };
        let after = channel.after;
        if !channel.answer(follower, now) {
            return;
        }
        let before = self.cursor;
        match result {
            Ok(page) => self.entries(id, after, page, now),
            Err(Some(Problem { gap: Some(gap), .. })) => self.gap(id, gap, now),
            // The reader may not read here, over no transport.
            Err(Some(Problem { code: ErrorCode::NotFound | ErrorCode::AccessKeyUnknown, .. })) => {
                return self.stop(Disconnect::AccessEnded.code());
            }
            Err(Some(problem)) if problem.code.is_temporary() => {
                self.backoff.pause(problem.retry_after.unwrap_or_default().max(BUSY_MS), now);
                return self.give_up(id, Loss::Neutral, now);
            }
            Err(_) => return self.give_up(id, Loss::Failed { spread: None }, now),
        }
        if self.cursor != before
            && let Some(channel) = self.channel(id)
        {
            channel.pause(0, now);
        }
        self.record(id, Evidence::Answer, now);
        self.tick(now);
    }

    fn entries(&mut self, id: u32, after: Option<Position>, page: MessagesPage, now: u64) {
        let MessagesPage { position, latest, online, entries, .. } = page;
        let Some(channel) = self.channel(id) else { return };
        channel.epoch = Some(position.epoch);
        self.latest = latest.offset;
        // Without entries, the page's position must be the one that was asked for.
        let first = if entries.is_empty() { position.offset } else { 0 };
        if online > 0 {
            self.presence(online);
        }
        if after.is_none() {
            // The reader starts after these entries.
            self.start_at(position);
        } else if let Some(gap) = unreported_gap(after, position, first, latest.offset) {
            self.gap(id, gap, now);
        } else {
            entries.into_iter().for_each(|entry| self.entry(id, entry));
        }
        self.settle_outbox();
    }

    /// Sets the cursor of a reader that has none.
    fn start_at(&mut self, position: Position) {
        if self.cursor.is_none() {
            self.cursor = Some(position);
            self.report(Update::StartsAt(position));
        }
    }

    fn entry(&mut self, id: u32, entry: Entry) {
        // Entries of another log have no place in this one's order.
        let epoch = self.channel(id).and_then(|channel| channel.epoch);
        let is_next = |cursor: &&mut Position| Some(cursor.epoch) == epoch && entry.offset > cursor.offset;
        if let Some(cursor) = self.cursor.as_mut().filter(is_next) {
            cursor.offset = entry.offset;
            self.outbox.arrived(&entry, *cursor);
            if entry.kind == Kind::Room {
                self.outbox.room_changed();
            }
            self.report(if entry.kind.is_message() { Update::Entry(entry) } else { Update::Change(entry) });
            self.settle_outbox();
        }
    }

    fn gap(&mut self, id: u32, gap: Gap, now: u64) {
        let resumes = gap.resumes;
        let Some(channel) = self.channel(id) else { return };
        channel.epoch = Some(resumes.epoch);
        let asked = channel.after;
        // The gap may have been reported on another channel, or in this one's hello. Within a log
        // the cursor goes back only if the log itself was cut behind the reader; otherwise entries
        // would come twice.
        let (is_news, is_other_log) = match self.cursor {
            None => (true, false),
            Some(cursor) if cursor.epoch != resumes.epoch => (true, true),
            Some(cursor) if gap.reason == GapReason::BeyondEnd => {
                let was_cut = asked.is_some_and(|asked| asked.epoch == cursor.epoch && cursor.offset >= asked.offset);
                (was_cut, was_cut)
            }
            Some(cursor) => (resumes.offset > cursor.offset, false),
        };
        if is_news {
            self.cursor = Some(resumes);
            self.report(Update::Gap(gap));
            self.settle_outbox();
        }
        if is_other_log {
            self.outbox.log_replaced();
            self.close_other_channel(id, now);
        }
    }

    /// Closes the channel that still reads the former log.
    fn close_other_channel(&mut self, id: u32, now: u64) {
        if self.is_current(id) {
            self.close_candidate();
        } else {
            self.promote(now);
        }
    }

    fn presence(&mut self, online: usize) {
        if self.online != online {
            self.online = online;
            self.report(Update::Online(online));
        }
    }

    /// Removes the messages from the outbox whose entries the cursor has passed.
    pub(super) fn settle_outbox(&mut self) {
        if let Some(cursor) = self.cursor {
            self.outbox.reached(cursor);
        }
    }
}

/// Finds a gap that the server did not report. `asked` is the position in the request: by now
/// another channel may have moved the cursor. The log keeps the entries after `first` up to
/// `latest`.
fn unreported_gap(asked: Option<Position>, position: Position, first: u64, latest: u64) -> Option<Gap> {
    let reason = GapReason::find(asked?, position.epoch, first, latest)?;
    Some(Gap { reason, first: position, resumes: position })
}
