//! `crier bench`, run as a program.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{TIMEOUT, TestServer};

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crier"));
    command.arg("bench").args(arguments).kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run(arguments: &[&str]) -> Output {
    let child = bench(arguments).spawn().unwrap();
    timeout(TIMEOUT, child.wait_with_output()).await.unwrap().unwrap()
}

/// Runs a benchmark that must succeed, and returns its report.
async fn report(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--json"]].concat()).await;
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["trouble"], report["interrupted"].as_bool()), (&Value::Null, Some(false)));
    assert_eq!(report["verified"].as_bool(), Some(true));
    report
}

/// Checks that all named figures are positive.
fn assert_positive(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value[*name].as_f64().is_some_and(|figure| figure > 0.0), "{name} in {value}");
    }
}

#[tokio::test]
async fn measures_its_own_server_over_each_transport() {
    for transport in ["ws", "sse"] {
        let report = report(&["fan-out", "--subscribers", "5", "--batch", "1,3", "--rounds", "4", "--transport", transport]).await;
        assert_eq!((report["scenario"].as_str(), report["transport"].as_str()), (Some("fan-out"), Some(transport)));
        assert_positive(&report["connects"][0], &["connections", "seconds", "per_second", "server_cpu_us"]);
        assert_positive(&report["memory"], &["before_bytes", "idle_bytes", "after_bytes"]);
        let phases = report["phases"].as_array().unwrap();
        for (phase, batch) in phases.iter().zip([1, 3]) {
            assert_eq!((phase["batch"].as_u64(), phase["messages"].as_u64()), (Some(batch), Some(4 * batch)));
            assert_eq!((phase["deliveries"].as_u64(), phase["text_bytes"].as_u64()), (Some(5 * 4 * batch), Some(128)));
            assert_positive(
                phase,
                &["seconds", "deliveries_per_second", "server_cpu_us_per_delivery", "load_cpu_us_per_delivery", "bytes"],
            );
            assert_positive(&phase["latency"], &["p50_ms", "p99_ms", "p999_ms", "max_ms"]);
        }
        assert_eq!(phases.len(), 2);
    }
}

#[tokio::test]
async fn every_scenario_reports_its_figures() {
    let (at_a_rate, idle, storms, slow, publish, pages) = tokio::join!(
        report(&["fan-out", "--subscribers", "3", "--rate", "500", "--rounds", "20"]),
        report(&["idle", "--connections", "4", "--seconds", "0.1"]),
        report(&["connect", "--connections", "4", "--rounds", "2"]),
        report(&["slow", "--subscribers", "4", "--percent", "30", "--rounds", "50"]),
        report(&["publish", "--connections", "2", "--in-flight", "3", "--seconds", "0.3"]),
        report(&["pages", "--connections", "2", "--messages", "5", "--seconds", "0.3"]),
    );
    assert_eq!(at_a_rate["phases"][0]["deliveries"].as_u64(), Some(60));
    assert_positive(&idle["phases"][0], &["connections", "seconds"]);
    assert_eq!(storms["connects"].as_array().unwrap().len(), 2);
    assert_positive(&storms["connects"][1]["latency"], &["p50_ms", "p99_ms"]);
    let phases = slow["phases"].as_array().unwrap();
    let figures: Vec<_> = phases.iter().map(|phase| (phase["slow"].as_u64(), phase["deliveries"].as_u64())).collect();
    // Two of four readers pause for half of the messages and read them afterwards.
    assert_eq!(figures, [(Some(0), Some(200)), (Some(2), Some(100)), (Some(2), Some(100))]);
    assert_positive(&publish["phases"][0], &["acknowledged_per_second", "messages", "server_cpu_us_per_delivery"]);
    assert_positive(&pages["phases"][0], &["deliveries_per_second", "server_cpu_us_per_delivery", "bytes"]);
}

#[tokio::test]
async fn prints_a_table_without_json() {
    let output = run(&["fan-out", "--subscribers", "3", "--rounds", "2"]).await;
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && table.contains("server µs") && table.contains("one after another"), "{table}");
    assert!(table.ends_with("Everybody got every message, once and in order.\n"), "{table}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("connecting"));
}

#[tokio::test]
async fn measures_a_running_server_and_names_the_limit_that_stops_it() {
    let server = TestServer::start();
    let pid = std::process::id().to_string();
    let report = report(&["fan-out", "--subscribers", "3", "--rounds", "2", "--server", &server.url(""), "--pid", &pid]).await;
    assert_positive(&report["memory"], &["idle_bytes"]);
    let server = TestServer::start_with(&["--connections-per-address", "3"]);
    let output = run(&["fan-out", "--subscribers", "5", "--rounds", "2", "--server", &server.url("")]).await;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && stderr.contains("429") && stderr.contains("--connections-per-address"), "{stderr}");
}

