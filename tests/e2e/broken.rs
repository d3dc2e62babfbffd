//! Pages whose script cannot run, or breaks.

use thirtyfour::Key;

use crate::world::{Board, Browser, Options};
use crate::{act, check, find};

/// Puts an element before the composer's field, as browser extensions do.
const EXTENSION: &str =
    "addEventListener('DOMContentLoaded', () => document.querySelector('textarea').before(document.createElement('x-y')))";

/// Replaces each text by another in an element of its own, as translators do.
const TRANSLATOR: &str = "
    const skipped = '[translate=no], script, style, noscript, textarea, font';
    const translate = (root) => {
        const texts = [], walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) texts.push(walker.currentNode);
        for (const text of texts.filter((text) => text.data.trim() && !text.parentElement.closest(skipped))) {
            const font = document.createElement('font');
            font.textContent = text.data.toUpperCase();
            text.replaceWith(font);
        }
    };
    addEventListener('DOMContentLoaded', () => {
        translate(document.body);
        new MutationObserver(() => translate(document.body)).observe(document.body, { childList: true, subtree: true });
    });";

/// Lets the next element that the page makes fail.
const BREAK: &str = "
    const { cloneNode } = Node.prototype, { createElement } = Document.prototype;
    Node.prototype.cloneNode = Document.prototype.createElement = () => {
        Node.prototype.cloneNode = cloneNode;
        Document.prototype.createElement = createElement;
        throw new Error('no element');
    };";

/// Starts a browser for pages with a live view, which never finish loading.
async fn browser() -> Browser {
    Browser::start_with(Options { does_not_wait: true, language: Some("en"), ..Options::default() }).await
}

async fn enter_live_view(browser: &Browser) {
    browser.page.enter_default_frame().await.unwrap();
    find::one(browser, "iframe.live").await.enter_frame().await.unwrap();
}

/// True if the page was rendered anew.
async fn is_anew(browser: &Browser) -> bool {
    let script = "return performance.getEntriesByType('resource').some((file) => file.name.endsWith('?anew'))";
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn an_element_of_an_extension_does_not_stop_the_page() {
    let board = Board::start().await;
    board.post("lobby", "already here").await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    assert!(!is_anew(&browser).await, "all elements are the server's");
    act::run_on_each_page(&browser, EXTENSION).await;
    act::open(&browser, &board, "/").await;
    assert!(is_anew(&browser).await);
    act::send(&browser, "hello").await;
    check::shows(&browser, &["already here", "hello"]).await;
    check::nothing_pending(&browser).await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_translator_does_not_stop_the_page() {
    let mut board = Board::start().await;
    let browser = Browser::start_with(Options { language: Some("en"), ..Options::default() }).await;
    act::run_on_each_page(&browser, TRANSLATOR).await;
    act::open(&browser, &board, "/").await;
    act::send(&browser, "hello").await;
    check::shows(&browser, &["HELLO"]).await;
    assert_eq!(board.texts("lobby").await, ["hello"]);
    board.kill().await;
    let status = async || find::one(&browser, ".connection").await.text().await.unwrap();
    check::until("the status follows the connection", status, |status| status.starts_with("Connection lost")).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_page_without_web_assembly_is_the_plain_page() {
    let board = Board::start().await;
    board.post("lobby", "already here").await;
    let browser = browser().await;
    act::run_on_each_page(&browser, "delete globalThis.WebAssembly").await;
    browser.page.goto(board.url("/")).await.unwrap();
    enter_live_view(&browser).await;
    check::shows(&browser, &["already here"]).await;
    browser.page.enter_default_frame().await.unwrap();
    let status = async || find::one(&browser, "#connection").await.is_displayed().await.unwrap();
    check::until("no connection is shown", status, |shown| !shown).await;
    find::one(&browser, ".no-script").await;
    act::send(&browser, "posted by Enter").await;
    find::one(&browser, "#m-2").await;
    enter_live_view(&browser).await;
    check::shows(&browser, &["already here", "posted by Enter"]).await;
    board.post("lobby", "by another").await;
    check::shows(&browser, &["already here", "posted by Enter", "by another"]).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_page_that_breaks_becomes_plain_and_keeps_what_was_typed() {
    let board = Board::start().await;
    let browser = browser().await;
    act::open(&browser, &board, "/").await;
    act::type_text(&browser, "half a thought").await;
    browser.page.execute(BREAK, vec![]).await.unwrap();
    board.post("lobby", "one").await;
    enter_live_view(&browser).await;
    check::shows(&browser, &["one"]).await;
    browser.page.enter_default_frame().await.unwrap();
    assert_eq!(find::count(&browser, "[data-ready]").await, 0);
    check::draft_is(&browser, "half a thought").await;
    act::press(&browser, ", and the rest" + Key::Enter).await;
    find::one(&browser, "#m-2").await;
    assert_eq!(board.texts("lobby").await, ["one", "half a thought, and the rest"]);
    browser.quit().await;
}
