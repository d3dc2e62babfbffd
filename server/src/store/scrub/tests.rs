//! Tests that an erased text leaves every file of the data folder.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use protocol::admin::Rights;
use protocol::{Author, Epoch, Kind, PublishRequest, RoomName, Tag, Text};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::super::command::{Changes, Command, Outcome, Publish, PublishRules};
use super::super::{CommitListener, History, OpenedHistory, RetentionPolicy, TrustedTime};
use super::*;
use crate::access::Actor;

/// A part of a text that is long enough to be in the files by no chance.
const PART_BYTES: usize = 8;
const ROOMS: usize = 13;

struct NoListener;

impl CommitListener for NoListener {
    fn on_commit(&mut self, _: Changes) {}
    fn notify(&mut self) {}
}

struct Board {
    folder: TempDir,
    history: History,
    ended: oneshot::Receiver<Result<(), WriteError>>,
    random: fastrand::Rng,
    /// The messages that are there: the room's number, the offset and the text.
    messages: Vec<(usize, u64, String)>,
    /// Parts of all texts that were erased.
    erased: HashSet<[u8; PART_BYTES]>,
}

impl Board {
    fn open(folder: TempDir) -> Self {
        let opened = History::open(folder.path(), Epoch(1), Duration::ZERO, |_, _| Box::new(NoListener)).unwrap();
        let OpenedHistory { history, ended, .. } = opened;
        Self { folder, history, ended, random: fastrand::Rng::with_seed(5), messages: Vec::new(), erased: HashSet::new() }
    }

    async fn restart(self) -> Self {
        let Self { folder, history, ended, random, messages, erased } = self;
        drop(history);
        ended.await.unwrap().unwrap();
        Self { random, messages, erased, ..Self::open(folder) }
    }

    fn room(&self, number: usize) -> RoomName {
        format!("room-{number}").parse().unwrap()
    }

    fn command(&self, room: usize, request: PublishRequest) -> Command {
        let actor = Actor { tag: Some(Tag::from_bits(1)), rights: Rights::Moderate, key: None };
        Command::Publish(Box::new(Publish {
            room: self.room(room),
            request: Box::new(request),
            raw: None,
            refused: None,
            actor,
            time: 0,
            rules: PublishRules::default(),
        }))
    }

    async fn publish(&self, room: usize, request: PublishRequest) -> u64 {
        submit(&self.history, vec![self.command(room, request)]).await[0]
    }

    /// Draws a text. Some are longer than a page of the file.
    fn draw(&mut self) -> String {
        let length = if self.random.u8(0..25) == 0 { self.random.usize(4000..9000) } else { self.random.usize(20..400) };
        (0..length).map(|_| self.random.alphanumeric()).collect()
    }

    async fn add_messages(&mut self, count: usize) {
        let mut commands = Vec::new();
        for _ in 0..count {
            let (room, text, author) = (self.random.usize(0..ROOMS), self.draw(), self.draw());
            let author = Author::from_stored(author.chars().take(64).collect());
            let text = Text::from_stored(text);
            self.messages.push((room, 0, [text.as_str(), author.as_str()].concat()));
            commands.push(self.command(room, PublishRequest { text, author, ..PublishRequest::default() }));
        }
        let first = self.messages.len() - count;
        for (message, offset) in self.messages[first..].iter_mut().zip(submit(&self.history, commands).await) {
            message.1 = offset;
        }
    }

    async fn edit_some(&mut self, count: usize) {
        let mut commands = Vec::new();
        for _ in 0..count {
            let (which, text) = (self.random.usize(0..self.messages.len()), self.draw());
            let (room, of, texts) = &mut self.messages[which];
            texts.push_str(&text);
            let (room, of, text) = (*room, Some(*of), Text::from_stored(text));
            commands.push(self.command(room, PublishRequest { kind: Kind::Edit, of, text, ..PublishRequest::default() }));
        }
        submit(&self.history, commands).await;
    }

    /// Erases messages.
    async fn erase_some(&mut self, count: usize) {
        let mut commands = Vec::new();
        for _ in 0..count {
            let which = self.random.usize(0..self.messages.len());
            let (room, of, texts) = self.messages.swap_remove(which);
            self.erased.extend(texts.as_bytes().windows(PART_BYTES).map(|part| <[u8; PART_BYTES]>::try_from(part).unwrap()));
            commands.push(self.command(room, PublishRequest { kind: Kind::Erase, of: Some(of), ..PublishRequest::default() }));
        }
        assert!(self.remains() > 0, "the texts are there, before they are erased");
        submit(&self.history, commands).await;
    }

    async fn expire_some(&mut self) {
        let policy = RetentionPolicy { messages: 20, bytes: u64::MAX, age: u64::MAX };
        let command = Command::Expire { room: self.room(0), policy, now: TrustedTime { time: 0, since: 0 }, rooms_max: 100 };
        let expired = self.history.submit(vec![command]).unwrap().pop().unwrap().await;
        let Ok(Outcome::Expired(remaining)) = expired else { panic!("{expired:?}") };
        self.messages.retain(|(room, offset, _)| *room != 0 || *offset > remaining.expired);
    }

    fn is_pending(&self) -> bool {
        let connection = Connection::open(self.folder.path().join("crier.db")).unwrap();
        connection.query_row("SELECT count(*) FROM scrub", [], |row| row.get::<_, u32>(0)).unwrap() > 0
    }

    /// Publishes until nothing of erased texts is left to remove.
    async fn wait_until_done(&self) {
        while self.is_pending() {
            self.publish_meanwhile().await;
        }
    }

