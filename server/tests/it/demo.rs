//! The WebSocket of the demo: it sends each raw text unchanged to all its clients.

use tokio_tungstenite::tungstenite::Message;

use crate::support::{Received, Socket, TestServer, problem, texts};

#[tokio::test]
async fn demo_clients_receive_each_others_raw_texts() {
    let server = TestServer::start();
    let mut ana = Socket::open(&server.socket_url("/message/")).await;
    let mut bob = Socket::open(&server.socket_url("/message/")).await;
    for raw in ["content=hello+%E4%B8%96%E7%95%8C", "plain text"] {
        ana.send_text(raw).await;
        assert_eq!(ana.receive().await, Received::Text(raw.to_owned()));
        assert_eq!(bob.receive().await, Received::Text(raw.to_owned()));
    }
}

#[tokio::test]
async fn the_lobby_shows_the_decoded_form_text() {
    let server = TestServer::start();
    let mut lobby = server.subscribe("lobby", None).await;
    let mut ana = Socket::open(&server.socket_url("/message/")).await;
    ana.send_text("content=hello+%E4%B8%96%E7%95%8C").await;
    assert_eq!(lobby.texts(1).await, ["hello 世界"]);
    server.post("lobby", "from the board").await;
    ana.receive().await;
    assert_eq!(ana.receive().await, Received::Text("from the board".to_owned()));
    assert_eq!(texts(&server.all_entries("lobby").await), ["hello 世界", "from the board"]);
}

#[tokio::test]
async fn answers_404_without_an_upgrade() {
    let server = TestServer::start();
    assert_eq!(problem(server.get("/message/").await).await, (404, "not_found".to_owned()));
}

#[tokio::test]
async fn reports_an_empty_form_and_stays_open() {
    let server = TestServer::start();
    let mut ana = Socket::open(&server.socket_url("/message/")).await;
    ana.send_text("content=").await;
    assert_eq!(ana.receive().await, Received::Text("error text_empty: The text is empty.".to_owned()));
    ana.send_text("content=x").await;
    assert_eq!(ana.receive().await, Received::Text("content=x".to_owned()));
}

#[tokio::test]
async fn the_demo_socket_enforces_the_limits() {
    let server = TestServer::start();
    let mut bob = Socket::open(&server.socket_url("/message/")).await;
    let mut ana = Socket::open(&server.socket_url("/message/")).await;
    for (raw, code) in [
        ("x".repeat(16 * 1024 + 1), "text_too_long"),
        (format!("content={}", "x".repeat(16 * 1024 + 1)), "text_too_long"),
        ("a\0b".to_owned(), "text_invalid"),
        (format!("content=x&author={}", "n".repeat(65)), "author_too_long"),
    ] {
        ana.send_text(raw).await;
        let Received::Text(line) = ana.receive().await else { panic!("{code}") };
        assert!(line.starts_with(&format!("error {code}: ")), "{line}");
    }
    ana.send_text("fine").await;
    // Others received nothing of what was refused.
    assert_eq!(bob.receive().await, Received::Text("fine".to_owned()));
    ana.receive().await;
    ana.send_text("x".repeat(64 * 1024 + 1)).await;
    assert!(matches!(ana.receive().await, Received::Closed { code: 1009, .. }));
    bob.send(Message::binary(vec![1])).await;
    assert!(matches!(bob.receive().await, Received::Closed { code: 1003, .. }));
    assert_eq!(texts(&server.all_entries("lobby").await), ["fine"]);
}
