//! When the core connects, gives up and waits.

use super::*;

const CLOSE: Action = Action::Close { channel: 1 };

#[test]
fn connects_on_start_and_is_live_after_the_pong() {
    let mut harness = Harness::new(Some(at(1, 5)));
    assert_eq!((harness.core.connection(), harness.core.deadline()), (ConnectionState::Stopped { code: None }, None));
    let actions = harness.event(Event::Start);
    assert_eq!(
        actions,
        [Action::Update(Update::Connection), Action::Open { channel: 1, transport: Transport::WebSocket, after: Some(at(1, 5)) }]
    );
    assert!(pings(&harness.event(Event::Opened { channel: 1 })));
    assert_eq!(harness.core.connection(), ConnectionState::Connecting);
    let actions = harness.receive(&ServerFrame::Hello(Hello { online: 3, ..hello(at(1, 5), 5) }));
    assert_eq!(updates(&actions), [Update::Online(3)]);
    assert_eq!((harness.core.connection(), harness.core.online()), (ConnectionState::Connecting, 3));
    assert_eq!(updates(&harness.pong()), [Update::Connection, Update::Proven(Transport::WebSocket)]);
    assert_eq!(harness.core.connection(), LIVE);
}

#[test]
fn opens_one_websocket_when_started_twice() {
    let mut harness = Harness::new(None);
    assert!(connects(&harness.event(Event::Start)));
    assert!(harness.event(Event::Start).is_empty());
    assert!(Harness::live().event(Event::Start).is_empty());
}

#[test]
fn gives_up_an_attempt_without_hello_after_ten_seconds() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    harness.event(Event::Opened { channel: 1 });
    assert!(harness.after(9_999, Event::Tick).is_empty());
    let actions = harness.after(1, Event::Tick);
    assert!(actions.contains(&CLOSE));
    assert!(matches!(harness.core.connection(), ConnectionState::Waiting { .. }));
    assert!(connects(&harness.tick()));
}

#[test]
fn stays_live_with_heartbeats() {
    let mut harness = Harness::live();
    for _ in 0..100 {
        harness.now += HEARTBEAT * 1_000;
        assert!(harness.receive(&ServerFrame::Heartbeat).is_empty());
        assert!(harness.event(Event::Tick).is_empty());
    }
    assert_eq!(harness.core.connection(), LIVE);
}

#[test]
fn stays_live_with_unknown_frames() {
    let mut harness = Harness::live();
    harness.now += 22_000;
    assert!(harness.event(Event::Received { channel: 1, frame: None }).is_empty());
    assert!(harness.after(22_999, Event::Tick).is_empty());
}

#[test]
fn probes_after_one_silent_heartbeat_and_gives_up_after_two() {
    let mut harness = Harness::live();
    assert!(harness.after(22_999, Event::Tick).is_empty());
    assert!(pings(&harness.after(1, Event::Tick)));
    assert!(!closes(&harness.after(16_999, Event::Tick)));
    let actions = harness.after(1, Event::Tick);
    assert!(actions.contains(&CLOSE));
    assert!(matches!(harness.core.connection(), ConnectionState::Waiting { .. }));
}

#[test]
fn stays_live_when_a_probe_is_answered() {
    let mut harness = Harness::live();
    assert!(pings(&harness.tick()));
    harness.now += 100;
    harness.pong();
    assert!(harness.after(20_000, Event::Tick).is_empty());
    assert_eq!(harness.core.connection(), LIVE);
}

#[test]
fn probes_after_sleep_before_it_gives_up() {
    let mut harness = Harness::live();
    assert!(pings(&harness.after(8 * 3_600_000, Event::Tick)));
    assert_eq!(harness.core.connection(), LIVE);
    assert!(harness.after(5_000, Event::Tick).contains(&CLOSE));
}

#[test]
fn limits_the_heartbeat_interval() {
    for (seconds, probe) in [(0, 4_000), (u64::MAX, 603_000)] {
        let mut harness = Harness::new(None);
        harness.event(Event::Start);
        harness.greet(Hello { heartbeat_seconds: seconds, ..hello(at(1, 0), 0) });
        assert_eq!(harness.core.deadline(), Some(harness.now + probe));
    }
}

