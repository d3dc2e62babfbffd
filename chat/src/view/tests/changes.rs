//! Messages that are edited, deleted, reacted to, replied to, or wait for a moderator.

use std::time::Duration;

use client::{Page, Pending, Stage, Update};
use crossterm::event::{KeyCode, KeyModifiers};
use protocol::{Emoji, Entry, ErrorCode, Kind, MessagesPage, PublishRequest, Reaction, Tag, Text};

use super::person::{Person, at, entry, live, page, room, settings};
use crate::event::{Action, Connection};

const ME: u64 = 1;

fn by(entry: Entry, identity: u64) -> Entry {
    Entry { by: Some(Tag::from_bits(identity)), ..entry }
}

/// The author's, a message of Bo, and one of the person.
fn messages() -> Vec<Entry> {
    vec![by(entry(1, "Bo", "tea at five?"), 2), by(entry(2, "Ana", "yes"), ME), by(entry(3, "Cem", "me too"), 3)]
}

fn in_lobby() -> Person {
    let page = MessagesPage { you: Some(Tag::from_bits(ME)), ..page(messages(), 3) };
    Person::in_lobby(settings(80, 16), page)
}

fn change(offset: u64, kind: Kind, of: u64) -> Entry {
    Entry { kind, of: Some(of), ..by(Entry { text: Text::default(), ..entry(offset, "", "") }, 2) }
}

fn edit(offset: u64, of: u64, text: &str) -> Entry {
    Entry { text: Text::parse(text).unwrap(), ..change(offset, Kind::Edit, of) }
}

fn react(offset: u64, of: u64, identity: u64) -> Entry {
    by(Entry { emoji: Some(Emoji::parse("👍").unwrap()), ..change(offset, Kind::React, of) }, identity)
}

impl Person {
    fn hears(&mut self, change: Entry) {
        self.update("lobby", Update::Change(change), live());
    }

    /// What was handed over since the last call, as its kind, message and text.
    fn posts(&mut self) -> Vec<(Kind, Option<u64>, String)> {
        let published = self.published();
        self.actions.clear();
        published.into_iter().map(|message| (message.kind, message.of.or(message.reply), message.text.into())).collect()
    }
}

#[test]
fn a_screen_that_is_shown_has_one_line_until_it_is_over() {
    let mut person = in_lobby();
    person.hears(Entry { kind: Kind::Cast, ..entry(4, "Bo", "") });
    assert_eq!(person.list().last().unwrap().trim(), "— Bo is showing a screen: watch it on the room's page —");
    person.receive(entry(5, "Cem", "nice"));
    assert!(person.list().last().unwrap().contains("nice"), "the line keeps its place");
    person.hears(Entry { off: true, ..change(6, Kind::Cast, 4) });
    assert!(!person.has("is showing a screen"));
}

#[test]
fn changes_show_at_once_in_their_message() {
    let mut person = in_lobby();
    person.hears(edit(4, 1, "tea at six?"));
    assert_eq!(person.list()[2..4], ["12:30            Bo │ tea at six?", "                    │ edited"]);
    person.hears(react(5, 1, 3));
    person.hears(react(6, 1, ME));
    assert_eq!(person.list()[3], "                    │ edited  👍 2 (you)");
    person.hears(change(7, Kind::Erase, 1));
    assert_eq!(person.list()[2..4], ["12:30             · │ deleted", "12:30           Ana ┃ yes"]);
    // None of them is an unread message.
    assert!(!person.has("new"), "{:?}", person.screen());
}

#[test]
fn a_page_shows_what_became_of_its_messages() {
    let reactions = vec![Reaction { emoji: "🎉".to_owned(), count: 3, mine: false }];
    let edited = Entry { edited: Some(1), changed: 9, reactions, ..entry(1, "Bo", "six") };
    let erased = Entry { erased: true, changed: 8, ..entry(2, "", "") };
    let reply = Entry { reply: Some(1), badge: true, ..entry(3, "Mod", "no, five") };
    let to_erased = Entry { reply: Some(2), ..entry(4, "Cem", "why?") };
    let mut person = Person::sees(80, 20, vec![edited, erased, reply, to_erased]);
    assert_eq!(
        person.list()[2..],
        [
            "12:30            Bo │ six",
            "                    │ edited  🎉 3",
            "12:30             · │ deleted",
            "                    │ ↪ Bo: six",
            "12:30           Mod ◆ no, five",
            "                    │ ↪ a deleted message",
            "12:30           Cem │ why?",
        ]
    );
    // A quotation changes with its message.
    person.hears(change(10, Kind::Erase, 1));
    assert!(!person.has("six"), "{:?}", person.screen());
}

#[test]
fn commands_change_the_persons_last_message_and_answer_the_last_of_others() {
    let mut person = in_lobby();
    person.posts();
    person.enter("/edit yes please");
    person.enter("/react 🎉");
    person.enter("/reply great");
    person.enter("/erase");
    let expected = [
        (Kind::Edit, Some(2), "yes please".to_owned()),
        (Kind::React, Some(3), String::new()),
        (Kind::Message, Some(3), "great".to_owned()),
        (Kind::Erase, Some(2), String::new()),
    ];
    assert_eq!(person.posts(), expected);
    // The reply shows at once, with what it replies to.
    let list = person.list();
    assert_eq!(list[list.len() - 2..], ["                    ┊ ↪ Cem: me too", "                Ana ┊ great"], "{list:?}");
    // They are kept until they are posted.
    assert_eq!(person.model.saved().rooms[0].outbox.len(), 4);
}

