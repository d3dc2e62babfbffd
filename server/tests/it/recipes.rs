//! The recipes of docs/access.md, as the document has them, and what comes of them.

use std::path::Path;
use std::process::Stdio;

use protocol::{Mode, RoomInfo};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{TIMEOUT, TestServer, problem, texts};

/// The commands of a recipe.
fn recipe(name: &str) -> String {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/access.md")).unwrap();
    let (_, rest) = document.split_once(&format!("<!-- recipe: {name} -->\n```sh\n")).unwrap_or_else(|| panic!("no recipe {name}"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// Runs a recipe in a folder of its own, and returns what it prints and the folder.
async fn run(server: &TestServer, name: &str) -> (String, TempDir) {
    let folder = TempDir::new().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_crier")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var_os("PATH").unwrap().display());
    let mut shell = Command::new("sh");
    shell.arg("-euc").arg(recipe(name)).current_dir(folder.path()).env("PATH", path).env("CRIER_SERVER", server.url(""));
    shell.env("CRIER_ACCESS_KEY", server.admin_key().await).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(TIMEOUT, shell.output()).await.unwrap_or_else(|_| panic!("{name} takes too long")).unwrap();
    let (printed, noted) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{name}: {printed}{noted}");
    (printed, folder)
}

async fn info(server: &TestServer, room: &str) -> RoomInfo {
    server
        .http
        .get(server.url(&format!("/api/rooms/{room}")))
        .bearer_auth(server.admin_key().await)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

/// The status and the code with which somebody without a key is refused, or 200.
async fn post_without_key(server: &TestServer, room: &str) -> (u16, String) {
    let request = server.http.post(server.url(&format!("/api/rooms/{room}/messages")));
    // An identity of its own: in a slow room, all without one wait for each other.
    let request = request.header("crier-identity", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    let response = request.json(&json!({ "text": "x" })).send().await.unwrap();
    if response.status() == 200 { (200, String::new()) } else { problem(response).await }
}

#[tokio::test]
async fn an_open_wall_shows_what_its_team_approves() {
    let server = TestServer::start();
    let (printed, _folder) = run(&server, "open-wall").await;
    let settings = info(&server, "wall").await.settings;
    assert_eq!((settings.title.as_str(), settings.queue, settings.slow), ("Say hello", true, 10));
    assert!(printed.contains("ana: Hello from the audience"), "the queue is listed: {printed}");
    let entries = server.page("wall", "").await.entries;
    assert_eq!(texts(&entries), ["Hello from the audience"]);
    assert_eq!(post_without_key(&server, "wall").await.1, "queued");
    assert_eq!(server.page("wall", "").await.entries.len(), 1, "nothing is seen before it is approved");
}

#[tokio::test]
async fn announcements_are_read_by_all_and_posted_by_the_office() {
    let server = TestServer::start();
    run(&server, "announcements").await;
    assert_eq!(texts(&server.page("news", "").await.entries), ["The library opens at nine."]);
    assert_eq!(post_without_key(&server, "news").await, (403, "post_refused".to_owned()));
}

#[tokio::test]
async fn a_team_room_is_not_there_for_others() {
    let server = TestServer::start();
    let (printed, folder) = run(&server, "team-room").await;
    assert!(printed.contains("ana: Lunch at noon?"), "{printed}");
    for path in ["/r/team-red", "/api/rooms/team-red", "/api/rooms/team-red/messages", "/r/team-red/live"] {
        let hidden = server.get(path).await;
        let unknown = server.get("/api/nothing").await;
        assert_eq!((hidden.status(), hidden.text().await.unwrap()), (unknown.status(), unknown.text().await.unwrap()), "{path}");
    }
    let key = std::fs::read_to_string(folder.path().join("team.key")).unwrap();
    let blue = server.http.get(server.url("/api/rooms/team-blue")).bearer_auth(key.trim()).send().await.unwrap();
    assert_eq!(blue.status(), 200);
}

#[tokio::test]
async fn questions_are_chosen_and_the_room_closes() {
    let server = TestServer::start();
    run(&server, "questions").await;
    assert_eq!(texts(&server.page("questions", "").await.entries), ["Why does it work?"]);
    assert!(info(&server, "questions").await.settings.closed);
    assert_eq!(post_without_key(&server, "questions").await, (403, "room_closed".to_owned()));
}

#[tokio::test]
async fn a_bot_posts_in_its_room_until_its_key_is_revoked() {
    let server = TestServer::start();
    let (printed, folder) = run(&server, "bot").await;
    assert_eq!(texts(&server.page("builds", "").await.entries), ["main is green"]);
    assert_eq!(info(&server, "builds").await.settings.mode, Mode::Announce);
    let listed = printed.lines().find(|line| line.ends_with("CI")).unwrap_or_else(|| panic!("{printed}"));
    assert!(listed.contains("post") && listed.contains("builds") && listed.contains("until "), "{listed}");
    let key = std::fs::read_to_string(folder.path().join("ci.key")).unwrap();
    assert!(!printed.contains(key.trim()), "a key is printed once, into its file");
    let after = server.http.get(server.url("/api/rooms/builds/messages")).bearer_auth(key.trim()).send().await.unwrap();
    assert_eq!(problem(after).await, (401, "access_key_unknown".to_owned()));
}
