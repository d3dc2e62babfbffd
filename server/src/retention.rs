//! How long messages are kept: in the background, a room that has more than is kept lets its oldest messages go.
//!
//! It is the history's writer that does it, in small steps between publishes, so nobody waits for it. Readers who
//! wanted what is gone are told of a gap.
//!
//! An expired message does not come back, so the system clock is not trusted blindly; see [`TrustedClock`].

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::history::{Keep, TrustedTime};
use crate::hub::Hub;

/// How often it is looked for rooms that have more than is kept.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How fast the trusted time catches up with a clock that is ahead: a day per hour.
const CATCH_UP_SPEED: u64 = 24;
/// How far the trusted time moves before it is saved, in milliseconds.
const SAVE_INTERVAL: u64 = 60 * 60 * 1000;
/// In milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Keeps rooms within their bounds, for ever.
pub async fn run(hub: Hub, keep: Keep, mut trusted: TrustedClock) {
    let mut interval = interval(LOOK_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (clock, mut last, mut doubt) = (hub.clock(), Instant::now(), None);
    loop {
        let now = interval.tick().await;
        let (wall, before) = (clock(), trusted.now.time);
        let found = trusted.advance(wall, now - last, keep.age);
        if found != doubt {
            log(found, doubt, wall.abs_diff(before) / DAY);
        }
        (last, doubt) = (now, found);
        if trusted.is_unsaved() && hub.save_time(trusted.now).await.is_ok() {
            trusted.saved = Some(trusted.now);
        }
        for room in hub.overfull(keep, trusted.now) {
            // After an error the next look finds the room again; a failed commit is in the log.
            while hub.expire(&room, keep, trusted.now).await.unwrap_or(false) {}
        }
    }
}

/// Logs a doubt, and what an operator can do about it. `days` is the difference between the clock and the trusted time.
fn log(doubt: Option<Doubt>, before: Option<Doubt>, days: u64) {
    match doubt {
        Some(Doubt::Ahead) => tracing::warn!(
            days,
            "the system clock is ahead of the time that this board has seen; each hour, a day's worth of old messages expires. If the clock is wrong, set it right"
        ),
        Some(Doubt::FarAhead) => tracing::warn!(
            days,
            "the system clock is ahead by more than messages are kept; stored messages count as written now. If the clock is wrong, set it right"
        ),
        Some(Doubt::Behind) => tracing::warn!(days, "the system clock was set back; messages expire later"),
        None if before == Some(Doubt::Ahead) => tracing::info!("the system clock is trusted again"),
        None => {}
    }
}

/// The time by which messages expire. The system clock may be wrong, at a start or later, and a message that expired by a wrong clock
/// is lost. So the clock is compared with the monotonic clock, and with the time that the last server saved:
/// - A clock that is ahead is followed at a day per hour. The board was off, or the clock is wrong.
/// - A clock that is ahead by more than messages are kept would expire all of them. They then count as written now.
/// - A clock that is behind is followed at once: nothing expires by it.
#[derive(Debug)]
pub struct TrustedClock {
    now: TrustedTime,
    /// What the history has.
    saved: Option<TrustedTime>,
}

/// Why the system clock is not simply followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// More than a day ahead.
    Ahead,
    /// Ahead by more than messages are kept.
    FarAhead,
    /// More than a day behind.
    Behind,
}

impl TrustedClock {
    /// The clock of a server that starts when the system clock says `wall`. `saved` is what the last server saved.
    pub fn new(saved: Option<TrustedTime>, wall: u64) -> Self {
        Self { now: saved.unwrap_or(TrustedTime { time: wall, since: 0 }), saved }
    }

    /// Follows the system clock, which says `wall`. `elapsed` is monotonic, since the last call. `age` is how long messages are kept,
    /// in milliseconds.
    fn advance(&mut self, wall: u64, elapsed: Duration, age: u64) -> Option<Doubt> {
        let TrustedTime { time, since } = self.now;
        let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let expected = time.saturating_add(elapsed);
        if wall.saturating_sub(expected) > age {
            self.now = TrustedTime { time: wall, since: wall };
            return Some(Doubt::FarAhead);
        }
        let time = wall.min(time.saturating_add(elapsed.saturating_mul(CATCH_UP_SPEED)));
        self.now = TrustedTime { time, since: since.min(time) };
        if wall - time > DAY {
            Some(Doubt::Ahead)
        } else if expected.saturating_sub(wall) > DAY {
            Some(Doubt::Behind)
        } else {
            None
        }
    }

