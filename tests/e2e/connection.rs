//! The connection status of the page.

use std::time::Duration;

use crate::world::{Board, Browser};
use crate::{act, check, find};

#[tokio::test]
#[ignore = "needs a browser"]
async fn shows_a_lost_connection_and_retries_without_taking_the_focus() {
    let mut board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    assert_eq!(find::one(&browser, ".connection").await.attr("title").await.unwrap().unwrap(), "WebSocket");
    act::type_text(&browser, "half a").await;
    board.kill().await;
    check::connection_is(&browser, "waiting").await;
    let status = async || find::one(&browser, ".connection").await.text().await.unwrap();
    check::until("the status shows the next try", status, |status| status.starts_with("Connection lost") && status.contains("again in "))
        .await;
    // Without a connection the page does not know who is online.
    let counts = async || find::one(&browser, "#here").await.is_displayed().await.unwrap();
    check::until("the count is hidden", counts, |counts| !counts).await;
    board.start_again().await;
    browser.page.execute("document.getElementById('connect_now').click()", vec![]).await.unwrap();
    check::connection_is(&browser, "live").await;
    act::press(&browser, " thought").await;
    check::draft_is(&browser, "half a thought").await;
    browser.quit().await;
}

/// The page once showed "Live" for half a minute beside a message that nobody received.
#[tokio::test]
#[ignore = "needs a browser"]
async fn doubts_a_server_that_does_not_answer() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    board.pause();
    act::send(&browser, "into the dark").await;
    check::until_within(Duration::from_secs(9), "the page doubts", || find::connection(&browser), |state| state == "doubtful").await;
    assert_eq!(find::one(&browser, "#connection").await.text().await.unwrap(), "Waiting for an answer…");
    board.resume();
    check::connection_is(&browser, "live").await;
    check::shows(&browser, &["into the dark"]).await;
    check::nothing_pending(&browser).await;
    assert_eq!(board.texts("lobby").await, ["into the dark"]);
    browser.quit().await;
}

/// Widths from a small phone to a desktop, in pixels.
const WIDTHS: [u32; 7] = [320, 360, 480, 640, 768, 1024, 1440];

/// Checks at each width that the bar has its usual height, and that nothing sticks out of it.
async fn assert_bar(browser: &Browser, state: &str) {
    for width in WIDTHS {
        browser.resize(width, 640).await;
        let measure = "const bar = document.querySelector('.bar'), top = document.getElementById('scroller').getBoundingClientRect().top; \
            const out = [...bar.querySelectorAll(':scope > *, .state *')].filter(it => { const r = it.getBoundingClientRect(); \
                return r.width > 1 && (r.right > innerWidth + 0.5 || r.left < -0.5) }); \
            const text = document.getElementById('connection'), is_hidden = getComputedStyle(text).position === 'absolute'; \
            const range = document.createRange(); \
            range.selectNodeContents(text); \
            const cut = range.getBoundingClientRect().width - text.getBoundingClientRect().width; \
            return [bar.offsetHeight, Math.round(top), out.length, is_hidden ? 0 : Math.round(cut)]";
        let measured: [i64; 4] = browser.page.execute(measure, vec![]).await.unwrap().convert().unwrap();
        assert_eq!(measured, [53, 53, 0, 0], "{state} at {width}: height, top of the list, parts outside, pixels of the text that are cut");
    }
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_bar_keeps_its_height_in_every_state() {
    for language in ["en", "zh-CN"] {
        let mut board = Board::start().await;
        let browser = Browser::start().await;
        act::open(&browser, &board, &format!("/r/a-room-with-a-name-that-is-much-too-long?lang={language}")).await;
        assert_bar(&browser, "live").await;
        board.pause();
        browser.page.execute("dispatchEvent(new Event('offline'))", vec![]).await.unwrap();
        check::connection_is(&browser, "doubtful").await;
        assert_bar(&browser, "doubtful").await;
        board.kill().await;
        check::connection_is(&browser, "offline").await;
        assert_bar(&browser, "offline").await;
        browser.page.execute("dispatchEvent(new Event('online'))", vec![]).await.unwrap();
        check::connection_is(&browser, "waiting").await;
        assert_bar(&browser, "waiting").await;
        browser.quit().await;
    }
}
