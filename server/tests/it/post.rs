//! `crier post` with standard input: what is stored, and what the program that feeds it notices.

use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::command_line::{line, run};
use crate::support::{TIMEOUT, TestServer, crier, eventually, texts};

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Starts a program whose input is written by the test.
fn start(server: &TestServer, arguments: &[&str]) -> (Child, ChildStdin) {
    let mut command = crier(&server.url(""), arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}

/// Returns the numbers from 1, one a line, in about this many bytes.
fn numbers(bytes: usize) -> String {
    (1..).map(|n: u32| format!("{n:06}\n")).take(bytes / 7).collect()
}

/// Returns the most memory that a process has had, in bytes.
#[cfg(target_os = "linux")]
fn memory_max(child: &Child) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn posts_input_of_any_size_in_bounded_memory() {
    const MEBIBYTE: usize = 1024 * 1024;
    let server = TestServer::start();
    let (mut child, mut input) = start(&server, &["post", "build"]);
    let mut positions = BufReader::new(child.stdout.take().unwrap()).lines();
    let text = numbers(7 * MEBIBYTE);
    let (first, rest) = text.as_bytes().split_at(2 * MEBIBYTE);
    input.write_all(first).await.unwrap();
    for _ in 0..100 {
        line(&mut positions).await;
    }
    let before = memory_max(&child);
    let count = tokio::spawn(async move {
        let mut count = 100;
        while let Some(_position) = timeout(TIMEOUT, positions.next_line()).await.unwrap().unwrap() {
            count += 1;
        }
        count
    });
    input.write_all(rest).await.unwrap();
    let grown = memory_max(&child) - before;
    drop(input);
    assert!(timeout(TIMEOUT, child.wait()).await.unwrap().unwrap().success());
    let entries = server.all_entries("build").await;
    assert_eq!(count.await.unwrap(), entries.len());
    assert!(texts(&entries).join("\n") + "\n" == text, "the text is not what was written");
    assert!(grown < 4 * MEBIBYTE, "the memory has grown by {grown} bytes");
}

/// Without this, `make | crier post build` could end `make`.
#[tokio::test]
async fn never_kills_the_program_that_feeds_it() {
    let server = TestServer::start();
    server.post_json("lobby", &serde_json::json!({ "text": "other", "key": "used-1" })).await;
    let script = r#"(yes line | head -c 1000000; echo "fed $?" >&2) | "$0" "$@""#;
    let bad = r#"(printf '\377'; yes line | head -c 1000000; echo "fed $?" >&2) | "$0" "$@""#;
    let dead = "http://127.0.0.1:1";
    for (code, board, script, arguments, reason) in [
        (3, dead, script, &["post", "lobby", "--timeout", "1"][..], "Connection refused"),
        (2, "nonsense", script, &["post", "lobby"], "not the address of a server"),
        (1, &server.url(""), script, &["post", "lobby", "--key", "used"], "already belongs to another message"),
        (1, &server.url(""), bad, &["post", "lobby"], "not UTF-8 after byte 0"),
        (1, &server.url(""), bad, &["post", "lobby", "--follow"], "not UTF-8 after byte 0"),
        (3, dead, script, &["post", "lobby", "--follow", "--timeout", "1"], "Connection refused"),
    ] {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_crier")]).args(arguments).env("CRIER_SERVER", board).kill_on_drop(true);
        let output = timeout(TIMEOUT, command.output()).await.unwrap().unwrap();
        let stderr = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(reason) && stderr.contains("fed 0"), "{arguments:?}: {stderr}");
    }
    // Nothing of a run is posted if its first message is refused.
    assert_eq!(texts(&server.all_entries("lobby").await), ["other"]);
}

#[tokio::test]
async fn keeps_the_order_when_the_server_restarts() {
    let server = TestServer::start();
    let (mut child, mut input) = start(&server, &["post", "build", "--author", "ci"]);
    let mut positions = BufReader::new(child.stdout.take().unwrap()).lines();
    let text = numbers(3 * 1024 * 1024);
    let written = text.clone();
    let writing = tokio::spawn(async move { input.write_all(written.as_bytes()).await });
    for _ in 0..30 {
        line(&mut positions).await;
    }
    let server = server.restart_in_place().await;
    let mut last = None;
    while let Some(position) = timeout(TIMEOUT, positions.next_line()).await.unwrap().unwrap() {
        last = Some(position);
    }
    writing.await.unwrap().unwrap();
    assert!(timeout(TIMEOUT, child.wait()).await.unwrap().unwrap().success());
    let entries = server.all_entries("build").await;
    assert!(texts(&entries).join("\n") + "\n" == text, "messages are lost, doubled or out of order");
    assert_eq!(last, Some(server.page("build", "").await.latest.to_string()));
}

#[tokio::test]
async fn repeating_with_the_key_of_the_error_posts_nothing_twice() {
    let server = TestServer::start();
    let address = server.address.to_string();
    let (mut child, mut input) = start(&server, &["post", "build", "--timeout", "1"]);
    let text = numbers(200_000);
    let (first, rest) = text.as_bytes().split_at(100_000);
    input.write_all(first).await.unwrap();
    let mut positions = BufReader::new(child.stdout.take().unwrap()).lines();
    line(&mut positions).await;
    let folder = server.stop().await;
    input.write_all(rest).await.unwrap();
    drop(input);
    let output = timeout(TIMEOUT, child.wait_with_output()).await.unwrap().unwrap();
    let stderr = stderr(&output);
    assert!(output.status.code() == Some(3) && stderr.contains("posted, the last one at "), "{stderr}");
    let key = stderr.split("--key ").nth(1).unwrap().split(',').next().unwrap();
    let server = TestServer::start_in(folder, &["--listen", &address]);
    assert!(run(&server, &["post", "build", "--key", key], text.as_bytes()).await.status.success());
    assert!(texts(&server.all_entries("build").await).join("\n") + "\n" == text, "messages are lost, doubled or out of order");
}

