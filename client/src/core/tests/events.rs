//! Server-sent events: what proves them, and what they say twice.

use super::*;

impl Desk {
    fn listening() -> Self {
        let mut desk = Self::with(Options { after: Some(at(1, 0)), seed: 1, only: Some(Transport::Sse), ..Options::default() });
        desk.event(Event::Start);
        desk
    }

    fn comment(&mut self) -> Vec<Action> {
        self.event(Event::Comment { channel: self.channel })
    }
}

fn is_live(desk: &Desk) -> bool {
    desk.core.connection() == ConnectionState::Live { transport: Transport::Sse, follower: false }
}

#[test]
fn a_comment_after_hello_proves_a_stream() {
    let mut desk = Desk::listening();
    desk.comment();
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)));
    assert!(!is_live(&desk));
    assert_eq!(updates(&desk.comment()), [Update::Connection, Update::Proven(Transport::Sse)]);
    assert!(is_live(&desk));
}

#[test]
fn messages_prove_nothing() {
    let mut desk = Desk::listening();
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 2)));
    assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(1)))), [1]);
    assert!(!is_live(&desk));
    // Nor does a message later: it may have been pushed through by the comment, which is then kept for the next.
    desk.now += 1_000;
    desk.say(&ServerFrame::Message(entry(2)));
    assert!(!is_live(&desk));
}

#[test]
fn a_late_hello_leaves_time_for_a_sign() {
    let mut desk = Desk::with(Options { seed: 1, ..Options::default() });
    desk.event(Event::Start);
    desk.tick();
    desk.now += 2_900;
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)));
    assert!(!closes(&desk.after(1_400, Event::Tick)));
    desk.comment();
    assert!(is_live(&desk));
}

#[test]
fn a_gap_that_repeats_the_one_in_hello_is_told_once() {
    for (reason, resumes) in [(GapReason::Expired, at(1, 9)), (GapReason::OtherEpoch, at(2, 1)), (GapReason::BeyondEnd, at(1, 2))] {
        let mut desk = Desk::with(Options { after: Some(at(1, 5)), seed: 1, only: Some(Transport::Sse), ..Options::default() });
        desk.event(Event::Start);
        let told = gap(reason, resumes);
        let hello = Hello { recovered: false, gap: Some(told.clone()), ..hello(resumes, resumes.offset) };
        assert_eq!(gaps(&desk.say(&ServerFrame::Hello(hello))), [reason]);
        assert_eq!(gaps(&desk.say(&ServerFrame::Gap(told))), []);
        assert_eq!(offsets(&desk.say(&ServerFrame::Message(entry(resumes.offset + 1)))), [resumes.offset + 1]);
    }
}

#[test]
fn comments_keep_a_stream_and_silence_ends_it() {
    let mut desk = Desk::listening();
    desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)));
    desk.comment();
    for _ in 0..10 {
        assert!(desk.after(HEARTBEAT * 1_000, Event::Tick).is_empty());
        desk.comment();
    }
    assert!(desk.after(23_000, Event::Tick).is_empty(), "there is nothing that could be asked");
    assert!(closes(&desk.after(17_000, Event::Tick)));
}

#[test]
fn messages_are_posted_one_at_a_time() {
    let mut desk = Desk::listening();
    for name in ["a", "b", "c"] {
        desk.publish(name);
    }
    let posts = |actions: &[Action]| -> Vec<String> {
        let post = |action: &Action| if let Action::Post { json, .. } = action { Some(json.clone()) } else { None };
        actions.iter().filter_map(post).map(|json| serde_json::from_str::<PublishRequest>(&json).unwrap().text.into()).collect()
    };
    assert_eq!(posts(&desk.say(&ServerFrame::Hello(hello(at(1, 0), 0)))), ["a"]);
    desk.comment();
    let published = |r#ref, offset| {
        let published = Published { position: at(1, offset), duplicate: false, reached: 1 };
        Event::Posted { r#ref, result: Ok(published) }
    };
    assert_eq!(posts(&desk.event(published(1, 1))), ["b"]);
    // Nobody answers, so it is sent again, with its key.
    desk.say(&ServerFrame::Message(entry_of(1, "a")));
    assert_eq!(posts(&desk.event(Event::Posted { r#ref: 2, result: Err(None) })), [""; 0]);
    assert_eq!(posts(&desk.tick()), ["b"]);
    desk.now += 29_999;
    desk.comment();
    assert_eq!(posts(&desk.event(Event::Tick)), [""; 0]);
    assert_eq!(posts(&desk.after(1, Event::Tick)), ["b"], "an answer that does not come is not waited for for ever");
    assert_eq!(posts(&desk.event(published(3, 7))), [""; 0], "that one was given up");
    // Nor is it put off for long when there is a new channel.
    for r#ref in 4..=9 {
        assert_eq!(posts(&desk.event(Event::Posted { r#ref, result: Err(None) })), [""; 0]);
        desk.comment();
        if r#ref == 9 {
            assert_eq!(posts(&desk.event(Event::RetryNow)), ["b"]);
        } else {
            desk.now = desk.core.outbox().deadline(1).unwrap();
            assert_eq!(posts(&desk.event(Event::Tick)), ["b"]);
        }
    }
    // A time to wait is kept to, and a refusal is told with its words.
    let wait = Problem { retry_after: Some(5_000), ..ErrorCode::RateLimited.into() };
    desk.event(Event::Posted { r#ref: 10, result: Err(Some(wait)) });
    desk.now += 4_999;
    desk.comment();
    assert_eq!(posts(&desk.event(Event::Tick)), [""; 0]);
    assert_eq!(posts(&desk.after(1_000, Event::Tick)), ["b"]);
    let refusal = Problem { detail: Some("No.".to_owned()), ..ErrorCode::AuthorInvalid.into() };
    assert_eq!(posts(&desk.event(Event::Posted { r#ref: 11, result: Err(Some(refusal)) })), ["c"]);
    let refused = crate::Stage::Failed { code: ErrorCode::AuthorInvalid, detail: "No.".to_owned() };
    assert_eq!(desk.core.outbox().pending()[0].stage, refused);
}
