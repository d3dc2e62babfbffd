//! `crier post` and `crier tail`, run as programs.

use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::{TIMEOUT, TestServer, crier, eventually, texts};

/// Runs a program with an input to its end.
pub async fn run(server: &TestServer, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = crier(&server.url(""), arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).await.unwrap();
    timeout(TIMEOUT, child.wait_with_output()).await.unwrap().unwrap()
}

/// Starts `crier tail` and waits until it has subscribed.
pub async fn tail(server: &TestServer, arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut watcher = server.subscribe("lobby", None).await;
    let mut child =
        crier(&server.url(""), &[&["tail", "lobby"], arguments].concat()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let arrived = watcher.hello().online + 1;
    watcher.wait_until_online(arrived).await;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

pub async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("the program has ended")
}

#[tokio::test]
async fn post_prints_the_position_of_the_message() {
    let server = TestServer::start();
    let output = run(&server, &["post", "lobby", "hello 世界", "--author", "ana"], b"").await;
    assert!(output.status.success(), "{output:?}");
    let entries = server.all_entries("lobby").await;
    assert_eq!((texts(&entries), entries[0].author.as_str()), (vec!["hello 世界"], "ana"));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), server.page("lobby", "").await.latest.to_string());
}

#[tokio::test]
async fn post_reads_standard_input() {
    let server = TestServer::start();
    assert!(run(&server, &["post", "lobby", "-"], b"two\nlines\n").await.status.success());
    assert!(run(&server, &["post", "lobby"], b"one line").await.status.success());
    assert_eq!(texts(&server.all_entries("lobby").await), ["two\nlines", "one line"]);
}

#[tokio::test]
async fn post_splits_long_input_into_messages_without_loss() {
    let server = TestServer::start();
    let numbers: String = (1..=100_000).map(|n| format!("{n}\n")).collect();
    let output = run(&server, &["post", "build", "-", "--author", "ci", "--key", "log"], numbers.as_bytes()).await;
    assert!(output.status.success(), "{output:?}");
    let entries = server.all_entries("build").await;
    assert_eq!(texts(&entries).join("\n") + "\n", numbers);
    assert!(entries.iter().all(|entry| entry.author.as_str() == "ci"));
    let positions = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        (positions.lines().count(), positions.lines().last().unwrap()),
        (entries.len(), &*server.page("build", "").await.latest.to_string())
    );
    assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("posted as {}", entries.len())));
    // Repeating the keys stores nothing new.
    assert!(run(&server, &["post", "build", "-", "--author", "ci", "--key", "log"], numbers.as_bytes()).await.status.success());
    assert_eq!(server.all_entries("build").await.len(), entries.len());
}

#[tokio::test]
async fn post_accepts_a_text_that_begins_with_a_hyphen() {
    let server = TestServer::start();
    let all = ["- [ ] x", "-1 °C", "--- cut ---", "-hello", "--not a flag", "-"];
    for (n, text) in all[..5].iter().enumerate() {
        let output = run(&server, &["post", "lobby", text, "--author", "-ana-", "--key", &format!("-{n}")], b"").await;
        assert!(output.status.success(), "{text}: {output:?}");
    }
    assert!(run(&server, &["post", "--author", "-x", "lobby", all[5]], b"from input").await.status.success());
    let entries = server.all_entries("lobby").await;
    assert_eq!(texts(&entries), [&all[..5], &["from input"]].concat());
    assert_eq!((entries[0].author.as_str(), entries[5].author.as_str()), ("-ana-", "-x"));
    // A known flag stays a flag wherever it stands.
    assert!(String::from_utf8(run(&server, &["post", "lobby", "--help"], b"").await.stdout).unwrap().contains("Usage"));
}

/// A failure would make the caller post it again.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn post_succeeds_if_the_message_is_stored_but_output_fails() {
    let server = TestServer::start();
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    for (n, [output, error]) in [[full(), full()], [closed(), closed()], [full(), closed()], [closed(), full()]].into_iter().enumerate() {
        let mut post = crier(&server.url(""), &["post", "lobby", &n.to_string()]);
        let status = timeout(TIMEOUT, post.stdout(output).stderr(error).status()).await.unwrap().unwrap();
        assert!(status.success(), "{n}: {status}");
    }
    let mut command = Command::new("sh");
    let script = "exec \"$0\" post lobby closed >&- 2>&- <&-";
    let status = command.args(["-c", script, env!("CARGO_BIN_EXE_crier")]).env("CRIER_SERVER", server.url("")).status();
    assert!(timeout(TIMEOUT, status).await.unwrap().unwrap().success());
    assert_eq!(texts(&server.all_entries("lobby").await), ["0", "1", "2", "3", "closed"]);
    // For `tail`, output that cannot be written is a failure.
    let start = "0000000000000001:1";
    let mut tail = crier(&server.url(""), &["tail", "lobby", "--after", start]);
    let status = timeout(TIMEOUT, tail.stdout(full()).stderr(full()).status()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1));
}

