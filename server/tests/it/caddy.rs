//! Streams through a real Caddy of Debian's version, with the common `reverse_proxy` line.

use protocol::ServerFrame;
use serde_json::json;
use tokio::process::Command;
use tokio::time::Instant;

use crate::reverse_proxy::{Arrived, PASSING_TIME_MAX, ReverseProxy, program};
use crate::support::{Socket, TestServer};

/// Starts Caddy in front of a server.
async fn start(server: &TestServer) -> ReverseProxy {
    ReverseProxy::start("Caddy", |folder, port| {
        let configuration = format!(
            "{{\n admin off\n auto_https off\n}}\n\
             http://127.0.0.1:{port} {{\n bind 127.0.0.1\n encode gzip\n reverse_proxy {}\n}}\n",
            server.address
        );
        let file = folder.join("Caddyfile");
        std::fs::write(&file, configuration).unwrap();
        let mut caddy = Command::new(program("caddy"));
        caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(file).env("HOME", folder);
        caddy
    })
    .await
}

/// Caddy 2.6 ignores `no-transform` and buffers what it compresses. It decides by the length of the
/// first write, which is long for a stream that starts with old messages.
#[tokio::test]
#[ignore = "needs Caddy"]
async fn a_message_passes_a_compressing_caddy_within_a_second() {
    let server = TestServer::start();
    let position = server.page("lobby", "").await.latest;
    server.post_json("lobby", &json!({ "text": "x".repeat(2000) })).await;
    let caddy = start(&server).await;
    for path in ["/r/lobby/live", "/api/rooms/lobby/events"] {
        for query in [String::new(), format!("?after={position}")] {
            let mut arrived = Arrived::of(caddy.get(&format!("{path}{query}")).await);
            for n in 0..3 {
                let text = format!("number {n} through {path}{query}");
                let posted = Instant::now();
                server.post("lobby", &text).await;
                arrived.wait_for(&text).await;
                assert!(posted.elapsed() < PASSING_TIME_MAX, "{path}{query}: {:?}", posted.elapsed());
            }
        }
    }
    let mut socket = Socket::try_open(&format!("ws://{}/ws/lobby", caddy.host()), &[("origin", &caddy.url(""))]).await.unwrap();
    assert!(matches!(socket.frame().await, ServerFrame::Hello(_)));
    let page = caddy.get("/").await;
    assert_eq!(page.headers()["content-encoding"], "gzip", "a page may be compressed");
}
