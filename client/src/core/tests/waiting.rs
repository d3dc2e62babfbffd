//! Messages that wait: for a moderator, or for their turn in a slow room.

use super::outbox::stage;
use super::*;
use crate::outbox::Stage;

fn reaction(name: &str) -> PublishRequest {
    let emoji = Some(Emoji::from_stored("👍".to_owned()));
    PublishRequest { kind: Kind::React, of: Some(1), emoji, ..request(name) }
}

/// A core whose message "a" waits for a moderator.
fn queued() -> Harness {
    let mut harness = Harness::live();
    harness.publish("a");
    assert_eq!(updates(&harness.refuse(1, ErrorCode::Queued, Some(10_000))), [Update::Outbox]);
    assert_eq!(stage(&harness, "a"), Some(Stage::Queued));
    harness
}

/// Lets time pass until something is sent. Returns its ref and text, and how long that took.
fn next_sent(harness: &mut Harness) -> (u64, String, u64) {
    let start = harness.now;
    for _ in 0..100 {
        harness.receive(&ServerFrame::Heartbeat);
        if let [(r#ref, text)] = &sent(&harness.tick())[..] {
            return (*r#ref, text.clone(), harness.now - start);
        }
    }
    panic!("nothing is sent");
}

#[test]
fn a_queued_message_holds_no_other() {
    let mut harness = Harness::live();
    let actions: Vec<Action> = ["a", "b", "c"].into_iter().flat_map(|name| harness.publish(name)).collect();
    assert_eq!(texts(&actions), ["a", "b", "c"]);
    harness.refuse(1, ErrorCode::Queued, Some(10_000));
    assert_eq!(texts(&harness.publish("d")), ["d"]);
    harness.published(2, 1);
    assert_eq!((stage(&harness, "a"), stage(&harness, "c")), (Some(Stage::Queued), Some(Stage::Sending)));
}

#[test]
fn asks_about_a_queued_message_again_and_again() {
    let mut harness = queued();
    for _ in 0..3 {
        let (r#ref, text, wait) = next_sent(&mut harness);
        assert!(text == "a" && (10_000..=12_500).contains(&wait), "{wait}");
        // Nothing is new, so nothing is reported.
        assert!(updates(&harness.refuse(r#ref, ErrorCode::Queued, Some(10_000))).is_empty());
    }
}

#[test]
fn a_queued_message_leaves_with_its_entry() {
    let mut harness = queued();
    let mine = entry_of(3, "a");
    let actions = harness.receive(&ServerFrame::Message(mine.clone()));
    assert_eq!(updates(&actions)[0], Update::Entry(mine));
    assert!(matches!(updates(&actions)[1..], [Update::Published { .. }, Update::Outbox]), "{actions:?}");
    assert!(harness.core.outbox().pending().is_empty());
}

#[test]
fn a_queued_message_that_was_approved_is_sending_until_its_entry_arrives() {
    let mut harness = queued();
    let (r#ref, ..) = next_sent(&mut harness);
    harness.published(r#ref, 5);
    assert_eq!(stage(&harness, "a"), Some(Stage::Sending));
    harness.receive(&ServerFrame::Message(entry_of(5, "a")));
    assert!(harness.core.outbox().pending().is_empty());
}

#[test]
fn a_rejected_message_says_why_and_is_not_sent_again() {
    let mut harness = queued();
    let (r#ref, ..) = next_sent(&mut harness);
    harness.refuse(r#ref, ErrorCode::Rejected, None);
    let Some(Stage::Failed { code: ErrorCode::Rejected, detail }) = stage(&harness, "a") else { panic!() };
    assert_eq!(detail, "No.");
    assert!(harness.event(Event::Retry(key("a"))).is_empty());
}

/// The room was closed between the first try, whose answer was lost, and the second one.
#[test]
fn a_message_that_was_refused_after_it_was_stored_leaves_with_its_entry() {
    let mut harness = Harness::live();
    harness.publish("a");
    harness.refuse(1, ErrorCode::RoomClosed, None);
    assert!(stage(&harness, "a").unwrap().can_retry());
    harness.receive(&ServerFrame::Message(entry_of(1, "a")));
    assert!(harness.core.outbox().pending().is_empty());
}

#[test]
fn a_queued_message_survives_reconnects_and_restarts() {
    let mut harness = queued();
    assert_eq!(texts(&harness.reconnect(hello(at(1, 0), 0))), [""; 0]);
    assert_eq!(next_sent(&mut harness).1, "a");
    let outbox = harness.core.outbox().messages();
    let mut next = Harness::with(Options { outbox, seed: 2, only: Some(Transport::WebSocket), ..Options::default() });
    next.event(Event::Start);
    assert_eq!(texts(&next.greet(hello(at(1, 0), 0))), ["a"]);
}

#[test]
fn a_discarded_message_is_not_asked_about() {
    let mut harness = queued();
    harness.event(Event::Discard(key("a")));
    harness.publish("b");
    harness.published(2, 1);
    for _ in 0..20 {
        harness.receive(&ServerFrame::Heartbeat);
        assert_eq!(texts(&harness.tick()), [""; 0]);
    }
}

#[test]
fn over_http_a_queued_message_waits_as_well() {
    let mut harness = Harness::with(Options { after: Some(at(1, 0)), seed: 1, only: Some(Transport::Poll), ..Options::default() });
    harness.event(Event::Start);
    harness.page(Ok(page(&[], 0)));
    harness.publish("a");
    let problem = Problem { retry_after: Some(10_000), ..ErrorCode::Queued.into() };
    harness.event(Event::Posted { r#ref: 1, result: Err(Some(problem)) });
    assert_eq!(stage(&harness, "a"), Some(Stage::Queued));
    let actions = harness.publish("b");
    assert!(actions.iter().any(|action| matches!(action, Action::Post { r#ref: 2, .. })), "{actions:?}");
}

#[test]
fn a_slow_room_delays_messages_but_no_changes() {
    let mut harness = Harness::live();
    for name in ["a", "b", "c"] {
        harness.publish(name);
    }
    harness.published(1, 1);
    harness.receive(&ServerFrame::Message(entry_of(1, "a")));
    for r#ref in [2, 3] {
        assert_eq!(updates(&harness.refuse(r#ref, ErrorCode::SlowMode, Some(300_000))), [Update::Outbox]);
    }
    assert!(harness.core.outbox().slow_until() >= harness.now + 300_000);
    assert_eq!(texts(&harness.event(Event::Publish(reaction("r")))), [""]);
    harness.published(4, 2);
    harness.receive(&ServerFrame::Change(Entry { kind: Kind::React, of: Some(1), key: Some(key("r")), ..entry(2) }));
    // The messages keep their order.
    let (r#ref, text, wait) = next_sent(&mut harness);
    assert!(text == "b" && (300_000..=300_250).contains(&wait), "{text} after {wait}");
    assert_eq!(texts(&harness.published(r#ref, 3)), ["c"]);
}

#[test]
fn new_settings_end_the_wait_of_a_slow_room() {
    let mut harness = Harness::live();
    harness.publish("a");
    harness.refuse(1, ErrorCode::SlowMode, Some(300_000));
    let actions = harness.receive(&ServerFrame::Change(Entry { kind: Kind::Room, ..entry(1) }));
    assert_eq!(texts(&actions), ["a"]);
}
