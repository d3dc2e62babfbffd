//! The client over real sockets, against a server that says what a test wants.

mod transports;

use std::collections::VecDeque;

use protocol::{
    Author, ClientFrame, Disconnect, Entry, Epoch, ErrorCode, Hello, Limits, Position, Problem, PublishRequest, Published, ServerFrame,
    Text,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use futures_util::{SinkExt, StreamExt};

use super::*;
use crate::Transport;

const LIVE: ConnectionState = ConnectionState::Live { transport: Transport::WebSocket, follower: false };
const WAIT: Duration = Duration::from_secs(20);

struct Server {
    listener: TcpListener,
    base: String,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, base }
    }

    fn client(&self, room: &str) -> Client {
        self.client_by(room, None)
    }

    fn client_by(&self, room: &str, only: Option<Transport>) -> Client {
        Client::connect(&self.base, &room.parse().unwrap(), Options { only, ..Options::default() }).unwrap()
    }

    async fn publish(&self, text: &str, wait: Duration) -> Result<Published, PublishError> {
        publish(&self.base, &RoomName::lobby(), message(text), wait).await
    }

    async fn connection(&self) -> TcpStream {
        timely(self.listener.accept()).await.unwrap().0
    }

    async fn accept(&self) -> Session {
        let mut target = String::new();
        #[expect(clippy::result_large_err, reason = "the signature is the library's")]
        let note = |request: &Request, response: Response| {
            target = request.uri().to_string();
            Ok(response)
        };
        let socket = timely(accept_hdr_async(self.connection().await, note)).await.unwrap();
        Session { socket, target, publishes: VecDeque::new() }
    }

    /// Accepts, begins a session after an offset, and answers the pings by which the client finds out that it works.
    async fn greet(&self, offset: u64) -> Session {
        let mut session = self.accept().await;
        session.say(&hello(offset)).await;
        for _ in 0..2 {
            session.answer_ping().await;
        }
        session
    }

    async fn answer(&self, answer: &str) {
        let mut connection = self.connection().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(timely(connection.read_u8()).await.unwrap());
        }
        connection.write_all(answer.as_bytes()).await.unwrap();
    }
}

struct Session {
    socket: WebSocketStream<TcpStream>,
    target: String,
    /// What was published and not looked at yet.
    publishes: VecDeque<(u64, PublishRequest)>,
}

impl Session {
    async fn say(&mut self, frame: &ServerFrame) {
        timely(self.socket.send(Message::text(frame.to_json()))).await.unwrap();
    }

    async fn hear(&mut self) -> ClientFrame {
        loop {
            if let Message::Text(text) = timely(self.socket.next()).await.unwrap().unwrap() {
                return ClientFrame::parse(&text).unwrap();
            }
        }
    }

    async fn answer_ping(&mut self) {
        loop {
            match self.hear().await {
                ClientFrame::Publish { r#ref, message } => self.publishes.push_back((r#ref, message)),
                ClientFrame::Ping { r#ref } => return self.say(&ServerFrame::Pong { r#ref }).await,
            }
        }
    }

    async fn publish(&mut self) -> (u64, PublishRequest) {
        loop {
            if let Some(publish) = self.publishes.pop_front() {
                return publish;
            }
            match self.hear().await {
                ClientFrame::Publish { r#ref, message } => return (r#ref, message),
                ClientFrame::Ping { r#ref } => self.say(&ServerFrame::Pong { r#ref }).await,
            }
        }
    }

    async fn close(mut self, disconnect: Disconnect) {
        let frame = CloseFrame { code: disconnect.code().into(), reason: disconnect.reason().into() };
        timely(self.socket.close(Some(frame))).await.unwrap();
        // The other end answers, and then both are done.
        while let Some(Ok(_)) = timely(self.socket.next()).await {}
    }
}

async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT, future).await.expect("it takes too long")
}

async fn entry_of(client: &mut Client) -> Entry {
    loop {
        if let Update::Entry(entry) = timely(client.next()).await.expect("the client has ended") {
            return entry;
        }
    }
}

/// Takes updates until the connection is as wanted.
async fn reach(client: &mut Client, wanted: impl Fn(ConnectionState) -> bool) {
    while !wanted(client.connection()) {
        timely(client.next()).await.expect("the client has ended");
    }
}

fn at(offset: u64) -> Position {
    Position { epoch: Epoch(1), offset }
}

fn hello(offset: u64) -> ServerFrame {
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
    })
}

fn entry(offset: u64) -> Entry {
    Entry { offset, time: 0, author: Author::default(), text: Text::parse("x").unwrap(), key: None, raw: None }
}

fn message(text: &str) -> PublishRequest {
    PublishRequest { text: Text::parse(text).unwrap(), author: Author::default(), key: None }
}

