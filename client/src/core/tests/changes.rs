//! Changes of messages: how they arrive, and their life in the outbox.

use protocol::Disconnect;

use super::outbox::{failed, stage};
use super::*;
use crate::outbox::Stage;

fn edit(name: &str, of: u64) -> PublishRequest {
    PublishRequest { kind: Kind::Edit, of: Some(of), ..request(name) }
}

fn change(offset: u64, name: &str, of: u64) -> Entry {
    Entry { kind: Kind::Edit, of: Some(of), ..entry_of(offset, name) }
}

fn problem(code: ErrorCode) -> Option<Problem> {
    Some(code.into())
}

#[test]
fn messages_and_changes_arrive_in_one_order_each_once() {
    let mut harness = Harness::live();
    let edit = change(2, "b", 1);
    assert_eq!(updates(&harness.receive(&ServerFrame::Message(entry(1)))), [Update::Entry(entry(1))]);
    assert_eq!(updates(&harness.receive(&ServerFrame::Change(edit.clone()))), [Update::Change(edit.clone())]);
    assert!(harness.receive(&ServerFrame::Change(edit)).is_empty());
    assert_eq!(harness.core.position(), Some(at(1, 2)));
}

#[test]
fn a_page_has_messages_and_changes() {
    let mut harness = Harness::with(Options { after: Some(at(1, 0)), seed: 1, only: Some(Transport::Poll), ..Options::default() });
    harness.event(Event::Start);
    let entries = vec![entry(1), change(2, "b", 1)];
    let actions = harness.page(Ok(MessagesPage { entries: entries.clone(), ..page(&[], 2) }));
    let [message, change] = entries.try_into().unwrap();
    assert!(updates(&actions).starts_with(&[Update::Connection]) || updates(&actions).contains(&Update::Entry(message)));
    assert!(updates(&actions).contains(&Update::Change(change)));
    assert_eq!(harness.core.position(), Some(at(1, 2)));
}

#[test]
fn a_change_is_sent_in_order_and_leaves_when_its_entry_arrives() {
    let mut harness = Harness::live();
    harness.publish("a");
    let actions = harness.event(Event::Publish(edit("b", 1)));
    assert_eq!(texts(&actions), ["b"]);
    harness.published(1, 1);
    harness.published(2, 2);
    assert_eq!(harness.outbox(), ["a", "b"]);
    harness.receive(&ServerFrame::Message(entry_of(1, "a")));
    assert_eq!(harness.outbox(), ["b"]);
    // The message was erased meanwhile, and the text of its edit with it.
    harness.receive(&ServerFrame::Change(Entry { text: Text::default(), ..change(2, "b", 1) }));
    assert_eq!(harness.outbox(), [""; 0]);
}

/// It changes nothing, so it has no entry of its own.
#[test]
fn a_change_without_effect_leaves_with_its_answer() {
    let mut harness = Harness::live();
    harness.receive(&ServerFrame::Message(entry(5)));
    harness.event(Event::Publish(edit("b", 5)));
    let published = Published { position: at(1, 5), duplicate: true, reached: 1 };
    let actions = harness.receive(&ServerFrame::Published { r#ref: 1, published: published.clone() });
    assert!(updates(&actions).contains(&Update::Published { key: key("b"), published }));
    assert_eq!(harness.outbox(), [""; 0]);
}

#[test]
fn knows_its_message_again_that_was_changed_before_it_arrived() {
    let edited = Entry { text: Text::parse("other").unwrap(), changed: 3, ..entry_of(1, "a") };
    let erased = Entry { text: Text::default(), erased: true, changed: 3, ..entry_of(1, "a") };
    for folded in [edited, erased] {
        let mut harness = Harness::live();
        harness.publish("a");
        harness.reconnect(hello(at(1, 0), 3));
        harness.receive(&ServerFrame::Message(folded));
        assert_eq!(harness.outbox(), [""; 0]);
    }
}

#[test]
fn a_refused_change_stays_until_it_is_discarded() {
    let mut harness = Harness::live();
    harness.event(Event::Publish(edit("b", 1)));
    harness.refuse(1, ErrorCode::MessageGone, None);
    assert_eq!(stage(&harness, "b"), failed(ErrorCode::MessageGone));
    assert!(!stage(&harness, "b").unwrap().can_retry() && harness.event(Event::Retry(key("b"))).is_empty());
    harness.event(Event::Discard(key("b")));
    assert_eq!(harness.outbox(), [""; 0]);
}

/// There, another message has the offset.
#[test]
fn changes_are_not_sent_to_another_log() {
    let mut harness = Harness::new(Some(at(1, 7)));
    harness.event(Event::Publish(edit("b", 5)));
    harness.event(Event::Publish(PublishRequest { reply: Some(5), ..request("a") }));
    harness.event(Event::Start);
    let gap = Some(gap(GapReason::OtherEpoch, at(2, 0)));
    let actions = harness.greet(Hello { recovered: false, gap, ..hello(at(2, 0), 9) });
    assert_eq!(texts(&actions), ["a"]);
    assert!(matches!(stage(&harness, "b"), Some(Stage::Failed { code: ErrorCode::MessageGone, .. })));
    assert_eq!(harness.core.outbox().pending()[1].message.reply, None);
}

#[test]
fn stops_for_good_when_its_access_ends() {
    let mut harness = Harness::live();
    harness.close(Disconnect::AccessEnded.code(), "access ended");
    assert_eq!(harness.core.connection(), ConnectionState::Stopped { code: Some(4501) });
    assert_eq!(harness.core.deadline(), None);
    for code in [ErrorCode::NotFound, ErrorCode::AccessKeyUnknown] {
        let mut harness = Harness::with(Options { after: Some(at(1, 0)), seed: 1, only: Some(Transport::LongPoll), ..Options::default() });
        harness.event(Event::Start);
        harness.page(Ok(page(&[1], 1)));
        harness.tick();
        let actions = harness.page(Err(problem(code)));
        assert!(closes(&actions) && harness.core.deadline().is_none());
        assert_eq!(harness.core.connection(), ConnectionState::Stopped { code: Some(4501) });
    }
}
