//! The client over real sockets, against a scripted server.

mod access;
mod proxies;
mod publishing;
mod server;
mod transports;

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use protocol::{Disconnect, Entry, ErrorCode, Problem, Published, ServerFrame, Text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::driver::UPDATES_MAX;
use super::*;
use crate::{ConnectionState, Options, Pending, Stage, Transport, Update};
use server::{LIVE, Server, TIME_LIMIT, at, entry, entry_of, hello, message, page, published, wait_for, within_limit};

#[tokio::test]
async fn follows_a_room_through_a_restart() {
    let server = Server::start().await;
    let mut updates = server.subscribe("大厅");
    let mut session = server.greet(7).await;
    assert_eq!(session.target, "/ws/%E5%A4%A7%E5%8E%85");
    wait_for(&mut updates, |connection| connection == LIVE).await;
    session.send(&ServerFrame::Message(entry(8))).await;
    assert_eq!(entry_of(&mut updates).await, entry(8));
    assert_eq!((updates.connection(), updates.position(), updates.last_error()), (LIVE, Some(at(8)), None));

    session.close(Disconnect::Restart { spread: 10 }).await;
    wait_for(&mut updates, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
    assert!(updates.last_error().unwrap().to_string().contains("1012"));
    assert!(updates.retry_in().unwrap() <= Duration::from_secs(1));

    let mut session = server.greet(8).await;
    assert_eq!(session.target, "/ws/%E5%A4%A7%E5%8E%85?after=0000000000000001:8");
    for offset in [8, 9] {
        session.send(&ServerFrame::Message(entry(offset))).await;
    }
    assert_eq!(entry_of(&mut updates).await, entry(9));
    assert_eq!(updates.last_error(), None);
}

#[tokio::test]
async fn publishes_again_when_the_answer_is_lost() {
    let server = Server::start().await;
    let serve = async {
        let mut session = server.greet(0).await;
        let (r#ref, first) = session.publish().await;
        // The answer is lost, so the client must publish again.
        drop((r#ref, session));
        let mut session = server.greet(0).await;
        let (r#ref, again) = session.publish().await;
        assert_eq!(first, again);
        assert!(again.key.is_some());
        session.send(&published(r#ref, 1, true)).await;
        session
    };
    let (result, _session) = tokio::join!(server.publish("hello", TIME_LIMIT), serve);
    assert_eq!(result.unwrap(), Published { position: at(1), duplicate: true, reached: 1 });
}

#[tokio::test]
async fn accepts_an_answer_after_the_entry() {
    let server = Server::start().await;
    let serve = async {
        let mut session = server.greet(0).await;
        let (r#ref, message) = session.publish().await;
        session.send(&ServerFrame::Message(Entry { text: message.text, key: message.key, ..entry(1) })).await;
        session.send(&published(r#ref, 1, false)).await;
        session
    };
    let (result, _session) = tokio::join!(server.publish("hello", TIME_LIMIT), serve);
    assert_eq!(result.unwrap().position, at(1));
}

#[tokio::test]
async fn reports_a_refusal() {
    let server = Server::start().await;
    let serve = async {
        let mut session = server.greet(0).await;
        let (r#ref, _) = session.publish().await;
        let detail = "Ask the operator.".to_owned();
        session.send(&ServerFrame::Error { r#ref: Some(r#ref), code: ErrorCode::AuthorInvalid, detail, retry_after: None }).await;
        session
    };
    let (result, _session) = tokio::join!(server.publish("hello", TIME_LIMIT), serve);
    assert!(matches!(result, Err(PublishError::Refused { code: ErrorCode::AuthorInvalid, .. })), "{result:?}");
}

#[tokio::test]
async fn a_refused_message_is_retried_or_discarded() {
    async fn refuse(session: &mut server::Session) {
        let (r#ref, message) = session.publish().await;
        assert_eq!(message.text.as_str(), "hello");
        let detail = ErrorCode::AuthorInvalid.title().to_owned();
        session.send(&ServerFrame::Error { r#ref: Some(r#ref), code: ErrorCode::AuthorInvalid, detail, retry_after: None }).await;
    }
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    let publisher = updates.publisher();
    let mut session = server.greet(0).await;
    let key = publisher.publish(message("hello")).await.unwrap();
    refuse(&mut session).await;
    wait_for_outbox(&mut updates, |outbox| outbox.iter().any(|pending| pending.stage != Stage::Sending)).await;
    publisher.retry(key.clone()).await.unwrap();
    refuse(&mut session).await;
    wait_for_outbox(&mut updates, |outbox| outbox.iter().any(|pending| pending.stage == Stage::Sending)).await;
    wait_for_outbox(&mut updates, |outbox| outbox.iter().any(|pending| pending.stage != Stage::Sending)).await;
    publisher.discard(key).await.unwrap();
    wait_for_outbox(&mut updates, <[Pending]>::is_empty).await;
}

/// Takes updates until the outbox is as wanted.
async fn wait_for_outbox(updates: &mut Subscription, wanted: impl Fn(&[Pending]) -> bool) {
    while !wanted(updates.outbox()) {
        within_limit(updates.next()).await.expect("the subscription has ended");
    }
}

#[test]
fn says_each_sentence_of_a_refusal_once() {
    let refused = |detail: &str| PublishError::Refused { code: ErrorCode::AuthorInvalid, detail: detail.to_owned() }.to_string();
    let title = ErrorCode::AuthorInvalid.title();
    assert_eq!(refused(title), title);
    assert_eq!(refused("Ask the operator."), format!("{title} Ask the operator."));
}

#[tokio::test]
async fn ends_after_a_final_close_code() {
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    server.greet(0).await.close(Disconnect::TooManyErrors).await;
    while within_limit(updates.next()).await.is_some() {}
    assert_eq!(updates.connection(), ConnectionState::Stopped { code: Some(4500) });
    assert!(updates.last_error().unwrap().to_string().contains("too many errors"));
    assert_eq!(updates.ended().unwrap().kind(), FailureKind::Closed { code: 4500 });
    let failure = updates.ended().unwrap().clone();
    assert_eq!(updates.publisher().publish(message("hello")).await, Err(Ended { failure }));
}

#[tokio::test]
async fn ends_with_a_reason_at_a_wrong_address() {
    let server = Server::start().await;
    let problem = serde_json::to_string(&Problem::from(ErrorCode::HostRefused)).unwrap();
    let answer = format!("HTTP/1.1 421 Misdirected Request\r\nContent-Length: {}\r\n\r\n{problem}", problem.len());
    let (result, ()) = tokio::join!(server.publish("hello", TIME_LIMIT), server.answer(&answer));
    let Err(PublishError::Ended(failure)) = result else { panic!("{result:?}") };
    assert_eq!(failure.kind(), FailureKind::Refused(ErrorCode::HostRefused));
    let text = failure.to_string();
    assert!(text.contains("421") && text.contains(ErrorCode::HostRefused.title()), "{text}");
}

#[tokio::test]
async fn retries_a_server_that_is_full() {
    let server = Server::start().await;
    let mut updates = server.subscribe_by("lobby", Some(Transport::WebSocket));
    for status in ["503 Service Unavailable", "429 Too Many Requests"] {
        server.answer(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        wait_for(&mut updates, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
        assert!(updates.last_error().unwrap().to_string().contains(status));
        wait_for(&mut updates, |connection| connection == ConnectionState::Connecting).await;
    }
    let _session = server.greet(0).await;
    wait_for(&mut updates, |connection| connection == LIVE).await;
}

#[tokio::test]
async fn reports_and_retries_a_server_that_is_down() {
    let server = Server::start().await;
    let address = server.listener.local_addr().unwrap();
    let mut updates = server.subscribe_by("lobby", Some(Transport::WebSocket));
    drop(server);
    wait_for(&mut updates, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
    assert_eq!(updates.last_error().unwrap().kind(), FailureKind::NoServer);
    assert!(updates.retry_in().is_some());

    let listener = TcpListener::bind(address).await.unwrap();
    let server = Server { listener, base: String::new() };
    let _session = server.greet(0).await;
    wait_for(&mut updates, |connection| connection == LIVE).await;
}

#[tokio::test]
async fn times_out_without_an_answer() {
    let server = Server::start().await;
    let result = server.publish("hello", Duration::from_millis(50)).await;
    assert!(matches!(result, Err(PublishError::TimedOut(_))), "{result:?}");
}

#[tokio::test]
async fn starts_a_tls_handshake() {
    let server = Server::start().await;
    let mut updates = Board::connect(&server.base.replace("http", "https")).unwrap().room("lobby").unwrap().subscribe(None);
    let mut connection = server.connection().await;
    // A TLS record that holds a handshake.
    assert_eq!(within_limit(connection.read_u8()).await.unwrap(), 0x16);
    connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    drop(connection);
    wait_for(&mut updates, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
}

#[tokio::test]
async fn ends_the_session_when_dropped() {
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    let mut session = server.greet(0).await;
    wait_for(&mut updates, |connection| connection == LIVE).await;
    let publisher = updates.publisher();
    drop(updates);
    while let Some(Ok(_)) = within_limit(session.socket.next()).await {}
    within_limit(publisher.commands.closed()).await;
}

#[tokio::test]
async fn receives_the_longest_entry() {
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    let mut session = server.greet(0).await;
    let long = "\u{1}".repeat(protocol::limits::TEXT_BYTES_MAX - 1) + "x";
    let entry = Entry { text: Text::parse(&long).unwrap(), raw: Some(long), ..entry(1) };
    session.send(&ServerFrame::Message(entry.clone())).await;
    assert_eq!(entry_of(&mut updates).await, entry);
}

#[tokio::test]
async fn loses_nothing_in_a_slow_program() {
    const ENTRIES: u64 = 2_000;
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    let mut session = server.greet(0).await;
    let serve = tokio::spawn(async move {
        for offset in 1..=ENTRIES {
            session.send(&ServerFrame::Message(entry(offset))).await;
        }
        // A message is sent although updates wait.
        session.publish().await
    });
    wait_for(&mut updates, |connection| connection == LIVE).await;
    updates.publisher().publish(message("hello")).await.unwrap();
    assert_eq!(within_limit(serve).await.unwrap().1.text.as_str(), "hello");
    for offset in 1..=ENTRIES {
        assert_eq!(entry_of(&mut updates).await.offset, offset);
    }
}

#[tokio::test]
async fn stays_live_in_a_slow_program() {
    const ENTRIES: u64 = 200;
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    let mut session = server.accept().await;
    session.send(&hello(0)).await;
    session.answer_ping().await;
    wait_for(&mut updates, |connection| connection == LIVE).await;
    // The second pong, which the client awaits, comes behind more updates than the program takes.
    for offset in 1..=ENTRIES {
        session.send(&ServerFrame::Message(entry(offset))).await;
    }
    session.answer_ping().await;
    within_limit(async {
        while updates.notices.len() < UPDATES_MAX {
            tokio::task::yield_now().await;
        }
    })
    .await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    for offset in 1..=ENTRIES {
        assert_eq!(entry_of(&mut updates).await.offset, offset);
    }
    assert_eq!(updates.connection(), LIVE);
}

#[tokio::test]
async fn publishes_while_updates_are_taken() {
    const MESSAGES: u64 = 300;
    let server = Server::start().await;
    let mut updates = server.subscribe("lobby");
    let publisher = updates.publisher();
    let publishing = tokio::spawn(async move {
        for n in 0..MESSAGES {
            publisher.publish(message(&n.to_string())).await.unwrap();
        }
    });
    let serving = tokio::spawn(async move {
        let mut session = server.greet(0).await;
        for n in 0..MESSAGES {
            let (r#ref, message) = session.publish().await;
            assert_eq!(message.text.as_str(), n.to_string());
            session.send(&published(r#ref, n + 1, false)).await;
            session.send(&ServerFrame::Message(Entry { text: message.text, key: message.key, ..entry(n + 1) })).await;
        }
        session
    });
    for offset in 1..=MESSAGES {
        assert_eq!(entry_of(&mut updates).await.offset, offset);
    }
    within_limit(publishing).await.unwrap();
    drop(within_limit(serving).await.unwrap());
}
