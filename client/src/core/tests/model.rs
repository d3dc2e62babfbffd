//! A core against a small server over a bad network: drops, silence, late frames, lost answers, temporary refusals, and
//! catch-up that repeats what was delivered. In the end every message is stored once and in order, and the reader saw
//! each entry once and in order.

use std::collections::{HashSet, VecDeque};

use super::*;

const MINE: usize = 40;
const STEPS: usize = 3_000;

struct World {
    seed: u64,
    rng: Rng,
    now: u64,
    core: Core,
    /// The log: the entry at index 0 has offset 1.
    log: Vec<Entry>,
    refused: HashSet<PublishKey>,
    wire: Option<Wire>,
    /// What is still on its way to the server on connections that broke.
    ghosts: Vec<VecDeque<String>>,
    published: Vec<PublishKey>,
    seen: Vec<Entry>,
    seen_keys: HashSet<PublishKey>,
    quiet: bool,
}

struct Wire {
    channel: u32,
    up: VecDeque<String>,
    down: VecDeque<String>,
    delivered: usize,
    /// Nothing comes through any more, and nobody says so.
    dead: bool,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.seed);
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let core = Core::new(Options { after: Some(at(1, 0)), seed, only: Some(Transport::WebSocket), ..Options::default() });
        Self {
            seed,
            rng: Rng::with_seed(seed),
            now: 0,
            core,
            log: Vec::new(),
            refused: HashSet::new(),
            wire: None,
            ghosts: Vec::new(),
            published: Vec::new(),
            seen: Vec::new(),
            seen_keys: HashSet::new(),
            quiet: false,
        }
    }

    /// True once in so many times, but not in the quiet at the end.
    fn fault(&mut self, times: u32) -> bool {
        !self.quiet && self.rng.u32(0..times) == 0
    }

    fn event(&mut self, event: Event) {
        let actions = self.core.handle(event, self.now);
        for action in actions {
            match action {
                Action::Open { channel, after, .. } => self.connect(channel, after),
                Action::Send { text, .. } => {
                    if let Some(wire) = &mut self.wire {
                        wire.up.push_back(text);
                    }
                }
                Action::Close { .. } => self.cut(),
                Action::Fetch { .. } | Action::Post { .. } => panic!("{action:?} on a WebSocket"),
                Action::Update(Update::Entry(entry)) => {
                    self.seen_keys.extend(entry.key.clone());
                    self.seen.push(entry);
                }
                Action::Update(Update::Gap(gap)) => panic!("nothing was lost, but the core says {gap:?}"),
                Action::Update(_) => {}
            }
        }
    }

    fn connect(&mut self, channel: u32, after: Option<Position>) {
        assert!(self.wire.is_none(), "a second socket");
        if self.fault(3) {
            self.event(Event::Closed { channel, code: 1006, reason: String::new() });
            return;
        }
        let asked = after.map_or(0, |position| position.offset);
        let start = if self.fault(3) { asked.saturating_sub(self.rng.u64(0..4)) } else { asked };
        let hello = Hello { recovered: start == asked, ..hello(at(1, start), self.log.len() as u64) };
        let down = VecDeque::from([ServerFrame::Hello(hello).to_json()]);
        self.wire = Some(Wire { channel, up: VecDeque::new(), down, delivered: usize::try_from(start).unwrap(), dead: self.fault(10) });
        self.event(Event::Opened { channel });
    }

    fn cut(&mut self) {
        if let Some(wire) = self.wire.take() {
            // A part of what was sent may have left for the server.
            let keep = self.rng.usize(0..=wire.up.len());
            self.ghosts.push(wire.up.into_iter().take(keep).collect());
        }
    }

    fn drop_connection(&mut self) {
        if let Some(Wire { channel, .. }) = self.wire {
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

    fn carry_up(&mut self) {
        if self.wire.as_ref().is_none_or(|wire| wire.dead) {
            return;
        }
        let Some(text) = self.wire.as_mut().and_then(|wire| wire.up.pop_front()) else { return };
        let answer = self.serve(&text).to_json();
        // An answer may be lost on a connection that goes on.
        if !self.fault(40)
            && let Some(wire) = &mut self.wire
        {
            wire.down.push_back(answer);
        }
    }

    fn carry_ghost(&mut self) {
        if let Some(text) = self.ghosts.first_mut().and_then(VecDeque::pop_front) {
            self.serve(&text);
        }
        self.ghosts.retain(|ghost| !ghost.is_empty());
    }

    fn carry_down(&mut self) {
        let Some(wire) = self.wire.as_mut().filter(|wire| !wire.dead) else { return };
        if wire.delivered < self.log.len() {
            wire.down.push_back(ServerFrame::Message(self.log[wire.delivered].clone()).to_json());
            wire.delivered += 1;
        }
        if let Some(text) = wire.down.pop_front() {
            let channel = wire.channel;
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
            && let Some(wire) = self.wire.as_mut().filter(|wire| !wire.dead)
        {
            wire.down.push_back(ServerFrame::Heartbeat.to_json());
        }
        self.event(Event::Tick);
    }

    fn step(&mut self) {
        match self.rng.u32(0..100) {
            0..4 => self.publish(),
            4..8 => {
                self.store(None, Text::parse("theirs").unwrap());
            }
            8..35 => self.carry_up(),
            35..70 => self.carry_down(),
            70..75 => self.carry_ghost(),
            75 => self.event(Event::RetryNow),
            76 if !self.quiet => self.event(Event::Offline),
            77 if self.fault(2) => self.drop_connection(),
            78 if self.fault(4) => {
                if let Some(wire) = &mut self.wire {
                    wire.dead = true;
                }
            }
            _ => self.pass_time(),
        }
        self.check_that_nothing_vanished();
    }

    /// What the person published is before them at any time: on its way, or as an entry.
    fn check_that_nothing_vanished(&self) {
        let pending: HashSet<&PublishKey> =
            self.core.outbox().pending().iter().filter_map(|pending| pending.message.key.as_ref()).collect();
        for key in &self.published {
            assert!(pending.contains(key) != self.seen_keys.contains(key), "{key} is shown twice or not at all");
        }
    }

    fn is_done(&self) -> bool {
        self.published.len() == MINE
            && self.core.outbox().pending().is_empty()
            && self.seen.len() == self.log.len()
            && self.ghosts.is_empty()
    }

    fn check_the_log(&self) {
        let mut places: Vec<(&PublishKey, u64)> = Vec::new();
        for key in &self.published {
            let found: Vec<u64> = self.log.iter().filter(|entry| entry.key.as_ref() == Some(key)).map(|entry| entry.offset).collect();
            assert_eq!(found.len(), 1, "{key} is stored at {found:?}");
            // A message may be overtaken only when it was refused.
            for (earlier, place) in places.iter().filter(|(earlier, _)| !self.refused.contains(*earlier)) {
                assert!(*place < found[0], "{key} came before {earlier}");
            }
            places.push((key, found[0]));
        }
        assert_eq!(self.seen, self.log);
    }
}

#[test]
fn every_message_is_stored_once_and_every_entry_is_seen_once() {
    for seed in 0..100 {
        let mut world = World::new(seed);
        world.event(Event::Start);
        for _ in 0..STEPS {
            world.step();
        }
        world.quiet = true;
        world.event(Event::RetryNow);
        let mut left = 100_000;
        while !world.is_done() {
            world.step();
            left -= 1;
            assert!(left > 0, "it never comes to an end");
        }
        world.check_the_log();
    }
}
