//! A rate, on average over two seconds. Pure: the time is an input.

use std::time::Duration;

/// The time over which a rate is an average.
const BURST: Duration = Duration::from_secs(2);

/// What was taken, paid back at a steady rate (GCRA). The last may be of any size, and delays
/// what follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    /// When all that was taken is paid back.
    paid_at: Duration,
}

impl Rate {
    /// Takes an amount, of so many per second.
    ///
    /// # Errors
    /// The time to wait.
    pub(super) fn take(&mut self, amount: u64, per_second: u64, now: Duration) -> Result<(), Duration> {
        if let Some(wait) = self.paid_at.checked_sub(now + BURST).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        let nanos = u128::from(amount) * 1_000_000_000 / u128::from(per_second.max(1));
        self.paid_at = self.paid_at.max(now).saturating_add(Duration::from_nanos(nanos.try_into().unwrap_or(u64::MAX)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_rate_on_average_and_two_seconds_of_it_at_once() {
        let (mut rate, mut taken) = (Rate::default(), 0);
        let at = Duration::from_millis;
        while rate.take(10, 100, at(0)).is_ok() {
            taken += 10;
        }
        assert_eq!(taken, 210);
        assert_eq!(rate.take(10, 100, at(40)), Err(at(60)));
        assert_eq!(rate.take(10, 100, at(100)), Ok(()));
        let taken = (101..=10_100).filter(|now| rate.take(10, 100, at(*now)).is_ok()).count();
        assert_eq!(taken, 100);
    }

    #[test]
    fn one_without_a_bound_takes_everything() {
        let mut rate = Rate::default();
        assert!((0..1000).all(|_| rate.take(u64::from(u32::MAX), u64::MAX, Duration::ZERO).is_ok()));
    }

    #[test]
    fn an_amount_of_any_size_is_taken_and_delays_the_next() {
        let mut rate = Rate::default();
        assert_eq!(rate.take(1000, 100, Duration::ZERO), Ok(()));
        assert_eq!(rate.take(1, 100, Duration::ZERO), Err(Duration::from_secs(8)));
        assert!(rate.take(1, 100, Duration::from_secs(8)).is_ok());
    }
}
