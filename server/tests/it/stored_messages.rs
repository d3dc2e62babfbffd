//! Messages that another version stored under other rules.

use std::sync::Arc;

use protocol::{ErrorCode, PublishKey};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{TestServer, problem, texts};

/// Returns the folder of a stopped board whose database was changed by SQL.
async fn folder_of_another_version(change: &str) -> Arc<TempDir> {
    let server = TestServer::start();
    for text in ["1", "2", "3", "4", "5"] {
        assert_eq!(server.post_json("lobby", &json!({ "text": text, "key": text })).await.status(), 200);
    }
    let folder = server.stop().await;
    Connection::open(folder.path().join("crier.db")).unwrap().execute_batch(change).unwrap();
    folder
}

#[tokio::test]
async fn reads_stored_messages_that_are_invalid_today() {
    let folder = folder_of_another_version(
        "UPDATE messages SET author = 'a' || char(10) || 'b' WHERE offset = 1;
         UPDATE messages SET text = ' ' || char(8203) WHERE offset = 2;
         UPDATE messages SET text = 'x' || char(0) || 'y' WHERE offset = 3;
         UPDATE messages SET key = 'no key' WHERE offset = 4;
         UPDATE messages SET text = CAST(x'ff41' AS TEXT) WHERE offset = 5;",
    )
    .await;
    let server = TestServer::start_in(folder, &[]);
    let entries = server.all_entries("lobby").await;
    assert_eq!(texts(&entries), ["1", " \u{200b}", "x\0y", "4", "\u{fffd}A"]);
    assert_eq!(entries[0].author.as_str(), "a\nb");
    assert_eq!(entries[3].key.as_ref().map(PublishKey::as_str), Some("no key"));
    let epoch = server.page("lobby", "").await.latest.epoch;
    let mut subscriber = server.subscribe("lobby", Some(protocol::Position { epoch, offset: 0 })).await;
    assert_eq!(subscriber.texts(5).await, texts(&entries));
    for path in ["/", "/?lang=zh-CN", "/r/lobby"] {
        assert_eq!(server.get(path).await.status(), 200);
    }
    // New messages follow the rules of today.
    for (body, code) in [
        (json!({ "text": "x", "author": "a\nb" }), ErrorCode::AuthorInvalid),
        (json!({ "text": "x\0y" }), ErrorCode::TextInvalid),
        (json!({ "text": "x", "key": "no key" }), ErrorCode::KeyInvalid),
    ] {
        assert_eq!(problem(server.post_json("lobby", &body).await).await, (code.status(), code.as_str().to_owned()));
    }
    assert_eq!(server.post("lobby", "6").await.position.offset, 6);
    assert_eq!(server.post_json("lobby", &json!({ "text": "no", "key": "5" })).await.status(), 409);
}

#[tokio::test]
async fn recognises_a_repeated_key_by_the_normalised_text() {
    let folder = folder_of_another_version("UPDATE messages SET text = 'a' || char(13, 10) || 'b', author = ' me ' WHERE offset = 1").await;
    let server = TestServer::start_in(folder, &[]);
    let again = json!({ "text": "a\r\nb", "author": " me ", "key": "1" });
    let published: protocol::Published = server.post_json("lobby", &again).await.json().await.unwrap();
    assert!(published.duplicate);
    assert_eq!(published.position.offset, 1);
}

#[tokio::test]
async fn starts_with_room_names_that_are_invalid_today() {
    let folder = folder_of_another_version(
        "INSERT INTO rooms (id, name, first) VALUES (7, 'Tea', 0), (8, 'no/room', 0), (9, 'LOBBY', 0), (10, CAST(x'ff' AS TEXT), 0);
         INSERT INTO messages (room, offset, total, time, author, text)
            SELECT id, 1, 3, 1000 * unixepoch(), '', 'old' FROM rooms WHERE id > 6;",
    )
    .await;
    let server = TestServer::start_in(folder, &[]);
    assert_eq!(texts(&server.all_entries("tea").await), ["old"], "the room is not found by its normalised name");
    assert_eq!(server.all_entries("lobby").await.len(), 5, "a colliding name must not replace a room");
    assert_eq!(server.post("tea", "new").await.position.offset, 2);
    let server = server.restart().await;
    assert_eq!(texts(&server.all_entries("tea").await), ["old", "new"]);
}
