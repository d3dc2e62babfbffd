//! What the reader has seen: where the unread messages begin, how many arrived while the page was
//! hidden, and how many while the reader was absent.
//!
//! A reader is absent while the page is hidden or closed, or has no connection. Times are in
//! milliseconds since 1970.

/// An interruption up to this long is no absence.
const BRIEF_MS: u64 = 2_000;
/// A connected page that hears nothing for this long was asleep: servers send heartbeats.
const ASLEEP_MS: u64 = 90_000;

/// What the reader has seen of a room. All offsets belong to one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The newest entry that the reader has seen.
    seen: u64,
    /// The unread line stands after this entry.
    after: Option<u64>,
    /// How many messages arrived while the page was hidden.
    hidden: usize,
    /// True while the reader sees the newest entry.
    looks: bool,
    /// When the server was last heard.
    heard: u64,
    /// Since when the reader is absent.
    absent: Option<u64>,
    backlog: Option<Backlog>,
}

/// What arrived in the reader's absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// It begins after this offset.
    pub after: u64,
    /// The offset of its newest entry.
    last: u64,
    /// How many of these entries are no longer kept.
    expired: u64,
    /// When the absence began; 0 if that is not known.
    pub since: u64,
}

impl Backlog {
    /// How many entries it has, loaded or not.
    pub fn count(self) -> u64 {
        self.last.saturating_sub(self.after + self.expired)
    }
}

impl Unread {
    /// Starts a visit at `now`, of a reader who left at `left` and had seen everything up to
    /// `seen`; `None` on their first visit. They are absent until [`Unread::back`].
    pub fn open(seen: Option<u64>, left: u64, latest: u64, now: u64) -> Self {
        let absent = seen.map(|_| left);
        let seen = seen.unwrap_or(latest);
        let missed = seen < latest;
        let backlog = missed.then_some(Backlog { after: seen, last: latest, expired: 0, since: left });
        Self { seen, after: missed.then_some(seen), hidden: 0, looks: false, heard: now, absent, backlog }
    }

    /// Another log replaced this one. The reader has seen nothing of it.
    #[must_use]
    pub fn start_over(self) -> Self {
        Self { seen: 0, after: None, backlog: None, ..self }
    }

    /// The connected page heard the server.
    #[must_use]
    pub fn heard(self, now: u64) -> Self {
        let slept = now.saturating_sub(self.heard) >= ASLEEP_MS;
        Self { heard: now, ..if slept { self.leave(self.heard) } else { self } }
    }

    /// There is no connection.
    #[must_use]
    pub fn disconnected(self, now: u64) -> Self {
        if now.saturating_sub(self.heard) >= BRIEF_MS { self.leave(self.heard) } else { self }
    }

    /// The reader became absent.
    #[must_use]
    pub fn leave(self, now: u64) -> Self {
        Self { absent: self.absent.or(Some(now)), looks: false, ..self }
    }

    /// The reader is back: the page is visible, connected, and has everything that it missed.
    #[must_use]
    pub fn back(self) -> Self {
        Self { absent: None, ..self }
    }

    /// True while the reader is absent.
    pub fn is_absent(self) -> bool {
        self.absent.is_some()
    }

    /// `looks` is true if the reader sees the newest entry: the page is visible and the list at its
    /// end.
    #[must_use]
    pub fn look(self, looks: bool, latest: u64) -> Self {
        let looks = looks && self.absent.is_none();
        Self { looks, seen: if looks { self.seen.max(latest) } else { self.seen }, ..self }
    }

    /// The page became visible or hidden.
    #[must_use]
    pub fn visible(self, visible: bool) -> Self {
        Self { hidden: if visible { 0 } else { self.hidden }, ..self }
    }

    /// `count` messages of others arrived; the newest entry is `latest`.
    #[must_use]
    pub fn arrived(self, count: usize, latest: u64, visible: bool) -> Self {
        // Another tab may have seen them before.
        let count = count.min(latest.saturating_sub(self.seen) as usize);
        if count == 0 {
            return self.look(self.looks, latest);
        }
        let backlog = match self.absent {
            Some(since) => Some(Backlog { last: latest, ..self.backlog_since(since) }),
            None => self.backlog,
        };
        // The first message after the reader left sets the line; later messages do not move it.
        let away_again = !self.looks && self.after.is_none_or(|after| after < self.seen);
        let after = match backlog {
            Some(backlog) => Some(backlog.after),
            None if away_again => Some(self.seen),
            None => self.after,
        };
        let hidden = if visible { 0 } else { self.hidden + count };
        Self { after, hidden, backlog, ..self }.look(self.looks, latest)
    }

