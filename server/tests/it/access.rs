//! Access: origins, hosts, security headers and the WebSocket handshake.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Socket, TIMEOUT, TestServer, handshake, problem, read_head};

#[tokio::test]
async fn a_foreign_page_cannot_post_or_subscribe() {
    let server = TestServer::start();
    let own = format!("http://{}", server.address);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", &format!("{own}.evil.example")] {
        for path in ["/ws/lobby", "/message/"] {
            let opened = Socket::try_open(&server.socket_url(path), &[("origin", origin)]).await;
            let Err(error) = opened else { panic!("{origin} opened {path}") };
            let tokio_tungstenite::tungstenite::Error::Http(response) = *error else { panic!("{error}") };
            assert_eq!(response.status(), 403, "{origin} {path}");
        }
        for path in ["/api/rooms/lobby/messages", "/r/lobby", "/"] {
            let request = server.http.post(server.url(path)).header("origin", origin).header("content-type", "text/plain");
            assert_eq!(
                problem(request.body("content=x").send().await.unwrap()).await,
                (403, "origin_refused".to_owned()),
                "{origin} {path}"
            );
        }
    }
    let request = server.http.post(server.url("/r/lobby")).header("sec-fetch-site", "cross-site");
    assert_eq!(request.body("content=x").send().await.unwrap().status(), 403);
    assert!(server.all_entries("lobby").await.is_empty());
    assert!(Socket::try_open(&server.socket_url("/ws/lobby"), &[("origin", &own)]).await.is_ok());
}

#[tokio::test]
async fn a_foreign_page_cannot_read_streams_or_long_polls() {
    let server = TestServer::start();
    let here = server.post("lobby", "x").await.position;
    let paths = ["/api/rooms/lobby/events", "/r/lobby/live", &format!("/api/rooms/lobby/messages?after={here}&wait=20")];
    for path in paths {
        for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
            let response = server.http.get(server.url(path)).header(name, value).send().await.unwrap();
            assert_eq!(problem(response).await, (403, "origin_refused".to_owned()), "{path} {value}");
        }
        let own = server.http.get(server.url(&path.replace("wait=20", "wait=0"))).header("origin", server.url("")).send().await.unwrap();
        assert_eq!(own.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn allows_a_configured_origin() {
    let server = TestServer::start_with(&["--allow-origin", "http://127.0.0.1:8000"]);
    assert!(Socket::try_open(&server.socket_url("/message/"), &[("origin", "http://127.0.0.1:8000")]).await.is_ok());
    assert!(Socket::try_open(&server.socket_url("/message/"), &[("origin", "http://127.0.0.1:8001")]).await.is_err());
}

#[tokio::test]
async fn sends_cors_headers_to_a_configured_origin() {
    let allowed_origin = "https://other.example";
    let server = TestServer::start_with(&["--allow-origin", allowed_origin]);
    let allowed = |response: &reqwest::Response| response.headers().get("access-control-allow-origin").cloned();
    for path in ["/api/rooms/lobby/events", "/api/rooms/lobby/messages"] {
        let get = |origin: &'static str| {
            let request = server.http.get(server.url(path)).header("origin", origin);
            async { request.send().await.unwrap() }
        };
        assert_eq!(allowed(&get(allowed_origin).await).unwrap(), allowed_origin, "{path}");
        assert_eq!(allowed(&get("https://evil.example").await), None, "{path}");
    }
    let preflight = |origin: &'static str| {
        let request = server.http.request(reqwest::Method::OPTIONS, server.url("/api/rooms/lobby/messages")).header("origin", origin);
        let request = request.header("access-control-request-method", "POST").header("access-control-request-headers", "content-type");
        async { request.send().await.unwrap() }
    };
    let accepted = preflight(allowed_origin).await;
    assert_eq!((accepted.status().as_u16(), allowed(&accepted).unwrap()), (200, allowed_origin.parse().unwrap()));
    assert_eq!(accepted.headers()["access-control-allow-headers"], "content-type,if-none-match,last-event-id,authorization,crier-identity");
    let refused = preflight("https://evil.example").await;
    assert_eq!((refused.status().as_u16(), allowed(&refused)), (403, None));
}

#[tokio::test]
async fn refuses_a_foreign_host_on_loopback() {
    let server = TestServer::start();
    for host in ["evil.example", "evil.example:5000", "localhost.evil.example"] {
        let response = server.http.get(server.url("/")).header("host", host).send().await.unwrap();
        assert_eq!(problem(response).await, (421, "host_refused".to_owned()), "{host}");
    }
    let named = TestServer::start_with(&["--allow-host", "board.example"]);
    let response = named.http.get(named.url("/healthz")).header("host", "board.example").send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let server = TestServer::start();
    for path in ["/", "/healthz", "/nothing", "/api/rooms/lobby/messages"] {
        let response = server.get(path).await;
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
    }
    let policy = server.get("/").await.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
}

