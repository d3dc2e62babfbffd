//! Messages from others that try to use the terminal.

use crate::board::Board;
use crate::chat::{Chat, Setup};

/// Sequences that a terminal would obey.
const HOSTILE: [&str; 8] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}]0;owned\u{7}",
    "\u{9b}31m",
    "\u{1b}[?1049l\u{1b}[?25l",
    "\u{1b}]52;c;ZXZpbA==\u{1b}\\",
    "\u{1b}]8;;http://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\",
    "\u{1b}c\u{7}\u{8}\u{e}",
    "\u{202e}\u{2066}\u{200f}",
];

#[tokio::test]
#[ignore = "needs the release binary"]
async fn no_escape_sequence_of_others_reaches_the_terminal() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start(&board).await;
    for (number, text) in HOSTILE.iter().enumerate() {
        board.post_as("lobby", &format!("a{text}b {number}"), "Mallory").await;
        chat.until_shown(&format!("b {number}")).await;
    }
    board.post("lobby", &"\u{1b}[31m".repeat(3000)).await;
    board.post("lobby", &format!("{} combined", "\u{301}".repeat(400))).await;
    board.post("lobby", "calm").await;
    chat.until_shown("calm").await;
    assert!(chat.screen().alternate_screen() && chat.screen().bracketed_paste());
    let raw = String::from_utf8(chat.raw.clone()).unwrap();
    for text in ["\x1b]0;", "\x1b]52", "\u{9b}", "\x1bc", "\u{7}", "\u{8}", "\u{e}", "evil.example\x1b\\click", "\u{202e}", "\u{2066}"] {
        assert!(!raw.contains(text), "{text:?} reaches the terminal");
    }
    assert_eq!(raw.matches("\x1b[2J").count(), raw.matches("\x1b[0m\x1b[2J").count(), "only the program clears the screen");
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn long_words_and_bidirectional_texts_keep_the_screen_whole() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start_with(&board, Setup { size: Some((40, 12)), ..Setup::default() }).await;
    board.post("lobby", &"x".repeat(16 * 1024)).await;
    board.post("lobby", "שלום עולם مرحبا بالعالم").await;
    board.post("lobby", "👩‍👩‍👧‍👦🏳️‍🌈 family").await;
    board.post("lobby", "calm").await;
    chat.until_shown("calm").await;
    chat.press("typing").await;
    chat.until_shown("typing").await;
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn no_colour_is_drawn_if_none_is_wanted() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start_with(&board, Setup { variables: &[("NO_COLOR", "1")], ..Setup::default() }).await;
    board.post_as("lobby", "hello https://example.org", "Ana").await;
    chat.until_shown("hello").await;
    let raw = String::from_utf8(chat.raw.clone()).unwrap();
    for style in raw.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m').map(|(style, _)| style)) {
        let is_style = style.bytes().all(|byte| byte.is_ascii_digit() || byte == b';');
        let numbers = style.split(';').map(|number| number.parse().unwrap_or(0));
        assert!(!is_style || numbers.into_iter().all(|number: u8| number < 30), "{style:?} is a colour");
    }
}

#[tokio::test]
#[ignore = "needs the release binary"]
async fn only_ascii_is_drawn_in_a_locale_without_utf8() {
    let board = Board::start_with(&[]).await;
    let mut chat = Chat::start_with(&board, Setup { variables: &[("LANG", "C")], ..Setup::default() }).await;
    board.post_as("lobby", "naïve 你好 text", "Ünal").await;
    chat.until_shown("text").await;
    assert!(chat.raw.is_ascii(), "{}", chat.text());
}
