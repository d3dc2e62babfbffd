//! What the person has seen of a room, and where the unread messages begin.

/// What the person has seen. All offsets belong to one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unread {
    seen: u64,
    /// The unread line stands after this entry.
    line: Option<u64>,
    count: u64,
}

impl Unread {
    /// Starts with the newest entry at the offset `latest`, for a person who had read up to `read`;
    /// `None` if they were never here. `count` returns how many messages come after an offset.
    pub(crate) fn open(read: Option<u64>, latest: u64, count: impl FnOnce(u64) -> u64) -> Self {
        let seen = read.unwrap_or(latest).min(latest);
        match count(seen) {
            0 => Self { seen: latest, line: None, count: 0 },
            count => Self { seen, line: Some(seen), count },
        }
    }

    /// A message arrived. `is_seen` is true if it appears before the person's eyes.
    pub(crate) fn arrived(&mut self, offset: u64, is_own: bool, is_seen: bool) {
        if is_seen {
            return self.look(offset);
        }
        if is_own {
            return;
        }
        // The first message that is not seen sets the line; later ones do not move it.
        if self.line.is_none_or(|line| line < self.seen) {
            self.line = Some(self.seen);
        }
        self.count += 1;
    }

    /// The person sees everything up to `latest`.
    pub(crate) fn look(&mut self, latest: u64) {
        self.seen = self.seen.max(latest);
        self.count = 0;
    }

    /// The person posted a message, so they have read those above it.
    pub(crate) fn posted(&mut self) {
        self.line = None;
    }

    /// Returns the offset after which the unread line stands.
    pub(crate) fn line(self) -> Option<u64> {
        self.line
    }

    /// Returns how many messages the person has not seen.
    pub(crate) fn count(self) -> u64 {
        self.count
    }

    /// Returns the newest offset that the person has seen.
    pub(crate) fn seen(self) -> u64 {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_stands_where_the_person_stopped_reading() {
        let mut unread = Unread::open(Some(7), 9, |seen| 9 - seen);
        assert_eq!((unread.line(), unread.count()), (Some(7), 2));
        unread.look(9);
        unread.arrived(10, false, true);
        assert_eq!((unread.line(), unread.count(), unread.seen()), (Some(7), 0, 10));
        // Away, and back.
        unread.arrived(11, false, false);
        unread.arrived(12, true, false);
        unread.arrived(13, false, false);
        assert_eq!((unread.line(), unread.count(), unread.seen()), (Some(10), 2, 10));
        unread.look(13);
        unread.posted();
        assert_eq!((unread.line(), unread.count()), (None, 0));
    }

    #[test]
    fn a_first_visit_has_nothing_unread() {
        let nothing = Unread { seen: 9, line: None, count: 0 };
        assert_eq!(Unread::open(None, 9, |seen| 9 - seen), nothing);
        // The log is another one, or was cut.
        assert_eq!(Unread::open(Some(99), 9, |seen| 9 - seen), nothing);
        // Only changes are new.
        assert_eq!(Unread::open(Some(7), 9, |_| 0), nothing);
    }
}
