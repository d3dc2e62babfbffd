//! Compares a room with a plain fold of its entries under random operations: publishes of every
//! kind, casts, expiry, sweeps and restarts. Whatever reads the room reads the same.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fastrand::Rng;
use protocol::admin::{Decision, KeyId, Rights};
use protocol::{Author, Emoji, Entry, Epoch, Kind, Position, PublishRequest, RoomName, RoomSettings, Tag, Text};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::hub::{Hub, OpenedHub};
use super::page::{PageError, Range};
use super::pass::Pass;
use super::state::Read;
use crate::access::{Access, Action, Actor, Caller};
use crate::store::{PublishRules, RetentionPolicy, TrustedTime, WriteError};

const SEEDS: u64 = 6;
const STEPS: usize = 400;

/// What a room should have.
#[derive(Default)]
struct Model {
    /// Every entry as it was published.
    entries: Vec<Entry>,
    /// Entries up to this offset have expired.
    expired: u64,
    pins: Vec<u64>,
    settings: RoomSettings,
    /// The offset at which the cast that is running began, and whose it is.
    cast: Option<(u64, Tag)>,
    casts: u64,
    /// Messages that wait for approval, by their number.
    waiting: Vec<(u64, Entry)>,
    queued: u64,
}

impl Model {
    fn add(&mut self, entry: Entry) {
        match (entry.kind, entry.of) {
            (Kind::Room, _) => self.settings = *entry.settings.clone().unwrap(),
            (Kind::Pin, Some(of)) => self.pins.push(of),
            (Kind::Unpin | Kind::Erase, Some(of)) => self.pins.retain(|pin| *pin != of),
            _ => {}
        }
        self.entries.push(Entry { offset: self.latest() + 1, ..entry });
    }

    fn latest(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Returns the entries that are kept, folded for a reader.
    fn folded(&self, you: Option<Tag>) -> Vec<Entry> {
        let kept = self.entries.iter().filter(|entry| entry.offset > self.expired);
        let folded = kept.map(|entry| {
            let mut entry = entry.clone();
            for change in &self.entries {
                entry.fold(change, you);
                if entry.kind == Kind::Edit && change.kind == Kind::Erase && change.of == entry.of {
                    entry.text = Text::default();
                }
            }
            if entry.kind == Kind::Edit && entry.of <= Some(self.expired) {
                entry.text = Text::default();
            }
            entry
        });
        folded.collect()
    }

    fn messages(&self, you: Option<Tag>) -> Vec<Entry> {
        self.folded(you).into_iter().filter(|entry| entry.kind.is_message()).collect()
    }
}

/// A reader that folds what it gets, as a client does.
struct Reader {
    you: Option<Tag>,
    position: Position,
    messages: Vec<Entry>,
}

struct Simulation {
    random: Rng,
    hub: Hub,
    ended: oneshot::Receiver<Result<(), WriteError>>,
    folder: TempDir,
    model: Model,
    readers: Vec<Reader>,
}

#[tokio::test]
async fn every_reader_sees_the_plain_fold_of_the_entries() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut simulation = Simulation::new(seed);
        for step in 0..STEPS {
            simulation = simulation.step().await;
            if step % 20 == 0 {
                simulation.check().await;
            }
        }
        simulation.check().await;
        simulation.check_readers().await;
    }
}

fn open(folder: &TempDir) -> (Hub, oneshot::Receiver<Result<(), WriteError>>) {
    let rules = PublishRules { edit_window: 1000, ..PublishRules::default() };
    let opened = Hub::open(folder.path(), Epoch(1), Duration::ZERO, || 0, Access::default(), rules);
    let OpenedHub { hub, ended, .. } = opened.unwrap();
    (hub, ended)
}

