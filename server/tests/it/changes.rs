//! Changes of messages: over every way in, on every transport, and for a reader who was away.

use std::collections::BTreeMap;

use protocol::{Entry, ErrorCode, Kind, MessagesPage, Position, Published, ServerFrame};
use reqwest::Response;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::readers::{Block, EventStream, LiveHtml, Row, Transport};
use crate::support::{Received, Socket, TIMEOUT, TestServer, client_without_redirects, identity, problem};

/// A way to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    WebSocket,
    Json,
    Form,
    PageForm,
}

impl Way {
    const ALL: [Self; 4] = [Self::WebSocket, Self::Json, Self::Form, Self::PageForm];

    /// Publishes as an identity. Returns the status, and the code if it was refused.
    async fn publish(self, server: &TestServer, secret: &str, body: &Value) -> (u16, Option<String>) {
        let (status, code, _) = self.try_publish(server, secret, body).await;
        (status, code)
    }

    /// The same, with the seconds to wait before another attempt.
    async fn try_publish(self, server: &TestServer, secret: &str, body: &Value) -> (u16, Option<String>, Option<u64>) {
        let path = if self == Self::PageForm { "/r/lobby" } else { "/api/rooms/lobby/messages" };
        let request = client_without_redirects().post(server.url(path)).header("crier-identity", secret);
        match self {
            Self::WebSocket => return publish_over_socket(server, secret, body).await,
            Self::Json => answered(request.json(body).send().await.unwrap()).await,
            Self::Form | Self::PageForm => {
                let fields: Vec<_> = body.as_object().unwrap().iter().map(|(name, value)| (name, form_value(value))).collect();
                let form = serde_urlencoded::to_string(fields).unwrap();
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                answered(request.body(form).send().await.unwrap()).await
            }
        }
    }
}

