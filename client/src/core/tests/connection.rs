//! When the core connects, gives up and waits.

use super::*;

const CLOSE: Action = Action::Close { channel: 1 };

#[test]
fn it_connects_when_it_is_started_and_is_live_after_its_pong() {
    let mut desk = Desk::new(Some(at(1, 5)));
    assert_eq!((desk.core.connection(), desk.core.deadline()), (ConnectionState::Stopped { code: None }, None));
    let actions = desk.event(Event::Start);
    assert_eq!(
        actions,
        [Action::Update(Update::Connection), Action::Open { channel: 1, transport: Transport::WebSocket, after: Some(at(1, 5)) }]
    );
    assert!(pings(&desk.event(Event::Opened { channel: 1 })));
    assert_eq!(desk.core.connection(), ConnectionState::Connecting);
    let actions = desk.say(&ServerFrame::Hello(Hello { online: 3, ..hello(at(1, 5), 5) }));
    assert_eq!(updates(&actions), [Update::Online(3)]);
    assert_eq!((desk.core.connection(), desk.core.online()), (ConnectionState::Connecting, 3));
    assert_eq!(updates(&desk.pong()), [Update::Connection, Update::Proven(Transport::WebSocket)]);
    assert_eq!(desk.core.connection(), LIVE);
}

#[test]
fn starting_twice_opens_one_socket() {
    let mut desk = Desk::new(None);
    assert!(connects(&desk.event(Event::Start)));
    assert!(desk.event(Event::Start).is_empty());
    assert!(Desk::live().event(Event::Start).is_empty());
}

#[test]
fn an_attempt_without_hello_fails_after_ten_seconds() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    desk.event(Event::Opened { channel: 1 });
    assert!(desk.after(9_999, Event::Tick).is_empty());
    let actions = desk.after(1, Event::Tick);
    assert!(actions.contains(&CLOSE));
    assert!(matches!(desk.core.connection(), ConnectionState::Waiting { .. }));
    assert!(connects(&desk.tick()));
}

#[test]
fn a_heartbeat_keeps_a_session() {
    let mut desk = Desk::live();
    for _ in 0..100 {
        desk.now += HEARTBEAT * 1_000;
        assert!(desk.say(&ServerFrame::Heartbeat).is_empty());
        assert!(desk.event(Event::Tick).is_empty());
    }
    assert_eq!(desk.core.connection(), LIVE);
}

#[test]
fn any_frame_keeps_a_session_even_one_from_the_future() {
    let mut desk = Desk::live();
    desk.now += 22_000;
    assert!(desk.event(Event::Received { channel: 1, frame: None }).is_empty());
    assert!(desk.after(22_999, Event::Tick).is_empty());
}

#[test]
fn silence_is_probed_after_one_heartbeat_and_is_death_after_two() {
    let mut desk = Desk::live();
    assert!(desk.after(22_999, Event::Tick).is_empty());
    assert!(pings(&desk.after(1, Event::Tick)));
    assert!(desk.after(16_999, Event::Tick).is_empty());
    let actions = desk.after(1, Event::Tick);
    assert!(actions.contains(&CLOSE));
    assert!(matches!(desk.core.connection(), ConnectionState::Waiting { .. }));
}

#[test]
fn an_answered_probe_saves_the_session() {
    let mut desk = Desk::live();
    assert!(pings(&desk.tick()));
    desk.now += 100;
    desk.pong();
    assert!(desk.after(20_000, Event::Tick).is_empty());
    assert_eq!(desk.core.connection(), LIVE);
}

#[test]
fn after_a_sleep_the_server_is_asked_before_it_is_given_up() {
    let mut desk = Desk::live();
    assert!(pings(&desk.after(8 * 3_600_000, Event::Tick)));
    assert_eq!(desk.core.connection(), LIVE);
    assert!(desk.after(5_000, Event::Tick).contains(&CLOSE));
}

#[test]
fn absurd_heartbeats_are_bounded() {
    for (seconds, probe) in [(0, 4_000), (u64::MAX, 603_000)] {
        let mut desk = Desk::new(None);
        desk.event(Event::Start);
        desk.greet(Hello { heartbeat_seconds: seconds, ..hello(at(1, 0), 0) });
        assert_eq!(desk.core.deadline(), Some(desk.now + probe));
    }
}

#[test]
fn a_good_session_is_followed_by_a_try_almost_at_once() {
    let mut desk = Desk::live();
    desk.now += 10_000;
    desk.close(1006, "");
    assert!(desk.core.deadline().unwrap() <= desk.now + 500);
    assert!(connects(&desk.tick()));
}

#[test]
fn a_server_that_accepts_and_drops_is_left_alone_for_longer_and_longer() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    let start = desk.now;
    for _ in 0..30 {
        desk.greet(hello(at(1, 0), 0));
        desk.now += 10;
        desk.close(1006, "");
        assert!(connects(&desk.tick()));
    }
    // With waits of 15 s on average; every second would be 30 s.
    assert!(desk.now - start > 200_000, "{}", desk.now - start);
}

#[test]
fn a_server_that_greets_and_falls_silent_does_not_count_as_good() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    let mut longest = 0;
    for _ in 0..20 {
        desk.greet(hello(at(1, 0), 0));
        desk.tick();
        assert!(closes(&desk.tick()));
        longest = longest.max(desk.core.deadline().unwrap() - desk.now);
        desk.tick();
    }
    assert!(longest > 10_000);
}

