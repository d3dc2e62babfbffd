//! Changes of messages, queues, slow rooms and access keys, as `crier post`, `crier tail` and the
//! client library see them.

use std::fs;

use client::{Board, ErrorCode, Identity, Mode, Page, PublishError, Room, RoomSettings, Update};
use serde_json::Value;
use tokio::time::timeout;

use crate::command_line::{line, run, tail};
use crate::support::{TIMEOUT, TestServer, crier, eventually};

/// Returns the lobby, for the identity in a file of the server's folder.
fn lobby(server: &TestServer) -> (Room, String) {
    let file = server.folder().join("bot.identity");
    let board = Board::connect(&server.url("")).unwrap().with_identity(&Identity::from_file(&file).unwrap());
    (board.room("lobby").unwrap(), file.to_str().unwrap().to_owned())
}

/// Gives a room settings, as its administrator.
async fn set(server: &TestServer, room: &str, settings: RoomSettings) -> Room {
    let board = Board::connect(&server.url("")).unwrap().with_access_key(&server.admin_key().await).unwrap();
    let room = board.room(room).unwrap();
    room.set(settings).await.unwrap();
    room
}

#[tokio::test]
async fn tail_prints_changes_as_they_come_and_history_as_their_result() {
    let server = TestServer::start();
    let (room, file) = lobby(&server);
    let (_tail, mut lines) = tail(&server, &["--quiet"]).await;
    let (_json, mut objects) = tail(&server, &["--json"]).await;
    let posted = run(&server, &["post", "lobby", "Tee is ready.", "--author", "ana", "--identity", &file], b"").await;
    assert!(posted.status.success(), "{posted:?}");
    let offset = room.history(Page::Latest).await.unwrap().latest.offset;
    room.edit(offset, "Tea is ready.").await.unwrap();
    room.react(offset, "👍").await.unwrap();
    assert!(line(&mut lines).await.ends_with(" ana: Tee is ready."));
    let edited = line(&mut lines).await;
    assert!(edited.contains("  ana's message of ") && edited.ends_with(" was edited: Tea is ready."), "{edited}");
    assert!(line(&mut lines).await.contains("  👍 for ana's message of "));
    for kind in [None, Some("edit"), Some("react")] {
        let object: Value = serde_json::from_str(&line(&mut objects).await).unwrap();
        assert_eq!((object["kind"].as_str(), object["of"].as_u64()), (kind, kind.map(|_| offset)));
    }

    let history = || async {
        let output = run(&server, &["tail", "lobby", "--no-follow"], b"").await;
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(history().await.ends_with(" ana: Tea is ready. (edited) [👍 1]\n"));
    room.erase(offset).await.unwrap();
    assert!(line(&mut lines).await.ends_with(" was deleted"));
    assert!(history().await.ends_with("  a message was deleted\n"));
}

#[tokio::test]
async fn tail_counts_messages_and_not_their_changes() {
    let server = TestServer::start();
    let (room, _) = lobby(&server);
    for text in ["one", "two", "three"] {
        room.publish(text).await.unwrap();
    }
    for emoji in ["👍", "🎉", "❤️"] {
        room.react(1, emoji).await.unwrap();
    }
    let output = run(&server, &["tail", "lobby", "--no-follow", "--json", "-n", "2"], b"").await;
    let texts: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].clone())
        .collect();
    assert_eq!(texts, ["two", "three"]);
}

#[tokio::test]
async fn only_the_same_identity_changes_a_message() {
    let server = TestServer::start();
    let (room, _) = lobby(&server);
    let offset = room.publish("mine").await.unwrap().position.offset;
    let other = Board::connect(&server.url("")).unwrap().with_identity(&Identity::random().unwrap()).room("lobby").unwrap();
    let nobody = Board::connect(&server.url("")).unwrap().room("lobby").unwrap();
    let code = |result: Result<_, PublishError>| match result {
        Err(PublishError::Refused { code, .. }) => Some(code),
        Ok::<client::Published, _>(_) | Err(_) => None,
    };
    assert_eq!(code(other.edit(offset, "theirs").await), Some(ErrorCode::NotYours));
    assert_eq!(code(other.erase(offset).await), Some(ErrorCode::NotYours));
    assert_eq!(code(nobody.react(offset, "👍").await), Some(ErrorCode::IdentityRequired));
    assert_eq!(code(room.edit(offset + 7, "x").await), Some(ErrorCode::MessageGone));
    assert!(room.react(offset, "👍").await.unwrap().position.offset > offset);
    // Again, it changes nothing.
    assert!(room.react(offset, "👍").await.unwrap().duplicate);
    assert!(room.unreact(offset, "👍").await.unwrap().position.offset > offset);
    room.erase(offset).await.unwrap();
    assert_eq!(code(room.edit(offset, "back").await), Some(ErrorCode::MessageGone));
}

