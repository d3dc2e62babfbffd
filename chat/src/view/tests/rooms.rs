//! Several rooms, and commands.

use client::{Page, Update};
use crossterm::event::{KeyCode, KeyModifiers};

use super::person::{Person, at, entry, live, numbered, page, room, settings};
use crate::event::{Action, Input, Settings};

#[test]
fn rooms_are_tabs_with_their_unread_messages() {
    let mut person = Person::in_lobby(settings(60, 10), numbered(1..=2, 2));
    person.actions.clear();
    person.enter("/join Tea Time");
    assert_eq!(person.actions, [Action::Fetch { room: room("tea-time"), page: Page::Latest }]);
    person.load("tea-time", Page::Latest, page(vec![entry(1, "Cleo", "tea?")], 1));
    assert!(person.screen()[0].starts_with(" lobby   tea-time") && person.has("tea?"));
    for offset in 3..=5 {
        person.receive(entry(offset, "Bo", &format!("message {offset}")));
    }
    assert!(person.screen()[0].starts_with(" lobby 3   tea-time"));
    person.control('p');
    assert!(person.screen()[0].starts_with(" lobby   tea-time") && person.has("message 5"));
    // The unread line stands where the person left.
    let list = person.list();
    let line = list.iter().position(|row| row.contains("─ new ─")).unwrap();
    assert!(list[line - 1].ends_with("message 2") && list[line + 1].ends_with("message 3"));
    person.press(KeyCode::Char('2'), KeyModifiers::ALT);
    assert!(person.has("tea?"));
    person.control('n');
    assert!(person.has("message 5"));
    person.press(KeyCode::Char('9'), KeyModifiers::ALT);
    assert!(person.has("There is no such tab."));
}

#[test]
fn tabs_are_in_the_order_of_the_arguments() {
    let mut person = Person::with(Settings { rooms: vec![room("b"), room("a")], ..settings(60, 10) });
    assert!(person.screen()[0].starts_with(" b   a"));
    person.write("for b");
    person.control('n');
    assert!(!person.has("for b"));
}

#[test]
fn what_arrives_while_the_window_has_no_focus_is_unread() {
    let mut person = Person::in_lobby(settings(60, 10), numbered(1..=2, 2));
    person.input(Input::Focus(false));
    person.receive(entry(3, "Bo", "message 3"));
    assert!(person.screen()[0].starts_with(" lobby 1") && person.has("─ new ─"));
    person.input(Input::Focus(true));
    assert!(person.screen()[0].starts_with(" lobby") && !person.screen()[0].contains('1') && person.has("─ new ─"));
    person.enter("hello");
    assert!(!person.has("─ new ─"));
}

#[test]
fn tabs_that_do_not_fit_keep_the_one_that_is_shown() {
    let mut person = Person::in_lobby(settings(20, 8), numbered(1..=1, 1));
    for name in ["second-room", "third-room", "a-room-with-a-very-long-name", "last"] {
        person.enter(&format!("/join {name}"));
        let shown: String = name.chars().take(10).collect();
        assert!(person.screen()[0].contains(&shown), "{:?}", person.screen()[0]);
    }
    assert!(person.screen()[0].starts_with('‹'));
    person.control('n');
    assert!(person.screen()[0].starts_with(" lobby ") && person.screen()[0].ends_with('›'));
}

#[test]
fn rooms_can_be_closed_and_are_bounded() {
    let mut person = Person::in_lobby(settings(80, 10), numbered(1..=1, 1));
    person.enter("/part");
    assert!(person.has("This is the only room. /quit ends the program."));
    person.control('c');
    for number in 2..=20 {
        person.enter(&format!("/join room-{number}"));
    }
    person.enter("/join one-more");
    assert!(person.has("At most 20 rooms are open. Close one with /part.") && person.has("› /join one-more"));
    person.control('c');
    person.actions.clear();
    person.enter("/part");
    assert_eq!(person.actions, [Action::Close { room: room("room-20") }]);
    assert_eq!(person.model.rooms.len(), 19);
}

#[test]
fn the_next_run_has_the_same_rooms_and_drafts() {
    let mut person = Person::in_lobby(settings(80, 10), numbered(1..=3, 3));
    person.enter("/name  Ana Maria");
    person.enter("/join tea");
    person.write("age");
    person.wait(600);
    assert!(person.actions.contains(&Action::Save));
    let saved = person.model.saved();
    assert_eq!((saved.rooms[1].draft.as_str(), saved.rooms[0].read, saved.active), ("age", Some(at(3)), 1));
    assert_eq!(saved.author.as_str(), "Ana Maria");
    let next = Settings { saved, author: None, rooms: Vec::new(), ..settings(80, 10) };
    let mut person = Person::with(next);
    assert!(person.screen()[0].starts_with(" lobby   tea") && person.has("› age"));
    // What arrived in between is unread.
    person.load("lobby", Page::Latest, numbered(1..=5, 5));
    person.control('p');
    assert!(person.has("─ new ─"));
}