fn pass(actor: Actor, action: Action) -> Pass {
    let caller = Caller { tag: actor.tag, ..Caller::anonymous(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
    Pass::new(&caller, &RoomName::lobby(), action, actor)
}

fn reader(you: Option<Tag>) -> Pass {
    pass(Actor { tag: you, ..Actor::default() }, Action::Read)
}

fn moderator() -> Actor {
    Actor { tag: None, rights: Rights::Moderate, key: Some(KeyId(1)) }
}

fn position(offset: u64) -> Position {
    Position { epoch: Epoch(1), offset }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let (hub, ended) = open(&folder);
        let reader = |tag| Reader { you: Some(Tag::from_bits(tag)), position: position(0), messages: Vec::new() };
        let readers = (1..4).map(reader).collect();
        Self { random: Rng::with_seed(seed), hub, ended, folder, model: Model::default(), readers }
    }

    async fn step(mut self) -> Self {
        match self.random.u32(0..100) {
            0..=75 => self.publish().await,
            76..=79 => self.cast().await,
            80..=84 => self.decide().await,
            85..=91 => self.read().await,
            92..=94 => self.expire().await,
            95..=97 => self.hub.room(&RoomName::lobby()).clear_tail(),
            _ => return self.restart().await,
        }
        self
    }

    fn draw_request(&mut self) -> PublishRequest {
        let random = &mut self.random;
        let of = Some(random.u64(self.model.expired..=self.model.latest() + 1));
        let text = Text::from_stored(format!("text {}", random.u32(0..1000)));
        let change = |kind| PublishRequest { kind, of, ..PublishRequest::default() };
        match random.u32(0..20) {
            0..=6 => PublishRequest { text, reply: of.filter(|_| random.bool()), ..PublishRequest::default() },
            7..=9 => PublishRequest { text, ..change(Kind::Edit) },
            10..=15 => {
                let emoji = Some(Emoji::from_stored(["👍", "❤️", "🎉"][random.usize(0..3)].to_owned()));
                PublishRequest { emoji, off: random.u8(0..3) == 0, ..change(Kind::React) }
            }
            16 => change(Kind::Erase),
            17 => change(Kind::Pin),
            18 => change(Kind::Unpin),
            _ => {
                let settings = RoomSettings { queue: random.u8(0..4) == 0, title: text.into(), ..RoomSettings::default() };
                PublishRequest { kind: Kind::Room, settings: Some(settings.into()), ..PublishRequest::default() }
            }
        }
    }

    async fn publish(&mut self) {
        let request = self.draw_request();
        let tag = Some(Tag::from_bits(self.random.u64(1..4)));
        let actor = if self.random.u8(0..4) == 0 { Actor { tag, ..moderator() } } else { Actor { tag, ..Actor::default() } };
        let PublishRequest { kind, of, text, reply, emoji, off, settings, .. } = request.clone();
        let (badge, by) = (actor.is_moderator(), tag);
        let entry = Entry { kind, of, text, reply, emoji, off, settings, badge, by, ..Entry::default() };
        match self.hub.publish(&pass(actor, Action::Publish), request, None).unwrap().await {
            Ok(published) if published.duplicate => {}
            Ok(published) => {
                self.model.add(entry);
                assert_eq!(published.position, position(self.model.latest()));
            }
            Err(refusal) if refusal.code == protocol::ErrorCode::Queued => {
                self.model.queued += 1;
                self.model.waiting.push((self.model.queued, Entry { received: Some(0), ..entry }));
            }
            Err(_) => {}
        }
    }

    /// Begins a cast, or ends the one that runs: by its presenter, a moderator or somebody else.
    async fn cast(&mut self) {
        let tag = Tag::from_bits(self.random.u64(1..4));
        let rights = if self.random.u8(0..4) == 0 { moderator() } else { Actor::default() };
        let (actor, by, badge) = (Actor { tag: Some(tag), ..rights }, Some(tag), rights.is_moderator());
        if self.random.bool() {
            self.model.casts += 1;
            let key: protocol::PublishKey = format!("cast-{}", self.model.casts).parse().unwrap();
            let caller = Caller { tag: by, ..Caller::anonymous(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
            let started = self.hub.start_cast(&caller, &pass(actor, Action::Cast), key.clone(), Author::default()).await;
            assert_eq!(started.is_ok(), self.model.cast.is_none());
            if started.is_ok() {
                self.model.cast = Some((self.model.latest() + 1, tag));
                self.model.add(Entry { kind: Kind::Cast, key: Some(key), by, badge, ..Entry::default() });
            }
            return;
        }
        let ended = self.hub.end_cast(&pass(actor, Action::Read), None).await;
        let is_own = self.model.cast.is_some_and(|(_, presenter)| presenter == tag);
        assert_eq!(ended.is_ok(), badge || is_own);
        if let Some((began, _)) = self.model.cast.take_if(|_| badge || is_own) {
            self.model.add(Entry { kind: Kind::Cast, of: Some(began), off: true, by, badge, ..Entry::default() });
        }
    }

    async fn decide(&mut self) {
        if self.model.waiting.is_empty() {
            return;
        }
        let (id, entry) = self.model.waiting.swap_remove(self.random.usize(0..self.model.waiting.len()));
        let rejects = self.random.bool();
        let decision = if rejects { Decision::Reject { reason: String::new() } } else { Decision::Approve };
        let decided = self.hub.decide(&pass(moderator(), Action::Moderate), id, decision).await.unwrap();
        if !rejects {
            self.model.add(entry);
        }
        assert_eq!(decided, (!rejects).then(|| position(self.model.latest())));
    }

    async fn expire(&mut self) {
        let policy = RetentionPolicy { messages: self.random.u64(10..80), bytes: u64::MAX, age: u64::MAX };
        while self.hub.expire(&RoomName::lobby(), policy, TrustedTime { time: 0, since: 0 }).await.unwrap() {}
        let model = &mut self.model;
        model.expired = model.expired.max(model.latest().saturating_sub(policy.messages));
        model.pins.retain(|pin| *pin > model.expired);
    }

    async fn restart(mut self) -> Self {
        drop(self.hub);
        self.ended.await.unwrap().unwrap();
        (self.hub, self.ended) = open(&self.folder);
        self
    }

    /// A reader reads a page on, and applies it.
    async fn read(&mut self) {
        let (which, limit) = (self.random.usize(0..self.readers.len()), self.random.usize(1..30));
        read_on(&self.hub, &mut self.readers[which], limit).await;
    }

    async fn check_readers(&mut self) {
        for reader in &mut self.readers {
            while reader.position != position(self.model.latest()) {
                read_on(&self.hub, reader, 50).await;
            }
            let expected = self.model.messages(reader.you);
            reader.messages.retain(|message| message.offset > self.model.expired);
            assert_eq!(reader.messages, expected);
        }
    }

    /// Compares everything that can be read with the model.
    async fn check(&mut self) {
        let (hub, model) = (&self.hub, &self.model);
        for you in [None, Some(Tag::from_bits(2))] {
            let (pass, limit) = (reader(you), self.random.usize(1..20));
            let page = async |range| hub.page(&pass, range, limit).await.unwrap();
            let mut read = Vec::new();
            while read.len() < model.folded(you).len() {
                let after = position(model.expired + read.len() as u64);
                read.extend(page(Range::After(after)).await.entries);
            }
            assert_eq!(read, model.folded(you));

            let last = page(Range::Last).await;
            assert_eq!((last.position, last.latest), (position(model.latest()), position(model.latest())));
            let (mut pages, mut before) = (vec![last.entries], last.before);
            while let Some(position) = before {
                let page = page(Range::Before(position)).await;
                pages.push(page.entries);
                before = page.before;
            }
            assert_eq!(pages.into_iter().rev().flatten().collect::<Vec<_>>(), model.messages(you));

            let info = hub.info(&pass).await.unwrap();
            let pinned: Vec<_> = model.pins.iter().map(|pin| model.folded(you)[(pin - model.expired - 1) as usize].clone()).collect();
            assert_eq!((info.settings, info.pins), (model.settings.clone(), pinned));
            assert_eq!(info.cast.map(|cast| (cast.id, cast.by)), model.cast);
        }
        if let Read::Entries(tail) = hub.room(&RoomName::lobby()).read(model.expired) {
            assert_eq!(tail.iter().map(|entry| entry.entry().unwrap()).collect::<Vec<_>>(), model.folded(None));
        }
    }
}

async fn read_on(hub: &Hub, to: &mut Reader, limit: usize) {
    match hub.page(&reader(to.you), Range::After(to.position), limit).await {
        Ok(page) => {
            for entry in page.entries {
                if entry.kind.is_message() {
                    to.messages.push(entry);
                } else if let Some(message) = to.messages.iter_mut().find(|message| Some(message.offset) == entry.of) {
                    message.fold(&entry, to.you);
                }
            }
            to.position = page.position;
        }
        Err(PageError::Gone(gap)) => to.position = gap.resumes,
        Err(PageError::Unavailable) => panic!("the history can be read"),
    }
}
