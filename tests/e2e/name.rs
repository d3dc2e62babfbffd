//! The reader's name.

use thirtyfour::Key;

use crate::world::{Board, Browser};
use crate::{act, check, find};

async fn name(browser: &Browser) -> String {
    find::one(browser, "#author").await.prop("value").await.unwrap().unwrap_or_default()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_new_reader_has_a_name_and_an_emptied_name_stays_empty() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    let given = name(&browser).await;
    assert_eq!(given.chars().count(), 4, "{given}");
    act::send(&browser, "named").await;
    check::shows(&browser, &["named"]).await;
    assert_eq!(find::one(&browser, "#messages .author").await.text().await.unwrap(), given);
    act::open(&browser, &board, "/r/other").await;
    assert_eq!(name(&browser).await, given);
    act::rename(&browser, "").await;
    act::send(&browser, "nameless").await;
    check::shows(&browser, &["nameless"]).await;
    assert_eq!(find::one(&browser, "#messages .author").await.text().await.unwrap(), "匿名");
    act::open(&browser, &board, "/").await;
    assert_eq!(name(&browser).await, "");
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_long_name_is_reported_at_the_name() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    act::rename(&browser, &"n".repeat(65)).await;
    act::send(&browser, "hello").await;
    assert_eq!(find::one(&browser, "#problem:not([hidden])").await.text().await.unwrap(), "The name is longer than 64 characters.");
    assert_eq!(find::focused(&browser).await, "author");
    assert_eq!(find::count(&browser, "#author[aria-invalid=true][aria-describedby=problem]").await, 1);
    assert_eq!(find::count(&browser, "#chat_content:not([aria-invalid], [aria-describedby])").await, 1);
    check::draft_is(&browser, "hello").await;
    // Enter does not leave a name that is not valid.
    act::press(&browser, Key::Enter).await;
    assert_eq!(find::focused(&browser).await, "author");
    act::press(&browser, Key::Backspace).await;
    act::press(&browser, Key::Enter).await;
    act::press(&browser, Key::Enter).await;
    check::shows(&browser, &["hello"]).await;
    assert_eq!(find::count(&browser, "#problem[hidden]").await, 1);
    browser.quit().await;
}
