//! The life of messages in the outbox.

use super::*;
use crate::outbox::{OUTBOX_MESSAGES_MAX, Stage};

pub(super) fn stage(harness: &Harness, name: &str) -> Option<Stage> {
    harness.core.outbox().pending().iter().find(|pending| pending.message.key == Some(key(name))).map(|pending| pending.stage.clone())
}

pub(super) fn failed(code: ErrorCode) -> Option<Stage> {
    Some(Stage::Failed { code, detail: "No.".to_owned() })
}

#[test]
fn reports_a_message_before_it_sends_it() {
    let mut harness = Harness::live();
    let actions = harness.publish("a");
    assert_eq!(actions[0], Action::Update(Update::Outbox));
    assert_eq!(sent(&actions[1..]), [(1, "a".to_owned())]);
}

#[test]
fn sends_messages_when_connected() {
    let mut harness = Harness::with(Options {
        seed: 1,
        only: Some(Transport::WebSocket),
        outbox: vec![request("a"), request("b"), request("a")],
        ..Options::default()
    });
    assert_eq!(texts(&harness.publish("c")), [""; 0]);
    harness.event(Event::Start);
    assert_eq!(texts(&harness.publish("d")), [""; 0]);
    assert_eq!(texts(&harness.greet(hello(at(1, 0), 0))), ["a", "b", "c", "d"]);
}

#[test]
fn accepts_a_key_once() {
    let mut harness = Harness::live();
    harness.publish("a");
    assert!(harness.publish("a").is_empty());
}

#[test]
fn gives_a_key_to_a_message_without_one() {
    let mut harness = Harness::live();
    for _ in 0..2 {
        harness.event(Event::Publish(PublishRequest { key: None, ..request("a") }));
    }
    let messages = harness.core.outbox().messages();
    assert!(messages[0].key.is_some() && messages[1].key.is_some() && messages[0].key != messages[1].key);
}

#[test]
fn limits_the_number_of_messages() {
    let mut harness = Harness::new(None);
    for n in 0..OUTBOX_MESSAGES_MAX {
        assert_eq!(harness.core.outbox().free_slots(), OUTBOX_MESSAGES_MAX - n);
        harness.publish(&format!("m{n}"));
    }
    assert!(harness.publish("more").is_empty());
    assert_eq!((harness.core.outbox().free_slots(), harness.outbox().len()), (0, OUTBOX_MESSAGES_MAX));
}

#[test]
fn limits_unanswered_publishes() {
    let mut harness = Harness::live();
    let actions: Vec<Action> = (0..20).flat_map(|n| harness.publish(&format!("m{n}"))).collect();
    assert_eq!(sent(&actions).len(), 8);
    assert_eq!(texts(&harness.published(1, 1)), ["m8"]);

    let limits = Limits { publishes_in_flight_max: 2, ..Limits::default() };
    assert_eq!(texts(&harness.reconnect(Hello { limits, ..hello(at(1, 0), 1) })).len(), 2);
}

#[test]
fn keeps_a_stored_message_until_its_entry_arrives() {
    let mut harness = Harness::live();
    harness.publish("a");
    let actions = harness.published(1, 3);
    let published = Published { position: at(1, 3), duplicate: false, reached: 1 };
    assert!(updates(&actions).contains(&Update::Published { key: key("a"), published }));
    assert_eq!(stage(&harness, "a"), Some(Stage::Sending));
    assert!(harness.core.outbox().messages().is_empty(), "it is durable, so it need not be stored");
    harness.receive(&ServerFrame::Message(entry(2)));
    assert_eq!(harness.outbox(), ["a"]);
    let mine = entry_of(3, "a");
    assert_eq!(updates(&harness.receive(&ServerFrame::Message(mine.clone()))), [Update::Entry(mine), Update::Outbox]);
    assert_eq!(harness.outbox(), [""; 0]);
}

#[test]
fn removes_a_message_whose_entry_arrives_before_the_answer() {
    let mut harness = Harness::live();
    harness.publish("a");
    harness.receive(&ServerFrame::Message(entry_of(1, "a")));
    assert_eq!(harness.outbox(), [""; 0]);
    assert!(matches!(updates(&harness.published(1, 1))[..], [Update::Published { .. }]));
}

