//! What people do before the page is alive.

use serde_json::json;
use thirtyfour::Key;

use crate::world::{Board, Browser};
use crate::{act, check, find};

/// Holds back the bundle until the page sets `release`, or for a whole visit.
const HOLD: &str = "if (!location.hash) { \
    const held = new Promise(release => window.release = release), start = WebAssembly.instantiateStreaming; \
    WebAssembly.instantiateStreaming = async (...given) => { await held; return start.apply(WebAssembly, given) } }";

#[tokio::test]
#[ignore = "needs a browser"]
async fn enter_posts_before_the_page_is_alive() {
    let mut board = Board::start().await;
    let browser = Browser::start().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": HOLD })).await;
    browser.page.goto(board.url("/r/early")).await.unwrap();
    act::click(&browser, "#chat_content").await;
    act::compose(&browser, "zao").await;
    act::press_enter(&browser, 229).await;
    act::commit(&browser, "早").await;
    find::one(&browser, "#chat_content").await.send_keys("" + Key::Shift + Key::Enter).await.unwrap();
    act::type_text(&browser, "上好").await;
    // What is typed after Enter, before the answer, must not be lost.
    let more =
        "addEventListener('submit', () => setTimeout(() => setTimeout(() => document.getElementById('chat_content').value = 'and more')))";
    browser.page.execute(more, vec![]).await.unwrap();
    act::press(&browser, Key::Enter).await;
    check::shows(&browser, &["早\n上好"]).await;
    assert_eq!(find::count(&browser, "[data-ready]").await, 0);
    assert_eq!(find::focused(&browser).await, "chat_content");
    browser.page.execute("window.release()", vec![]).await.unwrap();
    check::connection_is(&browser, "live").await;
    check::draft_is(&browser, "and more").await;
    check::nothing_pending(&browser).await;
    assert_eq!(board.texts("early").await, ["早\n上好"]);
    // Without an answer the message stays in the outbox.
    browser.page.goto(board.url("/r/late")).await.unwrap();
    act::type_text(&browser, "kept").await;
    board.kill().await;
    act::press(&browser, Key::Enter).await;
    check::until("the browser shows its error", || find::count(&browser, "#message_form"), |count| *count == 0).await;
    board.start_again().await;
    act::open(&browser, &board, "/r/late#alive").await;
    check::shows(&browser, &["kept"]).await;
    check::draft_is(&browser, "").await;
    assert_eq!(board.texts("late").await, ["kept"]);
    browser.quit().await;
}
