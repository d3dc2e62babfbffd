//! Each fault of each transport, alone and combined, and recovery when it ends.

use super::*;

const WEBSOCKET_FAULTS: [Fault; 7] =
    [Fault::Refused, Fault::Cut(0), Fault::Cut(200), Fault::BlackHole, Fault::DropsUpstream, Fault::Buffered, Fault::OneBehind];
const SSE_FAULTS: [Fault; 5] = [Fault::Refused, Fault::Cut(200), Fault::BlackHole, Fault::Buffered, Fault::OneBehind];
/// Time limit for finding a transport that works, in milliseconds.
const START_MS: u64 = 8_000;
/// Time limit for a message to arrive despite any fault, in milliseconds.
const ARRIVAL_MS: u64 = 10_000;
/// Time limit for the upgrade to a WebSocket, in milliseconds.
const UPGRADE_MS: u64 = 50_000;

/// Reads and publishes for some minutes with these faults on `best`, then without faults on a
/// WebSocket.
fn survives(seed: u64, faults: [Fault; 4], best: Transport) {
    let mut simulation = Simulation::reading(seed);
    simulation.faults = faults;
    simulation.store_text("before");
    simulation.event(Event::Start);
    simulation.advance_until(START_MS, "the start", |simulation| simulation.transport() == Some(best));
    for _ in 0..60 {
        let wait = simulation.rng.u64(500..8_000);
        simulation.advance(wait);
        if simulation.rng.bool() {
            simulation.store_text("theirs");
        } else {
            simulation.publish();
        }
    }
    simulation.advance_until(ARRIVAL_MS + 5_000, "catching up", |simulation| {
        simulation.has_received_all() && simulation.core.outbox().pending().is_empty()
    });
    assert!(simulation.received.slowest <= ARRIVAL_MS, "{faults:?}: {}", simulation.received.slowest);
    simulation.check_what_was_published();
    simulation.faults = [Fault::None; 4];
    simulation.advance_until(UPGRADE_MS, "the upgrade", |simulation| simulation.transport() == Some(Transport::WebSocket));
    assert_eq!(simulation.received.proven, Some(Transport::WebSocket));
    simulation.store_text("after");
    simulation.advance_until(1_000, "catching up", Simulation::has_received_all);
    assert_eq!(simulation.received.gaps, 0);
    simulation.advance(600_000);
    assert_eq!(simulation.connections.len(), 1, "only the channel in use is open");
    assert_eq!(simulation.transport(), Some(Transport::WebSocket));
}

#[test]
fn uses_a_working_websocket_at_once() {
    let mut simulation = Simulation::reading(1);
    simulation.event(Event::Start);
    simulation.advance_until(1_000, "the start", |simulation| simulation.transport() == Some(Transport::WebSocket));
    simulation.advance(3_600_000);
    assert_eq!(simulation.attempts.len(), 1);
}

#[test]
fn uses_an_event_stream_without_websocket() {
    for (seed, fault) in WEBSOCKET_FAULTS.into_iter().enumerate() {
        survives(seed as u64, [fault, Fault::None, Fault::None, Fault::None], Transport::Sse);
    }
}

#[test]
fn uses_long_polls_without_streams() {
    for (seed, websocket) in WEBSOCKET_FAULTS.into_iter().enumerate() {
        for sse in SSE_FAULTS {
            survives(seed as u64, [websocket, sse, Fault::None, Fault::None], Transport::LongPoll);
        }
    }
}

#[test]
fn uses_polls_when_no_response_may_wait() {
    let mut simulation = Simulation::reading(1);
    simulation.faults = [Fault::Refused, Fault::BlackHole, Fault::Cut(3_000), Fault::None];
    simulation.event(Event::Start);
    simulation.advance_until(20_000, "the start", |simulation| simulation.transport() == Some(Transport::Poll));
    for _ in 0..30 {
        simulation.store_text("theirs");
        simulation.advance(5_000);
    }
    assert!(simulation.has_received_all() && simulation.received.slowest < ARRIVAL_MS);
    simulation.faults[2] = Fault::None;
    simulation.advance_until(UPGRADE_MS, "the upgrade", |simulation| simulation.transport() == Some(Transport::LongPoll));
}

#[test]
fn reopens_a_stream_that_is_cut_every_thirty_seconds() {
    for (websocket, best) in [(Fault::Cut(30_000), Transport::WebSocket), (Fault::Refused, Transport::Sse)] {
        let mut simulation = Simulation::reading(3);
        simulation.faults = [websocket, Fault::Cut(30_000), Fault::Cut(30_000), Fault::Cut(30_000)];
        simulation.event(Event::Start);
        for _ in 0..120 {
            simulation.store_text("theirs");
            simulation.advance(5_000);
        }
        assert!(simulation.received.slowest < 2_000, "{}", simulation.received.slowest);
        assert!(simulation.has_received_all());
        assert_eq!(simulation.transport(), Some(best));
    }
}

