//! What must become true, and what must stay true.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::find;
use crate::world::{Browser, PATIENCE};

/// Asks again until the answer is the one that is wanted.
pub async fn until<T, F>(what: &str, ask: impl FnMut() -> F, wanted: impl Fn(&T) -> bool)
where
    T: std::fmt::Debug,
    F: Future<Output = T>,
{
    until_within(PATIENCE, what, ask, wanted).await;
}

/// The same with a patience of its own.
pub async fn until_within<T, F>(patience: Duration, what: &str, mut ask: impl FnMut() -> F, wanted: impl Fn(&T) -> bool)
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
        assert!(start.elapsed() < patience, "{what}; it is {answer:?}");
        // What is asked may need nobody else to answer, and would keep all others from running.
        tokio::task::yield_now().await;
    }
}

/// The page comes to show these messages, in this order, and nothing else.
pub async fn shows(browser: &Browser, wanted: &[&str]) {
    until("the page shows other messages", || find::messages(browser), |shown| shown == wanted).await;
}

/// The page comes to have these messages on their way.
pub async fn pending_is(browser: &Browser, wanted: &[&str]) {
    until("other messages are on their way", || find::pending(browser), |pending| pending == wanted).await;
}

/// The composer comes to hold this.
pub async fn draft_is(browser: &Browser, wanted: &str) {
    until("the composer holds something else", || find::draft(browser), |draft| draft == wanted).await;
}

/// The page comes to have nothing on its way.
pub async fn nothing_pending(browser: &Browser) {
    pending_is(browser, &[]).await;
}

pub async fn is(browser: &Browser, connection: &str) {
    until("the connection is in another state", || find::connection(browser), |state| state == connection).await;
}

/// The console has said nothing at all.
pub async fn console_is_silent(browser: &Browser) {
    let said = browser.console().await;
    assert!(said.is_empty(), "the console says {said:#?}");
}

/// The page has said nothing. What the browser itself says of a server that was not there can't be kept from it.
pub async fn console_tells_only_of_refused_connections(browser: &Browser) {
    let said = browser.console().await;
    assert!(said.iter().all(|line| line.contains("ERR_CONNECTION_REFUSED")), "the console says {said:#?}");
}
