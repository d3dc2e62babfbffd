//! A board that goes and comes back.

use crate::board::{Board, free_port};
use crate::chat::{Chat, Setup};

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_lost_board_loses_neither_the_draft_nor_what_is_posted_meanwhile() {
    let mut board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    board.post("lobby", "before").await;
    chat.until_shown("before").await;
    chat.press("half of a").await;
    chat.until_shown("half of a").await;
    board.kill().await;
    chat.until_shown("next try in").await;
    // The person types on, and posts.
    chat.press(" message\r").await;
    chat.until_shown("Write to").await;
    chat.press("the second\r").await;
    chat.press("a draft").await;
    chat.until_shown("a draft").await;
    assert!(chat.text().contains("half of a message") && chat.text().contains("the second"), "{}", chat.text());
    board.start_again().await;
    chat.until_shown("online").await;
    board.until_lobby_has(&["before", "half of a message", "the second"]).await;
    board.post("lobby", "after").await;
    chat.until_shown("after").await;
    board.until_lobby_has(&["before", "half of a message", "the second", "after"]).await;
    assert!(chat.text().contains("a draft"));
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn without_a_board_the_screen_opens_and_says_why_and_when_it_tries_again() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let mut chat = Chat::open(&url, Setup::default());
    chat.until_shown("next try in").await;
    chat.until_shown("refused").await;
    chat.press("I can type").await;
    chat.until_shown("I can type").await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_paused_board_is_noticed_and_typing_goes_on() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start_with(&board, Setup { arguments: &["--transport", "sse"], ..Setup::default() }).await;
    board.pause();
    chat.press("typed\rmore").await;
    chat.until_shown("more").await;
    board.resume();
    chat.until_shown("typed").await;
    board.until_lobby_has(&["typed"]).await;
    chat.press("\r").await;
    board.until_lobby_has(&["typed", "more"]).await;
    board.post("lobby", "awake").await;
    chat.until_shown("awake").await;
}