#[test]
fn a_selected_message_is_the_one_that_commands_are_about() {
    let mut person = in_lobby();
    person.posts();
    let control = |person: &mut Person, code| person.press(code, KeyModifiers::CONTROL);
    for _ in 0..5 {
        control(&mut person, KeyCode::Up);
    }
    assert!(person.has("Bo ▶ tea at five?") && person.has("Selected:"), "{:?}", person.screen());
    person.enter("/react 👍");
    assert_eq!(person.posts(), [(Kind::React, Some(1), String::new())]);
    assert!(person.has("Bo │ tea at five?"));
    control(&mut person, KeyCode::Up);
    control(&mut person, KeyCode::Up);
    // An edit begins with the text that the message has.
    person.enter("/edit");
    assert!(person.has("› /edit yes"), "{:?}", person.screen());
    person.write("!");
    person.key(KeyCode::Enter);
    assert_eq!(person.posts(), [(Kind::Edit, Some(2), "yes!".to_owned())]);
    control(&mut person, KeyCode::Up);
    control(&mut person, KeyCode::Down);
    assert!(!person.has("▶"));
    control(&mut person, KeyCode::Up);
    person.key(KeyCode::Esc);
    assert!(!person.has("▶"));
}

#[test]
fn a_reaction_is_taken_back_by_the_same_command() {
    let mut person = in_lobby();
    person.hears(react(4, 3, ME));
    person.actions.clear();
    person.enter("/react 👍");
    let [PublishRequest { of: Some(3), off: true, .. }] = &person.published()[..] else { panic!("{:?}", person.actions) };
}

#[test]
fn a_change_that_was_refused_is_told_and_forgotten() {
    let mut person = in_lobby();
    person.actions.clear();
    person.enter("/edit no");
    let message = person.published().remove(0);
    assert!(person.status().contains("1 sending") && !person.has("┊"), "{:?}", person.screen());
    let key = message.key.clone().unwrap();
    let detail = ErrorCode::EditLate.title().to_owned();
    person.outbox(vec![(message, Stage::Failed { code: ErrorCode::EditLate, detail })]);
    assert!(person.has("The message was not edited: The message can no longer be edited."));
    assert!(person.actions.contains(&Action::Discard { room: room("lobby"), key }));
    assert!(person.model.saved().rooms[0].outbox.is_empty());
}

#[test]
fn a_message_that_waits_for_a_moderator_says_so() {
    let mut person = in_lobby();
    person.enter("may I?");
    let message = person.published().remove(0);
    person.outbox(vec![(message.clone(), Stage::Queued)]);
    let list = person.list();
    assert_eq!(list[list.len() - 2..], ["                Ana ┊ may I?", "                    ┊ waits for approval"]);
    assert!(person.status().ends_with("1 waits for approval") && !person.status().contains("sending"));
    // It is safe on the server: leaving asks nothing, and the next run shows it again.
    assert_eq!(person.model.saved().rooms[0].outbox, std::slice::from_ref(&message));
    let detail = "Off topic.".to_owned();
    person.outbox(vec![(message, Stage::Failed { code: ErrorCode::Rejected, detail })]);
    assert!(person.has("not posted: Off topic. /discard"));
    person.enter("/retry");
    assert!(person.has("can't be posted again as it is"));
}

#[test]
fn a_slow_room_says_how_long_a_message_waits() {
    let mut person = in_lobby();
    person.enter("again");
    let pending = Pending { message: person.published().remove(0), stage: Stage::Sending };
    let slow = Connection { outbox: Some(vec![pending]), slow_for: Some(Duration::from_millis(29_500)), ..live() };
    person.update("lobby", Update::Outbox, slow);
    assert!(person.has("The room is slow: your next message is posted in 30 s."), "{:?}", person.screen());
}

#[test]
fn only_messages_count_as_unread_after_a_pause() {
    let mut person = in_lobby();
    person.hears(react(4, 1, 2));
    let saved = person.model.saved();
    assert_eq!(saved.rooms[0].read, Some(at(4)));
    let next = crate::Settings { saved, ..settings(80, 16) };
    let person = &mut Person::with(next);
    // Two changes, and no message.
    person.load("lobby", Page::Latest, page(messages(), 6));
    person.connect();
    assert!(!person.has("new") && person.model.room().unread() == 0, "{:?}", person.screen());
}

#[test]
fn changes_of_another_log_are_not_sent() {
    let mut person = in_lobby();
    person.disconnect();
    person.enter("/edit later");
    let mut saved = person.model.saved();
    saved.rooms[0].read = Some(protocol::Position { epoch: protocol::Epoch(9), offset: 3 });
    let person = &mut Person::in_lobby(crate::Settings { saved, ..settings(80, 16) }, page(messages(), 3));
    let outbox = person.actions.iter().find_map(|action| if let Action::Open { outbox, .. } = action { Some(outbox.len()) } else { None });
    assert_eq!(outbox, Some(0));
}
