//! When to connect again: exponential back-off with full jitter (Marc Brooker, "Exponential Backoff
//! And Jitter", AWS Architecture Blog, 2015). Many clients then return with the least work for the
//! server.

use fastrand::Rng;

/// Maximum wait after the first failure, in milliseconds. It doubles with each further one.
pub(crate) const BASE_MS: u64 = 500;
/// Maximum of all waits, in milliseconds.
pub(crate) const CAP_MS: u64 = 30_000;
/// Minimum time between two attempts, in milliseconds.
pub(crate) const SPACING_MS: u64 = 1_000;
/// Maximum spread that a server may ask for, in milliseconds.
pub(crate) const SPREAD_MAX_MS: u64 = 120_000;

/// Returns a random wait, in milliseconds: between zero and `base`, doubled `failures` times, at
/// most `cap`.
pub(crate) fn full_jitter(base: u64, cap: u64, failures: u32, rng: &mut Rng) -> u64 {
    // 16 doublings exceed every cap in use, and cannot overflow.
    rng.u64(0..=(base << failures.min(16)).min(cap))
}

/// When the next attempt may start. Times are in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    earliest: u64,
}

impl Backoff {
    /// Records that an attempt starts.
    pub(crate) fn attempt(&mut self, now: u64) {
        self.earliest = self.earliest.max(now + SPACING_MS);
    }

    /// Records that the last attempt sent nothing to the server.
    pub(crate) fn cancel_attempt(&mut self, now: u64) {
        self.earliest = self.earliest.min(now);
    }

    /// Records that the server asked for a pause of `wait` milliseconds.
    pub(crate) fn pause(&mut self, wait: u64, now: u64) {
        self.earliest = self.earliest.max(now + wait.min(SPREAD_MAX_MS));
    }

    /// Forgets the failures so far.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns the earliest time of the next attempt, however urgent it is.
    pub(crate) fn earliest(&self) -> u64 {
        self.earliest
    }

    /// Records that an attempt or a session failed. Returns when the next attempt is, within
    /// `spread` if the server asked for one.
    pub(crate) fn failed(&mut self, spread: Option<u64>, now: u64, rng: &mut Rng) -> u64 {
        let wait = full_jitter(BASE_MS, CAP_MS, self.failures, rng);
        let until = match spread.map(|spread| now + rng.u64(0..=spread.min(SPREAD_MAX_MS))) {
            Some(until) if self.failures == 0 => until,
            // A server that asks for a short spread again and again fails nevertheless.
            Some(until) => until.max(now + wait),
            None => self.earliest.max(now) + wait,
        };
        self.failures = self.failures.saturating_add(1);
        until.max(self.earliest)
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
    fn waits_cover_a_span_that_doubles() {
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
    fn returns_within_the_spread_after_a_stable_session() {
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
    fn limits_the_spread() {
        let mut rng = Rng::with_seed(1);
        assert!(Backoff::default().failed(Some(u64::MAX), 0, &mut rng) <= SPREAD_MAX_MS);
    }

    #[test]
    fn starts_over_after_a_reset() {
        let mut rng = Rng::with_seed(1);
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            backoff.failed(None, 0, &mut rng);
        }
        backoff.reset();
        assert!(backoff.failed(None, 0, &mut rng) <= BASE_MS);
    }
}
