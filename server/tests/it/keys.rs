//! Access keys: the first one, creating, trading and revoking them, and what they never do.

use protocol::MessagesPage;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Received, Socket, TIMEOUT, TestServer, client_without_redirects, problem};

const FORM: &str = "application/x-www-form-urlencoded";

/// The cookies that a response sets, as `name=value; attributes`.
fn cookies(response: &Response) -> Vec<String> {
    response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
}

async fn trade(server: &TestServer, key: &str) -> Response {
    server.http.post(server.url("/key")).json(&json!({ "key": key })).send().await.unwrap()
}

#[tokio::test]
async fn the_link_of_the_first_start_works_once() {
    let server = TestServer::start();
    let claim = server.claim().to_owned();
    let first = trade(&server, &claim).await;
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["cache-control"], "no-store");
    let set = cookies(&first);
    let created: Value = first.json().await.unwrap();
    let key = created["key"].as_str().unwrap();
    assert!(key.starts_with("crk_") && key.len() == 47 && created["rights"] == "admin" && created["rooms"] == "*");
    let cookie = set.iter().find(|cookie| cookie.starts_with("key_")).unwrap();
    assert!(
        cookie.contains(key) && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"),
        "{cookie}"
    );

    let second = trade(&server, &claim).await;
    let status = second.status();
    let told: Value = second.json().await.unwrap();
    assert_eq!((status.as_u16(), told["code"].as_str()), (401, Some("access_key_unknown")));
    assert!(told["detail"].as_str().unwrap().contains("was used already"), "{told}");
    assert!(!told.to_string().contains(&claim));

    let keys = server.http.get(server.url("/api/admin/keys")).bearer_auth(key).send().await.unwrap();
    let keys: Value = keys.json().await.unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert!(!keys.to_string().contains(key), "a list has no secrets");
    let restarted = server.restart().await;
    assert!(!restarted.has_claim(), "there is an admin key");
    let known = restarted.http.get(restarted.url("/api/admin/keys")).bearer_auth(key).send().await.unwrap();
    assert_eq!(known.status(), 200, "a key survives a restart");
}

#[tokio::test]
async fn a_form_trades_a_key_for_a_cookie_and_leads_to_a_page_of_the_board() {
    let server = TestServer::start();
    let (key, id) = server.create_key("read", "*", "").await;
    let client = client_without_redirects();
    for (next, location) in [("/r/team-red", "/r/team-red"), ("https://evil.example", "/"), ("//evil.example", "/")] {
        let request = client.post(server.url("/key")).header("content-type", FORM).body(format!("key={key}&next={next}"));
        let response = request.header("cookie", "key_00000000=crk_old; identity=x").send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (303, location));
        let set = cookies(&response);
        assert!(set.iter().any(|cookie| cookie.starts_with(&format!("key_{id}={key};"))), "{set:?}");
        assert!(set.iter().any(|cookie| cookie.starts_with("key_00000000=;") && cookie.contains("Max-Age=0")), "{set:?}");
    }
    let foreign =
        client.post(server.url("/key")).header("origin", "https://evil.example").header("content-type", FORM).body(format!("key={key}"));
    assert_eq!(problem(foreign.send().await.unwrap()).await, (403, "origin_refused".to_owned()));
    let wrong = server.http.post(server.url("/key")).json(&json!({ "key": "crk_x" })).send().await.unwrap();
    assert_eq!(problem(wrong).await, (401, "access_key_unknown".to_owned()));
}

