//! Faulty proxies: the page finds a transport that works, and upgrades when it can.

use std::cell::Cell;
use std::time::{Duration, Instant};

use thirtyfour::WindowHandle;

use crate::proxy::{Fault, Proxy};
use crate::world::{Board, Browser};
use crate::{act, check, find};

/// The maximum delay of a message under a fault.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(10);
/// The maximum time until the page is back on a WebSocket.
const UPGRADE_TIME_MAX: Duration = Duration::from_secs(60);

/// Opens the lobby through a proxy and waits for hydration, but not for a connection.
async fn open(browser: &Browser, proxy: &Proxy) {
    browser.page.goto(proxy.url("/")).await.unwrap();
    find::one(browser, "[data-ready=true]").await;
    browser.page.execute("window.same_page = true", vec![]).await.unwrap();
}

async fn was_not_reloaded(browser: &Browser) -> bool {
    browser.page.execute("return window.same_page === true", vec![]).await.unwrap().convert().unwrap()
}

/// Posts a message directly to the board, and checks that the page shows it in time.
async fn assert_arrives(browser: &Browser, board: &Board, text: &str) {
    let posted = Instant::now();
    board.post("lobby", text).await;
    check::until_within(
        DELIVERY_TIME_MAX,
        "the message arrives",
        || find::messages(browser),
        |shown| shown.last().is_some_and(|last| last == text),
    )
    .await;
    assert!(posted.elapsed() < DELIVERY_TIME_MAX);
}

