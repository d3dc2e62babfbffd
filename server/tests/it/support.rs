//! A server of one's own in a folder that goes away, and clients that remember what they were told.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use protocol::{Entry, Epoch, Gap, Hello, MessagesPage, Position, Published, ServerFrame};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use server::config::{Cli, Serve, Verb};
use server::hub::Clock;
use server::{Server, ServerError};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};
use tokio_util::sync::CancellationToken;

/// Longer than anything takes here; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a tight socket holds, about.
const TIGHT_BYTES: u32 = 4096;

/// A connection of which the system holds little.
pub async fn connect_tight(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(TIGHT_BYTES).unwrap();
    socket.connect(address).await.unwrap()
}

/// A connection from another address of this machine.
pub async fn connect_from(address: &str, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}

/// A running server.
pub struct TestServer {
    pub address: SocketAddr,
    folder: Arc<TempDir>,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServerError>>,
    pub http: Client,
    tight: bool,
}

impl TestServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// `arguments` are those of `crier serve`.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(Arc::new(TempDir::new().unwrap()), arguments)
    }

    /// The server on a folder, perhaps another server's, with arguments.
    pub fn start_in(folder: Arc<TempDir>, arguments: &[&str]) -> Self {
        let data = folder.path().to_str().unwrap();
        let server = Server::new(settings(&[&["--data", data][..], arguments].concat())).unwrap();
        Self::serve(folder, server, false)
    }

    /// A server whose writer pauses after each commit, for longer than the command line allows.
    pub fn start_pausing(pause: Duration) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let mut settings = settings(&["--data", folder.path().to_str().unwrap()]);
        settings.flush_interval = pause.as_millis() as u64;
        Self::serve(folder, Server::new(settings).unwrap(), false)
    }

    /// A server whose sockets take little at once, so that writes to whoever reads slowly are often cut.
    pub fn start_tight() -> Self {
        Self::start_tight_in(Arc::new(TempDir::new().unwrap()), &[])
    }

    /// The same on a folder, with arguments.
    pub fn start_tight_in(folder: Arc<TempDir>, arguments: &[&str]) -> Self {
        let data = folder.path().to_str().unwrap();
        let listen = |address| {
            let socket = TcpSocket::new_v4()?;
            socket.set_send_buffer_size(TIGHT_BYTES)?;
            socket.bind(address)?;
            socket.listen(1024)
        };
        let server = Server::with(settings(&[&["--data", data][..], arguments].concat()), listen, server::now).unwrap();
        Self::serve(folder, server, true)
    }

    /// The server on a folder, perhaps another server's, with a clock that says what the test wants.
    pub fn start_at(clock: Clock, folder: Arc<TempDir>, arguments: &[&str]) -> Self {
        let data = folder.path().to_str().unwrap();
        let server = Server::with(settings(&[&["--data", data][..], arguments].concat()), server::bind, clock).unwrap();
        Self::serve(folder, server, false)
    }

    fn serve(folder: Arc<TempDir>, server: Server, tight: bool) -> Self {
        let (address, stop) = (server.address().unwrap(), server.stopper());
        let serving = tokio::spawn(server.serve());
        // The server closes a connection that is silent for 5 s, and a request may just then be on its way over it.
        let http = Client::builder().pool_idle_timeout(Duration::from_secs(2)).build().unwrap();
        Self { address, folder, stop, serving, http, tight }
    }

    /// Stops the server and starts another on the same folder, at another port.
    pub async fn restart(self) -> Self {
        let folder = self.stop().await;
        Self::start_in(folder, &[])
    }

    /// The same at the port where it was.
    pub async fn restart_in_place(self) -> Self {
        let address = self.address.to_string();
        let folder = self.stop().await;
        Self::start_in(folder, &["--listen", &address])
    }

    /// Stops the server and leaves its folder.
    pub async fn stop(self) -> Arc<TempDir> {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.folder
    }

    /// The server on a folder, perhaps another server's.
    pub fn start_on(folder: Arc<TempDir>) -> Self {
        Self::start_in(folder, &[])
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn socket_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    pub async fn page(&self, room: &str, query: &str) -> MessagesPage {
        let response = self.get(&format!("/api/rooms/{room}/messages{query}")).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Every entry of a room, oldest first, read in pages from the beginning.
    pub async fn everything(&self, room: &str) -> Vec<Entry> {
        let epoch = self.page(room, "").await.latest.epoch;
        let mut entries = Vec::new();
        let mut position = Position { epoch, offset: 0 };
        loop {
            let page = self.page(room, &format!("?after={position}&limit=200")).await;
            if page.entries.is_empty() {
                return entries;
            }
            position = page.position;
            entries.extend(page.entries);
        }
    }

    pub async fn post(&self, room: &str, text: &str) -> Published {
        self.post_json(room, &json!({ "text": text })).await.json().await.unwrap()
    }

    pub async fn post_json(&self, room: &str, body: &Value) -> Response {
        self.http.post(self.url(&format!("/api/rooms/{room}/messages"))).json(body).send().await.unwrap()
    }

    pub async fn subscribe(&self, room: &str, after: Option<Position>) -> Subscriber {
        let query = after.map(|position| format!("?after={position}")).unwrap_or_default();
        Subscriber::start(self.socket(&format!("/ws/{room}{query}")).await).await
    }

    /// A socket to this server, as tight as the server's own.
    pub async fn socket(&self, path: &str) -> Socket {
        let url = self.socket_url(path);
        if !self.tight {
            return Socket::open(&url).await;
        }
        let stream = MaybeTlsStream::Plain(connect_tight(self.address).await);
        Socket(timeout(PATIENCE, client_async(url, stream)).await.unwrap().unwrap().0)
    }
}

impl Subscriber {
    async fn start(socket: Socket) -> Self {
        let mut subscriber = Self { socket, hello: None, seen: Seen::default() };
        let ServerFrame::Hello(hello) = subscriber.socket.frame().await else { panic!("the first frame is no hello") };
        subscriber.seen.cursor = hello.position.offset;
        subscriber.hello = Some(hello);
        subscriber
    }
}

/// Settings as the command line would make them, with defaults that suit a test.
pub fn settings(arguments: &[&str]) -> Serve {
    let mut all = vec!["crier", "serve"];
    let defaults = [("--listen", "127.0.0.1:0"), ("--publishes-burst", "1000000"), ("--rooms-per-hour", "0"), ("--cpu-per-address", "0")];
    for (flag, value) in defaults {
        if !arguments.contains(&flag) {
            all.extend([flag, value]);
        }
    }
    let Verb::Serve(serve) = Cli::parse_from(all.iter().chain(arguments)).verb else { unreachable!() };
    serve
}

/// A socket and nothing more.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a socket brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Text(String),
    Closed { code: u16, reason: String },
    Gone,
}

