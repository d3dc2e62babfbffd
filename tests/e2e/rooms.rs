//! Rooms: opening by name, recent rooms, sharing.

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
    act::click(&browser, "[popovertarget=rooms]").await;
    act::click(&browser, "#recent li:nth-child(2) a").await;
    check::shows(&browser, &["first here"]).await;
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
    browser.page.goto(board.url("/open?room=no%20spaces!")).await.unwrap();
    let alert = find::one(&browser, "[role=alert]").await.text().await.unwrap();
    assert!(alert.starts_with("A room's name is 1 to 64 letters"), "{alert}");
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
    let link = find::one(&browser, "#link").await.prop("value").await.unwrap().unwrap();
    assert_eq!(link, board.url("/r/shared"));
    let drawn = async || {
        let script = "const it = document.querySelector('.qr'); return it.complete && it.naturalWidth > 100";
        browser.page.execute(script, vec![]).await.unwrap().convert::<bool>().unwrap()
    };
    check::until("the code is drawn", drawn, |drawn| *drawn).await;
    act::click(&browser, "[data-do=copy-link]").await;
    find::one(&browser, ".notice:not([hidden])").await;
    act::press(&browser, thirtyfour::Key::Escape).await;
    act::click(&browser, "#chat_content").await;
    find::one(&browser, "#chat_content").await.send_keys(thirtyfour::Key::Control + "v").await.unwrap();
    check::draft_is(&browser, &link).await;
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