    /// True if a server that starts later should know the present time.
    fn is_unsaved(&self) -> bool {
        self.saved.is_none_or(|saved| saved.since != self.now.since || saved.time.abs_diff(self.now.time) >= SAVE_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: u64 = 20_000 * DAY;
    const YEAR: u64 = 365 * DAY;
    const LOOK: Duration = LOOK_INTERVAL;
    const HOUR: Duration = Duration::from_secs(60 * 60);

    /// The clock of a server that starts at `wall`, when the last one saved `time`.
    fn start(time: u64, wall: u64) -> TrustedClock {
        TrustedClock::new(Some(TrustedTime { time, since: 0 }), wall)
    }

    #[test]
    fn a_clock_that_runs_is_followed() {
        let mut clock = TrustedClock::new(None, TODAY);
        assert!(clock.is_unsaved());
        clock.saved = Some(clock.now);
        for second in 1..3600 {
            assert_eq!(clock.advance(TODAY + second * 1000, LOOK, YEAR), None);
            assert_eq!(clock.now, TrustedTime { time: TODAY + second * 1000, since: 0 });
            assert!(!clock.is_unsaved());
        }
        clock.advance(TODAY + SAVE_INTERVAL, LOOK, YEAR);
        assert!(clock.is_unsaved());
    }

    #[test]
    fn a_pause_is_caught_up_a_day_per_hour() {
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
    fn one_look_at_a_clock_that_jumped_expires_next_to_nothing() {
        let mut clock = start(TODAY, TODAY + 200 * DAY);
        assert_eq!(clock.advance(TODAY + 200 * DAY, LOOK, YEAR), Some(Doubt::Ahead));
        assert_eq!(clock.now, TrustedTime { time: TODAY + CATCH_UP_SPEED * 1000, since: 0 });
        // The clock is set right again.
        assert_eq!(clock.advance(TODAY + 2000, LOOK, YEAR), None);
        assert_eq!(clock.now, TrustedTime { time: TODAY + 2000, since: 0 });
    }

    #[test]
    fn messages_that_would_all_expire_at_once_count_as_written_now() {
        for (before, wall) in [(TODAY, TODAY + 800 * DAY), (0, TODAY), (TODAY - 2 * YEAR, TODAY)] {
            let mut clock = start(before, wall);
            assert_eq!(clock.advance(wall, LOOK, YEAR), Some(Doubt::FarAhead));
            assert_eq!(clock.now, TrustedTime { time: wall, since: wall });
            assert!(clock.is_unsaved());
            assert_eq!(clock.advance(wall + 1000, LOOK, YEAR), None);
            let keep = Keep { messages: u64::MAX, bytes: u64::MAX, age: YEAR };
            assert!(!keep.lets_go(1, 1, before, TrustedTime { time: wall + YEAR, ..clock.now }));
            assert!(keep.lets_go(1, 1, before, TrustedTime { time: wall + YEAR + 1, ..clock.now }));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_followed_at_once() {
        let mut clock = start(TODAY, TODAY + 800 * DAY);
        clock.advance(TODAY + 800 * DAY, LOOK, YEAR);
        assert_eq!(clock.advance(TODAY, LOOK, YEAR), Some(Doubt::Behind));
        assert_eq!(clock.now, TrustedTime { time: TODAY, since: TODAY });
        assert_eq!(clock.advance(TODAY + 1000, LOOK, YEAR), None);
    }

    #[test]
    fn messages_that_are_kept_for_ever_know_no_doubt() {
        let mut clock = start(0, TODAY);
        assert_eq!(clock.advance(TODAY, LOOK, u64::MAX), Some(Doubt::Ahead));
        assert_eq!(clock.advance(u64::MAX, LOOK, u64::MAX), Some(Doubt::Ahead));
    }
}
