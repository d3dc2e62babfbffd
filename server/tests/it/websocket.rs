//! Crier's own protocol over WebSocket.

use protocol::{ErrorCode, ServerFrame};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Received, TestServer};

#[tokio::test]
async fn answers_an_invalid_frame_and_continues() {
    let server = TestServer::start();
    let mut client = server.subscribe("lobby", None).await;
    let long = "x".repeat(16 * 1024 + 1);
    let cases = [
        ("hello".to_owned(), None, ErrorCode::NotJson),
        ("{\"type\":\"publish\",".to_owned(), None, ErrorCode::NotJson),
        ("[1]".to_owned(), None, ErrorCode::ShapeInvalid),
        (json!({ "type": "shout", "ref": 1 }).to_string(), Some(1), ErrorCode::CommandUnknown),
        (json!({ "type": "publish", "ref": 2 }).to_string(), Some(2), ErrorCode::ShapeInvalid),
        (json!({ "type": "publish", "ref": 3, "text": "  " }).to_string(), Some(3), ErrorCode::TextEmpty),
        (json!({ "type": "publish", "ref": 4, "text": long }).to_string(), Some(4), ErrorCode::TextTooLong),
        (json!({ "type": "publish", "ref": 5, "text": "a\u{0}b" }).to_string(), Some(5), ErrorCode::TextInvalid),
        (json!({ "type": "publish", "ref": 6, "text": "x", "author": "n".repeat(65) }).to_string(), Some(6), ErrorCode::AuthorTooLong),
        (json!({ "type": "publish", "ref": 7, "text": "x", "author": "\u{202e}x" }).to_string(), Some(7), ErrorCode::AuthorInvalid),
        (json!({ "type": "publish", "ref": 8, "text": "x", "key": "no spaces" }).to_string(), Some(8), ErrorCode::KeyInvalid),
    ];
    for (n, (frame, r#ref, code)) in cases.into_iter().enumerate() {
        client.socket.send_text(frame.clone()).await;
        assert_eq!(client.socket.next_error().await, (r#ref, code), "{frame:.100}");
        // A valid command resets the count of errors in a row.
        client.socket.send_text(json!({ "type": "ping", "ref": n }).to_string()).await;
        assert_eq!(client.socket.data_frame().await, ServerFrame::Pong { r#ref: n as u64 });
    }
    assert!(server.all_entries("lobby").await.is_empty());
    client.publish(99, "still here", None).await;
    assert_eq!(client.texts(1).await, ["still here"]);
}

#[tokio::test]
async fn closes_with_4500_after_ten_invalid_frames_in_a_row() {
    let server = TestServer::start();
    let mut client = server.subscribe("lobby", None).await;
    for _ in 0..10 {
        client.socket.send_text("invalid").await;
    }
    for _ in 0..9 {
        assert_eq!(client.socket.next_error().await, (None, ErrorCode::NotJson));
    }
    let received = client.socket.receive().await;
    assert_eq!(received, Received::Closed { code: 4500, reason: "too many errors".to_owned() });
}

#[tokio::test]
async fn refuses_binary_with_1003() {
    let server = TestServer::start();
    let mut client = server.subscribe("lobby", None).await;
    client.socket.send(Message::binary(vec![1, 2, 3])).await;
    assert!(matches!(client.socket.receive().await, Received::Closed { code: 1003, .. }));
}

#[tokio::test]
async fn refuses_a_message_over_the_frame_limit_with_1009() {
    let server = TestServer::start();
    let mut client = server.subscribe("lobby", None).await;
    client.socket.send_text("x".repeat(64 * 1024 + 1)).await;
    assert!(matches!(client.socket.receive().await, Received::Closed { code: 1009, .. }));
}

#[tokio::test]
async fn delivers_a_text_of_maximum_length() {
    let server = TestServer::start();
    let mut client = server.subscribe("lobby", None).await;
    // Characters of three bytes, and a line end that takes two in JSON.
    let text = format!("字\n{}", "字".repeat((16 * 1024 - 4) / 3));
    client.publish(1, &text, None).await;
    assert_eq!(client.texts(1).await, [text]);
}

#[tokio::test]
async fn refuses_an_invalid_position_before_the_upgrade() {
    let server = TestServer::start();
    let response = server.get("/ws/lobby?after=nonsense").await;
    assert_eq!(response.status(), 400);
    let url = server.socket_url("/ws/lobby?after=nonsense");
    assert!(crate::support::Socket::try_open(&url, &[]).await.is_err());
}

#[tokio::test]
async fn acknowledges_in_the_order_of_the_publishes() {
    let server = TestServer::start();
    let mut client = server.subscribe("lobby", None).await;
    for r#ref in 0..300 {
        client.publish(r#ref, &r#ref.to_string(), None).await;
    }
    let seen = client.read_until(|seen| seen.published.len() == 300 && seen.entries.len() == 300).await;
    assert!(
        seen.published.iter().enumerate().all(|(n, (r#ref, published))| *r#ref == n as u64 && published.position.offset == n as u64 + 1)
    );
}

#[tokio::test]
async fn sends_heartbeats_and_drops_a_dead_connection() {
    let server = TestServer::start_with(&["--heartbeat", "1"]);
    let mut watcher = server.subscribe("lobby", None).await;
    assert_eq!(watcher.hello().heartbeat_seconds, 1);
    // This socket is never read, so it answers no ping.
    let _dead = server.subscribe("lobby", None).await;
    let mut heartbeats = 0;
    loop {
        match watcher.socket.frame().await {
            ServerFrame::Heartbeat => heartbeats += 1,
            ServerFrame::Presence { online: 1 } => break,
            _ => {}
        }
    }
    assert!(heartbeats >= 1);
}
