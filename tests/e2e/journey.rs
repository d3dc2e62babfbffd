//! A journey through the page. `make test-browsers` takes it in Firefox and in WebKit as well.

use crate::engine::Engine;
use crate::world::{Board, Browser};
use crate::{act, check, find};

/// Returns the top of a row on the screen, in pixels.
async fn top(browser: &Browser, row: &str) -> f64 {
    let script = format!("return document.querySelector('{row}').getBoundingClientRect().top");
    browser.page.execute(&script, vec![]).await.unwrap().convert().unwrap()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_reader_posts_scrolls_up_loses_the_server_and_comes_back() {
    let mut board = Board::start().await;
    for n in 1..=60 {
        board.post_as("lobby", &format!("earlier {n}"), "Ada").await;
    }
    let browser = Browser::start().await;
    let newest = async || find::messages(&browser).await.pop().unwrap_or_default();

    act::open(&browser, &board, "/").await;
    act::send(&browser, "你好").await;
    check::until("the own message is shown", &newest, |text| text == "你好").await;
    check::nothing_pending(&browser).await;
    board.post("lobby", "an answer").await;
    check::until("the answer is shown", &newest, |text| text == "an answer").await;
    check::until("the list follows its end", || find::from_end(&browser), |distance| *distance < 30).await;

    act::scroll_to_top(&browser).await;
    check::until("all messages are shown", || find::messages(&browser), |shown| shown.len() == 62).await;
    act::scroll(&browser, 600).await;
    find::one(&browser, "#unseen:not([hidden])").await;
    let before = top(&browser, "#m-40").await;
    board.post("lobby", "below").await;
    let pill = async || find::one(&browser, "#unseen").await.text().await.unwrap();
    check::until("the pill counts", pill, |text| text.contains('1')).await;
    let moved = top(&browser, "#m-40").await - before;
    assert!(moved.abs() <= 1.0, "the reader was moved by {moved} pixels");

    board.kill().await;
    check::until("the page notices", || find::connection(&browser), |state| state != "live").await;
    act::send(&browser, "without a server").await;
    check::pending_is(&browser, &["without a server"]).await;
    board.start_again().await;
    check::connection_is(&browser, "live").await;
    check::until("the message is sent", &newest, |text| text == "without a server").await;
    check::nothing_pending(&browser).await;

    browser.page.goto("about:blank").await.unwrap();
    board.post("lobby", "while the reader was away").await;
    act::open(&browser, &board, "/").await;
    check::until("the new message is shown", &newest, |text| text == "while the reader was away").await;
    let shown = find::offsets(&browser).await;
    assert!(shown.windows(2).all(|pair| pair[0] + 1 == pair[1]), "each message is shown once, in order: {shown:?}");
    let texts = board.texts("lobby").await;
    assert_eq!(texts[60..], ["你好", "an answer", "below", "without a server", "while the reader was away"]);
    // The other drivers do not report the console.
    if browser.engine == Engine::Chromium {
        check::console_has_only_refused_connections(&browser).await;
    }
    browser.quit().await;
}