#[tokio::test]
async fn a_browsers_cookies_are_secure_behind_https() {
    let server = TestServer::start_with(&["--trust-proxy", "127.0.0.1"]);
    let (key, _) = server.create_key("read", "*", "").await;
    for (scheme, is_secure) in [("https", true), ("http", false)] {
        let page = server.http.get(server.url("/")).header("x-forwarded-proto", scheme).send().await.unwrap();
        let traded = server.http.post(server.url("/key")).header("x-forwarded-proto", scheme).json(&json!({ "key": key }));
        let traded = traded.send().await.unwrap();
        let set: Vec<_> = [cookies(&page), cookies(&traded)].concat();
        for name in ["identity=", "key_"] {
            let cookie = set.iter().find(|cookie| cookie.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {set:?}"));
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
            assert_eq!(cookie.contains("Secure"), is_secure, "{cookie}");
        }
    }
    // Nobody else can say so.
    let untrusting = TestServer::start();
    let page = untrusting.http.get(untrusting.url("/")).header("x-forwarded-proto", "https").send().await.unwrap();
    assert!(cookies(&page).iter().all(|cookie| !cookie.contains("Secure")));
}

#[tokio::test]
async fn a_browser_keeps_its_identity_and_programs_get_none() {
    let server = TestServer::start();
    let identity = |response: &Response| cookies(response).into_iter().find(|cookie| cookie.starts_with("identity="));
    let first = identity(&server.get("/").await).unwrap();
    let other = identity(&server.get("/r/tea").await).unwrap();
    assert_ne!(first, other);
    let kept = first.split(';').next().unwrap();
    assert_eq!(kept.len(), "identity=".len() + 43);
    let again = server.http.get(server.url("/")).header("cookie", kept).send().await.unwrap();
    assert_eq!(identity(&again), None);
    for path in ["/api/rooms/lobby/messages", "/healthz", "/icon.svg", "/nothing"] {
        assert_eq!(identity(&server.get(path).await), None, "{path}");
    }
    // The same tag by cookie and by header, and none without.
    let you = |name: &'static str, value: String| {
        let request = server.http.get(server.url("/api/rooms/lobby/messages")).header(name, value);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap()["you"].as_str().map(str::to_owned) }
    };
    let by_cookie = you("cookie", kept.to_owned()).await.unwrap();
    let by_header = you("crier-identity", kept.trim_start_matches("identity=").to_owned()).await.unwrap();
    assert_eq!((by_cookie.len(), by_cookie), (12, by_header));
    assert_eq!(you("x-none", String::new()).await, None);
    let bad = server.http.get(server.url("/api/rooms/lobby/messages")).header("crier-identity", "short").send().await.unwrap();
    assert_eq!(problem(bad).await, (400, "request_invalid".to_owned()));
}

