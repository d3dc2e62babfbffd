//! The server dies; nothing is lost and every page goes on by itself.

use crate::world::{Board, Browser};
use crate::{act, check, find};

#[tokio::test]
async fn pages_go_on_by_themselves_after_kill_9() {
    let mut board = Board::start().await;
    let (ana, bob) = (Browser::start().await, Browser::start().await);
    act::open(&ana, &board, "/").await;
    act::open(&bob, &board, "/").await;
    act::say(&ana, "before").await;
    check::shows(&bob, &["before"]).await;
    board.kill().await;
    check::until("the page sees it", || find::connection(&ana), |state| state != "live").await;
    // Written while nobody listens: it waits, in sight, and the composer is free again.
    act::say(&ana, "meanwhile").await;
    check::pending_is(&ana, &["meanwhile"]).await;
    check::draft_is(&ana, "").await;
    let stage = async || find::one(&ana, "#outbox .stage").await.text().await.unwrap();
    check::until("it says that it waits", stage, |stage| stage == "等待连接恢复").await;
    board.open().await;
    for browser in [&ana, &bob] {
        check::is(browser, "live").await;
        check::shows(browser, &["before", "meanwhile"]).await;
        check::console_tells_only_of_refused_connections(browser).await;
    }
    check::nothing_pending(&ana).await;
    assert_eq!(board.texts("lobby").await, ["before", "meanwhile"]);
    ana.quit().await;
    bob.quit().await;
}

#[tokio::test]
async fn what_waits_survives_a_reload() {
    let mut board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::write(&browser, "half a thought").await;
    browser.page.refresh().await.unwrap();
    act::open(&browser, &board, "/").await;
    check::draft_is(&browser, "half a thought").await;
    board.kill().await;
    act::say(&browser, " and the rest").await;
    act::say(&browser, "another").await;
    act::say(&browser, "a third").await;
    check::pending_is(&browser, &["half a thought and the rest", "another", "a third"]).await;
    board.open().await;
    browser.page.refresh().await.unwrap();
    check::shows(&browser, &["half a thought and the rest", "another", "a third"]).await;
    check::nothing_pending(&browser).await;
    assert_eq!(board.texts("lobby").await, ["half a thought and the rest", "another", "a third"]);
    browser.quit().await;
}

#[tokio::test]
async fn a_board_that_asks_to_wait_gets_everything_in_the_end() {
    let board = Board::start_with(&["--publishes-burst", "1", "--publishes-per-second", "1"]).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    let said = ["one", "two", "three", "four", "five"];
    for text in said {
        act::say(&browser, text).await;
    }
    let held = async || find::one(&browser, ".held").await.text().await.unwrap();
    check::until("the page says for how long", held, |held| held.starts_with("The server asks to wait. Trying again in ")).await;
    check::shows(&browser, &said).await;
    check::nothing_pending(&browser).await;
    assert_eq!(board.texts("lobby").await, said);
    check::console_is_silent(&browser).await;
    browser.quit().await;
}
