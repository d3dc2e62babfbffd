//! Casts and the log: who may begin one, who learns of it, and what ends it.

use protocol::cast::CastStatus;
use protocol::{Kind, RoomInfo, ServerFrame};
use reqwest::RequestBuilder;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::casting::{Presenter, refusal};
use crate::support::{Socket, TIMEOUT, TestServer, crier, eventually, identity};

/// Returns the code with which a caller is told that they can't begin a cast. The status and the
/// refused handshake say the same.
async fn refused(server: &TestServer, who: char, key: Option<&str>) -> Option<String> {
    let request = server.http.get(server.url("/api/rooms/lobby/cast")).header("crier-identity", identity(who));
    let request = key.into_iter().fold(request, RequestBuilder::bearer_auth);
    let status: CastStatus = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(status.may_cast, status.why.is_none());
    let url = server.socket_url("/ws/lobby/present?key=new");
    let (identity, bearer) = (identity(who), key.map(|key| format!("Bearer {key}")));
    let headers: Vec<_> = [("crier-identity", Some(&identity)), ("authorization", bearer.as_ref())]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.as_str())))
        .collect();
    let tried = Socket::try_open(&url, &headers).await.err().map(|error| refusal(*error).1);
    assert_eq!(tried.as_deref(), status.why.map(protocol::ErrorCode::as_str));
    tried
}

