//! Actions of a user.

use serde_json::json;
use thirtyfour::TypingData;
use thirtyfour::prelude::*;

use crate::find::one;
use crate::world::{Board, Browser};

/// Opens a page and waits until it is hydrated and connected.
pub async fn open(browser: &Browser, board: &Board, path: &str) {
    browser.page.goto(board.url(path)).await.unwrap();
    one(browser, "[data-ready=true]").await;
    one(browser, "#connection[data-state=live]").await;
}

/// Runs a script in each page that is opened from now on, before the page's own.
pub async fn run_on_each_page(browser: &Browser, script: &str) {
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
}

pub async fn type_text(browser: &Browser, text: &str) {
    one(browser, "#chat_content").await.send_keys(text).await.unwrap();
}

pub async fn click(browser: &Browser, css: &str) {
    one(browser, css).await.click().await.unwrap();
}

/// Moves the mouse over an element.
pub async fn hover(browser: &Browser, css: &str) {
    let element = one(browser, css).await;
    browser.page.action_chain().move_to_element_center(&element).perform().await.unwrap();
}

/// Types a message and presses Enter.
pub async fn send(browser: &Browser, text: &str) {
    type_text(browser, text).await;
    one(browser, "#chat_content").await.send_keys("" + Key::Enter).await.unwrap();
}

/// Replaces the reader's name.
pub async fn rename(browser: &Browser, name: &str) {
    one(browser, "#author").await.send_keys(Key::Control + "a").await.unwrap();
    one(browser, "#author").await.send_keys("" + Key::Delete + name).await.unwrap();
}

/// Sets the undecided text of an input method.
pub async fn compose(browser: &Browser, text: &str) {
    let end = text.encode_utf16().count();
    browser.devtools("Input.imeSetComposition", json!({ "text": text, "selectionStart": end, "selectionEnd": end })).await;
}

/// Commits a text like an input method.
pub async fn commit(browser: &Browser, text: &str) {
    browser.devtools("Input.insertText", json!({ "text": text })).await;
}

/// Presses Enter with a key code. 229 marks a key that the input method handled.
pub async fn press_enter(browser: &Browser, key_code: u32) {
    let key = json!({ "type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": key_code, "nativeVirtualKeyCode": key_code });
    browser.devtools("Input.dispatchKeyEvent", key).await;
    if key_code == 13 {
        browser.devtools("Input.dispatchKeyEvent", json!({ "type": "char", "key": "Enter", "code": "Enter", "text": "\r" })).await;
    }
    let up = json!({ "type": "keyUp", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13 });
    browser.devtools("Input.dispatchKeyEvent", up).await;
}

/// Presses Escape with a key code. 229 marks a key that the input method handled.
pub async fn press_escape(browser: &Browser, key_code: u32) {
    for kind in ["rawKeyDown", "keyUp"] {
        let key =
            json!({ "type": kind, "key": "Escape", "code": "Escape", "windowsVirtualKeyCode": key_code, "nativeVirtualKeyCode": key_code });
        browser.devtools("Input.dispatchKeyEvent", key).await;
    }
}

pub async fn scroll_to_top(browser: &Browser) {
    browser.page.execute("const box = document.getElementById('scroller'); box.scrollTop = -box.scrollHeight", vec![]).await.unwrap();
}

/// Scrolls to a distance from the newest message, in pixels.
pub async fn scroll(browser: &Browser, from_end: i64) {
    let script = format!("document.getElementById('scroller').scrollTop = -{from_end}");
    browser.page.execute(&script, vec![]).await.unwrap();
}

/// Scrolls a message to a distance from the top of the list's box, in pixels.
pub async fn scroll_to(browser: &Browser, offset: u64, top: i64) {
    let script = format!(
        "const box = document.getElementById('scroller'), row = document.getElementById('m-{offset}'); \
         box.scrollTop += row.getBoundingClientRect().top - box.getBoundingClientRect().top - {top}"
    );
    browser.page.execute(&script, vec![]).await.unwrap();
}

/// Presses a key at the current focus.
pub async fn press(browser: &Browser, key: impl Into<TypingData>) {
    browser.page.action_chain().send_keys(key).perform().await.unwrap();
}

/// Presses Tab until the focus is on an element.
pub async fn tab_to(browser: &Browser, css: &str) {
    let script = format!("return document.activeElement.matches('{css}')");
    for _ in 0..200 {
        press(browser, Key::Tab).await;
        if browser.page.execute(&script, vec![]).await.unwrap().convert().unwrap() {
            return;
        }
    }
    panic!("Tab does not lead to {css}");
}

/// Sends a text of allowed length that is too long as JSON, so that it fails when it is sent.
pub async fn send_oversized_json(browser: &Browser) {
    let fill = "const box = document.getElementById('chat_content'); box.value = 'x' + '\\u0001'.repeat(11999); \
        box.dispatchEvent(new InputEvent('input', { bubbles: true })); document.getElementById('message_form').requestSubmit()";
    browser.page.execute(fill, vec![]).await.unwrap();
}

/// Holds back responses with older messages until [`release_history`].
pub async fn hold_history(browser: &Browser) {
    let hold = "const held = new Promise(release => window.release = release), ask = window.fetch; \
        window.fetch = async (...request) => { \
            const answer = await ask(...request); \
            if ((request[0].url ?? request[0]).includes('before=')) await held; \
            return answer }";
    browser.page.execute(hold, vec![]).await.unwrap();
}

pub async fn release_history(browser: &Browser) {
    browser.page.execute("window.release()", vec![]).await.unwrap();
}

/// Lets [`go_offline`] also cut connections that the page opens from now on.
pub async fn control_network(browser: &Browser) {
    browser.devtools("Network.enable", json!({})).await;
}

pub async fn go_offline(browser: &Browser) {
    network(browser, true).await;
}

pub async fn go_online(browser: &Browser) {
    network(browser, false).await;
}

async fn network(browser: &Browser, offline: bool) {
    let conditions = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.devtools("Network.emulateNetworkConditions", conditions).await;
    // The emulation does not send the event to the page.
    let event = if offline { "offline" } else { "online" };
    browser.page.execute(&format!("dispatchEvent(new Event('{event}'))"), vec![]).await.unwrap();
}
