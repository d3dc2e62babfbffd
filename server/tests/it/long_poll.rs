//! Polling and long-polling.

use std::time::Duration;

use protocol::{MessagesPage, Position, ServerFrame};
use reqwest::header::{ETAG, IF_NONE_MATCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::{TIMEOUT, TestServer, problem, texts};

fn wait(position: Position, seconds: u64) -> String {
    format!("/api/rooms/lobby/messages?after={position}&wait={seconds}")
}

#[tokio::test]
async fn answers_at_once_if_there_are_messages() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.position;
    server.post("lobby", "one").await;
    let response = timeout(Duration::from_secs(5), server.get(&wait(start, 55))).await.expect("the response waits");
    assert_eq!(texts(&response.json::<MessagesPage>().await.unwrap().entries), ["one"]);
}

#[tokio::test]
async fn answers_when_a_message_arrives() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.position;
    let mut watcher = server.subscribe("lobby", None).await;
    let asked = tokio::spawn(server.http.get(server.url(&wait(start, 55))).send());
    // A waiting reader counts as online.
    watcher.wait_until_online(2).await;
    server.post("lobby", "one").await;
    let page: MessagesPage = timeout(TIMEOUT, asked).await.unwrap().unwrap().unwrap().json().await.unwrap();
    assert_eq!(texts(&page.entries), ["one"]);
    assert_eq!((page.position, page.online), (page.latest, 2));
    watcher.wait_until_online(1).await;
}

#[tokio::test]
async fn answers_an_empty_page_with_the_position_after_the_wait() {
    let server = TestServer::start();
    let start = server.post("lobby", "one").await.position;
    let start_time = Instant::now();
    let page: MessagesPage = server.get(&wait(start, 1)).await.json().await.unwrap();
    assert!(page.entries.is_empty());
    assert_eq!(page.position, start);
    assert!(start_time.elapsed() >= Duration::from_millis(900));
    let at_once: MessagesPage = server.get(&wait(start, 0)).await.json().await.unwrap();
    assert_eq!(at_once.position, start);
}

#[tokio::test]
async fn a_lost_response_loses_no_message() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.position;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", wait(start, 20), server.address).as_bytes()).await.unwrap();
    server.post("lobby", "important").await;
    // A part of the response arrives before the connection breaks.
    timeout(TIMEOUT, stream.read_exact(&mut [0; 20])).await.unwrap().unwrap();
    drop(stream);
    let page: MessagesPage = server.get(&wait(start, 20)).await.json().await.unwrap();
    assert_eq!(texts(&page.entries), ["important"]);
}

#[tokio::test]
async fn a_reader_that_disconnects_is_no_longer_online() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.position;
    let mut watcher = server.subscribe("lobby", None).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", wait(start, 55), server.address).as_bytes()).await.unwrap();
    watcher.wait_until_online(2).await;
    drop(stream);
    watcher.wait_until_online(1).await;
}

#[tokio::test]
async fn a_reader_stays_online_between_two_polls() {
    let server = TestServer::start();
    let mut position = server.page("lobby", "").await.position;
    let mut watcher = server.subscribe("lobby", None).await;
    let (start, mut counts) = (Instant::now(), Vec::new());
    // Longer than the delay of a presence update.
    while start.elapsed() < Duration::from_secs(4) {
        let asked = tokio::spawn(server.http.get(server.url(&wait(position, 55))).send());
        server.post("lobby", "x").await;
        position = asked.await.unwrap().unwrap().json::<MessagesPage>().await.unwrap().position;
    }
    while watcher.seen.cursor < position.offset {
        match watcher.socket.frame().await {
            ServerFrame::Presence { online } => counts.push(online),
            frame => watcher.seen.apply(frame),
        }
    }
    assert_eq!(counts, [2]);
}

#[tokio::test]
async fn a_stopping_server_answers_every_wait() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.position;
    let mut watcher = server.subscribe("lobby", None).await;
    let asked = tokio::spawn(server.http.get(server.url(&wait(start, 55))).send());
    watcher.wait_until_online(2).await;
    timeout(Duration::from_secs(5), server.stop()).await.expect("the wait delays the stop");
    let page: MessagesPage = asked.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(page.position, start);
}

#[tokio::test]
async fn answers_an_unchanged_room_without_the_database() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.position;
    let latest = server.post("lobby", "one").await.position;
    let path = format!("/api/rooms/lobby/messages?after={start}");
    let tag = server.get(&path).await.headers()[ETAG].clone();
    assert!(tag.to_str().unwrap().starts_with("W/\""));
    // After a restart no entry is in memory, and a damaged database cannot be read.
    let server = server.restart().await;
    std::fs::write(server.folder().join("crier.db"), b"").unwrap();
    std::fs::write(server.folder().join("crier.db-wal"), b"").unwrap();
    assert_eq!(server.get("/api/rooms/lobby/messages").await.status(), 503);
    let unchanged = server.http.get(server.url(&path)).header(IF_NONE_MATCH, &tag).send().await.unwrap();
    assert_eq!((unchanged.status().as_u16(), &unchanged.headers()[ETAG]), (304, &tag));
    let several = server.http.get(server.url(&path)).header(IF_NONE_MATCH, format!("\"x\", {}", tag.to_str().unwrap()));
    assert_eq!(several.send().await.unwrap().status(), 304);
    assert_eq!(server.page("lobby", &format!("?after={latest}")).await.position, latest);
    assert!(server.page("nowhere", "").await.entries.is_empty());
    assert_eq!(server.get(&wait(latest, 1)).await.status(), 200);
    assert_eq!(server.get(&wait(Position { offset: 2, ..latest }, 1)).await.status(), 410);
}

#[tokio::test]
async fn an_etag_depends_on_the_state_and_the_query() {
    let server = TestServer::start();
    server.post("lobby", "one").await;
    let tag = |path: String| {
        let request = server.http.get(server.url(&path));
        async { request.send().await.unwrap().headers()[ETAG].to_str().unwrap().to_owned() }
    };
    let first = tag("/api/rooms/lobby/messages".to_owned()).await;
    assert_eq!(tag("/api/rooms/lobby/messages".to_owned()).await, first);
    assert_ne!(tag("/api/rooms/lobby/messages?limit=1".to_owned()).await, first);
    server.post("lobby", "two").await;
    assert_ne!(tag("/api/rooms/lobby/messages".to_owned()).await, first);
    // Presence is part of the response.
    let second = tag("/api/rooms/lobby/messages".to_owned()).await;
    let _reader = server.subscribe("lobby", None).await;
    assert_ne!(tag("/api/rooms/lobby/messages".to_owned()).await, second);
}

#[tokio::test]
async fn refuses_an_invalid_wait() {
    let server = TestServer::start();
    let here = server.post("lobby", "x").await.position;
    for query in [
        format!("?after={here}&wait=56"),
        format!("?after={here}&wait=-1"),
        format!("?after={here}&wait=1.5"),
        format!("?after={here}&wait="),
        format!("?after={here}&wait=18446744073709551616"),
        format!("?after={here}&wait=soon"),
        "?wait=1".to_owned(),
        "?wait=0".to_owned(),
        format!("?before={here}&wait=1"),
    ] {
        let refused = problem(server.get(&format!("/api/rooms/lobby/messages{query}")).await).await;
        assert_eq!(refused, (400, "query_invalid".to_owned()), "{query}");
    }
    let beyond = Position { offset: 9, ..here };
    assert_eq!(problem(server.get(&wait(beyond, 20)).await).await, (410, "position_gone".to_owned()));
}
