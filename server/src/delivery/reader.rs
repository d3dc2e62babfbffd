//! What one reader of a room is told next. Pure: no clock, lock, task or socket. Time comes in as
//! ticks.
//!
//! Every transport drives this machine: the broadcaster for readers that are caught up, a
//! connection's own task for those that are not, and a long-poll. They ask [`Reader::next`], act,
//! and report what was done.

use crate::room::Extent;

/// A tick that never comes.
pub const NEVER: u32 = u32::MAX;
/// How many heartbeats in a row may go without a reply.
const UNANSWERED_MAX: u8 = 2;

/// The rules for all readers of a wire format. Times are in ticks.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The time from one heartbeat to the next.
    pub heartbeat: u32,
    /// True if a reader that replies to no heartbeat counts as gone.
    pub expects_replies: bool,
    /// The time after which a heartbeat flushes what a proxy may hold back.
    pub flush: Flush,
    /// How long a write may make no progress.
    pub write_time_max: u32,
    /// How long a response may last; [`NEVER`] is no bound.
    pub age_max: u32,
    /// The same for a response that shows a message's earlier text.
    pub stale_texts_age_max: u32,
    /// The same for a response that shows a message's earlier reactions.
    pub stale_reactions_age_max: u32,
    /// How many bytes a response may have.
    pub bytes_max: u64,
}

impl Rules {
    /// Rules by which nothing is ever due.
    pub const NONE: Self = Self {
        heartbeat: NEVER,
        expects_replies: false,
        flush: Flush::Off,
        write_time_max: NEVER,
        age_max: NEVER,
        stale_texts_age_max: NEVER,
        stale_reactions_age_max: NEVER,
        bytes_max: u64::MAX,
    };
}

/// When a heartbeat follows what was written, so that a proxy which holds back the last chunk until
/// the next one lets it go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Never.
    Off,
    /// This many ticks after the start.
    Once(u32),
    /// This many ticks after the start, and after anything else that was written.
    Always(u32),
}

/// What of a response has changed since it was written, if the wire format has no words for a
/// change. The reader then goes on with another response. In rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stale {
    /// Nothing.
    #[default]
    Nothing,
    /// Reactions.
    Reactions,
    /// Texts.
    Texts,
}

/// What a reader has been told, and when something is due.
#[derive(Debug)]
pub struct Reader {
    /// The log up to here was written, or told to be missing.
    cursor: u64,
    /// How many bytes the response may still have.
    bytes_left: u64,
    online_told: u32,
    heartbeat_due: u32,
    flush_due: u32,
    /// When a write that makes no progress ends the session.
    write_due: u32,
    /// When the response began.
    began_at: u32,
    unanswered: u8,
    stale: Stale,
}

/// What a driver sees when it asks.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The time.
    pub tick: u32,
    /// Where the room's log begins and ends.
    pub extent: Extent,
    /// The number of sessions in the room, if readers are to be told now.
    pub online: Option<u32>,
    /// True if everything that was written has left for the reader, so that it could have replied.
    pub is_caught_up: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing, until something changes.
    Wait,
    /// Tell the reader that entries are missing, and go on where the log begins.
    Gap,
    /// Tell the reader how many sessions the room has.
    Presence(u32),
    /// Write a heartbeat.
    Heartbeat,
    /// Write the entries after the cursor.
    Entries,
    /// End the session.
    End(Reason),
}

/// Why the machine ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The reader takes nothing of what is written to it.
    TooSlow,
    /// The reader does not reply.
    Silent,
    /// The response is long or old enough; the reader goes on with another one.
    Recycled,
}

impl Reader {
    /// Returns a reader that has the log up to `cursor` and was told of `online` sessions.
    pub fn new(cursor: u64, online: u32, tick: u32, rules: &Rules) -> Self {
        let flush_due = match rules.flush {
            Flush::Off => NEVER,
            Flush::Once(time) | Flush::Always(time) => after(tick, time),
        };
        Self {
            cursor,
            bytes_left: rules.bytes_max,
            online_told: online,
            heartbeat_due: after(tick, rules.heartbeat),
            flush_due,
            write_due: NEVER,
            began_at: tick,
            unanswered: 0,
            stale: Stale::Nothing,
        }
    }