#[test]
fn reconnects_soon_after_a_stable_session() {
    let mut harness = Harness::live();
    harness.now += 10_000;
    harness.close(1006, "");
    assert!(harness.core.deadline().unwrap() <= harness.now + 500);
    assert!(connects(&harness.tick()));
}

#[test]
fn backs_off_from_a_server_that_accepts_and_closes() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    let start = harness.now;
    for _ in 0..30 {
        harness.greet(hello(at(1, 0), 0));
        harness.now += 10;
        harness.close(1006, "");
        assert!(connects(&harness.tick()));
    }
    // Waits are 15 s on average; an attempt every second would take 30 s.
    assert!(harness.now - start > 200_000, "{}", harness.now - start);
}

#[test]
fn backs_off_from_a_server_that_falls_silent() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    let mut longest = 0;
    for _ in 0..20 {
        harness.greet(hello(at(1, 0), 0));
        assert!(pings(&harness.tick()));
        harness.tick();
        assert_eq!(harness.core.connection(), ConnectionState::Doubtful);
        assert!(closes(&harness.tick()));
        longest = longest.max(harness.core.deadline().unwrap() - harness.now);
        harness.tick();
    }
    assert!(longest > 10_000);
}

#[test]
fn stops_after_a_final_close_code_until_asked() {
    for again in [Event::RetryNow, Event::Start] {
        let mut harness = Harness::live();
        harness.now += 5_000;
        harness.close(4500, "too many errors");
        assert_eq!((harness.core.connection(), harness.core.deadline()), (ConnectionState::Stopped { code: Some(4500) }, None));
        assert!(harness.after(3_600_000, Event::Tick).is_empty());
        harness.event(Event::Offline);
        assert_eq!(harness.core.connection(), ConnectionState::Stopped { code: Some(4500) });
        assert!(connects(&harness.event(again)));
    }
}

#[test]
fn reconnects_within_the_spread_after_a_restart() {
    let waits: Vec<u64> = (0..200)
        .map(|seed| {
            let mut harness = Harness::with(Options { seed, only: Some(Transport::WebSocket), ..Options::default() });
            harness.event(Event::Start);
            harness.greet(hello(at(1, 0), 0));
            harness.now += 60_000;
            harness.close(1012, "spread=8000");
            harness.core.deadline().unwrap() - harness.now
        })
        .collect();
    assert!(waits.iter().all(|wait| *wait <= 8_000));
    assert!(waits.iter().any(|wait| *wait < 1_000) && waits.iter().any(|wait| *wait > 7_000));
}

#[test]
fn retry_now_ends_the_wait() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    for _ in 0..10 {
        harness.close(1006, "");
        harness.tick();
    }
    harness.now += 2_000;
    harness.close(1006, "");
    assert!(connects(&harness.event(Event::RetryNow)));
}

#[test]
fn retry_now_keeps_attempts_a_second_apart() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    let (start, mut attempts) = (harness.now, 1);
    for _ in 0..1_000 {
        harness.close(1006, "");
        let nudged = harness.after(10, Event::RetryNow);
        let ticked = harness.event(Event::Tick);
        attempts += u64::from(connects(&nudged)) + u64::from(connects(&ticked));
    }
    assert!(attempts <= (harness.now - start) / 1_000 + 1, "{attempts}");
    assert!(attempts >= 9, "{attempts}");
}

#[test]
fn retry_now_opens_no_second_websocket() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    assert!(harness.after(5_000, Event::RetryNow).is_empty());
}

#[test]
fn retry_now_probes_a_live_websocket_with_a_short_deadline() {
    let mut harness = Harness::live();
    assert!(pings(&harness.event(Event::RetryNow)));
    assert!(harness.after(1_000, Event::RetryNow).is_empty());
    assert!(harness.after(3_999, Event::Tick).is_empty());
    assert!(harness.after(1, Event::Tick).contains(&CLOSE));
}

#[test]
fn waits_while_there_is_no_network() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    assert!(harness.event(Event::Offline).contains(&CLOSE));
    assert_eq!(harness.core.connection(), ConnectionState::Offline);
    assert!(connects(&harness.after(1_000, Event::RetryNow)));

    harness.close(1006, "");
    harness.event(Event::Offline);
    assert_eq!(harness.core.connection(), ConnectionState::Offline);
}

