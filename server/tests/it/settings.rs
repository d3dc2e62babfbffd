//! The settings of `crier serve`: invalid values are refused with advice.

use std::process::Stdio;

use clap::{CommandFactory, Parser};
use server::config::Cli;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{Socket, TIMEOUT, TestServer, problem};

/// Returns the error message for a setting.
fn refusal(flag: &str, value: &str) -> String {
    match Cli::try_parse_from(["crier", "serve", &format!("{flag}={value}")]) {
        Ok(_) => panic!("{flag}={value} is accepted"),
        Err(error) => error.to_string(),
    }
}

/// Each of these would match no request.
#[test]
fn refuses_an_invalid_allow_host_with_advice() {
    for (value, advice) in [
        ("b:5000", "write b\n"),
        ("https://b", "write b\n"),
        ("https://b:5000/r/lobby", "write b\n"),
        ("b/", "write b\n"),
        ("me@b", "write b\n"),
        ("[::1]:5000", "write [::1]\n"),
        ("localhost:5000", "write localhost\n"),
        ("*.b", "no wildcards"),
        ("*", "no wildcards"),
        (".b.example", "board.example.org"),
        ("b..example", "board.example.org"),
        ("b c", "board.example.org"),
        ("\"b\"", "board.example.org"),
        ("b;c", "board.example.org"),
        ("", "board.example.org"),
        (" ", "board.example.org"),
        ("b,", "board.example.org"),
        ("1.2.3.4.5", "board.example.org"),
        ("10.0.0.0/8", "write 10.0.0.0\n"),
        ("fe80::1%eth0", "board.example.org"),
    ] {
        let error = refusal("--allow-host", value);
        assert!(error.contains(advice), "{value}: {error}");
    }
}

#[test]
fn refuses_an_invalid_allow_origin_with_advice() {
    for (value, advice) in [
        ("*", "name each origin"),
        ("https://*.b", "name each origin"),
        ("null", "https://example.org"),
        ("", "https://example.org"),
        ("b", "write https://b\n"),
        ("b:5000", "write https://b:5000\n"),
        ("localhost:5000", "write https://localhost:5000\n"),
        ("//b", "write https://b\n"),
        ("https:b", "https://example.org"),
        ("https://b/path", "write https://b\n"),
        ("https://b:5000/?x", "write https://b:5000\n"),
        ("https://b#x", "write https://b\n"),
        ("https://me@b", "write https://b\n"),
        ("https://b:99999", "https://example.org"),
        ("https://", "https://example.org"),
        ("https://b c", "https://example.org"),
        ("ws://b:5000", "write http://b:5000\n"),
        ("wss://b", "write https://b\n"),
        ("file:///x", "https://example.org"),
        ("'https://b'", "https://example.org"),
        ("https://a,,https://b", "https://example.org"),
    ] {
        let error = refusal("--allow-origin", value);
        assert!(error.contains(advice), "{value}: {error}");
    }
}

