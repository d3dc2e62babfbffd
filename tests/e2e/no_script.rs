//! The page in a browser without script.

use thirtyfour::prelude::*;

use crate::world::{Board, Browser, Options};
use crate::{act, check, find};

/// Returns the texts of the list, or nothing while the document is being replaced.
async fn texts(browser: &Browser) -> Vec<String> {
    let mut texts = Vec::new();
    for element in browser.page.find_all(By::Css("#messages > li[data-offset] .text")).await.unwrap_or_default() {
        // The driver returns no visible text for elements that are scrolled out.
        texts.extend(element.prop("textContent").await.ok().flatten());
    }
    texts
}

/// Waits until the list of the page or of the current frame has these texts.
async fn shows(browser: &Browser, wanted: &[&str]) {
    check::until("the list has the texts", || texts(browser), |texts| texts == wanted).await;
}

/// Enters the live view, which shows the messages.
async fn enter_live_view(browser: &Browser) {
    browser.page.enter_default_frame().await.unwrap();
    find::one(browser, "iframe.live").await.enter_frame().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn reads_and_posts_without_script() {
    let board = Board::start().await;
    board.post("room", "already here").await;
    let browser = Browser::start_with(Options { no_script: true, ..Options::default() }).await;
    browser.page.goto(board.url("/r/room")).await.unwrap();
    enter_live_view(&browser).await;
    shows(&browser, &["already here"]).await;
    browser.page.enter_default_frame().await.unwrap();
    assert!(!find::one(&browser, ".timeline").await.is_displayed().await.unwrap(), "there is one talk, not two");
    act::rename(&browser, "小明").await;
    find::one(&browser, "#chat_content").await.send_keys("no script at all").await.unwrap();
    find::one(&browser, "button[type=submit]").await.click().await.unwrap();
    find::one(&browser, "#m-2").await;
    enter_live_view(&browser).await;
    shows(&browser, &["already here", "no script at all"]).await;
    // A reload does not post again.
    board.post("room", "posted meanwhile").await;
    browser.page.refresh().await.unwrap();
    find::one(&browser, "#m-3").await;
    enter_live_view(&browser).await;
    shows(&browser, &["already here", "no script at all", "posted meanwhile"]).await;
    browser.page.enter_default_frame().await.unwrap();
    assert_eq!(find::one(&browser, "#author").await.prop("value").await.unwrap().unwrap(), "小明");
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_refused_post_keeps_its_text_without_script() {
    let board = Board::start().await;
    let browser = Browser::start_with(Options { no_script: true, ..Options::default() }).await;
    browser.page.goto(board.url("/")).await.unwrap();
    act::rename(&browser, "a\u{202e}b").await;
    find::one(&browser, "#chat_content").await.send_keys("</textarea><b>important").await.unwrap();
    find::one(&browser, "button[type=submit]").await.click().await.unwrap();
    find::one(&browser, "#problem:not([hidden])").await;
    let kept = find::one(&browser, "#chat_content").await.prop("value").await.unwrap().unwrap();
    assert_eq!(kept, "</textarea><b>important");
    assert!(board.texts("lobby").await.is_empty());
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn new_messages_arrive_in_view_without_script() {
    let mut board = Board::start().await;
    board.post("room", "already here").await;
    let browser = Browser::start_with(Options { no_script: true, language: Some("en"), ..Options::default() }).await;
    browser.page.goto(board.url("/r/room")).await.unwrap();
    enter_live_view(&browser).await;
    shows(&browser, &["already here"]).await;
    let mut wanted = vec!["already here".to_owned()];
    for n in 0..30 {
        wanted.push(format!("</div><script>{n}"));
        board.post("room", &wanted[n + 1]).await;
    }
    let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
    shows(&browser, &wanted).await;
    let newest = find::one(&browser, "#m-31").await.rect().await.unwrap();
    let frame = find::one(&browser, "body").await.rect().await.unwrap();
    assert!(newest.y >= 0.0 && newest.y + newest.height <= frame.height, "{newest:?} in {frame:?}");
    assert!(find::one(&browser, "#m-2").await.rect().await.unwrap().y < 0.0, "the oldest message must be scrolled out");
    board.post("room", "see https://example.org/x").await;
    let link = find::one(&browser, "#m-32 .text a").await;
    assert_eq!(link.attr("rel").await.unwrap().unwrap(), "noopener noreferrer nofollow ugc");
    // The page continues by itself after a crash of the server.
    board.kill().await;
    board.start_again().await;
    board.post("room", "after the crash").await;
    check::until("the live HTML continues", || texts(&browser), |texts| texts.iter().any(|text| text == "after the crash")).await;
    browser.quit().await;
}