/// Checks that the page delivers over `transport` under a fault, and over a WebSocket after it.
async fn assert_delivers_and_upgrades(fault: Fault, transport: &str) {
    let board = Board::start().await;
    let proxy = Proxy::start(board.host(), fault).await;
    let browser = Browser::start().await;
    open(&browser, &proxy).await;
    assert_arrives(&browser, &board, "under a fault").await;
    check::until("another transport is used", || find::transport(&browser), |used| used == transport).await;
    act::send(&browser, "posted under a fault").await;
    check::nothing_pending(&browser).await;
    proxy.set_fault(Fault::None);
    check::until_within(UPGRADE_TIME_MAX, "the page is back on a WebSocket", || find::transport(&browser), |used| used == "ws").await;
    assert_arrives(&browser, &board, "after it").await;
    check::shows(&browser, &["under a fault", "posted under a fault", "after it"]).await;
    assert_eq!(board.texts("lobby").await, ["under a fault", "posted under a fault", "after it"]);
    assert!(was_not_reloaded(&browser).await, "the page was not loaded again");
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn delivers_through_a_proxy_that_refuses_upgrades() {
    assert_delivers_and_upgrades(Fault::UpgradeRefused, "sse").await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn delivers_through_a_proxy_that_cuts_upgrades() {
    assert_delivers_and_upgrades(Fault::UpgradeCut, "sse").await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn delivers_through_a_proxy_that_drops_websocket_data() {
    assert_delivers_and_upgrades(Fault::BlackHole, "sse").await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn delivers_through_a_proxy_that_buffers_responses() {
    assert_delivers_and_upgrades(Fault::Buffered, "long-poll").await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn delivers_through_a_proxy_that_holds_back_the_last_chunk() {
    assert_delivers_and_upgrades(Fault::OneBehind, "long-poll").await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn delivers_under_a_policy_that_forbids_websockets() {
    // The policy stays until the page is reloaded.
    let board = Board::start().await;
    let proxy = Proxy::start(board.host(), Fault::SocketForbidden).await;
    let browser = Browser::start().await;
    open(&browser, &proxy).await;
    assert_arrives(&browser, &board, "without a socket").await;
    check::until("the stream is used", || find::transport(&browser), |used| used == "sse").await;
    proxy.set_fault(Fault::None);
    browser.page.refresh().await.unwrap();
    check::until_within(UPGRADE_TIME_MAX, "the page is back on a WebSocket", || find::transport(&browser), |used| used == "ws").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn continues_through_a_proxy_that_cuts_responses_after_30_seconds() {
    let board = Board::start().await;
    let proxy = Proxy::start(board.host(), Fault::CutAfter(Duration::from_secs(30))).await;
    let browser = Browser::start().await;
    open(&browser, &proxy).await;
    assert_arrives(&browser, &board, "before the cut").await;
    let cut = async || proxy.cuts();
    check::until_within(Duration::from_secs(45), "the proxy cuts the connection", cut, |cuts| *cuts > 0).await;
    assert_arrives(&browser, &board, "after the cut").await;
    check::shows(&browser, &["before the cut", "after the cut"]).await;
    assert!(was_not_reloaded(&browser).await);
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn unsent_messages_are_delivered_once_over_another_transport() {
    let mut board = Board::start().await;
    let proxy = Proxy::start(board.host(), Fault::UpgradeRefused).await;
    let browser = Browser::start().await;
    open(&browser, &proxy).await;
    check::until("the stream is used", || find::transport(&browser), |used| used == "sse").await;
    board.kill().await;
    let texts = ["one", "two", "three"];
    for text in texts {
        act::send(&browser, text).await;
    }
    check::pending_is(&browser, &texts).await;
    board.start_again().await;
    browser.page.refresh().await.unwrap();
    check::shows(&browser, &texts).await;
    check::nothing_pending(&browser).await;
    assert_eq!(board.texts("lobby").await, texts);
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn eight_tabs_share_one_stream() {
    let board = Board::start().await;
    let proxy = Proxy::start(board.host(), Fault::UpgradeRefused).await;
    let browser = Browser::start().await;
    let mut tabs = vec![browser.page.window().await.unwrap()];
    open(&browser, &proxy).await;
    for _ in 1..8 {
        let tab = browser.page.new_tab().await.unwrap();
        browser.page.switch_to_window(tab.clone()).await.unwrap();
        open(&browser, &proxy).await;
        tabs.push(tab);
    }
    wait_until_all_live(&browser, &tabs).await;
    assert_all_show(&browser, &board, &tabs, "to eight").await;
    // Browsers open six connections to a host, so one must be left for other requests.
    let fetched = "const done = arguments[0]; fetch('/healthz').then(answer => answer.text()).then(done)";
    let answer: String = browser.page.execute_async(fetched, vec![]).await.unwrap().convert().unwrap();
    assert_eq!(answer, "ok\n");
    let leader = leader(&browser, &tabs).await;
    browser.page.switch_to_window(tabs.remove(leader)).await.unwrap();
    browser.page.close_window().await.unwrap();
    wait_until_all_live(&browser, &tabs).await;
    assert_all_show(&browser, &board, &tabs, "to seven").await;
    browser.quit().await;
}

/// Waits until exactly one tab has the stream, and returns its index.
async fn leader(browser: &Browser, tabs: &[WindowHandle]) -> usize {
    let found = Cell::new(0);
    let leaders = async || {
        let mut leaders = Vec::new();
        for (index, tab) in tabs.iter().enumerate() {
            browser.page.switch_to_window(tab.clone()).await.unwrap();
            if find::transport(browser).await == "sse" {
                leaders.push(index);
            }
        }
        found.set(leaders.first().copied().unwrap_or_default());
        leaders
    };
    check::until("one tab has the stream", leaders, |leaders| leaders.len() == 1).await;
    found.get()
}

/// Waits until one tab has the stream and all others follow it.
async fn wait_until_all_live(browser: &Browser, tabs: &[WindowHandle]) {
    for tab in tabs {
        browser.page.switch_to_window(tab.clone()).await.unwrap();
        check::until("the tab is live", || find::transport(browser), |used| used == "sse" || used == "tab").await;
    }
    leader(browser, tabs).await;
}

async fn assert_all_show(browser: &Browser, board: &Board, tabs: &[WindowHandle], text: &str) {
    board.post("lobby", text).await;
    for tab in tabs {
        browser.page.switch_to_window(tab.clone()).await.unwrap();
        check::until("the tab shows it", || find::messages(browser), |shown| shown.last().is_some_and(|last| last == text)).await;
    }
}
