//! Server-sent events.

use std::time::Duration;

use protocol::{Epoch, GapReason, Position, ServerFrame};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::readers::{Block, EventStream};
use crate::support::{TIMEOUT, TestServer, eventually, problem};

#[tokio::test]
async fn begins_with_a_hello_and_sends_the_same_json_as_a_websocket() {
    let server = TestServer::start();
    let before = server.post("lobby", "before").await.position;
    let mut socket = server.subscribe("lobby", None).await;
    let mut events = EventStream::open(&server, "lobby", "").await;
    let headers = events.response.headers();
    assert_eq!(headers["cache-control"], "no-store, no-transform");
    assert_eq!(headers["x-accel-buffering"], "no");
    let hello = events.event().await;
    assert_eq!((hello.name.as_deref(), hello.id), (Some("hello"), Some(before.to_string())));
    let ServerFrame::Hello(hello) = serde_json::from_str(&hello.data).unwrap() else { panic!() };
    assert_eq!((hello.position, hello.recovered, hello.online), (before, true, 2));
    let after = server.post("lobby", "你好").await.position;
    let message = events.event().await;
    assert_eq!((message.name, message.id), (None, Some(after.to_string())));
    let json = loop {
        let json = socket.socket.receive().await;
        if let crate::support::Received::Text(json) = json
            && json.contains("你好")
        {
            break json;
        }
    };
    assert_eq!(message.data, json, "both transports send the same JSON");
}

#[tokio::test]
async fn last_event_id_takes_precedence_over_the_query() {
    let server = TestServer::start();
    let mut positions = Vec::new();
    for n in 0..3 {
        positions.push(server.post("lobby", &n.to_string()).await.position);
    }
    let request = server.http.get(server.url(&format!("/api/rooms/lobby/events?after={}", positions[0])));
    let mut events = EventStream::of(request.header("last-event-id", positions[1].to_string()).send().await.unwrap());
    assert!(matches!(events.frame().await, ServerFrame::Hello(hello) if hello.position == positions[1]));
    assert!(matches!(events.frame().await, ServerFrame::Message(entry) if entry.text.as_str() == "2"));
}

#[tokio::test]
async fn a_gap_is_a_separate_event() {
    let server = TestServer::start();
    for n in 0..60 {
        server.post("lobby", &n.to_string()).await;
    }
    let latest = server.page("lobby", "").await.latest;
    let foreign = Position { epoch: Epoch(1), offset: 3 };
    let beyond = Position { offset: 61, ..latest };
    for (position, reason) in [(foreign, GapReason::OtherEpoch), (beyond, GapReason::BeyondEnd)] {
        let mut events = EventStream::open(&server, "lobby", &format!("?after={position}")).await;
        let ServerFrame::Hello(hello) = events.frame().await else { panic!() };
        assert!(!hello.recovered);
        let gap = events.event().await;
        assert_eq!((gap.name.as_deref(), gap.id), (Some("gap"), Some(hello.position.to_string())));
        let ServerFrame::Gap(gap) = serde_json::from_str(&gap.data).unwrap() else { panic!() };
        assert_eq!((Some(&gap), gap.reason, gap.first.offset), (hello.gap.as_ref(), reason, 0));
        assert!(matches!(events.frame().await, ServerFrame::Message(entry) if entry.offset == 11));
    }
}

#[tokio::test]
async fn sends_a_comment_after_one_second_and_after_each_silent_heartbeat() {
    // The first comment does not wait for a heartbeat, which would time out here.
    let server = TestServer::start_with(&["--heartbeat", "60"]);
    let mut events = EventStream::open(&server, "lobby", "").await;
    events.event().await;
    while events.next().await.unwrap() != Block::Comment {}
    let server = TestServer::start_with(&["--heartbeat", "2"]);
    let mut events = EventStream::open(&server, "lobby", "").await;
    let mut times = Vec::new();
    while times.len() < 3 {
        if events.next().await.unwrap() == Block::Comment {
            times.push(Instant::now());
        }
    }
    assert!(times[2] - times[1] >= Duration::from_millis(1900), "{times:?}");
}

