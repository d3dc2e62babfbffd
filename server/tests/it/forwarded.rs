//! The address that a request through a proxy counts for.

use reqwest::Response;

use crate::support::{Socket, TestServer, eventually};

const HEADERS: [(&str, &str); 4] = [
    ("x-forwarded-for", "IP:PORT"),
    ("x-forwarded-for", "6.6.6.6, IP"),
    ("forwarded", "for=\"IP:PORT\";proto=https"),
    ("forwarded", "for=IP"),
];

async fn post(server: &TestServer, name: &str, value: &str) -> Response {
    server.http.post(server.url("/api/rooms/lobby/messages")).header(name, value).body("x").send().await.unwrap()
}

/// A proxy that adds the port was once not understood, so all its clients shared one limit.
#[tokio::test]
async fn limits_each_forwarded_address_in_every_header_format() {
    for (name, form) in HEADERS {
        let arguments = ["--publishes-burst", "2", "--publishes-per-second", "1", "--trust-proxy", "10.0.0.0/8,127.0.0.0/8"];
        let server = TestServer::start_with(&arguments);
        let value = |address: &str, port: usize| form.replace("IP", address).replace("PORT", &port.to_string());
        let mut port = 1024;
        while post(&server, name, &value("203.0.113.1", port)).await.status() == 200 {
            port += 1;
            assert!(port < 2000, "{form}: each port counts as another address");
        }
        assert_eq!(post(&server, name, &value("203.0.113.2", 1024)).await.status(), 200, "{form}");
    }
}

#[tokio::test]
async fn limits_connections_of_each_forwarded_address_in_every_header_format() {
    for (name, form) in HEADERS {
        let server = TestServer::start_with(&["--connections-per-address", "1", "--trust-proxy", "127.0.0.1"]);
        let value = |address: &str| form.replace("IP", address).replace("PORT", "4711");
        let open = async |address| Socket::try_open(&server.socket_url("/ws/lobby"), &[(name, &value(address))]).await;
        let _held = (open("203.0.113.1").await.unwrap(), open("203.0.113.2").await.unwrap());
        assert!(open("203.0.113.1").await.is_err(), "{form}");
    }
}

/// A client must not avoid the limits by breaking the header.
#[tokio::test]
async fn an_unreadable_forwarded_header_counts_for_the_proxy() {
    let server = TestServer::start_with(&["--connections-per-address", "1", "--trust-proxy", "127.0.0.1"]);
    for (name, value) in [("forwarded", "for=6.6.6.6;host=\"x, for=203.0.113.1"), ("x-forwarded-for", "unknown")] {
        let open = async || Socket::try_open(&server.socket_url("/ws/lobby"), &[(name, value)]).await;
        let held = open().await.unwrap();
        assert!(open().await.is_err(), "{value}");
        drop(held);
        eventually("the reader is gone", async || server.page("lobby", "").await.online == 0).await;
    }
}
