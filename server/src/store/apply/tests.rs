//! Tests of what commands do: each rule, and that the same commands make the same history.

mod casts;
mod changes;
mod messages;

use protocol::admin::{Decision, KeyId, Rights};
use protocol::{Emoji, Entry, ErrorCode, Kind, PublishRequest, RoomName, RoomSettings, Tag, Text};
use rusqlite::types::Value;
use tempfile::TempDir;

use super::super::command::{Decide, EndCast, Publish, PublishRules, StartCast, Verdict};
use super::super::retention::RetentionPolicy;
use super::super::{read, schema};
use super::*;
use crate::access::Actor;

const NOBODY: Actor = Actor { tag: None, rights: Rights::None, key: None };

fn ana() -> Actor {
    Actor { tag: Some(Tag::from_bits(1)), ..NOBODY }
}

fn bob() -> Actor {
    Actor { tag: Some(Tag::from_bits(2)), ..NOBODY }
}

fn moderator() -> Actor {
    Actor { tag: Some(Tag::from_bits(3)), rights: Rights::Moderate, key: Some(KeyId(7)) }
}

/// A database, and what was committed to it.
struct Board {
    applier: Applier<'static>,
    connection: &'static Connection,
    rules: PublishRules,
    /// The time of the next command, in milliseconds.
    time: u64,
    changes: Vec<Change>,
    _folder: TempDir,
}