    /// `missing` entries up to the offset `last` arrive no more: they expired.
    #[must_use]
    pub fn expired(self, missing: u64, last: u64) -> Self {
        let Some(since) = self.absent else { return self };
        let backlog = self.backlog_since(since);
        Self { backlog: Some(Backlog { expired: backlog.expired + missing, last, ..backlog }), ..self }
    }

    fn backlog_since(self, since: u64) -> Backlog {
        self.backlog.unwrap_or(Backlog { after: self.seen, last: self.seen, expired: 0, since })
    }

    /// The reader published a message, so they have read those above it.
    #[must_use]
    pub fn published(self) -> Self {
        Self { after: None, backlog: None, ..self }
    }

    /// The reader has seen where the backlog begins.
    #[must_use]
    pub fn found(self) -> Self {
        Self { backlog: None, ..self }
    }

    /// The reader says that they have read everything.
    #[must_use]
    pub fn read(self, latest: u64) -> Self {
        Self { seen: self.seen.max(latest), ..self.published() }
    }

    /// The reader has seen everything up to `seen` in another tab; the newest entry is `latest`.
    #[must_use]
    pub fn read_elsewhere(self, seen: u64, latest: u64) -> Self {
        if seen <= self.seen() {
            return self;
        }
        let rest = latest.saturating_sub(seen);
        let backlog = self.backlog.filter(|backlog| seen < backlog.last);
        Self {
            seen: self.seen.max(seen),
            after: self.after.filter(|_| rest > 0).map(|after| after.max(seen)),
            hidden: self.hidden.min(rest as usize),
            backlog: backlog.map(|backlog| Backlog { after: seen, expired: 0, ..backlog }),
            ..self
        }
    }

    /// The entry after which the unread line stands.
    pub fn line(self) -> Option<u64> {
        self.after
    }

    /// What arrived in the reader's last absence, once they are back, until they have found it.
    pub fn backlog(self) -> Option<Backlog> {
        self.backlog.filter(|backlog| self.absent.is_none() && backlog.count() > 0)
    }

    /// The newest entry that the reader has seen, for their next visit.
    pub fn seen(self) -> u64 {
        self.backlog.map_or(self.seen, |backlog| backlog.after)
    }

    /// The last time at which the reader was there and had seen everything, for their next visit.
    pub fn left(self, now: u64) -> u64 {
        self.backlog.map(|backlog| backlog.since).or(self.absent).unwrap_or(now)
    }

