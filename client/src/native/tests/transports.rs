//! What stands in for a WebSocket.

use protocol::{Gap, GapReason, MessagesPage};
use serde_json::json;

use super::*;

/// A request, and the connection on which its answer is awaited.
struct Asked {
    connection: TcpStream,
    line: String,
    body: Vec<u8>,
}

impl Server {
    /// Takes a request, and a new connection for it.
    async fn asked(&self) -> Asked {
        let mut connection = self.connection().await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timely(connection.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        timely(connection.read_exact(&mut body)).await.unwrap();
        Asked { connection, line: head.lines().next().unwrap().to_owned(), body }
    }

    async fn refuse_websocket(&self) {
        let mut asked = self.asked().await;
        assert!(asked.line.starts_with("GET /ws/"), "{}", asked.line);
        asked.answer("403 Forbidden", "text/html", "<h1>Blocked</h1>").await;
    }

    /// Takes a request for events and says hello.
    async fn events(&self, after: Option<u64>, offset: u64) -> Asked {
        let mut asked = self.asked().await;
        let query = after.map(|after| format!("?after={}", at(after))).unwrap_or_default();
        assert_eq!(asked.line, format!("GET /api/rooms/lobby/events{query} HTTP/1.1"));
        asked.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 2000\n\n").await;
        asked.event(&hello(offset)).await;
        asked
    }
}

impl Asked {
    async fn write(&mut self, text: &str) {
        timely(self.connection.write_all(text.as_bytes())).await.unwrap();
    }

    async fn event(&mut self, frame: &ServerFrame) {
        self.write(&format!("event: any\nid: {}\ndata: {}\n\n", at(0), frame.to_json())).await;
    }

