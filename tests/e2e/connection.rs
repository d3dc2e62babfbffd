//! The connection status of the page.

use crate::world::{Board, Browser};
use crate::{act, check, find};

#[tokio::test]
#[ignore = "needs a browser"]
async fn shows_a_lost_connection_and_retries_without_taking_the_focus() {
    let mut board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    assert_eq!(find::one(&browser, ".transport").await.text().await.unwrap(), "WebSocket");
    act::type_text(&browser, "half a").await;
    board.kill().await;
    check::connection_is(&browser, "waiting").await;
    let status = async || find::one(&browser, ".connection").await.text().await.unwrap();
    check::until("the status shows the next try", status, |status| status.starts_with("Connection lost") && status.contains("again in "))
        .await;
    // Without a connection the page does not know who is online.
    assert!(!find::one(&browser, "#here").await.is_displayed().await.unwrap());
    board.start_again().await;
    browser.page.execute("document.getElementById('connect_now').click()", vec![]).await.unwrap();
    check::connection_is(&browser, "live").await;
    act::press(&browser, " thought").await;
    check::draft_is(&browser, "half a thought").await;
    browser.quit().await;
}
