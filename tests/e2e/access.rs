//! Accessibility: axe, the keyboard, screen readers, narrow screens and reduced motion.

use std::fs;

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::world::{Board, Browser, tools};
use crate::{act, check, find};

/// Returns the violations that axe finds, one line for each rule.
async fn violations(browser: &Browser) -> Vec<String> {
    let axe = fs::read_to_string(tools().join("axe-core/axe.min.js")).expect("`setup/install axe` has installed it");
    browser.page.execute(&axe, vec![]).await.unwrap();
    let run = "const done = arguments[0]; \
        axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(result => \
        done(result.violations.map(it => it.id + ': ' + it.nodes.map(node => node.html.slice(0, 200)).join(' | '))))";
    browser.page.execute_async(run, vec![]).await.unwrap().convert().unwrap()
}

pub async fn assert_accessible(browser: &Browser, state: &str) {
    let found = violations(browser).await;
    assert!(found.is_empty(), "{state}: {found:#?}");
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn axe_finds_no_violation_in_any_state_scheme_or_language() {
    for query in ["lang=en&scheme=light", "lang=zh-CN&scheme=dark", "lang=en&scheme=dark", "lang=zh-CN&scheme=light"] {
        let mut board = Board::start().await;
        for n in 0..60 {
            board.post_as("full", &format!("message {n} https://example.org/{n}"), if n % 3 == 0 { "" } else { "小明" }).await;
        }
        let browser = Browser::start().await;
        act::open(&browser, &board, &format!("/r/empty?{query}")).await;
        assert_accessible(&browser, &format!("empty, {query}")).await;
        act::open(&browser, &board, &format!("/r/full?{query}")).await;
        assert_accessible(&browser, &format!("full, {query}")).await;
        browser.page.execute("document.getElementById('scroller').focus()", vec![]).await.unwrap();
        act::press(&browser, Key::Up).await;
        act::press(&browser, Key::Enter).await;
        find::one(&browser, "#row_menu:popover-open").await;
        assert_accessible(&browser, &format!("the menu of a message, {query}")).await;
        act::press(&browser, Key::Escape).await;
        for panel in ["rooms", "share", "settings", "hall"] {
            if panel == "hall" {
                act::click(&browser, "[popovertarget=share]").await;
            }
            act::click(&browser, &format!("[popovertarget={panel}]")).await;
            find::one(&browser, &format!("#{panel}:popover-open")).await;
            assert_accessible(&browser, &format!("{panel}, {query}")).await;
            act::press(&browser, Key::Escape).await;
            if panel == "hall" {
                act::press(&browser, Key::Escape).await;
            }
        }
        act::send_oversized_json(&browser).await;
        find::one(&browser, "#outbox [data-stage=failed]").await;
        assert_accessible(&browser, &format!("failed, {query}")).await;
        board.kill().await;
        check::until("the page notices", || find::connection(&browser), |state| state == "waiting").await;
        assert_accessible(&browser, &format!("not connected, {query}")).await;
        act::go_offline(&browser).await;
        check::connection_is(&browser, "offline").await;
        assert_accessible(&browser, &format!("offline, {query}")).await;
        browser.quit().await;
    }
}

/// Returns the id, class or tag of the focused element.
async fn focused(browser: &Browser) -> String {
    let script = "const it = document.activeElement; return it.id || it.className || it.tagName.toLowerCase()";
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_keyboard_reaches_every_control() {
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
        if reached.last().is_some_and(|last| last == "primary post") {
            break;
        }
        // The focus must be visible.
        let outline = "return getComputedStyle(document.activeElement).outlineStyle";
        let outline: Value = browser.page.execute(outline, vec![]).await.unwrap().json().clone();
        assert_ne!(outline, "none", "the focus is invisible on {focus}, after {reached:?}");
        reached.push(focus);
    }
    // The list is one stop, however many messages it has.
    assert!(reached.len() < 20, "the composer is {} stops away: {reached:?}", reached.len());
    assert_eq!(reached[0], "skip", "the first stop leads to the composer");
    for wanted in ["room", "icon", "scroller", "older", "author", "chat_content", "primary post"] {
        assert!(reached.iter().any(|focus| focus == wanted), "{wanted} is not reached: {reached:?}");
    }
    browser.page.execute("document.querySelector('.skip').focus()", vec![]).await.unwrap();
    act::press(&browser, Key::Enter).await;
    assert_eq!(focused(&browser).await, "chat_content");
    assert_eq!(browser.page.current_url().await.unwrap().fragment(), None);
    // From region to region, in both directions.
    for region in ["room", "scroller", "chat_content", "room"] {
        act::press(&browser, Key::F6).await;
        assert_eq!(focused(&browser).await, region);
    }
    for region in ["chat_content", "scroller"] {
        browser.page.action_chain().key_down(Key::Shift).send_keys("" + Key::F6).key_up(Key::Shift).perform().await.unwrap();
        assert_eq!(focused(&browser).await, region);
    }
    // Shortcuts to the field and out of it.
    act::press(&browser, "/").await;
    assert_eq!(focused(&browser).await, "chat_content");
    check::draft_is(&browser, "").await;
    act::press(&browser, Key::Escape).await;
    assert_eq!(focused(&browser).await, "scroller");
    act::press(&browser, "?").await;
    find::one(&browser, "#shortcuts:popover-open").await;
    check::until("the panel has the focus", || focused(&browser), |focus| focus == "shortcuts").await;
    act::press(&browser, Key::Escape).await;
    check::until("the list has the focus again", || focused(&browser), |focus| focus == "scroller").await;
    // In the list, keys scroll, and End goes to the newest message.
    browser.page.execute("document.getElementById('scroller').focus()", vec![]).await.unwrap();
    act::press(&browser, Key::PageUp).await;
    find::one(&browser, "#unseen:not([hidden])").await;
    // The browser scrolls by a page smoothly, and goes on with it after a jump.
    let rest = "const done = arguments[0], it = document.getElementById('scroller'); let last; \
        const look = () => it.scrollTop === last ? done() : (last = it.scrollTop, setTimeout(look, 100)); look()";
    browser.page.execute_async(rest, vec![]).await.unwrap();
    act::press(&browser, Key::End).await;
    check::until("the list is at its end", || find::from_end(&browser), |distance| *distance < 30).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn every_function_works_by_keyboard() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/r/first?lang=en").await;
    // A button opens its panel, Tab reaches its controls, and Escape returns to the button.
    act::tab_to(&browser, "[popovertarget=share]").await;
    act::press(&browser, Key::Enter).await;
    check::until("the panel has the focus", || focused(&browser), |focus| focus == "share").await;
    // A panel in the panel gives the focus back as well.
    act::tab_to(&browser, "[popovertarget=hall]").await;
    act::press(&browser, Key::Enter).await;
    check::until("the large code has the focus", || focused(&browser), |focus| focus == "hall").await;
    act::press(&browser, Key::Escape).await;
    check::until("the small code has the focus", || focused(&browser), |focus| focus == "code").await;
    act::tab_to(&browser, "#share [data-do=copy-link]").await;
    act::press(&browser, Key::Enter).await;
    find::one(&browser, ".notice:not([hidden])").await;
    act::press(&browser, Key::Escape).await;
    assert!(browser.page.execute(IS_ON_BUTTON, vec!["share".into()]).await.unwrap().convert::<bool>().unwrap());
    act::tab_to(&browser, "[popovertarget=settings]").await;
    act::press(&browser, " ").await;
    act::tab_to(&browser, "[data-do=scheme][data-of=dark]").await;
    act::press(&browser, Key::Enter).await;
    find::one(&browser, "html[data-scheme=dark]").await;
    act::tab_to(&browser, "[data-set=ctrl-sends]").await;
    act::press(&browser, " ").await;
    act::press(&browser, Key::Escape).await;
    assert!(browser.page.execute(IS_ON_BUTTON, vec!["settings".into()]).await.unwrap().convert::<bool>().unwrap());
    // Closes the notice, then writes and sends a message.
    act::tab_to(&browser, ".notice .close").await;
    act::press(&browser, Key::Enter).await;
    find::one(&browser, ".notice[hidden]").await;
    act::press(&browser, "/").await;
    act::press(&browser, "by keys").await;
    browser.page.action_chain().key_down(Key::Control).send_keys("" + Key::Enter).key_up(Key::Control).perform().await.unwrap();
    check::shows(&browser, &["by keys"]).await;
    // Discarding a refused message must not lose the focus.
    act::send_oversized_json(&browser).await;
    find::one(&browser, "#outbox [data-stage=failed]").await;
    act::press(&browser, Key::Escape).await;
    act::tab_to(&browser, "#outbox .discard").await;
    act::press(&browser, Key::Enter).await;
    check::nothing_pending(&browser).await;
    check::until("the focus stays on the page", || focused(&browser), |focus| focus == "scroller").await;
    // Opens another room.
    act::press(&browser, Key::Escape).await;
    act::tab_to(&browser, "[popovertarget=rooms]").await;
    act::press(&browser, Key::Enter).await;
    act::tab_to(&browser, "#room_name").await;
    act::press(&browser, "second").await;
    act::press(&browser, Key::Enter).await;
    check::until("the room is open", async || browser.page.current_url().await.unwrap(), |url| url.path() == "/r/second").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_button_that_disappears_when_pressed_keeps_the_focus_on_the_page() {
    let board = Board::start().await;
    for n in 0..50 {
        board.post_as("lobby", &format!("message {n}"), "a").await;
    }
    let browser = Browser::start().await;
    act::control_network(&browser).await;
    act::open(&browser, &board, "/").await;
    let press = async |css: &str| {
        browser.page.execute("document.querySelector(arguments[0]).focus()", vec![css.into()]).await.unwrap();
        act::press(&browser, Key::Enter).await;
        find::one(&browser, &format!("{css}[hidden], [hidden] {css}")).await;
        assert_eq!(focused(&browser).await, "scroller", "after {css}");
    };
    act::scroll(&browser, 600).await;
    find::one(&browser, "#unseen:not([hidden])").await;
    press("#unseen").await;
    act::click(&browser, "[popovertarget=share]").await;
    act::click(&browser, "#share [data-do=copy-link]").await;
    act::press(&browser, Key::Escape).await;
    find::one(&browser, ".notice:not([hidden])").await;
    press(".close").await;
    act::go_offline(&browser).await;
    check::connection_is(&browser, "offline").await;
    // The page gets no `online` event, so only the button reconnects.
    browser.page.execute("addEventListener('online', event => event.stopImmediatePropagation(), true)", vec![]).await.unwrap();
    act::go_online(&browser).await;
    press("#connect_now").await;
    check::connection_is(&browser, "live").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn announces_new_messages_but_no_history() {
    let board = Board::start().await;
    for n in 0..60 {
        board.post_as("lobby", &format!("message {n}"), "a").await;
    }
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    // Browsers read `aria-live` when they have drawn the rows.
    let watch = "const log = document.querySelector('[role=log]'); \
        new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => window.drawn = log.getAttribute('aria-live')))) \
            .observe(log, { childList: true, subtree: true })";
    browser.page.execute(watch, vec![]).await.unwrap();
    act::scroll_to_top(&browser).await;
    let drawn = async || browser.page.execute("return window.drawn || ''", vec![]).await.unwrap().convert::<String>().unwrap();
    check::until("older messages are drawn", drawn, |live| !live.is_empty()).await;
    assert_eq!(drawn().await, "off");
    find::one(&browser, "[role=log][aria-live=polite]").await;
    assert_eq!(find::count(&browser, "#messages > li[data-offset]").await, 60);
    browser.quit().await;
}

/// True if the focus is on the button of a panel.
const IS_ON_BUTTON: &str = "return document.activeElement.getAttribute('popovertarget') === arguments[0]";

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_narrow_screen_shows_everything() {
    let board = Board::start().await;
    board.post_as("lobby", &"a-long-word-without-an-end".repeat(20), &"n".repeat(60)).await;
    for query in ["lang=en", "lang=zh-CN"] {
        let browser = Browser::start().await;
        browser.resize(320, 640).await;
        act::open(&browser, &board, &format!("/r/lobby?{query}")).await;
        let wide = "const out = [...document.querySelectorAll('.page *')].filter(e => { const r = e.getBoundingClientRect(); \
            return r.width > 1 && r.height > 1 && (r.right > innerWidth + 1 || r.left < -1) && !e.closest('.visually-hidden, #outbox') }); \
            return out.map(e => e.tagName + '.' + (e.getAttribute('class') || e.id))";
        let out: Vec<String> = browser.page.execute(wide, vec![]).await.unwrap().convert().unwrap();
        assert!(out.is_empty(), "{query}: {out:?} overflow");
        let small = "return [...document.querySelectorAll('.page :is(button, input, textarea, a), .panel button')].filter(e => { \
            const r = e.getBoundingClientRect(); return r.width > 1 && r.height > 1 && (r.width < 24 || r.height < 24) && !e.closest('.text, h1') }) \
            .map(e => e.outerHTML.slice(0, 100) + e.getBoundingClientRect().height)";
        let small: Vec<String> = browser.page.execute(small, vec![]).await.unwrap().convert().unwrap();
        assert!(small.is_empty(), "{small:?} are too small for a finger");
        // Phones zoom into fields with a font size below 16 pixels.
        let font_size =
            "return Math.min(...[...document.querySelectorAll('input, textarea')].map(it => parseFloat(getComputedStyle(it).fontSize)))";
        assert!(browser.page.execute(font_size, vec![]).await.unwrap().convert::<f64>().unwrap() >= 16.0);
        // The bar has one line for any number of readers.
        let many = "document.getElementById('here').textContent += ' 1000'; return document.querySelector('.bar').offsetHeight";
        let height: i64 = browser.page.execute(many, vec![]).await.unwrap().convert().unwrap();
        assert!(height <= 56, "the bar is {height} pixels high");
        // The error page.
        browser.page.goto(board.url("/open?room=no%20spaces!")).await.unwrap();
        let width = "return [document.documentElement.scrollWidth, document.querySelector('[role=alert]').offsetWidth]";
        let [page, alert]: [i64; 2] = browser.page.execute(width, vec![]).await.unwrap().convert().unwrap();
        assert!(page <= 320 && alert > 250, "the page is {page} pixels wide, and its alert {alert}");
        browser.quit().await;
    }
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn respects_reduced_motion() {
    let mut board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    board.kill().await;
    check::connection_is(&browser, "waiting").await;
    let moving = "return getComputedStyle(document.querySelector('.connection'), '::before').animationName";
    let moving = async || browser.page.execute(moving, vec![]).await.unwrap().convert::<String>().unwrap();
    assert_eq!(moving().await, "breathe");
    let less = serde_json::json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    browser.devtools("Emulation.setEmulatedMedia", less).await;
    assert_eq!(moving().await, "none");
    browser.quit().await;
}
