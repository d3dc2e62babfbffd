//! The socket of the demo: raw text, the same raw text, everybody.

use tokio_tungstenite::tungstenite::Message;

use crate::support::{Heard, Socket, TestServer, problem, texts};

#[tokio::test]
async fn two_demo_pages_see_each_others_messages_unchanged() {
    let server = TestServer::start();
    let mut ana = Socket::open(&server.socket_url("/message/")).await;
    let mut bob = Socket::open(&server.socket_url("/message/")).await;
    for raw in ["content=hello+%E4%B8%96%E7%95%8C", "plain text"] {
        ana.say(raw).await;
        assert_eq!(ana.hear().await, Heard::Text(raw.to_owned()));
        assert_eq!(bob.hear().await, Heard::Text(raw.to_owned()));
    }
}

#[tokio::test]
async fn the_lobby_is_shown_what_the_form_says() {
    let server = TestServer::start();
    let mut lobby = server.subscribe("lobby", None).await;
    let mut ana = Socket::open(&server.socket_url("/message/")).await;
    ana.say("content=hello+%E4%B8%96%E7%95%8C").await;
    assert_eq!(lobby.texts(1).await, ["hello 世界"]);
    server.post("lobby", "from the board").await;
    ana.hear().await;
    assert_eq!(ana.hear().await, Heard::Text("from the board".to_owned()));
    assert_eq!(texts(&server.everything("lobby").await), ["hello 世界", "from the board"]);
}

#[tokio::test]
async fn without_an_upgrade_there_is_nothing_here() {
    let server = TestServer::start();
    assert_eq!(problem(server.get("/message/").await).await, (404, "not_found".to_owned()));
}

#[tokio::test]
async fn an_empty_form_is_told_and_the_socket_stays() {
    let server = TestServer::start();
    let mut ana = Socket::open(&server.socket_url("/message/")).await;
    ana.say("content=").await;
    assert_eq!(ana.hear().await, Heard::Text("error text_empty: The text is empty.".to_owned()));
    ana.say("content=x").await;
    assert_eq!(ana.hear().await, Heard::Text("content=x".to_owned()));
}

#[tokio::test]
async fn the_limits_hold_here_too() {
    let server = TestServer::start();
    let mut bob = Socket::open(&server.socket_url("/message/")).await;
    let mut ana = Socket::open(&server.socket_url("/message/")).await;
    for (raw, code) in [
        ("x".repeat(16 * 1024 + 1), "text_too_long"),
        (format!("content={}", "x".repeat(16 * 1024 + 1)), "text_too_long"),
        ("a\0b".to_owned(), "text_invalid"),
        (format!("content=x&author={}", "n".repeat(65)), "author_too_long"),
    ] {
        ana.say(raw).await;
        let Heard::Text(line) = ana.hear().await else { panic!("{code}") };
        assert!(line.starts_with(&format!("error {code}: ")), "{line}");
    }
    ana.say("fine").await;
    // Nobody else was told of what was refused.
    assert_eq!(bob.hear().await, Heard::Text("fine".to_owned()));
    ana.hear().await;
    ana.say("x".repeat(64 * 1024 + 1)).await;
    assert!(matches!(ana.hear().await, Heard::Closed { code: 1009, .. }));
    bob.send(Message::binary(vec![1])).await;
    assert!(matches!(bob.hear().await, Heard::Closed { code: 1003, .. }));
    assert_eq!(texts(&server.everything("lobby").await), ["fine"]);
}
