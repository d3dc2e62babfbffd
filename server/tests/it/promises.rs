//! The promises of the README, one by one.

use protocol::{Epoch, GapReason, Position};
use serde_json::json;

use crate::support::{Received, TestServer, eventually, settings, texts};

#[tokio::test]
async fn a_published_message_reaches_all_subscribers() {
    let server = TestServer::start();
    let mut ana = server.subscribe("lobby", None).await;
    let mut bob = server.subscribe("lobby", None).await;
    ana.publish(1, "hello", Some("k1")).await;
    assert_eq!(ana.texts(1).await, ["hello"]);
    assert_eq!(bob.texts(1).await, ["hello"]);
    let seen = ana.read_until(|seen| !seen.published.is_empty()).await;
    let (r#ref, published) = &seen.published[0];
    assert_eq!((*r#ref, published.position.offset, published.duplicate, published.reached), (1, 1, false, 2));
}

#[tokio::test]
async fn acknowledged_messages_survive_a_restart() {
    let server = TestServer::start();
    let mut last = None;
    for n in 0..20 {
        last = Some(server.post("lobby", &format!("message {n}")).await.position);
    }
    let server = server.restart().await;
    let entries = server.all_entries("lobby").await;
    assert_eq!(entries.len(), 20);
    assert_eq!(server.page("lobby", "").await.latest, last.unwrap());
}

#[tokio::test]
async fn all_readers_see_the_same_order() {
    let server = TestServer::start();
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(server.subscribe("lobby", None).await);
    }
    for round in 0..25 {
        for reader in &mut readers {
            reader.publish(round, &format!("round {round}"), None).await;
        }
    }
    let mut orders = Vec::new();
    for reader in &mut readers {
        let seen = reader.read_until(|seen| seen.entries.len() == 75).await;
        orders.push(seen.entries.clone());
    }
    assert_eq!(orders[0], orders[1]);
    assert_eq!(orders[0], orders[2]);
    assert_eq!(orders[0], server.all_entries("lobby").await);
}

#[tokio::test]
async fn a_reader_that_reconnects_misses_nothing() {
    let server = TestServer::start();
    let mut reader = server.subscribe("lobby", None).await;
    server.post("lobby", "one").await;
    reader.texts(1).await;
    let position = reader.position();
    drop(reader);
    server.post("lobby", "two").await;
    server.post("lobby", "three").await;
    let mut reader = server.subscribe("lobby", Some(position)).await;
    assert!(reader.hello().recovered);
    assert_eq!(reader.hello().latest, 3);
    assert_eq!(reader.texts(2).await, ["two", "three"]);
}

#[tokio::test]
async fn a_reader_that_reconnects_after_a_restart_misses_nothing() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    for text in ["one", "two"] {
        server.post("lobby", text).await;
    }
    let server = server.restart().await;
    let mut reader = server.subscribe("lobby", Some(start)).await;
    assert!(reader.hello().recovered);
    assert_eq!(reader.texts(2).await, ["one", "two"]);
}

#[tokio::test]
async fn a_reader_far_behind_reads_history_and_then_the_tail() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    let mut writer = server.subscribe("lobby", None).await;
    let count = 2500;
    for batch in 0..count / 50 {
        for n in 0..50 {
            writer.publish(n, &format!("{}", batch * 50 + n), None).await;
        }
        writer.read_until(|seen| seen.published.len() as u64 >= (batch + 1) * 50).await;
    }
    let mut reader = server.subscribe("lobby", Some(start)).await;
    let read = reader.texts(count as usize).await;
    assert!(read.iter().enumerate().all(|(n, text)| *text == n.to_string()));
}

#[tokio::test]
async fn reports_a_gap_for_a_position_of_another_log() {
    let server = TestServer::start();
    for n in 0..60 {
        server.post("lobby", &format!("{n}")).await;
    }
    let foreign = Position { epoch: Epoch(1), offset: 3 };
    let mut reader = server.subscribe("lobby", Some(foreign)).await;
    let hello = reader.hello().clone();
    let gap = hello.gap.unwrap();
    assert!(!hello.recovered);
    assert_eq!((gap.reason, gap.first.offset, gap.resumes), (GapReason::OtherEpoch, 0, hello.position));
    assert_eq!(reader.texts(50).await[0], "10");
}

