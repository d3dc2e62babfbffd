//! Streams through a real Caddy of the version that Debian has, with the line that most of its users write.

#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use protocol::ServerFrame;
use reqwest::Response;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::nginx::{Arrived, VISIBLE_TIME_MAX};
use crate::support::{Socket, TIMEOUT, TestServer};

/// A Caddy in front of a server.
struct Caddy {
    port: u16,
    _process: Child,
    _folder: TempDir,
}

impl Caddy {
    async fn before(server: &TestServer) -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = format!(
            "{{\n admin off\n auto_https off\n}}\n\
             http://127.0.0.1:{port} {{\n bind 127.0.0.1\n encode gzip\n reverse_proxy {}\n}}\n",
            server.address
        );
        let file = folder.path().join("Caddyfile");
        std::fs::write(&file, configuration).unwrap();
        let mut caddy = Command::new(program());
        caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(file).env("HOME", folder.path());
        let process = caddy.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
        let caddy = Self { port, _process: process.expect("Caddy is installed"), _folder: folder };
        let start = Instant::now();
        while caddy.get("/healthz").await.is_none_or(|response| response.status() != 200) {
            assert!(start.elapsed() < TIMEOUT, "Caddy does not answer");
        }
        caddy
    }

    async fn get(&self, path: &str) -> Option<Response> {
        let request = reqwest::Client::new().get(format!("http://127.0.0.1:{}{path}", self.port));
        request.header("accept-encoding", "gzip").send().await.ok()
    }
}

/// Ours, which `setup/install` unpacked, or the system's.
fn program() -> PathBuf {
    let ours = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/bin/caddy"));
    if ours.exists() { ours } else { "caddy".into() }
}

/// Caddy 2.6 knows no `no-transform`, and holds back what it compresses. It decides with the first bytes, of which an event stream
/// that starts with old messages has as many as a document.
#[tokio::test]
#[ignore = "needs Caddy"]
async fn a_message_passes_a_compressing_caddy_within_a_second() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.latest;
    server.post_json("lobby", &json!({ "text": "x".repeat(2000) })).await;
    let caddy = Caddy::before(&server).await;
    for path in ["/r/lobby/live", "/api/rooms/lobby/events"] {
        for query in [String::new(), format!("?after={start}")] {
            let mut arrived = Arrived::of(caddy.get(&format!("{path}{query}")).await.unwrap());
            for n in 0..3 {
                let text = format!("number {n} through {path}{query}");
                let posted = Instant::now();
                server.post("lobby", &text).await;
                arrived.wait_for(&text).await;
                assert!(posted.elapsed() < VISIBLE_TIME_MAX, "{path}{query}: {:?}", posted.elapsed());
            }
        }
    }
    let board = format!("127.0.0.1:{}", caddy.port);
    let mut socket = Socket::try_open(&format!("ws://{board}/ws/lobby"), &[("origin", &format!("http://{board}"))]).await.unwrap();
    assert!(matches!(socket.frame().await, ServerFrame::Hello(_)));
    let page = caddy.get("/").await.unwrap();
    assert_eq!(page.headers()["content-encoding"], "gzip", "what does not keep arriving may be compressed");
}
