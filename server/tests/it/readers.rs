//! A reader that can change its transport at any time and keeps nothing but its position. It checks
//! that no entry is missing, repeated or out of order.

use std::collections::VecDeque;

use protocol::{MessagesPage, Position, Problem, ServerFrame};
use reqwest::Response;
use tokio::time::timeout;

use crate::support::{Received, Socket, TIMEOUT, TestServer};

/// The transport of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    WebSocket,
    EventStream,
    LongPoll,
    Poll,
    LiveHtml,
}

impl Transport {
    pub const ALL: [Self; 5] = [Self::WebSocket, Self::EventStream, Self::LongPoll, Self::Poll, Self::LiveHtml];
}

/// A reader of one room.
pub struct Reader {
    room: String,
    pub position: Position,
    pub transport: Transport,
    /// Offsets and texts of the entries that were read.
    pub read: Vec<(u64, String)>,
    /// Reported gaps: the offset before the gap, and the last missing offset.
    pub gaps: Vec<(u64, u64)>,
    connection: Option<Connection>,
}

/// A connection that stays open between two reads.
enum Connection {
    WebSocket(Box<Socket>),
    EventStream(Box<EventStream>),
    LiveHtml(Box<LiveHtml>),
}

impl Reader {
    pub fn new(room: &str, position: Position, transport: Transport) -> Self {
        Self { room: room.to_owned(), position, transport, read: Vec::new(), gaps: Vec::new(), connection: None }
    }

    /// Drops the connection, with all that it has not read, and continues over another transport.
    pub fn switch(&mut self, transport: Transport) {
        self.transport = transport;
        self.connection = None;
    }

    pub async fn read_until(&mut self, server: &TestServer, offset: u64) {
        while self.position.offset < offset {
            self.step(server).await;
        }
    }

    /// Opens the connection, or reads one item from it.
    pub async fn step(&mut self, server: &TestServer) {
        match self.transport {
            Transport::LongPoll => return self.poll(server, "&wait=5&limit=200").await,
            Transport::Poll => return self.poll(server, "").await,
            Transport::WebSocket | Transport::EventStream | Transport::LiveHtml => {}
        }
        match self.connection.take() {
            None => self.connection = Some(self.open(server).await),
            Some(Connection::WebSocket(mut socket)) => match socket.receive().await {
                Received::Text(json) => {
                    self.apply(&serde_json::from_str(&json).unwrap());
                    self.connection = Some(Connection::WebSocket(socket));
                }
                Received::Closed { .. } | Received::Disconnected => {}
            },
            Some(Connection::EventStream(mut events)) => match events.next().await {
                Some(Block::Event(event)) => {
                    let frame = serde_json::from_str(&event.data).unwrap();
                    self.apply(&frame);
                    // A browser would reconnect with this id.
                    if !matches!(frame, ServerFrame::Presence { .. }) {
                        assert_eq!(event.id, Some(self.position.to_string()));
                    }
                    self.connection = Some(Connection::EventStream(events));
                }
                Some(Block::Comment) => self.connection = Some(Connection::EventStream(events)),
                // The stream ended or broke. The next step reconnects from the position.
                None => {}
            },
            Some(Connection::LiveHtml(mut live)) => match live.next().await {
                Some(Row::Message { offset, text }) => {
                    self.entry(offset, text);
                    self.connection = Some(Connection::LiveHtml(live));
                }
                Some(Row::Gap { last }) => {
                    self.gap(Position { offset: last.unwrap(), ..self.position });
                    self.connection = Some(Connection::LiveHtml(live));
                }
                Some(Row::Ended { after, .. }) => assert_eq!(after, self.position),
                None => {}
            },
        }
    }

