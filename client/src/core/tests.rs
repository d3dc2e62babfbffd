//! A core without I/O: time is a number, and the test plays the server.

mod connection;
mod events;
mod transport_selection;

mod model;
mod network;

mod changes;
mod outbox;
mod pages;
mod waiting;

mod resume;

use protocol::{
    Author, ClientFrame, Emoji, Entry, Epoch, ErrorCode, Gap, GapReason, Hello, Kind, Limits, MessagesPage, Position, Problem, PublishKey,
    PublishRequest, Published, RoomName, ServerFrame, Tag, Text,
};

use super::*;

pub(super) const LIVE: ConnectionState = ConnectionState::Live { transport: Transport::WebSocket, follower: false };
pub(super) const HEARTBEAT: u64 = protocol::limits::HEARTBEAT_SECONDS;

pub(super) fn at(epoch: u64, offset: u64) -> Position {
    Position { epoch: Epoch(epoch), offset }
}

pub(super) fn key(name: &str) -> PublishKey {
    name.parse().unwrap()
}

pub(super) fn request(name: &str) -> PublishRequest {
    PublishRequest { text: Text::parse(name).unwrap(), author: Author::default(), key: Some(key(name)), ..Default::default() }
}

pub(super) fn entry(offset: u64) -> Entry {
    Entry { offset, time: 0, author: Author::default(), text: Text::parse("x").unwrap(), key: None, raw: None, ..Default::default() }
}

/// Returns the entry of a message that the client published.
pub(super) fn entry_of(offset: u64, name: &str) -> Entry {
    Entry { key: Some(key(name)), text: Text::parse(name).unwrap(), ..entry(offset) }
}

pub(super) fn hello(position: Position, latest: u64) -> Hello {
    Hello {
        room: RoomName::lobby(),
        position,
        latest,
        recovered: true,
        gap: None,
        online: 1,
        heartbeat_seconds: HEARTBEAT,
        limits: Limits::default(),
        version: "0".to_owned(),
        you: None,
    }
}

/// A core and its clock. It uses only a WebSocket unless a test says otherwise.
pub(super) struct Harness {
    pub(super) core: Core,
    pub(super) now: u64,
    /// The number of the channel that was opened last.
    pub(super) channel: u32,
    /// The number of the ping that was sent last.
    pub(super) ping: u64,
}

impl Harness {
    pub(super) fn new(after: Option<Position>) -> Self {
        Self::with(Options { after, seed: 1, only: Some(Transport::WebSocket), ..Options::default() })
    }

    pub(super) fn with(options: Options) -> Self {
        Self { core: Core::new(options), now: 1_000_000, channel: 0, ping: 0 }
    }

    /// Creates a core that is live at offset 0 of log 1.
    pub(super) fn live() -> Self {
        let mut harness = Self::new(None);
        harness.event(Event::Start);
        harness.greet(hello(at(1, 0), 0));
        assert_eq!(harness.core.connection(), LIVE);
        harness
    }

    pub(super) fn event(&mut self, event: Event) -> Vec<Action> {
        let actions = self.core.handle(event, self.now);
        for action in &actions {
            if let Action::Open { channel, .. } | Action::Fetch { channel, .. } = action {
                self.channel = *channel;
            }
        }
        for frame in frames(&actions) {
            if let ClientFrame::Ping { r#ref } = frame {
                self.ping = r#ref;
            }
        }
        actions
    }

    pub(super) fn after(&mut self, milliseconds: u64, event: Event) -> Vec<Action> {
        self.now += milliseconds;
        self.event(event)
    }

    pub(super) fn receive(&mut self, frame: &ServerFrame) -> Vec<Action> {
        self.event(Event::Received { channel: self.channel, frame: Some(frame.clone()) })
    }

    /// Starts a session and proves the channel.
    pub(super) fn greet(&mut self, hello: Hello) -> Vec<Action> {
        let mut actions = self.event(Event::Opened { channel: self.channel });
        actions.extend(self.receive(&ServerFrame::Hello(hello)));
        // The second pong comes alone, which shows that nothing is buffered.
        actions.extend(self.pong());
        actions.extend(self.pong());
        actions
    }

