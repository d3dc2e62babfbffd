//! The terminal before, after and without a chat.

use std::process::Stdio;

use tokio::process::Command;
use tokio::time::timeout;

use crate::board::{Board, binary, send_signal};
use crate::chat::{Chat, Setup, TIMEOUT};

#[tokio::test]
#[ignore = "needs the release binary"]
async fn every_end_leaves_the_terminal_as_it_was() {
    let board = Board::start_with(&[]).await;
    for end in ["/quit\r", "\x03", "-TERM", "-INT", "-HUP"] {
        let mut chat = Chat::start(&board).await;
        assert!(screen_has_modes(&chat));
        if end.starts_with('-') {
            send_signal(&chat.process, end);
        } else {
            chat.press(end).await;
        }
        assert!(chat.end().await.success(), "{end:?}");
        chat.assert_restored();
        assert_eq!(chat.text().trim(), "", "{end:?}");
    }
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn the_program_ends_with_its_terminal() {
    let board = Board::start_with(&[]).await;
    let mut process = Chat::start(&board).await.close();
    timeout(TIMEOUT, process.wait()).await.expect("it does not end").unwrap();
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn ctrl_z_gives_the_shell_its_terminal_and_fg_the_screen() {
    let board = Board::start_with(&[]).await;
    let mut shell = Chat::open_shell(None);
    shell.until_shown("shell>").await;
    shell.press(&format!("{} chat --server {}\r", binary().display(), board.url(""))).await;
    shell.until_shown("online").await;
    shell.press("a draft").await;
    shell.until_shown("a draft").await;
    shell.press("\x1a").await;
    shell.until("shows the shell", |screen| !screen.alternate_screen() && screen.contents().contains("Stopped")).await;
    assert!(!screen_has_modes(&shell));
    board.post("lobby", "posted meanwhile").await;
    shell.press("fg\r").await;
    shell.until_shown("posted meanwhile").await;
    shell.until_shown("a draft").await;
    assert!(screen_has_modes(&shell));
    shell.press("\x03\x03").await;
    shell.until("shows its third prompt", |screen| !screen.alternate_screen() && screen.contents().matches("shell>").count() == 3).await;
    shell.press("echo $((6 * 7))\r").await;
    shell.until_shown("42").await;
}

fn screen_has_modes(chat: &Chat) -> bool {
    let screen = chat.screen();
    screen.alternate_screen() && screen.bracketed_paste() && screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn without_a_terminal_it_names_the_other_programs() {
    let output = Command::new(binary()).arg("chat").stdin(Stdio::null()).output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty() && error.lines().count() == 1, "{error}");
    assert!(error.contains("crier post") && error.contains("crier tail"), "{error}");
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_wrong_address_or_room_is_told_before_the_screen_opens() {
    for arguments in [&["--server", "not an address"][..], &["--server", "ftp://example.org"], &["???"], &["--author", "a\nb"]] {
        let mut chat = Chat::open("http://127.0.0.1:1", Setup { arguments, ..Setup::default() });
        assert_eq!(chat.end().await.code(), Some(2), "{arguments:?}");
        assert!(!chat.text().trim().is_empty() && !chat.raw.windows(8).any(|bytes| bytes == b"\x1b[?1049h"), "{arguments:?}");
        chat.assert_restored();
    }
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_terminal_that_takes_nothing_does_not_hold_up_a_signal() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    // Nobody reads the terminal from here on, and each message draws much.
    for number in 0..60 {
        board.post("lobby", &format!("{number} {}", "你好 ".repeat(600))).await;
    }
    send_signal(&chat.process, "-TERM");
    timeout(TIMEOUT, chat.process.wait()).await.expect("it does not end").unwrap();
}
