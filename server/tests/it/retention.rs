//! Expiry of old messages, and the gaps that readers are told of.

use std::sync::Arc;

use protocol::{GapReason, Hello, Position, Problem, ServerFrame};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::readers::{EventStream, LiveHtml, Reader, Row, Transport};
use crate::support::{TestServer, eventually, texts};

/// Returns a server that keeps 10 of 30 messages, and the position of the third.
async fn ten_of_thirty() -> (TestServer, Position) {
    let server = TestServer::start_with(&["--keep-messages", "10"]);
    let mut third = None;
    for n in 1..=30 {
        let position = server.post("lobby", &n.to_string()).await.position;
        if n == 3 {
            third = Some(position);
        }
    }
    wait_until_kept(&server, 10).await;
    (server, third.unwrap())
}

/// Waits until the lobby has `count` entries.
async fn wait_until_kept(server: &TestServer, count: usize) {
    eventually(&format!("{count} messages are kept"), async || {
        let (mut found, mut query) = (0, "?limit=200".to_owned());
        loop {
            let page = server.page("lobby", &query).await;
            found += page.entries.len();
            let Some(before) = page.before else { return found == count };
            query = format!("?limit=200&before={before}");
        }
    })
    .await;
}

#[tokio::test]
async fn keeps_at_most_the_configured_number_of_messages() {
    let (server, _) = ten_of_thirty().await;
    let page = server.page("lobby", "?limit=200").await;
    assert_eq!((page.entries[0].offset, page.before), (21, None));
    assert_eq!(page.latest.offset, 30);
    let newest = server.page("lobby", "?limit=5").await;
    let older = server.page("lobby", &format!("?limit=20&before={}", newest.before.unwrap())).await;
    assert_eq!((older.entries.len(), older.before), (5, None));
    // The same after a restart, when no entry is in memory.
    let server = TestServer::start_in(server.stop().await, &["--keep-messages", "10"]);
    assert_eq!(texts(&server.page("lobby", "?limit=200").await.entries)[0], "21");
    assert_eq!(server.post("lobby", "more").await.position.offset, 31);
    wait_until_kept(&server, 10).await;
}

#[tokio::test]
async fn keeps_at_most_the_configured_bytes_and_always_the_newest_message() {
    let server = TestServer::start_with(&["--keep-bytes", "1000"]);
    for _ in 0..30 {
        server.post_json("lobby", &json!({ "text": "字".repeat(30), "author": "ten bytes!" })).await;
    }
    wait_until_kept(&server, 10).await;
    server.post("lobby", &"x".repeat(5000)).await;
    wait_until_kept(&server, 1).await;
    server.post("lobby", "short").await;
    wait_until_kept(&server, 1).await;
    assert_eq!(texts(&server.page("lobby", "").await.entries), ["short"]);
}

#[tokio::test]
async fn keeps_messages_for_the_configured_days() {
    let server = TestServer::start();
    for n in 1..=5 {
        server.post("lobby", &n.to_string()).await;
    }
    let folder = server.stop().await;
    let day = 24 * 60 * 60 * 1000_i64;
    let history = rusqlite::Connection::open(folder.path().join("crier.db")).unwrap();
    history.execute("UPDATE messages SET time = time - 8 * ?1 WHERE offset <= 2", [day]).unwrap();
    // A wrong time in the middle expires nothing early.
    history.execute("UPDATE messages SET time = 0 WHERE offset = 4", []).unwrap();
    drop(history);
    let server = TestServer::start_in(folder, &["--keep-days", "7"]);
    wait_until_kept(&server, 3).await;
    let folder = server.stop().await;
    let server = TestServer::start_in(folder, &["--keep-days", "0"]);
    assert_eq!(texts(&server.page("lobby", "").await.entries), ["3", "4", "5"]);
}

#[tokio::test]
async fn an_emptied_room_continues_its_offsets() {
    let server = TestServer::start();
    let position = server.post("lobby", "old").await.position;
    let folder = server.stop().await;
    rusqlite::Connection::open(folder.path().join("crier.db")).unwrap().execute("UPDATE messages SET time = 0", []).unwrap();
    let server = TestServer::start_in(folder, &[]);
    wait_until_kept(&server, 0).await;
    let mut reader = server.subscribe("lobby", Some(position)).await;
    assert!(reader.hello().recovered);
    assert_eq!(server.post("lobby", "new").await.position.offset, 2);
    assert_eq!(reader.texts(1).await, ["new"]);
    let html = server.get("/").await.text().await.unwrap();
    assert!(html.contains("id=\"m-2\"") && !html.contains("id=\"m-1\""));
}

#[tokio::test]
async fn every_transport_reports_the_gap() {
    let (server, third) = ten_of_thirty().await;
    let check = |reason: GapReason, first: Position, resumes: Position| {
        assert_eq!((reason, first.offset, resumes), (GapReason::Expired, 20, first));
    };
    let checked = |hello: &Hello| {
        let gap = hello.gap.clone().unwrap();
        check(gap.reason, gap.first, gap.resumes);
        assert_eq!((hello.recovered, hello.position), (false, gap.resumes));
    };
    let mut socket = server.subscribe("lobby", Some(third)).await;
    checked(socket.hello());
    assert_eq!(socket.texts(10).await[0], "21");

    let mut events = EventStream::open(&server, "lobby", &format!("?after={third}")).await;
    let ServerFrame::Hello(hello) = events.frame().await else { panic!() };
    checked(&hello);
    let ServerFrame::Gap(gap) = events.frame().await else { panic!() };
    check(gap.reason, gap.first, gap.resumes);
    assert!(matches!(events.frame().await, ServerFrame::Message(entry) if entry.offset == 21));

    for wait in ["", "&wait=20"] {
        let response = server.get(&format!("/api/rooms/lobby/messages?after={third}{wait}")).await;
        assert_eq!(response.status(), 410);
        let problem: Problem = response.json().await.unwrap();
        let gap = problem.gap.unwrap();
        check(gap.reason, gap.first, gap.resumes);
    }

    let mut live = LiveHtml::open(&server, &format!("/r/lobby/live?after={third}&lang=en")).await;
    assert_eq!(live.next().await, Some(Row::Gap { last: Some(20) }));
    assert_eq!(live.next().await, Some(Row::Message { offset: 21, text: "21".to_owned() }));
    let html = server.get(&format!("/r/lobby/live?after={third}&lang=zh-CN")).await.chunk().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&html).unwrap().contains("您错过了第 4–20 条消息"));
}

