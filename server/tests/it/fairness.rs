//! Addresses get equal shares of the server's time, however many connections each has.

use protocol::limits::PUBLISHES_IN_FLIGHT_MAX;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{TIMEOUT, TestServer, connect_from, handshake};

const CROWD: usize = 50;

/// Sends `load` repeatedly and counts how often `answer` arrives.
async fn flood(stream: TcpStream, first: String, load: Vec<u8>, answer: &'static [u8], answers: watch::Sender<usize>) {
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(first.as_bytes()).await.unwrap();
    let sending = async { while writer.write_all(&load).await.is_ok() {} };
    let receiving = async {
        let (mut buffer, mut rest) = (vec![0; 64 * 1024], Vec::new());
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            rest.extend_from_slice(&buffer[..length]);
            let found = rest.windows(answer.len()).filter(|window| *window == answer).count();
            answers.send_modify(|count| *count += found);
            // The end may hold a part of the next answer.
            rest.drain(..rest.len().saturating_sub(answer.len() - 1));
        }
    };
    tokio::join!(sending, receiving);
}

/// Returns how many answers an address with one connection got, about `count`, and how many an
/// address with [`CROWD`] connections got in the same time.
async fn answers(server: &TestServer, first: &str, load: &[u8], answer: &'static [u8], count: usize) -> (usize, usize) {
    let (one, crowd) = (watch::Sender::new(0), watch::Sender::new(0));
    let mut floods = JoinSet::new();
    for (address, connections, answers) in [("127.0.0.2", CROWD, &crowd), ("127.0.0.3", 1, &one)] {
        for _ in 0..connections {
            let stream = connect_from(address, server.address).await;
            floods.spawn(flood(stream, first.to_owned(), load.to_vec(), answer, answers.clone()));
        }
    }
    let until = async |enough: usize| {
        let one = *one.subscribe().wait_for(|count| *count >= enough).await.unwrap();
        (one, *crowd.borrow())
    };
    // By the first answers of the single connection all others have begun.
    let (one_before, crowd_before) = timeout(TIMEOUT, until(count / 5)).await.unwrap();
    let (one, crowd) = timeout(TIMEOUT, until(one_before + count)).await.unwrap();
    (one - one_before, crowd - crowd_before)
}

#[tokio::test]
async fn requests_of_many_connections_do_not_starve_one_of_another_address() {
    let server = TestServer::start_with(&["--cpu-per-address", "50"]);
    server.post("lobby", "hello").await;
    for path in ["/api/rooms/lobby/messages", "/nothing", "/r/lobby/qr.svg"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).repeat(20);
        let (one, crowd) = answers(&server, "", request.as_bytes(), b"HTTP/1.1 ", 100).await;
        assert!(crowd < 3 * one, "{path}: {crowd} answers to {CROWD} connections, {one} to one");
    }
}

/// Each frame is refused. A refusal must count as work.
#[tokio::test]
async fn frames_of_many_sockets_do_not_starve_one_of_another_address() {
    let server = TestServer::start_with(&["--cpu-per-address", "50", "--publishes-burst", "1", "--publishes-per-second", "1"]);
    let open = format!("GET /ws/lobby HTTP/1.1\r\n{}\r\n", handshake(server.address));
    let json = br#"{"type":"publish","ref":1,"text":"x"}"#;
    let frame = [&[0x81, 0x80 | json.len() as u8, 0, 0, 0, 0][..], json].concat().repeat(PUBLISHES_IN_FLIGHT_MAX);
    let (one, crowd) = answers(&server, &open, &frame, b"rate_limited", 30_000).await;
    assert!(crowd < 3 * one, "{crowd} answers to {CROWD} sockets, {one} to one");
}