/// Returns the exit code and standard error of a program that needs no input.
async fn failure(mut command: Command) -> (Option<i32>, String) {
    let output = timeout(TIMEOUT, command.output()).await.expect("the program does not end").unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn exit_codes_tell_what_kind_of_failure_it_was() {
    let server = TestServer::start();
    for (code, arguments, reason) in [
        (1, &["post", "lobby", ""][..], "The text is empty."),
        (2, &["post", "no/room", "x"], "letters, digits"),
        (2, &["post", "lobby", "x", "--server", "nonsense"], "not the address of a server"),
        (2, &["post", "lobby", "x", "--follow"], "Leave out the text"),
        (2, &["post", "lobby", "--follow", "--key", "k"], "cannot be used with"),
        (2, &["post", "lobby", "--tail", "--follow"], "cannot be used with"),
        (2, &["tail", "no/room"], "letters, digits"),
        (2, &["tail", "lobby", "--server", "nonsense"], "not the address of a server"),
        (2, &["tail", "lobby", "--after", "5"], "epoch:offset"),
        (2, &["tail", "lobby", "--transport", "pigeon"], "[possible values: ws, sse, long-poll, poll]"),
        (2, &["tail", "lobby", "-n", "some"], "invalid digit"),
        (2, &["tail", "lobby", "--since", "soon"], "write 10m, 2h"),
        (2, &["tail", "lobby", "--since", "2100-01-01"], "is in the future"),
        (2, &["tail", "lobby", "--since", "1h", "-n", "5"], "cannot be used with"),
        (2, &["tail", "lobby", "--no-follow", "--transport", "ws"], "cannot be used with"),
        (2, &["completions", "tcsh"], "[possible values: bash, zsh, fish]"),
        (2, &["man", "mail"], "has no subcommand"),
    ] {
        let (got, stderr) = failure(crier(&server.url(""), arguments)).await;
        assert!(got == Some(code) && stderr.contains(reason), "{arguments:?}: {got:?} {stderr}");
    }
    assert!(server.all_entries("lobby").await.is_empty());
}

#[tokio::test]
async fn exit_code_3_means_that_the_board_could_not_be_reached() {
    // Nothing listens on the port; and what listens is no board.
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let web = format!("http://{}", other.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = other.accept().await {
            tokio::spawn(async move {
                let mut head = BufReader::new(&mut connection);
                let mut line = String::new();
                while head.read_line(&mut line).await.is_ok_and(|length| length > 2) {
                    line.clear();
                }
                let _ = connection.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
            });
        }
    });
    let dead = "http://127.0.0.1:1";
    for (board, arguments, reason) in [
        (dead, &["post", "lobby", "x", "--timeout", "1"][..], "there is no connection to"),
        (dead, &["tail", "lobby", "--no-follow"], "there is no connection to"),
        (&web, &["post", "lobby", "x"], "there is no Crier board at"),
        (&web, &["tail", "lobby"], "there is no Crier board at"),
        (&web, &["tail", "lobby", "-n", "5"], "there is no Crier board at"),
        (&web, &["tail", "lobby", "--no-follow"], "there is no Crier board at"),
    ] {
        let (code, stderr) = failure(crier(board, arguments)).await;
        let reason = &format!("{reason} {board}: ");
        assert!(code == Some(3) && stderr.contains(reason), "{arguments:?}: {code:?} {stderr}");
        if arguments[0] == "post" {
            assert!(stderr.contains("Repeat this with --key"), "{stderr}");
        }
    }
}

#[tokio::test]
async fn post_with_a_key_stores_one_message_when_repeated() {
    let server = TestServer::start();
    for _ in 0..2 {
        assert!(run(&server, &["post", "lobby", "hello", "--key", "k"], b"").await.status.success());
    }
    assert_eq!(server.all_entries("lobby").await.len(), 1);
}

#[tokio::test]
async fn tail_follows_and_escapes_terminal_controls() {
    let server = TestServer::start();
    server.post("lobby", "before").await;
    let (_child, mut lines) = tail(&server, &[]).await;
    server.post("lobby", "hello\u{1b}[2J").await;
    let line = line(&mut lines).await;
    assert!(line.ends_with("·: hello\u{fffd}[2J"), "{line:?}");
}

