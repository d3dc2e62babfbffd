//! HTTP semantics for browsers, programs and caches.

use std::io::Read as _;

use flate2::read::GzDecoder;
use protocol::limits::TEXT_BYTES_MAX;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, IF_NONE_MATCH, ORIGIN};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::support::{TestServer, client_without_redirects, problem};

/// The `Accept` header of Chromium for a link.
const BROWSER_ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

/// Returns a browser's request with Chinese and the dark colour scheme.
fn browser(server: &TestServer, method: Method, path: &str) -> RequestBuilder {
    let request = client_without_redirects().request(method, server.url(path));
    request.header(ACCEPT, BROWSER_ACCEPT).header(ACCEPT_LANGUAGE, "zh-CN,zh;q=0.9").header(COOKIE, "scheme=dark")
}

/// Checks that a response is an uncacheable page in the language and colours of [`browser`].
async fn assert_page(response: Response, status: u16, case: &str) {
    assert_eq!(response.status(), status, "{case}");
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(header("content-type"), "text/html; charset=utf-8", "{case}");
    assert_eq!(header("cache-control"), "no-store", "{case}");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{case}: {policy}");
    let html = response.text().await.unwrap();
    assert!(html.contains(r#"lang="zh-CN""#) && html.contains(r#"data-scheme="dark""#), "{case}: {html}");
    assert!(html.contains(r#"role="alert""#) && html.contains("</html>"), "{case}: {html}");
    // A private room is answered like an unknown path, and its link may have a key to trade.
    let scripts = html.matches("<script").count();
    assert_eq!((scripts, html.contains("/trade.js\"></script>")), (usize::from(status == 404), status == 404), "{case}: {html}");
}

#[tokio::test]
async fn redirects_a_trailing_slash() {
    let server = TestServer::start();
    for (path, location) in [
        ("/r/lobby/", "/r/lobby"),
        ("/r/%E5%A4%A7%E5%8E%85/?lang=en&scheme=dark", "/r/%E5%A4%A7%E5%8E%85?lang=en&scheme=dark"),
        ("/r/lobby/live/", "/r/lobby/live"),
        ("/open/?room=x", "/open?room=x"),
        ("/api/rooms/lobby/messages/?limit=1", "/api/rooms/lobby/messages?limit=1"),
        ("/healthz/", "/healthz"),
        ("/r/\\evil.example/", "/r/\\evil.example"),
    ] {
        let (head, _) = crate::half_close::exchange(&server, &format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)).await;
        assert!(head.starts_with("HTTP/1.1 301"), "{path}: {head}");
        assert!(head.contains(&format!("\r\nlocation: {location}\r\n")), "{path}: {head}");
    }
    let page = server.http.get(server.url("/r/lobby/")).header(ACCEPT, BROWSER_ACCEPT).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.url().path()), (200, "/r/lobby"));
    for path in ["//evil.example/", "/\\evil.example/", "/nothing/"] {
        let (head, _) = crate::half_close::exchange(&server, &format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)).await;
        assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
    }
    let posted = server.http.post(server.url("/api/rooms/lobby/messages/")).body("hello").send().await.unwrap();
    assert_eq!(problem(posted).await, (405, "method_not_allowed".to_owned()), "a post must not be redirected");
}