#[test]
fn delivers_in_time_when_a_busy_room_falls_silent_behind_a_buffering_proxy() {
    for seed in 0..20 {
        let mut simulation = Simulation::reading(seed);
        simulation.faults = [Fault::OneBehind, Fault::OneBehind, Fault::None, Fault::None];
        simulation.event(Event::Start);
        for _ in 0..5 {
            for _ in 0..200 {
                let wait = simulation.rng.u64(10..400);
                simulation.advance(wait);
                simulation.store_text("theirs");
            }
            simulation.advance_until(ARRIVAL_MS, "catching up", Simulation::has_received_all);
            let wait = simulation.rng.u64(0..60_000);
            simulation.advance(wait);
        }
    }
}

#[test]
fn does_not_return_to_an_unstable_transport_before_its_trial() {
    let mut simulation = Simulation::reading(1);
    simulation.faults[0] = Fault::Cut(3_000);
    simulation.event(Event::Start);
    simulation.advance_until(10_000, "the start", |simulation| simulation.transport() == Some(Transport::Sse));
    // From now on it is not used, although each attempt is proven.
    for _ in 0..3_000 {
        simulation.advance(100);
        assert_eq!(simulation.transport(), Some(Transport::Sse));
    }
}

#[test]
fn leaves_a_live_channel_that_becomes_a_black_hole() {
    for transport in [Transport::WebSocket, Transport::Sse, Transport::LongPoll] {
        let mut simulation = Simulation::live(transport);
        simulation.black_hole();
        simulation.store_text("theirs");
        simulation.advance_until(45_000, "catching up", Simulation::has_received_all);
    }
}

#[test]
fn doubts_a_black_hole_five_seconds_after_a_message() {
    for transport in Transport::ALL {
        let mut simulation = Simulation::live(transport);
        simulation.black_hole();
        simulation.faults = [Fault::BlackHole; 4];
        simulation.posts = Fault::BlackHole;
        simulation.publish();
        let time = simulation.advance_until(5_100, "the doubt", Simulation::is_doubtful);
        assert!(time >= 4_900, "{transport:?}: {time}");
        simulation.faults = [Fault::None; 4];
        simulation.posts = Fault::None;
        simulation.advance_until(15_000, "publishing", |simulation| simulation.core.outbox().pending().is_empty());
        simulation.advance(2_000);
        assert!(!simulation.is_doubtful());
        simulation.check_what_was_published();
    }
}

#[test]
fn never_doubts_a_slow_server() {
    for transport in Transport::ALL {
        let mut simulation = Simulation::live(transport);
        simulation.latency = 500;
        simulation.store_time = 20_000;
        for _ in 0..6 {
            simulation.publish();
            for _ in 0..200 {
                simulation.advance(50);
                assert!(!simulation.is_doubtful(), "{transport:?}");
            }
        }
    }
}

#[test]
fn never_doubts_a_channel_that_delivers() {
    for transport in [Transport::WebSocket, Transport::Sse] {
        let mut simulation = Simulation::live(transport);
        for connection in simulation.connections.values_mut() {
            connection.drop_upstream();
        }
        simulation.posts = Fault::BlackHole;
        simulation.publish();
        // Until the message is overdue.
        for _ in 0..28 {
            simulation.store_text("theirs");
            simulation.advance(1_000);
            assert!(!simulation.is_doubtful(), "{transport:?}");
        }
        simulation.posts = Fault::None;
        simulation.advance_until(10_000, "publishing", |simulation| simulation.core.outbox().pending().is_empty());
    }
}

#[test]
fn doubts_at_once_when_the_system_reports_no_network() {
    for transport in Transport::ALL {
        let mut simulation = Simulation::live(transport);
        simulation.event(Event::Offline);
        assert!(simulation.is_doubtful());
        // The system is wrong.
        simulation.advance_until(5_000, "the answer", |simulation| !simulation.is_doubtful());
        assert_eq!(simulation.transport(), Some(transport));
        // The system is right.
        simulation.black_hole();
        simulation.faults = [Fault::BlackHole; 4];
        simulation.event(Event::Offline);
        simulation.advance_until(16_000, "the end of doubt", |simulation| simulation.core.connection() == ConnectionState::Offline);
    }
}

