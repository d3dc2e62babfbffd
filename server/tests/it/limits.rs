//! Limits, and the answers beyond them.

use std::time::Duration;

use protocol::limits::ERRORS_IN_A_ROW_MAX;
use protocol::{ErrorCode, ServerFrame};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::support::{Received, Socket, TIMEOUT, TestServer, eventually, handshake, problem, read_head, texts};

#[tokio::test]
async fn refuses_a_long_body_with_or_without_a_content_length() {
    let server = TestServer::start();
    let url = server.url("/api/rooms/lobby/messages");
    let long = "x".repeat(64 * 1024 + 1);
    let sized = server.http.post(&url).body(long.clone()).send().await.unwrap();
    assert_eq!(problem(sized).await, (413, "body_too_long".to_owned()));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n", server.address);
    let body = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    assert!(first_line(&mut stream).await.contains(" 413 "));
    assert!(server.all_entries("lobby").await.is_empty());
}

#[tokio::test]
async fn refuses_a_long_text_in_every_body_format() {
    let server = TestServer::start();
    let url = server.url("/api/rooms/lobby/messages");
    let long = "x".repeat(16 * 1024 + 1);
    assert_eq!(problem(server.http.post(&url).body(long.clone()).send().await.unwrap()).await, (422, "text_too_long".to_owned()));
    assert_eq!(problem(server.post_json("lobby", &json!({ "text": long })).await).await, (422, "text_too_long".to_owned()));
    let form = server.http.post(&url).header("content-type", "application/x-www-form-urlencoded").body(format!("content={long}"));
    assert_eq!(problem(form.send().await.unwrap()).await, (422, "text_too_long".to_owned()));
    let named = server.post_json("lobby", &json!({ "text": "x", "author": "n".repeat(65) })).await;
    assert_eq!(problem(named).await, (422, "author_too_long".to_owned()));
    assert!(server.all_entries("lobby").await.is_empty());
}

