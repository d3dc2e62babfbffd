//! The moderators' page: the queue by keyboard, as a panel beside the messages, and for everybody.

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::access::assert_accessible;
use crate::world::{Board, Browser};
use crate::{act, check, find};

/// A board with a queue in the room `hall`, and a browser with an admin's key.
async fn start() -> (Board, Browser, String) {
    let mut board = Board::start().await;
    let key = board.admin_key().await;
    let queue = json!({ "kind": "room", "settings": { "queue": true, "topic": "Ask anything" } });
    board.post_with_key("/api/rooms/hall/messages", &key, &queue).await;
    let browser = Browser::start().await;
    browser.page.goto(board.url(&format!("/key#key={key}"))).await.unwrap();
    let field = async || -> String {
        browser.page.execute("return document.querySelector('#key_form input[name=key]').value", vec![]).await.unwrap().convert().unwrap()
    };
    check::until("the key is in its field", &field, |value| *value == key).await;
    act::click(&browser, "#key_form button").await;
    check::until("the browser has the key", || address(&browser), |path| path == "/").await;
    (board, browser, key)
}

async fn address(browser: &Browser) -> String {
    browser.page.current_url().await.unwrap().path().to_owned()
}

/// Posts into the queue.
async fn ask(board: &Board, text: &str) {
    let body = json!({ "text": text, "author": "Ann" });
    let answer = reqwest::Client::new().post(board.url("/api/rooms/hall/messages")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
}

/// Returns the texts that wait, from the top.
async fn waiting(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('#queue .item .text')].map(it => it.textContent)";
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_moderator_works_through_the_queue_by_keyboard() {
    let (board, browser, _) = start().await;
    browser.page.goto(board.url("/r/hall/moderate?lang=en")).await.unwrap();
    find::one(&browser, "[data-alive]").await;
    browser.page.execute("window.first = true", vec![]).await.unwrap();
    for text in ["one", "two", "three"] {
        ask(&board, text).await;
    }
    check::until("the questions appear by themselves", || waiting(&browser), |shown| shown == &["one", "two", "three"]).await;
    // A key that is pressed before a message has the focus decides about nothing.
    act::press(&browser, "a").await;
    check::until("the first has the focus", || find::focused(&browser), |id| id.starts_with("q-")).await;
    assert_eq!(waiting(&browser).await.len(), 3);
    act::press(&browser, "a").await;
    check::until("the first is approved", || waiting(&browser), |shown| shown == &["two", "three"]).await;
    act::press(&browser, "j").await;
    act::press(&browser, "r").await;
    act::press(&browser, "off topic a").await;
    // What is being written stays while others arrive and go.
    ask(&board, "four").await;
    check::until("the fourth appears", || waiting(&browser), |shown| shown == &["two", "three", "four"]).await;
    act::press(&browser, Key::Enter).await;
    check::until("the third is rejected", || waiting(&browser), |shown| shown == &["two", "four"]).await;
    let count = async || find::one(&browser, "#waiting").await.text().await.unwrap();
    check::until("the count follows", count, |count| count == "2").await;
    assert!(browser.page.execute("return window.first", vec![]).await.unwrap().convert::<bool>().unwrap(), "nothing reloaded");
    assert_eq!(board.texts("hall").await.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(), ["one"]);
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_queue_is_a_panel_beside_the_messages() {
    let (board, browser, _) = start().await;
    browser.resize(1280, 800).await;
    act::open(&browser, &board, "/r/hall?lang=en").await;
    ask(&board, "may I?").await;
    let badge = async || find::one(&browser, "#moderate #waiting").await.text().await.unwrap();
    check::until("the button says how many wait", badge, |count| count == "1").await;
    act::click(&browser, "#moderate").await;
    let frame = find::one(&browser, "#moderation:popover-open iframe").await;
    frame.enter_frame().await.unwrap();
    act::click(&browser, "#queue [value=approve]").await;
    browser.page.enter_default_frame().await.unwrap();
    check::until("the message is beside it", || find::messages(&browser), |shown| shown.iter().any(|text| text == "may I?")).await;
    check::until("nothing waits", || find::count(&browser, "#moderate #waiting:not([hidden])"), |count| *count == 0).await;
    // The button closes it, and gets the focus back.
    act::click(&browser, "#moderate").await;
    check::until("it is closed", || find::count(&browser, "#moderation:popover-open"), |count| *count == 0).await;
    assert_eq!(find::focused(&browser).await, "moderate");
    check::console_is_empty(&browser).await;
    // On a phone it is a page.
    browser.resize(360, 740).await;
    act::click(&browser, "#moderate").await;
    check::until("the page is open", || address(&browser), |path| path == "/r/hall/moderate").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn axe_finds_no_violation_on_the_pages_of_moderators_and_keys() {
    let (board, browser, key) = start().await;
    for n in 0..3 {
        ask(&board, &format!("question {n} {}", "which is long\n".repeat(n * 20))).await;
    }
    board.post_with_key("/api/admin/bans", &key, &json!({ "address": "192.0.2.7", "reason": "spam" })).await;
    for (query, width) in [("lang=en&scheme=light", 360), ("lang=zh-CN&scheme=dark", 1280)] {
        browser.resize(width, 800).await;
        for part in ["queue", "room", "pins", "bans", "keys", "audit"] {
            browser.page.goto(board.url(&format!("/r/hall/moderate?show={part}&{query}"))).await.unwrap();
            find::one(&browser, "main").await;
            assert_accessible(&browser, &format!("{part}, {query}")).await;
            let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            let overflow: Value = browser.page.execute(overflow, vec![]).await.unwrap().json().clone();
            assert_eq!(overflow, 0, "{part} is wider than a screen of {width} pixels");
        }
        browser.page.goto(board.url(&format!("/key?refused=access_key_unknown&{query}"))).await.unwrap();
        assert_accessible(&browser, &format!("key, {query}")).await;
        browser.page.goto(board.url(&format!("/r/hall?{query}"))).await.unwrap();
        find::one(&browser, "#connection[data-state=live]").await;
        assert_accessible(&browser, &format!("the room with its button, {query}")).await;
    }
    browser.quit().await;
}