#[tokio::test]
async fn reports_a_gap_within_the_session_of_a_slow_reader() {
    let server = TestServer::start_with(&["--keep-messages", "50"]);
    let start = server.page("lobby", "").await.latest;
    let mut slow = server.subscribe("lobby", None).await;
    let mut events = EventStream::open(&server, "lobby", "").await;
    events.event().await;
    // More than the socket buffers hold.
    let text = "x".repeat(16_000);
    let mut writer = server.subscribe("lobby", None).await;
    let count = 800;
    for n in 0..count {
        writer.publish(n, &text, None).await;
        writer.read_until(|seen| seen.published.len() as u64 + 32 > n).await;
    }
    wait_until_kept(&server, 50).await;
    let seen = slow.read_until(|seen| seen.cursor == count).await;
    assert!(seen.gaps.iter().any(|gap| gap.reason == GapReason::Expired && gap.first == gap.resumes), "{:?}", seen.gaps);
    let (mut cursor, mut gaps) = (start.offset, 0);
    while cursor < count {
        match events.frame().await {
            ServerFrame::Message(entry) => {
                assert_eq!(entry.offset, cursor + 1);
                cursor = entry.offset;
            }
            ServerFrame::Gap(gap) => {
                assert!(gap.resumes.offset > cursor);
                cursor = gap.resumes.offset;
                gaps += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(gaps > 0);
}

#[tokio::test]
async fn publishing_continues_while_many_messages_expire() {
    let server = TestServer::start();
    let mut writer = server.subscribe("lobby", None).await;
    let count = 20_000;
    for n in 0..count {
        writer.publish(n, "x", None).await;
        writer.read_until(|seen| seen.published.len() as u64 + 60 > n).await;
    }
    writer.read_until(|seen| seen.published.len() as u64 == count).await;
    let server = TestServer::start_in(server.stop().await, &["--keep-messages", "100"]);
    let mut slowest = 0.0_f64;
    loop {
        let start = Instant::now();
        server.post("lobby", "in between").await;
        slowest = slowest.max(start.elapsed().as_secs_f64());
        if server.page("lobby", "?limit=200").await.entries.len() <= 110 {
            break;
        }
    }
    assert!(slowest < 2.0, "{slowest}");
}

#[tokio::test]
async fn a_key_expires_with_its_message() {
    let server = TestServer::start_with(&["--keep-messages", "10"]);
    let post = async |text: &str| {
        let response = server.post_json("lobby", &json!({ "text": text, "key": "k" })).await;
        response.json::<protocol::Published>().await.ok().map(|published| (published.position.offset, published.duplicate))
    };
    assert_eq!(post("first").await, Some((1, false)));
    for n in 0..9 {
        server.post("lobby", &n.to_string()).await;
    }
    assert_eq!(post("first").await, Some((1, true)));
    assert_eq!(post("other").await, None);
    server.post("lobby", "the eleventh").await;
    wait_until_kept(&server, 10).await;
    assert_eq!(post("other").await, Some((12, false)));
}

#[tokio::test]
async fn every_transport_follows_a_room_that_expires_as_fast_as_it_grows() {
    let server = TestServer::start_with(&["--keep-messages", "5"]);
    let start = server.page("lobby", "").await.position;
    let mut readers: Vec<_> = Transport::ALL.into_iter().map(|transport| Reader::new("lobby", start, transport)).collect();
    for round in 1..=10 {
        for n in 0..30 {
            server.post("lobby", &n.to_string()).await;
        }
        for reader in &mut readers {
            reader.read_until(&server, round * 30).await;
        }
    }
    for reader in &readers {
        let missed: u64 = reader.gaps.iter().map(|(after, resumes)| resumes - after).sum();
        assert_eq!(reader.read.len() as u64 + missed, 300, "{:?}", reader.transport);
    }
}

#[tokio::test]
async fn expires_nothing_without_limits() {
    let folder = Arc::new(TempDir::new().unwrap());
    let server = TestServer::start_in(folder, &["--keep-messages", "0", "--keep-bytes", "0", "--keep-days", "0"]);
    server.post("lobby", "x").await;
    let folder = server.stop().await;
    rusqlite::Connection::open(folder.path().join("crier.db")).unwrap().execute("UPDATE messages SET time = 0", []).unwrap();
    let server = TestServer::start_in(folder, &["--keep-messages", "0", "--keep-bytes", "0", "--keep-days", "0"]);
    // A sweep of another server has removed a message. Both sweep every second, so this one has
    // swept as well.
    let other = TestServer::start_with(&["--keep-messages", "1"]);
    other.post("lobby", "x").await;
    other.post("lobby", "y").await;
    wait_until_kept(&other, 1).await;
    assert_eq!(server.page("lobby", "").await.entries.len(), 1);
}
