//! A core against a model of a server over an unreliable WebSocket: closed connections, silence,
//! late frames, lost answers, temporary refusals, and catch-up that repeats entries. In the end
//! every message is stored once and in order, and the reader has received each entry once and in
//! order.

use std::collections::{HashSet, VecDeque};

use super::*;

const MINE: usize = 40;
const STEPS: usize = 3_000;

struct Simulation {
    seed: u64,
    rng: Rng,
    now: u64,
    core: Core,
    /// The log: the entry at index 0 has offset 1.
    log: Vec<Entry>,
    refused: HashSet<PublishKey>,
    connection: Option<Connection>,
    /// Frames that still arrive at the server from closed connections.
    late: Vec<VecDeque<String>>,
    published: Vec<PublishKey>,
    received: Vec<Entry>,
    seen_keys: HashSet<PublishKey>,
    is_calm: bool,
}

struct Connection {
    channel: u32,
    up: VecDeque<String>,
    down: VecDeque<String>,
    delivered: usize,
    /// True if nothing comes through any more, without a close.
    dead: bool,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.seed);
        }
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let core = Core::new(Options { after: Some(at(1, 0)), seed, only: Some(Transport::WebSocket), ..Options::default() });
        Self {
            seed,
            rng: Rng::with_seed(seed),
            now: 0,
            core,
            log: Vec::new(),
            refused: HashSet::new(),
            connection: None,
            late: Vec::new(),
            published: Vec::new(),
            received: Vec::new(),
            seen_keys: HashSet::new(),
            is_calm: false,
        }
    }

    /// Returns true once in so many times, but never while `is_calm`.
    fn fault(&mut self, times: u32) -> bool {
        !self.is_calm && self.rng.u32(0..times) == 0
    }

    fn event(&mut self, event: Event) {
        let actions = self.core.handle(event, self.now);
        for action in actions {
            match action {
                Action::Open { channel, after, .. } => self.connect(channel, after),
                Action::Send { text, .. } => {
                    if let Some(connection) = &mut self.connection {
                        connection.up.push_back(text);
                    }
                }
                Action::Close { .. } => self.cut(),
                Action::Fetch { .. } | Action::Post { .. } => panic!("{action:?} on a WebSocket"),
                Action::Update(Update::Entry(entry)) => {
                    self.seen_keys.extend(entry.key.clone());
                    self.received.push(entry);
                }
                Action::Update(Update::Gap(gap)) => panic!("unexpected gap: {gap:?}"),
                Action::Update(_) => {}
            }
        }
    }

    fn connect(&mut self, channel: u32, after: Option<Position>) {
        assert!(self.connection.is_none(), "a second WebSocket");
        if self.fault(3) {
            self.event(Event::Closed { channel, code: 1006, reason: String::new() });
            return;
        }
        let asked = after.map_or(0, |position| position.offset);
        let start = if self.fault(3) { asked.saturating_sub(self.rng.u64(0..4)) } else { asked };
        let hello = Hello { recovered: start == asked, ..hello(at(1, start), self.log.len() as u64) };
        let down = VecDeque::from([ServerFrame::Hello(hello).to_json()]);
        self.connection =
            Some(Connection { channel, up: VecDeque::new(), down, delivered: usize::try_from(start).unwrap(), dead: self.fault(10) });
        self.event(Event::Opened { channel });
    }

    fn cut(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Some of the frames that were sent may still arrive.
            let keep = self.rng.usize(0..=connection.up.len());
            self.late.push(connection.up.into_iter().take(keep).collect());
        }
    }

    fn drop_connection(&mut self) {
        if let Some(Connection { channel, .. }) = self.connection {
            self.cut();
            let (code, reason) = *self.rng.choice(&[(1006, ""), (1012, "spread=3000"), (4000, "slow consumer")]).unwrap();
            self.event(Event::Closed { channel, code, reason: reason.to_owned() });
        }
    }

    fn serve(&mut self, text: &str) -> ServerFrame {
        let (r#ref, message) = match ClientFrame::parse(text).unwrap() {
            ClientFrame::Ping { r#ref } => return ServerFrame::Pong { r#ref },
            ClientFrame::Publish { r#ref, message } => (r#ref, message),
        };
        let key = message.key.clone().unwrap();
        let known = self.log.iter().find(|entry| entry.key.as_ref() == Some(&key)).map(|entry| entry.offset);
        if known.is_none() && self.fault(6) {
            self.refused.insert(key);
            let retry_after = self.rng.bool().then(|| self.rng.u64(0..2_000));
            return ServerFrame::Error { r#ref: Some(r#ref), code: ErrorCode::Overloaded, detail: String::new(), retry_after };
        }
        let offset = known.unwrap_or_else(|| self.store(Some(key), message.text));
        ServerFrame::Published { r#ref, published: Published { position: at(1, offset), duplicate: known.is_some(), reached: 1 } }
    }

    fn store(&mut self, key: Option<PublishKey>, text: Text) -> u64 {
        let offset = self.log.len() as u64 + 1;
        self.log.push(Entry { key, text, ..entry(offset) });
        offset
    }

    fn deliver_to_server(&mut self) {
        if self.connection.as_ref().is_none_or(|connection| connection.dead) {
            return;
        }
        let Some(text) = self.connection.as_mut().and_then(|connection| connection.up.pop_front()) else { return };
        let answer = self.serve(&text).to_json();
        // An answer may be lost while the connection stays open.
        if !self.fault(40)
            && let Some(connection) = &mut self.connection
        {
            connection.down.push_back(answer);
        }
    }

    fn deliver_late(&mut self) {
        if let Some(text) = self.late.first_mut().and_then(VecDeque::pop_front) {
            self.serve(&text);
        }
        self.late.retain(|frames| !frames.is_empty());
    }

    fn deliver_to_client(&mut self) {
        let Some(connection) = self.connection.as_mut().filter(|connection| !connection.dead) else { return };
        if connection.delivered < self.log.len() {
            connection.down.push_back(ServerFrame::Message(self.log[connection.delivered].clone()).to_json());
            connection.delivered += 1;
        }
        if let Some(text) = connection.down.pop_front() {
            let channel = connection.channel;
            self.event(Event::Received { channel, frame: ServerFrame::read(text.as_str()) });
        }
    }

    fn publish(&mut self) {
        if self.published.len() < MINE && self.core.outbox().free_slots() > 0 {
            let message = request(&format!("mine-{}", self.published.len()));
            self.published.extend(message.key.clone());
            self.event(Event::Publish(message));
        }
    }

    fn pass_time(&mut self) {
        self.now += self.rng.u64(0..200);
        if self.rng.u32(0..20) == 0 {
            self.now = self.now.max(self.core.deadline().unwrap_or(0));
        }
        if self.rng.u32(0..8) == 0
            && let Some(connection) = self.connection.as_mut().filter(|connection| !connection.dead)
        {
            connection.down.push_back(ServerFrame::Heartbeat.to_json());
        }
        self.event(Event::Tick);
    }

    fn step(&mut self) {
        match self.rng.u32(0..100) {
            0..4 => self.publish(),
            4..8 => {
                self.store(None, Text::parse("theirs").unwrap());
            }
            8..35 => self.deliver_to_server(),
            35..70 => self.deliver_to_client(),
            70..75 => self.deliver_late(),
            75 => self.event(Event::RetryNow),
            76 if !self.is_calm => self.event(Event::Offline),
            77 if self.fault(2) => self.drop_connection(),
            78 if self.fault(4) => {
                if let Some(connection) = &mut self.connection {
                    connection.dead = true;
                }
            }
            _ => self.pass_time(),
        }
        self.check_nothing_disappeared();
    }

    /// At any time a published message is visible: in the outbox, or as an entry.
    fn check_nothing_disappeared(&self) {
        let pending: HashSet<&PublishKey> =
            self.core.outbox().pending().iter().filter_map(|pending| pending.message.key.as_ref()).collect();
        for key in &self.published {
            assert!(pending.contains(key) != self.seen_keys.contains(key), "{key} is shown twice or not at all");
        }
    }

    fn is_done(&self) -> bool {
        self.published.len() == MINE
            && self.core.outbox().pending().is_empty()
            && self.received.len() == self.log.len()
            && self.late.is_empty()
    }

    fn check_the_log(&self) {
        let mut places: Vec<(&PublishKey, u64)> = Vec::new();
        for key in &self.published {
            let found: Vec<u64> = self.log.iter().filter(|entry| entry.key.as_ref() == Some(key)).map(|entry| entry.offset).collect();
            assert_eq!(found.len(), 1, "{key} is stored at {found:?}");
            // Only a message that was refused may be overtaken.
            for (earlier, place) in places.iter().filter(|(earlier, _)| !self.refused.contains(*earlier)) {
                assert!(*place < found[0], "{key} came before {earlier}");
            }
            places.push((key, found[0]));
        }
        assert_eq!(self.received, self.log);
    }
}

#[test]
fn stores_each_message_once_and_receives_each_entry_once() {
    for seed in 0..100 {
        let mut simulation = Simulation::new(seed);
        simulation.event(Event::Start);
        for _ in 0..STEPS {
            simulation.step();
        }
        simulation.is_calm = true;
        simulation.event(Event::RetryNow);
        let mut left = 100_000;
        while !simulation.is_done() {
            simulation.step();
            left -= 1;
            assert!(left > 0, "the simulation does not end");
        }
        simulation.check_the_log();
    }
}
