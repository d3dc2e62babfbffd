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
async fn a_link_changes_language_and_colours_for_one_view_only() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en&scheme=dark#m-1").await;
    assert_eq!(shown(&browser).await, ("Post".to_owned(), "dark".to_owned()));
    assert_eq!(browser.page.current_url().await.unwrap().as_str(), board.url("/#m-1"));
    browser.page.refresh().await.unwrap();
    find::one(&browser, "[data-ready=true]").await;
    assert_eq!(shown(&browser).await, ("发布".to_owned(), "system".to_owned()));
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_settings_change_language_and_colours_for_good() {
    let board = Board::start().await;
    for no_script in [false, true] {
        let browser = Browser::start_with(Options { no_script, ..Options::default() }).await;
        browser.page.goto(board.url("/r/a")).await.unwrap();
        for (choice, chosen) in [("en", ("Post", "system")), ("dark", ("Post", "dark"))] {
            if !no_script {
                find::one(&browser, "[data-ready=true]").await;
            }
            act::click(&browser, "[popovertarget=settings]").await;
            act::click(&browser, &format!("#settings [value={choice}]")).await;
            check::until("the choice is shown", || shown(&browser), |shown| *shown == (chosen.0.to_owned(), chosen.1.to_owned())).await;
        }
        browser.page.goto(board.url("/r/b")).await.unwrap();
        find::one(&browser, "form[action='/r/b']").await;
        assert_eq!(shown(&browser).await, ("Post".to_owned(), "dark".to_owned()));
        browser.quit().await;
    }
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_shared_text_fills_the_composer_once() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?title=&text=shared").await;
    check::draft_is(&browser, "shared").await;
    act::send(&browser, " and sent").await;
    check::shows(&browser, &["shared and sent"]).await;
    browser.page.refresh().await.unwrap();
    find::one(&browser, "[data-ready=true]").await;
    check::draft_is(&browser, "").await;
    browser.quit().await;
}

/// Returns the word on the button that posts, and the colour scheme.
async fn shown(browser: &Browser) -> (String, String) {
    let post = "return [document.querySelector('#message_form [type=submit]')?.textContent ?? '', \
        document.documentElement.dataset.scheme ?? '']";
    let [post, scheme]: [String; 2] = browser.page.execute(post, vec![]).await.unwrap().convert().unwrap();
    (post, scheme)
}
