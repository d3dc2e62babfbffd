//! Which transport is used, what proves a channel, and when a better transport is tried.

use super::*;

use Transport::{LongPoll, Poll, Sse, WebSocket};

/// Returns the transport of the first channel that was opened.
fn opened(actions: &[Action]) -> Option<Transport> {
    actions.iter().find_map(|action| match action {
        Action::Open { transport, .. } => Some(*transport),
        // The first request of a long-poll does not wait either.
        Action::Fetch { wait_seconds: 0, .. } => Some(Poll),
        _ => None,
    })
}

impl Harness {
    fn free() -> Self {
        let mut harness = Self::with(Options { after: Some(at(1, 0)), seed: 1, ..Options::default() });
        harness.event(Event::Start);
        harness
    }

    /// Ticks until a channel is opened. Returns its transport.
    fn next_attempt(&mut self) -> Transport {
        for _ in 0..10 {
            if let Some(transport) = opened(&self.tick()) {
                return transport;
            }
        }
        panic!("no channel is opened");
    }

    /// Creates a core that is live on server-sent events, because a WebSocket was refused.
    fn on_events() -> Self {
        let mut harness = Self::free();
        harness.close(1006, "");
        assert_eq!(harness.next_attempt(), Sse);
        harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
        harness.now += 1_000;
        harness.event(Event::Comment { channel: harness.channel });
        assert_eq!(harness.core.connection(), ConnectionState::Live { transport: Sse, follower: false });
        harness
    }
}

#[test]
fn tries_the_next_transport_when_one_fails() {
    let mut harness = Harness::free();
    let start = harness.now;
    for transport in [Sse, Poll, Poll] {
        harness.close(1006, "");
        assert_eq!(harness.next_attempt(), transport);
    }
    assert_eq!(harness.now - start, 3_000, "an attempt a second");
    // When all have failed, each is tried in turn, after increasing waits.
    for transport in [WebSocket, Sse, Poll, Poll, WebSocket] {
        harness.close(1006, "");
        assert_eq!(harness.next_attempt(), transport);
    }
}

#[test]
fn tries_the_next_transport_after_three_silent_seconds() {
    let mut harness = Harness::free();
    harness.event(Event::Opened { channel: 1 });
    let actions = harness.after(3_000, Event::Tick);
    assert_eq!((actions[0].clone(), opened(&actions)), (Action::Close { channel: 1 }, Some(Sse)));
    assert_eq!(harness.core.connection(), ConnectionState::Connecting);
    assert_eq!(opened(&harness.after(3_000, Event::Tick)), Some(Poll));
}

#[test]
fn is_not_live_after_a_hello_alone() {
    let mut harness = Harness::free();
    harness.event(Event::Opened { channel: 1 });
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
    harness.receive(&ServerFrame::Presence { online: 2 });
    harness.receive(&ServerFrame::Message(entry(1)));
    assert_eq!(harness.core.connection(), ConnectionState::Connecting);
    assert_eq!(harness.next_attempt(), Sse);
    // Its entry counts nevertheless.
    assert_eq!(harness.core.position(), Some(at(1, 1)));
}

#[test]
fn gives_up_a_websocket_that_is_one_message_behind() {
    // A proxy holds back the last frame: each pong comes behind a message.
    let mut harness = Harness::free();
    harness.event(Event::Opened { channel: 1 });
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
    assert!(pings(&harness.pong()));
    assert_eq!(harness.core.connection(), LIVE);
    for offset in 1..5 {
        harness.receive(&ServerFrame::Message(entry(offset)));
        harness.pong();
        assert!(pings(&harness.tick()));
    }
    harness.receive(&ServerFrame::Message(entry(5)));
    let actions = harness.tick();
    assert!(actions.contains(&Action::Close { channel: 1 }));
    assert_eq!(opened(&actions), Some(Sse));
}

#[test]
fn waits_for_a_pong_behind_many_messages() {
    let mut harness = Harness::free();
    harness.event(Event::Opened { channel: 1 });
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
    assert!(pings(&harness.pong()));
    for offset in 1..100 {
        assert!(!closes(&harness.after(4_000, Event::Tick)));
        harness.receive(&ServerFrame::Message(entry(offset)));
    }
    harness.pong();
    assert_eq!(harness.core.connection(), LIVE);
    assert!(pings(&harness.tick()));
    // The next pong comes alone. After that the stream may be silent.
    harness.pong();
    assert!(!closes(&harness.after(20_000, Event::Tick)));
    assert_eq!(harness.core.connection(), LIVE);
}

#[test]
fn is_live_after_the_answer_to_a_publish() {
    let mut harness = Harness::free();
    harness.event(Event::Opened { channel: 1 });
    harness.publish("a");
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
    harness.published(1, 1);
    assert_eq!(harness.core.connection(), LIVE);
}

#[test]
fn reopens_a_stable_transport_once_before_another() {
    let mut harness = Harness::free();
    harness.greet(hello(at(1, 0), 0));
    harness.now += 20_000;
    harness.receive(&ServerFrame::Heartbeat);
    harness.close(1006, "");
    assert_eq!(harness.next_attempt(), WebSocket);
    harness.close(1006, "");
    assert_eq!(harness.next_attempt(), WebSocket);
    harness.close(1006, "");
    assert_eq!(harness.next_attempt(), Sse);
}

#[test]
fn leaves_a_transport_that_ends_early_twice() {
    let mut harness = Harness::free();
    harness.greet(hello(at(1, 0), 0));
    harness.close(1006, "");
    assert_eq!(harness.next_attempt(), WebSocket);
    harness.greet(hello(at(1, 0), 0));
    harness.close(1006, "");
    assert_eq!(harness.next_attempt(), Sse);
}

