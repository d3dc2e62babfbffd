//! A scripted server: it sends what a test wants.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::{
    Author, ClientFrame, Disconnect, Entry, Epoch, Hello, Limits, MessagesPage, Position, PublishRequest, Published, RoomName, ServerFrame,
    Text,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::native::{Board, PublishError, Room, Subscription};
use crate::{ConnectionState, Options, Transport, Update};

pub(super) const LIVE: ConnectionState = ConnectionState::Live { transport: Transport::WebSocket, follower: false };
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(20);

pub(super) struct Server {
    pub(super) listener: TcpListener,
    pub(super) base: String,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, base }
    }

    pub(super) fn room(&self, name: &str) -> Room {
        Board::connect(&self.base).unwrap().room(name).unwrap()
    }

    pub(super) fn subscribe(&self, room: &str) -> Subscription {
        self.subscribe_by(room, None)
    }

    pub(super) fn subscribe_by(&self, room: &str, only: Option<Transport>) -> Subscription {
        self.room(room).subscribe_with(Options { only, ..Options::default() })
    }

    pub(super) async fn publish(&self, text: &str, time_limit: Duration) -> Result<Published, PublishError> {
        self.room("lobby").with_time_limit(time_limit).publish(text).await
    }

    pub(super) async fn connection(&self) -> TcpStream {
        within_limit(self.listener.accept()).await.unwrap().0
    }

    pub(super) async fn accept(&self) -> Session {
        Session::accept(self.connection().await).await
    }

    /// Accepts a WebSocket, starts a session after an offset, and answers the pings that prove it.
    pub(super) async fn greet(&self, offset: u64) -> Session {
        Session::greet(self.connection().await, offset).await
    }

    pub(super) async fn answer(&self, answer: &str) {
        let mut connection = self.connection().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(within_limit(connection.read_u8()).await.unwrap());
        }
        connection.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// A request, and the connection for its answer.