#[tokio::test]
async fn a_comment_follows_each_message() {
    // A proxy that holds back the last chunk would delay the last message.
    let server = TestServer::start_with(&["--heartbeat", "60"]);
    let mut events = EventStream::open(&server, "lobby", "").await;
    events.event().await;
    while events.next().await.unwrap() != Block::Comment {}
    for text in ["one", "two"] {
        server.post("lobby", text).await;
        while !matches!(events.frame().await, ServerFrame::Message(_)) {}
        while events.next().await.unwrap() != Block::Comment {}
    }
}

#[tokio::test]
async fn sends_comments_in_a_room_that_is_never_silent() {
    let server = TestServer::start_with(&["--heartbeat", "60"]);
    let mut events = EventStream::open(&server, "lobby", "").await;
    let publish = async {
        loop {
            server.post("lobby", "more").await;
        }
    };
    let read = async {
        for _ in 0..2 {
            while events.next().await.unwrap() != Block::Comment {}
        }
    };
    tokio::select! {
        () = publish => {}
        read = timeout(TIMEOUT, read) => read.unwrap(),
    }
}

#[tokio::test]
async fn a_silent_reader_stays_connected() {
    let server = TestServer::start_with(&["--heartbeat", "1"]);
    let mut events = EventStream::open(&server, "lobby", "").await;
    // A WebSocket that is silent for this long is closed.
    let mut comments = 0;
    while comments < 5 {
        comments += usize::from(events.next().await.expect("the stream has ended") == Block::Comment);
    }
    server.post("lobby", "still here").await;
    while !matches!(events.frame().await, ServerFrame::Message(_)) {}
}

#[tokio::test]
async fn hostile_text_cannot_end_its_event() {
    let server = TestServer::start();
    let mut events = EventStream::open(&server, "lobby", "").await;
    events.event().await;
    for text in [".\r\n\r\nevent: x\r\ndata: y\r\n\r\n.", "x\n\nid: 7\n\n.", ".\u{2028}x\u{2029}\u{85}\u{c}.", ":\n\nretry: 0\n\n."] {
        server.post_json("lobby", &json!({ "text": text, "author": "id: 1" })).await;
        let event = events.event().await;
        assert_eq!(event.name, None);
        let ServerFrame::Message(entry) = serde_json::from_str(&event.data).unwrap() else { panic!() };
        assert_eq!(entry.text.as_str(), text.replace("\r\n", "\n"));
    }
}

#[tokio::test]
async fn a_long_stream_ends_and_continues_from_its_position() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    let text = "\"".repeat(16_000);
    let mut writer = server.subscribe("lobby", None).await;
    let count = 600;
    for n in 0..count {
        writer.publish(n, &text, None).await;
        writer.read_until(|seen| seen.published.len() as u64 + 32 > n).await;
    }
    let mut events = EventStream::open(&server, "lobby", &format!("?after={start}")).await;
    let (mut bytes, mut last) = (0, start.to_string());
    while let Some(block) = events.next().await {
        if let Block::Event(event) = block {
            bytes += event.data.len();
            last = event.id.unwrap_or(last);
        }
    }
    assert!(!events.broken);
    assert!((15 << 20..=16 << 20).contains(&bytes), "{bytes}");
    let mut events = EventStream::open(&server, "lobby", &format!("?after={last}")).await;
    let mut next = last.parse::<Position>().unwrap().offset;
    assert!(next < count);
    while next < count {
        if let ServerFrame::Message(entry) = events.frame().await {
            assert_eq!(entry.offset, next + 1);
            next = entry.offset;
        }
    }
}

#[tokio::test]
async fn a_stopping_server_ends_every_stream() {
    let server = TestServer::start();
    let mut events = EventStream::open(&server, "lobby", "").await;
    events.event().await;
    timeout(Duration::from_secs(5), server.stop()).await.expect("the stream delays the stop");
    while events.next().await.is_some() {}
    assert!(!events.broken);
}