#[tokio::test]
async fn a_caller_is_told_why_they_can_not_show_a_screen() {
    let none: Option<&str> = None;
    let server = TestServer::start_with(&["--cast", "key"]);
    let (reader, poster) = (server.create_key("read", "lobby", "").await.0, server.create_key("post", "lobby", "").await.0);
    assert_eq!(refused(&server, 'a', None).await.as_deref(), Some("cast_refused"));
    assert_eq!(refused(&server, 'a', Some(&reader)).await.as_deref(), Some("cast_refused"));
    assert_eq!(refused(&server, 'a', Some(&poster)).await.as_deref(), none);

    let server = TestServer::start_with(&["--cast", "off"]);
    assert_eq!(refused(&server, 'a', Some(&server.admin_key().await)).await.as_deref(), Some("cast_off"));

    let server = TestServer::start_with(&["--casts", "1"]);
    let admin = server.admin_key().await;
    let set = async |settings| {
        let request = server.http.put(server.url("/api/admin/rooms/lobby")).bearer_auth(&admin).json(&settings);
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    set(json!({ "queue": true })).await;
    assert_eq!(refused(&server, 'a', None).await.as_deref(), Some("cast_refused"), "nobody could approve it");
    set(json!({ "queue": false })).await;
    let _presenter = Presenter::try_open(&server, "lobby", 'a', "first").await.unwrap();
    assert_eq!(refused(&server, 'b', None).await.as_deref(), Some("cast_busy"));
    set(json!({ "closed": true })).await;
    assert_eq!(refused(&server, 'b', None).await.as_deref(), Some("room_closed"));
    eventually("the cast has ended", async || server.cast("lobby").await.is_none()).await;
    set(json!({ "closed": false })).await;
    let _other = Presenter::try_open(&server, "tea", 'a', "second").await.unwrap();
    assert_eq!(refused(&server, 'b', None).await.as_deref(), Some("casts_full"));

    let server = TestServer::start_with(&["--casts", "4"]);
    let _two = (
        Presenter::try_open(&server, "tea", 'a', "first").await.unwrap(),
        Presenter::try_open(&server, "milk", 'b', "first").await.unwrap(),
    );
    assert_eq!(refused(&server, 'c', None).await.as_deref(), Some("casts_full"), "the other half is for other addresses");
}

impl TestServer {
    /// Returns the identity of who presents the cast of a room.
    async fn cast(&self, room: &str) -> Option<String> {
        let info: RoomInfo = self.get(&format!("/api/rooms/{room}")).await.json().await.unwrap();
        info.cast.map(|cast| cast.by.to_string())
    }
}

#[tokio::test]
async fn readers_learn_of_a_cast_as_of_any_other_entry() {
    let server = TestServer::start();
    let before = server.post("lobby", "before").await.position;
    let mut tail = crier(&server.url(""), &["tail", "lobby"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(tail.stdout.take().unwrap()).lines();
    eventually("the tail follows", async || server.page("lobby", "").await.online > 0).await;
    let mut subscriber = server.subscribe("lobby", Some(before)).await;

    let mut presenter = Presenter::open(&server).await;
    assert_eq!(server.cast("lobby").await, Some(presenter.cast.by.to_string()));
    let entry = change(&mut subscriber.socket).await;
    assert_eq!((entry.kind, entry.offset, entry.off), (Kind::Cast, presenter.cast.id, false));
    assert_eq!((entry.author.as_str(), entry.by), ("ann", Some(presenter.cast.by)));
    let line = timeout(TIMEOUT, printed.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.ends_with(&format!("  ann shows a screen: {}", server.url("/r/lobby"))), "{line}");

    presenter.close(1000).await;
    let end = change(&mut subscriber.socket).await;
    assert_eq!((end.of, end.off, end.by), (Some(presenter.cast.id), true, Some(presenter.cast.by)));
    assert_eq!(server.cast("lobby").await, None);
    // A reader that was away gets both; a page of messages has neither.
    let missed = server.page("lobby", &format!("?after={before}")).await.entries;
    assert_eq!(missed, [entry, end]);
    assert_eq!(server.page("lobby", "").await.entries.len(), 1);
    tail.kill().await.unwrap();
}

/// Returns the next entry that is no message.
async fn change(socket: &mut Socket) -> protocol::Entry {
    loop {
        if let ServerFrame::Change(entry) = socket.frame().await {
            return entry;
        }
    }
}

#[tokio::test]
async fn a_presenter_or_a_moderator_ends_a_cast_by_a_request_and_nobody_else() {
    let server = TestServer::start();
    let (moderator, _) = server.create_key("moderate", "lobby", "").await;
    let (other_room, _) = server.create_key("moderate", "tea", "").await;
    let delete = || server.http.delete(server.url("/api/rooms/lobby/cast"));
    let status = async |request: RequestBuilder| request.send().await.unwrap().status().as_u16();

    let mut presenter = Presenter::open(&server).await;
    assert_eq!(status(delete()).await, 403);
    assert_eq!(status(delete().header("crier-identity", identity('b'))).await, 403);
    assert_eq!(status(delete().bearer_auth(&other_room)).await, 403);
    assert_eq!(status(delete().header("crier-identity", identity('a')).header("origin", "http://evil.example")).await, 403);
    assert_eq!(server.cast("lobby").await, Some(presenter.cast.by.to_string()));
    assert_eq!(status(delete().bearer_auth(&moderator)).await, 204);
    assert_eq!(presenter.end().await, (None, 4502));
    assert_eq!(status(delete().bearer_auth(&moderator)).await, 204, "nothing is left to end");

    let mut presenter = Presenter::try_open(&server, "lobby", 'a', "second").await.unwrap();
    assert_eq!(status(delete().header("crier-identity", identity('a'))).await, 204);
    assert_eq!(presenter.end().await, (None, 4502));

    // The moderators' page has a form for it.
    let mut presenter = Presenter::try_open(&server, "lobby", 'a', "third").await.unwrap();
    let page = server.http.get(server.url("/r/lobby/moderate?show=room&lang=en")).bearer_auth(&moderator);
    assert!(page.send().await.unwrap().text().await.unwrap().contains("is showing a screen"));
    let act = |id: u64| {
        let form = format!("do=end-cast&id={id}");
        let request = server.http.post(server.url("/r/lobby/moderate")).bearer_auth(&moderator);
        request.header("content-type", "application/x-www-form-urlencoded").body(form)
    };
    assert_eq!(status(act(1)).await, 200, "a cast that is over ends no other one");
    assert_eq!(server.cast("lobby").await, Some(presenter.cast.by.to_string()));
    assert_eq!(status(act(presenter.cast.id)).await, 200);
    assert_eq!(presenter.end().await, (None, 4502));
}

#[tokio::test]
async fn nobody_publishes_a_cast_by_hand() {
    let server = TestServer::start();
    let admin = server.admin_key().await;
    for body in [json!({ "kind": "cast", "key": "k" }), json!({ "kind": "cast", "of": 1, "off": true })] {
        let post = server.http.post(server.url("/api/rooms/lobby/messages")).bearer_auth(&admin).json(&body);
        assert_eq!(post.send().await.unwrap().status(), 422, "{body}");
    }
    assert_eq!(server.page("lobby", "").await.latest.offset, 0);
}
