//! The simulated server, and the faults between it and the client.

use super::log::Verdict;
use super::*;

/// What is wrong with a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Every attempt is refused.
    Refused,
    /// Every channel is closed after so many milliseconds.
    Cut(u64),
    /// Nothing comes through. A WebSocket opens nevertheless.
    BlackHole,
    /// Everything from the client is lost.
    DropsUpstream,
    /// Everything from the server is held back until it closes.
    Buffered,
    /// Each event from the server is held back until the next one.
    OneBehind,
    /// Requests arrive, and their answers are lost.
    DropsAnswers,
}

/// A channel as the network and the server see it.
pub(super) struct Connection {
    pub(super) transport: Transport,
    fault: Fault,
    /// The position up to which the server has sent entries.
    cursor: Option<Position>,
    held: Vec<Event>,
    /// True if a comment is planned.
    comment_is_due: bool,
    /// The number of the unanswered request.
    request: Option<u64>,
    /// True if the server waits with its answer.
    waits: bool,
    after: Option<Position>,
}

/// Something that happens at a planned time.
pub(super) enum Step {
    /// An event of a stream arrives at the client.
    ToClient { channel: u32, event: Event },
    /// The server accepts a stream.
    Accept { channel: u32 },
    /// The server sends a heartbeat.
    Heartbeat { channel: u32, again: bool },
    /// A frame arrives at the server.
    ToServer { channel: u32, frame: ClientFrame },
    /// A request arrives at the server.
    Request { channel: u32, request: u64, wait: u64 },
    /// The wait of a request is over.
    WaitOver { channel: u32, request: u64 },
    /// The answer to a request arrives at the client.
    Page { channel: u32, request: u64, result: Result<MessagesPage, Option<Problem>> },
    /// The network closes a channel.
    Cut { channel: u32, request: Option<u64> },
    /// A post arrives at the server.
    Post { r#ref: u64, message: PublishRequest, fault: Fault },
    /// The answer to a post arrives at the client.
    Posted { r#ref: u64, result: Result<Published, Option<Problem>> },
}

impl Simulation {
    pub(super) fn run(&mut self, step: Step) {
        match step {
            Step::ToClient { channel, event } => {
                if self.connections.contains_key(&channel) {
                    if let Event::Closed { .. } = event {
                        self.connections.remove(&channel);
                    }
                    self.event(event);
                }
            }
            Step::Accept { channel } => self.accept(channel),
            Step::Heartbeat { channel, again } => self.heartbeat(channel, again),
            Step::ToServer { channel, frame } => {
                let answer = self.answer(frame);
                self.send_to_client(channel, Event::Received { channel, frame: Some(answer) });
            }
            Step::Request { channel, request, wait } => self.request_arrived(channel, request, wait),
            Step::WaitOver { channel, request } => {
                if self.connections.get(&channel).is_some_and(|connection| connection.request == Some(request) && connection.waits) {
                    self.send_page(channel);
                }
            }
            Step::Page { channel, request, result } => {
                if let Some(connection) = self.connections.get_mut(&channel).filter(|connection| connection.request == Some(request)) {
                    connection.request = None;
                    self.event(Event::Page { channel, result });
                }
            }
            Step::Cut { channel, request } => self.cut(channel, request),
            Step::Post { r#ref, message, fault } => {
                let result = self.publish_at_server(message).map_err(|problem| Some(*problem));
                if fault == Fault::None {
                    self.plan(self.latency, Step::Posted { r#ref, result });
                }
            }
            Step::Posted { r#ref, result } => {
                if r#ref == self.post {
                    self.event(Event::Posted { r#ref, result });
                }
            }
        }
    }

    pub(super) fn open(&mut self, channel: u32, transport: Transport, after: Option<Position>) {
        let fault = self.faults[transport as usize];
        self.connections.insert(
            channel,
            Connection { transport, fault, cursor: None, held: Vec::new(), comment_is_due: false, request: None, waits: false, after },
        );
        match fault {
            Fault::Refused => self.plan(self.latency * 2, Step::ToClient { channel, event: closed(channel, 1006, "") }),
            Fault::BlackHole => self.plan(self.latency * 2, Step::ToClient { channel, event: Event::Opened { channel } }),
            _ => self.plan(self.latency * 3, Step::Accept { channel }),
        }
        if let Fault::Cut(after) = fault {
            self.plan(self.latency * 4 + after, Step::Cut { channel, request: None });
        }
    }

    fn accept(&mut self, channel: u32) {
        let Some(connection) = self.connections.get(&channel) else { return };
        let (position, gap) = self.log.resume(connection.after);
        let sse = connection.transport == Transport::Sse;
        let hello = Hello { recovered: gap.is_none(), gap: gap.clone(), ..hello(position, self.log.latest()) };
        self.plan(self.latency, Step::ToClient { channel, event: Event::Opened { channel } });
        self.send_to_client(channel, Event::Received { channel, frame: Some(ServerFrame::Hello(hello)) });
        if let Some(gap) = gap.filter(|_| sse) {
            self.send_to_client(channel, Event::Received { channel, frame: Some(ServerFrame::Gap(gap)) });
        }
        if let Some(connection) = self.connections.get_mut(&channel) {
            connection.cursor = Some(position);
        }
        self.deliver(channel);
        self.plan_comment(channel);
        self.plan(HEARTBEAT_MS, Step::Heartbeat { channel, again: true });
    }

    fn heartbeat(&mut self, channel: u32, again: bool) {
        let Some(connection) = self.connections.get_mut(&channel) else { return };
        connection.comment_is_due &= again;
        let event = match connection.transport {
            Transport::Sse => Event::Comment { channel },
            _ => Event::Received { channel, frame: Some(ServerFrame::Heartbeat) },
        };
        self.send_to_client(channel, event);
        if again {
            self.plan(HEARTBEAT_MS, Step::Heartbeat { channel, again });
        }
    }

    /// Sends the new entries on a stream.
    fn deliver(&mut self, channel: u32) {
        while let Some(Connection { cursor: Some(cursor), .. }) = self.connections.get_mut(&channel)
            && cursor.epoch == Epoch(self.log.epoch)
            && let Some(entry) = self.log.entries.get(usize::try_from(cursor.offset).unwrap()).cloned()
        {
            cursor.offset = entry.offset;
            let frame = if entry.kind.is_message() { ServerFrame::Message(entry) } else { ServerFrame::Change(entry) };
            self.send_to_client(channel, Event::Received { channel, frame: Some(frame) });
            self.plan_comment(channel);
        }
    }

    /// Plans a comment for a second later, unless one is planned.
    fn plan_comment(&mut self, channel: u32) {
        if let Some(connection) =
            self.connections.get_mut(&channel).filter(|connection| connection.transport == Transport::Sse && !connection.comment_is_due)
        {
            connection.comment_is_due = true;
            self.plan(1_000, Step::Heartbeat { channel, again: false });
        }
    }

    /// Sends an event to the client, as far as the fault allows.
    fn send_to_client(&mut self, channel: u32, event: Event) {
        let Some(connection) = self.connections.get_mut(&channel) else { return };
        let event = match connection.fault {
            Fault::BlackHole => return,
            Fault::Buffered => return connection.held.push(event),
            Fault::OneBehind => {
                connection.held.push(event);
                if connection.held.len() < 2 {
                    return;
                }
                connection.held.remove(0)
            }
            _ => event,
        };
        self.plan(self.latency, Step::ToClient { channel, event });
    }

    fn cut(&mut self, channel: u32, request: Option<u64>) {
        let Some(connection) = self.connections.get_mut(&channel) else { return };
        match request {
            None => {
                for event in std::mem::take(&mut connection.held) {
                    self.plan(0, Step::ToClient { channel, event });
                }
                self.plan(0, Step::ToClient { channel, event: closed(channel, 1006, "") });
            }
            Some(request) => self.plan(0, Step::Page { channel, request, result: Err(None) }),
        }
    }

    /// Lets the server close every channel.
    pub(super) fn end_all(&mut self) {
        let channels: Vec<(u32, Transport)> =
            self.connections.iter().map(|(channel, connection)| (*channel, connection.transport)).collect();
        for (channel, transport) in channels {
            let step = match transport {
                Transport::WebSocket => Step::ToClient { channel, event: closed(channel, 1012, "spread=2000") },
                Transport::Sse => Step::ToClient { channel, event: closed(channel, 1006, "") },
                _ => Step::Cut { channel, request: self.connections[&channel].request },
            };
            self.plan(self.latency, step);
        }
    }

    pub(super) fn send(&mut self, channel: u32, text: &str) {
        let frame = ClientFrame::parse(text).unwrap();
        let fault = self.connections[&channel].fault;
        let store_time = if let ClientFrame::Publish { .. } = frame { self.store_time } else { 0 };
        if !matches!(fault, Fault::BlackHole | Fault::DropsUpstream) {
            self.plan(self.latency + store_time, Step::ToServer { channel, frame });
        }
    }

    fn answer(&mut self, frame: ClientFrame) -> ServerFrame {
        match frame {
            ClientFrame::Ping { r#ref } => ServerFrame::Pong { r#ref },
            ClientFrame::Publish { r#ref, message } => match self.publish_at_server(message) {
                Ok(published) => ServerFrame::Published { r#ref, published },
                Err(problem) => {
                    let Problem { code, title, retry_after, .. } = *problem;
                    ServerFrame::Error { r#ref: Some(r#ref), code, detail: title, retry_after }
                }
            },
        }
    }

    /// Stores a message or change, or now and then refuses it for a time.
    fn publish_at_server(&mut self, message: PublishRequest) -> Result<Published, Box<Problem>> {
        let is_busy = self.rng.u32(0..10) == 0;
        let (offset, duplicate) = match self.log.judge(message, is_busy) {
            Verdict::Stored { offset, duplicate } => (offset, duplicate),
            Verdict::Store(entry) => (self.store(*entry), false),
            Verdict::Refused(code) => {
                let longest = if code == ErrorCode::Queued { 60_000 } else { 2_000 };
                let retry_after = (code.is_temporary() && self.rng.bool()).then(|| self.rng.u64(0..longest));
                return Err(Box::new(Problem { retry_after, ..code.into() }));
            }
        };
        Ok(Published { position: at(self.log.epoch, offset), duplicate, reached: 1 })
    }

    /// Stores an entry and sends it to every channel.
    pub(super) fn store(&mut self, entry: Entry) -> u64 {
        let offset = self.log.append(entry, self.now);
        for channel in self.connections.keys().copied().collect::<Vec<_>>() {
            self.deliver(channel);
            if self.connections[&channel].waits {
                self.send_page(channel);
            }
        }
        offset
    }

    pub(super) fn fetch(&mut self, channel: u32, after: Option<Position>, wait_seconds: u64) {
        let transport = if wait_seconds > 0 { Transport::LongPoll } else { Transport::Poll };
        let fault = self.faults[transport as usize];
        self.sequence += 1;
        let request = self.sequence;
        self.connections.insert(
            channel,
            Connection {
                transport,
                fault,
                cursor: None,
                held: Vec::new(),
                comment_is_due: false,
                request: Some(request),
                waits: false,
                after,
            },
        );
        match fault {
            Fault::Refused => self.plan(self.latency * 2, Step::Page { channel, request, result: Err(None) }),
            Fault::BlackHole | Fault::DropsUpstream => {}
            _ => self.plan(self.latency * 3, Step::Request { channel, request, wait: wait_seconds * 1_000 }),
        }
        if let Fault::Cut(after) = fault {
            self.plan(self.latency * 4 + after, Step::Cut { channel, request: Some(request) });
        }
    }

    fn request_arrived(&mut self, channel: u32, request: u64, wait: u64) {
        let latest = at(self.log.epoch, self.log.latest());
        let Some(connection) = self.connections.get_mut(&channel).filter(|connection| connection.request == Some(request)) else { return };
        if wait > 0 && connection.after == Some(latest) {
            connection.waits = true;
            self.plan(wait, Step::WaitOver { channel, request });
        } else {
            self.send_page(channel);
        }
    }

    fn send_page(&mut self, channel: u32) {
        let Some(connection) = self.connections.get_mut(&channel) else { return };
        let Some(request) = connection.request else { return };
        connection.waits = false;
        let result = if connection.fault == Fault::DropsAnswers {
            Err(None)
        } else {
            self.log.page(connection.after).map_err(|problem| Some(*problem))
        };
        self.plan(self.latency, Step::Page { channel, request, result });
    }

    pub(super) fn post(&mut self, r#ref: u64, message: PublishRequest) {
        self.post = r#ref;
        let fault = self.posts;
        match fault {
            Fault::Refused => self.plan(self.latency * 2, Step::Posted { r#ref, result: Err(None) }),
            Fault::BlackHole => {}
            _ => self.plan(self.latency * 3 + self.store_time, Step::Post { r#ref, message, fault }),
        }
    }
}

fn closed(channel: u32, code: u16, reason: &str) -> Event {
    Event::Closed { channel, code, reason: reason.to_owned() }
}

impl Connection {
    pub(super) fn black_hole(&mut self) {
        self.fault = Fault::BlackHole;
        self.cursor = None;
        self.request = None;
        self.waits = false;
    }

    pub(super) fn drop_upstream(&mut self) {
        self.fault = Fault::DropsUpstream;
    }
}
