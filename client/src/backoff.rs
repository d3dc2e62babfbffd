//! When to try again: exponential back-off with full jitter.
//!
//! Full jitter is what Marc Brooker's "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015) found to bring a
//! crowd back with the least work for the server.

use fastrand::Rng;

/// What the first wait is drawn from, in milliseconds.
pub(crate) const BASE_MS: u64 = 500;
/// What no wait is drawn beyond, in milliseconds.
pub(crate) const CAP_MS: u64 = 30_000;
/// The least time from one attempt to the next, in milliseconds.
pub(crate) const SPACING_MS: u64 = 1_000;
/// The widest spread a server may ask for, in milliseconds; a wider one is taken for this.
pub(crate) const SPREAD_MAX_MS: u64 = 120_000;

/// A wait drawn evenly from zero to `base` doubled `failures` times, but not beyond `cap`.
pub(crate) fn full_jitter(base: u64, cap: u64, failures: u32, rng: &mut Rng) -> u64 {
    // Sixteen doublings are beyond every cap there is.
    rng.u64(0..=(base << failures.min(16)).min(cap))
}

/// What a client remembers about its attempts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    earliest: u64,
}

impl Backoff {
    /// An attempt starts.
    pub(crate) fn attempt(&mut self, now: u64) {
        self.earliest = self.earliest.max(now + SPACING_MS);
    }

    /// What was about to be an attempt was none.
    pub(crate) fn no_attempt(&mut self, now: u64) {
        self.earliest = self.earliest.min(now);
    }

    /// The server asked to be left alone for so long.
    pub(crate) fn hold(&mut self, wait: u64, now: u64) {
        self.earliest = self.earliest.max(now + wait.min(SPREAD_MAX_MS));
    }

    /// What was learned from failures no longer holds.
    pub(crate) fn forget(&mut self) {
        self.failures = 0;
    }

    /// The first moment at which another attempt is decent, however urgent it is.
    pub(crate) fn earliest(&self) -> u64 {
        self.earliest
    }

    /// An attempt or a session failed: when the next attempt is, given the spread the server asked for.
    pub(crate) fn failed(&mut self, spread: Option<u64>, now: u64, rng: &mut Rng) -> u64 {
        let drawn = full_jitter(BASE_MS, CAP_MS, self.failures, rng);
        let until = match spread.map(|spread| now + rng.u64(0..=spread.min(SPREAD_MAX_MS))) {
            Some(until) if self.failures == 0 => until,
            // A server that asks for a short spread over and over is failing all the same.
            Some(until) => until.max(now + drawn),
            None => self.earliest().max(now) + drawn,
        };
        self.failures = self.failures.saturating_add(1);
        until.max(self.earliest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(failures: u32) -> Vec<u64> {
        let mut rng = Rng::with_seed(7);
        (0..2_000).map(|_| full_jitter(BASE_MS, CAP_MS, failures, &mut rng)).collect()
    }

    #[test]
    fn waits_are_drawn_from_the_whole_of_a_doubling_span() {
        for (failures, span) in [(0, 500), (1, 1_000), (5, 16_000), (6, 30_000), (7, 30_000), (u32::MAX, 30_000)] {
            let waits = waits(failures);
            assert!(waits.iter().all(|wait| *wait <= span), "{failures}");
            assert!(waits.iter().any(|wait| *wait < span / 20), "{failures}");
            assert!(waits.iter().any(|wait| *wait > span - span / 20), "{failures}");
        }
    }

    #[test]
    fn attempts_are_a_second_apart() {
        let mut rng = Rng::with_seed(1);
        let mut backoff = Backoff::default();
        let mut now = 5;
        for _ in 0..100 {
            backoff.attempt(now);
            let spread = rng.bool().then_some(0);
            let until = backoff.failed(spread, now + 1, &mut rng);
            assert!(until >= now + SPACING_MS);
            now = until;
        }
    }

    #[test]
    fn a_spread_is_kept_to_after_a_good_session() {
        let mut rng = Rng::with_seed(1);
        let untils: Vec<u64> = (0..1_000)
            .map(|_| {
                let mut backoff = Backoff::default();
                backoff.attempt(0);
                backoff.failed(Some(5_000), 60_000, &mut rng)
            })
            .collect();
        assert!(untils.iter().all(|until| (60_000..=65_000).contains(until)));
        assert!(untils.iter().any(|until| *until < 60_500) && untils.iter().any(|until| *until > 64_500));
    }

    #[test]
    fn a_spread_has_a_bound() {
        let mut rng = Rng::with_seed(1);
        assert!(Backoff::default().failed(Some(u64::MAX), 0, &mut rng) <= SPREAD_MAX_MS);
    }

    #[test]
    fn forgetting_starts_over() {
        let mut rng = Rng::with_seed(1);
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            backoff.failed(None, 0, &mut rng);
        }
        backoff.forget();
        assert!(backoff.failed(None, 0, &mut rng) <= BASE_MS);
    }
}
