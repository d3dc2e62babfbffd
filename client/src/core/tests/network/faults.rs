//! Each fault of each transport, alone and together, and what becomes of the client when it ends.

use super::*;

const WEBSOCKET_FAULTS: [Fault; 7] =
    [Fault::Refused, Fault::Cut(0), Fault::Cut(200), Fault::BlackHole, Fault::Deaf, Fault::Buffered, Fault::HeldByOne];
const SSE_FAULTS: [Fault; 5] = [Fault::Refused, Fault::Cut(200), Fault::BlackHole, Fault::Buffered, Fault::HeldByOne];
/// How long it may take to have a transport that works.
const START_MS: u64 = 8_000;
/// How long a message may take to be seen, whatever stands in the way.
const SEEN_MS: u64 = 10_000;
/// How long it may take to be back on a WebSocket.
const HEAL_MS: u64 = 50_000;

/// Starts, reads for some minutes while others write and the client does, and heals.
fn live_through(seed: u64, faults: [Fault; 4], best: Transport) {
    let mut world = World::reading(seed);
    world.faults = faults;
    world.say("before");
    world.event(Event::Start);
    world.until(START_MS, "the start", |world| world.transport() == Some(best));
    for _ in 0..60 {
        let wait = world.rng.u64(500..8_000);
        world.pass(wait);
        if world.rng.bool() {
            world.say("theirs");
        } else {
            world.publish();
        }
    }
    world.until(SEEN_MS + 5_000, "seeing all", |world| world.has_seen_all() && world.core.outbox().pending().is_empty());
    assert!(world.seen.slowest <= SEEN_MS, "{faults:?}: {}", world.seen.slowest);
    world.check_what_was_published();
    world.faults = [Fault::None; 4];
    world.until(HEAL_MS, "healing", |world| world.transport() == Some(Transport::WebSocket));
    assert_eq!(world.seen.proven, Some(Transport::WebSocket));
    world.say("after");
    world.until(1_000, "seeing all", World::has_seen_all);
    assert_eq!(world.seen.gaps, 0);
    world.pass(600_000);
    assert_eq!(world.wires.len(), 1, "what is not in use is closed");
    assert_eq!(world.transport(), Some(Transport::WebSocket));
}

#[test]
fn a_websocket_that_works_is_used_at_once() {
    let mut world = World::reading(1);
    world.event(Event::Start);
    world.until(1_000, "the start", |world| world.transport() == Some(Transport::WebSocket));
    world.pass(3_600_000);
    assert_eq!(world.attempts.len(), 1);
}

#[test]
fn without_websocket_there_are_events() {
    for (seed, fault) in WEBSOCKET_FAULTS.into_iter().enumerate() {
        live_through(seed as u64, [fault, Fault::None, Fault::None, Fault::None], Transport::Sse);
    }
}

#[test]
fn without_streams_there_are_long_polls() {
    for (seed, websocket) in WEBSOCKET_FAULTS.into_iter().enumerate() {
        for sse in SSE_FAULTS {
            live_through(seed as u64, [websocket, sse, Fault::None, Fault::None], Transport::LongPoll);
        }
    }
}

#[test]
fn where_no_response_may_wait_there_are_polls() {
    let mut world = World::reading(1);
    world.faults = [Fault::Refused, Fault::BlackHole, Fault::Cut(3_000), Fault::None];
    world.event(Event::Start);
    world.until(20_000, "the start", |world| world.transport() == Some(Transport::Poll));
    for _ in 0..30 {
        world.say("theirs");
        world.pass(5_000);
    }
    assert!(world.has_seen_all() && world.seen.slowest < SEEN_MS);
    world.faults[2] = Fault::None;
    world.until(HEAL_MS, "healing", |world| world.transport() == Some(Transport::LongPoll));
}

#[test]
fn a_stream_that_is_cut_every_thirty_seconds_is_opened_again() {
    for (websocket, best) in [(Fault::Cut(30_000), Transport::WebSocket), (Fault::Refused, Transport::Sse)] {
        let mut world = World::reading(3);
        world.faults = [websocket, Fault::Cut(30_000), Fault::Cut(30_000), Fault::Cut(30_000)];
        world.event(Event::Start);
        for _ in 0..120 {
            world.say("theirs");
            world.pass(5_000);
        }
        assert!(world.seen.slowest < 2_000, "{}", world.seen.slowest);
        assert!(world.has_seen_all());
        assert_eq!(world.transport(), Some(best));
    }
}

#[test]
fn what_is_one_behind_is_no_longer_than_bearable_when_a_busy_room_falls_silent() {
    for seed in 0..20 {
        let mut world = World::reading(seed);
        world.faults = [Fault::HeldByOne, Fault::HeldByOne, Fault::None, Fault::None];
        world.event(Event::Start);
        for _ in 0..5 {
            for _ in 0..200 {
                let wait = world.rng.u64(10..400);
                world.pass(wait);
                world.say("theirs");
            }
            world.until(SEEN_MS, "seeing all", World::has_seen_all);
            let wait = world.rng.u64(0..60_000);
            world.pass(wait);
        }
    }
}

