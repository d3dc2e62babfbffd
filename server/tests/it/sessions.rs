//! Sessions that end with the right to read, and readers who have none.

use protocol::{MessagesPage, Position, ServerFrame};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::readers::{EventStream, LiveHtml, Row};
use crate::support::{Received, Socket, TestServer, eventually, problem};

/// Sets a room up, as the admin.
async fn set_up(server: &TestServer, room: &str, settings: &Value) {
    let body = json!({ "kind": "room", "settings": settings });
    assert_eq!(post_as_admin(server, room, &body).await.status(), 200);
}

async fn post_as_admin(server: &TestServer, room: &str, body: &Value) -> Response {
    let request = server.http.post(server.url(&format!("/api/rooms/{room}/messages"))).bearer_auth(server.admin_key().await);
    request.json(body).send().await.unwrap()
}

async fn revoke(server: &TestServer, id: &str) {
    let request = server.http.delete(server.url(&format!("/api/admin/keys/{id}"))).bearer_auth(server.admin_key().await);
    assert!(request.send().await.unwrap().status().is_success());
}

/// One session on each transport that keeps one, with the same access key or none.
struct Sessions {
    socket: Socket,
    events: EventStream,
    live: LiveHtml,
    poll: JoinHandle<reqwest::Result<Response>>,
}

impl Sessions {
    async fn open(server: &TestServer, room: &str, after: Position, key: Option<&str>) -> Self {
        let get = |path: String| {
            let request = server.http.get(server.url(&path));
            key.map_or(request.try_clone().unwrap(), |key| request.bearer_auth(key))
        };
        let bearer = key.map(|key| format!("Bearer {key}")).unwrap_or_default();
        let headers = [("authorization", bearer.as_str())];
        let headers = if key.is_some() { &headers[..] } else { &[] };
        Self {
            socket: Socket::try_open(&server.socket_url(&format!("/ws/{room}?after={after}")), headers).await.unwrap(),
            events: EventStream::of(get(format!("/api/rooms/{room}/events?after={after}")).send().await.unwrap()),
            live: LiveHtml::of(get(format!("/r/{room}/live?after={after}&earlier=true")).send().await.unwrap()),
            poll: tokio::spawn(get(format!("/api/rooms/{room}/messages?after={after}&wait=50")).send()),
        }
    }

    /// Reads all sessions to their ends. None of them is told any of these texts.
    async fn expect_end(mut self, texts: &[&str]) {
        let mut told = String::new();
        let code = loop {
            match self.socket.receive().await {
                Received::Text(text) => told += &text,
                Received::Closed { code, reason } => break (code, reason),
                Received::Disconnected => panic!("there is no close code"),
            }
        };
        assert_eq!(code, (4501, "access ended".to_owned()));
        while let Some(block) = self.events.next().await {
            told += &format!("{block:?}");
        }
        let mut last = None;
        while let Some(row) = self.live.next().await {
            told += &format!("{row:?}");
            last = Some(row);
        }
        assert!(matches!(last, Some(Row::Ended { pause: 0, .. })), "{last:?}");
        assert!(!self.events.broken && !self.live.broken);
        assert_eq!(problem(self.poll.await.unwrap().unwrap()).await, (404, "not_found".to_owned()));
        assert!(texts.iter().all(|text| !told.contains(text)), "{told}");
    }
}

/// The number of sessions, which a reader with the admin key is told.
async fn online(server: &TestServer, room: &str) -> usize {
    let request = server.http.get(server.url(&format!("/api/rooms/{room}/messages?limit=1"))).bearer_auth(server.admin_key().await);
    request.send().await.unwrap().json::<MessagesPage>().await.unwrap().online
}

#[tokio::test]
async fn revoking_a_key_ends_its_sessions_on_every_transport() {
    let server = TestServer::start();
    set_up(&server, "team", &json!({ "mode": "private" })).await;
    let [(key, id), (other, _)] = [server.create_key("read", "team", "").await, server.create_key("read", "team", "").await];
    let after = server.http.get(server.url("/api/rooms/team/messages")).bearer_auth(&key).send().await.unwrap();
    let after = after.json::<MessagesPage>().await.unwrap().position;
    let ends = Sessions::open(&server, "team", after, Some(&key)).await;
    let mut stays = Sessions::open(&server, "team", after, Some(&other)).await;
    eventually("all are there", async || online(&server, "team").await == 8).await;
    revoke(&server, &id).await;
    ends.expect_end(&["secret"]).await;
    eventually("four are left", async || online(&server, "team").await == 4).await;
    post_as_admin(&server, "team", &json!({ "text": "secret" })).await;
    assert!(matches!(stays.socket.data_frame().await, ServerFrame::Hello(_)));
    assert!(matches!(stays.socket.data_frame().await, ServerFrame::Message(_)));
    assert_eq!(stays.poll.await.unwrap().unwrap().status(), 200);
    // The key is refused now, and no key is answered like a room that is not there.
    let again = server.http.get(server.url("/api/rooms/team/messages")).bearer_auth(&key).send().await.unwrap();
    assert_eq!(problem(again).await, (401, "access_key_unknown".to_owned()));
}