#[tokio::test]
async fn tail_json_escapes_terminal_controls_without_loss() {
    let server = TestServer::start();
    let (_child, mut lines) = tail(&server, &["--json"]).await;
    let text = "a\u{1b}[2J\u{9b}2J\u{7f}\u{202e}\u{61c}你\tb";
    server.post("lobby", text).await;
    let line = line(&mut lines).await;
    assert!(line.contains(r"a\u001b[2J\u009b2J\u007f\u202e\u061c你\tb"), "{line:?}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["text"].as_str(), Some(text));
}

#[tokio::test]
async fn escapes_terminal_controls_in_server_errors() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let serve = async {
        for (status, code) in [("503 Service Unavailable", "unavailable"), ("421 Misdirected Request", "host_refused")] {
            let mut connection = BufReader::new(server.accept().await.unwrap().0);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                connection.read_line(&mut head).await.unwrap();
            }
            let title = "a\\u001b[2Jb\\u009bc\\u202ed";
            let body = format!(r#"{{"type": "urn:crier:error:{code}", "title": "{title}", "status": 1, "code": "{code}"}}"#);
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    };
    let mut tail = Command::new(env!("CARGO_BIN_EXE_crier"));
    tail.args(["tail", "lobby", "--transport", "ws", "--server", &url]).kill_on_drop(true);
    let (output, ()) = tokio::join!(timeout(TIMEOUT, tail.output()), serve);
    let stderr = String::from_utf8(output.unwrap().unwrap().stderr).unwrap();
    let shown = "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d";
    assert_eq!((stderr.matches(shown).count(), stderr.matches(['\u{1b}', '\u{9b}', '\u{202e}']).count()), (2, 0), "{stderr:?}");
}

#[tokio::test]
async fn tail_json_prints_positions_to_continue_from() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    for text in ["one", "two"] {
        server.post("lobby", text).await;
    }
    let (_child, mut lines) = tail(&server, &["--json", "--after", &start.to_string()]).await;
    let one: serde_json::Value = serde_json::from_str(&line(&mut lines).await).unwrap();
    assert_eq!((one["text"].as_str(), one["offset"].as_u64()), (Some("one"), Some(1)));
    line(&mut lines).await;
    drop(lines);
    let mut tail = crier(&server.url(""), &["tail", "lobby", "--json", "--after", one["position"].as_str().unwrap()]);
    let mut child = tail.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(line(&mut lines).await.contains("\"two\""));
}

#[tokio::test]
async fn tail_follows_over_the_requested_transport() {
    for transport in ["ws", "sse", "long-poll", "poll"] {
        let server = TestServer::start();
        let start = server.page("lobby", "").await.latest.to_string();
        server.post("lobby", "before").await;
        let arguments = ["tail", "lobby", "--json", "--after", &start, "--transport", transport];
        let mut child = crier(&server.url(""), &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(line(&mut lines).await.contains("before"), "{transport}");
        for text in ["one", "two"] {
            server.post("lobby", text).await;
            assert!(line(&mut lines).await.contains(text), "{transport}");
        }
        let server = server.restart_in_place().await;
        server.post("lobby", "after").await;
        assert!(line(&mut lines).await.contains("after"), "{transport}");
    }
}

#[tokio::test]
async fn tail_continues_when_standard_error_is_closed() {
    let server = TestServer::start();
    server.post("lobby", "before").await;
    let (reader, stderr) = std::io::pipe().unwrap();
    drop(reader);
    // Both the unknown epoch and the lost connection print a note.
    let mut tail = crier(&server.url(""), &["tail", "lobby", "--after", "0000000000000001:5"]);
    let mut child = tail.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(line(&mut lines).await.contains("before"));
    let server = server.restart_in_place().await;
    server.post("lobby", "after").await;
    assert!(line(&mut lines).await.contains("after"));
}

#[tokio::test]
async fn tail_succeeds_on_an_interrupt() {
    let server = TestServer::start();
    let (mut child, _lines) = tail(&server, &[]).await;
    Command::new("kill").args(["-INT", &child.id().unwrap().to_string()]).status().await.unwrap();
    assert!(timeout(TIMEOUT, child.wait()).await.unwrap().unwrap().success());
}

/// A pipe that nobody reads is full after 64 KiB and blocks its writer.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn tail_ends_on_a_signal_while_its_output_is_blocked() {
    for signal in ["-INT", "-TERM"] {
        let server = TestServer::start();
        let (mut child, _lines) = tail(&server, &["--json"]).await;
        let text = "x".repeat(15 * 1024);
        for _ in 0..8 {
            server.post("lobby", &text).await;
        }
        let id = child.id().unwrap().to_string();
        eventually("the output is blocked", async || written(&id) >= 4 * text.len()).await;
        Command::new("kill").args([signal, &id]).status().await.unwrap();
        assert!(timeout(TIMEOUT, child.wait()).await.expect("it does not end").unwrap().success());
    }
}

/// Returns how many bytes a process has written.
#[cfg(target_os = "linux")]
fn written(id: &str) -> usize {
    let counts = std::fs::read_to_string(format!("/proc/{id}/io")).unwrap();
    counts.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
}

#[tokio::test]
async fn tail_continues_after_a_server_restart() {
    let server = TestServer::start();
    let (_child, mut lines) = tail(&server, &["--json"]).await;
    server.post("lobby", "before").await;
    assert!(line(&mut lines).await.contains("before"));
    let server = server.restart_in_place().await;
    server.post("lobby", "after").await;
    assert!(line(&mut lines).await.contains("after"));
}