#[test]
fn a_final_close_code_stops_until_somebody_asks() {
    for again in [Event::RetryNow, Event::Start] {
        let mut desk = Desk::live();
        desk.now += 5_000;
        desk.close(4500, "too many errors");
        assert_eq!((desk.core.connection(), desk.core.deadline()), (ConnectionState::Stopped { code: Some(4500) }, None));
        assert!(desk.after(3_600_000, Event::Tick).is_empty());
        desk.event(Event::Offline);
        assert_eq!(desk.core.connection(), ConnectionState::Stopped { code: Some(4500) });
        assert!(connects(&desk.event(again)));
    }
}

#[test]
fn a_restart_is_waited_out_within_its_spread() {
    let waits: Vec<u64> = (0..200)
        .map(|seed| {
            let mut desk = Desk::with(Options { seed, only: Some(Transport::WebSocket), ..Options::default() });
            desk.event(Event::Start);
            desk.greet(hello(at(1, 0), 0));
            desk.now += 60_000;
            desk.close(1012, "spread=8000");
            desk.core.deadline().unwrap() - desk.now
        })
        .collect();
    assert!(waits.iter().all(|wait| *wait <= 8_000));
    assert!(waits.iter().any(|wait| *wait < 1_000) && waits.iter().any(|wait| *wait > 7_000));
}

#[test]
fn a_nudge_ends_the_wait() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    for _ in 0..10 {
        desk.close(1006, "");
        desk.tick();
    }
    desk.now += 2_000;
    desk.close(1006, "");
    assert!(connects(&desk.event(Event::RetryNow)));
}

#[test]
fn nudges_never_bring_more_than_one_attempt_a_second() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    let (start, mut attempts) = (desk.now, 1);
    for _ in 0..1_000 {
        desk.close(1006, "");
        let nudged = desk.after(10, Event::RetryNow);
        let ticked = desk.event(Event::Tick);
        attempts += u64::from(connects(&nudged)) + u64::from(connects(&ticked));
    }
    assert!(attempts <= (desk.now - start) / 1_000 + 1, "{attempts}");
    assert!(attempts >= 9, "{attempts}");
}

#[test]
fn a_nudge_while_connecting_opens_no_second_socket() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    assert!(desk.after(5_000, Event::RetryNow).is_empty());
}

#[test]
fn a_nudge_probes_a_live_socket_with_a_short_deadline() {
    let mut desk = Desk::live();
    assert!(pings(&desk.event(Event::RetryNow)));
    assert!(desk.after(1_000, Event::RetryNow).is_empty());
    assert!(desk.after(3_999, Event::Tick).is_empty());
    assert!(desk.after(1, Event::Tick).contains(&CLOSE));
}

#[test]
fn without_a_network_it_waits_for_one() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    assert!(desk.event(Event::Offline).contains(&CLOSE));
    assert_eq!(desk.core.connection(), ConnectionState::Offline);
    assert!(connects(&desk.after(1_000, Event::RetryNow)));

    desk.close(1006, "");
    desk.event(Event::Offline);
    assert_eq!(desk.core.connection(), ConnectionState::Offline);
}

#[test]
fn a_network_that_is_said_to_be_gone_is_tried_now_and_then() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    desk.event(Event::Offline);
    assert!(connects(&desk.tick()));
    desk.close(1006, "");
    assert_eq!(desk.core.connection(), ConnectionState::Offline);
    assert!(connects(&desk.tick()));
    desk.greet(hello(at(1, 0), 0));
    desk.close(1006, "");
    assert!(matches!(desk.core.connection(), ConnectionState::Waiting { .. }));
}

#[test]
fn a_live_socket_proves_the_system_wrong() {
    let mut desk = Desk::live();
    assert!(pings(&desk.event(Event::Offline)));
    desk.pong();
    assert!(desk.after(5_000, Event::Tick).is_empty());
    assert_eq!(desk.core.connection(), LIVE);
}

#[test]
fn a_network_that_was_proven_is_not_waited_for_later() {
    let mut desk = Desk::live();
    desk.event(Event::Offline);
    desk.pong();
    desk.now += 600_000;
    desk.close(1012, "spread=8000");
    assert!(
        matches!(desk.core.connection(), ConnectionState::Waiting { until } if until <= desk.now + 8_000),
        "{:?}",
        desk.core.connection()
    );

    // What does not answer proves nothing.
    let mut desk = Desk::live();
    desk.event(Event::Offline);
    desk.say(&ServerFrame::Message(entry(1)));
    desk.close(1006, "");
    assert_eq!(desk.core.connection(), ConnectionState::Offline);
}

#[test]
fn what_a_dropped_socket_still_says_is_not_heard() {
    let mut desk = Desk::live();
    desk.close(1006, "");
    let waiting = desk.core.connection();
    assert!(desk.say(&ServerFrame::Message(entry(1))).is_empty());
    assert!(desk.greet(hello(at(1, 0), 0)).is_empty());
    assert!(desk.close(4500, "").is_empty());
    assert_eq!(desk.core.connection(), waiting);
}
