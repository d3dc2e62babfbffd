//! What the reader has seen: where the unread begin, and how many came while they looked elsewhere.

/// What the reader has seen of a room. Offsets are of one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// The newest entry that the reader had before their eyes.
    seen: u64,
    /// The unread begin after this entry, for as long as that is worth showing.
    after: Option<u64>,
    /// How many came while the page was hidden.
    hidden: usize,
    looks: bool,
}

impl Unread {
    /// A reader comes who had seen everything up to `seen` when they left; `None` if they were never here.
    pub fn open(seen: Option<u64>, latest: u64) -> Self {
        let seen = seen.unwrap_or(latest);
        Self { seen, after: (seen < latest).then_some(seen), hidden: 0, looks: false }
    }

    /// The log was replaced by another, of which the reader has seen nothing and misses nothing.
    #[must_use]
    pub fn start_over(self) -> Self {
        Self { seen: 0, after: None, ..self }
    }

    /// The reader has the newest entry, `latest`, before their eyes or not: the page is visible and at its end.
    #[must_use]
    pub fn look(self, looks: bool, latest: u64) -> Self {
        Self { looks, seen: if looks { self.seen.max(latest) } else { self.seen }, ..self }
    }

    /// The page became visible or hidden.
    #[must_use]
    pub fn shown(self, visible: bool) -> Self {
        Self { hidden: if visible { 0 } else { self.hidden }, ..self }
    }

    /// So many messages of others came in, the last of them `latest`.
    #[must_use]
    pub fn arrived(self, count: usize, latest: u64, visible: bool) -> Self {
        if count == 0 {
            return self.look(self.looks, latest);
        }
        // The first that comes while the reader is away draws the line; those that follow leave it.
        let away_again = !self.looks && self.after.is_none_or(|after| after < self.seen);
        let after = if away_again { Some(self.seen) } else { self.after };
        let hidden = if visible { 0 } else { self.hidden + count };
        Self { after, hidden, ..self }.look(self.looks, latest)
    }

    /// The reader said something, so they have read what is above it.
    #[must_use]
    pub fn spoke(self) -> Self {
        Self { after: None, ..self }
    }

    /// After which entry the line stands.
    pub fn line(self) -> Option<u64> {
        self.after
    }

    /// The newest entry that the reader has seen, to be kept for their next visit.
    pub fn seen(self) -> u64 {
        self.seen
    }

    /// How many came while the page was hidden.
    pub fn hidden(self) -> usize {
        self.hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_stands_where_the_reader_left() {
        assert_eq!(Unread::open(None, 50).line(), None);
        assert_eq!(Unread::open(Some(50), 50).line(), None);
        let back = Unread::open(Some(40), 50);
        assert_eq!(back.line(), Some(40));
        // Having been seen does not take it away under the reader's eyes.
        assert_eq!(back.look(true, 50).line(), Some(40));
        assert_eq!(back.look(true, 50).seen(), 50);
        assert_eq!(back.spoke().line(), None);
    }

    #[test]
    fn the_first_that_comes_while_one_is_away_draws_it() {
        let here = Unread::open(None, 10).look(true, 10).arrived(1, 11, true);
        assert_eq!((here.line(), here.seen()), (None, 11));
        let away = here.look(false, 11).arrived(1, 12, true).arrived(2, 14, true);
        assert_eq!((away.line(), away.seen()), (Some(11), 11));
        let back = away.look(true, 14).arrived(1, 15, true);
        assert_eq!((back.line(), back.seen()), (Some(11), 15));
        assert_eq!(back.look(false, 15).line(), Some(11));
        assert_eq!(back.look(false, 15).arrived(1, 16, true).line(), Some(15));
    }

    #[test]
    fn what_comes_while_the_page_is_hidden_is_counted() {
        let hidden = Unread::open(None, 1).look(true, 1).look(false, 1).shown(false).arrived(2, 3, false).arrived(1, 4, false);
        assert_eq!((hidden.hidden(), hidden.line()), (3, Some(1)));
        assert_eq!(hidden.shown(true).hidden(), 0);
        // Scrolled up, but looking: nothing to call for.
        assert_eq!(Unread::open(None, 1).look(false, 1).arrived(2, 3, true).hidden(), 0);
    }

    #[test]
    fn another_log_starts_over() {
        let over = Unread::open(Some(40), 50).start_over();
        assert_eq!((over.line(), over.seen()), (None, 0));
    }
}
