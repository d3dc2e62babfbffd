//! `/readyz`, and what the log says about a history that cannot be used.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;
use std::sync::Arc;

use protocol::Problem;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Child;
use tokio::time::timeout;

use crate::process::{FILE_BYTES_MAX, address, free_the_disk, line_with, log, serve, serve_on_a_full_disk};
use crate::support::{TIMEOUT, TestServer, eventually};

async fn get(address: &str, path: &str) -> (u16, String) {
    let response = reqwest::get(format!("http://{address}{path}")).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn post(address: &str, text: &str) -> u16 {
    let url = format!("http://{address}/api/rooms/lobby/messages");
    reqwest::Client::new().post(url).json(&json!({ "text": text })).send().await.unwrap().status().as_u16()
}

/// Posts until not even a short message can be stored.
async fn fill_the_disk(address: &str) {
    for length in [10_000, 1000, 1] {
        while post(address, &"x".repeat(length)).await == 200 {}
    }
}

/// Waits until the server is ready without any post.
async fn wait_until_ready(address: &str) {
    eventually("the server is ready", async || get(address, "/readyz").await.0 == 200).await;
}

async fn assert_not_ready(address: &str, why: &str) {
    let (status, body) = get(address, "/readyz").await;
    let problem: Problem = serde_json::from_str(&body).unwrap();
    assert_eq!((status, problem.detail.as_deref()), (503, Some(why)));
    assert_eq!(get(address, "/healthz").await.0, 200);
}

async fn kill(crier: &mut Child) {
    timeout(TIMEOUT, crier.kill()).await.unwrap().unwrap();
}

#[tokio::test]
async fn is_not_ready_while_messages_cannot_be_stored() {
    let folder = TempDir::new().unwrap();
    let mut crier = serve_on_a_full_disk(&folder, FILE_BYTES_MAX).stderr(Stdio::null()).spawn().unwrap();
    let address = address(&mut crier).await;
    assert_eq!(get(&address, "/readyz").await, (200, "ready\n".to_owned()));
    fill_the_disk(&address).await;
    assert_not_ready(&address, "the history can't be written").await;
    free_the_disk(&crier);
    wait_until_ready(&address).await;
    assert_eq!(post(&address, "there is space again").await, 200);
}

#[tokio::test]
async fn logs_a_start_that_cannot_write() {
    let folder = TempDir::new().unwrap();
    let mut crier = serve(&folder).stderr(Stdio::null()).spawn().unwrap();
    let text = "x".repeat(10_000);
    let first = address(&mut crier).await;
    for _ in 0..20 {
        assert_eq!(post(&first, &text).await, 200);
    }
    kill(&mut crier).await;

    // The write-ahead log is already longer than the new file limit.
    let mut crier = serve_on_a_full_disk(&folder, 64 * 1024).stderr(Stdio::piped()).spawn().unwrap();
    line_with(&mut log(&mut crier), "the history can't be written").await;
    let address = address(&mut crier).await;
    assert_not_ready(&address, "the history can't be written").await;
    assert_eq!(get(&address, "/api/rooms/lobby/messages").await.0, 200);
    free_the_disk(&crier);
    wait_until_ready(&address).await;
}

#[tokio::test]
async fn logs_an_unreadable_history_in_few_lines() {
    let folder = Arc::new(TempDir::new().unwrap());
    let server = TestServer::start_in(folder.clone(), &[]);
    server.post("lobby", "hello").await;
    server.stop().await;
    let mut crier = serve(&folder).stderr(Stdio::piped()).spawn().unwrap();
    let (address, mut log) = (address(&mut crier).await, log(&mut crier));
    let history = File::options().write(true).open(folder.path().join("crier.db")).unwrap();
    let length = history.metadata().unwrap().len();
    history.write_all_at(&vec![0xff; length as usize], 0).unwrap();
    for _ in 0..50 {
        let (status, body) = get(&address, "/api/rooms/lobby/messages").await;
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));
    }
    kill(&mut crier).await;
    let mut lines = 0;
    while let Some(line) = log.next_line().await.unwrap() {
        lines += usize::from(line.contains("reading the history failed"));
    }
    assert!((1..=3).contains(&lines), "{lines}");
}