#[tokio::test]
async fn refuses_hostile_json() {
    let server = TestServer::start();
    let url = server.url("/api/rooms/lobby/messages");
    for (body, code) in [
        ("", "not_json"),
        ("{", "not_json"),
        ("null", "shape_invalid"),
        ("{}", "shape_invalid"),
        (r#"{"text":1}"#, "shape_invalid"),
        (r#"{"text":"a","text":"b"}"#, "shape_invalid"),
        (r#"{"text":""}"#, "text_empty"),
        (r#"{"text":"\ud800"}"#, "not_json"),
        (r#"{"text":"a\u0000b"}"#, "text_invalid"),
        (&"[".repeat(60_000), "shape_invalid"),
    ] {
        let response = server.http.post(&url).header("content-type", "application/json").body(body.to_owned()).send().await.unwrap();
        assert_eq!(problem(response).await.1, code, "{body:.40}");
    }
    assert!(server.all_entries("lobby").await.is_empty());
}

#[tokio::test]
async fn limits_the_publish_rate_of_each_address() {
    let server = TestServer::start_with(&["--publishes-burst", "3", "--publishes-per-second", "1", "--trust-proxy", "127.0.0.1"]);
    let post = |address: &'static str| {
        let request = server.http.post(server.url("/api/rooms/lobby/messages")).header("x-forwarded-for", address);
        async { request.body("x").send().await.unwrap() }
    };
    let mut stored = 0;
    let refused = loop {
        let response = post("203.0.113.1").await;
        if response.status() != 200 {
            break response;
        }
        stored += 1;
    };
    assert!(stored >= 3, "the burst was refused");
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(problem(refused).await, (429, "rate_limited".to_owned()));
    assert_eq!(post("203.0.113.2").await.status(), 200);
    assert_eq!(server.all_entries("lobby").await.len(), stored + 1);
}

#[tokio::test]
async fn a_rate_limited_websocket_stays_open() {
    let server = TestServer::start_with(&["--publishes-burst", "2", "--publishes-per-second", "1"]);
    let mut client = server.subscribe("lobby", None).await;
    for r#ref in 0..30 {
        client.publish(r#ref, "x", None).await;
    }
    let (mut refused, mut published) = (0, 0);
    while refused + published < 30 {
        match client.socket.frame().await {
            ServerFrame::Error { code, retry_after, .. } => {
                assert_eq!(code, ErrorCode::RateLimited);
                assert!(retry_after.is_some_and(|wait| wait > 0));
                refused += 1;
            }
            ServerFrame::Published { .. } => published += 1,
            _ => {}
        }
    }
    assert!(refused > ERRORS_IN_A_ROW_MAX as usize && published >= 2, "{refused} refused, {published} published");
    assert_eq!(server.all_entries("lobby").await.len(), published);
}

#[tokio::test]
async fn refuses_connections_over_the_limit_and_keeps_the_others() {
    let server = TestServer::start_with(&["--connections-per-address", "3"]);
    let mut held =
        vec![server.subscribe("lobby", None).await, server.subscribe("lobby", None).await, server.subscribe("lobby", None).await];
    let refused = reqwest::get(server.url("/healthz")).await.unwrap();
    assert_eq!(problem(refused).await, (429, "connections_limited".to_owned()));
    held[0].publish(1, "still here", None).await;
    assert_eq!(held[1].texts(1).await, ["still here"]);
    drop(held);
    // The server accepts connections again when it has noticed a disconnect.
    eventually("a connection is accepted", async || reqwest::get(server.url("/healthz")).await.unwrap().status() == 200).await;
}

#[tokio::test]
async fn closes_a_silent_connection_over_the_limit_at_once() {
    let server = TestServer::start_with(&["--connections-per-address", "1"]);
    let _held = server.subscribe("lobby", None).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    // A connection within the limit has five seconds for its request.
    let closed = timeout(Duration::from_secs(4), silent.read_to_end(&mut Vec::new())).await;
    assert!(closed.is_ok());
}

#[tokio::test]
async fn limits_the_connections_of_each_proxied_address() {
    let server = TestServer::start_with(&["--connections-per-address", "2", "--trust-proxy", "127.0.0.1"]);
    let client = reqwest::Client::new();
    let events = |address: &'static str| {
        let request = client.get(server.url("/api/rooms/lobby/events")).header("x-forwarded-for", address);
        async { request.send().await.unwrap() }
    };
    let socket = async |address| Socket::try_open(&server.socket_url("/ws/lobby"), &[("x-forwarded-for", address)]).await;
    let held = (events("203.0.113.1").await, socket("203.0.113.1").await.unwrap());
    assert_eq!(problem(events("203.0.113.1").await).await, (429, "connections_limited".to_owned()));
    assert!(socket("203.0.113.1").await.is_err());
    assert_eq!(events("203.0.113.2").await.status(), 200);
    drop(held);
    eventually("a connection is accepted", async || events("203.0.113.1").await.status() == 200).await;
}

#[tokio::test]
async fn pages_are_limited_in_bytes() {
    let folder = {
        let server = TestServer::start();
        for text in ["<".repeat(16_000), "\u{1}x".repeat(8000), "http://a ".repeat(1700), "x".repeat(16_000)] {
            for _ in 0..50 {
                server.post("lobby", &text).await;
            }
            assert_pages_are_limited(&server).await;
        }
        server.stop().await
    };
    // After a restart the messages are not in memory.
    let server = TestServer::start_in(folder, &[]);
    assert_pages_are_limited(&server).await;
    assert_eq!(server.all_entries("lobby").await.len(), 200);
}

async fn assert_pages_are_limited(server: &TestServer) {
    let first = format!("{:016x}:0", server.page("lobby", "").await.position.epoch.0);
    for path in ["/", "/api/rooms/lobby/messages?limit=200", &format!("/api/rooms/lobby/messages?limit=200&after={first}")] {
        let length = server.get(path).await.bytes().await.unwrap().len();
        assert!((10_000..1_000_000).contains(&length), "{path}: {length} bytes");
    }
}

#[tokio::test]
async fn refuses_a_demo_form_that_is_much_longer_than_its_text() {
    let server = TestServer::start();
    let mut demo = server.socket("/message/").await;
    demo.send_text(format!("content=a&key={}", "\u{1}".repeat(60_000))).await;
    let Received::Text(error) = demo.receive().await else { panic!("the connection was closed") };
    assert!(error.starts_with("error text_too_long"), "{error:.100}");
    assert!(server.all_entries("lobby").await.is_empty());
}

#[tokio::test]
async fn limits_rooms_with_messages_but_not_readers_of_others() {
    let server = TestServer::start_with(&["--rooms", "2"]);
    let _watching = [server.subscribe("x", None).await, server.subscribe("y", None).await, server.subscribe("z", None).await];
    server.post("one", "x").await;
    server.post("two", "x").await;
    for _ in 0..2 {
        let refused = server.post_json("three", &json!({ "text": "x" })).await;
        assert_eq!(refused.headers()["retry-after"], "60");
        assert_eq!(problem(refused).await, (507, "rooms_full".to_owned()));
    }
    assert_eq!(server.get("/api/rooms/three/messages").await.status(), 200);
    server.subscribe("three", None).await;
    server.post("one", "still accepted").await;
    server.post("lobby", "always accepted").await;
}

#[tokio::test]
async fn limits_the_rooms_that_each_address_opens() {
    let server = TestServer::start_with(&["--rooms-per-hour", "2", "--trust-proxy", "127.0.0.1"]);
    let post = |address: &'static str, room: &str| {
        let request = server.http.post(server.url(&format!("/api/rooms/{room}/messages"))).header("x-forwarded-for", address);
        async { request.body("x").send().await.unwrap() }
    };
    for room in ["one", "one", "two", "two", "one"] {
        assert_eq!(post("203.0.113.1", room).await.status(), 200, "{room}");
    }
    let refused = post("203.0.113.1", "three").await;
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 60);
    assert_eq!(problem(refused).await, (429, "rooms_limited".to_owned()));
    assert_eq!(post("203.0.113.2", "three").await.status(), 200);
    assert_eq!(post("203.0.113.1", "three").await.status(), 200, "the room is open now");
    assert_eq!(post("203.0.113.1", "lobby").await.status(), 200, "the lobby is always open");
    let mut socket = Socket::try_open(&server.socket_url("/ws/four"), &[("x-forwarded-for", "203.0.113.2")]).await.unwrap();
    socket.send_texts((0..100).map(|number| json!({ "type": "publish", "ref": number, "text": "x" }).to_string())).await;
    let mut published = 0;
    while published < 100 {
        match socket.data_frame().await {
            ServerFrame::Published { .. } => published += 1,
            ServerFrame::Hello(_) | ServerFrame::Message(_) => {}
            other => panic!("a burst counts as one room: {other:?}"),
        }
    }
}

/// Returns the code of a refused publish. `None` if it is stored.
async fn answer(socket: &mut Socket, number: u64) -> Option<ErrorCode> {
    loop {
        match socket.data_frame().await {
            ServerFrame::Published { r#ref, .. } if r#ref == number => return None,
            ServerFrame::Error { r#ref, code, .. } if r#ref == Some(number) => return Some(code),
            _ => {}
        }
    }
}

/// A client learns of a refusal when it has sent more already. If that were accepted, a log in
/// several messages would be out of order.
#[tokio::test]
async fn no_message_overtakes_one_that_was_told_to_come_again() {
    let server = TestServer::start_with(&["--publishes-per-second", "50", "--publishes-burst", "1"]);
    let mut socket = Socket::open(&server.socket_url("/ws/lobby")).await;
    let publish = |n: u64| json!({ "type": "publish", "ref": n, "text": n.to_string(), "key": n.to_string() }).to_string();
    socket.send_texts([publish(1), publish(2)].into_iter()).await;
    assert_eq!(answer(&mut socket, 2).await, Some(ErrorCode::RateLimited));
    // Meanwhile the address may publish again.
    let mut pace = interval(Duration::from_millis(20));
    for n in 3..20 {
        pace.tick().await;
        socket.send_text(publish(n)).await;
        assert_eq!(answer(&mut socket, n).await, Some(ErrorCode::RateLimited), "{n} overtakes 2");
    }
    for n in 2..20 {
        eventually("the message is admitted when it comes again", async || {
            socket.send_text(publish(n)).await;
            answer(&mut socket, n).await.is_none()
        })
        .await;
    }
    let expected: Vec<_> = (1..20).map(|n: u64| n.to_string()).collect();
    assert_eq!(texts(&server.all_entries("lobby").await), expected);
}

#[tokio::test]
async fn closes_a_connection_whose_request_head_never_ends() {
    let server = TestServer::start();
    for start in ["", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let closed = timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "{start:?} is still open after 10 s");
    }
}

#[tokio::test]
async fn refuses_a_body_that_never_ends() {
    let server = TestServer::start();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\nhalf a", server.address);
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(first_line(&mut stream).await.contains(" 408 "));
    assert!(server.all_entries("lobby").await.is_empty());
}

#[tokio::test]
async fn refuses_oversized_and_malformed_request_heads() {
    let server = TestServer::start();
    let host = server.address;
    for (head, status) in [
        (format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(9000)), "414"),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "a".repeat(40_000)), "431"),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "a".repeat(100_000)), "431"),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "X: y\r\n".repeat(101)), "431"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"), "400"),
        (format!("GET / HTTP/1.1\r\nHost : {host}\r\n\r\n"), "400"),
        ("rubbish\r\n\r\n".to_owned(), "400"),
        (format!("POST /r/lobby HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n"), "400"),
        (format!("POST /r/lobby HTTP/1.1\r\nHost: {host}\r\nContent-Length: +5\r\n\r\n"), "400"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let line = first_line(&mut stream).await;
        assert!(line.contains(&format!(" {status} ")), "{:?} got {line:?}", head.chars().take(60).collect::<String>());
    }
}