    /// Answers the last ping.
    pub(super) fn pong(&mut self) -> Vec<Action> {
        self.receive(&ServerFrame::Pong { r#ref: self.ping })
    }

    pub(super) fn close(&mut self, code: u16, reason: &str) -> Vec<Action> {
        self.event(Event::Closed { channel: self.channel, code, reason: reason.to_owned() })
    }

    pub(super) fn page(&mut self, result: Result<MessagesPage, Option<Problem>>) -> Vec<Action> {
        self.event(Event::Page { channel: self.channel, result })
    }

    pub(super) fn publish(&mut self, name: &str) -> Vec<Action> {
        self.event(Event::Publish(request(name)))
    }

    /// Advances the clock to the deadline.
    pub(super) fn tick(&mut self) -> Vec<Action> {
        self.now = self.now.max(self.core.deadline().unwrap());
        self.event(Event::Tick)
    }

    /// Ends the connection, and starts a session with this hello.
    pub(super) fn reconnect(&mut self, hello: Hello) -> Vec<Action> {
        self.close(1006, "");
        assert!(connects(&self.tick()));
        self.greet(hello)
    }

    pub(super) fn refuse(&mut self, r#ref: u64, code: ErrorCode, retry_after: Option<u64>) -> Vec<Action> {
        self.receive(&ServerFrame::Error { r#ref: Some(r#ref), code, detail: "No.".to_owned(), retry_after })
    }

    pub(super) fn published(&mut self, r#ref: u64, offset: u64) -> Vec<Action> {
        let published = Published { position: at(1, offset), duplicate: false, reached: 1 };
        self.receive(&ServerFrame::Published { r#ref, published })
    }

    pub(super) fn outbox(&self) -> Vec<&str> {
        self.core.outbox().pending().iter().map(|pending| pending.message.text.as_str()).collect()
    }
}

pub(super) fn connects(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Open { .. }))
}

pub(super) fn updates(actions: &[Action]) -> Vec<Update> {
    actions.iter().filter_map(|action| if let Action::Update(update) = action { Some(update.clone()) } else { None }).collect()
}

fn frames(actions: &[Action]) -> impl Iterator<Item = ClientFrame> {
    actions.iter().filter_map(|action| if let Action::Send { text, .. } = action { ClientFrame::parse(text).ok() } else { None })
}

/// Returns the refs and texts of the messages that were sent.
pub(super) fn sent(actions: &[Action]) -> Vec<(u64, String)> {
    frames(actions)
        .filter_map(|frame| match frame {
            ClientFrame::Publish { r#ref, message } => Some((r#ref, message.text.into())),
            ClientFrame::Ping { .. } => None,
        })
        .collect()
}

pub(super) fn texts(actions: &[Action]) -> Vec<String> {
    sent(actions).into_iter().map(|(_, text)| text).collect()
}

pub(super) fn pings(actions: &[Action]) -> bool {
    frames(actions).any(|frame| matches!(frame, ClientFrame::Ping { .. }))
}

pub(super) fn offsets(actions: &[Action]) -> Vec<u64> {
    updates(actions).into_iter().filter_map(|update| if let Update::Entry(entry) = update { Some(entry.offset) } else { None }).collect()
}

pub(super) fn gaps(actions: &[Action]) -> Vec<GapReason> {
    updates(actions).into_iter().filter_map(|update| if let Update::Gap(gap) = update { Some(gap.reason) } else { None }).collect()
}

/// Returns a page of log 1 that ends at the newest entry.
pub(super) fn page(offsets: &[u64], position: u64) -> MessagesPage {
    let entries = offsets.iter().map(|offset| entry(*offset)).collect();
    MessagesPage {
        room: RoomName::lobby(),
        entries,
        position: at(1, position),
        before: None,
        latest: at(1, position),
        online: 0,
        you: None,
    }
}

pub(super) fn gap(reason: GapReason, resumes: Position) -> Gap {
    Gap { reason, first: resumes, resumes }
}

pub(super) fn closes(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Close { .. }))
}
