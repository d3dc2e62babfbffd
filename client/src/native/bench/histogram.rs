//! How often each duration was seen, to within one percent, in a size that does not grow.

use std::time::Duration;

/// Each doubling is cut into as many steps as this many bits can tell apart.
const STEP_BITS: u32 = 7;
const STEPS: u64 = 1 << STEP_BITS;

/// Counts of durations.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; place(u64::MAX) + 1], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts a duration in, `times` times.
    pub(super) fn add(&mut self, nanoseconds: u64, times: u64) {
        self.counts[place(nanoseconds)] += times;
        self.total += times;
        self.max = self.max.max(nanoseconds);
    }

    /// Takes in what another one counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, others) in self.counts.iter_mut().zip(&other.counts) {
            *mine += others;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The duration that this share of all did not exceed; nothing without any.
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_nanos(longest(reached).min(self.max)))
    }

    /// The longest.
    pub(super) fn max(&self) -> Option<Duration> {
        (self.total > 0).then(|| Duration::from_nanos(self.max))
    }
}

fn place(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let doubling = value.ilog2() - STEP_BITS;
    (u64::from(doubling) * STEPS + (value >> doubling)) as usize
}

/// The longest duration that is counted at a place.
fn longest(place: usize) -> u64 {
    let place = place as u64;
    if place < 2 * STEPS {
        return place;
    }
    let doubling = place / STEPS - 1;
    let last = (u128::from(place % STEPS + STEPS + 1) << doubling) - 1;
    u64::try_from(last).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_order_and_near() {
        let mut last = 0;
        for value in (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) + 1, (1 << bit) + (1 << bit) / 2]).chain([u64::MAX]) {
            let at = place(value);
            assert!(longest(at) >= value && longest(at) - value <= value / 100, "{value}: {}", longest(at));
            last = at.max(last);
        }
        assert_eq!(last + 1, Histogram::default().counts.len());
        assert!((1..4096).all(|value| place(value) == place(value - 1) || longest(place(value - 1)) == value - 1));
    }

    #[test]
    fn shares_of_all() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.max()), (None, None));
        let mut other = Histogram::default();
        histogram.add(10, 98);
        other.add(100, 1);
        other.add(1_000_000, 1);
        histogram.merge(&other);
        let nanoseconds = |share| histogram.quantile(share).unwrap().as_nanos();
        assert_eq!((nanoseconds(0.0), nanoseconds(0.5), nanoseconds(0.98), nanoseconds(0.99)), (10, 10, 10, 100));
        assert_eq!((nanoseconds(1.0), histogram.max().unwrap().as_nanos()), (1_000_000, 1_000_000));
    }
}