#[tokio::test]
async fn keeps_the_order_when_the_server_limits_its_rate() {
    let server = TestServer::start_with(&["--publishes-per-second", "50", "--publishes-burst", "10"]);
    let text = numbers(1_200_000);
    assert!(run(&server, &["post", "build"], text.as_bytes()).await.status.success());
    assert!(texts(&server.all_entries("build").await).join("\n") + "\n" == text, "messages are lost, doubled or out of order");
}

#[tokio::test]
async fn splits_a_line_that_is_too_long() {
    let server = TestServer::start();
    let long = "你".repeat(11_000);
    assert!(run(&server, &["post", "lobby", &long], b"").await.status.success());
    let entries = server.all_entries("lobby").await;
    assert_eq!((entries.len(), texts(&entries).concat()), (3, long));
}

#[tokio::test]
async fn says_where_input_is_not_text_and_posts_nothing_cut_off() {
    let server = TestServer::start();
    for input in [&b"fine\nbad: \xff\n"[..], b"fine\nbad: \0\n"] {
        let output = run(&server, &["post", "lobby"], input).await;
        let stderr = stderr(&output);
        assert!(output.status.code() == Some(1) && stderr.contains("after byte 10") && stderr.contains("--lossy"), "{stderr}");
        assert!(!stderr.contains("posted"), "{stderr}");
        assert!(run(&server, &["post", "lobby", "--lossy"], input).await.status.success());
    }
    assert_eq!(texts(&server.all_entries("lobby").await), ["fine\nbad: \u{fffd}"; 2]);
    // An empty input is an error, because `make | crier post build` should not succeed silently.
    let output = run(&server, &["post", "lobby"], b" \n").await;
    assert!(output.status.code() == Some(1) && stderr(&output).contains("The text is empty."), "{output:?}");
}

#[tokio::test]
async fn posts_only_the_end_of_the_input_if_asked_to() {
    let server = TestServer::start();
    let text = numbers(1_000_000);
    let output = run(&server, &["post", "lobby", "--tail", "--key", "k"], text.as_bytes()).await;
    assert!(output.status.success(), "{output:?}");
    let entries = server.all_entries("lobby").await;
    let [entry] = &entries[..] else { panic!("{} messages", entries.len()) };
    assert!(text.ends_with(&format!("\n{}\n", entry.text.as_str())) && entry.text.as_str().len() > 16_000);
    assert_eq!(entry.key.as_ref().unwrap().as_str(), "k");
}

#[tokio::test]
async fn follow_posts_lines_as_they_come() {
    let server = TestServer::start();
    let mut reader = server.subscribe("ops", None).await;
    let (mut child, mut input) = start(&server, &["post", "ops", "-", "--follow"]);
    input.write_all(b"one\n").await.unwrap();
    assert_eq!(reader.texts(1).await, ["one"]);
    input.write_all(b"two\nthree\nhalf a li").await.unwrap();
    assert_eq!(reader.texts(2).await[1..], ["two\nthree"]);
    input.write_all(b"ne\nlast").await.unwrap();
    drop(input);
    assert!(timeout(TIMEOUT, child.wait()).await.unwrap().unwrap().success());
    assert_eq!(texts(&server.all_entries("ops").await).join("\n"), "one\ntwo\nthree\nhalf a line\nlast");
}

#[tokio::test]
async fn follow_ends_in_good_order_on_a_signal() {
    for signal in ["-INT", "-TERM"] {
        let server = TestServer::start();
        let mut reader = server.subscribe("ops", None).await;
        let (mut child, mut input) = start(&server, &["post", "ops", "--follow"]);
        input.write_all(b"line\nhalf a line").await.unwrap();
        reader.texts(1).await;
        Command::new("kill").args([signal, &child.id().unwrap().to_string()]).status().await.unwrap();
        assert!(timeout(TIMEOUT, child.wait()).await.unwrap().unwrap().success());
        assert_eq!(texts(&server.all_entries("ops").await), ["line", "half a line"]);
    }
}

#[tokio::test]
async fn follow_waits_for_a_board_that_is_away() {
    let server = TestServer::start();
    let address = server.address.to_string();
    let (mut child, mut input) = start(&server, &["post", "ops", "--follow"]);
    let folder = server.stop().await;
    input.write_all(b"one\n").await.unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
    let note = timeout(TIMEOUT, notes.next_line()).await.unwrap().unwrap().unwrap();
    assert!(note.contains("trying again in"), "{note}");
    input.write_all(b"two\nthree\n").await.unwrap();
    let server = TestServer::start_in(folder, &["--listen", &address]);
    // Nothing is lost, and the order stays.
    eventually("the lines are posted", async || texts(&server.all_entries("ops").await).join("\n") == "one\ntwo\nthree").await;
}

#[tokio::test]
async fn quiet_prints_nothing() {
    let server = TestServer::start();
    let output = run(&server, &["post", "lobby", "--quiet"], &b"line\n".repeat(10_000)).await;
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}

#[tokio::test]
async fn a_text_that_is_also_a_flag_stands_behind_two_hyphens() {
    let server = TestServer::start();
    for arguments in [&["post", "lobby", "--", "-h"][..], &["post", "--", "lobby", "--quiet"], &["post", "lobby", "-5 degrees"]] {
        assert!(run(&server, arguments, b"").await.status.success(), "{arguments:?}");
    }
    assert_eq!(texts(&server.all_entries("lobby").await), ["-h", "--quiet", "-5 degrees"]);
}
