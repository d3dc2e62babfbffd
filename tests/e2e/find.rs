//! Reads a page.

use thirtyfour::prelude::*;

use crate::world::{Browser, TIMEOUT};

/// Waits for an element and returns it.
pub async fn one(browser: &Browser, css: &str) -> WebElement {
    let wait = browser.page.query(By::Css(css)).wait(TIMEOUT, std::time::Duration::from_millis(50));
    wait.first().await.unwrap_or_else(|_| panic!("there is no {css}"))
}

/// Returns the texts of all messages shown, oldest first.
pub async fn messages(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('#messages > li[data-offset] .text')].map(e => e.textContent)";
    texts(browser, script).await
}

/// Returns the offsets of all messages shown, from the top.
pub async fn offsets(browser: &Browser) -> Vec<u64> {
    let script = "return [...document.querySelectorAll('#messages > li[data-offset]')].map(e => +e.dataset.offset)";
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

/// Returns the texts of all unsent messages.
pub async fn pending(browser: &Browser) -> Vec<String> {
    texts(browser, "return [...document.querySelectorAll('#outbox > li .text')].map(e => e.textContent)").await
}

async fn texts(browser: &Browser, script: &str) -> Vec<String> {
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

/// Returns the text in the composer.
pub async fn draft(browser: &Browser) -> String {
    browser.page.execute("return document.getElementById('chat_content').value", vec![]).await.unwrap().convert().unwrap()
}

pub async fn connection(browser: &Browser) -> String {
    let state = one(browser, "#connection").await.attr("data-state").await.unwrap();
    state.unwrap_or_default()
}

/// Returns the transport of the page: `ws`, `sse`, `long-poll`, `poll`, or `tab` for the stream of
/// another tab. Empty if it has none.
pub async fn transport(browser: &Browser) -> String {
    let transport = one(browser, "#connection").await.attr("data-transport").await.unwrap();
    transport.unwrap_or_default()
}

/// Counts the elements of a selector.
pub async fn count(browser: &Browser, css: &str) -> usize {
    browser.page.find_all(By::Css(css)).await.unwrap().len()
}

/// Returns the id of the row after an element.
pub async fn after(browser: &Browser, css: &str) -> String {
    let script = format!("return document.querySelector('{css}').nextElementSibling.id");
    browser.page.execute(&script, vec![]).await.unwrap().convert().unwrap()
}

/// Returns the distance of the list from its end, in pixels.
pub async fn from_end(browser: &Browser) -> i64 {
    let script = "return Math.round(Math.abs(document.getElementById('scroller').scrollTop))";
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

/// Returns the id of the element with the focus.
pub async fn focused(browser: &Browser) -> String {
    browser.page.execute("return document.activeElement.id", vec![]).await.unwrap().convert().unwrap()
}
