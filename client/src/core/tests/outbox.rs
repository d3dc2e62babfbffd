//! What becomes of messages on their way.

use super::*;
use crate::outbox::{OUTBOX_MESSAGES_MAX, Stage};

fn stage(desk: &Desk, name: &str) -> Option<Stage> {
    desk.core.outbox().pending().iter().find(|pending| pending.message.key == Some(key(name))).map(|pending| pending.stage.clone())
}

fn failed(code: ErrorCode) -> Option<Stage> {
    Some(Stage::Failed { code, detail: "No.".to_owned() })
}

#[test]
fn a_message_is_kept_before_it_is_sent() {
    let mut desk = Desk::live();
    let actions = desk.publish("a");
    assert_eq!(actions[0], Action::Update(Update::Outbox));
    assert_eq!(sent(&actions[1..]), [(1, "a".to_owned())]);
}

#[test]
fn a_message_waits_for_a_connection() {
    let mut desk = Desk::with(Options {
        seed: 1,
        only: Some(Transport::WebSocket),
        outbox: vec![request("a"), request("b"), request("a")],
        ..Options::default()
    });
    assert_eq!(texts(&desk.publish("c")), [""; 0]);
    desk.event(Event::Start);
    assert_eq!(texts(&desk.publish("d")), [""; 0]);
    assert_eq!(texts(&desk.greet(hello(at(1, 0), 0))), ["a", "b", "c", "d"]);
}

#[test]
fn a_key_is_taken_once() {
    let mut desk = Desk::live();
    desk.publish("a");
    assert!(desk.publish("a").is_empty());
}

#[test]
fn a_message_without_a_key_is_given_one() {
    let mut desk = Desk::live();
    for _ in 0..2 {
        desk.event(Event::Publish(PublishRequest { key: None, ..request("a") }));
    }
    let messages = desk.core.outbox().messages();
    assert!(messages[0].key.is_some() && messages[1].key.is_some() && messages[0].key != messages[1].key);
}

#[test]
fn the_outbox_has_a_bound() {
    let mut desk = Desk::new(None);
    for n in 0..OUTBOX_MESSAGES_MAX {
        assert_eq!(desk.core.outbox().free_slots(), OUTBOX_MESSAGES_MAX - n);
        desk.publish(&format!("m{n}"));
    }
    assert!(desk.publish("more").is_empty());
    assert_eq!((desk.core.outbox().free_slots(), desk.outbox().len()), (0, OUTBOX_MESSAGES_MAX));
}

#[test]
fn unanswered_publishes_are_bounded() {
    let mut desk = Desk::live();
    let actions: Vec<Action> = (0..20).flat_map(|n| desk.publish(&format!("m{n}"))).collect();
    assert_eq!(sent(&actions).len(), 8);
    assert_eq!(texts(&desk.published(1, 1)), ["m8"]);

    let limits = Limits { publishes_in_flight_max: 2, ..Limits::default() };
    assert_eq!(texts(&desk.reconnect(Hello { limits, ..hello(at(1, 0), 1) })).len(), 2);
}

#[test]
fn an_answered_message_stays_until_its_entry_is_seen() {
    let mut desk = Desk::live();
    desk.publish("a");
    let actions = desk.published(1, 3);
    let published = Published { position: at(1, 3), duplicate: false, reached: 1 };
    assert!(updates(&actions).contains(&Update::Published { key: key("a"), published }));
    assert_eq!(stage(&desk, "a"), Some(Stage::Sending));
    assert!(desk.core.outbox().messages().is_empty(), "it is durable, so nobody need keep it");
    desk.say(&ServerFrame::Message(entry(2)));
    assert_eq!(desk.outbox(), ["a"]);
    let mine = entry_of(3, "a");
    assert_eq!(updates(&desk.say(&ServerFrame::Message(mine.clone()))), [Update::Entry(mine), Update::Outbox]);
    assert_eq!(desk.outbox(), [""; 0]);
}

#[test]
fn an_entry_that_is_seen_before_its_answer_ends_the_wait_too() {
    let mut desk = Desk::live();
    desk.publish("a");
    desk.say(&ServerFrame::Message(entry_of(1, "a")));
    assert_eq!(desk.outbox(), [""; 0]);
    assert!(matches!(updates(&desk.published(1, 1))[..], [Update::Published { .. }]));
}

