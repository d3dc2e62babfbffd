//! What a person does.

use serde_json::json;
use thirtyfour::prelude::*;

use crate::find::one;
use crate::world::{Board, Browser};

/// Opens a page and waits until it is alive.
pub async fn open(browser: &Browser, board: &Board, path: &str) {
    browser.page.goto(board.url(path)).await.unwrap();
    one(browser, "[data-ready=true]").await;
    one(browser, "#connection[data-state=live]").await;
}

pub async fn write(browser: &Browser, text: &str) {
    one(browser, "#chat_content").await.send_keys(text).await.unwrap();
}

pub async fn click(browser: &Browser, css: &str) {
    one(browser, css).await.click().await.unwrap();
}

/// Writes a message and presses Enter.
pub async fn say(browser: &Browser, text: &str) {
    write(browser, text).await;
    one(browser, "#chat_content").await.send_keys("" + Key::Enter).await.unwrap();
}

/// Types on with an input method that has not decided yet.
pub async fn compose(browser: &Browser, text: &str) {
    let end = text.encode_utf16().count();
    browser.devtools("Input.imeSetComposition", json!({ "text": text, "selectionStart": end, "selectionEnd": end })).await;
}

/// Decides for a text, as an input method does.
pub async fn commit(browser: &Browser, text: &str) {
    browser.devtools("Input.insertText", json!({ "text": text })).await;
}

/// Presses Enter with the key code that the browser gives it: 229 is a key that went to the input method.
pub async fn press_enter(browser: &Browser, key_code: u32) {
    let key = json!({ "type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": key_code, "nativeVirtualKeyCode": key_code });
    browser.devtools("Input.dispatchKeyEvent", key).await;
    if key_code == 13 {
        browser.devtools("Input.dispatchKeyEvent", json!({ "type": "char", "key": "Enter", "code": "Enter", "text": "\r" })).await;
    }
    let up = json!({ "type": "keyUp", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13 });
    browser.devtools("Input.dispatchKeyEvent", up).await;
}

pub async fn scroll_to_top(browser: &Browser) {
    browser.page.execute("const box = document.getElementById('scroller'); box.scrollTop = -box.scrollHeight", vec![]).await.unwrap();
}
