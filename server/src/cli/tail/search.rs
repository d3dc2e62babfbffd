//! Finds the first message since a time, by halving the range of offsets. It needs about 17
//! questions for 100,000 messages, and no memory.

/// A search for the first entry that is not older than a time. Times do not decrease with offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Search {
    since: u64,
    /// Every entry up to this offset is older, or no longer kept.
    before: u64,
    /// Every entry after this offset is not older.
    until: u64,
}

impl Search {
    /// Starts a search for a time in milliseconds, in a room whose newest entry is at `latest`.
    pub(super) fn new(since: u64, latest: u64) -> Self {
        Self { since, before: 0, until: latest }
    }

    /// Returns the offset after which the next entry is needed. `None` when the search is done.
    pub(super) fn question(&self) -> Option<u64> {
        (self.before < self.until).then(|| self.before + (self.until - self.before) / 2)
    }

    /// Handles the answer: the offset and time of the first entry after `question`.
    pub(super) fn found(&mut self, question: u64, offset: u64, time: u64) {
        if time < self.since {
            self.before = offset.min(self.until);
        } else {
            self.until = question;
        }
    }

    /// Handles the answer that there is no entry after `question`.
    pub(super) fn found_none(&mut self, question: u64) {
        self.until = question;
    }

    /// Handles the answer that entries up to `resumes` are no longer kept.
    pub(super) fn expired(&mut self, resumes: u64) {
        self.before = self.before.max(resumes);
        self.until = self.until.max(self.before);
    }

    /// Returns the offset after which all entries are at least as new as the time.
    pub(super) fn result(&self) -> u64 {
        self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches entries with these times, of which the first has the offset `expired + 1`. Returns
    /// the result and the number of questions.
    fn search(times: &[u64], expired: u64, since: u64) -> (u64, usize) {
        let latest = expired + times.len() as u64;
        let (mut search, mut questions) = (Search::new(since, latest), 0);
        while let Some(question) = search.question() {
            questions += 1;
            assert!(questions < 100);
            if question < expired {
                search.expired(expired);
            } else {
                match times.get((question - expired) as usize) {
                    Some(time) => search.found(question, question + 1, *time),
                    None => search.found_none(question),
                }
            }
        }
        (search.result(), questions)
    }

    #[test]
    fn finds_the_first_entry_since_a_time() {
        let times = [10, 20, 20, 20, 30, 50];
        for expired in [0, 1, 7, 1000] {
            for since in 0..=60 {
                let older = times.iter().filter(|time| **time < since).count() as u64;
                assert_eq!(search(&times, expired, since).0, expired + older, "{expired} {since}");
            }
        }
        assert_eq!(search(&[], 0, 5), (0, 0));
        assert_eq!(search(&[], 9, 5).0, 9);
    }

    #[test]
    fn needs_few_questions() {
        let times: Vec<u64> = (0..100_000).collect();
        for since in [0, 1, 50_000, 99_999, 200_000] {
            assert!(search(&times, 0, since).1 <= 18);
        }
    }
}
