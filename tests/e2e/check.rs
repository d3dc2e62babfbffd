//! Conditions to wait for, and conditions to check.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::find;
use crate::world::{Browser, TIMEOUT};

/// Asks repeatedly until the answer is the wanted one. `what` describes the condition.
pub async fn until<T, F>(what: &str, ask: impl FnMut() -> F, wanted: impl Fn(&T) -> bool)
where
    T: std::fmt::Debug,
    F: Future<Output = T>,
{
    until_within(TIMEOUT, what, ask, wanted).await;
}

/// Asks repeatedly, with a timeout of its own.
pub async fn until_within<T, F>(limit: Duration, what: &str, mut ask: impl FnMut() -> F, wanted: impl Fn(&T) -> bool)
where
    T: std::fmt::Debug,
    F: Future<Output = T>,
{
    let start = Instant::now();
    loop {
        let answer = ask().await;
        if wanted(&answer) {
            return;
        }
        assert!(start.elapsed() < limit, "never true: {what}. The last answer is {answer:?}");
        // An answer that is always ready would block the other tasks.
        tokio::task::yield_now().await;
    }
}

/// Waits until the page shows exactly these messages, in order.
pub async fn shows(browser: &Browser, wanted: &[&str]) {
    until("the page shows the messages", || find::messages(browser), |shown| shown == wanted).await;
}

/// Waits until exactly these messages are unsent.
pub async fn pending_is(browser: &Browser, wanted: &[&str]) {
    until("the messages are unsent", || find::pending(browser), |pending| pending == wanted).await;
}

/// Waits until the composer has this text.
pub async fn draft_is(browser: &Browser, wanted: &str) {
    until("the composer has the text", || find::draft(browser), |draft| draft == wanted).await;
}

/// Waits until all messages are sent.
pub async fn nothing_pending(browser: &Browser) {
    pending_is(browser, &[]).await;
}

/// Waits until the connection is in a state.
pub async fn connection_is(browser: &Browser, connection: &str) {
    until("the connection is in the state", || find::connection(browser), |state| state == connection).await;
}

/// Checks that the console is empty.
pub async fn console_is_empty(browser: &Browser) {
    let messages = browser.console().await;
    assert!(messages.is_empty(), "{messages:#?}");
}

/// Checks that the console has only the browser's own messages about refused connections.
pub async fn console_has_only_refused_connections(browser: &Browser) {
    let messages = browser.console().await;
    assert!(messages.iter().all(|line| line.contains("ERR_CONNECTION_REFUSED")), "{messages:#?}");
}
