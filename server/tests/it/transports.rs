//! One reader with one position over every transport.

use protocol::Position;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::readers::{Reader, Transport};
use crate::support::{TIMEOUT, TestServer};

const MESSAGES_PER_TRANSPORT: u64 = 500;

/// Publishes many messages, of different lengths and with texts that could break a frame.
async fn publish(server: &TestServer, from: u64) {
    let mut writer = server.subscribe("lobby", None).await;
    for n in from..from + MESSAGES_PER_TRANSPORT {
        writer.publish(n, &text(n), Some(&format!("key-{n}"))).await;
        writer.read_until(|seen| seen.published.len() as u64 + 50 > n - from).await;
    }
    writer.read_until(|seen| seen.published.len() as u64 == MESSAGES_PER_TRANSPORT).await;
}

fn text(n: u64) -> String {
    match n % 7 {
        0 => format!("{n} {}", "long ".repeat(400)),
        1 => format!("{n} </div><script>"),
        2 => format!("{n} \n\nevent: x"),
        _ => n.to_string(),
    }
}

/// Starts a long-poll and disconnects after the first bytes of its response.
async fn lose_response(server: &TestServer, position: Position) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let path = format!("/api/rooms/lobby/messages?after={position}&wait=20");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes()).await.unwrap();
    timeout(TIMEOUT, stream.read_exact(&mut [0; 64])).await.unwrap().unwrap();
}

/// Reads over each transport in turn, with new messages between and an optional server restart.
async fn read_over_all(restart_before: Option<Transport>) {
    let mut server = TestServer::start();
    let mut reader = Reader::new("lobby", server.page("lobby", "").await.position, Transport::WebSocket);
    let mut end = 0;
    for transport in Transport::ALL.into_iter().chain([Transport::WebSocket]) {
        reader.switch(transport);
        publish(&server, end + 1).await;
        if restart_before == Some(transport) {
            server = server.restart().await;
        }
        if transport == Transport::LongPoll {
            lose_response(&server, reader.position).await;
        }
        reader.read_until(&server, end + MESSAGES_PER_TRANSPORT / 2).await;
        end += MESSAGES_PER_TRANSPORT;
        let more = async {
            for n in 1..=20 {
                server.post_json("lobby", &json!({ "text": text(end + n) })).await;
            }
        };
        tokio::join!(more, reader.read_until(&server, end + 20));
        end += 20;
    }
    assert!(reader.gaps.is_empty());
    let expected: Vec<_> = (1..=end).map(|n| (n, text(n))).collect();
    assert!(reader.read == expected, "a message is missing, repeated or out of order");
}

#[tokio::test]
async fn a_reader_that_switches_transports_misses_nothing() {
    read_over_all(None).await;
}

#[tokio::test]
async fn a_reader_that_switches_transports_across_a_restart_misses_nothing() {
    for transport in Transport::ALL {
        read_over_all(Some(transport)).await;
    }
}