#[tokio::test]
async fn reports_a_gap_for_a_position_beyond_the_end() {
    let server = TestServer::start();
    let mut position = server.post("lobby", "one").await.position;
    position.offset += 1;
    let reader = server.subscribe("lobby", Some(position)).await;
    assert_eq!(reader.hello().gap.as_ref().unwrap().reason, GapReason::BeyondEnd);
    let response = server.get(&format!("/api/rooms/lobby/messages?after={position}")).await;
    assert_eq!(response.status(), 410);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["code"], "position_gone");
    assert_eq!(body["gap"]["reason"], "beyond_end");
}

#[tokio::test]
async fn a_reset_board_has_a_new_epoch() {
    let server = TestServer::start();
    let position = server.post("lobby", "one").await.position;
    server.stop().await;
    let server = TestServer::start();
    let reader = server.subscribe("lobby", Some(position)).await;
    assert_eq!(reader.hello().gap.as_ref().unwrap().reason, GapReason::OtherEpoch);
}

#[tokio::test]
async fn a_repeated_key_is_recognised_across_transports_and_restarts() {
    let server = TestServer::start();
    let mut socket = server.subscribe("lobby", None).await;
    socket.publish(1, "hello", Some("the-key")).await;
    let first = socket.read_until(|seen| seen.published.len() == 1).await.published[0].1.clone();
    socket.publish(2, "hello", Some("the-key")).await;
    let second = socket.read_until(|seen| seen.published.len() == 2).await.published[1].1.clone();
    assert!(second.duplicate && !first.duplicate);
    assert_eq!(first.position, second.position);
    let server = server.restart().await;
    let again = server.post_json("lobby", &json!({ "text": "hello", "key": "the-key" })).await;
    let again: protocol::Published = again.json().await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.position, first.position);
    assert_eq!(texts(&server.all_entries("lobby").await), ["hello"]);
    // The same key in another room is a new message.
    let elsewhere: protocol::Published =
        server.post_json("other", &json!({ "text": "hello", "key": "the-key" })).await.json().await.unwrap();
    assert!(!elsewhere.duplicate);
}

#[tokio::test]
async fn refuses_a_repeated_key_with_another_text() {
    let server = TestServer::start();
    server.post_json("lobby", &json!({ "text": "hello", "key": "k" })).await;
    let response = server.post_json("lobby", &json!({ "text": "other", "key": "k" })).await;
    assert_eq!(crate::support::problem(response).await, (409, "key_reused".to_owned()));
    let mut socket = server.subscribe("lobby", None).await;
    socket.publish(9, "other", Some("k")).await;
    assert_eq!(socket.socket.next_error().await, (Some(9), protocol::ErrorCode::KeyReused));
    assert_eq!(texts(&server.all_entries("lobby").await), ["hello"]);
}

#[tokio::test]
async fn recognises_a_repeated_key_within_one_batch() {
    let server = TestServer::start();
    let mut socket = server.subscribe("lobby", None).await;
    for r#ref in 0..10 {
        socket.publish(r#ref, "hello", Some("k")).await;
    }
    let seen = socket.read_until(|seen| seen.published.len() == 10).await;
    assert_eq!(seen.published.iter().filter(|(_, published)| !published.duplicate).count(), 1);
    assert_eq!(server.all_entries("lobby").await.len(), 1);
}

#[tokio::test]
async fn a_room_receives_only_its_own_messages() {
    let server = TestServer::start();
    let mut here = server.subscribe("here", None).await;
    server.post("there", "not for you").await;
    server.post("here", "for you").await;
    assert_eq!(here.texts(1).await, ["for you"]);
}

