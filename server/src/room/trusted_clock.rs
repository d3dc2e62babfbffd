//! The time by which messages expire. Pure: the system clock and the monotonic clock are inputs.

use std::time::Duration;

use crate::store::TrustedTime;

/// How fast the trusted time catches up with a system clock that is ahead: a day per hour.
const CATCH_UP_SPEED: u64 = 24;
/// How far the trusted time moves before it is saved, in milliseconds.
const SAVE_INTERVAL: u64 = 60 * 60 * 1000;
/// One day, in milliseconds.
pub(super) const DAY: u64 = 24 * 60 * 60 * 1000;

/// Follows the system clock with caution, because an expired message does not come back and the
/// clock may be wrong. Compares it with the monotonic clock and with the time that was saved last:
/// - A system clock that is ahead is followed at a day per hour. Either the server was off for
///   some time, or the clock is wrong.
/// - A system clock that is ahead by more than the maximum age would expire every message. All
///   messages then count as written now.
/// - A system clock that is behind is followed at once: nothing expires because of it.
#[derive(Debug)]
pub struct TrustedClock {
    now: TrustedTime,
    /// The time in the database.
    saved: Option<TrustedTime>,
}

/// Why the trusted time differs from the system clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The system clock is more than a day ahead.
    Ahead,
    /// The system clock is ahead by more than the maximum age of messages.
    FarAhead,
    /// The system clock is more than a day behind.
    Behind,
}

impl TrustedClock {
    /// Starts a clock when the system clock reads `system_time`, in milliseconds since 1970.
    /// `saved` is the trusted time that the previous server saved.
    pub fn new(saved: Option<TrustedTime>, system_time: u64) -> Self {
        Self { now: saved.unwrap_or(TrustedTime { time: system_time, since: 0 }), saved }
    }

    /// Returns the time of the last call of [`Self::advance`].
    pub(super) fn now(&self) -> TrustedTime {
        self.now
    }

    /// Moves the time towards `system_time`. `elapsed` is the monotonic time since the last call.
    /// `age` is the maximum age of messages, in milliseconds.
    pub(super) fn advance(&mut self, system_time: u64, elapsed: Duration, age: u64) -> Option<Doubt> {
        let TrustedTime { time, since } = self.now;
        let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let expected = time.saturating_add(elapsed);
        if system_time.saturating_sub(expected) > age {
            self.now = TrustedTime { time: system_time, since: system_time };
            return Some(Doubt::FarAhead);
        }
        let time = system_time.min(time.saturating_add(elapsed.saturating_mul(CATCH_UP_SPEED)));
        self.now = TrustedTime { time, since: since.min(time) };
        if system_time - time > DAY {
            Some(Doubt::Ahead)
        } else if expected.saturating_sub(system_time) > DAY {
            Some(Doubt::Behind)
        } else {
            None
        }
    }

    /// Returns the time that must be saved for the next server, if the saved one is out of date.
    pub(super) fn unsaved(&self) -> Option<TrustedTime> {
        let is_current = |saved: TrustedTime| saved.since == self.now.since && saved.time.abs_diff(self.now.time) < SAVE_INTERVAL;
        if self.saved.is_some_and(is_current) { None } else { Some(self.now) }
    }

    /// Records that `time` is in the database.
    pub(super) fn mark_saved(&mut self, time: TrustedTime) {
        self.saved = Some(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RetentionPolicy;

    const TODAY: u64 = 20_000 * DAY;
    const YEAR: u64 = 365 * DAY;
    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(60 * 60);

    /// The clock of a server that starts at `wall` after the previous server saved `time`.
    fn start(time: u64, wall: u64) -> TrustedClock {
        TrustedClock::new(Some(TrustedTime { time, since: 0 }), wall)
    }

    #[test]
    fn follows_a_clock_that_runs_normally() {
        let mut clock = TrustedClock::new(None, TODAY);
        assert!(clock.unsaved().is_some());
        clock.mark_saved(clock.now);
        for second in 1..3600 {
            assert_eq!(clock.advance(TODAY + second * 1000, SECOND, YEAR), None);
            assert_eq!(clock.now, TrustedTime { time: TODAY + second * 1000, since: 0 });
            assert_eq!(clock.unsaved(), None);
        }
        clock.advance(TODAY + SAVE_INTERVAL, SECOND, YEAR);
        assert!(clock.unsaved().is_some());
    }

    #[test]
    fn catches_up_a_day_per_hour_after_a_pause() {
        for (days, hours) in [(1, 1), (60, 60)] {
            let mut clock = start(TODAY, TODAY + days * DAY);
            for hour in 1..=hours {
                let wall = TODAY + days * DAY + hour * SAVE_INTERVAL;
                assert_eq!(clock.advance(wall, HOUR, YEAR).is_some(), wall - clock.now.time > DAY);
            }
            let wall = TODAY + days * DAY + hours * SAVE_INTERVAL;
            assert!(wall - clock.now.time < 3 * DAY, "{days}");
            assert_eq!(clock.now.since, 0);
        }
    }

    #[test]
    fn moves_seconds_at_a_time_towards_a_clock_that_jumped_ahead() {
        let mut clock = start(TODAY, TODAY + 200 * DAY);
        assert_eq!(clock.advance(TODAY + 200 * DAY, SECOND, YEAR), Some(Doubt::Ahead));
        assert_eq!(clock.now, TrustedTime { time: TODAY + CATCH_UP_SPEED * 1000, since: 0 });
        // The operator corrects the clock.
        assert_eq!(clock.advance(TODAY + 2000, SECOND, YEAR), None);
        assert_eq!(clock.now, TrustedTime { time: TODAY + 2000, since: 0 });
    }

    #[test]
    fn restarts_the_age_of_messages_that_would_all_expire_at_once() {
        for (before, wall) in [(TODAY, TODAY + 800 * DAY), (0, TODAY), (TODAY - 2 * YEAR, TODAY)] {
            let mut clock = start(before, wall);
            assert_eq!(clock.advance(wall, SECOND, YEAR), Some(Doubt::FarAhead));
            assert_eq!(clock.now, TrustedTime { time: wall, since: wall });
            assert!(clock.unsaved().is_some());
            assert_eq!(clock.advance(wall + 1000, SECOND, YEAR), None);
            let policy = RetentionPolicy { messages: u64::MAX, bytes: u64::MAX, age: YEAR };
            assert!(!policy.expires(1, 1, before, TrustedTime { time: wall + YEAR, ..clock.now }));
            assert!(policy.expires(1, 1, before, TrustedTime { time: wall + YEAR + 1, ..clock.now }));
        }
    }

    #[test]
    fn follows_a_clock_that_is_set_back_at_once() {
        let mut clock = start(TODAY, TODAY + 800 * DAY);
        clock.advance(TODAY + 800 * DAY, SECOND, YEAR);
        assert_eq!(clock.advance(TODAY, SECOND, YEAR), Some(Doubt::Behind));
        assert_eq!(clock.now, TrustedTime { time: TODAY, since: TODAY });
        assert_eq!(clock.advance(TODAY + 1000, SECOND, YEAR), None);
    }

    #[test]
    fn never_restarts_ages_when_messages_are_kept_for_ever() {
        let mut clock = start(0, TODAY);
        assert_eq!(clock.advance(TODAY, SECOND, u64::MAX), Some(Doubt::Ahead));
        assert_eq!(clock.advance(u64::MAX, SECOND, u64::MAX), Some(Doubt::Ahead));
    }
}
