//! The settings of `crier serve`: what is taken means something, and what can mean nothing is refused with what to write.

use clap::{CommandFactory, Parser};
use server::config::Cli;

use crate::support::{Socket, TestServer, problem};

/// Why a setting is refused.
fn refusal(flag: &str, value: &str) -> String {
    match Cli::try_parse_from(["crier", "serve", &format!("{flag}={value}")]) {
        Ok(_) => panic!("{flag}={value} is taken"),
        Err(error) => error.to_string(),
    }
}

/// 0 was nobody at all for some, no bound for others, and refused for the rest.
#[tokio::test]
async fn zero_sets_no_bound_wherever_there_is_one() {
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
    // No bound, so there is no zero.
    assert!(refusal("--heartbeat", "0").contains("1..=300"));
}

#[test]
fn what_zero_means_is_said_with_each_bound() {
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
