//! A long-poll: a reader that waits, and is told by a page.

use tokio::sync::watch;

use super::reader::{Next, Reader, Rules, Seen};
use crate::room::RoomLog;

/// The page that follows has a time limit of its own, and nothing is said before it.
const RULES: Rules = Rules::NONE;

/// Waits until there is something to tell a reader with this cursor: entries, or a gap.
pub async fn wait_for_entries(log: &RoomLog, cursor: u64) {
    let mut latest: watch::Receiver<u64> = log.room().watch_latest();
    let mut reader = Reader::new(cursor, 0, 0, &RULES);
    loop {
        let seen = Seen { tick: 0, extent: log.room().extent(), online: None, is_caught_up: true };
        if reader.next(&seen, &RULES, || true) != Next::Wait {
            return;
        }
        // The room keeps the sender.
        let _ = latest.changed().await;
    }
}
