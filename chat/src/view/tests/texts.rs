//! How messages look.

use client::{Page, Update};
use protocol::{Gap, GapReason};
use ratatui::style::{Color, Modifier};

use super::person::{Person, at, entry, live, numbered, page, settings};
use crate::event::{Colours, Settings};
use crate::is_harmful;

const LONG: &str = "the quick brown fox jumps over the lazy dog, again and again, until everybody is asleep";

#[test]
fn wide_screens_have_columns_for_time_name_and_text() {
    let mut person = Person::sees(80, 12, vec![entry(1, "Bo", "hello"), entry(2, "Bo", LONG), entry(3, "小明", "你好")]);
    assert_eq!(
        person.list(),
        [
            "                              the room begins here",
            "                              — Sat 28 Nov 2026 —",
            "12:30            Bo │ hello",
            "12:30               │ the quick brown fox jumps over the lazy dog, again and",
            "                    │ again, until everybody is asleep",
            "12:30          小明 │ 你好",
        ]
    );
    let mut wide = Person::sees(120, 8, vec![entry(2, "Bo", LONG)]);
    assert_eq!(wide.list().last().unwrap(), &format!("12:30               Bo │ {LONG}"));
}

#[test]
fn narrow_screens_have_the_name_above_the_text() {
    let mut person = Person::sees(20, 12, vec![entry(1, "Bo", "hello there"), entry(2, "Bo", "one two three four"), entry(3, "", "x")]);
    assert_eq!(
        person.list(),
        ["the room begins here", "— Sat 28 Nov 2026 —", "Bo 12:30", "│ hello there", "│ one two three four", "· 12:30", "│ x",]
    );
    let mut middle = Person::sees(40, 9, vec![entry(1, "Bo", LONG)]);
    assert_eq!(
        middle.list()[2..],
        ["Bo 12:30", "│ the quick brown fox jumps over the", "│ lazy dog, again and again, until", "│ everybody is asleep"]
    );
}

#[test]
fn a_terminal_that_is_too_small_shows_one_sentence() {
    let mut person = Person::sees(19, 10, vec![entry(1, "Bo", "hello")]);
    assert_eq!(person.screen()[..2], ["The terminal is too", "small"]);
    person.resize(20, 5);
    assert!(person.has("hello"));
    person.resize(80, 4);
    assert_eq!(person.screen()[0], "The terminal is too small");
    for (columns, rows) in [(1, 1), (1, 40), (200, 1)] {
        person.resize(columns, rows);
        person.screen();
    }
}

#[test]
fn no_command_for_the_terminal_comes_from_others() {
    let evil = "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m \u{202e}evil\u{2066} \u{1b}]8;;http://x\u{1b}\\";
    let mut settings = settings(80, 12);
    settings.links = true;
    let mut person = Person::in_lobby(settings, page(vec![entry(1, "Bo\u{1b}[31m\u{202e}", evil)], 1));
    // Our own mark of the link is the only one.
    let mark = "\u{1b}]8;id=64;http://x\u{1b}\\http://x\u{1b}]8;;\u{1b}\\";
    let screen = person.screen().join("\n");
    assert_eq!(screen.matches(mark).count(), 1);
    let screen = screen.replace(mark, "");
    assert!(!screen.contains(|c| is_harmful(c) && c != '\n'), "{screen:?}");
    assert!(screen.contains("␛]0;title␇␛[2J"), "{screen}");
}

#[test]
fn a_name_from_right_to_left_does_not_change_places_with_the_text() {
    let mut person = Person::sees(80, 8, vec![entry(1, "שלום", "שלום עולם"), entry(2, "Bo", "hello")]);
    let list = person.list();
    assert!(list[2].contains("שלום │ \u{200e}שלום עולם"), "{list:?}");
    assert_eq!(list[3], "12:30            Bo │ hello");
    let mut narrow = Person::sees(30, 8, vec![entry(1, "שלום", "hello")]);
    assert_eq!(narrow.list()[2], "שלום \u{200e}12:30");
}

#[test]
fn wide_and_combined_characters_keep_the_columns() {
    let text = "👨‍👩‍👧‍👦 e\u{301} ❤\u{fe0f} 한국 ｶﾞ";
    let mut person = Person::sees(80, 8, vec![entry(1, "小明小明小明小明", text), entry(2, "👍🏽👍🏽", "x")]);
    let list = person.list();
    assert_eq!(list[2], "12:30 小明小明小明… │ 👨‍👩‍👧‍👦 e\u{301} ❤\u{fe0f} 한국 ｶﾞ");
    assert_eq!(list[3], "12:30          👍🏽👍🏽 │ x");
}

#[test]
fn a_long_text_without_spaces_is_folded_and_can_be_shown_whole() {
    let mut person = Person::sees(80, 24, vec![entry(1, "Bo", "before"), entry(2, "Bo", &"x".repeat(16 * 1024))]);
    let list = person.list();
    assert_eq!(list.last().unwrap().trim_start(), "│ … 271 more lines: Ctrl-O");
    assert_eq!(list.len(), 16);
    person.control('o');
    let list = person.list();
    // The screen begins with what it began with.
    assert_eq!(list[2], "12:30            Bo │ before");
    assert_eq!(list.len(), 21);
    person.control('o');
    assert!(person.has("271 more lines"));
}

