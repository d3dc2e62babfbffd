//! What is reported over several sessions.

use super::*;

#[test]
fn reports_entries_in_order_each_once() {
    let mut harness = Harness::live();
    let told: Vec<u64> =
        [1, 2, 2, 1, 5, 4, 6].into_iter().flat_map(|offset| offsets(&harness.receive(&ServerFrame::Message(entry(offset))))).collect();
    assert_eq!(told, [1, 2, 5, 6]);
    assert_eq!(harness.core.position(), Some(at(1, 6)));
}

#[test]
fn ignores_an_entry_before_the_hello() {
    let mut harness = Harness::new(Some(at(1, 0)));
    harness.event(Event::Start);
    assert!(harness.receive(&ServerFrame::Message(entry(1))).is_empty());
    assert_eq!(harness.core.position(), Some(at(1, 0)));
}

#[test]
fn continues_after_the_last_entry() {
    let mut harness = Harness::live();
    harness.receive(&ServerFrame::Message(entry(1)));
    harness.receive(&ServerFrame::Message(entry(2)));
    harness.close(1006, "");
    assert!(harness.tick().contains(&Action::Open { channel: 2, transport: Transport::WebSocket, after: Some(at(1, 2)) }));
}

#[test]
fn starts_at_the_position_of_the_hello() {
    let mut harness = Harness::new(None);
    harness.event(Event::Start);
    assert!(updates(&harness.greet(hello(at(1, 7), 7))).contains(&Update::StartsAt(at(1, 7))));
    harness.close(1006, "");
    assert!(harness.tick().contains(&Action::Open { channel: 2, transport: Transport::WebSocket, after: Some(at(1, 7)) }));
}

#[test]
fn drops_entries_that_are_delivered_again() {
    let mut harness = Harness::live();
    for offset in 1..=5 {
        harness.receive(&ServerFrame::Message(entry(offset)));
    }
    // This server starts before the position that was asked for.
    let actions = harness.reconnect(Hello { recovered: false, ..hello(at(1, 3), 6) });
    assert_eq!(gaps(&actions), []);
    let told: Vec<u64> = (4..=6).flat_map(|offset| offsets(&harness.receive(&ServerFrame::Message(entry(offset))))).collect();
    assert_eq!(told, [6]);
}

#[test]
fn reports_a_gap_in_the_hello_and_continues_after_it() {
    let cases = [(GapReason::Expired, at(1, 9)), (GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 2))];
    for (reason, resumes) in cases {
        let mut harness = Harness::live();
        harness.receive(&ServerFrame::Message(entry(5)));
        let actions = harness.reconnect(Hello { recovered: false, gap: Some(gap(reason, resumes)), ..hello(resumes, resumes.offset) });
        assert_eq!(gaps(&actions), [reason]);
        assert_eq!(harness.core.position(), Some(resumes));
        assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(resumes.offset + 1)))), [resumes.offset + 1]);
    }
}

#[test]
fn reports_a_gap_that_the_server_does_not() {
    let cases = [(GapReason::Expired, at(1, 9), 9), (GapReason::OtherEpoch, at(2, 5), 5), (GapReason::BeyondEnd, at(1, 4), 4)];
    for (reason, position, latest) in cases {
        let mut harness = Harness::live();
        harness.receive(&ServerFrame::Message(entry(5)));
        assert_eq!(gaps(&harness.reconnect(hello(position, latest))), [reason]);
        assert_eq!(harness.core.position(), Some(position));
    }
}

#[test]
fn reports_a_gap_in_mid_session() {
    let mut harness = Harness::live();
    harness.receive(&ServerFrame::Message(entry(1)));
    assert_eq!(gaps(&harness.receive(&ServerFrame::Gap(gap(GapReason::Expired, at(1, 7))))), [GapReason::Expired]);
    assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(7)))), [0; 0]);
    assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(8)))), [8]);
}

#[test]
fn ignores_a_gap_without_missing_entries() {
    let mut harness = Harness::live();
    harness.receive(&ServerFrame::Message(entry(5)));
    assert!(harness.receive(&ServerFrame::Gap(gap(GapReason::Expired, at(1, 3)))).is_empty());
    assert_eq!(harness.core.position(), Some(at(1, 5)));
    assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(5)))), [0; 0]);
}

#[test]
fn reports_presence_when_it_changes() {
    let mut harness = Harness::live();
    assert_eq!(updates(&harness.receive(&ServerFrame::Presence { online: 4 })), [Update::Online(4)]);
    assert!(harness.receive(&ServerFrame::Presence { online: 4 }).is_empty());
}

#[test]
fn uses_the_limits_of_the_server() {
    let mut harness = Harness::live();
    assert_eq!(harness.core.limits(), Limits::default());
    let limits = Limits { author_chars_max: 5, ..Limits::default() };
    harness.reconnect(Hello { limits, ..hello(at(1, 0), 0) });
    assert_eq!(harness.core.limits(), limits);
}