impl Socket {
    pub async fn open(url: &str) -> Self {
        Self::try_open(url, &[]).await.unwrap()
    }

    pub async fn try_open(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, Box<Error>> {
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        timeout(PATIENCE, connect_async(request)).await.unwrap().map(|(socket, _)| Self(socket)).map_err(Box::new)
    }

    /// Says something to a peer that may be gone.
    pub async fn try_say(&mut self, text: String) {
        let _ = self.0.send(Message::text(text)).await;
    }

    pub async fn say(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    /// Says all in one write.
    pub async fn say_all(&mut self, texts: impl Iterator<Item = String>) {
        for text in texts {
            self.0.feed(Message::text(text)).await.unwrap();
        }
        self.0.flush().await.unwrap();
    }

    pub async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub async fn hear(&mut self) -> Heard {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("nothing came") {
                Some(Ok(Message::Text(text))) => return Heard::Text(text.to_string()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Heard::Closed { code: frame.code.into(), reason: frame.reason.to_string() };
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Heard::Gone,
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn frame(&mut self) -> ServerFrame {
        match self.hear().await {
            Heard::Text(json) => serde_json::from_str(&json).unwrap(),
            other => panic!("expected a frame, not {other:?}"),
        }
    }

    /// The next frame that says more than that the server lives and who is here.
    pub async fn telling_frame(&mut self) -> ServerFrame {
        loop {
            match self.frame().await {
                ServerFrame::Heartbeat | ServerFrame::Presence { .. } => {}
                telling => return telling,
            }
        }
    }

    pub async fn refusal(&mut self) -> (Option<u64>, protocol::ErrorCode) {
        loop {
            match self.telling_frame().await {
                ServerFrame::Error { r#ref, code, .. } => return (r#ref, code),
                ServerFrame::Hello(_) | ServerFrame::Message(_) => {}
                other => panic!("expected an error, not {other:?}"),
            }
        }
    }
}

/// A reader that checks, entry by entry, that none is missing, doubled or out of order.
pub struct Subscriber {
    pub socket: Socket,
    pub hello: Option<Hello>,
    pub seen: Seen,
}

/// What a reader has been told.
#[derive(Default)]
pub struct Seen {
    pub cursor: u64,
    pub entries: Vec<Entry>,
    pub gaps: Vec<Gap>,
    pub published: Vec<(u64, Published)>,
}

impl Seen {
    pub fn take(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Message(entry) => {
                assert_eq!(entry.offset, self.cursor + 1, "an entry is missing, doubled or out of order");
                self.cursor = entry.offset;
                self.entries.push(entry);
            }
            ServerFrame::Gap(gap) => {
                self.cursor = gap.resumes.offset;
                self.gaps.push(gap);
            }
            ServerFrame::Published { r#ref, published } => self.published.push((r#ref, published)),
            ServerFrame::Hello(_) | ServerFrame::Presence { .. } | ServerFrame::Heartbeat | ServerFrame::Pong { .. } => {}
            ServerFrame::Error { .. } => panic!("{frame:?}"),
        }
    }
}

impl Subscriber {
    pub fn hello(&self) -> &Hello {
        self.hello.as_ref().unwrap()
    }

    pub fn epoch(&self) -> Epoch {
        self.hello().position.epoch
    }

    /// Where this reader would go on after a reconnect.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch(), offset: self.seen.cursor }
    }

    pub async fn read_until(&mut self, done: impl Fn(&Seen) -> bool) -> &Seen {
        while !done(&self.seen) {
            let frame = self.socket.frame().await;
            self.seen.take(frame);
        }
        &self.seen
    }

    pub async fn texts(&mut self, count: usize) -> Vec<String> {
        let seen = self.read_until(|seen| seen.entries.len() >= count).await;
        seen.entries.iter().map(|entry| entry.text.as_str().to_owned()).collect()
    }

    pub async fn publish(&mut self, r#ref: u64, text: &str, key: Option<&str>) {
        self.socket.say(json!({ "type": "publish", "ref": r#ref, "text": text, "key": key }).to_string()).await;
    }
}

/// The texts of entries.
pub fn texts(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.text.as_str()).collect()
}

/// The headers of a usual request for a WebSocket, whose answer has the key `s3pPLMBiTxaQ9kYGzzhZRbK+xOo=`.
pub fn handshake(host: SocketAddr) -> String {
    format!(
        "Host: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
}

/// Reads the head of an answer, and nothing of what follows.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.expect("no answer").unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The stable code of a refusal, after checking that it is a proper problem.
pub async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    (status, body["code"].as_str().unwrap().to_owned())
}
