//! Clients that close their sending half after the request, and wait for the response: `nc -N`,
//! small devices, some proxies. To the server a disconnect looks the same.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::MessagesPage;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::{TIMEOUT, TestServer, connect_with_small_buffer, handshake, texts};

/// Sends a request and closes the sending half.
async fn send(server: &TestServer, request: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    stream.shutdown().await.unwrap();
    stream
}

/// Reads the whole response: its head and the rest.
async fn response(mut stream: TcpStream) -> (String, String) {
    let mut all = Vec::new();
    timeout(TIMEOUT, stream.read_to_end(&mut all)).await.expect("the response does not end").unwrap();
    let all = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {all:?}"));
    (head.to_owned() + "\r\n", body.to_owned())
}

/// Returns the response to a client that closes its sending half at once.
pub async fn exchange(server: &TestServer, request: impl AsRef<[u8]>) -> (String, String) {
    response(send(server, request).await).await
}

fn get(server: &TestServer, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)
}

fn post(server: &TestServer, text: &str) -> String {
    let length = text.len();
    format!("POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n{text}", server.address)
}

#[tokio::test]
async fn answers_requests_sent_before_the_half_close() {
    let server = TestServer::start();
    for n in 0..20 {
        let (head, body) = exchange(&server, &post(&server, &format!("number {n}"))).await;
        assert!(head.starts_with("HTTP/1.1 200") && body.contains("\"position\""), "{head}{body}");
    }
    assert_eq!(server.all_entries("lobby").await.len(), 20);
    for path in ["/", "/api/rooms/lobby/messages", "/healthz", "/r/lobby/qr.svg"] {
        let (head, body) = exchange(&server, &get(&server, path)).await;
        assert!(head.starts_with("HTTP/1.1 200") && !body.is_empty(), "{path}: {head}");
    }
    let form = "content=a+form";
    let (head, _) = exchange(
        &server,
        &format!(
            "POST /r/lobby HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            server.address,
            form.len()
        ),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 303"), "{head}");
    // Pipelined requests.
    let many: String = (0..10).map(|n| post(&server, &format!("pipelined {n}"))).collect();
    let (_, rest) = exchange(&server, &many).await;
    assert_eq!(rest.matches("HTTP/1.1 200").count(), 9, "{rest}");
    assert_eq!(server.all_entries("lobby").await.len(), 31);
}

#[tokio::test]
async fn answers_publishes_sent_before_the_half_close() {
    let server = TestServer::start();
    let json = br#"{"type":"publish","ref":7,"text":"last words"}"#;
    let frame = [&[0x81, 0x80 | json.len() as u8, 0, 0, 0, 0][..], json].concat();
    let request = format!("GET /ws/lobby HTTP/1.1\r\n{}\r\n", handshake(server.address)).into_bytes();
    let (_, frames) = exchange(&server, [&request[..], &frame.repeat(100)].concat()).await;
    assert_eq!(frames.matches("\"published\"").count(), 100, "{frames}");
    assert_eq!(server.all_entries("lobby").await.len(), 100);
    // The same with a close frame at the end, which is answered last.
    let close = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    let (_, frames) = exchange(&server, [&request[..], &frame.repeat(70), &close].concat()).await;
    assert_eq!(frames.matches("\"published\"").count(), 70, "{frames}");
}

#[tokio::test]
async fn a_slow_reader_gets_the_whole_response_after_a_half_close() {
    let server = TestServer::start_with_small_buffers();
    for _ in 0..30 {
        server.post_json("lobby", &json!({ "text": "x".repeat(15_000) })).await;
    }
    let mut stream = connect_with_small_buffer(server.address).await;
    stream.write_all(get(&server, "/api/rooms/lobby/messages?limit=30").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let (_, body) = response(stream).await;
    let page: MessagesPage = serde_json::from_str(&body).expect("the response is incomplete");
    assert!(page.entries.len() > 10);
}

#[tokio::test]
async fn refuses_an_incomplete_request() {
    let server = TestServer::start();
    let cut = post(&server, "cut off").replace("Content-Length: 7", "Content-Length: 70");
    let asked = Instant::now();
    let (head, _) = exchange(&server, &cut).await;
    assert!(head.starts_with("HTTP/1.1 400") && asked.elapsed() < Duration::from_secs(5), "{head}");
    assert!(server.all_entries("lobby").await.is_empty());
    let mut stream = send(&server, "GET / HTTP/1.1\r\nHos").await;
    timeout(TIMEOUT, stream.read_to_end(&mut Vec::new())).await.expect("the connection stays open").unwrap();
}

#[tokio::test]
async fn answers_a_long_poll_after_a_half_close_without_counting_it_as_online() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    let mut watcher = server.subscribe("lobby", None).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(get(&server, &format!("/api/rooms/lobby/messages?after={start}&wait=55")).as_bytes()).await.unwrap();
    watcher.wait_until_online(2).await;
    stream.shutdown().await.unwrap();
    watcher.wait_until_online(1).await;
    server.post("lobby", "worth waiting for").await;
    let (head, body) = response(stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(texts(&serde_json::from_str::<MessagesPage>(&body).unwrap().entries), ["worth waiting for"]);
    let asked = Instant::now();
    let position = server.page("lobby", "").await.latest;
    let (_, body) = exchange(&server, &get(&server, &format!("/api/rooms/lobby/messages?after={position}&wait=1"))).await;
    assert!(body.contains("\"entries\":[]") && asked.elapsed() >= Duration::from_millis(900), "{body}");
}

#[tokio::test]
async fn a_half_close_ends_a_stream_in_order() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    let position = server.post("lobby", "before").await.position;
    let refresh = format!("url=/r/lobby/live?after={position}&amp;lang=en&amp;scheme=system\">\n");
    for (path, first, last) in [("/api/rooms/lobby/events", "event: hello", ":\n\n"), ("/r/lobby/live", "<ol id=\"messages\"", &refresh)] {
        let (_, body) = exchange(&server, &get(&server, &format!("{path}?after={start}"))).await;
        assert!(body.contains(first) && body.ends_with(last), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_disconnect_ends_presence_at_once_on_every_transport() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    let socket = format!("GET /ws/ROOM HTTP/1.1\r\n{}\r\n", handshake(server.address));
    // A request with this many headers does not take the fast upgrade.
    let framework = socket.replace("Connection:", &("X: y\r\n".repeat(70) + "Connection:"));
    let requests = [
        get(&server, "/api/rooms/ROOM/events"),
        get(&server, "/r/ROOM/live"),
        get(&server, &format!("/api/rooms/ROOM/messages?after={start}&wait=55")),
        socket,
        framework,
    ];
    let cases = requests.iter().flat_map(|request| [(request, true), (request, false)]).enumerate();
    join_all(cases.map(async |(n, (request, closes_half))| {
        let (room, server) = (format!("room-{n}"), &server);
        let mut watcher = server.subscribe(&room, None).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.replace("ROOM", &room).as_bytes()).await.unwrap();
        watcher.wait_until_online(2).await;
        let left = Instant::now();
        stream.shutdown().await.unwrap();
        let kept = if closes_half { Some(stream) } else { None };
        watcher.wait_until_online(1).await;
        assert!(left.elapsed() < Duration::from_secs(5), "{request}");
        drop(kept);
    }))
    .await;
}
