//! A core in a simulated network, in virtual time: a server with a log, and for each transport a
//! fault that comes and goes. The core must
//! - receive every entry once and in order, and report every gap;
//! - publish each message and change once and in order;
//! - end with the same messages as the server, whatever changed them on the way;
//! - reach the best transport that works within a time limit;
//! - start at most one attempt a second.

mod log;

mod connection;
mod faults;
mod random;

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::outbox::Stage;
use connection::{Connection, Fault, Step};
use log::Log;

/// Interval between the simulated server's heartbeats, in milliseconds.
const HEARTBEAT_MS: u64 = HEARTBEAT * 1_000;

struct Simulation {
    seed: u64,
    rng: Rng,
    now: u64,
    core: Core,
    /// The steps to come, by time and then in the order in which they were planned.
    schedule: BTreeMap<(u64, u64), Step>,
    sequence: u64,
    /// Latency in one direction, in milliseconds.
    latency: u64,
    /// The fault of each transport.
    faults: [Fault; 4],
    /// The fault of published messages over HTTP.
    posts: Fault,
    /// The time that the server takes to store a message, in milliseconds.
    store_time: u64,
    log: Log,
    connections: BTreeMap<u32, Connection>,
    attempts: Vec<u64>,
    channels: HashSet<u32>,
    /// The number of the last post; earlier ones are dropped.
    post: u64,
    received: Received,
    published: Vec<PublishKey>,
}

/// What the core reported.
#[derive(Default)]
struct Received {
    position: Option<Position>,
    keys: HashSet<PublishKey>,
    gaps: usize,
    entries: usize,
    /// The longest time from storing an entry to receiving it, in milliseconds.
    slowest: u64,
    proven: Option<Transport>,
    /// The messages since the last gap, with their changes.
    room: BTreeMap<u64, Entry>,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}, the time {}, the faults {:?} and {:?}", self.seed, self.now, self.faults, self.posts);
        }
    }
}

impl Simulation {
    fn new(seed: u64, options: Options) -> Self {
        let mut rng = Rng::with_seed(seed);
        let latency = rng.u64(1..150);
        let log = Log::new();
        let received = Received { position: options.after, ..Received::default() };
        Self {
            seed,
            rng,
            now: 0,
            core: Core::new(Options { seed, ..options }),
            schedule: BTreeMap::new(),
            sequence: 0,
            latency,
            faults: [Fault::None; 4],
            posts: Fault::None,
            store_time: 0,
            log,
            connections: BTreeMap::new(),
            attempts: Vec::new(),
            channels: HashSet::new(),
            post: 0,
            received,
            published: Vec::new(),
        }
    }

    /// Creates a simulation that reads from the start of the log.
    fn reading(seed: u64) -> Self {
        Self::new(seed, Options { after: Some(at(1, 0)), ..Options::default() })
    }

    fn plan(&mut self, wait: u64, step: Step) {
        self.sequence += 1;
        self.schedule.insert((self.now + wait, self.sequence), step);
    }

    fn event(&mut self, event: Event) {
        let actions = self.core.handle(event, self.now);
        for action in actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Open { channel, transport, after } => {
                self.attempt(channel);
                self.open(channel, transport, after);
            }
            Action::Fetch { channel, after, wait_seconds } => {
                self.attempt(channel);
                self.fetch(channel, after, wait_seconds);
            }
            Action::Send { channel, text } => self.send(channel, &text),
            Action::Post { r#ref, json } => self.post(r#ref, serde_json::from_str(&json).unwrap()),
            Action::Close { channel } => {
                self.connections.remove(&channel).expect("only open channels are closed");
            }
            Action::Update(update) => self.record(update),
        }
    }

    /// Checks that new channels are opened a second apart.
    fn attempt(&mut self, channel: u32) {
        if self.channels.insert(channel) {
            if let Some(last) = self.attempts.last() {
                assert!(self.now >= last + 1_000, "attempts at {last} and {}", self.now);
            }
            self.attempts.push(self.now);
            assert!(self.connections.len() < 2, "more than two channels");
        }
    }

    fn record(&mut self, update: Update) {
        match update {
            Update::StartsAt(position) => self.received.position = Some(position),
            Update::Entry(entry) => {
                self.record_entry(&entry);
                self.received.room.insert(entry.offset, entry);
            }
            Update::Change(change) => {
                self.record_entry(&change);
                if let Some(entry) = change.of.and_then(|of| self.received.room.get_mut(&of)) {
                    entry.fold(&change, None);
                }
            }
            Update::Gap(gap) => {
                let before = self.received.position.replace(gap.resumes).unwrap();
                assert!(before.epoch != gap.resumes.epoch || before.offset < gap.resumes.offset, "no gap from {before}: {gap:?}");
                self.received.gaps += 1;
                self.received.room.clear();
            }
            Update::Proven(transport) => self.received.proven = Some(transport),
            Update::Connection | Update::Online(_) | Update::Outbox | Update::Published { .. } => {}
        }
    }

