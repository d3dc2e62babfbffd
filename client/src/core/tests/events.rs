//! Server-sent events: what proves a stream, and gaps that are sent twice.

use super::*;

impl Harness {
    fn listening() -> Self {
        let mut harness = Self::with(Options { after: Some(at(1, 0)), seed: 1, only: Some(Transport::Sse), ..Options::default() });
        harness.event(Event::Start);
        harness
    }

    fn comment(&mut self) -> Vec<Action> {
        self.event(Event::Comment { channel: self.channel })
    }
}

fn is_live(harness: &Harness) -> bool {
    harness.core.connection() == ConnectionState::Live { transport: Transport::Sse, follower: false }
}

#[test]
fn is_live_after_a_comment_that_follows_the_hello() {
    let mut harness = Harness::listening();
    harness.comment();
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
    assert!(!is_live(&harness));
    assert_eq!(updates(&harness.comment()), [Update::Connection, Update::Proven(Transport::Sse)]);
    assert!(is_live(&harness));
}

#[test]
fn is_not_live_after_messages_alone() {
    let mut harness = Harness::listening();
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 2)));
    assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(1)))), [1]);
    assert!(!is_live(&harness));
    // A later message does not either: a proxy may have released it for the comment, which it now
    // holds.
    harness.now += 1_000;
    harness.receive(&ServerFrame::Message(entry(2)));
    assert!(!is_live(&harness));
}

#[test]
fn waits_for_the_comment_after_a_late_hello() {
    let mut harness = Harness::with(Options { seed: 1, ..Options::default() });
    harness.event(Event::Start);
    harness.tick();
    harness.now += 2_900;
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
    assert!(!closes(&harness.after(1_400, Event::Tick)));
    harness.comment();
    assert!(is_live(&harness));
}

#[test]
fn reports_a_gap_once_that_repeats_the_one_in_hello() {
    for (reason, resumes) in [(GapReason::Expired, at(1, 9)), (GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 2))] {
        let mut harness = Harness::with(Options { after: Some(at(1, 5)), seed: 1, only: Some(Transport::Sse), ..Options::default() });
        harness.event(Event::Start);
        let told = gap(reason, resumes);
        let hello = Hello { recovered: false, gap: Some(told.clone()), ..hello(resumes, resumes.offset) };
        assert_eq!(gaps(&harness.receive(&ServerFrame::Hello(hello))), [reason]);
        assert_eq!(gaps(&harness.receive(&ServerFrame::Gap(told))), []);
        assert_eq!(offsets(&harness.receive(&ServerFrame::Message(entry(resumes.offset + 1)))), [resumes.offset + 1]);
    }
}

#[test]
fn stays_live_with_comments_and_ends_after_silence() {
    let mut harness = Harness::listening();
    harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)));
    harness.comment();
    for _ in 0..10 {
        assert!(harness.after(HEARTBEAT * 1_000, Event::Tick).is_empty());
        harness.comment();
    }
    assert!(harness.after(23_000, Event::Tick).is_empty(), "an event stream cannot be pinged");
    assert!(closes(&harness.after(17_000, Event::Tick)));
}

#[test]
fn posts_messages_one_at_a_time() {
    let mut harness = Harness::listening();
    for name in ["a", "b", "c"] {
        harness.publish(name);
    }
    let posts = |actions: &[Action]| -> Vec<String> {
        let post = |action: &Action| if let Action::Post { json, .. } = action { Some(json.clone()) } else { None };
        actions.iter().filter_map(post).map(|json| serde_json::from_str::<PublishRequest>(&json).unwrap().text.into()).collect()
    };
    assert_eq!(posts(&harness.receive(&ServerFrame::Hello(hello(at(1, 0), 0)))), ["a"]);
    harness.comment();
    let published = |r#ref, offset| {
        let published = Published { position: at(1, offset), duplicate: false, reached: 1 };
        Event::Posted { r#ref, result: Ok(published) }
    };
    assert_eq!(posts(&harness.event(published(1, 1))), ["b"]);
    // There is no answer, so the message is sent again with its key.
    harness.receive(&ServerFrame::Message(entry_of(1, "a")));
    assert_eq!(posts(&harness.event(Event::Posted { r#ref: 2, result: Err(None) })), [""; 0]);
    assert_eq!(posts(&harness.tick()), ["b"]);
    harness.now += 29_999;
    harness.comment();
    assert_eq!(posts(&harness.event(Event::Tick)), [""; 0]);
    assert_eq!(posts(&harness.after(1, Event::Tick)), ["b"], "after 30 seconds the message is sent again");
    assert_eq!(posts(&harness.event(published(3, 7))), [""; 0], "this post was given up");
    // RetryNow ends the wait after lost answers.
    for r#ref in 4..=9 {
        assert_eq!(posts(&harness.event(Event::Posted { r#ref, result: Err(None) })), [""; 0]);
        harness.comment();
        if r#ref == 9 {
            assert_eq!(posts(&harness.event(Event::RetryNow)), ["b"]);
        } else {
            harness.now = harness.core.outbox().deadline(1).unwrap();
            assert_eq!(posts(&harness.event(Event::Tick)), ["b"]);
        }
    }
    // The server's wait is respected, and a refusal keeps the server's explanation.
    let wait = Problem { retry_after: Some(5_000), ..ErrorCode::RateLimited.into() };
    harness.event(Event::Posted { r#ref: 10, result: Err(Some(wait)) });
    harness.now += 4_999;
    harness.comment();
    assert_eq!(posts(&harness.event(Event::Tick)), [""; 0]);
    assert_eq!(posts(&harness.after(1_000, Event::Tick)), ["b"]);
    let refusal = Problem { detail: Some("No.".to_owned()), ..ErrorCode::AuthorInvalid.into() };
    assert_eq!(posts(&harness.event(Event::Posted { r#ref: 11, result: Err(Some(refusal)) })), ["c"]);
    let refused = crate::Stage::Failed { code: ErrorCode::AuthorInvalid, detail: "No.".to_owned() };
    assert_eq!(harness.core.outbox().pending()[0].stage, refused);
}