    /// How many messages arrived while the page was hidden.
    pub fn hidden(self) -> usize {
        self.hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A first visit, of a reader who sees the newest entry.
    fn here(latest: u64) -> Unread {
        Unread::open(None, 0, latest, 0).look(true, latest)
    }

    fn back(seen: u64, latest: u64) -> Unread {
        Unread::open(Some(seen), 500, latest, 1_000).back().look(true, latest)
    }

    fn count(unread: Unread) -> Option<u64> {
        unread.backlog().map(Backlog::count)
    }

    #[test]
    fn the_line_stands_where_the_last_visit_ended() {
        assert_eq!(here(50).line(), None);
        assert_eq!(back(50, 50).line(), None);
        // The line stays while the reader looks at it.
        assert_eq!(back(40, 50).line(), Some(40));
        assert_eq!(back(40, 50).found().line(), Some(40));
        assert_eq!(back(40, 50).found().seen(), 50);
        assert_eq!(back(40, 50).published().line(), None);
    }

    #[test]
    fn the_first_message_after_the_reader_left_sets_the_line() {
        let here = here(10).arrived(1, 11, true);
        assert_eq!((here.line(), here.seen()), (None, 11));
        let away = here.look(false, 11).arrived(1, 12, true).arrived(2, 14, true);
        assert_eq!((away.line(), away.seen(), count(away)), (Some(11), 11, None));
        let back = away.look(true, 14).arrived(1, 15, true);
        assert_eq!((back.line(), back.seen()), (Some(11), 15));
        assert_eq!(back.look(false, 15).line(), Some(11));
        assert_eq!(back.look(false, 15).arrived(1, 16, true).line(), Some(15));
    }

    #[test]
    fn counts_messages_while_the_page_is_hidden() {
        let hidden = here(1).leave(9).visible(false).arrived(2, 3, false).arrived(1, 4, false);
        assert_eq!((hidden.hidden(), hidden.line()), (3, Some(1)));
        assert_eq!(hidden.visible(true).hidden(), 0);
        // Scrolled up on a visible page: not hidden.
        assert_eq!(here(1).look(false, 1).arrived(2, 3, true).hidden(), 0);
    }

    #[test]
    fn starts_over_with_another_log() {
        let over = Unread::open(Some(40), 0, 50, 0).start_over();
        assert_eq!((over.line(), over.seen(), count(over.back())), (None, 0, None));
    }

    #[test]
    fn a_closed_page_has_missed_what_came_since() {
        let opened = Unread::open(Some(40), 500, 50, 1_000);
        assert_eq!(count(opened), None, "more may follow");
        let back = opened.look(true, 50).arrived(2, 52, true).back();
        assert_eq!((count(back), back.backlog().unwrap().since), (Some(12), 500));
        // Until the reader has found it, the next visit finds the same.
        let later = back.look(true, 52).arrived(1, 53, true);
        assert_eq!((later.seen(), later.left(9_000), count(later)), (40, 500, Some(12)));
        assert_eq!((later.found().seen(), later.found().left(9_000), count(later.found())), (53, 9_000, None));
        assert_eq!((later.read(53).seen(), later.read(53).line()), (53, None));
        assert_eq!(count(later.published()), None);
    }

    #[test]
    fn a_disconnected_page_has_missed_what_comes_afterwards() {
        let lost = here(10).heard(5_000).disconnected(6_000).disconnected(8_000);
        assert!(lost.is_absent());
        let back = lost.look(true, 10).arrived(1_000, 1_010, true).look(true, 1_010).arrived(200, 1_210, true).back();
        assert_eq!((count(back), back.line(), back.backlog().unwrap().since), (Some(1_200), Some(10), 5_000));
        // A brief interruption is no absence.
        let brief = here(10).heard(5_000).disconnected(6_999).look(true, 10).arrived(5, 15, true).back();
        assert_eq!((count(brief), brief.line(), brief.seen()), (None, None, 15));
    }

    #[test]
    fn a_page_that_slept_has_missed_what_comes_on_waking() {
        let awake = here(10).heard(5_000).heard(94_999);
        assert!(!awake.is_absent());
        let back = awake.heard(184_999).arrived(3, 13, true).back();
        assert_eq!((count(back), back.backlog().unwrap().since), (Some(3), 94_999));
    }

    #[test]
    fn does_not_count_what_has_expired() {
        let lost = here(20).leave(7).expired(40, 60);
        assert_eq!(count(lost.back()), None);
        assert_eq!(count(lost.arrived(20, 80, true).back()), Some(20));
        assert_eq!(here(20).expired(40, 60), here(20));
    }

    #[test]
    fn two_absences_count_as_one_until_the_first_is_found() {
        let first = here(10).leave(1).arrived(5, 15, false).back().look(true, 15);
        let second = first.leave(2).arrived(5, 20, false).back();
        assert_eq!((count(second), second.line(), second.backlog().unwrap().since), (Some(10), Some(10), 1));
        let second = first.found().look(true, 15).leave(2).arrived(5, 20, false).back();
        assert_eq!((count(second), second.line(), second.backlog().unwrap().since), (Some(5), Some(15), 2));
    }

    #[test]
    fn what_another_tab_has_read_is_read() {
        let hidden = here(10).leave(1).arrived(5, 15, false);
        let some = hidden.read_elsewhere(12, 15);
        assert_eq!((some.hidden(), some.line(), some.seen(), count(some.back())), (3, Some(12), 12, Some(3)));
        let all = hidden.read_elsewhere(15, 15);
        assert_eq!((all.hidden(), all.line(), all.seen(), count(all.back())), (0, None, 15, None));
        assert_eq!(hidden.read_elsewhere(9, 15), hidden);
        // The other tab may be faster.
        let ahead = here(10).leave(1).read_elsewhere(11, 10).arrived(1, 11, false);
        assert_eq!((ahead.hidden(), ahead.line(), count(ahead.back())), (0, None, None));
    }
}