#[test]
fn a_transport_that_kills_young_is_not_gone_back_to_before_its_trial() {
    let mut world = World::reading(1);
    world.faults[0] = Fault::Cut(3_000);
    world.event(Event::Start);
    world.until(10_000, "the start", |world| world.transport() == Some(Transport::Sse));
    // From here on it is used no more, although it says hello and answers each time.
    for _ in 0..3_000 {
        world.pass(100);
        assert_eq!(world.transport(), Some(Transport::Sse));
    }
}

#[test]
fn a_live_link_that_becomes_a_black_hole_is_left() {
    for transport in [Transport::WebSocket, Transport::Sse, Transport::LongPoll] {
        let mut world = World::reading(1);
        for better in 0..transport as usize {
            world.faults[better] = Fault::Refused;
        }
        world.event(Event::Start);
        world.pass(15_000);
        assert_eq!(world.transport(), Some(transport));
        world.swallow();
        world.say("theirs");
        world.until(45_000, "seeing all", World::has_seen_all);
    }
}

#[test]
fn a_nudge_finds_a_black_hole_at_once() {
    for transport in [Transport::WebSocket, Transport::Sse, Transport::LongPoll] {
        let mut world = World::reading(1);
        for better in 0..transport as usize {
            world.faults[better] = Fault::Refused;
        }
        world.event(Event::Start);
        world.pass(17_000);
        assert_eq!(world.transport(), Some(transport));
        world.swallow();
        world.pass(3_000);
        world.say("theirs");
        world.event(Event::RetryNow);
        world.until(8_000, "seeing all", World::has_seen_all);
    }
}

#[test]
fn after_a_long_sleep_all_is_well_soon() {
    for transport in Transport::ALL {
        let mut world = World::reading(1);
        for better in 0..transport as usize {
            world.faults[better] = Fault::Refused;
        }
        if transport == Transport::Poll {
            world.faults[2] = Fault::Cut(100);
        }
        world.event(Event::Start);
        world.pass(20_000);
        assert_eq!(world.transport(), Some(transport));
        for _ in 0..3 {
            // The machine sleeps for a night; the server gives its channels up, and the log goes on.
            world.swallow();
            world.agenda.clear();
            world.now += 8 * 3_600_000;
            for _ in 0..70 {
                world.say("theirs");
            }
            world.log.first += 60;
            world.event(Event::RetryNow);
            world.until(12_000, "waking up", World::has_seen_all);
        }
        assert_eq!(world.seen.gaps, 3, "each night has cost entries, and that is said");
    }
}

#[test]
fn what_is_remembered_is_started_with() {
    for transport in Transport::ALL {
        let options = Options { after: Some(at(1, 0)), last_proven: Some(transport), ..Options::default() };
        let mut world = World::new(1, options);
        world.event(Event::Start);
        world.until(2_000, "the start", |world| world.transport() == Some(transport));
        assert_eq!(world.attempts.len(), 1);
        world.until(HEAL_MS, "healing", |world| world.transport() == Some(Transport::WebSocket));
    }
    // Where it no longer works, others do.
    let mut world = World::new(1, Options { after: Some(at(1, 0)), last_proven: Some(Transport::Sse), ..Options::default() });
    world.faults = [Fault::BlackHole, Fault::BlackHole, Fault::None, Fault::None];
    world.event(Event::Start);
    world.until(START_MS, "the start", |world| world.transport() == Some(Transport::LongPoll));
}

#[test]
fn a_transport_that_is_asked_for_is_kept_to() {
    for transport in Transport::ALL {
        let mut world = World::new(1, Options { after: Some(at(1, 0)), only: Some(transport), ..Options::default() });
        world.event(Event::Start);
        for _ in 0..20 {
            world.pass(20_000);
            world.say("theirs");
            world.end_all();
        }
        world.until(8_000, "seeing all", |world| world.has_seen_all() && world.transport() == Some(transport));
    }
}

#[test]
fn an_outbox_goes_out_over_whatever_comes_back() {
    for transport in Transport::ALL {
        let outbox: Vec<PublishRequest> = (0..30).map(|n| request(&format!("kept-{n}"))).collect();
        let options = Options { after: Some(at(1, 0)), outbox: outbox.clone(), ..Options::default() };
        let mut world = World::new(1, options);
        world.published = outbox.into_iter().filter_map(|message| message.key).collect();
        world.faults = [Fault::BlackHole; 4];
        world.posts = Fault::BlackHole;
        world.event(Event::Start);
        world.pass(60_000);
        for fault in transport as usize..4 {
            world.faults[fault] = Fault::None;
        }
        // Some of the answers are lost; the messages are sent again with the same keys.
        world.posts = Fault::Lossy;
        world.event(Event::RetryNow);
        world.pass(40_000);
        world.posts = Fault::None;
        world.until(120_000, "publishing", |world| world.core.outbox().pending().is_empty());
        world.check_what_was_published();
    }
}

impl World {
    /// All that is open becomes a black hole.
    fn swallow(&mut self) {
        for wire in self.wires.values_mut() {
            wire.swallow();
        }
    }
}
