//! Bans, and names that look like a moderator's.

use protocol::{ErrorCode, ServerFrame};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Socket, TestServer, problem};

const IDENTITY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn post(server: &TestServer, room: &str, body: &Value) -> RequestBuilder {
    server.http.post(server.url(&format!("/api/rooms/{room}/messages"))).json(body)
}

async fn ban(server: &TestServer, key: &str, body: Value) -> Result<Value, String> {
    let response = server.http.post(server.url("/api/admin/bans")).bearer_auth(key).json(&body).send().await.unwrap();
    if response.status() == 200 { Ok(response.json().await.unwrap()) } else { Err(problem(response).await.1) }
}

/// The tag of [`IDENTITY`] on this server.
async fn tag(server: &TestServer) -> String {
    let request = server.http.get(server.url("/api/rooms/lobby/messages")).header("crier-identity", IDENTITY);
    let page: Value = request.send().await.unwrap().json().await.unwrap();
    page["you"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn somebody_banned_may_read_but_publish_nothing_on_any_way_in() {
    let server = TestServer::start();
    let (moderator, _) = server.create_key("moderate", "team-*", "").await;
    let tag = tag(&server).await;
    let mut socket = Socket::try_open(&server.socket_url("/ws/team-red"), &[("crier-identity", IDENTITY)]).await.unwrap();
    let made = ban(&server, &moderator, json!({ "tag": tag, "reason": "spam" })).await.unwrap();
    assert_eq!((made["rooms"].as_str(), made["tag"].as_str()), (Some("team-*"), Some(tag.as_str())));

    socket.send_text(json!({ "type": "publish", "ref": 1, "text": "x" }).to_string()).await;
    assert_eq!(socket.next_error().await, (Some(1), ErrorCode::Banned), "an open session is banned too");
    let message = json!({ "text": "x" });
    let banned = |room: &'static str| post(&server, room, &message).header("crier-identity", IDENTITY).send();
    assert_eq!(problem(banned("team-red").await.unwrap()).await, (403, "banned".to_owned()));
    let form = server.http.post(server.url("/r/team-red")).header("crier-identity", IDENTITY);
    let form = form.header("content-type", "application/x-www-form-urlencoded").body("content=x").send().await.unwrap();
    assert_eq!(form.status(), 403);
    let read = server.http.get(server.url("/api/rooms/team-red/messages")).header("crier-identity", IDENTITY);
    assert_eq!(read.send().await.unwrap().status(), 200);
    assert!(server.all_entries("team-red").await.is_empty());
    assert_eq!(banned("lobby").await.unwrap().status(), 200, "the ban is for the moderator's rooms");
    assert_eq!(post(&server, "team-red", &message).send().await.unwrap().status(), 200, "and for one identity");

    let id = made["id"].as_u64().unwrap();
    let remove = || server.http.delete(server.url(&format!("/api/admin/bans/{id}"))).bearer_auth(&moderator).send();
    assert_eq!(remove().await.unwrap().status(), 204);
    assert_eq!(banned("team-red").await.unwrap().status(), 200);
    assert_eq!(problem(remove().await.unwrap()).await, (404, "not_found".to_owned()));
}

/// The answer was lost, and meanwhile its author was banned, or the room was closed. The message is
/// stored, so a refusal would be wrong.
#[tokio::test]
async fn a_publish_that_is_repeated_after_a_right_has_ended_is_told_what_it_stored() {
    let server = TestServer::start();
    let (moderator, _) = server.create_key("moderate", "*", "").await;
    let publish = |text: &'static str, key: &'static str| {
        post(&server, "tea", &json!({ "text": text, "key": key })).header("crier-identity", IDENTITY).send()
    };
    let stored: Value = publish("x", "first").await.unwrap().json().await.unwrap();
    ban(&server, &moderator, json!({ "tag": tag(&server).await })).await.unwrap();
    let close = |closed: bool| {
        let request = server.http.put(server.url("/api/admin/rooms/tea")).bearer_auth(&moderator);
        request.json(&json!({ "closed": closed })).send()
    };
    for closed in [false, true] {
        assert_eq!(close(closed).await.unwrap().status(), 200);
        let again: Value = publish("x", "first").await.unwrap().json().await.unwrap();
        assert_eq!((&again["position"], &again["duplicate"]), (&stored["position"], &json!(true)), "{again}");
        assert_eq!(problem(publish("y", "first").await.unwrap()).await, (409, "key_reused".to_owned()));
        assert_eq!(problem(publish("x", "second").await.unwrap()).await, (403, "banned".to_owned()));
    }
    // Somebody else, who is not banned, and a group of a socket.
    assert_eq!(post(&server, "tea", &json!({ "text": "x", "key": "first" })).send().await.unwrap().status(), 200);
    let mut socket = Socket::try_open(&server.socket_url("/ws/tea"), &[]).await.unwrap();
    for (r#ref, key) in [(1, Some("first")), (2, Some("third")), (3, None)] {
        socket.send_text(json!({ "type": "publish", "ref": r#ref, "text": "x", "key": key }).to_string()).await;
    }
    let mut answers = Vec::new();
    while answers.len() < 3 {
        match socket.frame().await {
            ServerFrame::Published { r#ref, published } => answers.push((r#ref, Ok(published.duplicate))),
            ServerFrame::Error { r#ref: Some(r#ref), code, .. } => answers.push((r#ref, Err(code))),
            _ => {}
        }
    }
    answers.sort_unstable_by_key(|(r#ref, _)| *r#ref);
    let closed = Err(ErrorCode::RoomClosed);
    assert_eq!(answers, [(1, Ok(true)), (2, closed), (3, closed)]);
    assert_eq!(server.all_entries("tea").await.iter().filter(|entry| entry.kind.is_message()).count(), 1);
}

#[tokio::test]
async fn this_machine_proxies_moderators_and_oneself_cannot_be_banned() {
    let server = TestServer::start_with(&["--trust-proxy", "127.0.0.1", "--trust-proxy", "192.0.2.0/24", "--trust-proxy", "2001:db8::7"]);
    let (moderator, own) = server.create_key("moderate", "*", "").await;
    let (_, other) = server.create_key("moderate", "*", "").await;
    let (_, poster) = server.create_key("post", "*", "").await;
    for (field, value) in [
        ("address", "127.0.0.1"),
        ("address", "127.9.9.9"),
        ("address", "::1"),
        ("address", "::ffff:127.0.0.1"),
        ("address", "192.0.2.77"),
        ("address", "2001:db8::1"),
        ("address", "0.0.0.0"),
        ("key", own.as_str()),
        ("key", other.as_str()),
        ("key", "00000000"),
    ] {
        assert_eq!(ban(&server, &moderator, json!({ field: value })).await, Err("ban_refused".to_owned()), "{field} {value}");
    }
    let request = server.http.post(server.url("/api/admin/bans")).bearer_auth(&moderator).header("crier-identity", IDENTITY);
    let oneself = request.json(&json!({ "tag": tag(&server).await })).send().await.unwrap();
    assert_eq!(problem(oneself).await, (422, "ban_refused".to_owned()));
    assert!(ban(&server, &moderator, json!({ "key": poster })).await.is_ok());
    // As the proxy forwards it.
    assert!(ban(&server, &moderator, json!({ "address": "203.0.113.9" })).await.is_ok());
    let post = |client: &'static str| post(&server, "lobby", &json!({ "text": "x" })).header("x-forwarded-for", client).send();
    assert_eq!(problem(post("203.0.113.9").await.unwrap()).await, (403, "banned".to_owned()));
    assert_eq!(post("203.0.113.8").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_moderator_bans_and_sees_bans_in_their_rooms_only() {
    let server = TestServer::start();
    let ((red, _), (blue, _)) = (server.create_key("moderate", "red*", "").await, server.create_key("moderate", "blue", "").await);
    let target = json!("aaaaaaaaaaaa");
    for rooms in ["*", "blue", "r*"] {
        assert_eq!(ban(&server, &red, json!({ "tag": target, "rooms": rooms })).await, Err("access_refused".to_owned()), "{rooms}");
    }
    let made = ban(&server, &red, json!({ "tag": target, "rooms": "red-2" })).await.unwrap();
    let seen = |key: String| {
        let request = server.http.get(server.url("/api/admin/bans")).bearer_auth(key);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap()["bans"].as_array().unwrap().len() }
    };
    assert_eq!((seen(red).await, seen(blue.clone()).await, seen(server.admin_key().await).await), (1, 0, 1));
    let remove = server.http.delete(server.url(&format!("/api/admin/bans/{}", made["id"]))).bearer_auth(&blue);
    assert_eq!(problem(remove.send().await.unwrap()).await, (403, "access_refused".to_owned()));
    for bad in [
        json!({}),
        json!({ "tag": target, "address": "192.0.2.1" }),
        json!({ "tag": target, "until": 1 }),
        json!({ "tag": target, "until": u64::MAX }),
    ] {
        assert_eq!(ban(&server, &blue, bad).await, Err("shape_invalid".to_owned()));
    }
}

#[tokio::test]
async fn nobody_posts_under_a_name_that_looks_like_a_moderators() {
    let server = TestServer::start();
    let (moderator, id) = server.create_key("moderate", "lobby", "Paul").await;
    let imitations = ["Paul", "PAUL", "Раul", "Ｐａｕｌ", "PauI", "P\u{430}ul", "𝐏𝐚𝐮𝐥", "Pa ul"];
    let mut socket = Socket::open(&server.socket_url("/ws/lobby")).await;
    for (number, name) in imitations.into_iter().enumerate() {
        let body = json!({ "text": "Send me your password.", "author": name });
        assert_eq!(problem(post(&server, "lobby", &body).send().await.unwrap()).await, (422, "author_reserved".to_owned()), "{name}");
        let mut frame = body.clone();
        (frame["type"], frame["ref"]) = (json!("publish"), json!(number));
        if number < 3 {
            socket.send_text(frame.to_string()).await;
            assert_eq!(socket.next_error().await, (Some(number as u64), ErrorCode::AuthorReserved), "{name}");
        }
    }
    let own = post(&server, "lobby", &json!({ "text": "x", "author": "Paul" })).bearer_auth(&moderator).send().await.unwrap();
    assert_eq!(own.status(), 200);
    assert_eq!(post(&server, "lobby", &json!({ "text": "x", "author": "Paula" })).send().await.unwrap().status(), 200);

    // A name under which a moderator has posted is theirs as well, also after a restart.
    let anna = json!({ "text": "x", "author": "Anna" });
    assert_eq!(post(&server, "lobby", &anna).send().await.unwrap().status(), 200);
    assert_eq!(post(&server, "lobby", &anna).bearer_auth(&moderator).send().await.unwrap().status(), 200);
    let admin = server.admin_key().await;
    let server = server.restart().await;
    assert_eq!(problem(post(&server, "lobby", &anna).send().await.unwrap()).await, (422, "author_reserved".to_owned()));
    let revoke = server.http.delete(server.url(&format!("/api/admin/keys/{id}"))).bearer_auth(&admin);
    assert_eq!(revoke.send().await.unwrap().status(), 204);
    assert_eq!(post(&server, "lobby", &anna).send().await.unwrap().status(), 200);
}