#[tokio::test]
async fn a_room_that_becomes_private_tells_its_readers_nothing_more() {
    let server = TestServer::start();
    let after = server.post("team", "hello").await.position;
    let sessions = Sessions::open(&server, "team", after, None).await;
    eventually("all are there", async || online(&server, "team").await == 4).await;
    set_up(&server, "team", &json!({ "mode": "private", "topic": "secret plans" })).await;
    post_as_admin(&server, "team", &json!({ "text": "secret" })).await;
    sessions.expect_end(&["secret", "private"]).await;
    eventually("nobody is left", async || online(&server, "team").await == 0).await;
}

#[tokio::test]
async fn a_reader_without_the_right_is_not_counted_and_finds_nothing() {
    let server = TestServer::start();
    set_up(&server, "team", &json!({ "mode": "private", "title": "Secret" })).await;
    let position = server.page("lobby", "").await.position;
    for path in [
        "/api/rooms/team".to_owned(),
        "/api/rooms/team/messages".to_owned(),
        format!("/api/rooms/team/messages?after={position}&wait=5"),
        "/api/rooms/team/events".to_owned(),
        "/r/team/live".to_owned(),
        "/r/team".to_owned(),
    ] {
        let response = server.get(&path).await;
        assert_eq!(problem(response).await, (404, "not_found".to_owned()), "{path}");
    }
    assert!(Socket::try_open(&server.socket_url("/ws/team"), &[]).await.is_err());
    let refused = server.post_json("team", &json!({ "text": "x" })).await;
    assert_eq!(problem(refused).await, (404, "not_found".to_owned()));
    assert_eq!(online(&server, "team").await, 0);
}

#[tokio::test]
async fn a_socket_asks_for_the_right_at_every_publish() {
    let server = TestServer::start();
    let mut socket = server.subscribe("lobby", None).await;
    socket.publish(1, "one", None).await;
    socket.read_until(|seen| seen.published.len() == 1).await;
    set_up(&server, "lobby", &json!({ "mode": "open", "closed": true })).await;
    // More than the refusals after which a socket is closed.
    for r#ref in 2..20 {
        socket.publish(r#ref, "two", None).await;
        assert_eq!(socket.socket.next_error().await, (Some(r#ref), protocol::ErrorCode::RoomClosed));
    }
    set_up(&server, "lobby", &json!({ "mode": "open" })).await;
    socket.publish(20, "three", None).await;
    while !matches!(socket.socket.frame().await, ServerFrame::Published { r#ref: 20, .. }) {}
}

#[tokio::test]
async fn a_room_says_what_it_is_and_what_a_reader_may_do() {
    let server = TestServer::start();
    let position = server.post("lobby", "one").await.position;
    set_up(&server, "lobby", &json!({ "title": "Tea", "mode": "announce", "slow": 5 })).await;
    assert_eq!(post_as_admin(&server, "lobby", &json!({ "kind": "pin", "of": 1 })).await.status(), 200);
    let (key, _) = server.create_key("post", "lobby", "").await;
    let info = async |key: Option<&str>| {
        let request = server.http.get(server.url("/api/rooms/lobby"));
        let request = key.map_or(request.try_clone().unwrap(), |key| request.bearer_auth(key));
        request.send().await.unwrap().json::<protocol::RoomInfo>().await.unwrap()
    };
    let nobody = info(None).await;
    assert_eq!((nobody.settings.title.as_str(), nobody.settings.mode, nobody.settings.slow), ("Tea", protocol::Mode::Announce, 5));
    assert_eq!((nobody.latest, nobody.pins[0].offset, nobody.you), (Position { offset: 3, ..position }, 1, None));
    let may = async |key: Option<&str>| {
        let info = info(key).await;
        (info.can_post, info.can_moderate)
    };
    let admin = server.admin_key().await;
    assert_eq!([may(None).await, may(Some(&key)).await, may(Some(&admin)).await], [(false, false), (true, false), (true, true)]);
}
