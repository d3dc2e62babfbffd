//! What every test needs: a server in a temporary folder, and clients that record what they
//! receive.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use protocol::{Entry, Epoch, Gap, Hello, MessagesPage, Position, Published, ServerFrame};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use server::config::{Cli, Serve, Subcommand};
use server::room::Clock;
use server::{Server, ServerError, StopHandle};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

/// The longest wait of any test. A test that reaches it has failed.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes of a small socket buffer, approximately.
const SMALL_BUFFER_BYTES: u32 = 4096;

/// Connects with a small receive buffer, so that a reader that pauses blocks the server soon.
pub async fn connect_with_small_buffer(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(SMALL_BUFFER_BYTES).unwrap();
    socket.connect(address).await.unwrap()
}

/// Connects from another loopback address.
pub async fn connect_from(address: &str, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}

/// A running server. Dropping it removes its folder.
pub struct TestServer {
    pub address: SocketAddr,
    folder: Arc<TempDir>,
    stop: StopHandle,
    serving: JoinHandle<Result<(), ServerError>>,
    pub http: Client,
    small_buffers: bool,
    claim: Option<String>,
    admin_key: OnceCell<String>,
}

impl TestServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with arguments of `crier serve`.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(Arc::new(TempDir::new().unwrap()), arguments)
    }

    /// Starts a server on a folder, which may hold the data of a stopped server.
    pub fn start_in(folder: Arc<TempDir>, arguments: &[&str]) -> Self {
        let data = folder.path().to_str().unwrap();
        let server = Server::new(settings(&[&["--data", data][..], arguments].concat())).unwrap();
        Self::serve(folder, server, false)
    }

    /// Starts a server whose writer pauses after each commit, for longer than the command line
    /// allows.
    pub fn start_with_commit_pause(pause: Duration) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let mut settings = settings(&["--data", folder.path().to_str().unwrap()]);
        settings.flush_interval = pause.as_millis() as u64;
        Self::serve(folder, Server::new(settings).unwrap(), false)
    }

    /// Starts a server with small send buffers, so that writes to a slow reader are often partial.
    pub fn start_with_small_buffers() -> Self {
        Self::start_with_small_buffers_in(Arc::new(TempDir::new().unwrap()), &[])
    }

    /// Starts a server with small send buffers on a folder.
    pub fn start_with_small_buffers_in(folder: Arc<TempDir>, arguments: &[&str]) -> Self {
        let data = folder.path().to_str().unwrap();
        let listen = |address| {
            let socket = TcpSocket::new_v4()?;
            socket.set_send_buffer_size(SMALL_BUFFER_BYTES)?;
            socket.bind(address)?;
            socket.listen(1024)
        };
        let server = Server::with(settings(&[&["--data", data][..], arguments].concat()), listen, server::now).unwrap();
        Self::serve(folder, server, true)
    }

    /// Starts a server on a folder, with the test's own clock.
    pub fn start_with_clock(clock: Clock, folder: Arc<TempDir>, arguments: &[&str]) -> Self {
        let data = folder.path().to_str().unwrap();
        let server = Server::with(settings(&[&["--data", data][..], arguments].concat()), server::bind, clock).unwrap();
        Self::serve(folder, server, false)
    }

    fn serve(folder: Arc<TempDir>, server: Server, small_buffers: bool) -> Self {
        let (address, stop, claim) = (server.address().unwrap(), server.stop_handle(), server.claim_path());
        let serving = tokio::spawn(server.serve());
        // The server closes connections that are idle for 5 s. Reusing one at that moment would
        // fail.
        let http = Client::builder().pool_idle_timeout(Duration::from_secs(2)).build().unwrap();
        Self { address, folder, stop, serving, http, small_buffers, claim, admin_key: OnceCell::new() }
    }

    /// Restarts the server on the same folder, on another port.
    pub async fn restart(self) -> Self {
        let folder = self.stop().await;
        Self::start_in(folder, &[])
    }

    /// Restarts the server on the same folder and port.
    pub async fn restart_in_place(self) -> Self {
        let address = self.address.to_string();
        let folder = self.stop().await;
        Self::start_in(folder, &["--listen", &address])
    }

    /// Stops the server and returns its folder.
    pub async fn stop(self) -> Arc<TempDir> {
        self.stop.stop();
        self.serving.await.unwrap().unwrap();
        self.folder
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

    /// True if the server offers a link that makes the first admin key.
    pub fn has_claim(&self) -> bool {
        self.claim.is_some()
    }

    /// Returns what that link claims with.
    pub fn claim(&self) -> &str {
        self.claim.as_deref().unwrap().strip_prefix("/key#claim=").unwrap()
    }

    /// Returns the admin key of a new server, which the link of its first start makes.
    pub async fn admin_key(&self) -> String {
        let trade = || async {
            let response = self.http.post(self.url("/key")).json(&json!({ "key": self.claim() })).send().await.unwrap();
            response.json::<Value>().await.unwrap()["key"].as_str().unwrap().to_owned()
        };
        self.admin_key.get_or_init(trade).await.clone()
    }

    /// Creates an access key, with a label, and returns its secret and its id.
    pub async fn create_key(&self, rights: &str, rooms: &str, label: &str) -> (String, String) {
        let request = self.http.post(self.url("/api/admin/keys")).bearer_auth(self.admin_key().await);
        let response = request.json(&json!({ "rights": rights, "rooms": rooms, "label": label })).send().await.unwrap();
        let created: Value = response.json().await.unwrap();
        let text = |field: &str| created[field].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
        (text("key"), text("id"))
    }

    pub async fn page(&self, room: &str, query: &str) -> MessagesPage {
        let response = self.get(&format!("/api/rooms/{room}/messages{query}")).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Returns all entries of a room, oldest first.
    pub async fn all_entries(&self, room: &str) -> Vec<Entry> {
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

    /// Publishes as an identity.
    pub async fn post_as(&self, secret: &str, room: &str, body: &Value) -> Response {
        let request = self.http.post(self.url(&format!("/api/rooms/{room}/messages"))).header("crier-identity", secret);
        request.json(body).send().await.unwrap()
    }

    pub async fn post_json(&self, room: &str, body: &Value) -> Response {
        self.http.post(self.url(&format!("/api/rooms/{room}/messages"))).json(body).send().await.unwrap()
    }

    pub async fn subscribe(&self, room: &str, after: Option<Position>) -> Subscriber {
        let query = after.map(|position| format!("?after={position}")).unwrap_or_default();
        Subscriber::start(self.socket(&format!("/ws/{room}{query}")).await).await
    }

    /// Opens a WebSocket, with a small receive buffer if the server has small send buffers.
    pub async fn socket(&self, path: &str) -> Socket {
        if self.small_buffers { self.slow_socket(path).await } else { Socket::open(&self.socket_url(path)).await }
    }

    /// Opens a WebSocket with a small receive buffer.
    pub async fn slow_socket(&self, path: &str) -> Socket {
        let stream = MaybeTlsStream::Plain(connect_with_small_buffer(self.address).await);
        Socket(timeout(TIMEOUT, client_async(self.socket_url(path), stream)).await.unwrap().unwrap().0)
    }
}

impl Subscriber {
    async fn start(socket: Socket) -> Self {
        let mut subscriber = Self { socket, hello: None, seen: Seen::default() };
        let ServerFrame::Hello(hello) = subscriber.socket.frame().await else { panic!("the first frame is not a hello") };
        subscriber.seen.cursor = hello.position.offset;
        subscriber.hello = Some(hello);
        subscriber
    }
}

/// Parses arguments of `crier serve`, with defaults for tests: any port and no limits per address.
pub fn settings(arguments: &[&str]) -> Serve {
    let mut all = vec!["crier", "serve"];
    let defaults = [("--listen", "127.0.0.1:0"), ("--publishes-burst", "1000000"), ("--rooms-per-hour", "0"), ("--cpu-per-address", "0")];
    for (flag, value) in defaults {
        if !arguments.contains(&flag) {
            all.extend([flag, value]);
        }
    }
    let Subcommand::Serve(serve) = Cli::parse_from(all.iter().chain(arguments)).subcommand else { unreachable!() };
    serve
}

/// A WebSocket client.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a WebSocket received.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Text(String),
    Closed { code: u16, reason: String },
    Disconnected,
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
        timeout(TIMEOUT, connect_async(request)).await.unwrap().map(|(socket, _)| Self(socket)).map_err(Box::new)
    }

    pub fn into_stream(self) -> MaybeTlsStream<TcpStream> {
        self.0.into_inner()
    }

    /// Sends a text to a peer that may have disconnected.
    pub async fn try_send_text(&mut self, text: String) {
        let _ = self.0.send(Message::text(text)).await;
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends several texts in one write.
    pub async fn send_texts(&mut self, texts: impl Iterator<Item = String>) {
        for text in texts {
            self.0.feed(Message::text(text)).await.unwrap();
        }
        self.0.flush().await.unwrap();
    }

    pub async fn send(&mut self, message: Message) {
        self.try_send(message).await.unwrap();
    }

    pub async fn try_send(&mut self, message: Message) -> Result<(), Box<Error>> {
        self.0.send(message).await.map_err(Box::new)
    }

    /// Returns the next message that is not binary.
    pub async fn receive(&mut self) -> Received {
        loop {
            if let Err(received) = self.receive_binary().await {
                return received;
            }
        }
    }

    /// Returns the next message if it is binary, and what came instead as an error.
    pub async fn receive_binary(&mut self) -> Result<Vec<u8>, Received> {
        let received = loop {
            match timeout(TIMEOUT, self.0.next()).await.expect("nothing arrived") {
                Some(Ok(Message::Text(text))) => break Received::Text(text.to_string()),
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes.into()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    break Received::Closed { code: frame.code.into(), reason: frame.reason.to_string() };
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => break Received::Disconnected,
                Some(Ok(_)) => {}
            }
        };
        Err(received)
    }

    pub async fn frame(&mut self) -> ServerFrame {
        match self.receive().await {
            Received::Text(json) => serde_json::from_str(&json).unwrap(),
            other => panic!("expected a frame, not {other:?}"),
        }
    }

    /// Returns the next frame that is neither a heartbeat nor a presence update.
    pub async fn data_frame(&mut self) -> ServerFrame {
        loop {
            match self.frame().await {
                ServerFrame::Heartbeat | ServerFrame::Presence { .. } => {}
                frame => return frame,
            }
        }
    }

    /// Returns the `ref` and code of the next error frame.
    pub async fn next_error(&mut self) -> (Option<u64>, protocol::ErrorCode) {
        loop {
            match self.data_frame().await {
                ServerFrame::Error { r#ref, code, .. } => return (r#ref, code),
                ServerFrame::Hello(_) | ServerFrame::Message(_) | ServerFrame::Change(_) => {}
                other => panic!("expected an error, not {other:?}"),
            }
        }
    }
}

/// A WebSocket reader that checks that no entry is missing, repeated or out of order.
pub struct Subscriber {
    pub socket: Socket,
    pub hello: Option<Hello>,
    pub seen: Seen,
}

/// What a reader has received.
#[derive(Default)]
pub struct Seen {
    pub cursor: u64,
    pub entries: Vec<Entry>,
    pub gaps: Vec<Gap>,
    pub published: Vec<(u64, Published)>,
}

impl Seen {
    pub fn apply(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Message(entry) | ServerFrame::Change(entry) => {
                assert_eq!(entry.offset, self.cursor + 1, "an entry is missing, repeated or out of order");
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

    /// Returns the position to continue from after a reconnect.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch(), offset: self.seen.cursor }
    }

    pub async fn read_until(&mut self, done: impl Fn(&Seen) -> bool) -> &Seen {
        while !done(&self.seen) {
            let frame = self.socket.frame().await;
            self.seen.apply(frame);
        }
        &self.seen
    }

    /// Waits for a presence update with this number of readers.
    pub async fn wait_until_online(&mut self, count: usize) {
        while self.socket.frame().await != (ServerFrame::Presence { online: count }) {}
    }

    pub async fn texts(&mut self, count: usize) -> Vec<String> {
        let seen = self.read_until(|seen| seen.entries.len() >= count).await;
        seen.entries.iter().map(|entry| entry.text.as_str().to_owned()).collect()
    }

    pub async fn publish(&mut self, r#ref: u64, text: &str, key: Option<&str>) {
        self.socket.send_text(json!({ "type": "publish", "ref": r#ref, "text": text, "key": key }).to_string()).await;
    }
}

/// Asks 50 times a second until the answer is true. `what` describes the condition.
pub async fn eventually(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let mut pace = interval(Duration::from_millis(20));
    let asking = async {
        loop {
            pace.tick().await;
            if is_true().await {
                return;
            }
        }
    };
    timeout(TIMEOUT, asking).await.unwrap_or_else(|_| panic!("never true: {what}"));
}

/// Returns the command line for a board at a URL.
pub fn crier(board: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crier"));
    command.args(arguments).env("CRIER_SERVER", board).kill_on_drop(true);
    command
}

/// Returns the secret of an identity.
pub fn identity(letter: char) -> String {
    format!("{letter}{}", "A".repeat(42))
}

/// Returns an HTTP client that follows no redirects.
pub fn client_without_redirects() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

/// Returns the texts of entries.
pub fn texts(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.text.as_str()).collect()
}

/// Returns the headers of a WebSocket handshake. The response has the key
/// `s3pPLMBiTxaQ9kYGzzhZRbK+xOo=`.
pub fn handshake(host: SocketAddr) -> String {
    format!(
        "Host: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
}

/// Reads the head of a response, and nothing after it.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(TIMEOUT, stream.read_u8()).await.expect("no response").unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Checks that a response is a problem document and returns its status and code.
pub async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    (status, body["code"].as_str().unwrap().to_owned())
}
