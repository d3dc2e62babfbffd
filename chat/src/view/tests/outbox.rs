//! The person's own messages on their way.

use client::{Stage, Update};
use crossterm::event::KeyCode;
use protocol::{ErrorCode, PublishRequest};

use super::person::{Person, entry, live, page, room, settings};
use crate::event::{Action, Input};

fn failed(person: &Person) -> Vec<(PublishRequest, Stage)> {
    let stage = Stage::Failed { code: ErrorCode::TextInvalid, detail: "The board refuses it.".to_owned() };
    person.published().into_iter().map(|message| (message, stage.clone())).collect()
}

fn in_lobby() -> Person {
    Person::in_lobby(settings(80, 14), page(vec![entry(1, "Bo", "hello")], 1))
}

#[test]
fn a_message_appears_at_once_then_as_sending_then_as_posted() {
    let mut person = in_lobby();
    person.enter("hi all");
    let [.., Action::Save, Action::Publish { message, .. }] = &person.actions[..] else { panic!("{:?}", person.actions) };
    let message = message.clone();
    assert_eq!((message.text.as_str(), message.author.as_str()), ("hi all", "Ana"));
    assert_eq!(person.list().last().unwrap(), "                Ana ┊ hi all");
    assert!(person.status().contains("1 sending") && !person.has("sending…"));
    person.outbox(vec![(message.clone(), Stage::Sending)]);
    person.wait(500);
    assert_eq!(person.list()[3..], ["                Ana ┊ hi all", "                      sending…"]);
    let mut posted = entry(2, "Ana", "hi all");
    posted.key = message.key;
    person.receive(posted);
    person.outbox(Vec::new());
    assert_eq!(person.list().last().unwrap(), "12:30           Ana ┃ hi all");
    assert!(!person.has("sending"));
}

#[test]
fn without_a_connection_messages_wait_and_are_all_kept() {
    let mut person = in_lobby();
    person.disconnect();
    person.enter("one");
    assert!(person.list().last().unwrap().ends_with("waiting for the connection"));
    person.enter("two");
    assert!(person.list().last().unwrap().ends_with("2 messages are waiting for the connection"));
    assert!(person.status().ends_with("2 waiting"));
    let saved = person.model.saved();
    let texts: Vec<&str> = saved.rooms[0].outbox.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
    // The next run goes on with them.
    let next = crate::Settings { saved, ..settings(80, 14) };
    let mut person = Person::in_lobby(next, page(vec![entry(1, "Bo", "hello")], 1));
    let opened = person.actions.iter().find_map(|action| if let Action::Open { outbox, .. } = action { Some(outbox.len()) } else { None });
    assert_eq!(opened, Some(2));
    assert!(person.has("┊ one") && person.has("┊ two"));
}

#[test]
fn a_refused_message_says_why_and_can_be_retried_or_discarded() {
    let mut person = in_lobby();
    person.enter("bad words");
    let refused = failed(&person);
    person.outbox(refused.clone());
    assert_eq!(
        person.list()[3..5],
        ["                Ana ! bad words", "                    ! not posted: The board refuses it. /retry or /discard"]
    );
    assert!(person.status().contains("✗ 1 not posted"), "{}", person.status());
    person.actions.clear();
    person.enter("/retry");
    let key = refused[0].0.key.clone().unwrap();
    assert_eq!(person.actions, [Action::Retry { room: room("lobby"), key: key.clone() }]);
    person.outbox(refused);
    person.actions.clear();
    person.enter("/discard");
    assert_eq!(person.actions, [Action::Discard { room: room("lobby"), key }]);
    assert!(!person.has("bad words") && person.has("1 message is discarded"));
    // The text is not lost.
    person.key(KeyCode::Up);
    person.key(KeyCode::Up);
    assert!(person.has("› bad words"), "{:?}", person.screen());
}

#[test]
fn leaving_with_unsent_messages_asks_once() {
    let mut person = in_lobby();
    person.disconnect();
    person.enter("not yet");
    person.actions.clear();
    person.control('c');
    assert!(person.has("1 message is kept and posted the next time. Ctrl-C or /quit again quits.") && person.actions.is_empty());
    // The question has an end.
    person.wait(20_000);
    person.enter("/quit");
    assert!(person.has("1 message is kept") && !person.actions.contains(&Action::Quit));
    person.enter("/quit");
    assert!(person.actions.ends_with(&[Action::Save, Action::Quit]));
}

#[test]
fn an_own_message_from_elsewhere_or_an_earlier_run_is_recognized_by_its_key() {
    let mut person = in_lobby();
    person.enter("hi");
    let key = person.published()[0].key.clone();
    let saved = person.model.saved();
    assert_eq!(saved.rooms[0].own.first(), key.as_ref());
    let mut own = entry(2, "Ana", "hi");
    own.key = key;
    let next = crate::Settings { saved, ..settings(80, 14) };
    let mut person = Person::in_lobby(next, page(vec![entry(1, "Bo", "hello"), own, entry(3, "Ana", "not mine")], 3));
    assert!(person.has("Ana ┃ hi") && person.has("│ not mine"));
}

#[test]
fn a_subscription_that_ended_can_be_opened_again() {
    let mut person = in_lobby();
    person.input(Input::Ended { room: room("lobby"), why: "The board is full.".to_owned() });
    assert!(person.has("The connection has ended: The board is full. /reconnect tries again."));
    person.actions.clear();
    person.enter("/reconnect");
    assert!(matches!(&person.actions[..], [Action::Open { after: Some(after), .. }] if after.offset == 1), "{:?}", person.actions);
    person.update("lobby", Update::Connection, live());
    assert!(person.status().starts_with("● WebSocket · 3 online"));
}

#[test]
fn at_most_a_hundred_messages_wait() {
    let mut person = in_lobby();
    person.disconnect();
    for number in 0..100 {
        person.enter(&number.to_string());
    }
    person.enter("one more");
    assert!(person.has("Too many messages wait to be posted.") && person.has("› one more"));
    assert_eq!(person.published().len(), 100);
}