#[test]
fn tries_now_and_then_without_a_network() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    harness.event(Event::Offline);
    assert!(connects(&harness.tick()));
    harness.close(1006, "");
    assert_eq!(harness.core.connection(), ConnectionState::Offline);
    assert!(connects(&harness.tick()));
    harness.greet(hello(at(1, 0), 0));
    harness.close(1006, "");
    assert!(matches!(harness.core.connection(), ConnectionState::Waiting { .. }));
}

#[test]
fn stays_live_without_a_network_if_the_server_answers() {
    let mut harness = Harness::live();
    assert!(pings(&harness.event(Event::Offline)));
    assert_eq!(harness.core.connection(), ConnectionState::Doubtful, "at once");
    harness.pong();
    assert!(harness.after(5_000, Event::Tick).is_empty());
    assert_eq!(harness.core.connection(), LIVE);
}

#[test]
fn forgets_a_missing_network_once_the_server_answers() {
    let mut harness = Harness::live();
    harness.event(Event::Offline);
    harness.pong();
    harness.now += 600_000;
    harness.close(1012, "spread=8000");
    assert!(
        matches!(harness.core.connection(), ConnectionState::Waiting { until } if until <= harness.now + 8_000),
        "{:?}",
        harness.core.connection()
    );

    // A message is not an answer, so it shows nothing about the network now.
    let mut harness = Harness::live();
    harness.event(Event::Offline);
    harness.receive(&ServerFrame::Message(entry(1)));
    harness.close(1006, "");
    assert_eq!(harness.core.connection(), ConnectionState::Offline);
}

#[test]
fn doubts_a_websocket_five_seconds_after_an_unanswered_message() {
    let mut harness = Harness::live();
    harness.now += 10_000;
    harness.publish("a");
    assert!(harness.after(2_499, Event::Tick).is_empty());
    assert!(pings(&harness.after(1, Event::Tick)));
    assert!(harness.after(2_499, Event::Tick).is_empty());
    assert_eq!(updates(&harness.after(1, Event::Tick)), [Update::Connection]);
    assert_eq!(harness.core.connection(), ConnectionState::Doubtful);
    // It is given up soon, and the message is sent again.
    assert!(closes(&harness.after(2_500, Event::Tick)));
    harness.tick();
    assert_eq!(texts(&harness.greet(hello(at(1, 0), 0))), ["a"]);
}

#[test]
fn trusts_a_websocket_again_when_anything_arrives() {
    for frame in [ServerFrame::Presence { online: 2 }, ServerFrame::Message(entry(1)), ServerFrame::Heartbeat] {
        let mut harness = Harness::live();
        harness.publish("a");
        harness.tick();
        harness.tick();
        assert_eq!(harness.core.connection(), ConnectionState::Doubtful);
        harness.receive(&frame);
        assert_eq!(harness.core.connection(), LIVE);
        // The message is still unanswered.
        assert!(pings(&harness.after(2_500, Event::Tick)));
    }
}

#[test]
fn does_not_doubt_a_server_that_answers_pings_but_no_message() {
    let mut harness = Harness::live();
    harness.publish("a");
    let start = harness.now;
    while harness.now < start + 27_000 {
        assert!(!closes(&harness.tick()));
        assert_eq!(harness.core.connection(), LIVE);
        harness.now += 2_000;
        harness.pong();
    }
}

#[test]
fn checks_a_websocket_after_sleep_before_it_is_in_doubt() {
    let mut harness = Harness::live();
    harness.publish("a");
    assert!(pings(&harness.after(20_000, Event::Tick)));
    assert_eq!(harness.core.connection(), LIVE);
    harness.pong();
    assert!(!closes(&harness.after(1_000, Event::Tick)));
}

#[test]
fn ignores_events_of_a_closed_channel() {
    let mut harness = Harness::live();
    harness.close(1006, "");
    let waiting = harness.core.connection();
    assert!(harness.receive(&ServerFrame::Message(entry(1))).is_empty());
    assert!(harness.greet(hello(at(1, 0), 0)).is_empty());
    assert!(harness.close(4500, "").is_empty());
    assert_eq!(harness.core.connection(), waiting);
}
