//! The WebSocket as bytes: valid and invalid frames, and slow readers.

use std::time::Duration;

use protocol::ServerFrame;
use protocol::limits::FRAGMENTS_MAX;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::{TIMEOUT, TestServer, connect_from, connect_with_small_buffer, handshake, read_head};

/// A WebSocket whose bytes the test writes and reads directly.
struct Raw {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Raw {
    async fn open(server: &TestServer, path: &str) -> Self {
        Self::over(TcpStream::connect(server.address).await.unwrap(), server, path, &[]).await
    }

    /// Opens a WebSocket with `early` in the same packet as the handshake.
    async fn over(mut stream: TcpStream, server: &TestServer, path: &str, early: &[u8]) -> Self {
        let head = format!("GET {path} HTTP/1.1\r\n{}\r\n", handshake(server.address));
        stream.write_all(&[head.as_bytes(), early].concat()).await.unwrap();
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self { stream, received: Vec::new() }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Returns the first byte and the payload of the next frame, or `None` at the end.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((first, payload, length)) = split(&self.received) {
                self.received.drain(..length);
                return Some((first, payload));
            }
            match timeout(TIMEOUT, self.stream.read_buf(&mut self.received)).await.expect("nothing came") {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
        }
    }

    /// Returns the next frame that is no heartbeat, presence update or hello.
    async fn data_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            let (first, payload) = self.frame().await?;
            let other = [&b"{\"type\":\"hello\""[..], b"{\"type\":\"presence\"", b"{\"type\":\"heartbeat\""];
            if !other.iter().any(|start| payload.starts_with(start)) {
                return Some((first, payload));
            }
        }
    }

    /// Returns the code of the next close frame, and checks that the connection ends after it.
    async fn close_code(&mut self) -> Option<u16> {
        loop {
            let (first, payload) = self.data_frame().await?;
            if first == 0x88 {
                self.send(&frame(0x88, &payload)).await;
                assert_eq!(self.frame().await, None, "a frame follows the close");
                return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            }
        }
    }
}

/// Returns the first frame in some bytes, and its length.
fn split(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (start, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize),
        length => (2, usize::from(length)),
    };
    let payload = bytes.get(start..start + length)?;
    Some((bytes[0], payload.to_vec(), start + length))
}