#[test]
fn an_answer_for_what_was_seen_long_ago_ends_the_wait() {
    let mut desk = Desk::live();
    desk.say(&ServerFrame::Message(entry(9)));
    desk.publish("a");
    desk.published(1, 4);
    assert_eq!(desk.outbox(), [""; 0]);
}

#[test]
fn a_message_whose_entry_never_comes_ends_with_the_gap() {
    for (resumes, left) in [(at(1, 3), vec![]), (at(1, 2), vec!["a"]), (at(2, 0), vec![])] {
        let mut desk = Desk::live();
        desk.publish("a");
        desk.published(1, 3);
        let reason = if resumes == at(2, 0) { GapReason::OtherEpoch } else { GapReason::Expired };
        desk.say(&ServerFrame::Gap(gap(reason, resumes)));
        assert_eq!(desk.outbox(), left);
    }
}

#[test]
fn unanswered_messages_are_sent_again_in_order_with_their_keys() {
    let mut desk = Desk::live();
    for name in ["a", "b", "c"] {
        desk.publish(name);
    }
    desk.published(2, 1);
    let actions = desk.reconnect(hello(at(1, 0), 1));
    assert_eq!(sent(&actions), [(4, "a".to_owned()), (5, "c".to_owned())]);
    let keys: Vec<_> = frames(&actions)
        .filter_map(|frame| if let ClientFrame::Publish { message, .. } = frame { Some(message.key) } else { None })
        .collect();
    assert_eq!(keys, [Some(key("a")), Some(key("c"))]);
}