fn published(r#ref: u64, offset: u64, duplicate: bool) -> ServerFrame {
    ServerFrame::Published { r#ref, published: Published { position: at(offset), duplicate, reached: 1 } }
}

#[tokio::test]
async fn it_follows_a_room_through_a_restart() {
    let server = Server::start().await;
    let mut client = server.client("大厅");
    let mut session = server.greet(7).await;
    assert_eq!(session.target, "/ws/%E5%A4%A7%E5%8E%85");
    reach(&mut client, |connection| connection == LIVE).await;
    session.say(&ServerFrame::Message(entry(8))).await;
    assert_eq!(entry_of(&mut client).await, entry(8));
    assert_eq!((client.connection(), client.position(), client.last_error()), (LIVE, Some(at(8)), None));

    session.close(Disconnect::Restart { spread: 10 }).await;
    reach(&mut client, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
    assert!(client.last_error().unwrap().contains("1012"));
    assert!(client.retry_in().unwrap() <= Duration::from_secs(1));

    let mut session = server.greet(8).await;
    assert_eq!(session.target, "/ws/%E5%A4%A7%E5%8E%85?after=0000000000000001:8");
    for offset in [8, 9] {
        session.say(&ServerFrame::Message(entry(offset))).await;
    }
    assert_eq!(entry_of(&mut client).await, entry(9));
    assert_eq!(client.last_error(), None);
}

#[tokio::test]
async fn a_message_is_published_when_it_is_acknowledged() {
    let server = Server::start().await;
    let serve = async {
        let mut session = server.greet(0).await;
        let (r#ref, first) = session.publish().await;
        // The answer is lost, so the client must ask again.
        drop((r#ref, session));
        let mut session = server.greet(0).await;
        let (r#ref, again) = session.publish().await;
        assert_eq!(first, again);
        assert!(again.key.is_some());
        session.say(&published(r#ref, 1, true)).await;
        session
    };
    let (result, _session) = tokio::join!(server.publish("hello", WAIT), serve);
    assert_eq!(result.unwrap(), Published { position: at(1), duplicate: true, reached: 1 });
}

#[tokio::test]
async fn an_acknowledgement_counts_after_the_entry_too() {
    let server = Server::start().await;
    let serve = async {
        let mut session = server.greet(0).await;
        let (r#ref, message) = session.publish().await;
        session.say(&ServerFrame::Message(Entry { text: message.text, key: message.key, ..entry(1) })).await;
        session.say(&published(r#ref, 1, false)).await;
        session
    };
    let (result, _session) = tokio::join!(server.publish("hello", WAIT), serve);
    assert_eq!(result.unwrap().position, at(1));
}

#[tokio::test]
async fn a_refusal_is_told() {
    let server = Server::start().await;
    let serve = async {
        let mut session = server.greet(0).await;
        let (r#ref, _) = session.publish().await;
        let detail = "Ask the operator.".to_owned();
        session.say(&ServerFrame::Error { r#ref: Some(r#ref), code: ErrorCode::AuthorInvalid, detail, retry_after: None }).await;
        session
    };
    let (result, _session) = tokio::join!(server.publish("hello", WAIT), serve);
    assert!(matches!(result, Err(PublishError::Refused { code: ErrorCode::AuthorInvalid, .. })), "{result:?}");
}

#[test]
fn a_refusal_says_each_sentence_once() {
    let refused = |detail: &str| PublishError::Refused { code: ErrorCode::AuthorInvalid, detail: detail.to_owned() }.to_string();
    let title = ErrorCode::AuthorInvalid.title();
    assert_eq!(refused(title), title);
    assert_eq!(refused("Ask the operator."), format!("{title} Ask the operator."));
}

#[tokio::test]
async fn a_final_close_code_is_the_end() {
    let server = Server::start().await;
    let mut client = server.client("lobby");
    server.greet(0).await.close(Disconnect::TooManyErrors).await;
    while timely(client.next()).await.is_some() {}
    assert_eq!(client.connection(), ConnectionState::Stopped { code: Some(4500) });
    assert!(client.last_error().unwrap().contains("too many errors"));
    assert_eq!(client.publish(message("hello")).await, Err(Ended));
}

#[tokio::test]
async fn a_wrong_address_is_the_end_and_says_so() {
    let server = Server::start().await;
    let problem = serde_json::to_string(&Problem::from(ErrorCode::HostRefused)).unwrap();
    let answer = format!("HTTP/1.1 421 Misdirected Request\r\nContent-Length: {}\r\n\r\n{problem}", problem.len());
    let (result, ()) = tokio::join!(server.publish("hello", WAIT), server.answer(&answer));
    let Err(PublishError::Ended(trouble)) = result else { panic!("{result:?}") };
    assert!(trouble.contains("421") && trouble.contains(ErrorCode::HostRefused.title()), "{trouble}");
}

#[tokio::test]
async fn a_server_that_is_full_is_tried_again() {
    let server = Server::start().await;
    let mut client = server.client_by("lobby", Some(Transport::WebSocket));
    for status in ["503 Service Unavailable", "429 Too Many Requests"] {
        server.answer(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        reach(&mut client, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
        assert!(client.last_error().unwrap().contains(status));
        reach(&mut client, |connection| connection == ConnectionState::Connecting).await;
    }
    let _session = server.greet(0).await;
    reach(&mut client, |connection| connection == LIVE).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_and_tried_again() {
    let server = Server::start().await;
    let address = server.listener.local_addr().unwrap();
    let mut client = server.client_by("lobby", Some(Transport::WebSocket));
    drop(server);
    reach(&mut client, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
    assert!(client.last_error().is_some() && client.retry_in().is_some());

    let listener = TcpListener::bind(address).await.unwrap();
    let server = Server { listener, base: String::new() };
    let _session = server.greet(0).await;
    reach(&mut client, |connection| connection == LIVE).await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_late() {
    let server = Server::start().await;
    let result = server.publish("hello", Duration::from_millis(50)).await;
    assert!(matches!(result, Err(PublishError::TimedOut(_))), "{result:?}");
}

#[tokio::test]
async fn tls_has_what_it_needs() {
    let server = Server::start().await;
    let mut client = Client::connect(&server.base.replace("http", "https"), &RoomName::lobby(), Options::default()).unwrap();
    let mut connection = server.connection().await;
    // A TLS record that holds a handshake.
    assert_eq!(timely(connection.read_u8()).await.unwrap(), 0x16);
    connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    drop(connection);
    reach(&mut client, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
}

#[tokio::test]
async fn dropping_the_client_ends_the_session() {
    let server = Server::start().await;
    let mut client = server.client("lobby");
    let mut session = server.greet(0).await;
    reach(&mut client, |connection| connection == LIVE).await;
    let publisher = client.publisher();
    drop(client);
    while let Some(Ok(_)) = timely(session.socket.next()).await {}
    timely(publisher.commands.closed()).await;
}

#[tokio::test]
async fn the_longest_entry_arrives() {
    let server = Server::start().await;
    let mut client = server.client("lobby");
    let mut session = server.greet(0).await;
    let long = "\u{1}".repeat(protocol::limits::TEXT_BYTES_MAX - 1) + "x";
    let entry = Entry { text: Text::parse(&long).unwrap(), raw: Some(long), ..entry(1) };
    session.say(&ServerFrame::Message(entry.clone())).await;
    assert_eq!(entry_of(&mut client).await, entry);
}

#[tokio::test]
async fn a_slow_program_loses_nothing() {
    const ENTRIES: u64 = 2_000;
    let server = Server::start().await;
    let mut client = server.client("lobby");
    let mut session = server.greet(0).await;
    let serve = tokio::spawn(async move {
        for offset in 1..=ENTRIES {
            session.say(&ServerFrame::Message(entry(offset))).await;
        }
        // Published while its updates wait, a message still goes out.
        session.publish().await
    });
    reach(&mut client, |connection| connection == LIVE).await;
    client.publish(message("hello")).await.unwrap();
    assert_eq!(timely(serve).await.unwrap().1.text.as_str(), "hello");
    for offset in 1..=ENTRIES {
        assert_eq!(entry_of(&mut client).await.offset, offset);
    }
}

#[tokio::test]
async fn a_slow_program_is_not_taken_for_a_silent_server() {
    const ENTRIES: u64 = 200;
    let server = Server::start().await;
    let mut client = server.client("lobby");
    let mut session = server.accept().await;
    session.say(&hello(0)).await;
    session.answer_ping().await;
    reach(&mut client, |connection| connection == LIVE).await;
    // The second pong, which is waited for, stands behind more than the program has taken.
    for offset in 1..=ENTRIES {
        session.say(&ServerFrame::Message(entry(offset))).await;
    }
    session.answer_ping().await;
    timely(async {
        while client.updates.len() < UPDATES_MAX {
            tokio::task::yield_now().await;
        }
    })
    .await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    for offset in 1..=ENTRIES {
        assert_eq!(entry_of(&mut client).await.offset, offset);
    }
    assert_eq!(client.connection(), LIVE);
}

#[tokio::test]
async fn many_messages_go_out_beside_the_updates() {
    const MESSAGES: u64 = 300;
    let server = Server::start().await;
    let mut client = server.client("lobby");
    let publisher = client.publisher();
    let publishing = tokio::spawn(async move {
        for n in 0..MESSAGES {
            publisher.publish(message(&n.to_string())).await.unwrap();
        }
    });
    let serving = tokio::spawn(async move {
        let mut session = server.greet(0).await;
        for n in 0..MESSAGES {
            let (r#ref, message) = session.publish().await;
            assert_eq!(message.text.as_str(), n.to_string());
            session.say(&published(r#ref, n + 1, false)).await;
            session.say(&ServerFrame::Message(Entry { text: message.text, key: message.key, ..entry(n + 1) })).await;
        }
        session
    });
    for offset in 1..=MESSAGES {
        assert_eq!(entry_of(&mut client).await.offset, offset);
    }
    timely(publishing).await.unwrap();
    drop(timely(serving).await.unwrap());
}