#[test]
fn refuses_an_invalid_trust_proxy_with_advice() {
    for (value, advice) in [
        ("nginx", "10.0.0.0/8"),
        ("", "10.0.0.0/8"),
        ("10.0.0.2:80", "write 10.0.0.2\n"),
        ("[::1]", "write ::1\n"),
        ("[::1]:80", "write ::1\n"),
        ("fe80::1%eth0", "write fe80::1\n"),
        ("10.0.0.0/33", "10.0.0.0/8"),
        ("10/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("10.0.0.*", "10.0.0.0/8"),
        ("*", "10.0.0.0/8"),
        ("0.0.0.0", "write 0.0.0.0/0\n"),
        ("::", "write ::/0\n"),
    ] {
        let error = refusal("--trust-proxy", value);
        assert!(error.contains(advice), "{value}: {error}");
    }
}

#[test]
fn refuses_an_invalid_listen_address_with_advice() {
    for value in
        ["", "5000", "localhost", "127.0.0.1", "::1:5000", "::1", "http://localhost:5000", "localhost:", "localhost:x", "127.0.0.1:70000"]
    {
        let error = refusal("--listen", value);
        assert!(error.contains("write 127.0.0.1:5000") && error.contains(":5000 for every address"), "{value}: {error}");
    }
    let error = refusal("--listen", "no-such-host.invalid:5000");
    assert!(error.contains("no-such-host.invalid has no address"), "{error}");
}

#[tokio::test]
async fn listens_on_a_host_name() {
    for (listen, reached) in [("localhost:0", "127.0.0.1"), (" 127.0.0.1:0 ", "127.0.0.1"), (":0", "127.0.0.1"), ("*:0", "127.0.0.1")] {
        let server = TestServer::start_with(&["--listen", listen]);
        let url = format!("http://{reached}:{}/", server.address.port());
        assert_eq!(server.http.get(url).send().await.unwrap().status(), 200, "{listen}");
    }
}

#[tokio::test]
async fn zero_means_no_limit_for_every_limit() {
    let bounds = [
        "--publishes-per-second",
        "--publishes-burst",
        "--rooms-per-hour",
        "--cpu-per-address",
        "--connections-per-address",
        "--connections",
        "--rooms",
    ];
    let kept = ["--keep-messages", "--keep-bytes", "--keep-days"];
    let arguments: Vec<_> = bounds.iter().chain(&kept).flat_map(|flag| [*flag, "0"]).collect();
    let server = TestServer::start_with(&arguments);
    let mut held = Vec::new();
    for room in 0..20 {
        held.push(Socket::open(&server.socket_url(&format!("/ws/room-{room}"))).await);
        server.post(&format!("room-{room}"), "x").await;
    }
    for (flag, other) in [("--publishes-per-second", "--publishes-burst"), ("--publishes-burst", "--publishes-per-second")] {
        let server = TestServer::start_with(&[flag, "0", other, "1"]);
        let mut publisher = server.subscribe("lobby", None).await;
        for number in 0..50 {
            publisher.publish(number, "x", None).await;
        }
        assert_eq!(publisher.texts(50).await.len(), 50, "{flag}");
    }
    let server = TestServer::start_with(&["--publishes-per-second", "1", "--publishes-burst", "1"]);
    server.post("lobby", "x").await;
    let refused = server.http.post(server.url("/api/rooms/lobby/messages")).body("x").send().await.unwrap();
    assert_eq!(problem(refused).await, (429, "rate_limited".to_owned()));
    // The heartbeat is not a limit, so it accepts no zero.
    assert!(refusal("--heartbeat", "0").contains("1..=300"));
}

#[test]
fn documents_what_zero_means_for_each_limit() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let serve = Cli::command().find_subcommand("serve").unwrap().clone();
    for flag in [
        "publishes-per-second",
        "publishes-burst",
        "rooms-per-hour",
        "cpu-per-address",
        "connections-per-address",
        "connections",
        "rooms",
        "keep-messages",
        "keep-bytes",
        "keep-days",
    ] {
        let argument = serve.get_arguments().find(|argument| argument.get_long() == Some(flag)).unwrap();
        assert!(argument.get_help().unwrap().to_string().contains("0 "), "{flag}");
        let row = readme.lines().find(|line| line.starts_with(&format!("| `--{flag}`"))).unwrap();
        assert!(row.contains("; 0 "), "{row}");
    }
}

/// Compose files and systemd units set variables to nothing.
#[tokio::test]
async fn an_empty_variable_counts_as_unset() {
    let serve = Cli::command().find_subcommand("serve").unwrap().clone();
    for empty in ["", " "] {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_crier"));
        for argument in serve.get_arguments() {
            if let Some(variable) = argument.get_env() {
                command.env(variable, empty);
            }
        }
        command.env("CRIER_LOG", empty).args(["serve", "--data"]).arg(folder.path()).env("CRIER_LISTEN", "127.0.0.1:0");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("the server has ended");
        let address = line.strip_prefix("Crier is on http://").unwrap().to_owned();
        let page = reqwest::get(format!("http://{address}/")).await.unwrap();
        assert_eq!(page.status(), 200);
        TcpStream::connect(&address).await.unwrap();
        // The same for the variables of the other commands.
        let mut post = Command::new(env!("CARGO_BIN_EXE_crier"));
        post.args(["post", "lobby", "hello", "--server", &format!("http://{address}")]).env("CRIER_AUTHOR", empty);
        assert!(timeout(TIMEOUT, post.output()).await.unwrap().unwrap().status.success());
        let mut post = Command::new(env!("CARGO_BIN_EXE_crier"));
        post.args(["post", "--help"]).env("CRIER_SERVER", empty);
        assert!(timeout(TIMEOUT, post.output()).await.unwrap().unwrap().status.success());
    }
}

/// An empty flag could mean that everything is allowed.
#[test]
fn refuses_an_empty_flag() {
    for flag in ["--allow-host", "--allow-origin", "--trust-proxy", "--listen"] {
        assert!(!refusal(flag, "").is_empty());
    }
}
