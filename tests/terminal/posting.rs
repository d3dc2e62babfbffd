//! Writing and reading messages.

use crate::board::Board;
use crate::chat::{Chat, Setup};

#[tokio::test]
#[ignore = "needs the release binary"]
async fn chinese_is_typed_posted_and_seen_by_another() {
    let board = Board::start_with(&[]).await;
    let mut ana = Chat::start_with(&board, Setup { arguments: &["--author", "Ana"], ..Setup::default() }).await;
    let mut ben = Chat::start(&board).await;
    ana.until_shown("2 online").await;
    ana.press("你好,世界 👋").await;
    ana.until_shown("你好,世界").await;
    assert!(board.texts("lobby").await.is_empty());
    ana.press("\r").await;
    ben.until_shown("你好,世界 👋").await;
    ben.until_shown("Ana").await;
    // And back.
    ben.press("收到\r").await;
    ana.until_shown("收到").await;
    board.until_lobby_has(&["你好,世界 👋", "收到"]).await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_paste_of_many_lines_is_one_message() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    chat.press("\x1b[200~one\r二\r\rthree\x1b[201~").await;
    chat.until_shown("three").await;
    assert!(board.texts("lobby").await.is_empty());
    chat.press("\r").await;
    chat.until("shows the message above the empty composer", |screen| {
        screen.contents().contains("three") && screen.contents().contains("Write to")
    })
    .await;
    board.until_lobby_has(&["one\n二\n\nthree"]).await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_large_paste_is_taken_whole_and_one_that_is_too_large_loses_no_draft() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    let text = "你好 world\n".repeat(1_200);
    chat.press(&format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r"))).await;
    chat.until_shown("你好 world").await;
    chat.press("\r").await;
    board.until_lobby_has(&[text.trim_end()]).await;
    chat.press("a draft").await;
    chat.press(&format!("\x1b[200~{}\x1b[201~", "x".repeat(300_000))).await;
    chat.until_shown("64 KiB").await;
    chat.until_shown("a draft").await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn shift_enter_alt_enter_and_ctrl_j_begin_a_line() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    // The first as terminals with the keyboard protocol send it.
    chat.press("a\x1b[13;2ub\x1b\rc\nd").await;
    chat.until_shown("d").await;
    chat.press("\r").await;
    board.until_lobby_has(&["a\nb\nc\nd"]).await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn what_is_posted_by_others_is_shown_at_once_in_two_rooms() {
    let board = Board::start_with(&[]).await;
    board.post_as("tea", "earlier tea", "Cem").await;
    let mut chat = Chat::start_with(&board, Setup { arguments: &["lobby", "tea"], ..Setup::default() }).await;
    board.post_as("lobby", "hello lobby", "Ben").await;
    chat.until_shown("hello lobby").await;
    assert!(!chat.text().contains("earlier tea"));
    // Ctrl-N goes to the other room.
    chat.press("\x0e").await;
    chat.until_shown("earlier tea").await;
    board.post("tea", "more tea").await;
    chat.until_shown("more tea").await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn the_screen_follows_the_size_of_the_terminal() {
    let board = Board::start_with(&[]).await;
    board.post_as("lobby", "some words that do not fit into twenty columns 你好你好你好你好", "Ana").await;
    let mut chat = Chat::start(&board).await;
    chat.until_shown("words that do not fit into twenty").await;
    chat.press("my draft").await;
    chat.until_shown("my draft").await;
    for (columns, rows) in [(20, 10), (7, 2), (1, 1), (200, 60), (20, 12)] {
        chat.resize(columns, rows);
        if columns >= 20 {
            chat.until_shown("my draft").await;
            chat.until("shows words", |screen| screen.contents().contains("twenty")).await;
        }
    }
    board.post("lobby", "narrow").await;
    chat.until_shown("narrow").await;
    chat.resize(80, 24);
    chat.until_shown("words that do not fit into twenty").await;
    chat.until_shown("my draft").await;
    chat.press("\r").await;
    chat.until_shown("Write to").await;
    let first = "some words that do not fit into twenty columns 你好你好你好你好";
    board.until_lobby_has(&[first, "narrow", "my draft"]).await;
}
