//! The data folder: locked for one server, private, and its loss is detected.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use server::Server;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::process::{send_signal, serve};
use crate::restart::{spawn, start};
use crate::support::{TestServer, problem, settings};

/// Returns the error of a start on a folder, if any.
fn start_error(data: &Path) -> Option<String> {
    Server::new(settings(&["--data", data.to_str().unwrap()])).err().map(|error| error.to_string())
}

#[tokio::test]
async fn refuses_a_second_server_even_without_the_lock_file() {
    let server = TestServer::start();
    let data = server.folder().to_owned();
    let _ = std::fs::remove_file(data.join("lock"));
    for data in [data.clone(), data.join("."), data.join("../").join(data.file_name().unwrap())] {
        assert!(start_error(&data).is_some_and(|error| error.contains("in use")), "{}", data.display());
    }
    server.post("lobby", "still running").await;
    let elsewhere = TempDir::new().unwrap();
    let link = elsewhere.path().join("data");
    std::os::unix::fs::symlink(&data, &link).unwrap();
    assert!(start_error(&link).is_some_and(|error| error.contains("in use")));
    let folder = server.stop().await;
    assert_eq!(start_error(folder.path()), None);
}

#[tokio::test]
async fn acknowledges_nothing_after_its_folder_is_removed_or_replaced() {
    for removal in [
        r#"rm -rf "$1""#,
        r#"rm -rf "$1"; mkdir "$1""#,
        r#"rm "$1/crier.db""#,
        r#"rm "$1/crier.db-wal""#,
        r#"cp "$1/crier.db" "$1/new"; mv "$1/new" "$1/crier.db""#,
        r#"mv "$1" "$1.moved""#,
    ] {
        let root = TempDir::new().unwrap();
        let folder = TempDir::new_in(root.path()).unwrap();
        let (mut crier, address) = spawn(serve(&folder).stderr(Stdio::piped())).await;
        let http = reqwest::Client::new();
        let url = |path: &str| format!("http://{address}{path}");
        let post = || http.post(url("/api/rooms/lobby/messages")).json(&json!({ "text": "x" })).send();
        assert_eq!(post().await.unwrap().status(), 200);
        assert_eq!(http.get(url("/readyz")).send().await.unwrap().status(), 200);
        let removed = Command::new("sh").args(["-e", "-c", removal, "sh"]).arg(folder.path()).status().await.unwrap();
        assert!(removed.success());
        // The server may have noticed it by itself and ended.
        if let Ok(ready) = http.get(url("/readyz")).send().await {
            assert_eq!(ready.status(), 503, "{removal}");
        }
        if let Ok(answer) = post().await {
            assert_eq!(problem(answer).await, (503, "unavailable".to_owned()), "{removal}");
        }
        assert_eq!(crier.wait().await.unwrap().code(), Some(1), "{removal}");
        let mut log = String::new();
        crier.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
        assert!(log.lines().last().is_some_and(|line| line.contains("crier.db")), "{removal}: {log}");
    }
}

#[tokio::test]
async fn does_not_read_a_folder_created_in_place_of_its_own() {
    let server = TestServer::start();
    server.post("lobby", "1").await;
    // After a restart the messages are not in memory.
    let server = server.restart().await;
    std::fs::remove_dir_all(server.folder()).unwrap();
    let data = server.folder().to_str().unwrap();
    let _next = Server::new(settings(&["--data", data])).unwrap();
    assert_eq!(server.get("/api/rooms/lobby/messages").await.status(), 503);
}

#[tokio::test]
async fn stopping_without_its_folder_is_an_error() {
    let folder = TempDir::new().unwrap();
    let (mut crier, address) = start(&folder).await;
    // A server that answers also handles signals.
    assert_eq!(reqwest::get(format!("http://{address}/readyz")).await.unwrap().status(), 200);
    std::fs::remove_dir_all(folder.path()).unwrap();
    send_signal("-TERM", &crier).await;
    assert_eq!(crier.wait().await.unwrap().code(), Some(1));
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn only_the_owner_can_read_the_folder() {
    let root = TempDir::new().unwrap();
    let (new, old) = (root.path().join("deep/data"), root.path().join("old"));
    std::fs::create_dir(&old).unwrap();
    std::fs::set_permissions(&old, PermissionsExt::from_mode(0o755)).unwrap();
    for data in [&new, &old] {
        let server = Server::new(settings(&["--data", data.to_str().unwrap()])).unwrap();
        for file in std::fs::read_dir(data).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
        }
        drop(server);
    }
    assert_eq!(mode(&new), 0o700);
    assert_eq!(mode(&old), 0o755, "an existing folder keeps its mode");
}

#[tokio::test]
async fn accepts_any_folder_name() {
    let root = TempDir::new().unwrap();
    for name in ["file:rel", "file:rel?mode=memory", "file::memory:", ":memory:", "a%20b?c#d", "-x"] {
        for _ in 0..2 {
            let mut command = Command::new(env!("CARGO_BIN_EXE_crier"));
            command.args(["serve", "--listen", "127.0.0.1:0", &format!("--data={name}")]).current_dir(root.path());
            let mut crier = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
            let mut output = vec![0; 8];
            let started = crier.stdout.as_mut().unwrap().read_exact(&mut output).await;
            assert!(started.is_ok(), "{name}");
            crier.kill().await.unwrap();
        }
        assert!(root.path().join(name).join("crier.db").metadata().unwrap().len() > 0, "{name}");
    }
    assert!(!root.path().join("rel").exists());
}
