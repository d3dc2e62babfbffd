//! Long-poll and poll: what pages mean, and when the next one is requested.

use super::*;

fn polling(transport: Transport, after: Option<Position>) -> Harness {
    let mut harness = Harness::with(Options { after, seed: 1, only: Some(transport), ..Options::default() });
    let actions = harness.event(Event::Start);
    assert!(actions.contains(&Action::Fetch { channel: 1, after, wait_seconds: 0 }));
    harness
}

fn fetches(actions: &[Action]) -> Vec<(Option<Position>, u64)> {
    let fetch = |action: &Action| if let Action::Fetch { after, wait_seconds, .. } = action { Some((*after, *wait_seconds)) } else { None };
    actions.iter().filter_map(fetch).collect()
}

fn problem(gap: Gap) -> Option<Problem> {
    Some(Problem { gap: Some(gap), ..ErrorCode::PositionGone.into() })
}

#[test]
fn is_live_after_a_page_and_then_waits() {
    let mut harness = polling(Transport::LongPoll, Some(at(1, 0)));
    let actions = harness.page(Ok(page(&[1, 2], 2)));
    assert_eq!(offsets(&actions), [1, 2]);
    assert_eq!(harness.core.connection(), ConnectionState::Live { transport: Transport::LongPoll, follower: false });
    assert_eq!(fetches(&actions), [(Some(at(1, 2)), 25)]);
    harness.now += 25_000;
    assert_eq!(fetches(&harness.page(Ok(page(&[], 2)))), [(Some(at(1, 2)), 25)]);
}

#[test]
fn asks_a_server_that_does_not_wait_once_a_second() {
    let mut harness = polling(Transport::LongPoll, Some(at(1, 0)));
    harness.page(Ok(page(&[], 0)));
    assert_eq!(fetches(&harness.page(Ok(page(&[], 0)))), []);
    assert_eq!(harness.core.deadline(), Some(harness.now + 1_000));
    assert_eq!(fetches(&harness.tick()).len(), 1);
}

#[test]
fn polls_every_two_seconds_and_at_once_while_there_is_more() {
    let mut harness = polling(Transport::Poll, Some(at(1, 0)));
    assert_eq!(fetches(&harness.page(Ok(page(&[1], 1)))), [(Some(at(1, 1)), 0)]);
    assert_eq!(fetches(&harness.page(Ok(page(&[], 1)))), []);
    assert_eq!(harness.core.deadline(), Some(harness.now + 2_000));
    assert_eq!(fetches(&harness.tick()), [(Some(at(1, 1)), 0)]);
}

#[test]
fn starts_at_the_newest_entry_without_a_position() {
    let mut harness = polling(Transport::Poll, None);
    let actions = harness.page(Ok(page(&[7], 7)));
    assert_eq!(offsets(&actions), [0; 0], "the reader starts after it");
    assert!(updates(&actions).contains(&Update::StartsAt(at(1, 7))));
    assert_eq!(fetches(&actions), [(Some(at(1, 7)), 0)]);
}

#[test]
fn reports_a_gap_once_and_stays_live() {
    for (reason, resumes) in [(GapReason::Expired, at(1, 9)), (GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 2))] {
        let mut harness = polling(Transport::LongPoll, Some(at(1, 5)));
        let actions = harness.page(Err(problem(gap(reason, resumes))));
        assert_eq!(gaps(&actions), [reason]);
        assert_eq!(fetches(&actions), [(Some(resumes), 25)]);
        let next = MessagesPage { position: Position { offset: resumes.offset + 1, ..resumes }, ..page(&[resumes.offset + 1], 0) };
        assert_eq!(offsets(&harness.page(Ok(MessagesPage { latest: next.position, ..next }))), [resumes.offset + 1]);
    }
}

#[test]
fn does_not_ask_again_about_a_gap_that_changes_nothing() {
    let mut harness = polling(Transport::Poll, Some(at(1, 5)));
    let mut asked = 0;
    for _ in 0..100 {
        asked += fetches(&harness.page(Err(problem(gap(GapReason::Expired, at(1, 3)))))).len();
    }
    assert_eq!(asked, 0);
}

#[test]
fn reports_a_gap_that_the_server_does_not() {
    let beyond = MessagesPage { latest: at(1, 4), ..page(&[], 4) };
    let other = MessagesPage { position: at(2, 7), latest: at(2, 7), ..page(&[7], 7) };
    for (page, reason) in [(other, GapReason::OtherEpoch), (beyond, GapReason::BeyondEnd), (page(&[], 9), GapReason::Expired)] {
        let mut harness = polling(Transport::Poll, Some(at(1, 5)));
        let resumes = page.position;
        assert_eq!(gaps(&harness.page(Ok(page))), [reason]);
        assert_eq!(harness.core.position(), Some(resumes));
    }
}

#[test]
fn waits_as_long_as_a_busy_server_asks() {
    let mut harness = polling(Transport::LongPoll, Some(at(1, 0)));
    let busy = Problem { retry_after: Some(7_000), ..ErrorCode::ServerFull.into() };
    assert!(closes(&harness.page(Err(Some(busy)))));
    assert!(harness.core.deadline().unwrap() >= harness.now + 7_000);
    assert_eq!(fetches(&harness.event(Event::RetryNow)), []);
}

#[test]
fn gives_up_an_unanswered_request() {
    let mut harness = polling(Transport::LongPoll, Some(at(1, 0)));
    harness.page(Ok(page(&[], 0)));
    assert!(!closes(&harness.after(34_999, Event::Tick)));
    assert!(closes(&harness.after(1, Event::Tick)));
}

#[test]
fn retry_now_replaces_a_waiting_request() {
    let mut harness = polling(Transport::LongPoll, Some(at(1, 0)));
    harness.page(Ok(page(&[], 0)));
    assert_eq!(fetches(&harness.after(5_000, Event::RetryNow)), [(Some(at(1, 0)), 0)]);
    assert_eq!(fetches(&harness.event(Event::RetryNow)), []);
    assert!(closes(&harness.after(5_000, Event::Tick)));
}

#[test]
fn polls_soon_after_publishing() {
    let mut harness = polling(Transport::Poll, Some(at(1, 0)));
    harness.page(Ok(page(&[], 0)));
    harness.now += 1_000;
    harness.publish("a");
    let published = Published { position: at(1, 1), duplicate: false, reached: 1 };
    assert_eq!(fetches(&harness.event(Event::Posted { r#ref: 1, result: Ok(published) })), [(Some(at(1, 0)), 0)]);
}

#[test]
fn reads_presence_from_pages() {
    let mut harness = polling(Transport::Poll, Some(at(1, 0)));
    harness.page(Ok(MessagesPage { online: 4, ..page(&[], 0) }));
    assert_eq!(harness.core.online(), 4);
    // A page without the number does not mean that nobody is online.
    harness.tick();
    harness.page(Ok(page(&[], 0)));
    assert_eq!(harness.core.online(), 4);
}
