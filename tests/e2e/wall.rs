//! The wall of a room.

use crate::world::{Board, Browser};
use crate::{act, check, find};

/// Makes the wall's minutes short.
const FAST: &str = "const every = setInterval; setInterval = (act, time) => every(act, time / 200)";

/// Returns the value of a script's expression.
async fn value(browser: &Browser, script: &str) -> String {
    browser.page.execute(&format!("return {script}"), vec![]).await.unwrap().convert().unwrap()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_wall_shows_new_messages_large_and_runs_for_days() {
    let mut board = Board::start().await;
    for n in 1..=30 {
        board.post("hall", &format!("message {n}")).await;
    }
    let browser = Browser::start().await;
    browser.resize(1440, 900).await;
    act::run_on_each_page(&browser, FAST).await;
    act::open(&browser, &board, "/r/hall/wall?pin=1&lang=en").await;
    board.post("hall", "the newest").await;
    check::until("the message is shown", || find::messages(&browser), |shown| shown.last().is_some_and(|text| text == "the newest")).await;
    let size = value(&browser, "getComputedStyle(document.querySelector('#m-31 .text')).fontSize").await;
    assert!(size.trim_end_matches("px").parse::<f64>().unwrap() > 28.0, "{size}");
    let newest = find::one(&browser, "#m-31").await.rect().await.unwrap();
    assert!(newest.y > 450.0 && newest.y + newest.height <= 900.0, "{newest:?}");
    assert_eq!(find::one(&browser, ".pin .text").await.text().await.unwrap(), "message 1");
    assert!(find::one(&browser, ".invitation").await.text().await.unwrap().contains("/r/hall"));
    for hidden in ["#message_form", ".bar h1", "#unseen"] {
        assert!(!find::one(&browser, hidden).await.is_displayed().await.unwrap(), "{hidden}");
    }
    check::console_is_empty(&browser).await;
    // It connects again by itself.
    board.kill().await;
    let lost = async || find::one(&browser, ".connection").await.is_displayed().await.unwrap();
    check::until("the wall shows the lost connection", lost, |lost| *lost).await;
    board.start_again().await;
    board.post("hall", "after the crash").await;
    check::until("it continues", || find::messages(&browser), |shown| shown.last().is_some_and(|text| text == "after the crash")).await;
    // After some hours a fresh wall takes its place.
    browser.page.execute("window.old = true; const { now } = Date; Date.now = () => now() + 7 * 3600 * 1000", vec![]).await.unwrap();
    let is_fresh = async || browser.page.execute("return !window.old", vec![]).await.is_ok_and(|old| old.convert().unwrap_or(false));
    check::until("the wall is replaced", is_fresh, |fresh| *fresh).await;
    check::until("it continues", || find::messages(&browser), |shown| shown.last().is_some_and(|text| text == "after the crash")).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn messages_fade_over_the_picture_of_a_stream() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/r/hall/wall?fade=1&background=transparent").await;
    board.post("hall", "short-lived").await;
    find::one(&browser, "#m-1").await;
    let style = "getComputedStyle(document.querySelector('#m-1'))";
    check::until("the message fades", async || value(&browser, &format!("{style}.visibility")).await, |it| it == "hidden").await;
    for part in ["documentElement", "body", "querySelector('.page')", "querySelector('#scroller')"] {
        let colour = value(&browser, &format!("getComputedStyle(document.{part}).backgroundColor")).await;
        assert_eq!(colour, "rgba(0, 0, 0, 0)", "{part}");
    }
    // A later message is seen.
    board.post("hall", "another").await;
    find::one(&browser, "#m-2").await;
    assert_eq!(value(&browser, "getComputedStyle(document.querySelector('#m-2')).visibility").await, "visible");
    check::console_is_empty(&browser).await;
    browser.quit().await;
}
