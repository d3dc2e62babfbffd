//! Which transport comes next, what proves it, and when a better one is tried.

use super::*;

use Transport::{LongPoll, Poll, Sse, WebSocket};

/// What was opened or asked for first, on a new channel.
fn opened(actions: &[Action]) -> Option<Transport> {
    actions.iter().find_map(|action| match action {
        Action::Open { transport, .. } => Some(*transport),
        // Which of the two it is shows later.
        Action::Fetch { wait_seconds: 0, .. } => Some(Poll),
        _ => None,
    })
}

impl Desk {
    fn free() -> Self {
        let mut desk = Self::with(Options { after: Some(at(1, 0)), seed: 1, ..Options::default() });
        desk.event(Event::Start);
        desk
    }

    /// Lets ticks pass until something is opened.
    fn next_attempt(&mut self) -> Transport {
        for _ in 0..10 {
            if let Some(transport) = opened(&self.tick()) {
                return transport;
            }
        }
        panic!("nothing is tried");
    }

    /// Live by server-sent events, since a WebSocket was refused.
    fn on_events() -> Self {
        let mut desk = Self::free();
        desk.close(1006, "");
        assert_eq!(desk.next_attempt(), Sse);
        desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)));
        desk.now += 1_000;
        desk.event(Event::Comment { channel: desk.channel });
        assert_eq!(desk.core.connection(), ConnectionState::Live { transport: Sse, follower: false });
        desk
    }
}

#[test]
fn what_fails_at_once_is_passed_over() {
    let mut desk = Desk::free();
    let start = desk.now;
    for transport in [Sse, Poll, Poll] {
        desk.close(1006, "");
        assert_eq!(desk.next_attempt(), transport);
    }
    assert_eq!(desk.now - start, 3_000, "an attempt a second");
    // When all have failed, each has its turn again, after longer and longer waits.
    for transport in [WebSocket, Sse, Poll, Poll, WebSocket] {
        desk.close(1006, "");
        assert_eq!(desk.next_attempt(), transport);
    }
}

#[test]
fn silence_is_passed_over_after_three_seconds() {
    let mut desk = Desk::free();
    desk.event(Event::Opened { channel: 1 });
    let actions = desk.after(3_000, Event::Tick);
    assert_eq!((actions[0].clone(), opened(&actions)), (Action::Close { channel: 1 }, Some(Sse)));
    assert_eq!(desk.core.connection(), ConnectionState::Connecting);
    assert_eq!(opened(&desk.after(3_000, Event::Tick)), Some(Poll));
}

#[test]
fn a_hello_alone_proves_nothing() {
    let mut desk = Desk::free();
    desk.event(Event::Opened { channel: 1 });
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)));
    desk.say(&ServerFrame::Presence { online: 2 });
    desk.say(&ServerFrame::Message(entry(1)));
    assert_eq!(desk.core.connection(), ConnectionState::Connecting);
    assert_eq!(desk.next_attempt(), Sse);
    // What it brought counts nevertheless.
    assert_eq!(desk.core.position(), Some(at(1, 1)));
}

#[test]
fn what_comes_one_behind_is_found_out() {
    // A message has pushed the pong through, and the next pong waits for another.
    let mut desk = Desk::free();
    desk.event(Event::Opened { channel: 1 });
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)));
    assert!(pings(&desk.pong()));
    assert_eq!(desk.core.connection(), LIVE);
    for offset in 1..5 {
        // While there are messages, each pong comes behind one.
        desk.say(&ServerFrame::Message(entry(offset)));
        desk.pong();
        assert!(pings(&desk.tick()));
    }
    desk.say(&ServerFrame::Message(entry(5)));
    let actions = desk.tick();
    assert!(actions.contains(&Action::Close { channel: 1 }));
    assert_eq!(opened(&actions), Some(Sse));
}

#[test]
fn a_pong_that_stands_behind_much_else_is_waited_for() {
    let mut desk = Desk::free();
    desk.event(Event::Opened { channel: 1 });
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)));
    assert!(pings(&desk.pong()));
    for offset in 1..100 {
        assert!(!closes(&desk.after(4_000, Event::Tick)));
        desk.say(&ServerFrame::Message(entry(offset)));
    }
    desk.pong();
    assert_eq!(desk.core.connection(), LIVE);
    assert!(pings(&desk.tick()));
    // The next one comes alone, and the socket may be silent from then on.
    desk.pong();
    assert!(!closes(&desk.after(20_000, Event::Tick)));
    assert_eq!(desk.core.connection(), LIVE);
}

#[test]
fn an_answer_to_a_publish_proves_a_websocket_too() {
    let mut desk = Desk::free();
    desk.event(Event::Opened { channel: 1 });
    desk.publish("a");
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)));
    desk.published(1, 1);
    assert_eq!(desk.core.connection(), LIVE);
}

#[test]
fn a_lost_connection_is_opened_again_once_before_another_is_tried() {
    let mut desk = Desk::free();
    desk.greet(hello(at(1, 0), 0));
    desk.now += 20_000;
    desk.say(&ServerFrame::Heartbeat);
    desk.close(1006, "");
    assert_eq!(desk.next_attempt(), WebSocket);
    desk.close(1006, "");
    assert_eq!(desk.next_attempt(), WebSocket);
    desk.close(1006, "");
    assert_eq!(desk.next_attempt(), Sse);
}

#[test]
fn a_proven_connection_that_dies_young_twice_is_passed_over() {
    let mut desk = Desk::free();
    desk.greet(hello(at(1, 0), 0));
    desk.close(1006, "");
    assert_eq!(desk.next_attempt(), WebSocket);
    desk.greet(hello(at(1, 0), 0));
    desk.close(1006, "");
    assert_eq!(desk.next_attempt(), Sse);
}

