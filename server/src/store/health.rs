//! Whether the history can be written, by the result of the last commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

/// Age of the last commit at which a probe is needed.
const HEALTH_AGE_MAX: Duration = Duration::from_secs(5);
/// Maximum duration of a probe.
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);

/// The result of the last commit.
pub(super) struct WriteHealth {
    /// When it ended, and true if it succeeded.
    last: watch::Sender<(Instant, bool)>,
    /// True while a probe is queued.
    is_probe_queued: AtomicBool,
}

impl WriteHealth {
    /// The health of a history that was just opened. `can_write`: true if the writes at its start
    /// succeeded.
    pub(super) fn new(can_write: bool) -> Self {
        Self { last: watch::Sender::new((Instant::now(), can_write)), is_probe_queued: AtomicBool::new(false) }
    }

    /// Records the result of a commit that just ended.
    pub(super) fn record(&self, has_succeeded: bool) {
        self.is_probe_queued.store(false, Ordering::Relaxed);
        self.last.send_replace((Instant::now(), has_succeeded));
    }

    /// True if the last commit succeeded. If it is older than [`HEALTH_AGE_MAX`], calls
    /// `queue_probe` and waits for the probe's commit. `queue_probe` returns true if it queued one.
    pub(super) async fn can_write(&self, queue_probe: impl FnOnce() -> bool) -> bool {
        let mut last = self.last.subscribe();
        let is_fresh = |(at, _): &(Instant, bool)| at.elapsed() < HEALTH_AGE_MAX;
        if !is_fresh(&last.borrow()) && !self.is_probe_queued.swap(true, Ordering::Relaxed) && !queue_probe() {
            self.is_probe_queued.store(false, Ordering::Relaxed);
        }
        let last = timeout(PROBE_TIME_MAX, last.wait_for(is_fresh)).await;
        last.is_ok_and(|last| last.is_ok_and(|last| last.1))
    }
}
