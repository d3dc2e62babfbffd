//! What a reader is told, over any number of sessions.

use super::*;

#[test]
fn entries_are_told_in_order_each_once() {
    let mut desk = Desk::live();
    let told: Vec<u64> =
        [1, 2, 2, 1, 5, 4, 6].into_iter().flat_map(|offset| offsets(&desk.say(&ServerFrame::Message(entry(offset))))).collect();
    assert_eq!(told, [1, 2, 5, 6]);
    assert_eq!(desk.core.position(), Some(at(1, 6)));
}

#[test]
fn an_entry_before_hello_is_none() {
    let mut desk = Desk::new(Some(at(1, 0)));
    desk.event(Event::Start);
    assert!(desk.say(&ServerFrame::Message(entry(1))).is_empty());
    assert_eq!(desk.core.position(), Some(at(1, 0)));
}

#[test]
fn a_reconnect_asks_for_what_follows_the_last_entry() {
    let mut desk = Desk::live();
    desk.say(&ServerFrame::Message(entry(1)));
    desk.say(&ServerFrame::Message(entry(2)));
    desk.close(1006, "");
    assert!(desk.tick().contains(&Action::Open { channel: 2, transport: Transport::WebSocket, after: Some(at(1, 2)) }));
}

#[test]
fn a_reader_without_a_position_starts_where_hello_says() {
    let mut desk = Desk::new(None);
    desk.event(Event::Start);
    assert!(updates(&desk.greet(hello(at(1, 7), 7))).contains(&Update::StartsAt(at(1, 7))));
    desk.close(1006, "");
    assert!(desk.tick().contains(&Action::Open { channel: 2, transport: Transport::WebSocket, after: Some(at(1, 7)) }));
}

#[test]
fn what_is_delivered_again_is_dropped() {
    let mut desk = Desk::live();
    for offset in 1..=5 {
        desk.say(&ServerFrame::Message(entry(offset)));
    }
    // This server starts earlier than it was asked to.
    let actions = desk.reconnect(Hello { recovered: false, ..hello(at(1, 3), 6) });
    assert_eq!(gaps(&actions), []);
    let told: Vec<u64> = (4..=6).flat_map(|offset| offsets(&desk.say(&ServerFrame::Message(entry(offset))))).collect();
    assert_eq!(told, [6]);
}

#[test]
fn a_gap_in_hello_is_told_and_the_new_place_is_taken() {
    let cases = [(GapReason::Expired, at(1, 9)), (GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 2))];
    for (reason, resumes) in cases {
        let mut desk = Desk::live();
        desk.say(&ServerFrame::Message(entry(5)));
        let actions = desk.reconnect(Hello { recovered: false, gap: Some(gap(reason, resumes)), ..hello(resumes, resumes.offset) });
        assert_eq!(gaps(&actions), [reason]);
        assert_eq!(desk.core.position(), Some(resumes));
        assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(resumes.offset + 1)))), [resumes.offset + 1]);
    }
}

#[test]
fn a_hole_is_told_even_if_the_server_says_there_is_none() {
    let cases = [(GapReason::Expired, at(1, 9), 9), (GapReason::OtherEpoch, at(2, 5), 5), (GapReason::BeyondEnd, at(1, 4), 4)];
    for (reason, position, latest) in cases {
        let mut desk = Desk::live();
        desk.say(&ServerFrame::Message(entry(5)));
        assert_eq!(gaps(&desk.reconnect(hello(position, latest))), [reason]);
        assert_eq!(desk.core.position(), Some(position));
    }
}

#[test]
fn a_gap_in_mid_session_is_told() {
    let mut desk = Desk::live();
    desk.say(&ServerFrame::Message(entry(1)));
    assert_eq!(gaps(&desk.say(&ServerFrame::Gap(gap(GapReason::Expired, at(1, 7))))), [GapReason::Expired]);
    assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(7)))), [0; 0]);
    assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(8)))), [8]);
}

#[test]
fn a_gap_in_which_nothing_is_missing_is_none() {
    let mut desk = Desk::live();
    desk.say(&ServerFrame::Message(entry(5)));
    assert!(desk.say(&ServerFrame::Gap(gap(GapReason::Expired, at(1, 3)))).is_empty());
    assert_eq!(desk.core.position(), Some(at(1, 5)));
    assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(5)))), [0; 0]);
}

#[test]
fn presence_is_told_when_it_changes() {
    let mut desk = Desk::live();
    assert_eq!(updates(&desk.say(&ServerFrame::Presence { online: 4 })), [Update::Online(4)]);
    assert!(desk.say(&ServerFrame::Presence { online: 4 }).is_empty());
}

#[test]
fn the_limits_are_the_servers() {
    let mut desk = Desk::live();
    assert_eq!(desk.core.limits(), Limits::default());
    let limits = Limits { author_chars_max: 5, ..Limits::default() };
    desk.reconnect(Hello { limits, ..hello(at(1, 0), 0) });
    assert_eq!(desk.core.limits(), limits);
}
