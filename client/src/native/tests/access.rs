//! Identities and access keys, and the end of access.

use super::*;

#[tokio::test]
async fn sends_its_secrets_with_requests_and_handshakes() {
    let server = Server::start().await;
    let board = Board::connect(&server.base).unwrap().with_identity(&Identity::random().unwrap());
    let room = board.with_access_key("crk_of-a-test").unwrap().room("lobby").unwrap();
    let requests = async {
        let page = server.request().await;
        let mut heads = vec![page.head];
        drop(page.connection);
        let _updates = room.subscribe(None);
        heads.push(server.request().await.head);
        heads
    };
    let (_, heads) = tokio::join!(room.history(Page::Latest), requests);
    for (head, path) in heads.iter().zip(["GET /api/rooms/lobby/messages", "GET /ws/lobby"]) {
        let has = |line: &str| head.lines().any(|header| header.starts_with(line));
        assert!(has(path) && has("crier-identity: ") && has("authorization: Bearer crk_of-a-test"), "{head}");
    }
}

#[tokio::test]
async fn a_program_without_secrets_sends_none() {
    let server = Server::start().await;
    let _updates = server.subscribe("lobby");
    let head = server.request().await.head.to_lowercase();
    assert!(!head.contains("crier-identity") && !head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn stops_for_good_when_its_access_ends() {
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    let session = server.greet(0).await;
    wait_for(&mut updates, |connection| connection == LIVE).await;
    session.close(Disconnect::AccessEnded).await;
    while within_limit(updates.next()).await.is_some() {}
    assert_eq!(updates.ended().unwrap().kind(), FailureKind::Closed { code: Disconnect::AccessEnded.code() });
}

#[tokio::test]
async fn a_room_that_may_not_be_read_any_more_ends_the_subscription() {
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    let session = server.greet(0).await;
    wait_for(&mut updates, |connection| connection == LIVE).await;
    session.close(Disconnect::Restart { spread: 1 }).await;
    let mut request = server.request().await;
    let problem = serde_json::to_string(&Problem::from(ErrorCode::NotFound)).unwrap();
    request.answer("404 Not Found", "application/problem+json", &problem).await;
    while within_limit(updates.next()).await.is_some() {}
    assert_eq!(updates.ended().unwrap().kind(), FailureKind::Refused(ErrorCode::NotFound));
}

#[tokio::test]
async fn a_message_that_waits_for_a_moderator_is_told_as_such() {
    let server = Server::start().await;
    let serve = async {
        let mut session = server.greet(0).await;
        let (r#ref, _) = session.publish().await;
        let detail = ErrorCode::Queued.title().to_owned();
        session.send(&ServerFrame::Error { r#ref: Some(r#ref), code: ErrorCode::Queued, detail, retry_after: Some(10_000) }).await;
        session
    };
    let (result, _session) = tokio::join!(server.publish("hello", TIME_LIMIT), serve);
    assert_eq!(result, Err(PublishError::Queued));
}

/// 202 is a success of HTTP, but not a message's.
#[tokio::test]
async fn over_http_a_queued_message_is_told_as_well() {
    let server = Server::start().await;
    let mut updates = server.subscribe_by("lobby", Some(Transport::Sse));
    let mut events = server.events(None, 0).await;
    events.write(":\n").await;
    wait_for(&mut updates, |connection| matches!(connection, ConnectionState::Live { .. })).await;
    let publisher = updates.publisher();
    let serve = async {
        publisher.publish(message("hello")).await.unwrap();
        let mut request = server.request().await;
        assert!(request.line.starts_with("POST /api/rooms/lobby/messages"), "{}", request.line);
        let problem = Problem { retry_after: Some(10_000), ..ErrorCode::Queued.into() };
        request.answer("202 Accepted", "application/problem+json", &serde_json::to_string(&problem).unwrap()).await;
    };
    let is_queued = |outbox: &[Pending]| outbox.iter().any(|pending| pending.stage == Stage::Queued);
    tokio::join!(serve, wait_for_outbox(&mut updates, is_queued));
}