    async fn open(&self, server: &TestServer) -> Connection {
        let (room, after) = (&self.room, self.position);
        match self.transport {
            Transport::WebSocket => Connection::WebSocket(Box::new(server.socket(&format!("/ws/{room}?after={after}")).await)),
            Transport::EventStream => Connection::EventStream(Box::new(EventStream::open(server, room, &format!("?after={after}")).await)),
            _ => Connection::LiveHtml(Box::new(LiveHtml::open(server, &format!("/r/{room}/live?after={after}&lang=en")).await)),
        }
    }

    async fn poll(&mut self, server: &TestServer, query: &str) {
        let response = server.get(&format!("/api/rooms/{}/messages?after={}{query}", self.room, self.position)).await;
        if response.status() == 410 {
            let problem: Problem = response.json().await.unwrap();
            return self.gap(problem.gap.unwrap().resumes);
        }
        assert_eq!(response.status(), 200);
        let page: MessagesPage = response.json().await.unwrap();
        for entry in page.entries {
            self.entry(entry.offset, entry.text.into());
        }
        assert_eq!(page.position, self.position);
    }

    fn apply(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Hello(hello) => match &hello.gap {
                Some(gap) => self.gap(gap.resumes),
                None => assert_eq!(hello.position, self.position),
            },
            ServerFrame::Message(entry) | ServerFrame::Change(entry) => self.entry(entry.offset, entry.text.as_str().to_owned()),
            // An event stream repeats the hello's gap as an event of its own.
            ServerFrame::Gap(gap) if gap.resumes == self.position => {}
            ServerFrame::Gap(gap) => self.gap(gap.resumes),
            ServerFrame::Presence { .. } | ServerFrame::Heartbeat => {}
            ServerFrame::Published { .. } | ServerFrame::Pong { .. } | ServerFrame::Error { .. } => panic!("{frame:?}"),
        }
    }

    fn entry(&mut self, offset: u64, text: String) {
        assert_eq!(offset, self.position.offset + 1, "an entry is missing, repeated or out of order ({:?})", self.transport);
        self.position.offset = offset;
        self.read.push((offset, text));
    }

    fn gap(&mut self, resumes: Position) {
        assert!(resumes.offset > self.position.offset, "{resumes}");
        self.gaps.push((self.position.offset, resumes.offset));
        self.position = resumes;
    }
}

/// Text that arrives in chunks, which may end inside a character.
#[derive(Default)]
struct TextBuffer {
    text: String,
    partial: Vec<u8>,
}

impl TextBuffer {
    fn add(&mut self, bytes: &[u8]) {
        self.partial.extend(bytes);
        let whole = std::str::from_utf8(&self.partial).map_or_else(|error| error.valid_up_to(), str::len);
        assert!(self.partial.len() - whole < 4, "the response is not UTF-8");
        self.text += std::str::from_utf8(&self.partial[..whole]).unwrap();
        self.partial.drain(..whole);
    }

    fn take_until(&mut self, end: &str) -> Option<String> {
        let at = self.text.find(end)?;
        Some(self.text.drain(..at + end.len()).collect())
    }
}

/// A client of an event stream.
pub struct EventStream {
    pub response: Response,
    /// True if the connection broke. The server cuts off readers that read nothing for ten seconds,
    /// which can happen to one reader of many on a busy machine.
    pub broken: bool,
    buffer: TextBuffer,
}

/// One block of an event stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Block {
    Event(Event),
    Comment,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub name: Option<String>,
    pub id: Option<String>,
    pub data: String,
}

impl EventStream {
    pub async fn open(server: &TestServer, room: &str, query: &str) -> Self {
        Self::of(server.get(&format!("/api/rooms/{room}/events{query}")).await)
    }

    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, broken: false, buffer: TextBuffer::default() }
    }

    /// Returns the next block, or `None` when the stream has ended. Lines are split as browsers do.
    pub async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some(block) = self.buffer.take_until("\n\n") {
                return Some(parse(block.trim_end_matches('\n')));
            }
            match timeout(TIMEOUT, self.response.chunk()).await.expect("nothing arrived") {
                Ok(chunk) => self.buffer.add(&chunk?),
                Err(_) => self.broken = true,
            }
            if self.broken {
                return None;
            }
        }
    }

    /// Returns the next event that is not about presence.
    pub async fn event(&mut self) -> Event {
        loop {
            match self.next().await.expect("the stream has ended") {
                Block::Event(event) if event.name.as_deref() != Some("presence") => return event,
                _ => {}
            }
        }
    }

    pub async fn frame(&mut self) -> ServerFrame {
        serde_json::from_str(&self.event().await.data).unwrap()
    }
}

