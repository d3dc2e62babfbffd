//! Reading and publishing over plain HTTP.

use protocol::{Epoch, Position};
use serde_json::json;

use crate::support::{TestServer, problem, texts};

#[tokio::test]
async fn curl_can_post_a_bare_text() {
    let server = TestServer::start();
    let mut reader = server.subscribe("lobby", None).await;
    let request = server.http.post(server.url("/api/rooms/lobby/messages"));
    let response = request.header("content-type", "application/x-www-form-urlencoded").body("hello").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let published: serde_json::Value = response.json().await.unwrap();
    assert_eq!((published["reached"].as_u64(), published["duplicate"].as_bool()), (Some(1), Some(false)));
    assert_eq!(reader.texts(1).await, ["hello"]);
}

#[tokio::test]
async fn paging_back_and_forward_skips_nothing() {
    let server = TestServer::start();
    for n in 1..=25 {
        server.post("lobby", &format!("{n}")).await;
    }
    let newest = server.page("lobby", "?limit=10").await;
    assert_eq!(texts(&newest.entries)[0], "16");
    assert_eq!(newest.position, newest.latest);
    let older = server.page("lobby", &format!("?limit=10&before={}", newest.before.unwrap())).await;
    assert_eq!(texts(&older.entries), ["6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]);
    let oldest = server.page("lobby", &format!("?limit=10&before={}", older.before.unwrap())).await;
    assert_eq!(texts(&oldest.entries), ["1", "2", "3", "4", "5"]);
    assert_eq!(oldest.before, None);
    let onward = server.page("lobby", &format!("?limit=10&after={}", oldest.position)).await;
    assert_eq!(texts(&onward.entries), texts(&older.entries));
    let end = server.page("lobby", &format!("?after={}", newest.position)).await;
    assert!(end.entries.is_empty());
    assert_eq!(end.position, newest.position);
}

#[tokio::test]
async fn a_room_without_messages_is_empty() {
    let server = TestServer::start();
    let page = server.page("nowhere", "").await;
    assert!(page.entries.is_empty());
    assert_eq!(page.position.offset, 0);
    let mut reader = server.subscribe("nowhere", Some(page.position)).await;
    assert!(reader.hello().recovered);
    server.post("nowhere", "first").await;
    assert_eq!(reader.texts(1).await, ["first"]);
}

#[tokio::test]
async fn room_names_are_percent_decoded_and_lower_cased() {
    let server = TestServer::start();
    server.post("%E5%A4%A7%E5%8E%85", "你好").await;
    server.post("LOBBY", "hi").await;
    assert_eq!(server.page("大厅", "").await.room.as_str(), "大厅");
    assert_eq!(texts(&server.page("lobby", "").await.entries), ["hi"]);
}

#[tokio::test]
async fn refuses_an_invalid_query() {
    let server = TestServer::start();
    let here = server.post("lobby", "x").await.position;
    for (query, status, code) in [
        ("?after=".to_owned(), 400, "position_invalid"),
        ("?after=5".to_owned(), 400, "position_invalid"),
        ("?after=-1".to_owned(), 400, "position_invalid"),
        (format!("?after={}:18446744073709551616", here.epoch), 400, "position_invalid"),
        ("?before=x".to_owned(), 400, "position_invalid"),
        (format!("?before={here}&after={here}"), 400, "query_invalid"),
        ("?limit=0".to_owned(), 400, "query_invalid"),
        ("?limit=201".to_owned(), 400, "query_invalid"),
        ("?limit=-1".to_owned(), 400, "query_invalid"),
        ("?limit=ten".to_owned(), 400, "query_invalid"),
        ("?limit=1&limit=2".to_owned(), 400, "query_invalid"),
        (format!("?after={}", Position { epoch: Epoch(7), offset: 1 }), 410, "position_gone"),
        (format!("?before={}", Position { epoch: Epoch(7), offset: 1 }), 410, "position_gone"),
    ] {
        let refused = problem(server.get(&format!("/api/rooms/lobby/messages{query}")).await).await;
        assert_eq!(refused, (status, code.to_owned()), "{query}");
    }
    assert_eq!(server.get("/api/rooms/lobby/messages?utm_source=x").await.status(), 200);
}

#[tokio::test]
async fn refuses_an_invalid_room_name_on_every_route() {
    let server = TestServer::start();
    let long = "a".repeat(65);
    for name in ["%20", "..%2f..", "%3Cscript%3E", "%00", "%ff", "a.b", long.as_str()] {
        for path in [format!("/api/rooms/{name}/messages"), format!("/r/{name}")] {
            assert_eq!(problem(server.get(&path).await).await, (400, "room_name_invalid".to_owned()), "{path}");
        }
        let url = server.socket_url(&format!("/ws/{name}"));
        assert!(crate::support::Socket::try_open(&url, &[]).await.is_err(), "{name}");
        assert_eq!(problem(server.post_json(name, &json!({ "text": "x" })).await).await.0, 400, "{name}");
    }
}

#[tokio::test]
async fn answers_404_to_unknown_paths_and_405_to_wrong_methods() {
    let server = TestServer::start();
    for path in ["/nothing", "/api", "/api/rooms", "/.git/config", "/pkg/../Cargo.toml", "/%2e%2e/etc/passwd", "/r/", "/r/a/b", "/message"]
    {
        assert_eq!(problem(server.get(path).await).await, (404, "not_found".to_owned()), "{path}");
    }
    let deleted = server.http.delete(server.url("/api/rooms/lobby/messages")).send().await.unwrap();
    assert_eq!(problem(deleted).await, (405, "method_not_allowed".to_owned()));
    let posted = server.http.post(server.url("/ws/lobby")).send().await.unwrap();
    assert_eq!(posted.status(), 405);
}

#[tokio::test]
async fn health_and_readiness_answer_ok() {
    let server = TestServer::start();
    assert_eq!(server.get("/healthz").await.text().await.unwrap(), "ok\n");
    assert_eq!(server.get("/readyz").await.text().await.unwrap(), "ready\n");
}