/// The server is killed after it has stored the message, so only the entry tells.
#[test]
fn reports_a_stored_message_once_although_its_answer_is_lost() {
    let stored = |actions: &[Action]| {
        let published = |update| if let Update::Published { key, published } = update { Some((key, published.position)) } else { None };
        updates(actions).into_iter().filter_map(published).collect::<Vec<_>>()
    };
    // The connection ends between the entry and the answer.
    let mut harness = Harness::live();
    harness.publish("a");
    assert_eq!(stored(&harness.receive(&ServerFrame::Message(entry_of(1, "a")))), []);
    assert_eq!(stored(&harness.close(1006, "")), [(key("a"), at(1, 1))]);
    assert!(connects(&harness.tick()));
    assert_eq!(stored(&harness.greet(hello(at(1, 1), 1))), []);

    // The answer to a request is lost, before or after the entry arrives.
    for entry_comes_first in [false, true] {
        let mut harness = Harness::with(Options { after: Some(at(1, 0)), seed: 1, only: Some(Transport::Sse), ..Options::default() });
        harness.event(Event::Start);
        harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
        harness.publish("a");
        let message = Event::Received { channel: harness.channel, frame: Some(ServerFrame::Message(entry_of(1, "a"))) };
        let mut events = [message, Event::Posted { r#ref: 1, result: Err(None) }];
        if !entry_comes_first {
            events.reverse();
        }
        let [first, second] = events.map(|event| stored(&harness.event(event)));
        assert_eq!((first, second), (vec![], vec![(key("a"), at(1, 1))]));
    }
}

#[test]
fn removes_a_message_whose_entry_arrived_long_ago() {
    let mut harness = Harness::live();
    harness.receive(&ServerFrame::Message(entry(9)));
    harness.publish("a");
    harness.published(1, 4);
    assert_eq!(harness.outbox(), [""; 0]);
}

#[test]
fn removes_a_stored_message_whose_entry_is_in_a_gap() {
    for (resumes, left) in [(at(1, 3), vec![]), (at(1, 2), vec!["a"]), (at(2, 0), vec![])] {
        let mut harness = Harness::live();
        harness.publish("a");
        harness.published(1, 3);
        let reason = if resumes == at(2, 0) { GapReason::OtherEpoch } else { GapReason::Expired };
        harness.receive(&ServerFrame::Gap(gap(reason, resumes)));
        assert_eq!(harness.outbox(), left);
    }
}

#[test]
fn sends_unanswered_messages_again_in_order_with_their_keys() {
    let mut harness = Harness::live();
    for name in ["a", "b", "c"] {
        harness.publish(name);
    }
    harness.published(2, 1);
    let actions = harness.reconnect(hello(at(1, 0), 1));
    assert_eq!(sent(&actions), [(4, "a".to_owned()), (5, "c".to_owned())]);
    let keys: Vec<_> = frames(&actions)
        .filter_map(|frame| if let ClientFrame::Publish { message, .. } = frame { Some(message.key) } else { None })
        .collect();
    assert_eq!(keys, [Some(key("a")), Some(key("c"))]);
}

#[test]
fn ignores_answers_with_unknown_refs() {
    let mut harness = Harness::live();
    harness.publish("a");
    assert!(harness.published(7, 1).is_empty());
    assert!(harness.refuse(7, ErrorCode::TextTooLong, None).is_empty());
    assert!(harness.refuse(7, ErrorCode::RateLimited, Some(10)).is_empty());
    let without_ref = ServerFrame::Error { r#ref: None, code: ErrorCode::NotJson, detail: String::new(), retry_after: None };
    assert!(harness.receive(&without_ref).is_empty());
    assert_eq!(stage(&harness, "a"), Some(Stage::Sending));
}

#[test]
fn keeps_a_message_that_was_refused_for_good() {
    let mut harness = Harness::live();
    harness.publish("a");
    assert_eq!(updates(&harness.refuse(1, ErrorCode::AuthorInvalid, None)), [Update::Outbox]);
    assert_eq!(stage(&harness, "a"), failed(ErrorCode::AuthorInvalid));
    assert_eq!(harness.core.outbox().messages().len(), 1);
    assert_eq!(texts(&harness.reconnect(hello(at(1, 0), 0))), [""; 0]);
}

#[test]
fn moves_a_retried_message_to_the_end() {
    let mut harness = Harness::live();
    harness.publish("a");
    harness.refuse(1, ErrorCode::AuthorInvalid, None);
    harness.publish("b");
    assert_eq!(texts(&harness.event(Event::Retry(key("a")))), ["a"]);
    assert_eq!(harness.outbox(), ["b", "a"]);
    assert!(harness.event(Event::Retry(key("a"))).is_empty());
}

#[test]
fn does_not_retry_a_reused_key() {
    let mut harness = Harness::live();
    harness.publish("a");
    harness.refuse(1, ErrorCode::KeyReused, None);
    assert!(harness.event(Event::Retry(key("a"))).is_empty());
    assert_eq!(stage(&harness, "a"), failed(ErrorCode::KeyReused));
    // The other message with that key is not taken for this one.
    harness.receive(&ServerFrame::Message(Entry { key: Some(key("a")), ..entry(1) }));
    assert_eq!(harness.outbox(), ["a"]);
}

#[test]
fn discards_a_message() {
    let mut harness = Harness::new(None);
    harness.publish("a");
    harness.publish("b");
    assert_eq!(updates(&harness.event(Event::Discard(key("a")))), [Update::Outbox]);
    assert!(harness.event(Event::Discard(key("a"))).is_empty());
    assert_eq!(harness.outbox(), ["b"]);
}

#[test]
fn a_temporary_refusal_defers_all_messages_behind_it() {
    let mut harness = Harness::live();
    for name in ["a", "b", "c"] {
        harness.publish(name);
    }
    harness.published(1, 1);
    assert!(updates(&harness.refuse(2, ErrorCode::RateLimited, Some(3_000))).is_empty());
    harness.refuse(3, ErrorCode::RateLimited, Some(3_000));
    assert_eq!(texts(&harness.publish("d")), [""; 0]);
    assert_eq!(texts(&harness.after(2_999, Event::Tick)), [""; 0]);
    assert_eq!(stage(&harness, "b"), Some(Stage::Sending));
    // Then one at a time, until one succeeds.
    let actions = harness.tick();
    assert_eq!(sent(&actions), [(4, "b".to_owned())]);
    assert_eq!(texts(&harness.published(4, 2)), ["c", "d"]);
}

#[test]
fn a_deferred_message_waits_for_the_answers_to_later_ones() {
    let mut harness = Harness::live();
    harness.publish("a");
    harness.publish("b");
    harness.refuse(1, ErrorCode::Overloaded, Some(1_000));
    assert_eq!(texts(&harness.after(2_000, Event::Tick)), [""; 0]);
    assert_eq!(texts(&harness.refuse(2, ErrorCode::Overloaded, Some(0))), [""; 0]);
    assert_eq!(texts(&harness.tick()), ["a"]);
}

#[test]
fn stays_deferred_after_a_reconnect() {
    let mut harness = Harness::live();
    harness.publish("a");
    harness.refuse(1, ErrorCode::RateLimited, Some(30_000));
    assert_eq!(texts(&harness.reconnect(hello(at(1, 0), 0))), [""; 0]);
    assert_eq!(texts(&harness.after(31_000, Event::Tick)), ["a"]);
}

#[test]
fn backs_off_after_refusals_without_a_time() {
    let mut harness = Harness::live();
    let mut r#ref = sent(&harness.publish("a"))[0].0;
    let mut longest = 0;
    for _ in 0..12 {
        let start = harness.now;
        harness.refuse(r#ref, ErrorCode::Unavailable, None);
        r#ref = loop {
            harness.receive(&ServerFrame::Heartbeat);
            if let [(r#ref, _)] = sent(&harness.tick())[..] {
                break r#ref;
            }
        };
        assert!((500..=60_500).contains(&(harness.now - start)));
        longest = longest.max(harness.now - start);
    }
    assert!(longest > 20_000, "{longest}");
}

#[test]
fn ends_a_session_that_does_not_answer_a_publish() {
    let mut harness = Harness::live();
    harness.publish("a");
    for wait in [15_000, 14_999] {
        assert!(!closes(&harness.after(wait, Event::Tick)));
        harness.receive(&ServerFrame::Heartbeat);
    }
    assert!(harness.after(1, Event::Tick).contains(&Action::Close { channel: 1 }));
    harness.tick();
    assert_eq!(texts(&harness.greet(hello(at(1, 0), 0))), ["a"]);
}

#[test]
fn treats_an_unknown_error_code_as_an_answer() {
    for (retry_after, left) in [("", failed(ErrorCode::RequestInvalid)), (r#","retry_after":100"#, Some(Stage::Sending))] {
        let mut harness = Harness::live();
        harness.publish("a");
        harness.event(Event::Received {
            channel: 1,
            frame: ServerFrame::read(format!(r#"{{"type":"error","ref":1,"code":"mood_wrong","detail":"No."{retry_after}}}"#).as_str()),
        });
        assert_eq!(stage(&harness, "a"), left);
    }
}

#[test]
fn does_not_send_a_frame_that_is_too_long() {
    let mut harness = Harness::live();
    let text = Text::parse(&("\u{1}".repeat(protocol::limits::TEXT_BYTES_MAX - 1) + "x")).unwrap();
    let actions = harness.event(Event::Publish(PublishRequest { text, ..request("a") }));
    assert_eq!(texts(&actions), [""; 0]);
    assert!(matches!(stage(&harness, "a"), Some(Stage::Failed { code: ErrorCode::TextTooLong, .. })));
}
