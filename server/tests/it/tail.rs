//! `crier tail`: where it starts, where it ends, and what it prints.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::time::timeout;

use crate::command_line::{line, run};
use crate::support::{TIMEOUT, TestServer, crier, eventually};

const MINUTE: u64 = 60 * 1000;

/// Runs `crier tail ROOM --json --no-follow`, and returns the texts that it prints.
async fn printed(server: &TestServer, arguments: &[&str]) -> Vec<String> {
    let output = run(server, &[&["tail", "lobby", "--json", "--no-follow"], arguments].concat(), b"").await;
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned()).collect()
}

async fn post_numbers(server: &TestServer, numbers: std::ops::RangeInclusive<u64>) {
    for n in numbers {
        server.post("lobby", &n.to_string()).await;
    }
}

#[tokio::test]
async fn prints_the_last_messages_and_ends() {
    let server = TestServer::start();
    assert_eq!(printed(&server, &["-n", "5"]).await, [""; 0]);
    let start = server.page("lobby", "").await.latest.to_string();
    post_numbers(&server, 1..=250).await;
    let last = |count: u64| (251 - count..=250).map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(printed(&server, &["-n", "2"]).await, last(2));
    assert_eq!(printed(&server, &["--lines=0"]).await, [""; 0]);
    assert_eq!(printed(&server, &[]).await, last(10));
    assert_eq!(printed(&server, &["-n", "9999"]).await, last(250));
    assert_eq!(printed(&server, &["--after", &start]).await, last(250));
}

#[tokio::test]
async fn messages_that_are_no_longer_kept_are_not_missed_by_their_number() {
    let server = TestServer::start_with(&["--keep-messages", "3"]);
    post_numbers(&server, 1..=10).await;
    eventually("3 messages are kept", async || server.page("lobby", "").await.entries.len() == 3).await;
    assert_eq!(printed(&server, &["-n", "5"]).await, ["8", "9", "10"]);
    assert_eq!(printed(&server, &["--since", "1h"]).await, ["8", "9", "10"]);
}

/// How far behind the clock of [`prints_the_messages_since_a_time`] is, in milliseconds.
static BEHIND: AtomicU64 = AtomicU64::new(0);

fn clock() -> u64 {
    server::now() - BEHIND.load(Ordering::Relaxed)
}

#[tokio::test]
async fn prints_the_messages_since_a_time() {
    BEHIND.store(3 * 60 * MINUTE, Ordering::Relaxed);
    let server = TestServer::start_with_clock(clock, Arc::new(TempDir::new().unwrap()), &[]);
    for (n, minutes) in [180, 90, 90, 30, 1].into_iter().enumerate() {
        BEHIND.store(minutes * MINUTE, Ordering::Relaxed);
        server.post("lobby", &n.to_string()).await;
    }
    let time = server.page("lobby", "").await.entries[3].time;
    let exactly = jiff::Timestamp::from_millisecond(time.cast_signed()).unwrap().to_string();
    for (since, count) in [("4h", 5), ("2h", 4), ("100m", 4), ("1h", 2), ("10s", 0), ("1970-01-01", 5), (&exactly, 2)] {
        assert_eq!(printed(&server, &["--since", since]).await.len(), count, "{since}");
    }
    // Following goes on from there.
    let mut child = crier(&server.url(""), &["tail", "lobby", "--since", "1h"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for text in ["3", "4"] {
        assert!(line(&mut lines).await.ends_with(&format!(" ·: {text}")));
    }
    server.post("lobby", "5").await;
    assert!(line(&mut lines).await.ends_with(" ·: 5"));
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_between_history_and_live() {
    let server = TestServer::start();
    post_numbers(&server, 1..=30).await;
    let (url, http) = (server.url("/api/rooms/lobby/messages"), server.http.clone());
    let posting = tokio::spawn(async move {
        for n in 31.. {
            http.post(&url).body(n.to_string()).send().await.unwrap();
        }
    });
    for arguments in [["-n", "20"], ["--since", "1h"]] {
        let mut tail = crier(&server.url(""), &[&["tail", "lobby", "--json"], &arguments[..]].concat());
        let mut child = tail.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = None;
        for _ in 0..200 {
            let entry: Value = serde_json::from_str(&line(&mut lines).await).unwrap();
            let offset = entry["offset"].as_u64().unwrap();
            assert_eq!(entry["text"].as_str(), Some(&*offset.to_string()));
            assert!(last.is_none_or(|last| offset == last + 1), "{offset} comes after {last:?}");
            last = Some(offset);
        }
    }
    posting.abort();
}

#[tokio::test]
async fn waits_for_a_server_that_is_away_unless_it_does_not_follow() {
    for (quiet, noted) in [(&[][..], true), (&["--quiet"], false)] {
        let server = TestServer::start();
        server.post("lobby", "before").await;
        let (url, address) = (server.url(""), server.address.to_string());
        let folder = server.stop().await;
        let mut tail = crier(&url, &[&["tail", "lobby", "-n", "1"], quiet].concat());
        let mut child = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        if noted {
            let mut note = String::new();
            timeout(TIMEOUT, notes.read_line(&mut note)).await.unwrap().unwrap();
            assert!(note.contains("Connection refused") && note.contains("trying again in 1.0 s"), "{note}");
        }
        let server = TestServer::start_in(folder, &["--listen", &address]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(line(&mut lines).await.ends_with(" ·: before"));
        server.post("lobby", "after").await;
        assert!(line(&mut lines).await.ends_with(" ·: after"));
        child.kill().await.unwrap();
        let mut rest = String::new();
        timeout(TIMEOUT, notes.read_to_string(&mut rest)).await.unwrap().unwrap();
        assert!(noted || rest.is_empty(), "{rest}");
    }
}

/// `crier tail lobby | grep -m 1 done` ends when `grep` does, not when the next message comes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn ends_with_the_reader_of_its_output_though_nothing_comes() {
    let server = TestServer::start();
    let (mut child, lines) = crate::command_line::tail(&server, &[]).await;
    drop(lines);
    assert!(timeout(TIMEOUT, child.wait()).await.expect("it does not end").unwrap().success());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn says_that_output_cannot_be_written() {
    let server = TestServer::start();
    server.post("lobby", "hello").await;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut tail = crier(&server.url(""), &["tail", "lobby", "--no-follow"]);
    let child = tail.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = timeout(TIMEOUT, child.wait_with_output()).await.unwrap().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && stderr.contains("can't write to standard output"), "{stderr}");
}
