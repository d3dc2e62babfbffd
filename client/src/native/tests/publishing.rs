//! [`Room::publish`] and [`Room::history`] against a scripted server.

use protocol::{Gap, GapReason, PublishRequest};

use super::server::Session;
use super::*;

/// Answers a publish, and delivers its entry.
async fn store(session: &mut Session, offset: u64) -> PublishRequest {
    let (r#ref, message) = session.publish().await;
    session.send(&published(r#ref, offset, false)).await;
    session.send(&ServerFrame::Message(Entry { text: message.text.clone(), key: message.key.clone(), ..entry(offset) })).await;
    message
}

#[tokio::test]
async fn publishes_inside_a_subscription_loop_under_a_flood() {
    const FLOOD: u64 = 5_000;
    let server = Server::start().await;
    let room = server.room("lobby");
    let mut updates = room.subscribe(None);
    let mut flooded = server.greet(0).await;
    tokio::spawn(async move {
        for offset in 1..=FLOOD {
            flooded.send(&ServerFrame::Message(entry(offset))).await;
        }
        flooded
    });
    let serving = tokio::spawn(async move {
        let mut session = server.greet(0).await;
        for offset in 1..=5 {
            store(&mut session, offset).await;
        }
    });
    let mut seen = 0;
    while seen < FLOOD {
        if let Some(Update::Entry(entry)) = within_limit(updates.next()).await {
            seen = entry.offset;
            // By now, more updates wait than the subscription takes.
            if seen % 1_000 == 0 {
                within_limit(room.publish("hint")).await.unwrap();
            }
        }
    }
    within_limit(serving).await.unwrap();
}

#[tokio::test]
async fn clones_share_a_connection_and_keep_the_order_of_calls() {
    const MESSAGES: u64 = 150;
    let server = Server::start().await;
    let room = server.room("lobby");
    let serving = tokio::spawn(async move {
        let mut session = server.greet(0).await;
        let mut texts = Vec::new();
        for offset in 1..=MESSAGES {
            texts.push(store(&mut session, offset).await.text);
        }
        (texts, session, server)
    });
    let calls = (1..=MESSAGES).map(|n| {
        let room = room.clone();
        async move { room.publish(n.to_string()).await.unwrap().position }
    });
    let positions = within_limit(futures_util::future::join_all(calls)).await;
    assert_eq!(positions, (1..=MESSAGES).map(at).collect::<Vec<_>>());
    let (texts, mut session, server) = within_limit(serving).await.unwrap();
    assert!(texts.iter().map(Text::as_str).eq((1..=MESSAGES).map(|n| n.to_string()).collect::<Vec<_>>().iter().map(String::as_str)));
    // The connection lives as long as the room and its clones.
    drop(room);
    while let Some(Ok(_)) = within_limit(session.socket.next()).await {}
    assert!(tokio::time::timeout(Duration::from_millis(1), server.listener.accept()).await.is_err(), "there was another connection");
}

#[tokio::test]
async fn an_idle_publishing_connection_is_closed_and_opened_again() {
    let server = Server::start().await;
    let room = server.room("lobby");
    for offset in 1..=2 {
        let serving = async {
            let mut session = server.greet(offset - 1).await;
            store(&mut session, offset).await;
            session
        };
        let (result, mut session) = tokio::join!(room.publish("hello"), serving);
        assert_eq!(result.unwrap().position, at(offset));
        tokio::time::pause();
        while let Some(Ok(_)) = session.socket.next().await {}
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_repeated_key_is_answered_again() {
    let server = Server::start().await;
    let room = server.room("lobby");
    let message = || Message::new("hello").key("k");
    let serving = async {
        let mut session = server.greet(0).await;
        let (r#ref, _) = session.publish().await;
        session.send(&published(r#ref, 1, false)).await;
        let (r#ref, again) = session.publish().await;
        assert_eq!(again.key.unwrap().as_str(), "k");
        session.send(&published(r#ref, 1, true)).await;
        session
    };
    let publishing = async {
        // Of two calls at a time, one message is sent.
        let (first, same, other) = tokio::join!(room.publish(message()), room.publish(message()), room.publish(Message::new("x").key("k")));
        assert_eq!((first.unwrap().position, same.unwrap().position), (at(1), at(1)));
        assert!(matches!(other, Err(PublishError::Refused { code: ErrorCode::KeyReused, .. })), "{other:?}");
        // The entry has not arrived yet.
        assert!(room.publish(message()).await.unwrap().duplicate);
    };
    Box::pin(within_limit(async { tokio::join!(publishing, serving) })).await;
}

#[tokio::test]
async fn a_message_that_timed_out_is_not_sent_later() {
    let server = Server::start().await;
    let room = server.room("lobby");
    let impatient = room.clone().with_time_limit(Duration::from_millis(50));
    let result = impatient.publish("late").await;
    assert!(matches!(&result, Err(error @ PublishError::TimedOut(_)) if error.is_temporary()), "{result:?}");
    let serving = async {
        let mut session = server.greet(0).await;
        (store(&mut session, 1).await.text, session)
    };
    let (result, (text, _session)) = tokio::join!(room.publish("in time"), serving);
    assert_eq!((result.unwrap().position, text.as_str()), (at(1), "in time"));
}

#[tokio::test]
async fn an_invalid_message_is_refused_without_a_server() {
    let room = Board::connect("http://127.0.0.1:1").unwrap().room("lobby").unwrap();
    for (message, code) in [
        (Message::new(" "), ErrorCode::TextEmpty),
        (Message::new("x".repeat(20_000)), ErrorCode::TextTooLong),
        (Message::new("x").author("a\nb"), ErrorCode::AuthorInvalid),
        (Message::new("x").key("not a key").author("Ana"), ErrorCode::KeyInvalid),
    ] {
        let result = room.publish(message).await;
        assert!(
            matches!(&result, Err(error @ PublishError::Refused { code: is, .. }) if *is == code && !error.is_temporary()),
            "{result:?}"
        );
    }
    assert!(room.publish("hello".to_owned()).now_or_never().is_none(), "a valid message waits for the server");
}

#[tokio::test]
async fn a_room_publishes_again_after_an_end_for_good() {
    let server = Server::start().await;
    let room = server.room("lobby");
    let (result, ()) = tokio::join!(room.publish("hello"), async { server.greet(0).await.close(Disconnect::TooManyErrors).await });
    assert!(matches!(&result, Err(PublishError::Ended(failure)) if failure.kind() == FailureKind::Closed { code: 4500 }), "{result:?}");
    let serving = async {
        let mut session = server.greet(0).await;
        store(&mut session, 1).await;
        session
    };
    let (result, _session) = tokio::join!(room.publish("hello"), serving);
    assert_eq!(result.unwrap().position, at(1));
}

#[tokio::test]
async fn history_errors_say_what_is_wrong() {
    let server = Server::start().await;
    let room = server.room("lobby");
    let gap = Gap { reason: GapReason::Expired, first: at(5), resumes: at(5) };
    let gone = Problem { gap: Some(gap.clone()), ..ErrorCode::PositionGone.into() };
    let busy: Problem = ErrorCode::Overloaded.into();
    for (status, body, error, is_temporary) in [
        ("410 Gone", serde_json::to_string(&gone).unwrap(), HistoryError::Gap(gap), false),
        (
            "503 Service Unavailable",
            serde_json::to_string(&busy).unwrap(),
            HistoryError::Refused { code: ErrorCode::Overloaded, detail: busy.title },
            true,
        ),
        ("404 Not Found", "<h1>?</h1>".to_owned(), not_crier(404, "the server answered 404 Not Found"), false),
        ("200 OK", "<h1>Sign in</h1>".to_owned(), not_crier(200, "the answer is not one of a Crier server"), true),
    ] {
        let serving = async { server.request().await.answer(status, "text/plain", &body).await };
        let (result, ()) = tokio::join!(room.history(Page::Latest), serving);
        assert_eq!(result.as_ref().unwrap_err(), &error);
        assert_eq!(error.is_temporary(), is_temporary, "{error}");
    }
    drop(server);
    let Err(HistoryError::Failed(failure)) = room.history(Page::Latest).await else { panic!("there is no server") };
    assert_eq!(failure.kind(), FailureKind::NoServer);
}

fn not_crier(status: u16, message: &str) -> HistoryError {
    HistoryError::Failed(Failure::new(FailureKind::NotCrier { status }, message))
}
