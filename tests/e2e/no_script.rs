//! The board in a browser that runs no script.

use thirtyfour::prelude::*;

use crate::find;
use crate::world::{Board, Browser, Wishes};

async fn texts(browser: &Browser) -> Vec<String> {
    let mut texts = Vec::new();
    for element in browser.page.find_all(By::Css("#messages > li[data-offset] .text")).await.unwrap() {
        texts.push(element.text().await.unwrap());
    }
    texts
}

#[tokio::test]
async fn reading_and_posting_work_without_script() {
    let board = Board::start().await;
    board.post("room", "already here").await;
    let browser = Browser::start_with(Wishes { no_script: true, ..Wishes::default() }).await;
    browser.page.goto(board.url("/r/room")).await.unwrap();
    assert_eq!(texts(&browser).await, ["already here"]);
    find::one(&browser, "#author").await.send_keys("小明").await.unwrap();
    find::one(&browser, "#chat_content").await.send_keys("no script at all").await.unwrap();
    find::one(&browser, "button[type=submit]").await.click().await.unwrap();
    find::one(&browser, "#m-2").await;
    assert_eq!(texts(&browser).await, ["already here", "no script at all"]);
    // F5 reads again; it does not post again.
    browser.page.refresh().await.unwrap();
    assert_eq!(texts(&browser).await, ["already here", "no script at all"]);
    assert_eq!(find::one(&browser, "#author").await.prop("value").await.unwrap().unwrap(), "小明");
    browser.quit().await;
}

#[tokio::test]
async fn a_refused_post_keeps_its_text_without_script() {
    let board = Board::start().await;
    let browser = Browser::start_with(Wishes { no_script: true, ..Wishes::default() }).await;
    browser.page.goto(board.url("/")).await.unwrap();
    find::one(&browser, "#author").await.send_keys("a\u{202e}b").await.unwrap();
    find::one(&browser, "#chat_content").await.send_keys("</textarea><b>precious").await.unwrap();
    find::one(&browser, "button[type=submit]").await.click().await.unwrap();
    find::one(&browser, "#problem:not([hidden])").await;
    let kept = find::one(&browser, "#chat_content").await.prop("value").await.unwrap().unwrap();
    assert_eq!(kept, "</textarea><b>precious");
    assert!(board.texts("lobby").await.is_empty());
    browser.quit().await;
}
