//! The wall of a room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::ACCEPT;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{TestServer, problem};

/// Returns the part of a wall before the messages.
async fn document(server: &TestServer, query: &str) -> String {
    let response = server.get(&format!("/r/tea-time/wall{query}")).await;
    assert_eq!(response.status(), 200, "{query}");
    response.text().await.unwrap()
}

#[tokio::test]
async fn a_wall_is_the_rooms_page_with_the_way_in() {
    let server = TestServer::start();
    server.post("tea-time", "the kettle boils").await;
    let response = server.get("/r/tea-time/wall?lang=en&scheme=dark").await;
    assert!(!response.headers().contains_key("set-cookie"), "a wall's address says all");
    assert_eq!(response.headers()["cache-control"], "private, no-cache");
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("style-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let html = response.text().await.unwrap();
    assert!(html.contains("<html lang=\"en\" data-scheme=\"dark\" data-view=\"wall\">"), "{html:.300}");
    for part in ["/wall.css\"", "/wall.js\"", "the kettle boils", "src=\"/r/tea-time/qr.svg\"", "&amp;earlier=true\""] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.contains(&format!("{}<wbr>/r/tea-time</bdi>", server.address)), "the link is as people type it");
    for panel in ["id=\"rooms\"", "id=\"settings\""] {
        assert!(!html.contains(panel), "{panel}");
    }
    assert!(!server.get("/r/tea-time").await.text().await.unwrap().contains("wall.css"));
    let slash = server.get("/r/tea-time/wall/?fade=5").await;
    assert_eq!((slash.url().path(), slash.url().query()), ("/r/tea-time/wall", Some("fade=5")));
}

#[tokio::test]
async fn a_pinned_message_stays_on_the_wall() {
    let server = TestServer::start();
    server.post_json("tea-time", &json!({ "text": "<b>Ask here</b>", "author": "Ada" })).await;
    for n in 0..60 {
        server.post("tea-time", &n.to_string()).await;
    }
    let html = document(&server, "?pin=1").await;
    let pin = html.split("<div class=\"message pin\">").nth(1).unwrap().split("</aside>").next().unwrap();
    assert!(pin.contains("&lt;b&gt;Ask here&lt;/b&gt;") && pin.contains("Ada"), "{pin:.300}");
    let (key, _) = server.create_key("moderate", "tea-time", "").await;
    let url = server.url("/api/rooms/tea-time/messages");
    let edit = server.http.post(url).bearer_auth(key).json(&json!({ "kind": "edit", "of": 2, "text": "no message" }));
    assert_eq!(edit.send().await.unwrap().status(), 200);
    // A message that does not exist, or not any more, does not end a wall that runs for days.
    for query in ["?pin=99&lang=en", "?pin=62&lang=en"] {
        assert!(document(&server, query).await.contains("<p class=\"pin\">The linked message is not kept here.</p>"), "{query}");
    }
    assert!(!document(&server, "").await.contains("class=\"pin\""));
}

#[tokio::test]
async fn a_fading_wall_begins_without_what_has_faded() {
    static NOW: AtomicU64 = AtomicU64::new(1_800_000_000_000);
    let server = TestServer::start_with_clock(|| NOW.load(Ordering::Relaxed), Arc::new(TempDir::new().unwrap()), &[]);
    server.post("tea-time", "a minute ago").await;
    NOW.fetch_add(60_000, Ordering::Relaxed);
    assert!(document(&server, "?fade=60").await.contains("a minute ago"));
    NOW.fetch_add(1, Ordering::Relaxed);
    let html = document(&server, "?fade=60").await;
    assert!(html.contains("data-fade=\"60\"") && !html.contains("a minute ago"));
    assert!(document(&server, "").await.contains("a minute ago"));
}

#[tokio::test]
async fn a_bad_parameter_gets_a_clear_answer() {
    let server = TestServer::start();
    for (query, rule) in [
        ("?pin=first", "pin must be the number of a message"),
        ("?fade=0", "fade must be 1 to 86400 seconds"),
        ("?background=pink", "background must be transparent"),
    ] {
        let path = format!("/r/tea-time/wall{query}");
        assert_eq!(problem(server.get(&path).await).await, (400, "query_invalid".to_owned()), "{query}");
        let page = server.http.get(server.url(&path)).header(ACCEPT, "text/html").send().await.unwrap();
        assert!(page.text().await.unwrap().contains(rule), "{query}");
    }
    assert!(document(&server, "?background=transparent").await.contains("data-background=\"transparent\""));
}
