//! Languages and colour schemes.

use crate::world::{Board, Browser, Options};
use crate::{act, check, find};

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_page_uses_the_readers_language() {
    let board = Board::start().await;
    for (language, post) in [("zh-CN", "发布"), ("en", "Post")] {
        let browser = Browser::start_with(Options { language: Some(language), ..Options::default() }).await;
        act::open(&browser, &board, "/").await;
        assert_eq!(find::one(&browser, "button[type=submit]").await.prop("textContent").await.unwrap().unwrap(), post);
        assert_eq!(find::one(&browser, "html").await.attr("lang").await.unwrap().unwrap(), language);
        check::console_is_empty(&browser).await;
        browser.quit().await;
    }
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn remembers_language_and_colour_scheme() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en&scheme=dark").await;
    act::open(&browser, &board, "/").await;
    assert_eq!(find::one(&browser, "button[type=submit]").await.prop("textContent").await.unwrap().unwrap(), "Post");
    assert_eq!(find::one(&browser, "html").await.attr("data-scheme").await.unwrap().unwrap(), "dark");
    let background = "return getComputedStyle(document.documentElement).backgroundColor";
    let dark: String = browser.page.execute(background, vec![]).await.unwrap().convert().unwrap();
    act::open(&browser, &board, "/?scheme=light").await;
    let light: String = browser.page.execute(background, vec![]).await.unwrap().convert().unwrap();
    assert_ne!(dark, light);
    browser.quit().await;
}