/// The reader was away while its message was edited, reacted to and erased.
#[tokio::test]
async fn a_reader_that_comes_back_folds_to_the_same_as_the_history() {
    let server = TestServer::start();
    let (room, _) = lobby(&server);
    let start = room.publish("one").await.unwrap().position;
    room.publish("two").await.unwrap();
    let mut timeline = client::Timeline::new(room.history(Page::Latest).await.unwrap());
    room.edit(start.offset, "1").await.unwrap();
    room.react(start.offset + 1, "🎉").await.unwrap();
    room.erase(start.offset).await.unwrap();
    room.publish("three").await.unwrap();
    let mut updates = room.subscribe(timeline.end());
    while timeline.entries().last().unwrap().text.as_str() != "three" {
        match timeout(TIMEOUT, updates.next()).await.unwrap().unwrap() {
            Update::Entry(entry) => drop(timeline.append(entry, true)),
            Update::Change(change) => drop(timeline.change(change)),
            _ => {}
        }
    }
    let history = room.history(Page::Latest).await.unwrap();
    assert_eq!(timeline.entries(), history.entries);
    assert!(history.entries[0].erased && history.entries[1].reactions[0].mine);
}

#[tokio::test]
async fn post_replies_to_a_message() {
    let server = TestServer::start();
    server.post("lobby", "question?").await;
    assert!(run(&server, &["post", "lobby", "answer", "--reply", "1"], b"").await.status.success());
    assert_eq!(server.all_entries("lobby").await[1].reply, Some(1));
}

#[tokio::test]
async fn a_post_that_waits_for_a_moderator_is_a_success_with_a_note() {
    let server = TestServer::start();
    let room = set(&server, "qa", RoomSettings { queue: true, ..RoomSettings::default() }).await;
    let post = || run(&server, &["post", "qa", "may I?", "--json", "--key", "q-1"], b"");
    for _ in 0..2 {
        let output = post().await;
        let note = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && note.contains("waits for a moderator's approval") && note.contains("--key q-1"), "{note}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printed, serde_json::json!({ "queued": true, "key": "q-1" }));
    }
    assert!(room.history(Page::Latest).await.unwrap().entries.is_empty());
    let library = Board::connect(&server.url("")).unwrap().room("qa").unwrap();
    assert_eq!(library.publish("and I?").await, Err(PublishError::Queued));
}

#[tokio::test]
async fn a_post_waits_for_its_turn_in_a_slow_room() {
    let server = TestServer::start();
    set(&server, "lobby", RoomSettings { slow: 1, ..RoomSettings::default() }).await;
    let (_, file) = lobby(&server);
    let post = |text: &'static str| {
        let (server, file) = (&server, file.clone());
        async move { run(server, &["post", "lobby", text, "--identity", &file], b"").await }
    };
    assert!(post("one").await.status.success());
    let output = post("two").await;
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && note.contains("the room is slow"), "{note}");
}

#[tokio::test]
async fn a_private_room_needs_the_key_in_a_file_or_a_variable() {
    let server = TestServer::start();
    let room = set(&server, "team", RoomSettings { mode: Mode::Private, ..RoomSettings::default() }).await;
    room.publish("secret").await.unwrap();
    let (key, id) = server.create_key("read", "team", "reader").await;
    let file = server.folder().join("team.key");
    fs::write(&file, format!("{key}\n")).unwrap();
    let arguments = ["tail", "team", "--no-follow"];
    let refused = run(&server, &arguments, b"").await;
    assert_eq!((refused.status.code(), refused.stdout.is_empty()), (Some(1), true));
    let path = file.to_str().unwrap();
    let printed = run(&server, &[&arguments[..], &["--access-key", path]].concat(), b"").await;
    assert!(String::from_utf8(printed.stdout).unwrap().ends_with(": secret\n"));
    let output = crier(&server.url(""), &arguments).env("CRIER_ACCESS_KEY", &key).output().await.unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().ends_with(": secret\n"));

    // Revoking the key ends a reader for good.
    let child = crier(&server.url(""), &["tail", "team", "--access-key", path]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    eventually("it reads", async || room.info().await.unwrap().online > 0).await;
    let http = reqwest::Client::new();
    let url = server.url(&format!("/api/admin/keys/{id}"));
    assert!(http.delete(url).bearer_auth(server.admin_key().await).send().await.unwrap().status().is_success());
    let output = timeout(TIMEOUT, child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");

    fs::write(&file, "not a key").unwrap();
    let wrong = run(&server, &[&arguments[..], &["--access-key", path]].concat(), b"").await;
    let error = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.status.code() == Some(2) && !error.contains("not a key"), "{error}");
}
