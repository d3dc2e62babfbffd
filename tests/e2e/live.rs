//! Live messages and older ones.

use crate::world::{Board, Browser};
use crate::{act, check, find};

#[tokio::test]
#[ignore = "needs a browser"]
async fn two_browsers_see_each_others_messages() {
    let board = Board::start().await;
    let (ana, bob) = (Browser::start().await, Browser::start().await);
    act::open(&ana, &board, "/").await;
    act::open(&bob, &board, "/").await;
    act::send(&ana, "你好").await;
    check::shows(&bob, &["你好"]).await;
    act::type_text(&bob, "hello").await;
    act::click(&bob, "button[type=submit]").await;
    for browser in [&ana, &bob] {
        check::shows(browser, &["你好", "hello"]).await;
        check::nothing_pending(browser).await;
        check::console_is_empty(browser).await;
    }
    check::draft_is(&ana, "").await;
    assert_eq!(board.texts("lobby").await, ["你好", "hello"]);
    let here = async || find::one(&ana, "#here").await.text().await.unwrap();
    check::until("both are online", here, |text| text.contains('2')).await;
    ana.quit().await;
    bob.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn hydrates_without_console_messages() {
    let board = Board::start().await;
    for n in 0..60 {
        board.post_as("room", &format!("message {n}\nsecond line"), if n % 3 == 0 { "小明" } else { "" }).await;
    }
    let browser = Browser::start().await;
    act::open(&browser, &board, "/r/room").await;
    assert_eq!(find::messages(&browser).await.len(), 50);
    board.post("room", "one more").await;
    check::until("the new message is shown", || find::messages(&browser), |shown| shown.last().is_some_and(|text| text == "one more"))
        .await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_button_loads_older_messages() {
    let board = Board::start().await;
    for n in 0..120 {
        board.post("lobby", &format!("{n}")).await;
    }
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    // By script: a driver's click scrolls to the button, which loads messages as well.
    browser.page.execute("document.getElementById('older').click()", vec![]).await.unwrap();
    check::until("one more page is shown", || find::messages(&browser), |shown| shown.len() >= 100).await;
    // Scrolling up loads the rest.
    act::scroll_to_top(&browser).await;
    check::until("all messages are shown", || find::messages(&browser), |shown| shown.len() == 120).await;
    let shown = find::messages(&browser).await;
    assert!(shown.iter().enumerate().all(|(n, text)| *text == n.to_string()));
    check::console_is_empty(&browser).await;
    browser.quit().await;
}
