//! The transports that replace a WebSocket.

use protocol::{Gap, GapReason, PublishRequest};
use serde_json::json;

use super::*;

fn by(transport: Transport) -> impl Fn(ConnectionState) -> bool {
    move |connection| connection == ConnectionState::Live { transport, follower: false }
}

#[tokio::test]
async fn uses_an_event_stream_when_a_websocket_is_refused() {
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    server.refuse_websocket().await;
    let mut events = server.events(None, 7).await;
    events.event(&ServerFrame::Message(entry(8))).await;
    assert_eq!(entry_of(&mut updates).await, entry(8));
    assert_eq!(updates.connection(), ConnectionState::Connecting, "a hello is not enough");
    events.write(":\n\n").await;
    wait_for(&mut updates, by(Transport::Sse)).await;
    assert_eq!((updates.position(), updates.last_error()), (Some(at(8)), None));

    // Messages are published by POST, and the stream goes on.
    let key = updates.publisher().publish(message("hello")).await.unwrap();
    let mut post = server.request().await;
    assert_eq!(post.line, "POST /api/rooms/lobby/messages HTTP/1.1");
    let published: PublishRequest = serde_json::from_slice(&post.body).unwrap();
    assert_eq!((published.text.as_str(), published.key.as_ref()), ("hello", Some(&key)));
    let mine = Entry { text: published.text, key: published.key, ..entry(9) };
    events.event(&ServerFrame::Message(mine.clone())).await;
    assert_eq!(entry_of(&mut updates).await, mine);
    post.answer_json("201 Created", &Published { position: at(9), duplicate: false, reached: 1 }).await;
    while !matches!(within_limit(updates.next()).await.unwrap(), Update::Published { .. }) {}

    // When the stream ends, it is opened again at the reader's position.
    drop(events);
    let mut events = server.events(Some(9), 9).await;
    events.event(&ServerFrame::Message(entry(10))).await;
    assert_eq!(entry_of(&mut updates).await, entry(10));
}

#[tokio::test]
async fn tries_pages_when_the_answer_is_not_an_event_stream() {
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    server.refuse_websocket().await;
    server.request().await.answer("200 OK", "text/html", "<h1>Please sign in</h1>").await;
    let mut first = server.request().await;
    assert_eq!(first.line, "GET /api/rooms/lobby/messages?limit=1 HTTP/1.1");
    first.answer_json("200 OK", &page(vec![entry(7)], 7)).await;
    wait_for(&mut updates, by(Transport::LongPoll)).await;
    let mut next = server.request().await;
    assert_eq!(next.line, format!("GET /api/rooms/lobby/messages?after={}&limit=200&wait=25 HTTP/1.1", at(7)));
    next.answer_json("200 OK", &page(vec![entry(8), entry(9)], 9)).await;
    for offset in [8, 9] {
        assert_eq!(entry_of(&mut updates).await, entry(offset));
    }
    assert_eq!(updates.position(), Some(at(9)));
}

