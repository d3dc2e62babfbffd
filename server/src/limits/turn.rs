//! Turns: one connection of each address runs at a time, so a flood occupies at most one worker.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::account::Account;

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
        let is_free = self.0.is_none() && account.is_settled(start);
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
        account.charge_since(start);
        result
    }
}

/// Runs a future in the account's turns.
pub async fn in_turn<F: Future>(account: Arc<Account>, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut turn = Turn::default();
    std::future::poll_fn(|context| turn.poll(&account, context, |context| future.as_mut().poll(context))).await
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use parking_lot::Mutex;
    use tokio::task::yield_now;
    use tokio::time::advance;

    use super::super::account::charge;
    use super::super::budget::BURST;
    use super::*;

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
        charge(Some(&account), advance(used)).await;
        assert!(!account.is_settled(Instant::now()));
        in_turn(account.clone(), yield_now()).await;
        // Twice the used time, less the burst.
        assert_eq!((Instant::now() - start).as_millis(), (used + Duration::from_millis(20)).as_millis());
    }
}