    async fn answer(&mut self, status: &str, kind: &str, body: &str) {
        let length = body.len();
        self.write(&format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
            .await;
    }

    async fn answer_json(&mut self, status: &str, body: &impl serde::Serialize) {
        self.answer(status, "application/json", &serde_json::to_string(body).unwrap()).await;
    }
}

fn by(transport: Transport) -> impl Fn(ConnectionState) -> bool {
    move |connection| connection == ConnectionState::Live { transport, follower: false }
}

fn page(entries: Vec<Entry>, offset: u64) -> MessagesPage {
    MessagesPage { room: RoomName::lobby(), entries, position: at(offset), before: None, latest: at(offset), online: 3 }
}

#[tokio::test]
async fn where_a_websocket_is_refused_there_are_events() {
    let server = Server::start().await;
    let mut client = server.client("lobby");
    server.refuse_websocket().await;
    let mut events = server.events(None, 7).await;
    events.event(&ServerFrame::Message(entry(8))).await;
    assert_eq!(entry_of(&mut client).await, entry(8));
    assert_eq!(client.connection(), ConnectionState::Connecting, "a hello proves nothing");
    events.write(":\n\n").await;
    reach(&mut client, by(Transport::Sse)).await;
    assert_eq!((client.position(), client.last_error()), (Some(at(8)), None));

    // What is published goes by post, and the stream goes on.
    let key = client.publish(message("hello")).await.unwrap();
    let mut post = server.asked().await;
    assert_eq!(post.line, "POST /api/rooms/lobby/messages HTTP/1.1");
    let published: PublishRequest = serde_json::from_slice(&post.body).unwrap();
    assert_eq!((published.text.as_str(), published.key.as_ref()), ("hello", Some(&key)));
    let mine = Entry { text: published.text, key: published.key, ..entry(9) };
    events.event(&ServerFrame::Message(mine.clone())).await;
    assert_eq!(entry_of(&mut client).await, mine);
    post.answer_json("201 Created", &Published { position: at(9), duplicate: false, reached: 1 }).await;
    while !matches!(timely(client.next()).await.unwrap(), Update::Published { .. }) {}

    // A response that ends is asked for again, from where the reader is.
    drop(events);
    let mut events = server.events(Some(9), 9).await;
    events.event(&ServerFrame::Message(entry(10))).await;
    assert_eq!(entry_of(&mut client).await, entry(10));
}

#[tokio::test]
async fn what_is_no_event_stream_is_passed_over() {
    let server = Server::start().await;
    let mut client = server.client("lobby");
    server.refuse_websocket().await;
    server.asked().await.answer("200 OK", "text/html", "<h1>Please sign in</h1>").await;
    let mut first = server.asked().await;
    assert_eq!(first.line, "GET /api/rooms/lobby/messages?limit=1 HTTP/1.1");
    first.answer_json("200 OK", &page(vec![entry(7)], 7)).await;
    reach(&mut client, by(Transport::LongPoll)).await;
    let mut next = server.asked().await;
    assert_eq!(next.line, format!("GET /api/rooms/lobby/messages?after={}&limit=200&wait=25 HTTP/1.1", at(7)));
    next.answer_json("200 OK", &page(vec![entry(8), entry(9)], 9)).await;
    for offset in [8, 9] {
        assert_eq!(entry_of(&mut client).await, entry(offset));
    }
    assert_eq!(client.position(), Some(at(9)));
}

#[tokio::test]
async fn pages_tell_gaps_and_busy_servers() {
    let server = Server::start().await;
    let options = Options { after: Some(at(2)), only: Some(Transport::Poll), ..Options::default() };
    let mut client = Client::connect(&server.base, &RoomName::lobby(), options).unwrap();
    let gap = Gap { reason: GapReason::Expired, first: at(5), resumes: at(5) };
    server.asked().await.answer_json("410 Gone", &Problem { gap: Some(gap.clone()), ..ErrorCode::PositionGone.into() }).await;
    while timely(client.next()).await.unwrap() != Update::Gap(gap.clone()) {}
    server.asked().await.answer_json("503 Service Unavailable", &Problem::from(ErrorCode::ServerFull)).await;
    reach(&mut client, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
    assert_eq!(client.last_error(), Some(ErrorCode::ServerFull.title()));
    let mut asked = server.asked().await;
    assert!(asked.line.contains(&format!("after={}&limit", at(5))), "{}", asked.line);
    asked.answer_json("200 OK", &page(vec![entry(6)], 6)).await;
    assert_eq!(entry_of(&mut client).await, entry(6));
}

#[tokio::test]
async fn a_refusal_by_post_is_told() {
    let server = Server::start().await;
    let serve = async {
        server.refuse_websocket().await;
        let mut events = server.events(None, 0).await;
        events.write(":\n\n").await;
        let detail = Some("Ask the operator.".to_owned());
        server.asked().await.answer_json("422 Unprocessable Content", &Problem { detail, ..ErrorCode::AuthorInvalid.into() }).await;
        events
    };
    let (result, _events) = tokio::join!(server.publish("hello", WAIT), serve);
    let Err(PublishError::Refused { code: ErrorCode::AuthorInvalid, detail }) = result else { panic!("{result:?}") };
    assert_eq!(detail, "Ask the operator.");
}

#[tokio::test]
async fn a_post_whose_answer_is_none_is_sent_again() {
    let server = Server::start().await;
    let serve = async {
        server.refuse_websocket().await;
        let events = server.events(None, 0).await;
        let mut first = server.asked().await;
        first.answer("502 Bad Gateway", "text/html", "<h1>Sorry</h1>").await;
        let mut again = server.asked().await;
        assert_eq!(first.body, again.body);
        again.answer_json("200 OK", &json!({ "position": at(1), "duplicate": true, "reached": 1 })).await;
        events
    };
    let (result, _events) = tokio::join!(server.publish("hello", WAIT), serve);
    assert_eq!(result.unwrap(), Published { position: at(1), duplicate: true, reached: 1 });
}

#[tokio::test]
async fn an_address_where_every_transport_is_refused_is_wrong() {
    let server = Server::start().await;
    // The second is what answers where the board is behind TLS.
    for status in ["404 Not Found", "301 Moved Permanently"] {
        let mut client = server.client("lobby");
        for _ in Transport::ALL {
            server.asked().await.answer(status, "text/html", "<h1>Not here</h1>").await;
        }
        while timely(client.next()).await.is_some() {}
        assert!(matches!(client.connection(), ConnectionState::Stopped { .. }));
        assert_eq!(client.last_error(), Some(&*format!("the server answered {status}")));
    }
}

#[tokio::test]
async fn a_proxy_that_drops_the_upgrade_does_not_end_the_session() {
    let server = Server::start().await;
    let mut client = server.client("lobby");
    // The proxy forwards a plain request, so it is a Crier that refuses the handshake.
    server.asked().await.answer_json("400 Bad Request", &Problem::from(ErrorCode::RequestInvalid)).await;
    let mut events = server.events(None, 7).await;
    events.write(":\n\n").await;
    reach(&mut client, by(Transport::Sse)).await;
}

#[tokio::test]
async fn what_every_transport_would_be_refused_is_the_end() {
    for code in [ErrorCode::RoomNameInvalid, ErrorCode::OriginRefused] {
        let server = Server::start().await;
        let mut client = server.client("lobby");
        server.asked().await.answer_json(&format!("{} No", code.status()), &Problem::from(code)).await;
        while timely(client.next()).await.is_some() {}
        assert!(client.last_error().unwrap().contains(code.title()), "{:?}", client.last_error());
    }
}

#[tokio::test]
async fn dropping_the_client_ends_an_event_stream() {
    let server = Server::start().await;
    let mut client = server.client_by("lobby", Some(Transport::Sse));
    let mut events = server.events(None, 0).await;
    events.write(":\n\n").await;
    reach(&mut client, by(Transport::Sse)).await;
    drop(client);
    assert_eq!(timely(events.connection.read(&mut [0; 16])).await.unwrap_or_default(), 0);
}
