//! A reader that folds what it receives.

use std::collections::BTreeMap;

use protocol::{Entry, MessagesPage, Position, ServerFrame, Tag};

use super::{IDENTITIES, ROOM};
use crate::readers::{Block, EventStream};
use crate::support::{Received, Socket, TestServer};

/// A reader that folds what it receives.
pub struct Reader {
    identity: usize,
    you: Option<Tag>,
    position: Position,
    pub messages: BTreeMap<u64, Entry>,
    connection: Connection,
    /// What it got after its first page.
    pub received: String,
}

enum Connection {
    /// It asks for pages.
    Poll,
    WebSocket(Box<Socket>),
    EventStream(Box<EventStream>),
}

impl Reader {
    pub async fn start(server: &TestServer, identity: usize) -> Self {
        let page = page(server, identity, "?limit=200").await;
        let messages = page.entries.into_iter().map(|entry| (entry.offset, entry)).collect();
        Self { identity, you: page.you, position: page.position, messages, connection: Connection::Poll, received: String::new() }
    }

    /// Drops the connection, with all that it has not read, and opens another one.
    pub async fn switch(&mut self, server: &TestServer, transport: u32) {
        let (identity, after) = (IDENTITIES[self.identity], self.position);
        self.connection = match transport {
            0 => Connection::Poll,
            1 => {
                let url = server.socket_url(&format!("/ws/{ROOM}?after={after}"));
                Connection::WebSocket(Box::new(Socket::try_open(&url, &[("crier-identity", identity)]).await.unwrap()))
            }
            _ => {
                let request = server.http.get(server.url(&format!("/api/rooms/{ROOM}/events?after={after}")));
                let response = request.header("crier-identity", identity).send().await.unwrap();
                Connection::EventStream(Box::new(EventStream::of(response)))
            }
        };
    }

    pub async fn read_until(&mut self, server: &TestServer, offset: u64) {
        while self.position.offset < offset {
            let frame = match &mut self.connection {
                Connection::Poll => {
                    let page = page(server, self.identity, &format!("?after={}&wait=5", self.position)).await;
                    self.received += &serde_json::to_string(&page).unwrap();
                    page.entries.into_iter().for_each(|entry| self.take(entry));
                    assert_eq!(page.position, self.position);
                    continue;
                }
                Connection::WebSocket(socket) => match socket.receive().await {
                    Received::Text(json) => Some(json),
                    Received::Closed { .. } | Received::Disconnected => None,
                },
                Connection::EventStream(events) => match events.next().await {
                    Some(Block::Event(event)) => Some(event.data),
                    Some(Block::Comment) => continue,
                    None => None,
                },
            };
            let Some(frame) = frame else {
                self.connection = Connection::Poll;
                continue;
            };
            self.received += &frame;
            match serde_json::from_str(&frame).unwrap() {
                ServerFrame::Message(entry) | ServerFrame::Change(entry) => self.take(entry),
                ServerFrame::Hello(hello) => assert_eq!((hello.position, hello.you), (self.position, self.you)),
                ServerFrame::Presence { .. } | ServerFrame::Heartbeat => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn take(&mut self, entry: Entry) {
        assert_eq!(entry.offset, self.position.offset + 1, "an entry is missing, repeated or out of order");
        self.position.offset = entry.offset;
        if entry.kind.is_message() {
            self.messages.insert(entry.offset, entry);
        } else if let Some(message) = entry.of.and_then(|of| self.messages.get_mut(&of)) {
            message.fold(&entry, self.you);
        }
    }
}

/// Reads a page of the room's messages.
pub async fn page(server: &TestServer, identity: usize, query: &str) -> MessagesPage {
    let request = server.http.get(server.url(&format!("/api/rooms/{ROOM}/messages{query}")));
    request.header("crier-identity", IDENTITIES[identity]).send().await.unwrap().json().await.unwrap()
}