    async fn publish_meanwhile(&self) {
        self.publish(1, PublishRequest { text: Text::parse("meanwhile").unwrap(), ..PublishRequest::default() }).await;
    }

    /// Returns how many places in the files have a part of an erased text.
    fn remains(&self) -> usize {
        let is_part = |part: &&[u8]| part[0] != 0 && self.erased.contains(*part);
        let in_file = |path: &Path| {
            let bytes = fs::read(path).unwrap();
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes[..end].windows(PART_BYTES).filter(is_part).count()
        };
        fs::read_dir(self.folder.path()).unwrap().map(|file| in_file(&file.unwrap().path())).sum()
    }

    fn check_integrity(&self) {
        let connection = Connection::open(self.folder.path().join("crier.db")).unwrap();
        let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
        for (room, offset, texts) in &self.messages {
            let entry = super::super::read::entry(&connection, &self.room(*room), *offset).unwrap().unwrap();
            assert!(texts.contains(entry.text.as_str()));
        }
    }
}

/// Commits publishes, a few at a time. Returns their offsets.
async fn submit(history: &History, commands: Vec<Command>) -> Vec<u64> {
    let mut offsets = Vec::new();
    for group in commands.chunks(40) {
        for submitted in history.submit(group.to_vec()).unwrap() {
            let Ok(Outcome::Published { offset, duplicate: false }) = submitted.await else { panic!() };
            offsets.push(offset);
        }
    }
    offsets
}

#[tokio::test]
async fn no_part_of_an_erased_text_stays_in_any_file() {
    let mut board = Board::open(TempDir::new().unwrap());
    board.add_messages(300).await;
    board.edit_some(80).await;
    board.expire_some().await;
    board.erase_some(90).await;
    board.wait_until_done().await;
    assert_eq!(board.remains(), 0);
    board.check_integrity();
    // Pages that are clean are not scrubbed in vain, and what is written later is scrubbed as well.
    board.add_messages(100).await;
    board.edit_some(50).await;
    board.erase_some(60).await;
    board.wait_until_done().await;
    assert_eq!(board.remains(), 0);
    board.check_integrity();
}

#[tokio::test]
async fn a_restart_continues_to_remove_erased_texts() {
    let mut board = Board::open(TempDir::new().unwrap());
    board.add_messages(150).await;
    board.edit_some(30).await;
    for _ in 0..2 {
        board.erase_some(40).await;
        board = board.restart().await;
        board.wait_until_done().await;
        assert_eq!(board.remains(), 0);
    }
    board.check_integrity();
    let mut board = board.restart().await;
    board.add_messages(1).await;
    assert!(!board.is_pending());
}

#[tokio::test]
async fn a_reader_delays_the_removal_and_no_publisher() {
    let mut board = Board::open(TempDir::new().unwrap());
    board.add_messages(100).await;
    let reader = Connection::open(board.folder.path().join("crier.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages").unwrap();
    board.erase_some(20).await;
    for _ in 0..50 {
        board.publish_meanwhile().await;
    }
    assert!(board.is_pending());
    reader.execute_batch("COMMIT").unwrap();
    board.wait_until_done().await;
    assert_eq!(board.remains(), 0);
}

/// Databases of earlier versions have remains that `secure_delete` never saw.
#[test]
fn removes_what_was_deleted_without_secure_delete() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("crier.db");
    let mut connection = schema::open(&path).unwrap();
    schema::migrate(&mut connection).unwrap();
    connection.execute_batch("PRAGMA secure_delete = OFF; INSERT INTO rooms (id, name, first) VALUES (1, 'a', 0)").unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    for offset in 1..=400 {
        let length = if offset % 9 == 0 { random.usize(4000..13_000) } else { random.usize(10..300) };
        let text = "forgotten".repeat(length / 9 + 1);
        let insert = "INSERT INTO messages (room, offset, total, time, author, text) VALUES (1, ?1, 0, 0, '', ?2)";
        connection.execute(insert, params![offset, text]).unwrap();
    }
    connection.execute_batch("UPDATE messages SET text = 'kept' WHERE offset % 3 = 0; DELETE FROM messages WHERE offset % 3 > 0").unwrap();
    for offset in 1..=50 {
        // The last page of an overflow chain that is taken from the free pages has old bytes after
        // the text.
        let insert = "INSERT INTO messages (room, offset, total, time, author, text) VALUES (1, ?1, 0, 0, '', ?2)";
        connection.execute(insert, params![1000 + offset, "kept ".repeat(1000)]).unwrap();
    }
    mark(&connection).unwrap();
    let mut scrub = Scrub::load(&connection, folder.path().join("crier.db-wal")).unwrap();
    let mut steps = 0;
    while scrub.is_pending() {
        assert_eq!(scrub.step(&connection).unwrap(), Progress::Made);
        // 2 is FULL: publishes between two steps are synced.
        assert_eq!(connection.query_row("PRAGMA synchronous", [], |row| row.get(0)), Ok(2));
        steps += 1;
    }
    assert!(steps > 18, "publishers wait for one step of {steps}, not for all");
    let remains = |name: &str| fs::read(folder.path().join(name)).unwrap().windows(9).filter(|part| part == b"forgotten").count();
    assert_eq!((remains("crier.db"), remains("crier.db-wal")), (0, 0));
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let kept: u32 = connection.query_row("SELECT count(*) FROM messages WHERE text LIKE 'kept%'", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 133 + 50);
}
