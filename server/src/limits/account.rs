//! The processor time that one address has used.
//!
//! All connections of an address share one account. Time is measured, not estimated.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::budget::Budget;

/// The budget of one address, and the permits that its connections share.
pub struct Account {
    /// Held by the connection that runs.
    pub(super) turn: Arc<Semaphore>,
    /// Held by work outside the runtime's workers.
    background: Semaphore,
    /// Held by work that needs much memory.
    memory: Semaphore,
    budget: Mutex<Budget>,
}

impl Account {
    /// Creates the account of an address that may use `percent` of one processor.
    pub fn new(percent: u32) -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            background: Semaphore::new(1),
            memory: Semaphore::new(1),
            budget: Mutex::new(Budget::new(percent, Instant::now())),
        }
    }

    /// True if all used time is paid back.
    pub(super) fn is_settled(&self, now: Instant) -> bool {
        self.budget.lock().is_settled(now)
    }

    /// Waits while the address has used more than its burst.
    pub(super) async fn wait_until_allowed(&self) {
        let until = self.budget.lock().blocked_until(Instant::now());
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    /// Charges the time since `start`.
    pub(super) fn charge_since(&self, start: Instant) {
        let now = Instant::now();
        self.budget.lock().spend(now - start, now);
    }
}

/// Runs work outside the runtime's workers, such as a read of the history, and charges the time
/// that it takes. Each account runs one such work at a time. `None` runs it at once.
pub async fn charge<T>(account: Option<&Account>, work: impl Future<Output = T>) -> T {
    let Some(account) = account else { return work.await };
    let _permit = account.background.acquire().await;
    account.wait_until_allowed().await;
    let start = Instant::now();
    let result = work.await;
    account.charge_since(start);
    result
}

/// Runs work that needs much memory, one at a time for each account. The work charges its time
/// itself. `None` runs it at once.
pub async fn one_at_a_time<T>(account: Option<&Account>, work: impl Future<Output = T>) -> T {
    let Some(account) = account else { return work.await };
    let _permit = account.memory.acquire().await;
    work.await
}
