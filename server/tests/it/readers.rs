//! A reader that checks, entry by entry, that none is missing, doubled or out of order, and can change its transport at
//! any time, with nothing in its hands but its position.

use std::collections::VecDeque;

use protocol::{MessagesPage, Position, Problem, ServerFrame};
use reqwest::Response;
use tokio::time::timeout;

use crate::support::{Heard, PATIENCE, Socket, TestServer};

/// How a reader reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    WebSocket,
    Events,
    LongPoll,
    Poll,
    Live,
}

impl Transport {
    pub const ALL: [Self; 5] = [Self::WebSocket, Self::Events, Self::LongPoll, Self::Poll, Self::Live];
}

/// Somebody who reads a room.
pub struct Reader {
    room: String,
    pub position: Position,
    pub transport: Transport,
    /// The offsets and texts that were read.
    pub read: Vec<(u64, String)>,
    /// The offsets that were told to be missing: after the one, up to the other.
    pub gaps: Vec<(u64, u64)>,
    link: Option<Link>,
}

/// What stays open between two things that are read.
enum Link {
    WebSocket(Box<Socket>),
    Events(Box<Events>),
    Live(Box<Live>),
}

impl Reader {
    pub fn new(room: &str, position: Position, transport: Transport) -> Self {
        Self { room: room.to_owned(), position, transport, read: Vec::new(), gaps: Vec::new(), link: None }
    }

    /// Lets go of the connection, with whatever it still held, and goes on over another transport.
    pub fn switch(&mut self, transport: Transport) {
        self.transport = transport;
        self.link = None;
    }

    pub async fn read_until(&mut self, server: &TestServer, offset: u64) {
        while self.position.offset < offset {
            self.step(server).await;
        }
    }

    /// Reads what comes next, whatever that is.
    pub async fn step(&mut self, server: &TestServer) {
        match self.transport {
            Transport::LongPoll => return self.ask(server, "&wait=5&limit=200").await,
            Transport::Poll => return self.ask(server, "").await,
            Transport::WebSocket | Transport::Events | Transport::Live => {}
        }
        match self.link.take() {
            None => self.link = Some(self.open(server).await),
            Some(Link::WebSocket(mut socket)) => match socket.hear().await {
                Heard::Text(json) => {
                    self.take(&serde_json::from_str(&json).unwrap());
                    self.link = Some(Link::WebSocket(socket));
                }
                Heard::Closed { .. } | Heard::Gone => {}
            },
            Some(Link::Events(mut events)) => match events.next().await {
                Some(Said::Event(event)) => {
                    let frame = serde_json::from_str(&event.data).unwrap();
                    self.take(&frame);
                    // A browser would come back with this.
                    if !matches!(frame, ServerFrame::Presence { .. }) {
                        assert_eq!(event.id, Some(self.position.to_string()));
                    }
                    self.link = Some(Link::Events(events));
                }
                Some(Said::Comment) => self.link = Some(Link::Events(events)),
                // Ended or cut off, it goes on from where it was.
                None => {}
            },
            Some(Link::Live(mut live)) => match live.next().await {
                Some(Row::Message { offset, text }) => {
                    self.entry(offset, text);
                    self.link = Some(Link::Live(live));
                }
                Some(Row::Missed { last }) => {
                    self.gap(Position { offset: last.unwrap(), ..self.position });
                    self.link = Some(Link::Live(live));
                }
                Some(Row::Ended { after, .. }) => assert_eq!(after, self.position),
                None => {}
            },
        }
    }

    async fn open(&self, server: &TestServer) -> Link {
        let (room, after) = (&self.room, self.position);
        match self.transport {
            Transport::WebSocket => Link::WebSocket(Box::new(server.socket(&format!("/ws/{room}?after={after}")).await)),
            Transport::Events => Link::Events(Box::new(Events::open(server, room, &format!("?after={after}")).await)),
            _ => Link::Live(Box::new(Live::open(server, &format!("/r/{room}/live?after={after}&lang=en")).await)),
        }
    }

    async fn ask(&mut self, server: &TestServer, more: &str) {
        let response = server.get(&format!("/api/rooms/{}/messages?after={}{more}", self.room, self.position)).await;
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

    fn take(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Hello(hello) => match &hello.gap {
                Some(gap) => self.gap(gap.resumes),
                None => assert_eq!(hello.position, self.position),
            },
            ServerFrame::Message(entry) => self.entry(entry.offset, entry.text.as_str().to_owned()),
            // Over server-sent events the hello's gap is told a second time, for who listens to nothing else.
            ServerFrame::Gap(gap) if gap.resumes == self.position => {}
            ServerFrame::Gap(gap) => self.gap(gap.resumes),
            ServerFrame::Presence { .. } | ServerFrame::Heartbeat => {}
            ServerFrame::Published { .. } | ServerFrame::Pong { .. } | ServerFrame::Error { .. } => panic!("{frame:?}"),
        }
    }

    fn entry(&mut self, offset: u64, text: String) {
        assert_eq!(offset, self.position.offset + 1, "an entry is missing, doubled or out of order ({:?})", self.transport);
        self.position.offset = offset;
        self.read.push((offset, text));
    }

    fn gap(&mut self, resumes: Position) {
        assert!(resumes.offset > self.position.offset, "{resumes}");
        self.gaps.push((self.position.offset, resumes.offset));
        self.position = resumes;
    }
}

