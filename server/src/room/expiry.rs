//! The background task that deletes expired messages.
//!
//! The store's writer deletes them in small steps between publishes, so no publisher waits for
//! long. A reader whose next messages have expired is told of a gap.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::hub::Hub;
use super::trusted_clock::{DAY, Doubt, TrustedClock};
use crate::store::RetentionPolicy;

/// Time between two searches for rooms that exceed the policy.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Applies the retention policy to all rooms, and saves the trusted time. Never returns.
pub async fn expire_messages(hub: Hub, policy: RetentionPolicy, mut trusted: TrustedClock) {
    let mut interval = interval(CHECK_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (clock, mut last_check, mut last_doubt) = (hub.clock(), Instant::now(), None);
    loop {
        let now = interval.tick().await;
        let (system_time, before) = (clock(), trusted.now().time);
        let doubt = trusted.advance(system_time, now - last_check, policy.age);
        if doubt != last_doubt {
            log_doubt(doubt, last_doubt, system_time.abs_diff(before) / DAY);
        }
        (last_check, last_doubt) = (now, doubt);
        if let Some(time) = trusted.unsaved()
            && hub.save_time(time).await.is_ok()
        {
            trusted.mark_saved(time);
        }
        for room in hub.rooms_exceeding(policy, trusted.now()) {
            // The writer logs a failed commit. The next check finds the room again.
            while hub.expire(&room, policy, trusted.now()).await.unwrap_or(false) {}
        }
    }
}

/// Logs a doubt and what the operator can do. `days` is the difference between the two times.
fn log_doubt(doubt: Option<Doubt>, before: Option<Doubt>, days: u64) {
    match doubt {
        Some(Doubt::Ahead) => tracing::warn!(
            days,
            "the system clock is ahead of the time that this board has seen: each hour, a day's worth of old messages expires. \
             If the clock is wrong, correct it"
        ),
        Some(Doubt::FarAhead) => tracing::warn!(
            days,
            "the system clock is ahead by more than the maximum age of messages: stored messages count as written now. \
             If the clock is wrong, correct it"
        ),
        Some(Doubt::Behind) => tracing::warn!(days, "the system clock was set back: messages expire later"),
        None if before == Some(Doubt::Ahead) => tracing::info!("the system clock is trusted again"),
        None => {}
    }
}