impl Board {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        // A test ends soon, and with it the process.
        let connection: &'static Connection = Box::leak(Box::new(database(&folder)));
        let rules = PublishRules { edit_window: 1000, ..PublishRules::default() };
        let applier = Applier::prepare(connection).unwrap();
        Self { applier, connection, rules, time: 1_000_000, changes: Vec::new(), _folder: folder }
    }

    fn apply(&mut self, command: Command) -> Outcome {
        let committed = self.applier.commit([command].into_iter()).unwrap();
        self.changes.extend(committed.changes.rooms.into_iter().map(|(_, change)| change));
        committed.outcomes.into_iter().next().unwrap()
    }

    fn publish(&mut self, actor: Actor, request: PublishRequest) -> Outcome {
        let (rules, time) = (self.rules, self.time);
        self.apply(Command::Publish(Box::new(Publish {
            room: RoomName::lobby(),
            request: Box::new(request),
            raw: None,
            refused: None,
            actor,
            time,
            rules,
        })))
    }

    fn decide(&mut self, id: u64, rejected: Option<&str>) -> Outcome {
        let (room, time, decision) = (RoomName::lobby(), self.time, decision(rejected));
        self.apply(Command::Decide(Box::new(Decide { room, id, decision, actor: moderator(), time, rooms_max: usize::MAX })))
    }

    fn set_room(&mut self, settings: RoomSettings) -> Outcome {
        self.publish(moderator(), PublishRequest { kind: Kind::Room, settings: Some(Box::new(settings)), ..PublishRequest::default() })
    }

    fn expire(&mut self, messages: u64) {
        let policy = RetentionPolicy { messages, bytes: u64::MAX, age: u64::MAX };
        let now = TrustedTime { time: 0, since: 0 };
        self.apply(Command::Expire { room: RoomName::lobby(), policy, now, rooms_max: usize::MAX });
    }

    /// Forgets what is in memory, as after a restart.
    fn restart(&mut self) {
        self.applier = Applier::prepare(self.connection).unwrap();
    }

    fn entry(&self, offset: u64) -> Entry {
        read::entry(self.connection, &RoomName::lobby(), offset).unwrap().unwrap()
    }

    /// Returns the earlier entries that the last command has rewritten.
    fn rewritten(&self) -> Vec<u64> {
        match self.changes.last() {
            Some(Change::Stored(stored)) => stored.rewritten.iter().map(|entry| entry.offset).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn database(folder: &TempDir) -> Connection {
    let mut connection = schema::open(&folder.path().join("crier.db")).unwrap();
    schema::migrate(&mut connection).unwrap();
    connection.execute("INSERT INTO log (epoch) VALUES (1)", []).unwrap();
    connection
}

/// Returns the decision to reject for a reason, or to approve.
fn decision(rejected: Option<&str>) -> Decision {
    rejected.map_or(Decision::Approve, |reason| Decision::Reject { reason: reason.to_owned() })
}

fn message(text: &str) -> PublishRequest {
    PublishRequest { text: Text::parse(text).unwrap(), ..PublishRequest::default() }
}

fn change(kind: Kind, of: u64) -> PublishRequest {
    PublishRequest { kind, of: Some(of), ..PublishRequest::default() }
}

fn edit(of: u64, text: &str) -> PublishRequest {
    PublishRequest { text: Text::parse(text).unwrap(), ..change(Kind::Edit, of) }
}

fn react(of: u64, emoji: &str, off: bool) -> PublishRequest {
    PublishRequest { emoji: Some(Emoji::from_stored(emoji.to_owned())), off, ..change(Kind::React, of) }
}

fn with_key(request: PublishRequest, key: &str) -> PublishRequest {
    PublishRequest { key: Some(key.parse().unwrap()), ..request }
}

fn stored(offset: u64) -> Outcome {
    Outcome::stored(offset)
}

fn duplicate(offset: u64) -> Outcome {
    Outcome::duplicate(offset)
}

fn refused(code: ErrorCode) -> Outcome {
    code.into()
}

/// Publishes everything in five rooms, of which two may have messages, and expires some of it. Two
/// rooms have settings.
fn commands() -> Vec<Command> {
    let mut random = fastrand::Rng::with_seed(7);
    let room = |number: u64| ["a", "b", "c", "d", "lobby"][number as usize % 5].parse::<RoomName>().unwrap();
    let keep = |messages| RetentionPolicy { messages, bytes: u64::MAX, age: u64::MAX };
    let rules = PublishRules { rooms_max: 2, edit_window: 3, casts_max: 2, ..PublishRules::default() };
    let mut command = |number: u64| {
        let (of, time, name) = (random.u64(1..30), 1000 + number - random.u64(0..5), random.u64(0..5));
        let request = match random.u32(0..13) {
            0..=5 => {
                PublishRequest { reply: Some(random.u64(1..200)).filter(|reply| *reply < 20), ..message(&format!("text {}", number % 24)) }
            }
            6 | 12 => edit(of, &format!("text {}", random.u32(0..3))),
            7 => change([Kind::Erase, Kind::Pin, Kind::Unpin][random.usize(0..3)], of),
            8..=10 => react(of, ["a", "b", "c"][random.usize(0..3)], random.bool()),
            _ if name == 1 || name == 4 => {
                let settings = RoomSettings { queue: random.bool(), slow: random.u32(0..2), ..RoomSettings::default() };
                PublishRequest { kind: Kind::Room, settings: Some(Box::new(settings)), ..PublishRequest::default() }
            }
            _ => message("text"),
        };
        let actor = [NOBODY, ana(), ana(), ana(), bob(), moderator()][random.usize(0..6)];
        match random.u32(0..10) {
            0 => {
                let now = TrustedTime { time: number, since: 0 };
                Command::Expire { room: room(number), policy: keep(random.u64(0..30).saturating_sub(15)), now, rooms_max: 1 }
            }
            1 => Command::SaveTime(TrustedTime { time: number, since: number / 2 }),
            2 => {
                let decision = decision(Some("because").filter(|_| random.bool()));
                Command::Decide(Box::new(Decide {
                    room: room(1 + 3 * random.u64(0..2)),
                    id: random.u64(1..20),
                    decision,
                    actor,
                    time,
                    rooms_max: 2,
                }))
            }
            _ => {
                let request = with_key(request, &format!("key-{}", random.u32(0..400)));
                Command::Publish(Box::new(Publish {
                    room: room(name),
                    request: Box::new(request),
                    raw: None,
                    refused: None,
                    actor,
                    time,
                    rules,
                }))
            }
        }
    };
    (0..4000).flat_map(|number| std::iter::once(command(number)).chain(casts(number, rules))).collect()
}

/// Begins a cast at every 23rd number, and ends those that run now and then.
fn casts(number: u64, rules: PublishRules) -> Vec<Command> {
    let room: RoomName = ["a", "b", "lobby"][number as usize % 3].parse().unwrap();
    let end = |cast: u64| Command::EndCast(EndCast { room: room.clone(), cast, actor: moderator(), time: number });
    let start = |key: u64| {
        let (actor, author) = ([ana(), bob(), NOBODY][number as usize % 5 % 3], protocol::Author::default());
        let (room, key) = (room.clone(), format!("cast-{key}").parse().unwrap());
        Command::StartCast(Box::new(StartCast { room, key, author, actor, time: number, rules }))
    };
    match number {
        _ if number.is_multiple_of(23) => vec![start(number % 46)],
        _ if number % 800 > 796 => (1..400).map(end).collect(),
        _ => Vec::new(),
    }
}

/// Returns every row of the database after the commands, and what came of them. Each batch has a
/// new applier, as after a restart.
fn apply(commands: &[Command], batch_size: usize) -> (Vec<Outcome>, Changes, Vec<Vec<Value>>) {
    let folder = TempDir::new().unwrap();
    let connection = database(&folder);
    let (mut outcomes, mut changes) = (Vec::new(), Changes::default());
    for batch in commands.chunks(batch_size) {
        let committed = Applier::prepare(&connection).unwrap().commit(batch.iter().cloned()).unwrap();
        outcomes.extend(committed.outcomes);
        changes.rooms.extend(committed.changes.rooms);
    }
    let mut rows = Vec::new();
    for table in ["log", "rooms", "messages", "clock", "changes", "reactions", "pins", "last_posts", "queue", "scrub", "audit", "casts"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        rows.extend(statement.query_map([], read).unwrap().map(Result::unwrap));
    }
    (outcomes, changes, rows)
}

#[test]
fn makes_the_same_history_in_batches_of_any_size() {
    let commands = commands();
    let (outcomes, changes, rows) = apply(&commands, 7);
    for batch_size in [64, commands.len()] {
        let (other_outcomes, other_changes, other_rows) = apply(&commands, batch_size);
        let different = outcomes.iter().zip(&other_outcomes).position(|(one, other)| one != other);
        assert_eq!(different, None, "batches of {batch_size}");
        assert!(changes == other_changes && rows == other_rows, "batches of {batch_size}");
    }
    let has = |wanted: fn(&Outcome) -> bool| outcomes.iter().any(wanted);
    assert!(has(|outcome| matches!(outcome, Outcome::Published { duplicate: true, .. })));
    assert!(has(|outcome| matches!(outcome, Outcome::Expired(rest) if rest.forgotten_max > 0)));
    assert!(has(|outcome| matches!(outcome, Outcome::Decided(Verdict::Approved { .. }))));
    assert!(has(|outcome| matches!(outcome, Outcome::Decided(Verdict::Rejected { .. }))));
    assert!(has(|outcome| matches!(outcome, Outcome::Casting(_))));
    let is_end = |change: &Change| matches!(change, Change::Stored(stored) if stored.entry.kind == Kind::Cast && stored.entry.off);
    assert!(changes.rooms.iter().any(|(_, change)| is_end(change)));
    for code in [
        ErrorCode::KeyReused,
        ErrorCode::RoomsFull,
        ErrorCode::MessageGone,
        ErrorCode::NotYours,
        ErrorCode::EditLate,
        ErrorCode::IdentityRequired,
        ErrorCode::AccessRefused,
        ErrorCode::Queued,
        ErrorCode::SlowMode,
        ErrorCode::CastBusy,
        ErrorCode::CastsFull,
    ] {
        let is_code = |outcome: &Outcome| matches!(outcome, Outcome::Refused(refusal) if refusal.code == code);
        assert!(outcomes.iter().any(is_code), "{code:?} never came");
    }
}
