//! A budget of processor time. Pure: the time is an input.

use std::time::Duration;

use tokio::time::Instant;

/// Processor time that may be used at once after a pause.
pub(super) const BURST: Duration = Duration::from_millis(500);

/// Used time, paid back at a steady rate. A virtual-time leaky bucket (GCRA).
#[derive(Clone, Copy)]
pub(super) struct Budget {
    /// Seconds until one used second is paid back.
    rate: f64,
    /// When all used time is paid back.
    paid_at: Instant,
}

impl Budget {
    /// Creates a budget of `percent` of one processor.
    pub(super) fn new(percent: u32, now: Instant) -> Self {
        Self { rate: 100.0 / f64::from(percent.max(1)), paid_at: now }
    }

    /// Adds used time.
    pub(super) fn spend(&mut self, time: Duration, now: Instant) {
        self.paid_at = self.paid_at.max(now) + time.mul_f64(self.rate);
    }

    /// True if all used time is paid back.
    pub(super) fn is_settled(&self, now: Instant) -> bool {
        self.paid_at <= now
    }

    /// Returns when the next work may start. `None` if it may start now.
    pub(super) fn blocked_until(&self, now: Instant) -> Option<Instant> {
        let burst = BURST.mul_f64(self.rate);
        (self.paid_at > now + burst).then(|| self.paid_at - burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_a_burst_and_then_the_configured_share() {
        let start = Instant::now();
        let mut budget = Budget::new(50, start);
        budget.spend(BURST, start);
        assert_eq!(budget.blocked_until(start), None);
        budget.spend(Duration::from_millis(10), start);
        assert_eq!(budget.blocked_until(start), Some(start + Duration::from_millis(20)));
        let later = start + Duration::from_millis(20);
        assert_eq!(budget.blocked_until(later), None);
        budget.spend(Duration::from_millis(3), later);
        assert_eq!(budget.blocked_until(later), Some(later + Duration::from_millis(6)));
        let much_later = later + Duration::from_secs(100);
        budget.spend(BURST, much_later);
        assert_eq!(budget.blocked_until(much_later), None, "a long pause allows no more than a burst");
        budget.spend(Duration::from_millis(1), much_later);
        assert!(budget.blocked_until(much_later).is_some());
    }
}
