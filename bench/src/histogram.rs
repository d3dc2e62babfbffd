//! Durations, counted to within one percent.

use std::time::Duration;

use hdrhistogram::Histogram as Counts;

/// Significant decimal digits: two keep the error below one percent and the counts in a processor's
/// cache.
const DIGITS: u8 = 2;

/// A histogram of durations in nanoseconds, which grows with the longest one.
#[derive(Clone, Debug)]
pub(crate) struct Histogram(Counts<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(Counts::new(DIGITS).expect("0 to 5 digits are valid"))
    }
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.0 += nanoseconds;
    }

    /// Adds the counts of another histogram.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0 += &other.0;
    }

    /// Returns the duration that `share`, from 0 to 1, of all durations do not exceed. `None` if
    /// nothing was counted.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_nanos(self.0.value_at_quantile(share)))
    }
}