#[tokio::test]
async fn refuses_an_invalid_position_before_the_stream() {
    let server = TestServer::start();
    let here = server.post("lobby", "x").await.position;
    for query in ["?after=", "?after=5", "?after=-1", "?after=%0d%0a", &format!("?after={}:18446744073709551616", here.epoch)] {
        let response = server.get(&format!("/api/rooms/lobby/events{query}")).await;
        assert_eq!(problem(response).await, (400, "position_invalid".to_owned()), "{query}");
    }
    for id in [&b"x"[..], b"", b"\xff\xfe", b"1:1\t", b"0000000000000001:-1", "\u{2028}".as_bytes()] {
        let request = server.http.get(server.url("/api/rooms/lobby/events")).header("last-event-id", id);
        assert_eq!(problem(request.send().await.unwrap()).await, (400, "position_invalid".to_owned()), "{id:?}");
    }
    let twice = server.http.get(server.url("/api/rooms/lobby/events")).header("last-event-id", here.to_string());
    let twice = twice.header("last-event-id", here.to_string()).send().await.unwrap();
    assert_eq!(problem(twice).await.0, 400);
}

#[tokio::test]
async fn refuses_a_line_break_in_last_event_id() {
    let server = TestServer::start();
    for id in ["a\r\n b", "a\0b", "a\rb", "a\nevent"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!("GET /api/rooms/lobby/events HTTP/1.1\r\nHost: {}\r\nLast-Event-ID: {id}\r\n\r\n", server.address);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        timeout(TIMEOUT, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"HTTP/1.1 400", "{id:?}");
    }
}

#[tokio::test]
async fn disconnects_a_stream_that_nobody_reads() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    let mut idle = Vec::new();
    for path in ["/api/rooms/lobby/events", "/r/lobby/live"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(format!("GET {path}?after={start} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes()).await.unwrap();
        stream.read_exact(&mut [0; 12]).await.unwrap();
        idle.push(stream);
    }
    let mut writer = server.subscribe("lobby", None).await;
    // More than the socket buffers hold. The live HTML has ended before, but its last bytes are not
    // read.
    let text = "x".repeat(16_000);
    for n in 0..800 {
        writer.publish(n, &text, None).await;
        writer.read_until(|seen| seen.published.len() as u64 + 32 > n).await;
    }
    eventually("only the writer is online", async || server.page("lobby", "?limit=1").await.online == 1).await;
}

#[tokio::test]
async fn a_stream_counts_as_online() {
    let server = TestServer::start();
    let mut ana = server.subscribe("lobby", None).await;
    let events = EventStream::open(&server, "lobby", "").await;
    ana.wait_until_online(2).await;
    drop(events);
    ana.wait_until_online(1).await;
}

#[tokio::test]
async fn a_stream_follows_the_answers_to_earlier_requests() {
    let server = TestServer::start();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    stream.write_all((request("/healthz") + &request("/r/lobby") + &request("/api/rooms/lobby/events")).as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    while !String::from_utf8_lossy(&answers).contains("event: hello") {
        timeout(TIMEOUT, stream.read_buf(&mut answers)).await.expect("all is answered").unwrap();
    }
    let answers = String::from_utf8_lossy(&answers);
    let (before, stream) = answers.rsplit_once("HTTP/1.1 200 OK\r\n").unwrap();
    assert_eq!(before.matches("HTTP/1.1 200 OK\r\n").count(), 2);
    assert!(before.contains("</html>"), "{before}");
    for header in ["connection: close\r\n", "content-type: text/event-stream\r\n", "x-content-type-options: nosniff\r\n", "date: "] {
        assert!(stream.contains(header), "{stream}");
    }
    assert!(!stream.contains("content-length") && !stream.contains("transfer-encoding"), "{stream}");
}

#[tokio::test]
async fn a_request_for_a_stream_gets_no_more_than_it_may() {
    let server = TestServer::start();
    for path in ["/api/rooms/lobby/events", "/r/lobby/live"] {
        let head = server.http.head(server.url(path)).send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert!(head.headers().contains_key("content-type") && !head.headers().contains_key("content-length"));
        assert!(head.bytes().await.unwrap().is_empty());
        let with_body = server.http.get(server.url(path)).body("x").send().await.unwrap();
        assert_eq!(problem(with_body).await, (400, "request_invalid".to_owned()));
    }
}