/// Text as it arrives, in pieces that may end within a character.
#[derive(Default)]
struct Incoming {
    text: String,
    rest: Vec<u8>,
}

impl Incoming {
    fn add(&mut self, bytes: &[u8]) {
        self.rest.extend(bytes);
        let whole = std::str::from_utf8(&self.rest).map_or_else(|error| error.valid_up_to(), str::len);
        assert!(self.rest.len() - whole < 4, "it is not UTF-8");
        self.text += std::str::from_utf8(&self.rest[..whole]).unwrap();
        self.rest.drain(..whole);
    }

    fn take_until(&mut self, end: &str) -> Option<String> {
        let at = self.text.find(end)?;
        Some(self.text.drain(..at + end.len()).collect())
    }
}

/// A stream of server-sent events.
pub struct Events {
    pub response: Response,
    /// It broke off. Whoever does not read for ten seconds is cut off, and that is no longer than a busy machine takes to come back to
    /// one reader of many.
    pub cut: bool,
    buffer: Incoming,
}

/// What an event stream says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    Event(Event),
    Comment,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub name: Option<String>,
    pub id: Option<String>,
    pub data: String,
}

impl Events {
    pub async fn open(server: &TestServer, room: &str, query: &str) -> Self {
        Self::of(server.get(&format!("/api/rooms/{room}/events{query}")).await)
    }

    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, cut: false, buffer: Incoming::default() }
    }

    /// The next block, or nothing when the stream has ended. Lines are split as a browser splits them.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(block) = self.buffer.take_until("\n\n") {
                return Some(parse(block.trim_end_matches('\n')));
            }
            match timeout(PATIENCE, self.response.chunk()).await.expect("nothing came") {
                Ok(chunk) => self.buffer.add(&chunk?),
                Err(_) => self.cut = true,
            }
            if self.cut {
                return None;
            }
        }
    }

    /// The next event that is neither a comment nor about who is here.
    pub async fn event(&mut self) -> Event {
        loop {
            match self.next().await.expect("the stream has ended") {
                Said::Event(event) if event.name.as_deref() != Some("presence") => return event,
                _ => {}
            }
        }
    }

    pub async fn frame(&mut self) -> ServerFrame {
        serde_json::from_str(&self.event().await.data).unwrap()
    }
}

fn parse(block: &str) -> Said {
    let mut event = Event::default();
    for line in block.split(['\n', '\r']) {
        match line.split_once(": ").unwrap_or((line, "")) {
            (":", _) if block == ":" => return Said::Comment,
            ("event", name) => event.name = Some(name.to_owned()),
            ("id", id) => event.id = Some(id.to_owned()),
            ("data", data) => {
                assert!(event.data.is_empty(), "an event has one line of data: {block:?}");
                event.data = data.to_owned();
            }
            ("retry", time) => assert!(time.parse::<u64>().is_ok()),
            other => panic!("{other:?} in {block:?}"),
        }
    }
    Said::Event(event)
}

/// The live view without script.
pub struct Live {
    pub response: Response,
    /// It broke off, as [`Events`] may.
    pub cut: bool,
    buffer: Incoming,
    rows: VecDeque<Row>,
}

/// What the live view shows.
#[derive(Debug, PartialEq, Eq)]
pub enum Row {
    Message {
        offset: u64,
        text: String,
    },
    /// The last message that is missing, where the sentence names one.
    Missed {
        last: Option<u64>,
    },
    Ended {
        pause: u64,
        after: Position,
    },
}

impl Live {
    pub async fn open(server: &TestServer, path: &str) -> Self {
        Self::of(server.get(path).await)
    }

    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        Self { response, cut: false, buffer: Incoming::default(), rows: VecDeque::new() }
    }

    /// The next row, or nothing when the document has ended.
    pub async fn next(&mut self) -> Option<Row> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Some(row);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("nothing came");
            self.cut = chunk.is_err();
            let Some(chunk) = chunk.ok().flatten() else {
                // The end of HTTP/1.0 looks the same when it is not one.
                self.cut |= self.buffer.text.contains("<li ");
                return None;
            };
            self.buffer.add(&chunk);
            while let Some(row) = self.buffer.take_until("</li>") {
                let row = row.split_once("<li ").expect("a row").1;
                if row.contains("class=\"beat\"") {
                    continue;
                }
                // The way on stands behind the last row.
                self.rows.push_back(if row.contains("class=\"ended\"") { ended(&self.buffer.text) } else { message(row) });
            }
        }
    }
}

fn message(row: &str) -> Row {
    if row.starts_with("class=\"missed\"") {
        let mut numbers = row.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
        return Row::Missed { last: numbers.next_back() };
    }
    let offset = row.split("data-offset=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    let body = row.split("<div class=\"text").nth(1).unwrap().split_once('>').unwrap().1;
    let text = body.strip_suffix("</div></li>").unwrap();
    assert!(!text.contains(['<', '>', '"', '\'']), "{text}");
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    Row::Message { offset, text }
}

fn ended(rest: &str) -> Row {
    let refresh = rest.split("content=\"").nth(1).expect("a way on").split('"').next().unwrap();
    let (pause, address) = refresh.split_once(";url=").unwrap();
    let after = address.split("after=").nth(1).unwrap().split('&').next().unwrap();
    Row::Ended { pause: pause.parse().unwrap(), after: after.parse().unwrap() }
}