    /// Returns the offset up to which the log was written or told to be missing.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Returns the number of sessions that the reader was last told.
    pub fn online_told(&self) -> u32 {
        self.online_told
    }

    /// Decides what to do next. `has_replied` says whether the reader was heard of since the last
    /// heartbeat; it is asked only when that matters.
    ///
    /// What is rare comes before the log: a busy room always has more entries.
    pub fn next(&mut self, seen: &Seen, rules: &Rules, has_replied: impl FnOnce() -> bool) -> Next {
        if let Some(reason) = self.overdue(seen.tick, rules) {
            return Next::End(reason);
        }
        if self.cursor < seen.extent.expired {
            return Next::Gap;
        }
        if let Some(online) = seen.online.filter(|online| *online != self.online_told) {
            return Next::Presence(online);
        }
        if seen.tick >= self.heartbeat_due {
            self.heartbeat_due = seen.tick.saturating_add(rules.heartbeat);
            self.flush_due = NEVER;
            if rules.expects_replies && seen.is_caught_up {
                self.unanswered = if has_replied() { 0 } else { self.unanswered + 1 };
            }
            return if self.unanswered < UNANSWERED_MAX { Next::Heartbeat } else { Next::End(Reason::Silent) };
        }
        if seen.tick >= self.flush_due {
            self.flush_due = NEVER;
            return Next::Heartbeat;
        }
        if self.cursor < seen.extent.latest { Next::Entries } else { Next::Wait }
    }

    /// Returns why the session is over, if its time or its bytes are used up.
    pub fn overdue(&self, tick: u32, rules: &Rules) -> Option<Reason> {
        if tick >= self.write_due {
            return Some(Reason::TooSlow);
        }
        (tick >= self.expires_at(rules) || self.bytes_left == 0).then_some(Reason::Recycled)
    }

    /// Returns the tick at which the session ends if nothing happens before.
    pub fn ends_at(&self, rules: &Rules) -> u32 {
        self.write_due.min(self.expires_at(rules))
    }

    /// Returns the tick at which the response is too old.
    fn expires_at(&self, rules: &Rules) -> u32 {
        let age_max = match self.stale {
            Stale::Nothing => rules.age_max,
            Stale::Reactions => rules.stale_reactions_age_max,
            Stale::Texts => rules.stale_texts_age_max,
        };
        after(self.began_at, age_max)
    }

    /// Notes that something which was written has changed since.
    pub fn set_stale(&mut self, stale: Stale) {
        self.stale = self.stale.max(stale);
    }

    /// True if an answer of so many bytes still fits into the response.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        bytes as u64 <= self.bytes_left
    }

    /// Ends the response with the next question: what comes next does not fit.
    pub fn set_full(&mut self) {
        self.bytes_left = 0;
    }

    /// Notes that the log up to `offset` was written or told to be missing.
    pub fn advance_to(&mut self, offset: u64) {
        self.cursor = offset;
    }

    /// Notes that the reader was told of `online` sessions.
    pub fn set_online_told(&mut self, online: u32) {
        self.online_told = online;
    }

    /// Notes that bytes were written, which are no heartbeat.
    pub fn wrote(&mut self, bytes: usize, tick: u32, rules: &Rules) {
        // One byte stays: only `set_full` ends a response.
        self.bytes_left = self.bytes_left.saturating_sub(bytes as u64).max(1);
        if let Flush::Always(time) = rules.flush
            && self.flush_due == NEVER
        {
            self.flush_due = after(tick, time);
        }
    }

    /// Notes that the socket does not take everything, and whether it has taken some.
    pub fn blocked(&mut self, has_taken_some: bool, tick: u32, rules: &Rules) {
        if has_taken_some || self.write_due == NEVER {
            self.write_due = tick.saturating_add(rules.write_time_max);
        }
    }

    /// Notes that the socket has taken everything.
    pub fn unblocked(&mut self) {
        self.write_due = NEVER;
    }

    /// True if a heartbeat is still to flush what was written.
    pub fn is_to_be_flushed(&self, rules: &Rules) -> bool {
        matches!(rules.flush, Flush::Always(_)) && self.flush_due != NEVER
    }
}

