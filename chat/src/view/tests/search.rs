//! Finding words.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::style::Modifier;

use super::person::{Person, entry, settings};

fn in_room_about_tea() -> Person {
    let texts = (1..=60).map(|offset| match offset {
        5 => "x ".repeat(600) + "hidden Tea",
        20 => "Tea and tea".to_owned(),
        50 => "no TEA left".to_owned(),
        _ => format!("message {offset}"),
    });
    let entries = (1..).zip(texts).map(|(offset, text)| entry(offset, "Bo", &text)).collect();
    Person::in_lobby(settings(80, 20), super::person::page(entries, 60))
}

/// The words that are highlighted on the screen.
fn highlighted(person: &mut Person) -> String {
    let buffer = person.buffer();
    let list = person.model.screen().list;
    let cells = buffer.content.iter().skip(usize::from(list.y) * 80).take(usize::from(list.height) * 80);
    cells.filter(|cell| cell.modifier.contains(Modifier::REVERSED)).map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn goes_through_what_was_found_and_highlights_it() {
    let mut person = in_room_about_tea();
    person.control('f');
    person.write("tea");
    person.key(KeyCode::Enter);
    assert!(person.has("no TEA left") && person.has("Find: tea  1 of 3"));
    assert_eq!(highlighted(&mut person), "TEA");
    person.key(KeyCode::Char('n'));
    assert!(person.has("Tea and tea") && person.has("2 of 3"));
    assert_eq!(highlighted(&mut person), "Teatea");
    // What is folded is shown.
    person.key(KeyCode::Enter);
    assert!(person.has("hidden Tea") && person.has("3 of 3"));
    person.key(KeyCode::Char('n'));
    assert!(person.has("Nothing older was found in what is loaded."));
    person.key(KeyCode::Char('N'));
    person.press(KeyCode::Enter, KeyModifiers::SHIFT);
    assert!(person.has("no TEA left"));
    person.key(KeyCode::Esc);
    assert!(!person.has("Find:"));
    assert_eq!(highlighted(&mut person), "");
}

#[test]
fn a_command_searches_too_and_writing_goes_on() {
    let mut person = in_room_about_tea();
    person.enter("/search left");
    assert!(person.has("Find: left  1 of 1"));
    person.write("yes");
    assert!(person.has("› yes"));
    person.control('f');
    person.write("nowhere");
    person.key(KeyCode::Enter);
    assert!(person.has("not found in what is loaded"));
    person.key(KeyCode::Esc);
    assert!(person.has("› yes"));
}