fn parse(block: &str) -> Block {
    let mut event = Event::default();
    for line in block.split(['\n', '\r']) {
        match line.split_once(": ").unwrap_or((line, "")) {
            (":", _) if block == ":" => return Block::Comment,
            ("event", name) => event.name = Some(name.to_owned()),
            ("id", id) => event.id = Some(id.to_owned()),
            ("data", data) => {
                assert!(event.data.is_empty(), "an event has more than one line of data: {block:?}");
                event.data = data.to_owned();
            }
            ("retry", time) => assert!(time.parse::<u64>().is_ok()),
            other => panic!("{other:?} in {block:?}"),
        }
    }
    Block::Event(event)
}

/// A client of the live HTML.
pub struct LiveHtml {
    pub response: Response,
    /// True if the connection broke.
    pub broken: bool,
    buffer: TextBuffer,
    rows: VecDeque<Row>,
}

/// One row of the live HTML.
#[derive(Debug, PartialEq, Eq)]
pub enum Row {
    Message {
        offset: u64,
        text: String,
    },
    /// `last` is the last missing offset, if the text of the row has one.
    Gap {
        last: Option<u64>,
    },
    Ended {
        pause: u64,
        after: Position,
    },
}

impl LiveHtml {
    pub async fn open(server: &TestServer, path: &str) -> Self {
        Self::of(server.get(path).await)
    }

    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        Self { response, broken: false, buffer: TextBuffer::default(), rows: VecDeque::new() }
    }

    /// Returns the next row, or `None` when the document has ended.
    pub async fn next(&mut self) -> Option<Row> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Some(row);
            }
            let chunk = timeout(TIMEOUT, self.response.chunk()).await.expect("nothing arrived");
            self.broken = chunk.is_err();
            let Some(chunk) = chunk.ok().flatten() else {
                // HTTP/1.0 has no mark for the end, so an incomplete row means a broken connection.
                self.broken |= self.buffer.text.contains("<li ");
                return None;
            };
            self.buffer.add(&chunk);
            while let Some(row) = self.buffer.take_until("</li>") {
                let row = row.split_once("<li ").expect("not a row").1;
                if row.contains("class=\"beat\"") {
                    continue;
                }
                // The refresh follows the last row.
                self.rows.push_back(if row.contains("class=\"ended\"") { ended(&self.buffer.text) } else { message(row) });
            }
        }
    }
}

fn message(row: &str) -> Row {
    if row.starts_with("class=\"missed\"") {
        let mut numbers = row.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
        return Row::Gap { last: numbers.next_back() };
    }
    let offset = row.split("data-offset=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    // An erased message has no text.
    let body = row.split("class=\"text").nth(1).map_or("", |body| body.split_once('>').unwrap().1);
    // The framework marks where a list of parts ends.
    let text = body.split("</div>").next().unwrap().replace("<!>", "");
    assert!(!text.contains(['<', '>']), "{text}");
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    Row::Message { offset, text }
}

fn ended(rest: &str) -> Row {
    let refresh = rest.split("content=\"").nth(1).expect("no refresh").split('"').next().unwrap();
    let (pause, address) = refresh.split_once(";url=").unwrap();
    let after = address.split("after=").nth(1).unwrap().split('&').next().unwrap();
    Row::Ended { pause: pause.parse().unwrap(), after: after.parse().unwrap() }
}