#[tokio::test]
async fn browsers_get_errors_as_pages_in_their_language_and_colours() {
    let server = TestServer::start();
    let long = format!("/r/lobby?{}", "x".repeat(9_000));
    let gone = "/api/rooms/lobby/messages?after=0000000000000007:1";
    for (path, status) in [
        ("/nothing", 404),
        ("/r", 404),
        ("/r/a/b", 404),
        ("/api", 404),
        ("/.git/config", 404),
        ("/pkg/0/no.css", 404),
        ("/message", 404),
        ("/message/", 404),
        ("/r/a.b", 400),
        ("/r/%FF", 400),
        ("/r/a.b/live", 400),
        ("/r/a.b/qr.svg", 400),
        ("/r/lobby/live?after=x", 400),
        ("/open?room=a.b", 400),
        ("/open", 400),
        ("/?lang=en&lang=zh-CN", 400),
        ("/ws/lobby", 400),
        ("/api/rooms/lobby/messages?limit=0", 400),
        (gone, 410),
        (&long, 414),
    ] {
        assert_page(browser(&server, Method::GET, path).send().await.unwrap(), status, path).await;
        let program = server.http.get(server.url(path)).header(ACCEPT, "application/json, text/plain, */*").send().await.unwrap();
        assert_eq!(problem(program).await.0, status, "{path}");
        if path != "/ws/lobby" {
            let head = browser(&server, Method::HEAD, path).send().await.unwrap();
            assert_eq!((head.status().as_u16(), head.text().await.unwrap().as_str()), (status, ""), "{path}");
        }
    }
    for (path, method) in [("/r/lobby", Method::DELETE), ("/icon.svg", Method::POST), ("/healthz", Method::PUT)] {
        let response = browser(&server, method, path).send().await.unwrap();
        assert!(response.headers()["allow"].to_str().unwrap().contains("GET"), "{path}");
        assert_page(response, 405, path).await;
    }
    let foreign = browser(&server, Method::POST, "/r/lobby").header(ORIGIN, "https://evil.example").body("content=x");
    assert_page(foreign.send().await.unwrap(), 403, "a foreign form").await;
    assert_page(browser(&server, Method::GET, "/").header("host", "evil.example").send().await.unwrap(), 421, "a foreign host").await;
    assert_page(browser(&server, Method::GET, "/").header("x", "x".repeat(33_000)).send().await.unwrap(), 431, "headers").await;
    let form =
        |body: String| browser(&server, Method::POST, "/r/lobby").header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    assert_page(form(format!("content={}", "x".repeat(70_000))).send().await.unwrap(), 413, "a long form").await;
    // The query takes precedence over the cookie.
    let html = browser(&server, Method::GET, "/nothing?lang=en&scheme=light").send().await.unwrap().text().await.unwrap();
    assert!(html.contains(r#"lang="en""#) && html.contains(r#"data-scheme="light""#), "{html}");
}

#[tokio::test]
async fn browsers_get_pages_for_connection_limits_and_unavailable_history() {
    let server = TestServer::start_with(&["--connections-per-address", "1"]);
    let reader = server.subscribe("lobby", None).await;
    let refused = browser(&server, Method::GET, "/").send().await.unwrap();
    assert!(refused.headers().contains_key("retry-after"));
    assert_page(refused, 429, "too many connections").await;
    drop(reader);
    let server = TestServer::start();
    server.post("lobby", "x").await;
    let server = server.restart().await;
    std::fs::write(server.folder().join("crier.db"), b"").unwrap();
    std::fs::write(server.folder().join("crier.db-wal"), b"").unwrap();
    for path in ["/", "/r/lobby", "/api/rooms/lobby/messages"] {
        let response = browser(&server, Method::GET, path).send().await.unwrap();
        assert!(response.headers().contains_key("retry-after"), "{path}");
        assert_page(response, 503, path).await;
    }
}

#[tokio::test]
async fn a_rate_limited_form_keeps_its_text() {
    let server = TestServer::start_with(&["--publishes-burst", "1", "--publishes-per-second", "1"]);
    let post = || {
        let form = browser(&server, Method::POST, "/r/lobby").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        async { form.body("content=important").send().await.unwrap() }
    };
    assert_eq!(post().await.status(), 303);
    let mut refused = post().await;
    while refused.status() == 303 {
        refused = post().await;
    }
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    let html = refused.text().await.unwrap();
    assert!(html.contains("important") && html.contains(r#"role="alert""#), "{html}");
}

#[tokio::test]
async fn errors_are_not_cacheable() {
    let server = TestServer::start();
    for path in ["/nothing", "/r/a.b", "/api/rooms/lobby/messages?after=0000000000000007:1", "/ws/lobby", "/message/", "/pkg/0/no.css"] {
        let response = server.get(path).await;
        assert!(response.status().is_client_error(), "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
    }
    for (method, path) in [(Method::DELETE, "/"), (Method::POST, "/icon.svg"), (Method::POST, "/api/rooms/lobby/messages")] {
        let response = server.http.request(method, server.url(path)).send().await.unwrap();
        assert!(response.status().is_client_error(), "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
    }
    let foreign = server.http.get(server.url("/")).header("host", "evil.example").send().await.unwrap();
    assert_eq!(foreign.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn if_none_match_answers_304() {
    let server = TestServer::start();
    server.post("lobby", "x").await;
    let path = "/api/rooms/lobby/messages";
    let tag = server.get(path).await.headers()["etag"].to_str().unwrap().to_owned();
    let opaque = tag.strip_prefix("W/").unwrap();
    let ask = |tags: &str| {
        let request = server.http.get(server.url(path)).header(IF_NONE_MATCH, tags);
        async { request.send().await.unwrap() }
    };
    for tags in [tag.clone(), opaque.to_owned(), "*".to_owned(), format!("\"a\", W/\"b\" ,{tag}"), format!("{opaque},\"a\"")] {
        let unchanged = ask(&tags).await;
        assert_eq!(unchanged.status(), 304, "{tags}");
        assert_eq!(unchanged.headers()["etag"], tag, "{tags}");
        assert_eq!(unchanged.headers()["vary"], "accept-encoding", "{tags}");
        assert_eq!(unchanged.text().await.unwrap(), "");
    }
    for tags in ["\"a\"", "W/\"*\"", "", opaque.trim_matches('"')] {
        assert_eq!(ask(tags).await.status(), 200, "{tags}");
    }
    // An error has no tag to match.
    let gone = server.http.get(server.url(&format!("{path}?after=0000000000000007:1"))).header(IF_NONE_MATCH, "*");
    assert_eq!(problem(gone.send().await.unwrap()).await.0, 410);
}

#[tokio::test]
async fn compresses_whole_responses_and_no_streams() {
    let server = TestServer::start();
    for n in 0..60 {
        server.post("lobby", &format!("message number {n} with some words")).await;
    }
    let ask = |path: &str, encodings: &str| {
        let request = server.http.get(server.url(path)).header(ACCEPT_ENCODING, encodings);
        async { request.send().await.unwrap() }
    };
    let header = |response: &Response, name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    for path in ["/", "/r/lobby", "/r/lobby?lang=zh-CN", "/api/rooms/lobby/messages", "/r/lobby/qr.svg"] {
        let plain = ask(path, "identity").await;
        let packed = ask(path, "gzip, deflate, br, zstd").await;
        for response in [&plain, &packed] {
            let vary: Vec<_> = response.headers().get_all("vary").iter().map(|value| value.to_str().unwrap().to_lowercase()).collect();
            assert!(vary.join(",").contains("accept-encoding"), "{path}");
            assert_eq!(header(response, "etag"), header(&plain, "etag"), "{path}: a weak tag is independent of the encoding");
            assert_eq!(header(response, "content-security-policy").is_some(), header(&plain, "content-security-policy").is_some());
        }
        assert_eq!((header(&plain, "content-encoding"), header(&packed, "content-encoding")), (None, Some("gzip".to_owned())), "{path}");
        let (plain, packed) = (plain.bytes().await.unwrap(), packed.bytes().await.unwrap());
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        // Each page has a new key and nonce.
        assert!(
            unpacked.len().abs_diff(plain.len()) < 100 && packed.len() < plain.len() / 2,
            "{path}: {} of {}",
            packed.len(),
            plain.len()
        );
        let refused = ask(path, "gzip;q=0, *;q=0").await;
        assert_eq!(header(&refused, "content-encoding"), None, "{path}");
    }
    for path in ["/r/nowhere/live", "/api/rooms/nowhere/events", "/api/rooms/nowhere/messages", "/healthz", "/nothing"] {
        let response = ask(path, "gzip").await;
        assert!(header(&response, "content-encoding").is_none_or(|encoding| encoding == "identity"), "{path}");
    }
    let posted = server.post_json("lobby", &json!({ "text": "x".repeat(TEXT_BYTES_MAX) })).await;
    assert_eq!((posted.status().as_u16(), header(&posted, "content-encoding")), (200, None), "a short response must not be compressed");
}