#[tokio::test]
async fn refuses_invalid_arguments_with_the_reason() {
    for (arguments, reason) in [
        (&["fan-out", "--server", "http://127.0.0.1:1"][..], "nobody listens there"),
        (&["fan-out", "--server", "https://127.0.0.1:1"], "TLS is not measured"),
        (&["fan-out", "--server", "nonsense"], "not the address of a server"),
        (&["fan-out", "--peer", "raw"], "--server <URL>"),
        (&["fan-out", "--pid", "1"], "--server <URL>"),
        (&["fan-out", "--subscribers", "0"], "not from 1"),
        (&["fan-out", "--batch", "1,x"], "not a whole number"),
        (&["fan-out", "--bytes", "99999"], "not from 16 to 16384"),
        (&["fan-out", "--transport", "pigeon"], "[possible values: ws, sse]"),
        (&["fan-out", "--subscribers", "900000"], "files that a process may have open"),
        (&["fan-out", "--server-core", "4096"], "there is no processor 4096"),
        (&["fan-out", "--data", "/nowhere/at/all"], "can't write in /nowhere/at/all"),
        (&["fan-out", "--", "--heartbeat", "x"], "the server did not start"),
        (&["slow", "--subscribers", "2"], "3 --subscribers or more"),
        (&["publish", "--in-flight", "65"], "not from 1 to 64"),
        (&["pages", "--messages", "51"], "not from 1 to 50"),
    ] {
        let output = run(arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && stderr.contains(reason), "{arguments:?}: {stderr}");
    }
}

#[tokio::test]
async fn an_interrupt_ends_it_with_a_report() {
    let mut child = bench(&["fan-out", "--subscribers", "3", "--seconds", "600", "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("it has ended") != "deliveries" {}
    Command::new("kill").args(["-INT", &child.id().unwrap().to_string()]).status().await.unwrap();
    let output = timeout(TIMEOUT, child.wait_with_output()).await.unwrap().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && report["interrupted"] == true, "{report}");
    assert_positive(&report["phases"][0], &["deliveries", "server_cpu_us_per_delivery"]);
}

/// Returns a listener that accepts connections and never answers, and its URL.
async fn silent_server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn an_interrupt_ends_the_wait_for_a_silent_server() {
    for scenario in ["pages", "publish"] {
        let (listener, url) = silent_server().await;
        let child = bench(&[scenario, "--server", &url]).spawn().unwrap();
        let _connection = timeout(TIMEOUT, listener.accept()).await.unwrap().unwrap();
        Command::new("kill").args(["-INT", &child.id().unwrap().to_string()]).status().await.unwrap();
        let output = timeout(TIMEOUT / 4, child.wait_with_output()).await.expect("it does not end").unwrap();
        assert!(output.status.success(), "{scenario}: {output:?}");
    }
}

#[tokio::test]
async fn gives_up_on_a_silent_server() {
    let (listener, url) = silent_server().await;
    let (pages, publish) = (["pages", "--server", &url], ["publish", "--server", &url]);
    let (pages, publish) = tokio::join!(run(&pages), run(&publish));
    for output in [pages, publish] {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && stderr.contains("the server does not answer"), "{stderr}");
    }
    drop(listener);
}

/// The server of this test repeats one message.
#[tokio::test]
async fn detects_a_message_that_arrives_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use futures_util::{SinkExt as _, StreamExt as _};
        let mut socket = tokio_tungstenite::accept_async(listener.accept().await.unwrap().0).await.unwrap();
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            let times = if text.starts_with("#2#") { 2 } else { 1 };
            for _ in 0..times {
                socket.send(Message::Text(text.clone())).await.unwrap();
            }
        }
    });
    let output = run(&["fan-out", "--subscribers", "1", "--rounds", "5", "--peer", "raw", "--server", &url, "--json"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.success(), report["verified"].as_bool()), (false, Some(false)));
    assert_eq!(report["trouble"].as_str(), Some("subscriber 0 got message 2 when 3 was due"));
}

#[tokio::test]
async fn publishes_into_a_room_of_its_own_and_not_the_lobby() {
    let server = TestServer::start();
    let report = report(&["publish", "--connections", "1", "--seconds", "0.1", "--server", &server.url("")]).await;
    let folder = server.stop().await;
    let history = rusqlite::Connection::open(folder.path().join("crier.db")).unwrap();
    let rooms = history
        .prepare("SELECT name FROM rooms")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect::<Vec<String>>();
    let [room] = &rooms[..] else { panic!("{rooms:?}") };
    assert!(room.starts_with("bench-"), "{room}");
    let server = TestServer::start_in(folder, &[]);
    let published = report["phases"][0]["messages"].as_u64().unwrap();
    assert!(server.all_entries(room).await.len() as u64 >= published);
}