    /// Checks that an entry is the next one.
    fn record_entry(&mut self, entry: &Entry) {
        let position = self.received.position.as_mut().expect("the reader has a position");
        assert_eq!(entry.offset, position.offset + 1, "an entry is missing or repeated");
        position.offset = entry.offset;
        let index = usize::try_from(entry.offset - 1).unwrap();
        if position.epoch == Epoch(self.log.epoch) {
            let stored = &self.log.entries[index];
            assert_eq!((entry.kind, &entry.key), (stored.kind, &stored.key));
            if entry.kind.is_message() && entry.changed == stored.changed {
                assert_eq!(entry, stored);
            }
            self.received.slowest = self.received.slowest.max(self.now - self.log.times[index]);
        }
        self.received.entries += 1;
        self.received.keys.extend(entry.key.clone());
    }

    /// Runs all steps of the next `time` milliseconds. Discards what was refused for good.
    fn advance(&mut self, time: u64) {
        let end = self.now + time;
        let mut idle = 0;
        loop {
            let planned = self.schedule.first_key_value().map(|((at, _), _)| *at);
            let tick = self.core.deadline();
            let next = planned.into_iter().chain(tick).min().unwrap_or(end).max(self.now);
            if next > end {
                break;
            }
            idle = if next == self.now { idle + 1 } else { 0 };
            assert!(idle < 5_000, "time stands still");
            self.now = next;
            if planned.is_some_and(|at| at <= self.now) {
                let (_, step) = self.schedule.pop_first().unwrap();
                self.run(step);
            } else if tick.is_some_and(|at| at <= self.now) {
                self.event(Event::Tick);
            } else {
                break;
            }
        }
        self.now = end;
        let failed = self.core.outbox().pending().iter().filter(|pending| matches!(pending.stage, Stage::Failed { .. }));
        for key in failed.filter_map(|pending| pending.message.key.clone()).collect::<Vec<_>>() {
            self.event(Event::Discard(key));
        }
    }

    /// Runs steps until `done`. Returns how long that took, in milliseconds.
    fn advance_until(&mut self, time_max: u64, what: &str, done: impl Fn(&Self) -> bool) -> u64 {
        let start = self.now;
        while !done(self) {
            assert!(self.now < start + time_max, "{what} takes longer than {time_max}: {:?}", self.core);
            self.advance(50);
        }
        self.now - start
    }

    /// Stores a message of another client.
    fn store_text(&mut self, text: &str) {
        self.store(Entry { text: Text::parse(text).unwrap(), ..Entry::default() });
    }

    fn publish(&mut self) {
        if self.core.outbox().free_slots() > 0 {
            let message = request(&format!("mine-{}", self.published.len()));
            self.published.extend(message.key.clone());
            self.event(Event::Publish(message));
        }
    }

    /// Changes a message that the reader knows.
    fn publish_change(&mut self) {
        let known: Vec<u64> = self.received.room.keys().copied().collect();
        if self.core.outbox().free_slots() > 0
            && let Some(of) = self.rng.choice(&known)
        {
            let of = Some(*of);
            let name = format!("change-{}", self.published.len());
            let change = match self.rng.u32(0..6) {
                0 => PublishRequest { kind: Kind::Erase, text: Text::default(), of, ..request(&name) },
                1..3 => PublishRequest { kind: Kind::Edit, of, ..request(&name) },
                _ => {
                    let emoji = Some(Emoji::from_stored(self.rng.choice(["👍", "❤️"]).unwrap().to_owned()));
                    PublishRequest { kind: Kind::React, text: Text::default(), of, emoji, off: self.rng.bool(), ..request(&name) }
                }
            };
            self.published.extend(change.key.clone());
            self.event(Event::Publish(change));
        }
    }

    fn transport(&self) -> Option<Transport> {
        if let ConnectionState::Live { transport, .. } = self.core.connection() { Some(transport) } else { None }
    }

    fn is_doubtful(&self) -> bool {
        self.core.connection() == ConnectionState::Doubtful
    }

    fn has_received_all(&self) -> bool {
        self.received.position == Some(at(self.log.epoch, self.log.latest())) && self.core.position() == self.received.position
    }

    /// Checks that everything is stored once, and in order except for what was refused for a time.
    fn check_what_was_published(&self) {
        let mut last = 0;
        for key in &self.published {
            let places: Vec<u64> =
                self.log.entries.iter().filter(|entry| entry.key.as_ref() == Some(key)).map(|entry| entry.offset).collect();
            if places.is_empty() && self.log.ineffective.contains(key) {
                continue;
            }
            assert_eq!(places.len(), 1, "{key} is at {places:?}");
            if !self.log.refused.contains(key) && !self.log.ineffective.contains(key) {
                assert!(places[0] > last, "{key} came before another");
                last = places[0];
            }
        }
    }

    /// Checks that the reader has the same messages as the server.
    fn check_the_room(&self) {
        for (offset, entry) in &self.received.room {
            assert_eq!(Some(entry), self.log.entries.get(usize::try_from(*offset - 1).unwrap()));
        }
    }
}