#[test]
fn tries_better_transports_in_the_background() {
    let mut harness = Harness::on_events();
    let start = harness.now;
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(harness.next_attempt(), WebSocket);
        waits.push(harness.now - start);
        harness.event(Event::Comment { channel: 2 });
        assert_eq!(harness.core.connection(), ConnectionState::Live { transport: Sse, follower: false });
        harness.close(1006, "");
        harness.event(Event::Comment { channel: 2 });
    }
    assert!((7_500..=10_000).contains(&waits[0]), "{waits:?}");
    assert!(waits.windows(2).all(|pair| pair[1] - pair[0] <= 25_000), "{waits:?}");
}

#[test]
fn keeps_the_old_channel_until_the_new_one_is_proven() {
    let mut harness = Harness::on_events();
    let events = harness.channel;
    assert_eq!(harness.next_attempt(), WebSocket);
    harness.event(Event::Opened { channel: harness.channel });
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 2)));
    // Both channels deliver the entries, which are reported once.
    let on_events = |n| Event::Received { channel: events, frame: Some(ServerFrame::Message(entry(n))) };
    assert_eq!(offsets(&harness.event(on_events(1))), [1]);
    assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(1)))), [0; 0]);
    assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(2)))), [2]);
    assert_eq!(offsets(&harness.event(on_events(2))), [0; 0]);
    let actions = harness.pong();
    assert!(actions.contains(&Action::Close { channel: events }));
    assert_eq!(updates(&actions), [Update::Connection, Update::Proven(WebSocket)]);
    assert_eq!(harness.core.connection(), LIVE);
    assert_eq!(offsets(&harness.event(on_events(3))), [0; 0], "its events are ignored");
    assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(3)))), [3]);
}

#[test]
fn promotes_the_candidate_when_the_old_channel_ends() {
    let mut harness = Harness::on_events();
    let events = harness.channel;
    assert_eq!(harness.next_attempt(), WebSocket);
    harness.event(Event::Closed { channel: events, code: 1006, reason: String::new() });
    assert_eq!(harness.core.connection(), ConnectionState::Connecting);
    harness.greet(hello(at(1, 0), 0));
    assert_eq!(harness.core.connection(), LIVE);
}

#[test]
fn retry_now_tries_a_better_transport() {
    let mut harness = Harness::on_events();
    assert_eq!(opened(&harness.after(2_000, Event::RetryNow)), Some(WebSocket));
    assert_eq!(opened(&harness.after(1_000, Event::RetryNow)), None);
}

#[test]
fn gives_up_a_stream_on_which_its_own_entry_is_missing() {
    let mut harness = Harness::on_events();
    let events = harness.channel;
    harness.publish("a");
    let published = Published { position: at(1, 1), duplicate: false, reached: 1 };
    harness.event(Event::Posted { r#ref: 1, result: Ok(published) });
    assert!(!closes(&harness.after(4_999, Event::Tick)));
    // The stream is silent, so something on the way holds the entry back.
    let actions = harness.after(1, Event::Tick);
    assert!(actions.contains(&Action::Close { channel: events }));
    assert_eq!(opened(&actions), Some(Poll));
}

#[test]
fn polls_while_another_client_is_the_leader() {
    let mut harness = Harness::free();
    harness.close(1006, "");
    assert_eq!(harness.next_attempt(), Sse);
    let actions = harness.event(Event::NotLeader { channel: 2 });
    assert_eq!(opened(&actions), Some(Poll), "at once, because nothing was sent to the server");
    harness.page(Ok(page(&[1], 1)));
    harness.page(Ok(page(&[], 1)));
    assert_eq!(harness.core.connection(), ConnectionState::Live { transport: Poll, follower: true });
    assert!(harness.core.deadline().unwrap() > harness.now + 200);

    // It polls when it is woken, but not each time.
    harness.now += 5_000;
    assert_eq!(opened(&harness.event(Event::Woken)), Some(Poll));
    assert_eq!(opened(&harness.event(Event::Woken)), None);
    harness.page(Ok(page(&[2], 2)));
    assert_eq!(harness.core.position(), Some(at(1, 2)));

    // It still tries a WebSocket, but no second stream.
    while harness.next_attempt() != WebSocket {
        harness.page(Ok(page(&[], 2)));
    }
    let socket = harness.channel;
    harness.close(1006, "");
    let actions = harness.after(1_000, Event::BecameLeader);
    assert_eq!(opened(&actions), Some(Sse));
    assert!(harness.channel > socket);
    harness.receive(&ServerFrame::Hello(hello(at(1, 2), 2)));
    harness.event(Event::Comment { channel: harness.channel });
    assert_eq!(harness.core.connection(), ConnectionState::Live { transport: Sse, follower: false });
}

#[test]
fn a_long_poll_becomes_a_poll_while_another_client_is_the_leader() {
    let mut harness = Harness::with(Options { after: Some(at(1, 0)), last_proven: Some(LongPoll), ..Options::default() });
    harness.event(Event::Start);
    let actions = harness.page(Ok(page(&[], 0)));
    assert!(actions.contains(&Action::Fetch { channel: 1, after: Some(at(1, 0)), wait_seconds: 25 }), "{actions:?}");
    let actions = harness.event(Event::NotLeader { channel: 1 });
    assert!(actions.contains(&Action::Fetch { channel: 1, after: Some(at(1, 0)), wait_seconds: 0 }), "{actions:?}");
    assert_eq!(harness.core.connection(), ConnectionState::Live { transport: Poll, follower: true });
}