/// Returns a client frame with a zero mask.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn publish(r#ref: u64, text: &str) -> Vec<u8> {
    frame(0x81, json!({ "type": "publish", "ref": r#ref, "text": text }).to_string().as_bytes())
}

#[tokio::test]
async fn handles_frames_that_arrive_with_the_handshake() {
    let server = TestServer::start();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let early = [frame(0x89, b"early"), publish(1, "early"), frame(0x81, b"{\"type\":")[..9].to_vec()].concat();
    let mut socket = Raw::over(stream, &server, "/ws/lobby", &early).await;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        heard.push(socket.data_frame().await.unwrap());
    }
    assert_eq!(heard[0], (0x8a, b"early".to_vec()));
    assert!(heard.iter().any(|(_, payload)| payload.starts_with(b"{\"type\":\"message\"")));
    assert!(heard.iter().any(|(_, payload)| payload.starts_with(b"{\"type\":\"published\"")));
}

#[tokio::test]
async fn accepts_a_frame_byte_by_byte() {
    let server = TestServer::start();
    let mut socket = Raw::open(&server, "/message/").await;
    for byte in [frame(0x01, "你".as_bytes()), frame(0x89, b"?"), frame(0x80, "好".as_bytes())].concat() {
        socket.send(&[byte]).await;
    }
    assert_eq!(socket.frame().await, Some((0x8a, b"?".to_vec())));
    assert_eq!(socket.frame().await, Some((0x81, "你好".into())));
}

#[tokio::test]
async fn answers_a_close_with_its_code() {
    let server = TestServer::start();
    for (payload, code) in [(&b""[..], None), (&[0x03, 0xe8], Some(1000)), (&[0x0f, 0xa1, b'b', b'y', b'e'], Some(4001))] {
        let mut socket = Raw::open(&server, "/message/").await;
        socket.send(&frame(0x88, payload)).await;
        let (first, answer) = socket.frame().await.unwrap();
        assert_eq!((first, answer.first_chunk().map(|code| u16::from_be_bytes(*code))), (0x88, code));
        assert_eq!(socket.frame().await, None);
    }
}

#[tokio::test]
async fn closes_with_a_code_for_each_violation() {
    let server = TestServer::start();
    let long = vec![b'x'; 40_000];
    for (bytes, code) in [
        (frame(0x88, &[0x03, 0xed]), 1002),                                          // 1005 is never sent
        (frame(0x88, &[0x03]), 1002),                                                // half a code
        (frame(0x88, &[0x03, 0xe8, 0xff]), 1007),                                    // a reason that is not UTF-8
        (frame(0x09, b""), 1002),                                                    // a ping in pieces
        (frame(0x89, &[0; 126]), 1002),                                              // a long ping
        (frame(0x82, b"x"), 1003),                                                   // binary
        ([frame(0x01, &long), frame(0x80, &long)].concat(), 1009),                   // a message that is too long as a whole
        ([frame(0x01, b""), frame(0x00, b"").repeat(FRAGMENTS_MAX)].concat(), 1008), // fragments without end
        ([frame(0x01, b"x"), frame(0x00, b"x").repeat(2_000)].concat()[..14_000].to_vec(), 1008), // one byte at a time
    ] {
        let mut socket = Raw::open(&server, "/message/").await;
        // The server may close before it has read everything.
        let _ = socket.stream.write_all(&bytes).await;
        assert_eq!(socket.close_code().await, Some(code), "{:x?}", &bytes[..bytes.len().min(20)]);
    }
}

#[tokio::test]
async fn answers_many_publishes_of_one_packet_in_order() {
    let server = TestServer::start();
    let mut socket = Raw::open(&server, "/ws/lobby").await;
    let count = 500;
    let all: Vec<u8> = (0..count).flat_map(|number| publish(number, &format!("message {number}"))).collect();
    socket.send(&all).await;
    let (mut answered, mut offset) = (0, 0);
    while answered < count || offset < count {
        let (_, payload) = socket.data_frame().await.unwrap();
        match serde_json::from_slice(&payload).unwrap() {
            ServerFrame::Published { r#ref, published } => {
                assert_eq!((r#ref, published.position.offset), (answered, answered + 1));
                answered += 1;
            }
            ServerFrame::Message(entry) => {
                offset += 1;
                assert_eq!((entry.offset, entry.text.as_str()), (offset, &*format!("message {}", offset - 1)));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_pong_never_splits_another_frame() {
    let server = TestServer::start_with_small_buffers();
    let mut socket = Raw::over(connect_with_small_buffer(server.address).await, &server, "/ws/lobby", &[]).await;
    let text = "x".repeat(16_000);
    for n in 0..40_u32 {
        server.post("lobby", &text).await;
        socket.send(&frame(0x89, &n.to_be_bytes())).await;
    }
    let (mut pongs, mut offset) = (0_u32, 0);
    while pongs < 40 || offset < 40 {
        let (first, payload) = socket.data_frame().await.unwrap();
        if first == 0x8a {
            assert_eq!(payload, pongs.to_be_bytes());
            pongs += 1;
        } else {
            let ServerFrame::Message(entry) = serde_json::from_slice(&payload).unwrap() else { panic!() };
            offset += 1;
            assert_eq!((entry.offset, entry.text.as_str().len()), (offset, 16_000));
        }
    }
}

#[tokio::test]
async fn closes_a_reader_that_reads_nothing_for_ten_seconds() {
    let server = TestServer::start_with_small_buffers();
    let mut socket = Raw::over(connect_with_small_buffer(server.address).await, &server, "/ws/lobby", &[]).await;
    let mut watcher = server.subscribe("lobby", None).await;
    let (text, start) = ("x".repeat(16_000), Instant::now());
    for _ in 0..40 {
        server.post("lobby", &text).await;
    }
    // The server removes it before it has read anything.
    watcher.wait_until_online(1).await;
    assert!(start.elapsed() >= Duration::from_secs(9), "closed after {:?}", start.elapsed());
    // What it reads then are whole frames in order. The close frame may be missing.
    let mut offset = 0;
    while let Some((first, payload)) = socket.data_frame().await {
        if first == 0x88 {
            assert_eq!(payload[..2], 4000_u16.to_be_bytes());
            break;
        }
        let ServerFrame::Message(entry) = serde_json::from_slice(&payload).unwrap() else { panic!() };
        offset += 1;
        assert_eq!(entry.offset, offset);
    }
    assert!(offset < 40);
}

/// Publishes messages, each after the acknowledgement of the one before.
async fn publish_one_by_one(server: &TestServer, count: u64) {
    let mut client = server.subscribe("lobby", None).await;
    for n in 0..count {
        client.publish(n, "still here", None).await;
        client.read_until(|seen| seen.published.len() as u64 == n + 1).await;
    }
}

#[tokio::test]
async fn a_flood_of_pings_does_not_delay_others() {
    let server = TestServer::start_with(&["--cpu-per-address", "50"]);
    let mut flood = Raw::over(connect_from("127.0.0.2", server.address).await, &server, "/ws/lobby", &[]).await;
    let (mut reader, mut writer) = flood.stream.split();
    let pings = frame(0x89, b"").repeat(10_000);
    let mut pongs = vec![0; 64 * 1024];
    let sending = async { while writer.write_all(&pings).await.is_ok() {} };
    let receiving = async { while reader.read(&mut pongs).await.is_ok_and(|length| length > 0) {} };
    let publishing = publish_one_by_one(&server, 100);
    tokio::select! {
        () = sending => panic!("the connection was closed"),
        () = receiving => panic!("the connection was closed"),
        done = timeout(TIMEOUT, publishing) => done.unwrap(),
    }
}

#[tokio::test]
async fn a_flush_interval_loses_nothing() {
    let server = TestServer::start_with(&["--flush-interval", "50"]);
    let mut reader = server.subscribe("lobby", None).await;
    let mut writer = server.subscribe("lobby", None).await;
    for n in 0..100 {
        writer.publish(n, &n.to_string(), None).await;
        writer.read_until(|seen| seen.published.len() as u64 == n + 1).await;
    }
    let read = reader.texts(100).await;
    assert!(read.iter().enumerate().all(|(n, text)| *text == n.to_string()));
}

#[tokio::test]
async fn catches_up_with_long_messages_from_history() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    let text = "x".repeat(16_000);
    for _ in 0..60 {
        server.post("lobby", &text).await;
    }
    // After a restart all must come from history, in several reads.
    let server = server.restart().await;
    assert!((1..60).contains(&server.page("lobby", &format!("?after={start}&limit=200")).await.entries.len()));
    assert_eq!(server.all_entries("lobby").await.len(), 60);
    let mut reader = server.subscribe("lobby", Some(start)).await;
    assert_eq!(reader.texts(60).await.len(), 60);
}

/// Two such clients once stopped the whole board.
#[tokio::test]
async fn cuts_off_a_client_that_ignores_the_close() {
    let server = TestServer::start_with(&["--cpu-per-address", "50"]);
    let stream = connect_from("127.0.0.2", server.address).await;
    let mut flood = Raw::over(stream, &server, "/ws/lobby", &frame(0x81, b"invalid").repeat(20)).await;
    let (mut reader, mut writer) = flood.stream.split();
    let load = frame(0x81, &[b'x'; 100]).repeat(1000);
    let mut buffer = vec![0; 64 * 1024];
    let flooding = async { while writer.write_all(&load).await.is_ok() {} };
    let receiving = async { while reader.read(&mut buffer).await.is_ok_and(|length| length > 0) {} };
    let publishing = publish_one_by_one(&server, 20);
    let (cut_off, _, done) = tokio::join!(timeout(TIMEOUT, flooding), timeout(TIMEOUT, receiving), timeout(TIMEOUT, publishing));
    done.unwrap();
    cut_off.unwrap();
}
