//! The server crashes or limits a page: nothing is lost, and pages continue by themselves.

use crate::world::{Board, Browser};
use crate::{act, check, find};

#[tokio::test]
#[ignore = "needs a browser"]
async fn pages_continue_by_themselves_after_kill_9() {
    let mut board = Board::start().await;
    let (ana, bob) = (Browser::start().await, Browser::start().await);
    act::open(&ana, &board, "/").await;
    act::open(&bob, &board, "/").await;
    act::send(&ana, "before").await;
    check::shows(&bob, &["before"]).await;
    board.kill().await;
    check::until("the page notices", || find::connection(&ana), |state| state != "live").await;
    // A message sent without a connection is shown as waiting, and the composer is empty again.
    act::send(&ana, "meanwhile").await;
    check::pending_is(&ana, &["meanwhile"]).await;
    check::draft_is(&ana, "").await;
    let stage = async || find::one(&ana, "#outbox .stage").await.text().await.unwrap();
    check::until("the message is shown as waiting", stage, |stage| stage == "等待连接恢复").await;
    board.start_again().await;
    for browser in [&ana, &bob] {
        check::connection_is(browser, "live").await;
        check::shows(browser, &["before", "meanwhile"]).await;
        check::console_has_only_refused_connections(browser).await;
    }
    check::nothing_pending(&ana).await;
    assert_eq!(board.texts("lobby").await, ["before", "meanwhile"]);
    ana.quit().await;
    bob.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn unsent_messages_survive_a_reload() {
    let mut board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::type_text(&browser, "half a thought").await;
    browser.page.refresh().await.unwrap();
    act::open(&browser, &board, "/").await;
    check::draft_is(&browser, "half a thought").await;
    board.kill().await;
    act::send(&browser, " and the rest").await;
    act::send(&browser, "another").await;
    act::send(&browser, "a third").await;
    check::pending_is(&browser, &["half a thought and the rest", "another", "a third"]).await;
    board.start_again().await;
    browser.page.refresh().await.unwrap();
    check::shows(&browser, &["half a thought and the rest", "another", "a third"]).await;
    check::nothing_pending(&browser).await;
    assert_eq!(board.texts("lobby").await, ["half a thought and the rest", "another", "a third"]);
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_rate_limited_page_delivers_everything_later() {
    let board = Board::start_with(&["--publishes-burst", "1", "--publishes-per-second", "1"]).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    let texts = ["one", "two", "three", "four", "five"];
    for text in texts {
        act::send(&browser, text).await;
    }
    let held = async || find::one(&browser, ".held").await.text().await.unwrap();
    check::until("the page shows the wait", held, |held| held.starts_with("The server asks to wait. Trying again in ")).await;
    check::shows(&browser, &texts).await;
    check::nothing_pending(&browser).await;
    assert_eq!(board.texts("lobby").await, texts);
    check::console_is_empty(&browser).await;
    browser.quit().await;
}
