//! Whether the history can be written, as its writer found at its last commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

/// How old the last commit may be before a probe is needed.
const HEALTH_AGE_MAX: Duration = Duration::from_secs(5);
/// How long a probe may take.
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);

/// The result of the last commit.
pub(super) struct WriteHealth {
    /// When it ended, and whether it succeeded.
    last: watch::Sender<(Instant, bool)>,
    /// True while a probe is queued.
    is_probed: AtomicBool,
}

impl WriteHealth {
    /// The health of a history that was just opened. `is_written`: true if it could be written then.
    pub(super) fn new(is_written: bool) -> Self {
        Self { last: watch::Sender::new((Instant::now(), is_written)), is_probed: AtomicBool::new(false) }
    }

    /// Records the result of a commit that just ended.
    pub(super) fn record(&self, is_written: bool) {
        self.is_probed.store(false, Ordering::Relaxed);
        self.last.send_replace((Instant::now(), is_written));
    }

    /// True if the last commit succeeded. If it is older than [`HEALTH_AGE_MAX`], `queue_probe` queues a probe first, and says
    /// whether it could.
    pub(super) async fn can_write(&self, queue_probe: impl FnOnce() -> bool) -> bool {
        let mut last = self.last.subscribe();
        let is_fresh = |(at, _): &(Instant, bool)| at.elapsed() < HEALTH_AGE_MAX;
        if !is_fresh(&last.borrow()) && !self.is_probed.swap(true, Ordering::Relaxed) && !queue_probe() {
            self.is_probed.store(false, Ordering::Relaxed);
        }
        let last = timeout(PROBE_TIME_MAX, last.wait_for(is_fresh)).await;
        last.is_ok_and(|last| last.is_ok_and(|last| last.1))
    }
}