#[tokio::test]
async fn a_slow_reader_is_closed_with_4000_delays_nobody_and_loses_nothing() {
    let server = TestServer::start_with_small_buffers();
    let mut slow = server.subscribe("lobby", None).await;
    let mut fast = server.subscribe("lobby", None).await;
    let text = "x".repeat(16_000);
    // Far more than the small socket buffers hold.
    let count = 60;
    for _ in 0..count {
        server.post("lobby", &text).await;
    }
    fast.read_until(|seen| seen.entries.len() == count).await;
    let online = async || server.page("lobby", "?limit=1").await.online;
    assert_eq!(online().await, 2, "the slow reader is already closed");
    eventually("the slow reader is closed", async || online().await == 1).await;
    // It reads what the buffers hold, in order. Behind that is the close frame.
    let code = loop {
        match slow.socket.receive().await {
            Received::Text(json) => slow.seen.apply(serde_json::from_str(&json).unwrap()),
            Received::Closed { code, .. } => break code,
            Received::Disconnected => panic!("disconnected without a close frame"),
        }
    };
    assert_eq!(code, 4000);
    let missing = count - slow.seen.entries.len();
    assert!(missing > 0);
    let mut again = server.subscribe("lobby", Some(slow.position())).await;
    again.read_until(|seen| seen.entries.len() == missing).await;
}

#[tokio::test]
async fn presence_follows_joins_and_leaves() {
    let server = TestServer::start();
    let mut ana = server.subscribe("lobby", None).await;
    assert_eq!(ana.hello().online, 1);
    let bob = server.subscribe("lobby", None).await;
    assert_eq!(bob.hello().online, 2);
    ana.wait_until_online(2).await;
    drop(bob);
    ana.wait_until_online(1).await;
}

#[tokio::test]
async fn the_tabs_of_one_reader_count_once_over_all_transports() {
    let server = TestServer::start();
    let id = "reader=00c0ffee00c0ffee";
    let mut watcher = server.subscribe("lobby", None).await;
    let first = server.socket(&format!("/ws/lobby?{id}")).await;
    watcher.wait_until_online(2).await;
    let position = server.page("lobby", "").await.position;
    let stream = server.get(&format!("/api/rooms/lobby/events?{id}")).await;
    let path = format!("/api/rooms/lobby/messages?after={position}&wait=55&{id}");
    let poll = tokio::spawn(server.http.get(server.url(&path)).send());
    // Only the last of them ends the reader's presence. Each session counts for itself elsewhere.
    let reached = async || server.post("lobby", "x").await.reached;
    eventually("all are connected", async || reached().await >= 3).await;
    assert_eq!(server.page("lobby", "?limit=1").await.online, 2);
    drop(first);
    poll.await.unwrap().unwrap();
    eventually("two sessions are left", async || reached().await == 2).await;
    assert_eq!(server.page("lobby", "?limit=1").await.online, 2);
    drop(stream);
    watcher.wait_until_online(1).await;
    assert_eq!(server.get("/ws/lobby?reader=me").await.status(), 400);
}

#[tokio::test]
async fn a_stopping_server_closes_sockets_with_1012_and_a_spread() {
    let server = TestServer::start();
    let mut reader = server.subscribe("lobby", None).await;
    server.stop().await;
    let Received::Closed { code, reason } = reader.socket.receive().await else { panic!() };
    assert_eq!(code, 1012);
    assert!(protocol::Disconnect::parse_spread(&reason).is_some());
}

#[tokio::test]
async fn refuses_a_folder_in_use_by_another_server() {
    let server = TestServer::start();
    let data = server.folder().to_str().unwrap();
    let error = server::Server::new(settings(&["--data", data])).err().unwrap().to_string();
    assert!(error.contains("in use by another crier"), "{error}");
}

#[tokio::test]
async fn refuses_and_preserves_a_foreign_database_file() {
    for (name, content) in [("text", &b"this is not a database, and long enough to be looked at"[..]), ("foreign", b"")] {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("crier.db");
        if name == "foreign" {
            let other = rusqlite::Connection::open(&path).unwrap();
            other.execute_batch("CREATE TABLE other (thing TEXT)").unwrap();
        } else {
            std::fs::write(&path, content).unwrap();
        }
        let before = std::fs::read(&path).unwrap();
        let data = folder.path().to_str().unwrap();
        assert!(server::Server::new(settings(&["--data", data])).is_err(), "{name}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{name}");
    }
}