fn form_value(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn answered(response: Response) -> (u16, Option<String>, Option<u64>) {
    let status = response.status().as_u16();
    let wait = response.headers().get("retry-after").map(|seconds| seconds.to_str().unwrap().parse().unwrap());
    let is_problem = response.headers().get("content-type").is_some_and(|kind| kind == "application/problem+json");
    (status, if is_problem { Some(problem(response).await.1) } else { None }, wait)
}

async fn publish_over_socket(server: &TestServer, secret: &str, body: &Value) -> (u16, Option<String>, Option<u64>) {
    let mut socket = Socket::try_open(&server.socket_url("/ws/lobby"), &[("crier-identity", secret)]).await.unwrap();
    let mut frame = body.clone();
    (frame["type"], frame["ref"]) = (json!("publish"), json!(1));
    socket.send_text(frame.to_string()).await;
    loop {
        match socket.frame().await {
            ServerFrame::Published { .. } => return (200, None, None),
            ServerFrame::Error { code, retry_after, .. } => {
                let wait = retry_after.map(|wait| wait.div_ceil(1000));
                return (code.status(), Some(code.as_str().to_owned()), wait);
            }
            _ => {}
        }
    }
}

/// Publishes as an identity, and returns the offset.
async fn publish(server: &TestServer, secret: &str, body: &Value) -> u64 {
    let response = server.post_as(secret, "lobby", body).await;
    assert_eq!(response.status(), 200, "{body}");
    response.json::<Published>().await.unwrap().position.offset
}

/// What a reader has on its screen: the texts of messages by their offsets; none, if a message is
/// erased. It keeps nothing but its position when it is away.
struct Viewer {
    transport: Transport,
    position: Position,
    shown: BTreeMap<u64, Option<String>>,
    changed: BTreeMap<u64, u64>,
}

impl Viewer {
    async fn new(server: &TestServer, transport: Transport) -> Self {
        let position = server.page("lobby", "").await.position;
        Self { transport, position, shown: BTreeMap::new(), changed: BTreeMap::new() }
    }

    /// Comes back and reads up to a message.
    async fn read_until(&mut self, server: &TestServer, offset: u64) {
        match self.transport {
            Transport::WebSocket => {
                let mut socket = server.socket(&format!("/ws/lobby?after={}", self.position)).await;
                while self.position.offset < offset {
                    let Received::Text(json) = socket.receive().await else { panic!("the socket was closed") };
                    self.take(serde_json::from_str(&json).unwrap());
                }
            }
            Transport::EventStream => {
                let mut events = EventStream::open(server, "lobby", &format!("?after={}", self.position)).await;
                while self.position.offset < offset {
                    let Some(Block::Event(event)) = events.next().await else { continue };
                    let frame = serde_json::from_str(&event.data).unwrap();
                    let is_change = matches!(frame, ServerFrame::Change(_));
                    assert_eq!(event.name.as_deref() == Some("change"), is_change);
                    self.take(frame);
                    assert!(!is_change || event.id == Some(self.position.to_string()));
                }
            }
            Transport::LongPoll | Transport::Poll => {
                let wait = if self.transport == Transport::LongPoll { "&wait=5" } else { "" };
                while self.position.offset < offset {
                    let page = server.page("lobby", &format!("?after={}&limit=3{wait}", self.position)).await;
                    page.entries.into_iter().for_each(|entry| self.entry(&entry));
                    assert_eq!(self.position, page.position);
                }
            }
            Transport::LiveHtml => self.read_document(server, offset).await,
        }
    }

    /// Reads live HTML, which has only rows. A document that ends is followed by another one.
    async fn read_document(&mut self, server: &TestServer, offset: u64) {
        while self.position.offset < offset {
            let mut live = LiveHtml::open(server, &format!("/r/lobby/live?after={}&earlier=true", self.position)).await;
            self.shown.clear();
            while self.position.offset < offset {
                match live.next().await.expect("the document has ended") {
                    Row::Message { offset, text } => {
                        self.shown.insert(offset, Some(text).filter(|text| !text.is_empty()));
                        self.position.offset = self.position.offset.max(offset);
                    }
                    Row::Ended { pause, after } => {
                        assert_eq!(pause, 0);
                        self.position = after;
                        break;
                    }
                    Row::Gap { .. } => panic!("nothing is missing"),
                }
            }
        }
    }

    fn take(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Message(entry) if entry.kind == Kind::Message => self.entry(&entry),
            ServerFrame::Change(entry) if entry.kind != Kind::Message => self.entry(&entry),
            ServerFrame::Hello(hello) => assert_eq!((hello.recovered, hello.position), (true, self.position)),
            ServerFrame::Presence { .. } => {}
            frame => panic!("{frame:?}"),
        }
    }

    fn entry(&mut self, entry: &Entry) {
        assert_eq!(entry.offset, self.position.offset + 1, "an entry is missing, repeated or out of order");
        self.position.offset = entry.offset;
        let text = |entry: &Entry| (!entry.erased).then(|| entry.text.as_str().to_owned());
        let Some(of) = entry.of else {
            assert!(!entry.erased || entry.text.is_absent() && entry.author.is_nameless() && entry.raw.is_none());
            self.changed.insert(entry.offset, entry.changed);
            self.shown.insert(entry.offset, text(entry));
            return;
        };
        if self.changed.get(&of).is_some_and(|changed| *changed >= entry.offset) {
            return;
        }
        match entry.kind {
            Kind::Edit => drop(self.shown.insert(of, text(entry))),
            Kind::Erase => drop(self.shown.insert(of, None)),
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_kind_of_change_is_published_over_every_way_in() {
    for way in Way::ALL {
        let server = TestServer::start();
        let (ana, bob) = (identity('a'), identity('b'));
        let done = |status: (u16, Option<String>)| {
            let expected = if way == Way::PageForm { 303 } else { 200 };
            assert_eq!(status, (expected, None), "{way:?}");
        };
        for body in [
            json!({ "text": "one", "author": "Ana" }),
            json!({ "text": "two", "reply": 1 }),
            json!({ "kind": "edit", "of": 1, "text": "first" }),
            json!({ "kind": "react", "of": 1, "emoji": "👍" }),
            json!({ "kind": "react", "of": 1, "emoji": "👍", "off": true }),
            json!({ "kind": "react", "of": 1, "emoji": "🎉" }),
            json!({ "kind": "erase", "of": 2 }),
        ] {
            done(way.publish(&server, &ana, &body).await);
        }
        done(way.publish(&server, &bob, &json!({ "kind": "react", "of": 1, "emoji": "🎉" })).await);
        let entries = server.all_entries("lobby").await;
        let kinds: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
        use Kind::{Edit, Erase, Message, React};
        assert_eq!(kinds, [Message, Message, Edit, React, React, React, Erase, React], "{way:?}");
        let [first, second, ..] = &entries[..] else { panic!() };
        let reactions: Vec<_> = first.reactions.iter().map(|reaction| (reaction.emoji.as_str(), reaction.count)).collect();
        assert_eq!((first.text.as_str(), first.changed, &reactions[..]), ("first", 8, &[("🎉", 2)][..]), "{way:?}");
        assert!(first.edited.is_some() && first.by.is_some() && first.by == entries[2].by && first.by != entries[7].by);
        assert_eq!((second.erased, second.changed, second.text.as_str()), (true, 7, ""), "{way:?}");
    }
}

#[tokio::test]
async fn a_refused_change_has_the_same_code_over_every_way_in() {
    let server = TestServer::start();
    let (ana, bob) = (identity('a'), identity('b'));
    publish(&server, &ana, &json!({ "text": "one" })).await;
    publish(&server, &ana, &json!({ "text": "two" })).await;
    publish(&server, &ana, &json!({ "kind": "erase", "of": 2 })).await;
    let long = "x".repeat(16 * 1024 + 1);
    for (body, code) in [
        (json!({ "kind": "edit", "of": 1, "text": "mine" }), ErrorCode::NotYours),
        (json!({ "kind": "erase", "of": 1 }), ErrorCode::NotYours),
        (json!({ "kind": "edit", "of": 2, "text": "back" }), ErrorCode::MessageGone),
        (json!({ "kind": "react", "of": 3, "emoji": "👍" }), ErrorCode::MessageGone),
        (json!({ "kind": "erase", "of": 99 }), ErrorCode::MessageGone),
        (json!({ "kind": "react", "of": 1, "emoji": "a" }), ErrorCode::EmojiInvalid),
        (json!({ "kind": "react", "of": 1 }), ErrorCode::ShapeInvalid),
        (json!({ "kind": "edit", "of": 1 }), ErrorCode::ShapeInvalid),
        (json!({ "kind": "edit", "of": 1, "text": long }), ErrorCode::TextTooLong),
        (json!({ "kind": "erase" }), ErrorCode::ShapeInvalid),
        (json!({ "kind": "pin", "of": 1 }), ErrorCode::AccessRefused),
        (json!({ "kind": "unpin", "of": 1 }), ErrorCode::AccessRefused),
    ] {
        for way in Way::ALL {
            let (status, refused) = way.publish(&server, &bob, &body).await;
            // The page's form is answered with the page.
            let expected = Some(code.as_str().to_owned()).filter(|_| way != Way::PageForm);
            assert_eq!((status, refused), (code.status(), expected), "{way:?}: {body:.80}");
        }
    }
    assert_eq!(server.page("lobby", "").await.latest.offset, 3);
}

#[tokio::test]
async fn a_queue_and_a_slow_room_tell_how_long_to_wait_over_every_way_in() {
    for (settings, code, waits) in [
        (json!({ "mode": "open", "queue": true }), ErrorCode::Queued, 10..=10),
        (json!({ "mode": "open", "slow": 600 }), ErrorCode::SlowMode, 500..=600),
    ] {
        let (server, ana) = (TestServer::start(), identity('a'));
        let request = server.http.post(server.url("/api/rooms/lobby/messages")).bearer_auth(server.admin_key().await);
        assert_eq!(request.json(&json!({ "kind": "room", "settings": settings })).send().await.unwrap().status(), 200);
        Way::Json.publish(&server, &ana, &json!({ "text": "first" })).await;
        let latest = server.page("lobby", "").await.latest;
        for way in Way::ALL {
            let (status, refused, wait) = way.try_publish(&server, &ana, &json!({ "text": format!("{way:?}") })).await;
            if (way, code) == (Way::PageForm, ErrorCode::Queued) {
                // The page that follows shows what waits.
                assert_eq!(status, 303);
                continue;
            }
            let expected = Some(code.as_str().to_owned()).filter(|_| way != Way::PageForm);
            assert_eq!((status, refused), (code.status(), expected), "{way:?}");
            assert!(wait.is_some_and(|wait| waits.contains(&wait)), "{way:?}: {wait:?}");
        }
        assert_eq!(server.page("lobby", "").await.latest, latest, "nothing is shown");
    }
}

#[tokio::test]
async fn a_reader_who_was_away_during_edit_and_erase_comes_back_to_the_result_on_every_transport() {
    for restarts in [false, true] {
        let (mut server, ana, bob) = (TestServer::start(), identity('a'), identity('b'));
        let mut viewers = Vec::new();
        for transport in Transport::ALL {
            viewers.push(Viewer::new(&server, transport).await);
        }
        for text in ["edited later", "erased later", "stays"] {
            publish(&server, &ana, &json!({ "text": text })).await;
        }
        for viewer in &mut viewers {
            viewer.read_until(&server, 3).await;
        }
        for body in [
            json!({ "kind": "edit", "of": 1, "text": "edited once" }),
            json!({ "kind": "erase", "of": 2 }),
            json!({ "text": "came and went" }),
            json!({ "text": "came" }),
            json!({ "kind": "edit", "of": 1, "text": "edited twice" }),
            json!({ "kind": "edit", "of": 7, "text": "came and changed" }),
            json!({ "kind": "erase", "of": 6 }),
        ] {
            publish(&server, &ana, &body).await;
        }
        publish(&server, &bob, &json!({ "kind": "react", "of": 3, "emoji": "👍" })).await;
        let last = publish(&server, &ana, &json!({ "text": "the end" })).await;
        if restarts {
            server = server.restart().await;
        }
        let text = |text: &str| Some(text.to_owned());
        let expected = BTreeMap::from([
            (1, text("edited twice")),
            (2, None),
            (3, text("stays")),
            (6, None),
            (7, text("came and changed")),
            (last, text("the end")),
        ]);
        for viewer in &mut viewers {
            viewer.read_until(&server, last).await;
            assert_eq!(viewer.shown, expected, "{:?}, restarts: {restarts}", viewer.transport);
        }
    }
}

#[tokio::test]
async fn a_change_reaches_open_sessions_on_every_transport() {
    let (server, ana) = (TestServer::start(), identity('a'));
    publish(&server, &ana, &json!({ "text": "one" })).await;
    let start = server.page("lobby", "").await.position;
    let mut socket = server.subscribe("lobby", Some(start)).await.socket;
    let mut events = EventStream::open(&server, "lobby", &format!("?after={start}")).await;
    events.event().await;
    let mut live = LiveHtml::open(&server, &format!("/r/lobby/live?after={start}&earlier=true&lang=en")).await;
    assert!(matches!(live.next().await, Some(Row::Message { offset: 1, .. })));
    let mut watcher = server.subscribe("lobby", None).await;
    let polled = tokio::spawn(server.http.get(server.url(&format!("/api/rooms/lobby/messages?after={start}&wait=20"))).send());
    watcher.wait_until_online(5).await;
    publish(&server, &ana, &json!({ "kind": "edit", "of": 1, "text": "first" })).await;
    let edit = |frame: ServerFrame| match frame {
        ServerFrame::Change(entry) => (entry.kind, entry.of, entry.text.as_str().to_owned()),
        frame => panic!("{frame:?}"),
    };
    let expected = (Kind::Edit, Some(1), "first".to_owned());
    assert_eq!(edit(socket.data_frame().await), expected);
    let event = events.event().await;
    let position = Position { offset: 2, ..start };
    assert_eq!((event.name.as_deref(), event.id), (Some("change"), Some(position.to_string())));
    assert_eq!(edit(serde_json::from_str(&event.data).unwrap()), expected);
    let page: MessagesPage = polled.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!((edit(ServerFrame::Change(page.entries[0].clone())), page.position), (expected, position));
    // A row can't change. The document ends, and the next one has the result.
    assert_eq!(live.next().await, Some(Row::Ended { pause: 0, after: position }));
    assert!(live.next().await.is_none() && !live.broken);
    let mut live = LiveHtml::open(&server, &format!("/r/lobby/live?after={position}&earlier=true&lang=en")).await;
    assert_eq!(live.next().await, Some(Row::Message { offset: 1, text: "first".to_owned() }));
}

#[tokio::test]
async fn live_html_that_a_change_ends_continues_with_the_messages_before_it() {
    let (server, ana) = (TestServer::start(), identity('a'));
    publish(&server, &ana, &json!({ "text": "secret" })).await;
    let mut response = server.get("/r/lobby/live?earlier=true&lang=en").await;
    let mut html = String::new();
    while !html.contains("id=\"m-1\"") {
        html += &chunk(&mut response).await.unwrap();
    }
    publish(&server, &ana, &json!({ "kind": "erase", "of": 1 })).await;
    while let Some(chunk) = chunk(&mut response).await {
        html += &chunk;
    }
    let refresh = html.rsplit("http-equiv=\"refresh\" content=\"").next().unwrap().split('"').next().unwrap();
    assert!(refresh.starts_with("0;url=/r/lobby/live?after=") && refresh.ends_with("&amp;earlier=true"), "{refresh}");
    let mut response = server.get(&refresh.trim_start_matches("0;url=").replace("&amp;", "&")).await;
    let mut next = String::new();
    while !next.contains("id=\"m-1\"") {
        next += &chunk(&mut response).await.unwrap();
    }
    assert!(!next.contains("secret"), "{next}");
}

/// Returns what arrives next of a response in ASCII.
async fn chunk(response: &mut Response) -> Option<String> {
    let chunk = timeout(TIMEOUT, response.chunk()).await.expect("nothing arrived").unwrap();
    chunk.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn the_demos_socket_gets_no_changes() {
    let (server, ana) = (TestServer::start(), identity('a'));
    let mut demo = server.socket("/message/").await;
    publish(&server, &ana, &json!({ "text": "one" })).await;
    assert_eq!(demo.receive().await, Received::Text("one".to_owned()));
    for body in [
        json!({ "kind": "edit", "of": 1, "text": "first" }),
        json!({ "kind": "react", "of": 1, "emoji": "👍" }),
        json!({ "kind": "erase", "of": 1 }),
        json!({ "text": "two" }),
    ] {
        publish(&server, &ana, &body).await;
    }
    assert_eq!(demo.receive().await, Received::Text("two".to_owned()));
}

#[tokio::test]
async fn a_page_says_who_its_reader_is_and_which_reactions_are_theirs() {
    let (server, ana, bob) = (TestServer::start(), identity('a'), identity('b'));
    publish(&server, &ana, &json!({ "text": "one" })).await;
    publish(&server, &ana, &json!({ "kind": "react", "of": 1, "emoji": "👍" })).await;
    let path = server.url("/api/rooms/lobby/messages");
    let page = async |secret: Option<&str>| {
        let request = server.http.get(&path);
        let response = secret.map_or(request.try_clone().unwrap(), |secret| request.header("crier-identity", secret)).send().await.unwrap();
        let tag = response.headers()[ETAG].to_str().unwrap().to_owned();
        (tag, response.json::<MessagesPage>().await.unwrap())
    };
    let pages = [page(Some(&ana)).await, page(Some(&bob)).await, page(None).await];
    let seen = pages.each_ref().map(|(_, page)| (page.you == page.entries[0].by, page.you.is_some(), page.entries[0].reactions[0].mine));
    assert_eq!(seen, [(true, true, true), (false, true, false), (false, false, false)]);
    // One reader's page is never taken for another's.
    let [ana_tag, bob_tag, nobody] = pages.map(|(tag, _)| tag);
    assert!(ana_tag != bob_tag && bob_tag != nobody && nobody != ana_tag);
    let ask = |secret: &str| server.http.get(&path).header("crier-identity", secret).header(IF_NONE_MATCH, &ana_tag);
    assert_eq!(ask(&ana).send().await.unwrap().status(), 304);
    assert_eq!(ask(&bob).send().await.unwrap().status(), 200);
    // A stream says it in its hello.
    let mut socket = Socket::try_open(&server.socket_url("/ws/lobby"), &[("crier-identity", &ana)]).await.unwrap();
    let ServerFrame::Hello(hello) = socket.frame().await else { panic!() };
    assert_eq!(hello.you, page(Some(&ana)).await.1.you);
}
