//! Editing, deleting, replying and reacting.

use crate::board::Board;
use crate::chat::{Chat, Setup};

const CTRL_UP: &str = "\x1b[1;5A";

/// A board with a person called Ana and one called Ben in the lobby.
async fn ana_and_ben(board: &Board) -> (Chat, Chat) {
    let ana = Chat::start_with(board, Setup { arguments: &["--author", "Ana"], ..Setup::default() }).await;
    let mut ben = Chat::start_with(board, Setup { arguments: &["--author", "Ben"], ..Setup::default() }).await;
    ben.until_shown("2 online").await;
    (ana, ben)
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_message_is_edited_reacted_to_and_deleted_before_the_eyes_of_another() {
    let board = Board::start_with(&[]).await;
    let (mut ana, mut ben) = ana_and_ben(&board).await;
    ana.press("Tee is ready\r").await;
    ben.until_shown("Tee is ready").await;
    // The edit begins with the text that the message has.
    ana.press("/edit\r").await;
    ana.until_shown("/edit Tee is ready").await;
    ana.press(" for everyone\r").await;
    ben.until_shown("Tee is ready for everyone").await;
    ben.until_shown("edited").await;
    ben.press("/react 👍\r").await;
    ana.until_shown("👍 1").await;
    ben.until_shown("👍 1 (you)").await;
    ben.press("/reply on my way\r").await;
    ana.until_shown("↪ Ana: Tee is ready for everyone").await;
    ana.press("/erase\r").await;
    for chat in [&mut ana, &mut ben] {
        chat.until("forgets the text", |screen| !screen.contents().contains("Tee")).await;
        assert!(chat.text().contains("deleted") && chat.text().contains("↪ a deleted message"), "{}", chat.text());
    }
    // Who comes later sees the same.
    let mut late = Chat::start(&board).await;
    late.until_shown("↪ a deleted message").await;
    assert!(!late.text().contains("Tee"), "{}", late.text());
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn an_identity_lasts_so_that_a_message_of_an_earlier_run_can_be_changed() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    chat.press("from yesterday\r").await;
    board.until_lobby_has(&["from yesterday"]).await;
    chat.press("/quit\r").await;
    assert!(chat.end().await.success());
    let home = Some(chat.home.clone());
    let mut chat = Chat::start_with(&board, Setup { home, ..Setup::default() }).await;
    chat.press("/edit from today\r").await;
    board.until_lobby_has(&["from today"]).await;
    chat.until_shown("edited").await;
    // A stranger has another identity.
    let mut stranger = Chat::start(&board).await;
    stranger.until_shown("from today").await;
    stranger.press(CTRL_UP).await;
    stranger.until_shown("Selected:").await;
    stranger.press("/erase\r").await;
    stranger.until_shown("The message was not deleted: Only its author or a moderator").await;
    board.until_lobby_has(&["from today"]).await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_change_that_is_made_while_the_board_is_away_survives_kill_9() {
    let mut board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    chat.press("before\r").await;
    board.until_lobby_has(&["before"]).await;
    board.kill().await;
    chat.until_shown("next try in").await;
    chat.press("/edit after\r").await;
    chat.until_shown("1 waiting").await;
    chat.process.kill().await.unwrap();
    board.start_again().await;
    let mut chat = Chat::start_with(&board, Setup { home: Some(chat.home.clone()), ..Setup::default() }).await;
    board.until_lobby_has(&["after"]).await;
    chat.until_shown("edited").await;
}
