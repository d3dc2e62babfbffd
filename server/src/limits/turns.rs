//! Fair shares of the server's time.
//!
//! Each address has one [`Account`], whatever it asks for and over however many connections. One of
//! its connections runs at a time, so a flood keeps one worker busy at most. After a burst they get
//! a share of one processor together. Time is measured, not estimated: a page, a ping and a refused
//! publish cost what they take.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// Processor time that an address may use at once after a silence.
const BURST: Duration = Duration::from_millis(500);

/// What one address has used of the server's time, and whose turn it is among its connections.
pub struct Account {
    turn: Arc<Semaphore>,
    read: Arc<Semaphore>,
    render: Arc<Semaphore>,
    budget: Mutex<Budget>,
}

/// Time that was used, paid back at a steady rate. A virtual-time leaky bucket (GCRA).
#[derive(Clone, Copy)]
struct Budget {
    /// Seconds that it takes to pay back one used second.
    rate: f64,
    /// When everything that was used is paid back.
    paid_at: Instant,
}

impl Budget {
    fn new(percent: u32, now: Instant) -> Self {
        Self { rate: 100.0 / f64::from(percent.max(1)), paid_at: now }
    }

    fn spend(&mut self, time: Duration, now: Instant) {
        self.paid_at = self.paid_at.max(now) + time.mul_f64(self.rate);
    }

    /// True if everything that was used is paid back.
    fn is_settled(&self, now: Instant) -> bool {
        self.paid_at <= now
    }

    /// Until when nothing more may be used, if not now.
    fn rests_until(&self, now: Instant) -> Option<Instant> {
        let burst = BURST.mul_f64(self.rate);
        (self.paid_at > now + burst).then(|| self.paid_at - burst)
    }
}

impl Account {
    /// The account of an address that may use `percent` of one processor for long.
    pub fn new(percent: u32) -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self { turn: one(), read: one(), render: one(), budget: Mutex::new(Budget::new(percent, Instant::now())) }
    }

    /// True if everything that was used is paid back, so that the account can be forgotten.
    pub fn is_settled(&self) -> bool {
        self.lock().is_settled(Instant::now())
    }

    /// Runs work that is done outside the runtime's workers, such as a read of history: one at a
    /// time for each address.
    pub async fn read<T>(&self, work: impl Future<Output = T>) -> T {
        let permit = self.read.clone().acquire_owned().await;
        self.rest().await;
        let start = Instant::now();
        let result = work.await;
        self.spend(start);
        drop(permit);
        result
    }

    async fn rest(&self) {
        let until = self.lock().rests_until(Instant::now());
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    fn spend(&self, start: Instant) {
        let now = Instant::now();
        self.lock().spend(now - start, now);
    }

    fn lock(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs work on the account, if there is one.
pub async fn read<T>(account: Option<&Account>, work: impl Future<Output = T>) -> T {
    match account {
        Some(account) => account.read(work).await,
        None => work.await,
    }
}

/// Runs work that holds much memory until it is done, one at a time for each account. The time is
/// charged where it is used.
pub async fn alone<T>(account: Option<&Account>, work: impl Future<Output = T>) -> T {
    let _permit = match account {
        Some(account) => account.render.clone().acquire_owned().await.ok(),
        None => None,
    };
    work.await
}

/// A task's wait for its turn. Small, because every connection has one.
#[derive(Default)]
pub struct Turn(Option<Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>>);

impl Turn {
    /// Polls `work` when the account lets it have a turn, and charges the account for the time that
    /// it takes.
    pub fn poll<T>(
        &mut self,
        account: &Arc<Account>,
        context: &mut Context<'_>,
        work: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let start = Instant::now();
        let is_free = self.0.is_none() && account.lock().is_settled(start);
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

/// Waits in the address's line, and then once more in the runtime's with the permit in hand: so an
/// address that is in debt has one task among those that are ready, however many of its connections
/// are, and also where one worker never runs two at a time.
async fn wait(account: Arc<Account>) -> Option<OwnedSemaphorePermit> {
    let permit = account.turn.clone().acquire_owned().await;
    account.rest().await;
    end_turn().await;
    permit.ok()
}

/// Ends the current turn. The task goes to the end of the queue at once; tokio's `yield_now` would
/// wait until there is nothing else to do, or for the next look at sockets.
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
    fn a_burst_is_free_and_then_the_share_holds() {
        let start = Instant::now();
        let mut budget = Budget::new(50, start);
        budget.spend(BURST, start);
        assert_eq!(budget.rests_until(start), None);
        budget.spend(Duration::from_millis(10), start);
        assert_eq!(budget.rests_until(start), Some(start + Duration::from_millis(20)));
        let later = start + Duration::from_millis(20);
        assert_eq!(budget.rests_until(later), None);
        budget.spend(Duration::from_millis(3), later);
        assert_eq!(budget.rests_until(later), Some(later + Duration::from_millis(6)));
        let much_later = later + Duration::from_secs(100);
        budget.spend(BURST, much_later);
        assert_eq!(budget.rests_until(much_later), None, "silence earns no more than a burst");
        budget.spend(Duration::from_millis(1), much_later);
        assert!(budget.rests_until(much_later).is_some());
    }

    #[tokio::test]
    async fn one_of_an_address_runs_at_a_time() {
        let account = Arc::new(Account::new(100));
        let held = account.turn.clone().acquire_owned().await.unwrap();
        let mut order = Vec::new();
        {
            let order = &Mutex::new(&mut order);
            let tasks = (0..3).map(|number| in_turn(account.clone(), async move { order.lock().unwrap().push(number) }));
            let mut tasks = Box::pin(join_all(tasks));
            assert!(futures_util::poll!(&mut tasks).is_pending());
            drop(held);
            tasks.await;
        }
        assert_eq!(order, [0, 1, 2]);
    }

    #[tokio::test]
    async fn a_task_that_is_dropped_while_it_waits_gives_its_turn_to_the_next() {
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
    async fn what_was_used_is_paid_back_before_the_next_turn() {
        let account = Arc::new(Account::new(50));
        let used = BURST + Duration::from_millis(10);
        let start = Instant::now();
        account.read(advance(used)).await;
        assert!(!account.is_settled());
        in_turn(account.clone(), yield_now()).await;
        // Twice what was used, less the burst.
        assert_eq!((Instant::now() - start).as_millis(), (used + Duration::from_millis(20)).as_millis());
    }
}
