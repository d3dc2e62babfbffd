//! Who may do what: every route, in every mode of its room, for everybody, against the table in
//! docs/access.md.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use protocol::Epoch;
use protocol::admin::Rights;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use server::access::Access;
use server::context::Context;
use server::delivery::Fanout;
use server::http::{AccessPolicy, board};
use server::limits::Limiter;
use server::room::{Hub, OpenedHub};
use server::store::PublishRules;
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

use crate::support::{TestServer, client_without_redirects, identity, settings};

const MODES: [&str; 3] = ["open", "announce", "private"];
const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

/// A row of the table: what a route takes in each mode.
struct Row {
    method: Method,
    path: String,
    takes: [Rights; 3],
}

impl Row {
    /// True if the route shows or changes a room.
    fn is_of_room(&self) -> bool {
        self.path.contains("{room}") || ["/", "/message/"].contains(&self.path.as_str())
    }
}

fn document() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/access.md")).unwrap()
}

fn table() -> Vec<Row> {
    let document = document();
    let (_, table) = document.split_once("| method | address | open | announce | private |").unwrap();
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        let right = |cell: &String| if cell == "–" { Rights::None } else { Rights::parse(cell).unwrap_or_else(|| panic!("{line}")) };
        let takes = [right(&cells[2]), right(&cells[3]), right(&cells[4])];
        Row { method: cells[0].parse().unwrap(), path: cells[1].clone(), takes }
    };
    lines.map(row).collect()
}

/// The paths of the routes that the router has.
async fn paths() -> Vec<&'static str> {
    let folder = TempDir::new().unwrap();
    let opened = Hub::open(folder.path(), Epoch(1), Duration::ZERO, || 0, Access::default(), PublishRules::default());
    let OpenedHub { hub, .. } = opened.unwrap();
    let context = Context::new(hub, Limiter::new(settings(&[]).allowance()));
    let fanout = Fanout::new(context.clone());
    board(context, AccessPolicy::default(), fanout, TaskTracker::new()).paths().to_vec()
}

/// A request that would do what the route is for.
fn request(server: &TestServer, method: &Method, path: &str, traded: &str) -> RequestBuilder {
    let id = if path.contains("keys") { "00000000" } else { "1" };
    let url = server.url(&path.replace("{room}", "lobby").replace("{id}", id).replace("/present", "/present?key=k"));
    // A form leads to a page, which is a route of its own.
    let request = client_without_redirects().request(method.clone(), url);
    if path.starts_with("/ws/") || path == "/message/" {
        let request = request.header("connection", "upgrade").header("upgrade", "websocket").header("crier-identity", identity('a'));
        return request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    if *method == Method::GET || *method == Method::DELETE {
        return request;
    }
    let body = match path {
        "/api/rooms/{room}/messages" => json!({ "text": "x" }),
        "/api/admin/keys" => json!({ "rights": "read" }),
        "/api/admin/bans" => json!({ "tag": "aaaaaaaaaaaa" }),
        "/api/admin/rooms/{room}" => json!({ "topic": "x" }),
        "/api/admin/rooms/{room}/queue/{id}" => json!({ "decision": "approve" }),
        "/key" => json!({ "key": traded }),
        _ => Value::Null,
    };
    match body {
        Value::Null => request.header("content-type", "application/x-www-form-urlencoded").body("content=x&room=lobby"),
        body => request.json(&body),
    }
}

/// The code with which a request was refused. None if it was done, or failed for another reason.
async fn refusal(response: Response) -> Option<String> {
    let is_problem = response.headers().get("content-type").is_some_and(|kind| kind == "application/problem+json");
    if !is_problem {
        // A form of a page is answered with the page, and why it was refused.
        return (response.status() == 403).then(|| "post_refused".to_owned());
    }
    let problem: Value = response.json().await.unwrap();
    problem["code"].as_str().map(str::to_owned)
}

/// Somebody: what they are called, their key, and what it allows in the lobby and in any room.
struct Somebody {
    name: &'static str,
    key: Option<String>,
    in_lobby: Rights,
    anywhere: Rights,
}

async fn everybody(server: &TestServer) -> Vec<Somebody> {
    let mut everybody = vec![Somebody { name: "no key", key: None, in_lobby: Rights::None, anywhere: Rights::None }];
    for rights in Rights::OF_KEYS {
        let rooms = if rights == Rights::Admin { "*" } else { "lobby" };
        let (key, _) = server.create_key(rights.as_str(), rooms, "").await;
        everybody.push(Somebody { name: rights.as_str(), key: Some(key), in_lobby: rights, anywhere: rights });
    }
    let (key, _) = server.create_key("moderate", "other", "").await;
    everybody.push(Somebody { name: "other room's key", key: Some(key), in_lobby: Rights::None, anywhere: Rights::Moderate });
    everybody
}

/// What the document says.
fn expected(row: &Row, mode: usize, somebody: &Somebody) -> Option<&'static str> {
    let takes = row.takes[mode];
    let rights = if row.is_of_room() { somebody.in_lobby } else { somebody.anywhere };
    if rights >= takes {
        return None;
    }
    Some(match takes {
        _ if row.is_of_room() && MODES[mode] == "private" && rights < Rights::Read => "not_found",
        Rights::Post => "post_refused",
        _ => "access_refused",
    })
}

