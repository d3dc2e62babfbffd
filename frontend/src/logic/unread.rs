//! What the reader has seen: where the unread messages begin, and how many arrived while the page
//! was hidden.

/// What the reader has seen of a room. All offsets belong to one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// The newest entry that the reader has seen.
    seen: u64,
    /// The unread line stands after this entry.
    after: Option<u64>,
    /// How many messages arrived while the page was hidden.
    hidden: usize,
    /// True while the reader sees the newest entry.
    looks: bool,
}

impl Unread {
    /// Starts a visit of a reader who saw everything up to `seen` before; `None` on their first
    /// visit.
    pub fn open(seen: Option<u64>, latest: u64) -> Self {
        let seen = seen.unwrap_or(latest);
        Self { seen, after: (seen < latest).then_some(seen), hidden: 0, looks: false }
    }

    /// Another log replaced this one. The reader has seen nothing of it.
    #[must_use]
    pub fn start_over(self) -> Self {
        Self { seen: 0, after: None, ..self }
    }

    /// `looks` is true if the reader sees the newest entry: the page is visible and the list at its
    /// end.
    #[must_use]
    pub fn look(self, looks: bool, latest: u64) -> Self {
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
        if count == 0 {
            return self.look(self.looks, latest);
        }
        // The first message after the reader left sets the line; later messages do not move it.
        let away_again = !self.looks && self.after.is_none_or(|after| after < self.seen);
        let after = if away_again { Some(self.seen) } else { self.after };
        let hidden = if visible { 0 } else { self.hidden + count };
        Self { after, hidden, ..self }.look(self.looks, latest)
    }

    /// The reader published a message, so they have read those above it.
    #[must_use]
    pub fn published(self) -> Self {
        Self { after: None, ..self }
    }

    /// The entry after which the unread line stands.
    pub fn line(self) -> Option<u64> {
        self.after
    }

    /// The newest entry that the reader has seen, for their next visit.
    pub fn seen(self) -> u64 {
        self.seen
    }

    /// How many messages arrived while the page was hidden.
    pub fn hidden(self) -> usize {
        self.hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_stands_where_the_last_visit_ended() {
        assert_eq!(Unread::open(None, 50).line(), None);
        assert_eq!(Unread::open(Some(50), 50).line(), None);
        let back = Unread::open(Some(40), 50);
        assert_eq!(back.line(), Some(40));
        // The line stays while the reader looks at it.
        assert_eq!(back.look(true, 50).line(), Some(40));
        assert_eq!(back.look(true, 50).seen(), 50);
        assert_eq!(back.published().line(), None);
    }

    #[test]
    fn the_first_message_after_the_reader_left_sets_the_line() {
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
    fn counts_messages_while_the_page_is_hidden() {
        let hidden = Unread::open(None, 1).look(true, 1).look(false, 1).visible(false).arrived(2, 3, false).arrived(1, 4, false);
        assert_eq!((hidden.hidden(), hidden.line()), (3, Some(1)));
        assert_eq!(hidden.visible(true).hidden(), 0);
        // Scrolled up on a visible page: not hidden.
        assert_eq!(Unread::open(None, 1).look(false, 1).arrived(2, 3, true).hidden(), 0);
    }

    #[test]
    fn starts_over_with_another_log() {
        let over = Unread::open(Some(40), 50).start_over();
        assert_eq!((over.line(), over.seen()), (None, 0));
    }
}