#[test]
fn a_name_can_be_changed_and_left_out() {
    let mut person = Person::in_lobby(settings(80, 10), numbered(1..=1, 1));
    person.enter("/name 小明");
    assert!(person.has("You post as 小明 now.") && person.has("Write to lobby as 小明"));
    person.enter("/name");
    assert!(person.has("You post without a name now."));
    person.enter("hi");
    assert_eq!(person.published()[0].author.as_str(), "");
    person.enter("/name a\u{200b}b");
    assert!(person.has("The name contains control or invisible characters."));
}

#[test]
fn an_unknown_command_is_not_posted_and_not_lost() {
    let mut person = Person::in_lobby(settings(100, 10), numbered(1..=1, 1));
    person.enter("/jion tea");
    assert!(person.has("There is no command /jion. /help lists all") && person.has("› /jion tea"));
    person.control('c');
    person.enter("//shrug is a text");
    assert_eq!(person.published()[0].text.as_str(), "/shrug is a text");
}

#[test]
fn the_help_lists_everything_and_scrolls() {
    for (columns, rows) in [(20, 6), (40, 12), (80, 24)] {
        let mut person = Person::in_lobby(settings(columns, rows), numbered(1..=1, 1));
        person.enter("/help");
        let mut seen = person.screen().join(" ");
        for _ in 0..200 {
            person.key(KeyCode::Down);
            seen += &person.screen().join(" ");
        }
        for word in ["PageUp", "Ctrl-N", "/join", "/discard", "/quit", "//text"] {
            assert!(seen.contains(word), "{columns}: {word}");
        }
        assert!(!seen.contains("message 1"));
        person.key(KeyCode::Esc);
        assert!(person.has("message 1"));
    }
}

#[test]
fn the_status_names_transport_and_people_and_trouble() {
    let mut person = Person::in_lobby(settings(80, 10), numbered(1..=1, 1));
    assert_eq!(person.status(), "● WebSocket · 3 online");
    let mut lost = super::person::connection(client::ConnectionState::Waiting { until: 0 });
    lost.retry_in = Some(std::time::Duration::from_secs(5));
    lost.last_error = Some("connection refused".to_owned());
    person.update("lobby", Update::Connection, lost);
    // A short interruption is not shown.
    assert_eq!(person.status(), "● WebSocket · 3 online");
    person.wait(2_000);
    assert_eq!(person.status(), "○ no connection, next try in 3 s: connection refused");
    assert_eq!(person.model.deadline(), person.time().checked_add(jiff::SignedDuration::from_secs(1)).ok());
    person.update("lobby", Update::Connection, live());
    assert_eq!(person.status(), "● WebSocket · 3 online");
    let mut narrow = Person::in_lobby(settings(20, 6), numbered(1..=1, 1));
    assert_eq!(narrow.status(), "● ws · 3 online");
}

#[test]
fn keys_for_the_terminal_reach_it() {
    let mut person = Person::in_lobby(settings(80, 10), numbered(1..=1, 1));
    person.actions.clear();
    person.control('l');
    person.control('z');
    person.input(Input::Notice("The state file can't be written.".to_owned()));
    assert!(person.has("The state file can't be written."));
    person.input(Input::Stop);
    assert_eq!(person.actions, [Action::Redraw, Action::Suspend, Action::Save, Action::Quit]);
}

#[test]
fn a_person_who_comes_back_hears_how_much_is_new() {
    let saved = crate::SavedRoom { name: room("lobby"), read: Some(at(900)), draft: String::new(), outbox: Vec::new(), own: Vec::new() };
    let saved = crate::Saved { rooms: vec![saved], ..crate::Saved::default() };
    let mut person = Person::in_lobby(Settings { saved, ..settings(80, 20) }, numbered(951..=1000, 1000));
    assert!(person.has("100 messages are new since you were here."));
    person.enter("/join tea");
    person.load("tea", Page::Latest, page(vec![entry(1, "Cleo", "tea?")], 1));
    for offset in 1001..=1030 {
        person.receive(entry(offset, "Bo", "more"));
    }
    person.control('n');
    assert!(person.has("30 messages are new since you were here."));
}