#[test]
fn answers_to_unknown_refs_are_ignored() {
    let mut desk = Desk::live();
    desk.publish("a");
    assert!(desk.published(7, 1).is_empty());
    assert!(desk.refuse(7, ErrorCode::TextTooLong, None).is_empty());
    assert!(desk.refuse(7, ErrorCode::RateLimited, Some(10)).is_empty());
    let nameless = ServerFrame::Error { r#ref: None, code: ErrorCode::NotJson, detail: String::new(), retry_after: None };
    assert!(desk.say(&nameless).is_empty());
    assert_eq!(stage(&desk, "a"), Some(Stage::Sending));
}

#[test]
fn a_final_refusal_is_the_persons_to_decide() {
    let mut desk = Desk::live();
    desk.publish("a");
    assert_eq!(updates(&desk.refuse(1, ErrorCode::AuthorInvalid, None)), [Update::Outbox]);
    assert_eq!(stage(&desk, "a"), failed(ErrorCode::AuthorInvalid));
    assert_eq!(desk.core.outbox().messages().len(), 1);
    assert_eq!(texts(&desk.reconnect(hello(at(1, 0), 0))), [""; 0]);
}

#[test]
fn a_refused_message_goes_back_to_the_end_of_the_line() {
    let mut desk = Desk::live();
    desk.publish("a");
    desk.refuse(1, ErrorCode::AuthorInvalid, None);
    desk.publish("b");
    assert_eq!(texts(&desk.event(Event::Retry(key("a")))), ["a"]);
    assert_eq!(desk.outbox(), ["b", "a"]);
    assert!(desk.event(Event::Retry(key("a"))).is_empty());
}

#[test]
fn a_key_of_another_message_is_not_tried_again() {
    let mut desk = Desk::live();
    desk.publish("a");
    desk.refuse(1, ErrorCode::KeyReused, None);
    assert!(desk.event(Event::Retry(key("a"))).is_empty());
    assert_eq!(stage(&desk, "a"), failed(ErrorCode::KeyReused));
    // Nor is the other message taken for it.
    desk.say(&ServerFrame::Message(Entry { key: Some(key("a")), ..entry(1) }));
    assert_eq!(desk.outbox(), ["a"]);
}

#[test]
fn a_message_can_be_given_up() {
    let mut desk = Desk::new(None);
    desk.publish("a");
    desk.publish("b");
    assert_eq!(updates(&desk.event(Event::Discard(key("a")))), [Update::Outbox]);
    assert!(desk.event(Event::Discard(key("a"))).is_empty());
    assert_eq!(desk.outbox(), ["b"]);
}

#[test]
fn a_temporary_refusal_holds_the_whole_line() {
    let mut desk = Desk::live();
    for name in ["a", "b", "c"] {
        desk.publish(name);
    }
    desk.published(1, 1);
    assert!(updates(&desk.refuse(2, ErrorCode::RateLimited, Some(3_000))).is_empty());
    desk.refuse(3, ErrorCode::RateLimited, Some(3_000));
    assert_eq!(texts(&desk.publish("d")), [""; 0]);
    assert_eq!(texts(&desk.after(2_999, Event::Tick)), [""; 0]);
    assert_eq!(stage(&desk, "b"), Some(Stage::Sending));
    // From there on one at a time, until it goes well again.
    let actions = desk.tick();
    assert_eq!(sent(&actions), [(4, "b".to_owned())]);
    assert_eq!(texts(&desk.published(4, 2)), ["c", "d"]);
}

#[test]
fn a_message_that_is_held_waits_for_the_answers_to_those_behind_it() {
    let mut desk = Desk::live();
    desk.publish("a");
    desk.publish("b");
    desk.refuse(1, ErrorCode::Overloaded, Some(1_000));
    assert_eq!(texts(&desk.after(2_000, Event::Tick)), [""; 0]);
    assert_eq!(texts(&desk.refuse(2, ErrorCode::Overloaded, Some(0))), [""; 0]);
    assert_eq!(texts(&desk.tick()), ["a"]);
}

#[test]
fn a_hold_lasts_over_a_reconnect() {
    let mut desk = Desk::live();
    desk.publish("a");
    desk.refuse(1, ErrorCode::RateLimited, Some(30_000));
    assert_eq!(texts(&desk.reconnect(hello(at(1, 0), 0))), [""; 0]);
    assert_eq!(texts(&desk.after(31_000, Event::Tick)), ["a"]);
}

#[test]
fn refusals_without_a_time_are_waited_out_longer_and_longer() {
    let mut desk = Desk::live();
    let mut r#ref = sent(&desk.publish("a"))[0].0;
    let mut longest = 0;
    for _ in 0..12 {
        let start = desk.now;
        desk.refuse(r#ref, ErrorCode::Unavailable, None);
        r#ref = loop {
            desk.say(&ServerFrame::Heartbeat);
            if let [(r#ref, _)] = sent(&desk.tick())[..] {
                break r#ref;
            }
        };
        assert!((500..=60_500).contains(&(desk.now - start)));
        longest = longest.max(desk.now - start);
    }
    assert!(longest > 20_000, "{longest}");
}

#[test]
fn a_publish_that_is_never_answered_is_the_end_of_the_session() {
    let mut desk = Desk::live();
    desk.publish("a");
    desk.now += 15_000;
    desk.say(&ServerFrame::Heartbeat);
    assert!(desk.after(14_999, Event::Tick).is_empty());
    desk.say(&ServerFrame::Heartbeat);
    assert!(desk.tick().contains(&Action::Close { channel: 1 }));
    desk.tick();
    assert_eq!(texts(&desk.greet(hello(at(1, 0), 0))), ["a"]);
}

#[test]
fn an_error_of_the_future_is_an_answer() {
    for (retry_after, left) in [("", failed(ErrorCode::RequestInvalid)), (r#","retry_after":100"#, Some(Stage::Sending))] {
        let mut desk = Desk::live();
        desk.publish("a");
        desk.event(Event::Received {
            channel: 1,
            frame: ServerFrame::read(format!(r#"{{"type":"error","ref":1,"code":"mood_wrong","detail":"No."{retry_after}}}"#).as_str()),
        });
        assert_eq!(stage(&desk, "a"), left);
    }
}

#[test]
fn a_frame_that_would_be_too_long_is_not_sent() {
    let mut desk = Desk::live();
    let text = Text::parse(&("\u{1}".repeat(protocol::limits::TEXT_BYTES_MAX - 1) + "x")).unwrap();
    let actions = desk.event(Event::Publish(PublishRequest { text, ..request("a") }));
    assert_eq!(texts(&actions), [""; 0]);
    assert!(matches!(stage(&desk, "a"), Some(Stage::Failed { code: ErrorCode::TextTooLong, .. })));
}