#[tokio::test]
async fn handles_gaps_and_busy_servers_on_pages() {
    let server = Server::start().await;
    let options = Options { after: Some(at(2)), only: Some(Transport::Poll), ..Options::default() };
    let mut updates = server.room("lobby").subscribe_with(options);
    let gap = Gap { reason: GapReason::Expired, first: at(5), resumes: at(5) };
    server.request().await.answer_json("410 Gone", &Problem { gap: Some(gap.clone()), ..ErrorCode::PositionGone.into() }).await;
    while within_limit(updates.next()).await.unwrap() != Update::Gap(gap.clone()) {}
    server.request().await.answer_json("503 Service Unavailable", &Problem::from(ErrorCode::ServerFull)).await;
    wait_for(&mut updates, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
    assert_eq!(updates.last_error().unwrap().kind(), FailureKind::Refused(ErrorCode::ServerFull));
    let mut request = server.request().await;
    assert!(request.line.contains(&format!("after={}&limit", at(5))), "{}", request.line);
    request.answer_json("200 OK", &page(vec![entry(6)], 6)).await;
    assert_eq!(entry_of(&mut updates).await, entry(6));
}

#[tokio::test]
async fn reports_a_refusal_of_a_post() {
    let server = Server::start().await;
    let serve = async {
        server.refuse_websocket().await;
        let mut events = server.events(None, 0).await;
        events.write(":\n\n").await;
        let detail = Some("Ask the operator.".to_owned());
        server.request().await.answer_json("422 Unprocessable Content", &Problem { detail, ..ErrorCode::AuthorInvalid.into() }).await;
        events
    };
    let (result, _events) = tokio::join!(server.publish("hello", TIME_LIMIT), serve);
    let Err(PublishError::Refused { code: ErrorCode::AuthorInvalid, detail }) = result else { panic!("{result:?}") };
    assert_eq!(detail, "Ask the operator.");
}

#[tokio::test]
async fn posts_again_after_an_answer_from_a_proxy() {
    let server = Server::start().await;
    let serve = async {
        server.refuse_websocket().await;
        let events = server.events(None, 0).await;
        let mut first = server.request().await;
        first.answer("502 Bad Gateway", "text/html", "<h1>Sorry</h1>").await;
        let mut again = server.request().await;
        assert_eq!(first.body, again.body);
        again.answer_json("200 OK", &json!({ "position": at(1), "duplicate": true, "reached": 1 })).await;
        events
    };
    let (result, _events) = tokio::join!(server.publish("hello", TIME_LIMIT), serve);
    assert_eq!(result.unwrap(), Published { position: at(1), duplicate: true, reached: 1 });
}

#[tokio::test]
async fn ends_when_every_transport_is_refused() {
    let server = Server::start().await;
    // The second status comes from a board that is behind TLS.
    for (status, code) in [("404 Not Found", 404), ("301 Moved Permanently", 301)] {
        let mut updates = server.subscribe("lobby");
        for _ in Transport::ALL {
            server.request().await.answer(status, "text/html", "<h1>Not here</h1>").await;
        }
        while within_limit(updates.next()).await.is_some() {}
        assert!(matches!(updates.connection(), ConnectionState::Stopped { .. }));
        let failure = updates.ended().unwrap();
        assert_eq!(failure.kind(), FailureKind::NotCrier { status: code });
        assert_eq!(failure.to_string(), format!("the server answered {status}"));
    }
}

#[tokio::test]
async fn continues_when_a_proxy_drops_the_upgrade() {
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    // The proxy forwards a plain request, so the Crier server refuses the handshake.
    server.request().await.answer_json("400 Bad Request", &Problem::from(ErrorCode::RequestInvalid)).await;
    let mut events = server.events(None, 7).await;
    events.write(":\n\n").await;
    wait_for(&mut updates, by(Transport::Sse)).await;
}

#[tokio::test]
async fn ends_when_a_refusal_holds_for_every_transport() {
    for code in [ErrorCode::RoomNameInvalid, ErrorCode::OriginRefused] {
        let server = Server::start().await;
        let mut updates = server.subscribe("lobby");
        server.request().await.answer_json(&format!("{} No", code.status()), &Problem::from(code)).await;
        while within_limit(updates.next()).await.is_some() {}
        assert_eq!(updates.ended().unwrap().kind(), FailureKind::Refused(code));
        assert!(updates.ended().unwrap().to_string().contains(code.title()));
    }
}

#[tokio::test]
async fn ends_an_event_stream_when_dropped() {
    let server = Server::start().await;
    let mut updates = server.subscribe_by("lobby", Some(Transport::Sse));
    let mut events = server.events(None, 0).await;
    events.write(":\n\n").await;
    wait_for(&mut updates, by(Transport::Sse)).await;
    drop(updates);
    assert_eq!(within_limit(events.connection.read(&mut [0; 16])).await.unwrap_or_default(), 0);
}
