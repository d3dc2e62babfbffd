//! Data folders that are copied, restored and moved: a position continues only in its own log.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use protocol::{Epoch, GapReason, Position};
use serde_json::json;
use server::Server;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::restart::start;
use crate::support::{TestServer, problem, settings};

/// Ways to restore a copy (`$2`) in place of the data (`$1`).
const RESTORES: [(&str, &str); 7] = [
    ("removed first", r#"rm -r "$1" && cp -a "$2" "$1""#),
    ("moved into place", r#"rm -r "$1" && mv "$2" "$1""#),
    ("over the existing files", r#"cp -a "$2/." "$1""#),
    ("over the existing files, with new times", r#"cp -r "$2/." "$1""#),
    ("each file replaced, as rsync does", r#"cd "$2" && for file in *; do cp -a "$file" "$1/.new" && mv -T "$1/.new" "$1/$file"; done"#),
    ("unpacked over the existing files", r#"tar -C "$2" -c . | tar -C "$1" -x"#),
    ("the database files alone", r#"cp "$2"/crier.db* "$1""#),
];

async fn sh(script: &str, arguments: &[&Path]) {
    let status = Command::new("sh").args(["-e", "-c", script, "sh"]).args(arguments).status().await.unwrap();
    assert!(status.success(), "{script}");
}

/// Copies a folder to a new temporary path.
async fn copy_of(folder: &Path) -> Arc<TempDir> {
    let copy = Arc::new(TempDir::new().unwrap());
    sh(r#"cp -a "$1/." "$2""#, &[folder, copy.path()]).await;
    copy
}

async fn post(server: &TestServer, texts: &[&str]) -> Position {
    let mut last = None;
    for text in texts {
        last = Some(server.post("lobby", text).await.position);
    }
    last.unwrap()
}

async fn epoch(server: &TestServer) -> Epoch {
    server.page("lobby", "").await.latest.epoch
}

/// Starts and stops a server on a folder, and returns the epoch.
async fn epoch_of(folder: &Arc<TempDir>) -> Epoch {
    let server = TestServer::start_in(folder.clone(), &[]);
    let epoch = epoch(&server).await;
    server.stop().await;
    epoch
}

/// Checks that a position of the discarded log is reported as a gap on every transport.
async fn assert_position_is_of_another_log(server: &TestServer, known: Position, case: &str) {
    let subscriber = server.subscribe("lobby", Some(known)).await;
    let hello = subscriber.hello();
    assert!(!hello.recovered, "{case}");
    assert_eq!(hello.gap.as_ref().map(|gap| gap.reason), Some(GapReason::OtherEpoch), "{case}");
    let response = server.get(&format!("/api/rooms/lobby/messages?after={known}")).await;
    assert_eq!(problem(response).await, (410, "position_gone".to_owned()), "{case}");
    let mut events = server.get(&format!("/api/rooms/lobby/events?after={known}")).await;
    let hello = events.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&hello).contains(r#""recovered":false,"gap":{"reason":"other_epoch""#), "{case}");
}

#[tokio::test]
async fn a_restored_copy_takes_a_new_epoch() {
    for (case, restore) in RESTORES {
        let server = TestServer::start();
        post(&server, &["1", "2", "3", "4", "5"]).await;
        let folder = server.stop().await;
        let copy = copy_of(folder.path()).await;
        let server = TestServer::start_in(folder, &[]);
        let known = post(&server, &["6", "7", "8"]).await;
        let folder = server.stop().await;

        sh(restore, &[folder.path(), copy.path()]).await;
        let server = TestServer::start_in(folder, &[]);
        let other = post(&server, &["six", "seven", "eight", "nine"]).await;
        assert_position_is_of_another_log(&server, known, case).await;
        assert_eq!(server.all_entries("lobby").await.len(), 9, "{case}");
        // The new epoch stays.
        assert_eq!(epoch(&server.restart().await).await, other.epoch, "{case}");
    }
}

#[tokio::test]
async fn a_restored_copy_of_a_running_server_takes_a_new_epoch() {
    for (case, restore) in RESTORES {
        let server = TestServer::start();
        post(&server, &["1", "2"]).await;
        let copy = copy_of(server.folder()).await;
        let known = post(&server, &["3", "4"]).await;
        let folder = server.stop().await;
        sh(restore, &[folder.path(), copy.path()]).await;
        let server = TestServer::start_in(folder, &[]);
        post(&server, &["three", "four"]).await;
        assert_position_is_of_another_log(&server, known, case).await;
    }
}

#[tokio::test]
async fn a_copy_restored_after_kill_9_takes_a_new_epoch() {
    for (case, restore) in &RESTORES[..6] {
        let folder = Arc::new(TempDir::new().unwrap());
        let (mut crier, address) = start(&folder).await;
        let http = reqwest::Client::new();
        let post = async |text: &str| {
            let url = format!("http://{address}/api/rooms/lobby/messages");
            let response = http.post(url).json(&json!({ "text": text })).send().await.unwrap();
            response.json::<protocol::Published>().await.unwrap().position
        };
        post("1").await;
        let copy = copy_of(folder.path()).await;
        let known = post("2").await;
        crier.kill().await.unwrap();
        sh(restore, &[folder.path(), copy.path()]).await;
        let server = TestServer::start_in(folder, &[]);
        server.post("lobby", "two").await;
        assert_position_is_of_another_log(&server, known, case).await;
    }
}

#[tokio::test]
async fn a_copy_at_another_path_takes_a_new_epoch() {
    let server = TestServer::start();
    post(&server, &["1", "2"]).await;
    let running = copy_of(server.folder()).await;
    let here = epoch(&server).await;
    let folder = server.stop().await;
    let stopped = copy_of(folder.path()).await;
    let (running, stopped, original) =
        (TestServer::start_in(running, &[]), TestServer::start_in(stopped, &[]), TestServer::start_in(folder, &[]));
    assert_eq!(epoch(&original).await, here, "the original keeps its epoch");
    let (running, stopped) = (epoch(&running).await, epoch(&stopped).await);
    assert_ne!(running, here);
    assert_ne!(stopped, here);
    assert_ne!(running, stopped);
}

#[tokio::test]
async fn each_restored_copy_takes_its_own_epoch() {
    let server = TestServer::start();
    post(&server, &["1"]).await;
    let folder = server.stop().await;
    let (first, second) = (copy_of(folder.path()).await, copy_of(folder.path()).await);
    let mut epochs = vec![epoch_of(&folder).await];
    for copy in [first, second] {
        sh(RESTORES[0].1, &[folder.path(), copy.path()]).await;
        epochs.push(epoch_of(&folder).await);
        assert_eq!(Some(&epoch_of(&folder).await), epochs.last());
    }
    assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2] && epochs[0] != epochs[2], "{epochs:?}");
}

#[tokio::test]
async fn the_epoch_stays_if_nothing_was_copied() {
    let folder = Arc::new(TempDir::new().unwrap());
    let here = epoch_of(&folder).await;
    assert_eq!(epoch_of(&folder).await, here, "after an orderly stop");
    for _ in 0..3 {
        let (mut crier, _) = start(&folder).await;
        crier.kill().await.unwrap();
        assert_eq!(epoch_of(&folder).await, here, "after kill -9");
    }
    // Containers do this at each start.
    sh(r#"chmod -R u+rwX "$1"; chown -R "$(id -u)" "$1"; rm -f "$1/lock""#, &[folder.path()]).await;
    assert_eq!(epoch_of(&folder).await, here, "after chown");
    let (mut crier, _) = start(&folder).await;
    crier.kill().await.unwrap();
    let elsewhere = Arc::new(TempDir::new().unwrap());
    sh(r#"rmdir "$2"; mv "$1" "$2""#, &[folder.path(), elsewhere.path()]).await;
    assert_eq!(epoch_of(&elsewhere).await, here, "after mv");
    sh(r#"ln -s "$2" "$1""#, &[folder.path(), elsewhere.path()]).await;
    assert_eq!(epoch_of(&folder).await, here, "through a symbolic link");
}

/// Starts a server on a folder and returns its log.
async fn log_of_start(data: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crier"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let mut crier = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(crier.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    crier.kill().await.unwrap();
    let mut log = String::new();
    crier.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
    log
}

#[tokio::test]
async fn a_start_on_a_copy_logs_a_warning() {
    let server = TestServer::start();
    post(&server, &["1"]).await;
    let whole = copy_of(server.folder()).await;
    let alone = TempDir::new().unwrap();
    sh(r#"cp "$1/crier.db" "$2""#, &[server.folder(), alone.path()]).await;
    let folder = server.stop().await;
    let log = log_of_start(whole.path()).await;
    assert!(log.contains("WARN") && log.contains("is a copy"), "{log}");
    let log = log_of_start(alone.path()).await;
    assert!(log.contains("WARN") && log.contains("crier.db-wal"), "{log}");
    for folder in [folder.path(), whole.path(), alone.path()] {
        let log = log_of_start(folder).await;
        assert!(!log.contains("WARN"), "{log}");
    }
}

#[tokio::test]
async fn a_database_without_its_write_ahead_log_takes_a_new_epoch() {
    let server = TestServer::start();
    post(&server, &["1", "2"]).await;
    let folder = server.stop().await;
    let (mut crier, address) = start(&folder).await;
    let url = format!("http://{address}/api/rooms/lobby/messages");
    let response = reqwest::Client::new().post(url).json(&json!({ "text": "3" })).send().await.unwrap();
    let known = response.json::<protocol::Published>().await.unwrap().position;
    crier.kill().await.unwrap();
    std::fs::remove_file(folder.path().join("crier.db-wal")).unwrap();
    let server = TestServer::start_in(folder, &[]);
    post(&server, &["another 3"]).await;
    assert_position_is_of_another_log(&server, known, "without its write-ahead log").await;
}

#[tokio::test]
async fn refuses_to_start_on_a_damaged_copy() {
    let server = TestServer::start();
    for n in 0..10 {
        server.post("lobby", &format!("{n} {}", "x".repeat(4000))).await;
    }
    // The restart moves the messages from the write-ahead log into the database file.
    let server = server.restart().await;
    let copy = copy_of(server.folder()).await;
    let database = File::options().write(true).open(copy.path().join("crier.db")).unwrap();
    let length = database.metadata().unwrap().len();
    database.write_all_at(&[0xff; 4096], length - 4096).unwrap();
    let data = copy.path().to_str().unwrap();
    let error = Server::new(settings(&["--data", data])).err().map(|error| error.to_string());
    assert!(error.as_ref().is_some_and(|error| error.contains("damaged")), "{error:?}");
}