#[tokio::test]
async fn refuses_a_websocket_key_that_is_not_16_bytes() {
    let server = TestServer::start();
    let request = server.http.get(server.url("/ws/lobby")).header("connection", "upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "abc");
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn refuses_unknown_and_compressed_bodies() {
    let server = TestServer::start();
    let url = server.url("/api/rooms/lobby/messages");
    let image = server.http.post(&url).header("content-type", "image/png").body("x").send().await.unwrap();
    assert_eq!(problem(image).await, (415, "body_unsupported".to_owned()));
    let compressed = server.http.post(&url).header("content-encoding", "gzip").json(&json!({ "text": "x" })).send().await.unwrap();
    assert_eq!(problem(compressed).await, (415, "body_unsupported".to_owned()));
    let broken = server.http.post(&url).body(vec![0xff, 0xfe]).send().await.unwrap();
    assert_eq!(problem(broken).await, (400, "not_utf8".to_owned()));
}

/// Returns the head of the response to a request, without the date, and the first bytes after it.
async fn answer(server: &TestServer, head: &str) -> (Vec<String>, String) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut lines: Vec<_> = read_head(&mut stream).await.lines().filter(|line| !line.starts_with("date:")).map(str::to_owned).collect();
    lines[1..].sort();
    let mut start = [0; 20];
    timeout(TIMEOUT, stream.read_exact(&mut start)).await.expect("nothing after the head").unwrap();
    (lines, String::from_utf8_lossy(&start[4..]).into_owned())
}

#[tokio::test]
async fn the_fast_upgrade_answers_like_the_framework() {
    let server = TestServer::start();
    let host = server.address;
    let own = format!("Origin: http://{host}\r\n");
    let usual = handshake(host).replace("Connection: ", "Connection: keep-alive, ");
    let without = |word: &str| usual.lines().filter(|line| !line.contains(word)).map(|line| format!("{line}\r\n")).collect::<String>();
    // A request with this many headers does not take the fast upgrade.
    let many = "X: y\r\n".repeat(70);
    for (line, headers, status) in [
        ("GET /ws/lobby HTTP/1.1", usual.clone(), "101"),
        ("GET /ws/Lobby HTTP/1.1", usual.clone() + &own, "101"),
        ("GET /ws/%E5%85%AC%E5%91%8A?other=1 HTTP/1.1", usual.clone(), "101"),
        ("GET /ws/lobby?after=0000000000000001:7 HTTP/1.1", usual.clone(), "101"),
        ("GET /ws/lobby?after=nowhere HTTP/1.1", usual.clone(), "400"),
        ("GET /ws/a%2Fb HTTP/1.1", usual.clone(), "400"),
        ("GET /ws/%FF HTTP/1.1", usual.clone(), "400"),
        ("GET /ws/ HTTP/1.1", usual.clone(), "404"),
        ("POST /ws/lobby HTTP/1.1", usual.clone(), "405"),
        ("GET /ws/lobby HTTP/1.1", usual.clone() + "Origin: https://evil.example\r\n", "403"),
        ("GET /ws/lobby HTTP/1.1", usual.clone() + &own + &own, "403"),
        ("GET /ws/lobby HTTP/1.1", usual.clone() + "Sec-Fetch-Site: cross-site\r\n", "403"),
        ("GET /ws/lobby HTTP/1.1", without("Host") + "Host: evil.example\r\n", "421"),
        ("GET /ws/lobby HTTP/1.1", without("Host"), "400"),
        ("GET /ws/lobby HTTP/1.1", without("Version") + "Sec-WebSocket-Version: 8\r\n", "400"),
        ("GET /ws/lobby HTTP/1.1", without("Key"), "400"),
        ("GET /ws/lobby HTTP/1.1", without("Upgrade: "), "400"),
    ] {
        let fast = answer(&server, &format!("{line}\r\n{headers}\r\n")).await;
        let framework = answer(&server, &format!("{line}\r\n{headers}{many}\r\n")).await;
        assert_eq!(fast, framework, "{line} {headers}");
        assert!(fast.0[0].contains(status), "{line} {headers}: {fast:?}");
        assert!(status != "101" || fast.1.contains("{\"type\""), "{fast:?}");
    }
}