/// Returns the tick by which at least `ticks` have passed. The current one began some time ago.
fn after(tick: u32, ticks: u32) -> u32 {
    tick.saturating_add(ticks).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB_SOCKET: Rules = Rules {
        heartbeat: 80,
        expects_replies: true,
        flush: Flush::Off,
        write_time_max: 40,
        age_max: NEVER,
        stale_texts_age_max: 1,
        stale_reactions_age_max: 20,
        bytes_max: u64::MAX,
    };
    const EVENTS: Rules = Rules { expects_replies: false, flush: Flush::Always(4), age_max: 1000, bytes_max: 1000, ..WEB_SOCKET };
    const LIVE: Rules = Rules { flush: Flush::Once(4), ..EVENTS };
    const POLL: Rules = Rules { heartbeat: NEVER, flush: Flush::Off, age_max: NEVER, bytes_max: u64::MAX, ..EVENTS };

    use Next::{End, Entries, Gap, Heartbeat, Presence, Wait};

    /// What happens to a reader, and what it is told then, by the rules of a WebSocket, an event
    /// stream, live HTML and a long-poll.
    const STORY: &[(&str, Seen, [Next; 4])] = &[
        ("it catches up", seen(0, 0, 3, None), [Entries; 4]),
        ("it has caught up", seen(0, 0, 3, None), [Wait; 4]),
        ("proxies are flushed after the start", seen(5, 0, 3, None), [Wait, Heartbeat, Heartbeat, Wait]),
        ("an entry is published", seen(6, 0, 4, None), [Entries; 4]),
        ("proxies are flushed after an entry", seen(11, 0, 4, None), [Wait, Heartbeat, Wait, Wait]),
        ("nothing is flushed twice", seen(20, 0, 4, None), [Wait; 4]),
        ("somebody comes", seen(21, 0, 4, Some(2)), [Presence(2); 4]),
        ("they come again", seen(22, 0, 4, Some(2)), [Wait; 4]),
        ("proxies are flushed after presence", seen(26, 0, 4, None), [Wait, Heartbeat, Wait, Wait]),
        ("the next entries expire before they are read", seen(27, 7, 9, None), [Gap; 4]),
        ("it goes on after the gap", seen(27, 7, 9, None), [Entries; 4]),
        ("proxies are flushed after the gap", seen(32, 7, 9, None), [Wait, Heartbeat, Wait, Wait]),
        ("a heartbeat is due, and it has not replied", seen(81, 7, 9, None), [Heartbeat, Heartbeat, Heartbeat, Wait]),
        ("what is rare comes before the log", seen(161, 7, 10, Some(3)), [Presence(3); 4]),
        ("it has not replied again", seen(161, 7, 10, None), [End(Reason::Silent), Heartbeat, Heartbeat, Entries]),
    ];

    const fn seen(tick: u32, first: u64, latest: u64, online: Option<u32>) -> Seen {
        Seen { tick, extent: Extent { expired: first, latest }, online, is_caught_up: true }
    }

    /// Does what the machine asks for.
    fn act(reader: &mut Reader, next: Next, seen: &Seen, rules: &Rules) {
        match next {
            Entries => reader.advance_to(seen.extent.latest),
            Gap => reader.advance_to(seen.extent.expired),
            Presence(online) => reader.set_online_told(online),
            Heartbeat | Wait | End(_) => return,
        }
        reader.wrote(10, seen.tick, rules);
    }

    #[test]
    fn tells_the_same_story_on_every_transport() {
        for (transport, rules) in [WEB_SOCKET, EVENTS, LIVE, POLL].iter().enumerate() {
            let mut reader = Reader::new(0, 1, 0, rules);
            for (what, seen, expected) in STORY {
                let next = reader.next(seen, rules, || false);
                assert_eq!(next, expected[transport], "transport {transport}: {what}");
                act(&mut reader, next, seen, rules);
            }
        }
    }

    #[test]
    fn a_reply_keeps_a_reader() {
        let mut reader = Reader::new(0, 1, 0, &WEB_SOCKET);
        for beat in 1..20 {
            let next = reader.next(&seen(beat * 81, 0, 0, None), &WEB_SOCKET, || beat % 2 == 0);
            assert_eq!(next, Heartbeat);
        }
    }

    #[test]
    fn a_reader_that_is_behind_is_not_expected_to_reply() {
        let mut reader = Reader::new(0, 1, 0, &WEB_SOCKET);
        for beat in 1..5 {
            let seen = Seen { is_caught_up: false, ..seen(beat * 81, 0, 1, None) };
            assert_eq!(reader.next(&seen, &WEB_SOCKET, || panic!("nobody asks")), Heartbeat);
            assert_eq!(reader.next(&seen, &WEB_SOCKET, || panic!("nobody asks")), Entries);
        }
    }

    #[test]
    fn progress_keeps_a_slow_reader_and_standstill_ends_it() {
        let mut reader = Reader::new(0, 1, 0, &POLL);
        for tick in (0..200).step_by(30) {
            reader.blocked(true, tick, &POLL);
        }
        reader.blocked(false, 200, &POLL);
        assert_eq!((reader.overdue(219, &POLL), reader.ends_at(&POLL)), (None, 220));
        assert_eq!(reader.overdue(220, &POLL), Some(Reason::TooSlow));
        reader.unblocked();
        assert_eq!(reader.overdue(220, &POLL), None);
    }

    #[test]
    fn a_response_ends_when_it_is_full_or_old() {
        let mut reader = Reader::new(0, 1, 0, &EVENTS);
        reader.wrote(2000, 0, &EVENTS);
        assert!(!reader.has_room_for(10));
        assert_eq!(reader.overdue(0, &EVENTS), None, "an entry has to be refused first");
        reader.set_full();
        assert_eq!(reader.next(&seen(0, 0, 1, None), &EVENTS, || true), End(Reason::Recycled));
        assert!(reader.is_to_be_flushed(&EVENTS));
        let mut reader = Reader::new(0, 1, 0, &LIVE);
        assert_eq!(reader.overdue(1000, &LIVE), None);
        assert_eq!(reader.next(&seen(1001, 0, 1, None), &LIVE, || true), End(Reason::Recycled));
        assert!(!reader.is_to_be_flushed(&LIVE));
    }
    #[test]
    fn a_stale_response_ends_soon_and_one_with_other_reactions_a_while_after_it_began() {
        let mut reader = Reader::new(0, 1, 10, &LIVE);
        reader.set_stale(Stale::Reactions);
        assert_eq!((reader.overdue(30, &LIVE), reader.ends_at(&LIVE)), (None, 31));
        assert_eq!(reader.overdue(31, &LIVE), Some(Reason::Recycled));
        reader.set_stale(Stale::Texts);
        reader.set_stale(Stale::Reactions);
        assert_eq!((reader.overdue(11, &LIVE), reader.overdue(12, &LIVE)), (None, Some(Reason::Recycled)));
        // One that began long ago ends at once.
        let mut reader = Reader::new(0, 1, 10, &LIVE);
        assert_eq!(reader.overdue(500, &LIVE), None);
        reader.set_stale(Stale::Reactions);
        assert_eq!(reader.overdue(500, &LIVE), Some(Reason::Recycled));
    }
}