pub(super) struct ReceivedRequest {
    pub(super) connection: TcpStream,
    pub(super) line: String,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Server {
    /// Accepts a connection and reads a request.
    pub(super) async fn request(&self) -> ReceivedRequest {
        let mut connection = self.connection().await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within_limit(connection.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        within_limit(connection.read_exact(&mut body)).await.unwrap();
        let line = head.lines().next().unwrap();
        let line = if line.contains("reader=") { without_reader(line) } else { line.to_owned() };
        ReceivedRequest { connection, line, head, body }
    }

    pub(super) async fn refuse_websocket(&self) {
        let mut request = self.request().await;
        assert!(request.line.starts_with("GET /ws/"), "{}", request.line);
        request.answer("403 Forbidden", "text/html", "<h1>Blocked</h1>").await;
    }

    /// Accepts a request for an event stream and sends the hello.
    pub(super) async fn events(&self, after: Option<u64>, offset: u64) -> ReceivedRequest {
        let mut request = self.request().await;
        let query = after.map(|after| format!("?after={}", at(after))).unwrap_or_default();
        assert_eq!(request.line, format!("GET /api/rooms/lobby/events{query} HTTP/1.1"));
        request.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 2000\n\n").await;
        request.event(&hello(offset)).await;
        request
    }
}

impl ReceivedRequest {
    pub(super) async fn write(&mut self, text: &str) {
        within_limit(self.connection.write_all(text.as_bytes())).await.unwrap();
    }

    pub(super) async fn event(&mut self, frame: &ServerFrame) {
        self.write(&format!("event: any\nid: {}\ndata: {}\n\n", at(0), frame.to_json())).await;
    }

    pub(super) async fn answer(&mut self, status: &str, kind: &str, body: &str) {
        let length = body.len();
        self.write(&format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
            .await;
    }

    pub(super) async fn answer_json(&mut self, status: &str, body: &impl serde::Serialize) {
        self.answer(status, "application/json", &serde_json::to_string(body).unwrap()).await;
    }
}

pub(super) struct Session {
    pub(super) socket: WebSocketStream<TcpStream>,
    pub(super) target: String,
    /// Messages that were published while the script waited for something else.
    pub(super) publishes: VecDeque<(u64, PublishRequest)>,
}

impl Session {
    pub(super) async fn accept(connection: TcpStream) -> Self {
        let mut target = String::new();
        #[expect(clippy::result_large_err, reason = "the signature is the library's")]
        let note = |request: &Request, response: Response| {
            target = without_reader(&request.uri().to_string());
            Ok(response)
        };
        let socket = within_limit(accept_hdr_async(connection, note)).await.unwrap();
        Self { socket, target, publishes: VecDeque::new() }
    }

    pub(super) async fn greet(connection: TcpStream, offset: u64) -> Self {
        let mut session = Self::accept(connection).await;
        session.send(&hello(offset)).await;
        for _ in 0..2 {
            session.answer_ping().await;
        }
        session
    }

    pub(super) async fn send(&mut self, frame: &ServerFrame) {
        within_limit(self.socket.send(Message::text(frame.to_json()))).await.unwrap();
    }

    pub(super) async fn receive(&mut self) -> ClientFrame {
        loop {
            if let Message::Text(text) = within_limit(self.socket.next()).await.unwrap().unwrap() {
                return ClientFrame::parse(&text).unwrap();
            }
        }
    }

    pub(super) async fn answer_ping(&mut self) {
        loop {
            match self.receive().await {
                ClientFrame::Publish { r#ref, message } => self.publishes.push_back((r#ref, message)),
                ClientFrame::Ping { r#ref } => return self.send(&ServerFrame::Pong { r#ref }).await,
            }
        }
    }

    pub(super) async fn publish(&mut self) -> (u64, PublishRequest) {
        loop {
            if let Some(publish) = self.publishes.pop_front() {
                return publish;
            }
            match self.receive().await {
                ClientFrame::Publish { r#ref, message } => return (r#ref, message),
                ClientFrame::Ping { r#ref } => self.send(&ServerFrame::Pong { r#ref }).await,
            }
        }
    }

    pub(super) async fn close(mut self, disconnect: Disconnect) {
        let frame = CloseFrame { code: disconnect.code().into(), reason: disconnect.reason().into() };
        within_limit(self.socket.close(Some(frame))).await.unwrap();
        // Wait for the client's close frame.
        while let Some(Ok(_)) = within_limit(self.socket.next()).await {}
    }
}

pub(super) async fn within_limit<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIME_LIMIT, future).await.expect("time is up")
}

pub(super) async fn entry_of(updates: &mut Subscription) -> Entry {
    loop {
        if let Update::Entry(entry) = within_limit(updates.next()).await.expect("the subscription has ended") {
            return entry;
        }
    }
}

/// Takes updates until the connection is in a wanted state.
pub(super) async fn wait_for(updates: &mut Subscription, wanted: impl Fn(ConnectionState) -> bool) {
    while !wanted(updates.connection()) {
        within_limit(updates.next()).await.expect("the subscription has ended");
    }
}

/// Removes the reader's random id from a target, after checking that it is there.
pub(super) fn without_reader(target: &str) -> String {
    let (path, query) = target.split_once("?reader=").expect("there is no reader's id");
    let (_, rest) = query.split_at(16);
    format!("{path}{}", rest.replacen('&', "?", 1))
}

pub(super) fn at(offset: u64) -> Position {
    Position { epoch: Epoch(1), offset }
}

pub(super) fn hello(offset: u64) -> ServerFrame {
    ServerFrame::Hello(Hello {
        room: RoomName::lobby(),
        position: at(offset),
        latest: offset,
        recovered: true,
        gap: None,
        online: 1,
        heartbeat_seconds: 20,
        limits: Limits::default(),
        version: "0".to_owned(),
        you: None,
    })
}

pub(super) fn entry(offset: u64) -> Entry {
    Entry { offset, time: 0, author: Author::default(), text: Text::parse("x").unwrap(), key: None, raw: None, ..Default::default() }
}

pub(super) fn message(text: &str) -> PublishRequest {
    PublishRequest { text: Text::parse(text).unwrap(), author: Author::default(), key: None, ..Default::default() }
}

pub(super) fn published(r#ref: u64, offset: u64, duplicate: bool) -> ServerFrame {
    ServerFrame::Published { r#ref, published: Published { position: at(offset), duplicate, reached: 1 } }
}

pub(super) fn page(entries: Vec<Entry>, offset: u64) -> MessagesPage {
    MessagesPage { room: RoomName::lobby(), entries, position: at(offset), before: None, latest: at(offset), online: 3, you: None }
}