#[tokio::test]
async fn unread_pongs_do_not_fill_memory() {
    let server = TestServer::start();
    let mut watcher = server.subscribe("lobby", None).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET /ws/lobby HTTP/1.1\r\n{}\r\n", handshake(server.address));
    stream.write_all(head.as_bytes()).await.unwrap();
    // Masked pings of 125 bytes, whose pongs are never read.
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[b'x'; 125]].concat().repeat(500);
    let flood = async {
        let mut sent = 0;
        while stream.write_all(&ping).await.is_ok() {
            sent += ping.len();
            assert!(sent < 64 << 20, "the server accepted 64 MiB of pings without a read");
        }
    };
    // The server stops reading, and then closes.
    timeout(TIMEOUT, flood).await.expect("the server neither reads nor closes");
    watcher.publish(1, "still here", None).await;
    assert_eq!(watcher.texts(1).await, ["still here"]);
}

#[tokio::test]
async fn refuses_a_frame_with_a_huge_length() {
    let server = TestServer::start();
    for length in [1_u64 << 63, 1 << 62, 64 * 1024 + 1] {
        let mut socket = Raw::open(&server).await;
        socket.0.write_all(&[&[0x81, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()).await.unwrap();
        let code = socket.close_code().await;
        assert!(code == 1002 || code == 1009, "{length}: {code}");
    }
}

#[tokio::test]
async fn closes_with_the_code_of_the_protocol_error() {
    let server = TestServer::start();
    for (bytes, code) in [
        (&[0x81, 0x01, b'a'][..], 1002),                                       // not masked
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),                                     // reserved opcode
        (&[0xc1, 0x81, 0, 0, 0, 0, b'a'], 1002),                               // reserved bit
        (&[0x80, 0x81, 0, 0, 0, 0, b'a'], 1002),                               // a continuation of nothing
        (&[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe], 1007),                         // not UTF-8
        (&[0x01, 0x81, 0, 0, 0, 0, 0xe5, 0x80, 0x81, 0, 0, 0, 0, 0x41], 1007), // not UTF-8 across frames
    ] {
        let mut socket = Raw::open(&server).await;
        socket.0.write_all(bytes).await.unwrap();
        assert_eq!(socket.close_code().await, code, "{bytes:x?}");
    }
}

/// A WebSocket whose bytes the test writes directly.
struct Raw(TcpStream);

impl Raw {
    async fn open(server: &TestServer) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!("GET /message/ HTTP/1.1\r\n{}\r\n", handshake(server.address));
        stream.write_all(head.as_bytes()).await.unwrap();
        read_head(&mut stream).await;
        Self(stream)
    }

    /// Reads frames until the close and returns its code.
    async fn close_code(&mut self) -> u16 {
        let read = async {
            loop {
                let head = [self.0.read_u8().await.unwrap(), self.0.read_u8().await.unwrap()];
                let mut payload = vec![0; usize::from(head[1])];
                self.0.read_exact(&mut payload).await.unwrap();
                if head[0] == 0x88 {
                    return u16::from_be_bytes([payload[0], payload[1]]);
                }
            }
        };
        timeout(TIMEOUT, read).await.unwrap()
    }
}

async fn first_line(stream: &mut TcpStream) -> String {
    let read = async {
        let mut line = Vec::new();
        while let Ok(byte) = stream.read_u8().await {
            if byte == b'\n' {
                break;
            }
            line.push(byte);
        }
        String::from_utf8_lossy(&line).into_owned()
    };
    timeout(TIMEOUT, read).await.unwrap()
}

#[tokio::test]
async fn publishes_over_the_in_flight_limit_wait() {
    let server = TestServer::start();
    let mut client = Socket::open(&server.socket_url("/ws/lobby")).await;
    for r#ref in 0..1000 {
        client.send_text(json!({ "type": "publish", "ref": r#ref, "text": "x" }).to_string()).await;
    }
    let mut answered = 0;
    while answered < 1000 {
        if let ServerFrame::Published { r#ref, .. } = client.frame().await {
            assert_eq!(r#ref, answered);
            answered += 1;
        }
    }
}
