//! The simulated server's log: messages and changes, and messages that wait for approval.

use std::collections::{HashMap, HashSet, VecDeque};

use super::*;

/// A log. Its messages are folded, as a server keeps them.
pub(super) struct Log {
    pub(super) epoch: u64,
    /// The entry at index 0 has offset 1.
    pub(super) entries: Vec<Entry>,
    /// Where the entry with each key is.
    keys: HashMap<PublishKey, u64>,
    /// When each entry was stored.
    pub(super) times: Vec<u64>,
    /// Entries up to here are no longer kept.
    pub(super) first: u64,
    /// What was refused for a time, or had to wait for approval: others may overtake it.
    pub(super) refused: HashSet<PublishKey>,
    /// What was refused for good, or changed nothing at first.
    pub(super) ineffective: HashSet<PublishKey>,
    /// True if messages wait for approval.
    pub(super) has_queue: bool,
    queue: VecDeque<PublishRequest>,
    rejected: HashSet<PublishKey>,
    /// Who reacted with what: the message's offset, the identity and the emoji.
    reactions: HashSet<(u64, Option<Tag>, Emoji)>,
}

/// What becomes of something that is published.
pub(super) enum Verdict {
    /// It is stored at this offset, perhaps since an earlier time.
    Stored {
        offset: u64,
        duplicate: bool,
    },
    /// It is to be stored.
    Store(Box<Entry>),
    Refused(ErrorCode),
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            epoch: 1,
            entries: Vec::new(),
            keys: HashMap::new(),
            times: Vec::new(),
            first: 0,
            refused: HashSet::new(),
            ineffective: HashSet::new(),
            has_queue: false,
            queue: VecDeque::new(),
            rejected: HashSet::new(),
            reactions: HashSet::new(),
        }
    }

    pub(super) fn latest(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Starts another, empty log.
    pub(super) fn replace(&mut self) {
        *self = Self { epoch: self.epoch + 1, ..Self::new() };
    }

    /// Decides about what a client publishes. `is_busy` refuses what is not known yet.
    pub(super) fn judge(&mut self, message: PublishRequest, is_busy: bool) -> Verdict {
        let key = message.key.clone().unwrap();
        if let Some(offset) = self.keys.get(&key) {
            return Verdict::Stored { offset: *offset, duplicate: true };
        }
        if self.rejected.contains(&key) {
            return Verdict::Refused(ErrorCode::Rejected);
        }
        if self.queue.iter().any(|queued| queued.key.as_ref() == Some(&key)) {
            return Verdict::Refused(ErrorCode::Queued);
        }
        if is_busy {
            self.refused.insert(key);
            return Verdict::Refused(ErrorCode::Overloaded);
        }
        if !message.kind.is_message() {
            return self.judge_change(key, message);
        }
        if self.has_queue {
            self.refused.insert(key);
            self.queue.push_back(message);
            return Verdict::Refused(ErrorCode::Queued);
        }
        Verdict::Store(Box::new(new_entry(message)))
    }

    fn judge_change(&mut self, key: PublishKey, change: PublishRequest) -> Verdict {
        let of = change.of.unwrap();
        let target = self.entries.get(usize::try_from(of - 1).unwrap()).filter(|entry| entry.kind.is_message());
        let Some(target) = target.filter(|entry| entry.offset > self.first && !entry.erased) else {
            self.ineffective.insert(key);
            return Verdict::Refused(ErrorCode::MessageGone);
        };
        let entry = new_entry(change);
        let is_same = match &entry.emoji {
            Some(emoji) => self.reactions.contains(&(of, entry.by, emoji.clone())) != entry.off,
            None => entry.kind == Kind::Edit && target.text == entry.text,
        };
        if is_same {
            self.ineffective.insert(key);
            return Verdict::Stored { offset: target.changed.max(of), duplicate: true };
        }
        Verdict::Store(Box::new(entry))
    }

    /// Appends an entry, and folds it into the message that it changes. Returns its offset.
    pub(super) fn append(&mut self, entry: Entry, now: u64) -> u64 {
        let entry = Entry { offset: self.latest() + 1, time: now, ..entry };
        if let Some(target) = entry.of.and_then(|of| self.entries.get_mut(usize::try_from(of - 1).unwrap())) {
            target.fold(&entry, None);
        }
        if let (Some(of), Some(emoji)) = (entry.of, &entry.emoji) {
            let reaction = (of, entry.by, emoji.clone());
            if entry.off {
                self.reactions.remove(&reaction)
            } else {
                self.reactions.insert(reaction)
            };
        }
        if entry.kind == Kind::Erase {
            let edits = self.entries.iter_mut().filter(|edit| edit.kind == Kind::Edit && edit.of == entry.of);
            edits.for_each(|edit| edit.text = Text::default());
        }
        self.keys.extend(entry.key.clone().map(|key| (key, entry.offset)));
        self.entries.push(entry);
        self.times.push(now);
        self.latest()
    }

    /// Lets a moderator decide about the oldest message that waits. Returns its entry if it is
    /// approved.
    pub(super) fn moderate(&mut self, is_approved: bool) -> Option<Entry> {
        let message = self.queue.pop_front()?;
        if !is_approved {
            let key = message.key.unwrap();
            self.ineffective.insert(key.clone());
            self.rejected.insert(key);
            return None;
        }
        Some(new_entry(message))
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Returns where a reader at `after` continues, and the gap if that is elsewhere.
    pub(super) fn resume(&self, after: Option<Position>) -> (Position, Option<Gap>) {
        let local = |offset| at(self.epoch, offset);
        let Some(after) = after else { return (local(self.latest()), None) };
        let Some(reason) = GapReason::find(after, Epoch(self.epoch), self.first, self.latest()) else { return (after, None) };
        let resumes = if reason == GapReason::Expired { self.first } else { self.first.max(self.latest().saturating_sub(50)) };
        let gap = Gap { reason, first: local(self.first), resumes: local(resumes) };
        (local(resumes), Some(gap))
    }

    pub(super) fn page(&self, after: Option<Position>) -> Result<MessagesPage, Box<Problem>> {
        let (position, gap) = self.resume(after);
        if gap.is_some() {
            return Err(Box::new(Problem { gap, ..ErrorCode::PositionGone.into() }));
        }
        let entries: Vec<Entry> = self.entries.iter().skip(usize::try_from(position.offset).unwrap()).take(20).cloned().collect();
        let position = at(self.epoch, position.offset + entries.len() as u64);
        let latest = at(self.epoch, self.latest());
        Ok(MessagesPage { room: RoomName::lobby(), entries, position, before: None, latest, online: 2, you: None })
    }
}

fn new_entry(message: PublishRequest) -> Entry {
    let PublishRequest { kind, of, text, key, emoji, off, .. } = message;
    Entry { kind, of, text, key, emoji, off, by: Some(Tag::from_bits(1)), ..Entry::default() }
}