#[tokio::test]
async fn a_revoked_key_is_refused_everywhere_and_its_cookie_is_removed() {
    let server = TestServer::start();
    let (key, id) = server.create_key("moderate", "*", "Paul").await;
    let delete = server.http.delete(server.url(&format!("/api/admin/keys/{id}"))).bearer_auth(server.admin_key().await);
    assert_eq!(delete.send().await.unwrap().status(), 204);
    for path in ["/", "/healthz", "/api/rooms/lobby/messages", "/nothing", "/icon.svg"] {
        let response = server.http.get(server.url(path)).bearer_auth(&key).send().await.unwrap();
        assert_eq!(problem(response).await, (401, "access_key_unknown".to_owned()), "{path}");
    }
    let basic = server.http.get(server.url("/")).basic_auth("user", Some("password")).send().await.unwrap();
    assert_eq!(basic.status(), 200, "a proxy's own password");
    let page = server.http.get(server.url("/")).header("cookie", format!("key_{id}={key}")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(cookies(&page).iter().any(|cookie| cookie.starts_with(&format!("key_{id}=;"))));
    let many = (0..100).map(|number| format!("key_{number}=x; ")).collect::<String>();
    let page = server.http.get(server.url("/")).header("cookie", many).send().await.unwrap();
    assert_eq!(cookies(&page).iter().filter(|cookie| cookie.starts_with("key_")).count(), 8, "proxies limit an answer's headers");
    let again = server.http.delete(server.url(&format!("/api/admin/keys/{id}"))).bearer_auth(server.admin_key().await);
    assert_eq!(problem(again.send().await.unwrap()).await, (404, "not_found".to_owned()));
    let audit = server.http.get(server.url("/api/admin/audit")).bearer_auth(server.admin_key().await).send().await.unwrap();
    let audit: Value = audit.json().await.unwrap();
    let acts: Vec<_> = audit["records"].as_array().unwrap().iter().map(|record| record["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["key_revoked", "key_created", "key_created"]);
}

#[tokio::test]
async fn only_admins_create_keys_and_only_from_the_boards_own_pages() {
    let server = TestServer::start_with(&["--allow-origin", "https://friend.example"]);
    let (moderator, _) = server.create_key("moderate", "*", "").await;
    let create = |body: Value| server.http.post(server.url("/api/admin/keys")).json(&body);
    let new = json!({ "rights": "read" });
    assert_eq!(problem(create(new.clone()).send().await.unwrap()).await, (403, "access_refused".to_owned()));
    let refused = create(new.clone()).bearer_auth(&moderator).send().await.unwrap();
    assert_eq!(problem(refused).await, (403, "access_refused".to_owned()));
    let admin = server.admin_key().await;
    let cookie = format!("key_x={admin}");
    let behind_password = create(new.clone()).header("cookie", &cookie).header("origin", "https://friend.example");
    assert_eq!(behind_password.basic_auth("a", Some("b")).send().await.unwrap().status(), 403, "a proxy's password is no key");
    for (origin, status) in [("https://friend.example", 403), ("https://evil.example", 403), (server.url("").as_str(), 200)] {
        let response = create(new.clone()).header("cookie", &cookie).header("origin", origin).send().await.unwrap();
        assert_eq!(response.status(), status, "{origin}");
    }
    for bad in [
        json!({ "rights": "king" }),
        json!({ "rights": "admin", "rooms": "lobby" }),
        json!({ "rights": "read", "expires": 1 }),
        json!({ "rights": "read", "expires": u64::MAX }),
        json!({ "rights": "read", "label": "x".repeat(65) }),
    ] {
        assert_eq!(problem(create(bad).bearer_auth(&admin).send().await.unwrap()).await, (422, "shape_invalid".to_owned()));
    }
}

/// Reads until a socket is closed, and returns the code.
async fn close_code(mut socket: Socket) -> u16 {
    loop {
        match socket.receive().await {
            Received::Text(_) => {}
            Received::Closed { code, .. } => return code,
            Received::Disconnected => panic!("no close frame"),
        }
    }
}

#[tokio::test]
async fn revoking_a_key_ends_all_its_sessions() {
    let server = TestServer::start_with(&["--default-mode", "private"]);
    let (key, id) = server.create_key("post", "lobby", "").await;
    let (other, _) = server.create_key("read", "lobby", "").await;
    let get = |path: String, key: &str| server.http.get(server.url(&path)).bearer_auth(key).send();
    let page: MessagesPage = get("/api/rooms/lobby/messages".to_owned(), &key).await.unwrap().json().await.unwrap();
    let open = async |path: &str, key: &str| {
        let bearer = format!("Bearer {key}");
        Socket::try_open(&server.socket_url(path), &[("authorization", &bearer)]).await.unwrap()
    };
    let (frames, raw, mut kept) = (open("/ws/lobby", &key).await, open("/message/", &key).await, open("/ws/lobby", &other).await);
    let events = get("/api/rooms/lobby/events".to_owned(), &key).await.unwrap();
    let live = get("/r/lobby/live".to_owned(), &key).await.unwrap();
    let poll = get(format!("/api/rooms/lobby/messages?after={}&wait=50", page.position), &key);
    let revoke = async {
        // The poll is under way when the room has all of its five sessions.
        loop {
            if let protocol::ServerFrame::Presence { online: 6 } = kept.frame().await {
                break;
            }
        }
        let delete = server.http.delete(server.url(&format!("/api/admin/keys/{id}"))).bearer_auth(server.admin_key().await);
        assert_eq!(delete.send().await.unwrap().status(), 204);
    };
    let (poll, ()) = timeout(TIMEOUT, async { tokio::join!(poll, revoke) }).await.unwrap();
    assert_eq!(problem(poll.unwrap()).await.0 / 100, 4, "a long-poll is answered with the refusal");
    assert_eq!((close_code(frames).await, close_code(raw).await), (4501, 4501));
    assert!(timeout(TIMEOUT, events.text()).await.unwrap().is_ok(), "an event stream ends");
    assert!(timeout(TIMEOUT, live.text()).await.unwrap().is_ok(), "live HTML ends");
    // Others go on.
    let posted = server.http.post(server.url("/api/rooms/lobby/messages")).bearer_auth(server.admin_key().await);
    assert_eq!(posted.json(&json!({ "text": "still here" })).send().await.unwrap().status(), 200);
    loop {
        if let protocol::ServerFrame::Message(entry) = kept.data_frame().await {
            assert_eq!(entry.text.as_str(), "still here");
            break;
        }
    }
}
