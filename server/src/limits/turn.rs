//! Limits the processor time of each address.
//!
//! All connections of an address share one [`Account`]. Only one of them runs at a time, so a flood
//! occupies at most one worker. After a burst, the address gets a configured share of one
//! processor. Time is measured, not estimated.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// Processor time that an address may use at once after a pause.
const BURST: Duration = Duration::from_millis(500);

/// The processor time that one address has used, and the locks that its connections share.
pub struct Account {
    /// Held by the connection that runs.
    turn: Arc<Semaphore>,
    /// Held by work outside the runtime's workers.
    background: Arc<Semaphore>,
    /// Held by work that needs much memory.
    memory: Arc<Semaphore>,
    budget: Mutex<Budget>,
}

/// Used time, paid back at a steady rate. A virtual-time leaky bucket (GCRA).
#[derive(Clone, Copy)]
struct Budget {
    /// Seconds until one used second is paid back.
    rate: f64,
    /// When all used time is paid back.
    paid_at: Instant,
}

impl Budget {
    fn new(percent: u32, now: Instant) -> Self {
        Self { rate: 100.0 / f64::from(percent.max(1)), paid_at: now }
    }

    fn spend(&mut self, time: Duration, now: Instant) {
        self.paid_at = self.paid_at.max(now) + time.mul_f64(self.rate);
    }

    /// True if all used time is paid back.
    fn is_settled(&self, now: Instant) -> bool {
        self.paid_at <= now
    }

    /// Returns when the next work may start. `None` if it may start now.
    fn blocked_until(&self, now: Instant) -> Option<Instant> {
        let burst = BURST.mul_f64(self.rate);
        (self.paid_at > now + burst).then(|| self.paid_at - burst)
    }
}

impl Account {
    /// Creates the account of an address that may use `percent` of one processor.
    pub fn new(percent: u32) -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self { turn: one(), background: one(), memory: one(), budget: Mutex::new(Budget::new(percent, Instant::now())) }
    }

    /// True if all used time is paid back, so that the account can be forgotten.
    pub fn is_settled(&self) -> bool {
        self.budget.lock().is_settled(Instant::now())
    }

    /// Runs work outside the runtime's workers, such as a read of the history. One at a time for
    /// each address.
    pub async fn read<T>(&self, work: impl Future<Output = T>) -> T {
        let permit = self.background.clone().acquire_owned().await;
        self.wait_until_allowed().await;
        let start = Instant::now();
        let result = work.await;
        self.spend(start);
        drop(permit);
        result
    }

    async fn wait_until_allowed(&self) {
        let until = self.budget.lock().blocked_until(Instant::now());
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    fn spend(&self, start: Instant) {
        let now = Instant::now();
        self.budget.lock().spend(now - start, now);
    }
}

/// Runs work on the account, if there is one.
pub async fn read<T>(account: Option<&Account>, work: impl Future<Output = T>) -> T {
    match account {
        Some(account) => account.read(work).await,
        None => work.await,
    }
}

/// Runs work that needs much memory, one at a time for each account. The work charges its time
/// itself.
pub async fn alone<T>(account: Option<&Account>, work: impl Future<Output = T>) -> T {
    let _permit = match account {
        Some(account) => account.memory.clone().acquire_owned().await.ok(),
        None => None,
    };
    work.await
}

/// A task's wait for its turn. Small, because every connection has one.
#[derive(Default)]
pub struct Turn(Option<Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>>);

impl Turn {
    /// Polls `work` when it is its turn, and charges the account for the time that this takes.
    pub fn poll<T>(
        &mut self,
        account: &Arc<Account>,
        context: &mut Context<'_>,
        work: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let start = Instant::now();
        let is_free = self.0.is_none() && account.budget.lock().is_settled(start);
        let permit = if is_free { account.turn.clone().try_acquire_owned().ok() } else { None };
        let (_permit, start) = match permit {
            Some(permit) => (Some(permit), start),
            None => {
                let wait = self.0.get_or_insert_with(|| Box::pin(wait(account.clone())));
                let permit = ready!(wait.as_mut().poll(context));
                self.0 = None;
                (permit, Instant::now())
            }
        };
        let result = work(context);
        account.spend(start);
        result
    }
}

/// Waits for the address's turn, then goes to the end of the runtime's queue with the permit held.
/// So an address with unpaid time has only one ready task, also on a runtime with one worker.
async fn wait(account: Arc<Account>) -> Option<OwnedSemaphorePermit> {
    let permit = account.turn.clone().acquire_owned().await;
    account.wait_until_allowed().await;
    end_turn().await;
    permit.ok()
}

/// Moves the task to the end of the runtime's queue. tokio's `yield_now` would wait until the queue
/// is empty or sockets are polled.
pub async fn end_turn() {
    let mut has_ended = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_ended, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs a future in the account's turns.
pub async fn in_turn<F: Future>(account: Arc<Account>, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut turn = Turn::default();
    std::future::poll_fn(|context| turn.poll(&account, context, |context| future.as_mut().poll(context))).await
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::task::yield_now;
    use tokio::time::advance;

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

    #[tokio::test]
    async fn runs_the_tasks_of_an_address_in_order() {
        let account = Arc::new(Account::new(100));
        let held = account.turn.clone().acquire_owned().await.unwrap();
        let mut order = Vec::new();
        {
            let order = &Mutex::new(&mut order);
            let tasks = (0..3).map(|number| in_turn(account.clone(), async move { order.lock().push(number) }));
            let mut tasks = Box::pin(join_all(tasks));
            assert!(futures_util::poll!(&mut tasks).is_pending());
            drop(held);
            tasks.await;
        }
        assert_eq!(order, [0, 1, 2]);
    }

    #[tokio::test]
    async fn gives_the_turn_of_a_dropped_task_to_the_next() {
        let account = Arc::new(Account::new(100));
        let held = account.turn.clone().acquire_owned().await.unwrap();
        let mut first = Box::pin(in_turn(account.clone(), async {}));
        let mut second = Box::pin(in_turn(account.clone(), async {}));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(held);
        drop(first);
        second.await;
    }

    #[tokio::test(start_paused = true)]
    async fn waits_until_used_time_is_paid_back() {
        let account = Arc::new(Account::new(50));
        let used = BURST + Duration::from_millis(10);
        let start = Instant::now();
        account.read(advance(used)).await;
        assert!(!account.is_settled());
        in_turn(account.clone(), yield_now()).await;
        // Twice the used time, less the burst.
        assert_eq!((Instant::now() - start).as_millis(), (used + Duration::from_millis(20)).as_millis());
    }
}
