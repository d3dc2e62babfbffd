//! The page for everybody: what axe finds, and the keyboard alone.

use std::fs;

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::world::{Board, Browser, tools};
use crate::{act, check, find};

/// What axe has against the page as it is now, in a line for each kind.
async fn complaints(browser: &Browser) -> Vec<String> {
    let axe = fs::read_to_string(tools().join("axe-core/axe.min.js")).expect("`setup/install axe` has installed it");
    browser.page.execute(&axe, vec![]).await.unwrap();
    let run = "const done = arguments[0]; \
        axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(result => \
        done(result.violations.map(it => it.id + ': ' + it.nodes.map(node => node.html.slice(0, 200)).join(' | '))))";
    browser.page.execute_async(run, vec![]).await.unwrap().convert().unwrap()
}

async fn is_fine(browser: &Browser, state: &str) {
    let found = complaints(browser).await;
    assert!(found.is_empty(), "{state}: {found:#?}");
}

#[tokio::test]
async fn axe_finds_nothing_in_any_state_scheme_or_language() {
    for wishes in ["lang=en&scheme=light", "lang=zh-CN&scheme=dark", "lang=en&scheme=dark", "lang=zh-CN&scheme=light"] {
        let mut board = Board::start().await;
        for n in 0..60 {
            board.post_as("full", &format!("message {n} https://example.org/{n}"), if n % 3 == 0 { "" } else { "小明" }).await;
        }
        let browser = Browser::start().await;
        act::open(&browser, &board, &format!("/r/empty?{wishes}")).await;
        is_fine(&browser, &format!("empty, {wishes}")).await;
        act::open(&browser, &board, &format!("/r/full?{wishes}")).await;
        is_fine(&browser, &format!("full, {wishes}")).await;
        for panel in ["rooms", "share", "settings"] {
            act::click(&browser, &format!("[popovertarget={panel}]")).await;
            find::one(&browser, &format!("#{panel}:popover-open")).await;
            is_fine(&browser, &format!("{panel}, {wishes}")).await;
            act::press(&browser, Key::Escape).await;
        }
        act::say_what_no_frame_holds(&browser).await;
        find::one(&browser, "#outbox [data-stage=failed]").await;
        is_fine(&browser, &format!("failed, {wishes}")).await;
        board.kill().await;
        check::until("the page sees it", || find::connection(&browser), |state| state == "waiting").await;
        is_fine(&browser, &format!("not connected, {wishes}")).await;
        browser.quit().await;
    }
}

/// What has the focus, as a selector that a person could read.
async fn focused(browser: &Browser) -> String {
    let script = "const it = document.activeElement; return it.id || it.className || it.tagName.toLowerCase()";
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

#[tokio::test]
async fn the_keyboard_alone_gets_everywhere() {
    let board = Board::start().await;
    for n in 0..120 {
        board.post_as("lobby", &format!("message {n}"), "a").await;
    }
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    let mut reached = Vec::new();
    for _ in 0..200 {
        act::press(&browser, Key::Tab).await;
        let focus = focused(&browser).await;
        if reached.last().is_some_and(|last| last == "primary") {
            break;
        }
        // Whatever has the focus shows it.
        let outline = "return getComputedStyle(document.activeElement).outlineStyle";
        let outline: Value = browser.page.execute(outline, vec![]).await.unwrap().json().clone();
        assert_ne!(outline, "none", "{focus} does not show that it has the focus, after {reached:?}");
        reached.push(focus);
    }
    for wanted in ["room", "icon", "scroller", "older", "when", "chat_content", "author", "clear", "primary"] {
        assert!(reached.iter().any(|focus| focus == wanted), "{wanted} is not reached: {reached:?}");
    }
    // The shortcuts: to the field, out of it, to the help and back.
    act::press(&browser, "/").await;
    assert_eq!(focused(&browser).await, "chat_content");
    check::draft_is(&browser, "").await;
    act::press(&browser, Key::Escape).await;
    assert_eq!(focused(&browser).await, "scroller");
    act::press(&browser, "?").await;
    find::one(&browser, "#shortcuts:popover-open").await;
    act::press(&browser, Key::Escape).await;
    // A panel by Enter, and its link by Tab.
    browser.page.execute("document.querySelector('[popovertarget=settings]').focus()", vec![]).await.unwrap();
    act::press(&browser, Key::Enter).await;
    find::one(&browser, "#settings:popover-open").await;
    act::press(&browser, Key::Escape).await;
    // In the list the arrows scroll, and End is the newest.
    browser.page.execute("document.getElementById('scroller').focus()", vec![]).await.unwrap();
    act::press(&browser, Key::PageUp).await;
    find::one(&browser, "#unseen:not([hidden])").await;
    act::press(&browser, Key::End).await;
    check::until("the list is at its end", || find::from_end(&browser), |distance| *distance < 30).await;
    browser.quit().await;
}

#[tokio::test]
async fn nothing_is_lost_on_a_narrow_screen() {
    let board = Board::start().await;
    board.post_as("lobby", &"a-long-word-without-an-end".repeat(20), &"n".repeat(60)).await;
    for wishes in ["lang=en", "lang=zh-CN"] {
        let browser = Browser::start().await;
        let screen = serde_json::json!({ "width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": false });
        browser.devtools("Emulation.setDeviceMetricsOverride", screen).await;
        act::open(&browser, &board, &format!("/r/lobby?{wishes}")).await;
        let wide = "const out = [...document.querySelectorAll('.page *')].filter(e => { const r = e.getBoundingClientRect(); \
            return r.width > 1 && r.height > 1 && (r.right > innerWidth + 1 || r.left < -1) && !e.closest('.visually-hidden, #outbox') }); \
            return out.map(e => e.tagName + '.' + (e.getAttribute('class') || e.id))";
        let out: Vec<String> = browser.page.execute(wide, vec![]).await.unwrap().convert().unwrap();
        assert!(out.is_empty(), "{wishes}: {out:?} stand out");
        let small = "return [...document.querySelectorAll('.page :is(button, input, textarea, a), .panel button')].filter(e => { \
            const r = e.getBoundingClientRect(); return r.width > 1 && r.height > 1 && (r.width < 24 || r.height < 24) && !e.closest('.text, h1') }) \
            .map(e => e.outerHTML.slice(0, 100) + e.getBoundingClientRect().height)";
        let small: Vec<String> = browser.page.execute(small, vec![]).await.unwrap().convert().unwrap();
        assert!(small.is_empty(), "{small:?} are too small for a finger");
        browser.quit().await;
    }
}
