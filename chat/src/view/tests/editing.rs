//! Writing.

use crossterm::event::{KeyCode, KeyModifiers};
use protocol::limits::TEXT_BYTES_MAX;

use super::person::{Person, numbered, settings};
use crate::event::Input;

fn in_lobby(columns: u16, rows: u16) -> Person {
    Person::in_lobby(settings(columns, rows), numbered(1..=30, 30))
}

#[test]
fn the_composer_grows_with_the_text_up_to_six_rows() {
    let mut person = in_lobby(40, 24);
    assert!(person.has("› Write to lobby as Ana (/help)"));
    let rows = |person: &Person| person.model.screen().composer.height;
    person.write(&"word ".repeat(10));
    assert_eq!(rows(&person), 2);
    for _ in 0..10 {
        person.press(KeyCode::Enter, KeyModifiers::ALT);
    }
    assert_eq!((rows(&person), person.cursor().1), (6, 23));
    person.resize(40, 9);
    assert_eq!(rows(&person), 3);
}

#[test]
fn the_cursor_is_at_the_caret_for_input_methods() {
    let mut person = in_lobby(40, 12);
    assert_eq!(person.cursor(), (2, 11));
    person.write("你好 e\u{301}👨‍👩‍👧‍👦");
    assert_eq!(person.cursor(), (2 + 4 + 1 + 1 + 2, 11));
    person.key(KeyCode::Left);
    person.key(KeyCode::Left);
    assert_eq!(person.cursor(), (7, 11));
    person.press(KeyCode::Enter, KeyModifiers::SHIFT);
    assert_eq!(person.cursor(), (2, 11));
    person.control('j');
    person.key(KeyCode::Enter);
    assert_eq!(person.published()[0].text.as_str(), "你好 \n\ne\u{301}👨‍👩‍👧‍👦");
}

#[test]
fn a_paste_of_many_lines_is_one_message() {
    let mut person = in_lobby(60, 24);
    person.input(Input::Paste("one\r\ntwo\rthree\n\tfour".to_owned()));
    assert!(person.has("› one") && person.has("      four"));
    person.key(KeyCode::Enter);
    assert_eq!(person.published()[0].text.as_str(), "one\ntwo\nthree\n\tfour");
}

#[test]
fn a_text_that_is_too_long_stays_and_its_length_is_shown() {
    let mut person = in_lobby(100, 24);
    person.input(Input::Paste("x".repeat(TEXT_BYTES_MAX)));
    assert!(person.status().contains("16384 of 16384 bytes"));
    person.write("y");
    person.key(KeyCode::Enter);
    assert!(person.has("A message has at most 16 KiB.") && person.published().is_empty());
    assert_eq!(person.model.saved().rooms[0].draft.len(), TEXT_BYTES_MAX + 1);
    person.key(KeyCode::Backspace);
    person.key(KeyCode::Enter);
    assert_eq!(person.published().len(), 1);
    person.input(Input::Paste("x".repeat(5 * TEXT_BYTES_MAX)));
    assert!(person.has("The text would be longer than 64 KiB."));
}

#[test]
fn earlier_messages_can_be_taken_up_again() {
    let mut person = in_lobby(60, 12);
    person.enter("first");
    person.enter("second");
    person.write("draft");
    person.key(KeyCode::Up);
    assert!(person.has("› second"));
    person.key(KeyCode::Up);
    assert!(person.has("› first"));
    person.key(KeyCode::Down);
    person.key(KeyCode::Down);
    assert!(person.has("› draft"));
}

#[test]
fn ctrl_c_clears_the_text_and_keeps_it_and_then_quits() {
    let mut person = in_lobby(80, 12);
    person.write("something long");
    person.control('c');
    assert!(person.has("The text is cleared. Up brings it back, Ctrl-C again quits.") && !person.has("something long"));
    person.key(KeyCode::Up);
    assert!(person.has("› something long"));
    person.control('c');
    person.control('c');
    assert!(person.actions.contains(&crate::Action::Quit));
}

#[test]
fn blank_texts_are_not_posted_and_rooms_have_drafts_of_their_own() {
    let mut person = in_lobby(60, 12);
    person.enter("  ");
    person.control('u');
    person.enter("");
    assert!(person.published().is_empty());
    person.write("for the lobby");
    person.enter("");
    assert_eq!(person.published().len(), 1);
    person.enter("/join tea");
    person.write("for tea");
    person.control('n');
    assert!(!person.has("for tea"));
    person.control('n');
    assert!(person.has("› for tea"));
}

#[test]
fn control_characters_that_were_pasted_are_drawn_as_pictures() {
    let mut person = in_lobby(60, 12);
    person.input(Input::Paste("a\u{1b}[2Jb\0".to_owned()));
    assert!(person.has("› a␛[2Jb"));
}
