//! Reading what came before.

use crate::board::Board;
use crate::chat::Chat;
use crate::flood::flood;

const PAGE_UP: &str = "\x1b[5~";
const WHEEL_UP: &str = "\x1b[<64;10;10M";

#[tokio::test]
#[ignore = "needs the release binary"]
async fn scrolling_loads_older_messages_to_the_first() {
    let board = Board::start_with(&[]).await;
    for number in 1..=300 {
        board.post("lobby", &format!("message {number}.")).await;
    }
    let mut chat = Chat::start(&board).await;
    chat.until_shown("message 300.").await;
    let mut presses = 0;
    while !chat.text().contains("message 1.") {
        let before = chat.text();
        chat.press(if presses % 2 == 0 { PAGE_UP } else { WHEEL_UP }).await;
        chat.until("scrolls", |screen| screen.contents() != before).await;
        presses += 1;
        assert!(presses < 400, "{}", chat.text());
    }
    // To the end, with what was posted meanwhile.
    board.post("lobby", "the newest").await;
    chat.press("\x1b[F").await;
    chat.until_shown("the newest").await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn ten_thousand_new_messages_do_not_move_the_place() {
    let board = Board::start_with(&["--publishes-per-second", "0", "--cpu-per-address", "0"]).await;
    for number in 1..=120 {
        board.post("lobby", &format!("message {number}.")).await;
    }
    let mut chat = Chat::start(&board).await;
    chat.until_shown("message 120.").await;
    while chat.text().contains("message 110.") {
        let before = chat.text();
        chat.press(PAGE_UP).await;
        chat.until("scrolls", |screen| screen.contents() != before).await;
    }
    chat.until_quiet().await;
    let place = rows_with_messages(&chat);
    assert!(place.len() > 5, "{}", chat.text());
    flood(&board, 10_000, None).await;
    chat.until_shown("10000 new").await;
    chat.until_quiet().await;
    assert_eq!(rows_with_messages(&chat), place);
    chat.press("\x1b[F").await;
    chat.until_shown("flood 10000.").await;
}

/// Returns the rows of the screen that have a message.
fn rows_with_messages(chat: &Chat) -> Vec<String> {
    chat.text().lines().filter(|line| line.contains("message ")).map(str::to_owned).collect()
}
