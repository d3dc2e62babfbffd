//! Scrolling through history.

use client::Page;
use crossterm::event::{KeyCode, KeyModifiers, MouseEvent, MouseEventKind};

use super::person::{Person, at, entry, numbered, page, room, settings};
use crate::event::{Action, Input};

/// A person in a room with 1,000 messages, whose newest 50 are loaded.
fn in_long_room() -> Person {
    Person::in_lobby(settings(80, 24), numbered(951..=1000, 1000))
}

fn fetches(person: &mut Person) -> Vec<Page> {
    let actions = std::mem::take(&mut person.actions);
    actions.iter().filter_map(|action| if let Action::Fetch { page, .. } = action { Some(*page) } else { None }).collect()
}

#[test]
fn what_the_person_reads_stays_while_ten_thousand_messages_arrive() {
    let mut person = in_long_room();
    person.key(KeyCode::PageUp);
    let before = person.list();
    assert!(before.iter().any(|row| row.ends_with("message 970")) && !person.has("message 1000"));
    for offset in 1001..=11_000 {
        person.receive(entry(offset, "Bo", &format!("message {offset}")));
        if offset % 1_000 == 0 {
            assert_eq!(person.list(), before);
        }
    }
    assert!(person.status().contains("↓ 10000 new"), "{}", person.status());
    fetches(&mut person);
    person.key(KeyCode::End);
    assert_eq!(fetches(&mut person), [Page::Latest]);
    person.load("lobby", Page::Latest, numbered(10_951..=11_000, 11_000));
    assert!(person.list().last().unwrap().ends_with("message 11000") && !person.status().contains("new"));
    person.receive(entry(11_001, "Bo", "live again"));
    assert!(person.list().last().unwrap().ends_with("live again"));
}

#[test]
fn older_pages_are_loaded_and_nothing_moves() {
    let mut person = in_long_room();
    person.key(KeyCode::PageUp);
    assert_eq!(fetches(&mut person).last(), Some(&Page::Before(at(951))));
    person.key(KeyCode::PageUp);
    assert_eq!(fetches(&mut person), []);
    assert!(person.list()[0].trim() == "loading…", "{:?}", person.list());
    let before: Vec<String> = person.list().into_iter().skip(2).collect();
    person.load("lobby", Page::Before(at(951)), numbered(901..=950, 950));
    let list = person.list();
    assert_eq!(list[list.len() - before.len() + 1..], before[1..]);
    assert!(list[1].ends_with("message 950"), "{list:?}");
    // Back to the end, through all that is loaded.
    person.press(KeyCode::Down, KeyModifiers::SHIFT);
    person.key(KeyCode::PageDown);
    person.key(KeyCode::PageDown);
    person.key(KeyCode::PageDown);
    assert!(person.list().last().unwrap().ends_with("message 1000"));
    person.receive(entry(1001, "Bo", "and it follows"));
    assert!(person.has("and it follows"));
}

#[test]
fn a_failed_load_says_so_and_is_tried_again() {
    let mut person = in_long_room();
    person.key(KeyCode::Home);
    assert_eq!(fetches(&mut person).last(), Some(&Page::Before(at(951))));
    let failed = |person: &mut Person| {
        person.input(Input::Page { room: room("lobby"), asked: Page::Before(at(951)), result: Err("no answer.".to_owned()) });
    };
    failed(&mut person);
    assert_eq!(person.list()[0].trim(), "Older messages could not be loaded: no answer. PageUp tries again.");
    person.key(KeyCode::PageUp);
    assert_eq!(fetches(&mut person), [Page::Before(at(951))]);
    person.load("lobby", Page::Before(at(951)), numbered(901..=950, 950));
    assert!(person.has("message 950"));
}

#[test]
fn memory_is_bounded_on_the_way_up_and_down() {
    let mut person = in_long_room();
    let mut first = 951;
    while first > 1 {
        person.key(KeyCode::Home);
        let Some(Page::Before(before)) = fetches(&mut person).pop() else { panic!("nothing was asked for at {first}") };
        assert_eq!(before, at(first));
        first -= 50;
        person.load("lobby", Page::Before(before), numbered(first..=first + 49, first + 49));
    }
    assert_eq!(first, 1);
    person.key(KeyCode::Home);
    let list = person.list();
    assert_eq!((list[0].trim(), list[2].ends_with("message 1")), ("the room begins here", true));
    // Downwards, the pages that were dropped are loaded again.
    let mut last = 0;
    for _ in 0..200 {
        person.key(KeyCode::PageDown);
        if let Some(Page::After(after)) = fetches(&mut person).pop() {
            last = (after.offset + 50).min(1000);
            person.load("lobby", Page::After(after), numbered(after.offset + 1..=last, 1000));
        }
    }
    assert_eq!(last, 1000);
    assert!(person.list().last().unwrap().ends_with("message 1000"));
}

#[test]
fn the_wheel_and_shifted_arrows_scroll_by_rows() {
    let mut person = in_long_room();
    let last = |person: &mut Person| person.list().last().unwrap().rsplit(' ').next().unwrap().to_owned();
    let wheel = |kind| Input::Mouse(MouseEvent { kind, column: 1, row: 1, modifiers: KeyModifiers::NONE });
    person.input(wheel(MouseEventKind::ScrollUp));
    assert_eq!(last(&mut person), "997");
    assert!(person.status().ends_with("↓ End"), "{}", person.status());
    person.press(KeyCode::Up, KeyModifiers::ALT);
    assert_eq!(last(&mut person), "996");
    person.press(KeyCode::Down, KeyModifiers::SHIFT);
    person.input(wheel(MouseEventKind::ScrollDown));
    assert_eq!(last(&mut person), "1000");
}

#[test]
fn a_resize_keeps_the_message_that_is_read() {
    let text = |offset| (0..40).map(|word| format!("{offset}x{word}")).collect::<Vec<_>>().join(" ");
    let mut person = Person::in_lobby(settings(100, 30), page((1..=100).map(|offset| entry(offset, "Bo", &text(offset))).collect(), 100));
    person.key(KeyCode::PageUp);
    person.press(KeyCode::Up, KeyModifiers::SHIFT);
    let first = person.list()[0].split("│ ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    for (columns, rows) in [(30, 20), (200, 20), (20, 6), (100, 30)] {
        person.resize(columns, rows);
        assert!(person.has(&first), "{columns}: {first} in {:?}", person.list());
    }
}

#[test]
fn a_room_that_does_not_fill_the_screen_loads_more_by_itself() {
    let mut person = Person::with(settings(80, 70));
    fetches(&mut person);
    person.load("lobby", Page::Latest, numbered(951..=1000, 1000));
    assert_eq!(fetches(&mut person), [Page::Before(at(951))]);
    person.load("lobby", Page::Before(at(951)), numbered(901..=950, 950));
    assert!(person.list().last().unwrap().ends_with("message 1000") && fetches(&mut person).is_empty());
    assert_eq!(person.list().len(), usize::from(person.model.screen().list.height));
}

#[test]
fn only_what_is_on_the_screen_is_laid_out_in_a_flood() {
    let mut person = in_long_room();
    for offset in 1001..=3_000 {
        person.receive(entry(offset, "Bo", &"x".repeat(16 * 1024)));
    }
    assert!(person.has("more lines"));
    assert!(person.model.room().laid_out() < 24, "{}", person.model.room().laid_out());
}
