//! The server at the other end, and what may stand between.

use super::*;

/// What stands between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// Whatever is asked is refused.
    Refused,
    /// What is opened is closed, so many milliseconds later.
    Cut(u64),
    /// Nothing comes through, and nobody says so. A socket opens nevertheless.
    BlackHole,
    /// What the client says is lost.
    Deaf,
    /// What the server says is kept until it closes.
    Buffered,
    /// Each thing that the server says is kept until the next.
    HeldByOne,
    /// Requests are carried out, and their answers lost.
    Lossy,
}

/// A channel, as the network and the server have it.
pub(super) struct Wire {
    pub(super) transport: Transport,
    fault: Fault,
    /// What the server's subscription has sent.
    cursor: Option<Position>,
    held: Vec<Event>,
    /// Whether a comment is to follow.
    signs: bool,
    /// The number of the request that is out.
    request: Option<u64>,
    /// Whether the server waits with its answer.
    waits: bool,
    after: Option<Position>,
}

/// Something that will happen.
pub(super) enum Item {
    /// The client hears something of a stream.
    Down { channel: u32, event: Event },
    /// The server accepts a stream.
    Accept { channel: u32 },
    /// It lets a stream hear from it.
    Beat { channel: u32, again: bool },
    /// It hears a frame.
    Up { channel: u32, frame: ClientFrame },
    /// It hears a request.
    Asked { channel: u32, request: u64, wait: u64 },
    /// It has waited long enough with the answer.
    Waited { channel: u32, request: u64 },
    /// The client hears the answer.
    Page { channel: u32, request: u64, result: Result<MessagesPage, Option<Problem>> },
    /// Something in between closes.
    Cut { channel: u32, request: Option<u64> },
    /// It hears a post.
    Post { r#ref: u64, message: PublishRequest, fault: Fault },
    /// The client hears what became of a post.
    Posted { r#ref: u64, result: Result<Published, Option<Problem>> },
}

impl World {
    pub(super) fn happen(&mut self, item: Item) {
        match item {
            Item::Down { channel, event } => {
                if self.wires.contains_key(&channel) {
                    if let Event::Closed { .. } = event {
                        self.wires.remove(&channel);
                    }
                    self.event(event);
                }
            }
            Item::Accept { channel } => self.accept(channel),
            Item::Beat { channel, again } => self.beat(channel, again),
            Item::Up { channel, frame } => {
                let answer = self.answer(frame);
                self.down(channel, Event::Received { channel, frame: Some(answer) });
            }
            Item::Asked { channel, request, wait } => self.asked(channel, request, wait),
            Item::Waited { channel, request } => {
                if self.wires.get(&channel).is_some_and(|wire| wire.request == Some(request) && wire.waits) {
                    self.hand_out_page(channel);
                }
            }
            Item::Page { channel, request, result } => {
                if let Some(wire) = self.wires.get_mut(&channel).filter(|wire| wire.request == Some(request)) {
                    wire.request = None;
                    self.event(Event::Page { channel, result });
                }
            }
            Item::Cut { channel, request } => self.cut(channel, request),
            Item::Post { r#ref, message, fault } => {
                let result = self.take(message).map_err(|problem| Some(*problem));
                if fault == Fault::None {
                    self.plan(self.latency, Item::Posted { r#ref, result });
                }
            }
            Item::Posted { r#ref, result } => {
                if r#ref == self.post {
                    self.event(Event::Posted { r#ref, result });
                }
            }
        }
    }

    pub(super) fn open(&mut self, channel: u32, transport: Transport, after: Option<Position>) {
        let fault = self.faults[transport as usize];
        self.wires
            .insert(channel, Wire { transport, fault, cursor: None, held: Vec::new(), signs: false, request: None, waits: false, after });
        match fault {
            Fault::Refused => self.plan(self.latency * 2, Item::Down { channel, event: closed(channel, 1006, "") }),
            Fault::BlackHole => self.plan(self.latency * 2, Item::Down { channel, event: Event::Opened { channel } }),
            _ => self.plan(self.latency * 3, Item::Accept { channel }),
        }
        if let Fault::Cut(after) = fault {
            self.plan(self.latency * 4 + after, Item::Cut { channel, request: None });
        }
    }

    fn accept(&mut self, channel: u32) {
        let Some(wire) = self.wires.get(&channel) else { return };
        let (position, gap) = self.log.resume(wire.after);
        let sse = wire.transport == Transport::Sse;
        let hello = Hello { recovered: gap.is_none(), gap: gap.clone(), ..hello(position, self.log.latest()) };
        self.plan(self.latency, Item::Down { channel, event: Event::Opened { channel } });
        self.down(channel, Event::Received { channel, frame: Some(ServerFrame::Hello(hello)) });
        if let Some(gap) = gap.filter(|_| sse) {
            self.down(channel, Event::Received { channel, frame: Some(ServerFrame::Gap(gap)) });
        }
        if let Some(wire) = self.wires.get_mut(&channel) {
            wire.cursor = Some(position);
        }
        self.deliver(channel);
        self.sign(channel);
        self.plan(BEAT_MS, Item::Beat { channel, again: true });
    }

    fn beat(&mut self, channel: u32, again: bool) {
        let Some(wire) = self.wires.get_mut(&channel) else { return };
        wire.signs &= again;
        let event = match wire.transport {
            Transport::Sse => Event::Comment { channel },
            _ => Event::Received { channel, frame: Some(ServerFrame::Heartbeat) },
        };
        self.down(channel, event);
        if again {
            self.plan(BEAT_MS, Item::Beat { channel, again });
        }
    }

    /// Sends a stream what it lacks.
    fn deliver(&mut self, channel: u32) {
        while let Some(Wire { cursor: Some(cursor), .. }) = self.wires.get_mut(&channel)
            && cursor.epoch == Epoch(self.log.epoch)
            && let Some(entry) = self.log.entries.get(usize::try_from(cursor.offset).unwrap()).cloned()
        {
            cursor.offset = entry.offset;
            self.down(channel, Event::Received { channel, frame: Some(ServerFrame::Message(entry)) });
            self.sign(channel);
        }
    }

    /// A second after the last thing that was said on an event stream, there follows a comment.
    fn sign(&mut self, channel: u32) {
        if let Some(wire) = self.wires.get_mut(&channel).filter(|wire| wire.transport == Transport::Sse && !wire.signs) {
            wire.signs = true;
            self.plan(1_000, Item::Beat { channel, again: false });
        }
    }

    /// The server says something, which comes as far as the fault lets it.
    fn down(&mut self, channel: u32, event: Event) {
        let Some(wire) = self.wires.get_mut(&channel) else { return };
        let event = match wire.fault {
            Fault::BlackHole => return,
            Fault::Buffered => return wire.held.push(event),
            Fault::HeldByOne => {
                wire.held.push(event);
                if wire.held.len() < 2 {
                    return;
                }
                wire.held.remove(0)
            }
            _ => event,
        };
        self.plan(self.latency, Item::Down { channel, event });
    }

    fn cut(&mut self, channel: u32, request: Option<u64>) {
        let Some(wire) = self.wires.get_mut(&channel) else { return };
        match request {
            None => {
                for event in std::mem::take(&mut wire.held) {
                    self.plan(0, Item::Down { channel, event });
                }
                self.plan(0, Item::Down { channel, event: closed(channel, 1006, "") });
            }
            Some(request) => self.plan(0, Item::Page { channel, request, result: Err(None) }),
        }
    }

    /// The server ends all that is open.
    pub(super) fn end_all(&mut self) {
        let channels: Vec<(u32, Transport)> = self.wires.iter().map(|(channel, wire)| (*channel, wire.transport)).collect();
        for (channel, transport) in channels {
            let item = match transport {
                Transport::WebSocket => Item::Down { channel, event: closed(channel, 1012, "spread=2000") },
                Transport::Sse => Item::Down { channel, event: closed(channel, 1006, "") },
                _ => Item::Cut { channel, request: self.wires[&channel].request },
            };
            self.plan(self.latency, item);
        }
    }

    pub(super) fn send(&mut self, channel: u32, text: &str) {
        let frame = ClientFrame::parse(text).unwrap();
        let fault = self.wires[&channel].fault;
        if !matches!(fault, Fault::BlackHole | Fault::Deaf) {
            self.plan(self.latency, Item::Up { channel, frame });
        }
    }

    fn answer(&mut self, frame: ClientFrame) -> ServerFrame {
        match frame {
            ClientFrame::Ping { r#ref } => ServerFrame::Pong { r#ref },
            ClientFrame::Publish { r#ref, message } => match self.take(message) {
                Ok(published) => ServerFrame::Published { r#ref, published },
                Err(problem) => {
                    let Problem { code, title, retry_after, .. } = *problem;
                    ServerFrame::Error { r#ref: Some(r#ref), code, detail: title, retry_after }
                }
            },
        }
    }

    /// A publish reaches the server, which has no time for one now and then.
    fn take(&mut self, message: PublishRequest) -> Result<Published, Box<Problem>> {
        let key = message.key.clone().unwrap();
        let known = self.log.entries.iter().find(|entry| entry.key.as_ref() == Some(&key)).map(|entry| entry.offset);
        if known.is_none() && self.rng.u32(0..10) == 0 {
            self.log.refused.insert(key);
            let retry_after = self.rng.bool().then(|| self.rng.u64(0..2_000));
            return Err(Box::new(Problem { retry_after, ..ErrorCode::Overloaded.into() }));
        }
        let offset = known.unwrap_or_else(|| self.store(Some(key), message.text));
        Ok(Published { position: at(self.log.epoch, offset), duplicate: known.is_some(), reached: 1 })
    }

    /// Something is new: whoever waits for it is told.
    pub(super) fn store(&mut self, key: Option<PublishKey>, text: Text) -> u64 {
        let offset = self.log.latest() + 1;
        self.log.entries.push(Entry { key, text, ..entry(offset) });
        self.log.times.push(self.now);
        for channel in self.wires.keys().copied().collect::<Vec<_>>() {
            self.deliver(channel);
            if self.wires[&channel].waits {
                self.hand_out_page(channel);
            }
        }
        offset
    }

    pub(super) fn fetch(&mut self, channel: u32, after: Option<Position>, wait_seconds: u64) {
        let transport = if wait_seconds > 0 { Transport::LongPoll } else { Transport::Poll };
        let fault = self.faults[transport as usize];
        self.asked += 1;
        let request = self.asked;
        self.wires.insert(
            channel,
            Wire { transport, fault, cursor: None, held: Vec::new(), signs: false, request: Some(request), waits: false, after },
        );
        match fault {
            Fault::Refused => self.plan(self.latency * 2, Item::Page { channel, request, result: Err(None) }),
            Fault::BlackHole | Fault::Deaf => {}
            _ => self.plan(self.latency * 3, Item::Asked { channel, request, wait: wait_seconds * 1_000 }),
        }
        if let Fault::Cut(after) = fault {
            self.plan(self.latency * 4 + after, Item::Cut { channel, request: Some(request) });
        }
    }

    fn asked(&mut self, channel: u32, request: u64, wait: u64) {
        let latest = at(self.log.epoch, self.log.latest());
        let Some(wire) = self.wires.get_mut(&channel).filter(|wire| wire.request == Some(request)) else { return };
        if wait > 0 && wire.after == Some(latest) {
            wire.waits = true;
            self.plan(wait, Item::Waited { channel, request });
        } else {
            self.hand_out_page(channel);
        }
    }

    fn hand_out_page(&mut self, channel: u32) {
        let Some(wire) = self.wires.get_mut(&channel) else { return };
        let Some(request) = wire.request else { return };
        wire.waits = false;
        let result = if wire.fault == Fault::Lossy { Err(None) } else { self.log.page(wire.after).map_err(|problem| Some(*problem)) };
        self.plan(self.latency, Item::Page { channel, request, result });
    }

    pub(super) fn post(&mut self, r#ref: u64, message: PublishRequest) {
        self.post = r#ref;
        let fault = self.posts;
        match fault {
            Fault::Refused => self.plan(self.latency * 2, Item::Posted { r#ref, result: Err(None) }),
            Fault::BlackHole => {}
            _ => self.plan(self.latency * 3, Item::Post { r#ref, message, fault }),
        }
    }
}

fn closed(channel: u32, code: u16, reason: &str) -> Event {
    Event::Closed { channel, code, reason: reason.to_owned() }
}

impl Wire {
    pub(super) fn swallow(&mut self) {
        self.fault = Fault::BlackHole;
        self.cursor = None;
        self.request = None;
        self.waits = false;
    }
}