async fn check_mode(mode: usize) {
    let server = TestServer::start_with(&["--default-mode", MODES[mode]]);
    let (everybody, (traded, _)) = (everybody(&server).await, server.create_key("read", "lobby", "").await);
    let (revoked, id) = server.create_key("moderate", "*", "").await;
    let delete = server.http.delete(server.url(&format!("/api/admin/keys/{id}"))).bearer_auth(server.admin_key().await);
    assert_eq!(delete.send().await.unwrap().status(), 204);
    for row in table() {
        let send = async |key: Option<&str>| {
            let request = request(&server, &row.method, &row.path, &traded);
            let request = key.into_iter().fold(request, RequestBuilder::bearer_auth);
            refusal(request.send().await.unwrap()).await
        };
        for somebody in &everybody {
            let code = send(somebody.key.as_deref()).await;
            let case = format!("{} {} in mode {} with {}: {code:?}", row.method, row.path, MODES[mode], somebody.name);
            match expected(&row, mode, somebody) {
                Some(expected) => assert_eq!(code.as_deref(), Some(expected), "{case}"),
                None => {
                    let is_missing = code.as_deref() == Some("not_found") && !row.path.ends_with("{id}");
                    let refusals = ["post_refused", "access_refused", "access_key_unknown", "method_not_allowed"];
                    assert!(!is_missing && code.as_deref().is_none_or(|code| !refusals.contains(&code)), "{case}");
                }
            }
        }
        assert_eq!(send(Some(&revoked)).await.as_deref(), Some("access_key_unknown"), "{} {}", row.method, row.path);
    }
}

#[tokio::test]
async fn open_rooms_are_as_the_table_says() {
    check_mode(0).await;
}

#[tokio::test]
async fn announce_rooms_are_as_the_table_says() {
    check_mode(1).await;
}

#[tokio::test]
async fn private_rooms_are_as_the_table_says() {
    check_mode(2).await;
}

/// A new route without a row fails here.
#[tokio::test]
async fn the_table_has_every_route_and_no_others() {
    let server = TestServer::start();
    let mut rows: HashMap<(Method, String), ()> = table().into_iter().map(|row| ((row.method, row.path), ())).collect();
    for path in paths().await {
        for method in METHODS {
            let code = refusal(request(&server, &method, path, "").send().await.unwrap()).await;
            let exists = code.as_deref() != Some("method_not_allowed");
            assert_eq!(rows.remove(&(method.clone(), path.to_owned())).is_some(), exists, "docs/access.md: {method} {path}");
        }
    }
    assert!(rows.is_empty(), "docs/access.md has routes that the server has not: {:?}", rows.keys());
}
