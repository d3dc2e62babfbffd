//! Messages that change: edited, answered, reacted to and deleted, by mouse and keyboard, in two
//! browsers.

use thirtyfour::Key;

use crate::world::{Board, Browser};
use crate::{act, check, find};

/// Runs a script in the page, and returns its text.
async fn text(browser: &Browser, script: &str) -> String {
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

/// Waits until an element has this text.
async fn reads(browser: &Browser, css: &str, wanted: &str) {
    let script = format!("return document.querySelector('{css}')?.innerText ?? ''");
    check::until(css, || text(browser, &script), |shown| shown == wanted).await;
}

/// Opens the menu of a row by keyboard, and moves to an entry.
async fn open_menu(browser: &Browser, row: &str, entry: &str) {
    let focus = format!("const row = document.querySelector('{row}'); row.tabIndex = -1; row.focus(); return ''");
    text(browser, &focus).await;
    act::press(browser, Key::Enter).await;
    find::one(browser, "#row_menu:popover-open").await;
    let is_there = format!("return String(document.activeElement.matches('{entry}'))");
    for _ in 0..10 {
        if text(browser, &is_there).await == "true" {
            return;
        }
        act::press(browser, Key::Down).await;
    }
    panic!("the arrow keys do not lead to {entry}");
}

/// Opens a page with another name.
async fn visit(board: &Board, name: &str) -> Browser {
    let browser = Browser::start().await;
    act::open(&browser, board, "/?lang=en").await;
    act::rename(&browser, name).await;
    browser
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_message_is_edited_answered_liked_and_deleted_by_keyboard_before_all_eyes() {
    let board = Board::start().await;
    let (ada, bob) = (visit(&board, "Ada").await, visit(&board, "Bob").await);
    act::send(&ada, "helo").await;
    check::shows(&bob, &["helo"]).await;
    // An edit in the composer keeps the draft, and Escape ends it.
    act::type_text(&ada, "half a thought").await;
    for ends_by in [Key::Escape, Key::Enter] {
        open_menu(&ada, "#m-1", "[data-compose=edits]").await;
        act::press(&ada, Key::Enter).await;
        check::draft_is(&ada, "helo").await;
        assert_eq!(find::focused(&ada).await, "chat_content");
        let field = find::one(&ada, "#chat_content").await;
        field.send_keys(Key::Control + "a").await.unwrap();
        field.send_keys("" + Key::Delete + "hello").await.unwrap();
        act::press(&ada, ends_by).await;
        check::draft_is(&ada, "half a thought").await;
    }
    for browser in [&ada, &bob] {
        check::shows(browser, &["hello"]).await;
        find::one(browser, "#m-1 .text[data-edited=edited][title]").await;
    }
    // Bob likes it, and so does Ada, by the button that Bob made. The focus stays.
    open_menu(&bob, "#m-1", "[data-emoji]").await;
    act::press(&bob, Key::Enter).await;
    reads(&ada, "#m-1 .reactions", "👍 1").await;
    assert_eq!(find::focused(&bob).await, "m-1");
    text(&ada, "document.querySelector('#m-1 .reactions button').focus(); return ''").await;
    act::press(&ada, " ").await;
    for browser in [&ada, &bob] {
        reads(browser, "#m-1 .reactions", "👍 2").await;
        find::one(browser, "#m-1 [aria-pressed=true]").await;
    }
    assert_eq!(text(&ada, "return document.activeElement.dataset.emoji").await, "👍");
    act::press(&ada, " ").await;
    reads(&bob, "#m-1 .reactions", "👍 1").await;
    // Bob answers it. The quote is a link.
    open_menu(&bob, "#m-1", "[data-compose=answers]").await;
    act::press(&bob, Key::Enter).await;
    reads(&bob, "#composing [role=status]", "Replying to Ada: hello").await;
    act::send(&bob, "hi!").await;
    for browser in [&ada, &bob] {
        reads(browser, "#messages .quote[href=\"#m-1\"]", "Ada hello").await;
    }
    find::one(&bob, "#composing[hidden]").await;
    // Ada deletes hers: first the question, with the focus on the harmless answer.
    open_menu(&ada, "#m-1", "[popovertarget=erase]").await;
    act::press(&ada, Key::Enter).await;
    find::one(&ada, "#erase:popover-open").await;
    act::press(&ada, Key::Tab).await;
    act::press(&ada, Key::Enter).await;
    for browser in [&ada, &bob] {
        reads(browser, "#m-1 .erased", "This message was deleted.").await;
        reads(browser, "#messages .quote[href=\"#m-1\"]", "This message was deleted.").await;
        assert_eq!(find::count(browser, "#m-1 :is(.text, .author, .reactions, .quote)").await, 0);
    }
    assert_eq!(find::focused(&ada).await, "m-1");
    for browser in [ada, bob] {
        act::open(&browser, &board, "/?lang=en").await;
        find::one(&browser, "#m-1 .erased").await;
        reads(&browser, "#messages .quote", "This message was deleted.").await;
        check::console_is_empty(&browser).await;
        browser.quit().await;
    }
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_change_shows_at_once_and_is_undone_with_a_reason_when_it_is_refused() {
    let board = Board::start().await;
    let (ada, bob) = (visit(&board, "Ada").await, visit(&board, "Bob").await);
    act::send(&ada, "hello").await;
    check::shows(&bob, &["hello"]).await;
    // Only connections that are opened from now on can be cut.
    act::control_network(&bob).await;
    act::open(&bob, &board, "/?lang=en").await;
    act::go_offline(&bob).await;
    check::connection_is(&bob, "offline").await;
    open_menu(&bob, "#m-1", "[data-emoji]").await;
    act::press(&bob, Key::Enter).await;
    reads(&bob, "#m-1 .reactions", "👍 1").await;
    find::one(&bob, "#m-1 > .changing").await;
    open_menu(&ada, "#m-1", "[popovertarget=erase]").await;
    act::press(&ada, Key::Enter).await;
    act::press(&ada, Key::Tab).await;
    act::press(&ada, Key::Enter).await;
    find::one(&ada, "#m-1 > .erased").await;
    act::go_online(&bob).await;
    reads(&bob, "#m-1 > .refused", "Not changed. The message does not exist any more.").await;
    find::one(&bob, "#m-1 > .erased").await;
    act::click(&bob, "#m-1 .discard").await;
    check::until("the reason is gone", || find::count(&bob, "#m-1 > :is(.refused, .actions)"), |count| *count == 0).await;
    assert_eq!(find::focused(&bob).await, "m-1");
    for browser in [ada, bob] {
        browser.quit().await;
    }
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn people_of_the_same_name_are_told_apart() {
    let board = Board::start().await;
    let (one, other) = (visit(&board, "小明").await, visit(&board, "小明").await);
    act::send(&one, "first").await;
    check::shows(&other, &["first"]).await;
    assert_eq!(find::count(&other, ".shared").await, 0);
    act::send(&other, "second").await;
    check::shows(&one, &["first", "second"]).await;
    for browser in [&one, &other] {
        assert_eq!(find::count(browser, "#messages > .shared > .author[title^=ID]").await, 2);
        assert_eq!(find::count(browser, "#messages > .continued").await, 0);
        assert_eq!(find::count(browser, "#messages > [data-own=You]").await, 1);
    }
    for browser in [one, other] {
        browser.quit().await;
    }
}