#[test]
fn better_transports_are_tried_in_the_background() {
    let mut desk = Desk::on_events();
    let start = desk.now;
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(desk.next_attempt(), WebSocket);
        waits.push(desk.now - start);
        desk.event(Event::Comment { channel: 2 });
        assert_eq!(desk.core.connection(), ConnectionState::Live { transport: Sse, follower: false });
        desk.close(1006, "");
        desk.event(Event::Comment { channel: 2 });
    }
    assert!((7_500..=10_000).contains(&waits[0]), "{waits:?}");
    assert!(waits.windows(2).all(|pair| pair[1] - pair[0] <= 25_000), "{waits:?}");
}

#[test]
fn the_new_one_is_proven_before_the_old_one_goes() {
    let mut desk = Desk::on_events();
    let events = desk.channel;
    assert_eq!(desk.next_attempt(), WebSocket);
    desk.event(Event::Opened { channel: desk.channel });
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 2)));
    // Both bring what there is, and it is told once.
    let on_events = |n| Event::Received { channel: events, frame: Some(ServerFrame::Message(entry(n))) };
    assert_eq!(offsets(&desk.event(on_events(1))), [1]);
    assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(1)))), [0; 0]);
    assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(2)))), [2]);
    assert_eq!(offsets(&desk.event(on_events(2))), [0; 0]);
    let actions = desk.pong();
    assert!(actions.contains(&Action::Close { channel: events }));
    assert_eq!(updates(&actions), [Update::Connection, Update::Proven(WebSocket)]);
    assert_eq!(desk.core.connection(), LIVE);
    assert_eq!(offsets(&desk.event(on_events(3))), [0; 0], "it is not heard any more");
    assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(3)))), [3]);
}

#[test]
fn the_one_on_trial_takes_over_when_the_old_one_dies() {
    let mut desk = Desk::on_events();
    let events = desk.channel;
    assert_eq!(desk.next_attempt(), WebSocket);
    desk.event(Event::Closed { channel: events, code: 1006, reason: String::new() });
    assert_eq!(desk.core.connection(), ConnectionState::Connecting);
    desk.greet(hello(at(1, 0), 0));
    assert_eq!(desk.core.connection(), LIVE);
}

#[test]
fn a_nudge_tries_better_ones_now() {
    let mut desk = Desk::on_events();
    assert_eq!(opened(&desk.after(2_000, Event::RetryNow)), Some(WebSocket));
    assert_eq!(opened(&desk.after(1_000, Event::RetryNow)), None);
}

#[test]
fn an_entry_of_ours_that_does_not_come_condemns_the_stream() {
    let mut desk = Desk::on_events();
    let events = desk.channel;
    desk.publish("a");
    let published = Published { position: at(1, 1), duplicate: false, reached: 1 };
    desk.event(Event::Posted { r#ref: 1, result: Ok(published) });
    assert!(!closes(&desk.after(4_999, Event::Tick)));
    // It says nothing, and so it holds something back.
    let actions = desk.after(1, Event::Tick);
    assert!(actions.contains(&Action::Close { channel: events }));
    assert_eq!(opened(&actions), Some(Poll));
}

#[test]
fn with_somebody_else_who_has_the_stream_this_one_follows() {
    let mut desk = Desk::free();
    desk.close(1006, "");
    assert_eq!(desk.next_attempt(), Sse);
    let actions = desk.event(Event::NotLeader { channel: 2 });
    assert_eq!(opened(&actions), Some(Poll), "at once, since nothing went out");
    desk.page(Ok(page(&[1], 1)));
    desk.page(Ok(page(&[], 1)));
    assert_eq!(desk.core.connection(), ConnectionState::Live { transport: Poll, follower: true });
    assert!(desk.core.deadline().unwrap() > desk.now + 200);

    // Told that there is something, it asks; told often, not as often.
    desk.now += 5_000;
    assert_eq!(opened(&desk.event(Event::Woken)), Some(Poll));
    assert_eq!(opened(&desk.event(Event::Woken)), None);
    desk.page(Ok(page(&[2], 2)));
    assert_eq!(desk.core.position(), Some(at(1, 2)));

    // A WebSocket is still tried, a second stream is not.
    while desk.next_attempt() != WebSocket {
        desk.page(Ok(page(&[], 2)));
    }
    let socket = desk.channel;
    desk.close(1006, "");
    let actions = desk.after(1_000, Event::BecameLeader);
    assert_eq!(opened(&actions), Some(Sse));
    assert!(desk.channel > socket);
    desk.say(&ServerFrame::Hello(hello(at(1, 2), 2)));
    desk.event(Event::Comment { channel: desk.channel });
    assert_eq!(desk.core.connection(), ConnectionState::Live { transport: Sse, follower: false });
}

#[test]
fn a_long_poll_that_is_taken_goes_on_as_a_poll() {
    let mut desk = Desk::with(Options { after: Some(at(1, 0)), last_proven: Some(LongPoll), ..Options::default() });
    desk.event(Event::Start);
    let actions = desk.page(Ok(page(&[], 0)));
    assert!(actions.contains(&Action::Fetch { channel: 1, after: Some(at(1, 0)), wait_seconds: 25 }), "{actions:?}");
    let actions = desk.event(Event::NotLeader { channel: 1 });
    assert!(actions.contains(&Action::Fetch { channel: 1, after: Some(at(1, 0)), wait_seconds: 0 }), "{actions:?}");
    assert_eq!(desk.core.connection(), ConnectionState::Live { transport: Poll, follower: true });
}
