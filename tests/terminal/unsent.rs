//! What was typed survives every end of the program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tokio::time::timeout;

use crate::board::{Board, send_signal};
use crate::chat::{Chat, Setup, TIMEOUT};

/// Writes two messages and a draft while the board is away.
async fn write_offline(board: &mut Board) -> Chat {
    let mut chat = Chat::start(board).await;
    board.kill().await;
    chat.until_shown("next try in").await;
    chat.press("first unsent\r").await;
    chat.until_shown("Write to").await;
    chat.press("second 未发送\r").await;
    chat.until_shown("Write to").await;
    chat.press("only a draft").await;
    chat.until_shown("only a draft").await;
    chat
}

/// Starts a chat with the home of an earlier one, and checks that nothing was lost or doubled.
async fn assert_continues(board: &mut Board, before: &Chat) {
    board.start_again().await;
    let mut chat = Chat::start_with(board, Setup { home: Some(before.home.clone()), ..Setup::default() }).await;
    chat.until_shown("second 未发送").await;
    chat.until_shown("only a draft").await;
    board.until_lobby_has(&["first unsent", "second 未发送"]).await;
    board.post("lobby", "the end").await;
    chat.until_shown("the end").await;
    board.until_lobby_has(&["first unsent", "second 未发送", "the end"]).await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn unsent_messages_and_drafts_survive_kill_9() {
    let mut board = Board::start_with(&[]).await;
    let mut chat = write_offline(&mut board).await;
    // A message is stored before it is shown; a draft within a second.
    assert!(chat.state().contains("first unsent"));
    chat.until_saved("only a draft").await;
    chat.process.kill().await.unwrap();
    assert_continues(&mut board, &chat).await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn unsent_messages_survive_a_signal_and_the_person_is_told() {
    let mut board = Board::start_with(&[]).await;
    let mut chat = write_offline(&mut board).await;
    send_signal(&chat.process, "-TERM");
    assert!(chat.end().await.success());
    assert!(chat.text().contains("Unsent messages are kept: 2."), "{}", chat.text());
    chat.assert_restored();
    assert_continues(&mut board, &chat).await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn two_chats_of_one_person_keep_each_others_messages() {
    let mut board = Board::start_with(&[]).await;
    let mut a = Chat::start(&board).await;
    let mut b = Chat::start_with(&board, Setup { home: Some(a.home.clone()), ..Setup::default() }).await;
    board.kill().await;
    for (chat, text) in [(&mut a, "from a"), (&mut b, "from b")] {
        chat.until_shown("next try in").await;
        chat.press(&format!("{text}\r")).await;
        chat.until_saved(text).await;
    }
    for chat in [&mut a, &mut b] {
        chat.process.kill().await.unwrap();
        assert!(chat.state().contains("from a") && chat.state().contains("from b"), "{}", chat.state());
    }
    board.start_again().await;
    let mut chat = Chat::start_with(&board, Setup { home: Some(a.home.clone()), ..Setup::default() }).await;
    chat.until_shown("from a").await;
    chat.until_shown("from b").await;
    let both = async { while board.texts("lobby").await.len() < 2 {} };
    timeout(TIMEOUT, both).await.expect("not both are posted");
    let mut texts = board.texts("lobby").await;
    texts.sort();
    assert_eq!(texts, ["from a", "from b"]);
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_message_that_is_on_its_way_when_the_person_quits_arrives() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    chat.press("good night\r/quit\r").await;
    assert!(chat.end().await.success());
    assert_eq!(board.texts("lobby").await, ["good night"]);
    assert!(!chat.text().contains("unsent"), "{}", chat.text());
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_home_that_cannot_be_written_is_told_once_and_the_chat_goes_on() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start_with(&board, Setup { variables: &[("XDG_STATE_HOME", "/proc/1/none")], ..Setup::default() }).await;
    chat.press("hello\r").await;
    chat.until_shown("can't be written").await;
    board.until_lobby_has(&["hello"]).await;
    board.post("lobby", "answer").await;
    chat.until_shown("answer").await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn an_unreadable_state_file_is_set_aside() {
    let board = Board::start_with(&[]).await;
    let home = Chat::open(&board.url(""), Setup::default()).home.clone();
    let folder = home.path().join(".local/state/crier");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("chat.json"), "{ half").unwrap();
    let mut chat = Chat::open(&board.url(""), Setup { home: Some(home), ..Setup::default() });
    chat.until_shown("cannot be read").await;
    chat.until_shown("online").await;
    chat.press("hello").await;
    chat.until_saved("hello").await;
    assert_eq!(fs::read_to_string(folder.join("chat.json.unreadable-1")).unwrap(), "{ half");
    assert_eq!(fs::metadata(folder.join("chat.json")).unwrap().permissions().mode() & 0o777, 0o600);
}
