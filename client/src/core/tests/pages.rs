//! Long-poll and poll: what pages say, and when the next one is asked for.

use super::*;

fn polling(transport: Transport, after: Option<Position>) -> Desk {
    let mut desk = Desk::with(Options { after, seed: 1, only: Some(transport), ..Options::default() });
    let actions = desk.event(Event::Start);
    assert!(actions.contains(&Action::Fetch { channel: 1, after, wait_seconds: 0 }));
    desk
}

fn fetches(actions: &[Action]) -> Vec<(Option<Position>, u64)> {
    let fetch = |action: &Action| if let Action::Fetch { after, wait_seconds, .. } = action { Some((*after, *wait_seconds)) } else { None };
    actions.iter().filter_map(fetch).collect()
}

fn problem(gap: Gap) -> Option<Problem> {
    Some(Problem { gap: Some(gap), ..ErrorCode::PositionGone.into() })
}

#[test]
fn a_page_proves_a_long_poll_and_then_it_waits() {
    let mut desk = polling(Transport::LongPoll, Some(at(1, 0)));
    let actions = desk.page(Ok(page(&[1, 2], 2)));
    assert_eq!(offsets(&actions), [1, 2]);
    assert_eq!(desk.core.connection(), ConnectionState::Live { transport: Transport::LongPoll, follower: false });
    assert_eq!(fetches(&actions), [(Some(at(1, 2)), 25)]);
    desk.now += 25_000;
    assert_eq!(fetches(&desk.page(Ok(page(&[], 2)))), [(Some(at(1, 2)), 25)]);
}

#[test]
fn a_server_that_does_not_wait_is_asked_once_a_second() {
    let mut desk = polling(Transport::LongPoll, Some(at(1, 0)));
    desk.page(Ok(page(&[], 0)));
    assert_eq!(fetches(&desk.page(Ok(page(&[], 0)))), []);
    assert_eq!(desk.core.deadline(), Some(desk.now + 1_000));
    assert_eq!(fetches(&desk.tick()).len(), 1);
}

#[test]
fn a_room_is_polled_every_two_seconds_and_at_once_while_there_is_more() {
    let mut desk = polling(Transport::Poll, Some(at(1, 0)));
    assert_eq!(fetches(&desk.page(Ok(page(&[1], 1)))), [(Some(at(1, 1)), 0)]);
    assert_eq!(fetches(&desk.page(Ok(page(&[], 1)))), []);
    assert_eq!(desk.core.deadline(), Some(desk.now + 2_000));
    assert_eq!(fetches(&desk.tick()), [(Some(at(1, 1)), 0)]);
}

#[test]
fn a_reader_without_a_position_starts_at_the_newest() {
    let mut desk = polling(Transport::Poll, None);
    let actions = desk.page(Ok(page(&[7], 7)));
    assert_eq!(offsets(&actions), [0; 0], "it came before the reader");
    assert!(updates(&actions).contains(&Update::StartsAt(at(1, 7))));
    assert_eq!(fetches(&actions), [(Some(at(1, 7)), 0)]);
}

#[test]
fn a_gap_is_told_once_and_is_no_failure() {
    for (reason, resumes) in [(GapReason::Expired, at(1, 9)), (GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 2))] {
        let mut desk = polling(Transport::LongPoll, Some(at(1, 5)));
        let actions = desk.page(Err(problem(gap(reason, resumes))));
        assert_eq!(gaps(&actions), [reason]);
        assert_eq!(fetches(&actions), [(Some(resumes), 25)]);
        let next = MessagesPage { position: Position { offset: resumes.offset + 1, ..resumes }, ..page(&[resumes.offset + 1], 0) };
        assert_eq!(offsets(&desk.page(Ok(MessagesPage { latest: next.position, ..next }))), [resumes.offset + 1]);
    }
}

#[test]
fn a_gap_that_changes_nothing_is_not_asked_about_for_ever() {
    let mut desk = polling(Transport::Poll, Some(at(1, 5)));
    let mut asked = 0;
    for _ in 0..100 {
        asked += fetches(&desk.page(Err(problem(gap(GapReason::Expired, at(1, 3)))))).len();
    }
    assert_eq!(asked, 0);
}

#[test]
fn a_hole_is_told_even_if_the_server_says_there_is_none() {
    let beyond = MessagesPage { latest: at(1, 4), ..page(&[], 4) };
    let other = MessagesPage { position: at(2, 7), latest: at(2, 7), ..page(&[7], 7) };
    for (page, reason) in [(other, GapReason::OtherEpoch), (beyond, GapReason::BeyondEnd), (page(&[], 9), GapReason::Expired)] {
        let mut desk = polling(Transport::Poll, Some(at(1, 5)));
        let resumes = page.position;
        assert_eq!(gaps(&desk.page(Ok(page))), [reason]);
        assert_eq!(desk.core.position(), Some(resumes));
    }
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    let mut desk = polling(Transport::LongPoll, Some(at(1, 0)));
    let busy = Problem { retry_after: Some(7_000), ..ErrorCode::ServerFull.into() };
    assert!(closes(&desk.page(Err(Some(busy)))));
    assert!(desk.core.deadline().unwrap() >= desk.now + 7_000);
    assert_eq!(fetches(&desk.event(Event::RetryNow)), []);
}

#[test]
fn a_page_that_does_not_come_is_given_up() {
    let mut desk = polling(Transport::LongPoll, Some(at(1, 0)));
    desk.page(Ok(page(&[], 0)));
    assert!(!closes(&desk.after(34_999, Event::Tick)));
    assert!(closes(&desk.after(1, Event::Tick)));
}

#[test]
fn a_nudge_does_not_wait_for_an_answer_that_may_take_long() {
    let mut desk = polling(Transport::LongPoll, Some(at(1, 0)));
    desk.page(Ok(page(&[], 0)));
    assert_eq!(fetches(&desk.after(5_000, Event::RetryNow)), [(Some(at(1, 0)), 0)]);
    assert_eq!(fetches(&desk.event(Event::RetryNow)), []);
    assert!(closes(&desk.after(5_000, Event::Tick)));
}

#[test]
fn what_one_says_is_seen_at_once_on_polls_too() {
    let mut desk = polling(Transport::Poll, Some(at(1, 0)));
    desk.page(Ok(page(&[], 0)));
    desk.now += 1_000;
    desk.publish("a");
    let published = Published { position: at(1, 1), duplicate: false, reached: 1 };
    assert_eq!(fetches(&desk.event(Event::Posted { r#ref: 1, result: Ok(published) })), [(Some(at(1, 0)), 0)]);
}

#[test]
fn presence_comes_with_pages() {
    let mut desk = polling(Transport::Poll, Some(at(1, 0)));
    desk.page(Ok(MessagesPage { online: 4, ..page(&[], 0) }));
    assert_eq!(desk.core.online(), 4);
    // A server that does not say so has not said that nobody is there.
    desk.tick();
    desk.page(Ok(page(&[], 0)));
    assert_eq!(desk.core.online(), 4);
}