#[test]
fn many_lines_stay_lines() {
    let mut person = Person::sees(80, 10, vec![entry(1, "Bo", "one\n\n\ttwo")]);
    assert_eq!(person.list()[2..], ["12:30            Bo │ one", "                    │", "                    │     two"]);
}

#[test]
fn days_gaps_and_unread_messages_have_lines() {
    let mut first = entry(1, "Bo", "yesterday");
    first.time -= 24 * 3600 * 1000;
    let mut settings = settings(60, 14);
    settings.saved.rooms = vec![crate::SavedRoom {
        name: super::person::room("lobby"),
        read: Some(at(1)),
        draft: String::new(),
        outbox: Vec::new(),
        own: Vec::new(),
    }];
    let mut person = Person::in_lobby(settings, page(vec![first, entry(2, "Bo", "today")], 2));
    let gap = Gap { reason: GapReason::Expired, first: at(9), resumes: at(9) };
    person.update("lobby", Update::Gap(gap), live());
    person.receive(entry(10, "Bo", "later"));
    let list = person.list();
    assert_eq!(list[1].trim(), "— Fri 27 Nov 2026 —");
    assert_eq!(list[3].trim(), "— Sat 28 Nov 2026 —");
    assert_eq!(list[4], format!("{} new {}", "─".repeat(27), "─".repeat(28)));
    assert_eq!(list[6].trim(), "— 7 messages are no longer kept —");
    assert_eq!(list[7], "12:30         Bo │ later");
    let gap = Gap { reason: GapReason::OtherEpoch, first: at(0), resumes: protocol::Position { epoch: protocol::Epoch(2), offset: 0 } };
    person.update("lobby", Update::Gap(gap), live());
    assert!(person.has("— the board's history was replaced —") && !person.has("later"));
}

#[test]
fn names_have_steady_colours_and_none_where_there_are_none() {
    let entries = || vec![entry(1, "Bo", "one"), entry(2, "小明", "two"), entry(3, "Bo", "three")];
    let colours = |settings: Settings| {
        let mut person = Person::in_lobby(settings, page(entries(), 3));
        let buffer = person.buffer();
        let bold = buffer.content.iter().filter(|cell| cell.symbol() == "B" && cell.modifier.contains(Modifier::BOLD));
        let names: Vec<Color> = bold.map(|cell| cell.fg).collect();
        let all: Vec<Color> = buffer.content.iter().flat_map(|cell| [cell.fg, cell.bg]).collect();
        (names, all)
    };
    let (names, _) = colours(settings(80, 12));
    assert!(matches!(names[..], [Color::Indexed(one), Color::Indexed(other)] if one == other), "{names:?}");
    let (names, all) = colours(Settings { colours: Colours::Sixteen, ..settings(80, 12) });
    assert!(names[0] != Color::Reset && !all.iter().any(|colour| matches!(colour, Color::Indexed(_) | Color::Rgb(..))));
    let (_, all) = colours(Settings { colours: Colours::None, ..settings(80, 12) });
    assert!(all.iter().all(|colour| *colour == Color::Reset));
}

#[test]
fn a_link_can_be_opened_also_where_it_is_wrapped() {
    let link = "https://example.org/".to_owned() + &"path/".repeat(12);
    let mut settings = settings(80, 10);
    settings.links = true;
    let mut person = Person::in_lobby(settings, page(vec![entry(1, "Bo", &format!("see {link}, or not"))], 1));
    let buffer = person.buffer();
    let marks: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).filter(|symbol| symbol.starts_with('\u{1b}')).collect();
    let open = format!("\u{1b}]8;id=64;{link}\u{1b}\\");
    assert_eq!(marks.len(), 2);
    assert!(marks.iter().all(|mark| mark.starts_with(&open) && mark.ends_with("\u{1b}]8;;\u{1b}\\")), "{marks:?}");
}

#[test]
fn a_terminal_without_unicode_gets_ascii() {
    let mut settings = settings(80, 12);
    settings.is_utf8 = false;
    let mut person = Person::in_lobby(settings, numbered(1..=1, 1));
    person.receive(entry(2, "小明", "你好 – “café”…\u{1b}"));
    let screen = person.screen();
    assert!(screen.iter().all(|row| row.is_ascii()), "{screen:?}");
    assert!(screen.iter().any(|row| row == "12:30            ?? | ?? - \"caf?\"...?"), "{screen:?}");
}

#[test]
fn a_first_page_that_fails_is_loaded_when_there_is_a_connection() {
    let mut person = Person::with(settings(60, 10));
    assert!(person.has("loading…"));
    let failed = crate::Input::Page { room: super::person::room("lobby"), asked: Page::Latest, result: Err("no server".to_owned()) };
    person.input(failed);
    assert!(matches!(&person.actions[..], [crate::Action::Fetch { .. }, crate::Action::Open { after: None, .. }]), "{:?}", person.actions);
    // What arrives before the page is not lost.
    person.update("lobby", Update::StartsAt(at(4)), live());
    person.receive(entry(5, "Bo", "five"));
    person.receive(entry(6, "Bo", "six"));
    person.load("lobby", Page::Latest, numbered(1..=5, 5));
    assert!(person.has("message 4") && person.has("six"));
}
