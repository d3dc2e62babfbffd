//! How long messages are kept: in the background, a room that has more than is kept lets its oldest messages go.
//!
//! It is the history's writer that does it, in small steps between publishes, so nobody waits for it. Readers who
//! wanted what is gone are told of a gap.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::history::Keep;
use crate::hub::Hub;

/// How often it is looked for rooms that have more than is kept.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps rooms within their bounds, for ever.
pub async fn run(hub: Hub, keep: Keep) {
    let mut interval = interval(LOOK_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        for room in hub.overfull(keep) {
            // Whatever is in the way, the next look finds the room again; a failed commit is in the log.
            while hub.expire(&room, keep).await.unwrap_or(false) {}
        }
    }
}
