//! Rooms: opening by name, recent rooms, sharing.

use thirtyfour::Key;

use crate::world::{Board, Browser, Options};
use crate::{act, check, find};

async fn open_by_name(browser: &Browser, name: &str) {
    act::click(browser, "[popovertarget=rooms]").await;
    find::one(browser, "#room_name").await.send_keys(name).await.unwrap();
    act::click(browser, "#rooms button[type=submit]").await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn opens_a_room_by_name_and_lists_it_as_recent() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    open_by_name(&browser, "大厅-2").await;
    find::one(&browser, "[data-ready=true]").await;
    check::until("the room is open", async || find::one(&browser, ".room bdi").await.text().await.unwrap(), |name| name == "大厅-2").await;
    assert!(find::messages(&browser).await.is_empty());
    act::send(&browser, "first here").await;
    check::shows(&browser, &["first here"]).await;
    act::open(&browser, &board, "/").await;
    board.post("大厅-2", "two").await;
    board.post("大厅-2", "three").await;
    // Where the reader is, and what is new elsewhere.
    act::click(&browser, "[popovertarget=rooms]").await;
    assert_eq!(find::one(&browser, "#rooms .current").await.text().await.unwrap(), "lobby");
    let recent = async || find::one(&browser, "#recent").await.text().await.unwrap();
    check::until("the unread messages are counted", recent, |recent| recent == "大厅-2\n2 条新消息" || recent == "大厅-2 2 条新消息").await;
    act::click(&browser, "#recent a").await;
    check::shows(&browser, &["first here", "two", "three"]).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn explains_an_invalid_room_name() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    open_by_name(&browser, "no spaces!").await;
    // The browser shows the explanation and stays on the page.
    let valid = "const it = document.getElementById('room_name'); return it.validity.patternMismatch && it.title.length > 20";
    assert!(browser.page.execute(valid, vec![]).await.unwrap().convert::<bool>().unwrap());
    // The server explains it as well.
    browser.page.goto(board.url("/open?room=no%20spaces!&lang=en")).await.unwrap();
    let alert = find::one(&browser, "[role=alert]").await.text().await.unwrap();
    assert!(alert.contains("can't be the name of a room"), "{alert}");
    find::one(&browser, "#room_name").await.send_keys("fine").await.unwrap();
    act::click(&browser, "button[type=submit]").await;
    find::one(&browser, "[data-ready=true]").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn shares_a_room_by_link_and_qr_code() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/r/shared").await;
    act::click(&browser, "[popovertarget=share]").await;
    let link = find::one(&browser, "#share .link").await.text().await.unwrap();
    assert_eq!(link, board.url("/r/shared"));
    // Nobody else can open it.
    assert!(find::one(&browser, "#share .warning").await.text().await.unwrap().contains("--listen"));
    act::click(&browser, "#share [data-do=copy-link]").await;
    find::one(&browser, ".notice:not([hidden])").await;
    act::press(&browser, Key::Escape).await;
    act::click(&browser, "#chat_content").await;
    find::one(&browser, "#chat_content").await.send_keys(Key::Control + "v").await.unwrap();
    check::draft_is(&browser, &link).await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

/// Returns the side of one module of a QR code on the screen, in pixels; 0 before it is drawn.
async fn module_side(browser: &Browser, css: &str) -> f64 {
    // The picture has 8 pixels for each module.
    let script = "const it = document.querySelector(arguments[0]); \
        return it.complete && it.naturalWidth > 0 ? it.getBoundingClientRect().width / (it.naturalWidth / 8) : 0";
    browser.page.execute(script, vec![css.into()]).await.unwrap().convert().unwrap()
}

/// The code of a long Chinese name had modules of 2 pixels, which no camera could read.
#[tokio::test]
#[ignore = "needs a browser"]
async fn a_long_name_has_a_code_that_cameras_can_read() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, &format!("/r/{}", "议".repeat(60))).await;
    act::click(&browser, "[popovertarget=share]").await;
    check::until("the code is large", || module_side(&browser, "#share .qr"), |side| *side >= 4.0).await;
    act::click(&browser, "[popovertarget=hall]").await;
    check::until("the code fills the window", || module_side(&browser, "#hall .qr"), |side| *side >= 6.5).await;
    act::press(&browser, Key::Escape).await;
    find::one(&browser, "#hall:not(:popover-open)").await;
    find::one(&browser, "#share:popover-open").await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn an_empty_room_invites_others() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/r/议程").await;
    check::until("the code is drawn", || module_side(&browser, ".empty .qr"), |side| *side > 4.0).await;
    assert_eq!(find::one(&browser, ".empty h2").await.text().await.unwrap(), "议程");
    assert_eq!(find::one(&browser, ".empty .link").await.text().await.unwrap(), board.url("/r/议程"));
    act::click(&browser, ".empty [data-do=copy-link]").await;
    find::one(&browser, ".notice:not([hidden])").await;
    act::click(&browser, "#chat_content").await;
    find::one(&browser, "#chat_content").await.send_keys(Key::Control + "v").await.unwrap();
    check::draft_is(&browser, &board.url("/r/%E8%AE%AE%E7%A8%8B")).await;
    act::press(&browser, Key::Enter).await;
    find::one(&browser, ".empty[hidden]").await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn panels_and_rooms_work_without_script() {
    let board = Board::start().await;
    let browser = Browser::start_with(Options { no_script: true, ..Options::default() }).await;
    browser.page.goto(board.url("/")).await.unwrap();
    open_by_name(&browser, "quiet").await;
    check::until("the room is open", async || browser.page.current_url().await.unwrap(), |url| url.path() == "/r/quiet").await;
    browser.quit().await;
}