#[test]
fn retry_now_detects_a_black_hole() {
    for transport in [Transport::WebSocket, Transport::Sse, Transport::LongPoll] {
        let mut simulation = Simulation::live(transport);
        simulation.advance(2_000);
        simulation.black_hole();
        simulation.advance(3_000);
        simulation.store_text("theirs");
        simulation.event(Event::RetryNow);
        simulation.advance_until(8_000, "catching up", Simulation::has_received_all);
    }
}

#[test]
fn recovers_soon_after_the_machine_was_suspended() {
    for transport in Transport::ALL {
        let mut simulation = Simulation::live(transport);
        for _ in 0..3 {
            // The machine sleeps for a night. The server closes the connections, and the log goes
            // on.
            simulation.black_hole();
            simulation.schedule.clear();
            simulation.now += 8 * 3_600_000;
            for _ in 0..70 {
                simulation.store_text("theirs");
            }
            simulation.log.first += 60;
            simulation.event(Event::RetryNow);
            simulation.advance_until(12_000, "waking up", Simulation::has_received_all);
        }
        assert_eq!(simulation.received.gaps, 3, "entries expired every night, so there are gaps");
    }
}

#[test]
fn starts_with_the_transport_proven_last() {
    for transport in Transport::ALL {
        let options = Options { after: Some(at(1, 0)), last_proven: Some(transport), ..Options::default() };
        let mut simulation = Simulation::new(1, options);
        simulation.event(Event::Start);
        simulation.advance_until(2_000, "the start", |simulation| simulation.transport() == Some(transport));
        assert_eq!(simulation.attempts.len(), 1);
        simulation.advance_until(UPGRADE_MS, "the upgrade", |simulation| simulation.transport() == Some(Transport::WebSocket));
    }
    // If that transport fails now, another one is used.
    let mut simulation = Simulation::new(1, Options { after: Some(at(1, 0)), last_proven: Some(Transport::Sse), ..Options::default() });
    simulation.faults = [Fault::BlackHole, Fault::BlackHole, Fault::None, Fault::None];
    simulation.event(Event::Start);
    simulation.advance_until(START_MS, "the start", |simulation| simulation.transport() == Some(Transport::LongPoll));
}

#[test]
fn uses_only_the_transport_asked_for() {
    for transport in Transport::ALL {
        let mut simulation = Simulation::new(1, Options { after: Some(at(1, 0)), only: Some(transport), ..Options::default() });
        simulation.event(Event::Start);
        for _ in 0..20 {
            simulation.advance(20_000);
            simulation.store_text("theirs");
            simulation.end_all();
        }
        simulation
            .advance_until(8_000, "catching up", |simulation| simulation.has_received_all() && simulation.transport() == Some(transport));
    }
}

#[test]
fn publishes_the_outbox_over_any_transport() {
    for transport in Transport::ALL {
        let outbox: Vec<PublishRequest> = (0..30).map(|n| request(&format!("kept-{n}"))).collect();
        let options = Options { after: Some(at(1, 0)), outbox: outbox.clone(), ..Options::default() };
        let mut simulation = Simulation::new(1, options);
        simulation.published = outbox.into_iter().filter_map(|message| message.key).collect();
        simulation.faults = [Fault::BlackHole; 4];
        simulation.posts = Fault::BlackHole;
        simulation.event(Event::Start);
        simulation.advance(60_000);
        for fault in transport as usize..4 {
            simulation.faults[fault] = Fault::None;
        }
        // Some answers are lost, so the messages are sent again with the same keys.
        simulation.posts = Fault::DropsAnswers;
        simulation.event(Event::RetryNow);
        simulation.advance(40_000);
        simulation.posts = Fault::None;
        simulation.advance_until(120_000, "publishing", |simulation| simulation.core.outbox().pending().is_empty());
        simulation.check_what_was_published();
    }
}

impl Simulation {
    /// Creates a simulation that is live on a transport, because the better ones are refused.
    fn live(transport: Transport) -> Self {
        let mut simulation = Self::reading(1);
        for better in 0..transport as usize {
            simulation.faults[better] = Fault::Refused;
        }
        if transport == Transport::Poll {
            simulation.faults[Transport::LongPoll as usize] = Fault::Cut(100);
        }
        simulation.event(Event::Start);
        simulation.advance(15_000);
        assert_eq!(simulation.transport(), Some(transport));
        simulation
    }

    /// Turns every open channel into a black hole.
    fn black_hole(&mut self) {
        for connection in self.connections.values_mut() {
            connection.black_hole();
        }
    }
}
