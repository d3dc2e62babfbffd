//! One story, told over every wire format by the real drivers: catch-up, a published entry,
//! presence, heartbeats, a client that does not reply, a gap, and the end of a response.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::admin::{KeyInfo, Rights, RoomPattern};
use protocol::{Epoch, Kind, Mode, Position, RoomSettings};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stream::events::Events;
use super::stream::live::FORMATS;
use super::ws::{json::Json, raw::Raw};
use crate::access::{Access, AccessChange, CastsBy, Grants, KeySecret, RoomsBy, StoredKey};
use crate::delivery::testing::{self, Board};
use crate::delivery::{WireFormat, wait_for_entries};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Ticks of 250 ms in which everything written is flushed.
const FLUSH: u32 = 5;
/// Ticks after which live HTML may end because a text in it has changed.
const TEXTS: u32 = 3;
/// Ticks after which it may end because of a reaction.
const REACTIONS: u32 = 21;
/// From one heartbeat to the next.
const HEARTBEAT: u32 = 80;
/// More than a response lasts.
const AGE: u32 = 4 * 60 * 60 + 1;

/// The far end of a connection, and what it was told in words.
struct Reader {
    name: &'static str,
    socket: TcpStream,
    decode: fn(&[u8]) -> Vec<String>,
    bytes: Vec<u8>,
    told: usize,
    has_ended: bool,
}

/// A format with its name, and what reads it as words.
type Format = (&'static str, &'static dyn WireFormat, fn(&[u8]) -> Vec<String>);

/// Every format.
fn formats() -> [Format; 4] {
    [("json", &Json, frames), ("raw", &Raw, frames), ("events", &Events, blocks), ("live", &FORMATS[0], rows)]
}

impl Reader {
    /// Connects a reader that has nothing of the log. Its connection runs when the returned future
    /// does.
    async fn connect(board: &Board, format: Format) -> (Self, impl Future<Output = ()> + Send + use<>) {
        Self::connect_as(board, format, None).await
    }

    /// The same with access keys.
    async fn connect_as(
        board: &Board,
        (name, format, decode): Format,
        grants: Option<Arc<Grants>>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (near, socket) = testing::pair().await;
        let after = Position { epoch: Epoch(1), offset: 0 };
        let (pass, client) = board.enter(grants);
        let (admission, _) = board.fanout.admit(format, client, &pass, Some(after)).unwrap();
        let connection = board.fanout.start(admission, near, &[], &[]);
        (Self { name, socket, decode, bytes: Vec::new(), told: 0, has_ended: false }, connection)
    }

    /// Reads until the connection ends or something new was told. Presence is left out.
    async fn next(&mut self) -> Option<String> {
        loop {
            let words: Vec<_> = (self.decode)(&self.bytes).into_iter().filter(|word| !word.starts_with("online")).collect();
            if let Some(word) = words.get(self.told) {
                self.told += 1;
                return Some(word.clone());
            }
            if self.has_ended {
                return None;
            }
            timeout(TIMEOUT, self.socket.readable())
                .await
                .unwrap_or_else(|_| panic!("{} is told nothing after {words:?}", self.name))
                .unwrap();
            let mut buffer = [0; 4096];
            if let Ok(length) = self.socket.try_read(&mut buffer) {
                self.bytes.extend_from_slice(&buffer[..length]);
                self.has_ended = length == 0;
            }
        }
    }

    async fn expect(&mut self, expected: &[&str]) {
        for word in expected {
            assert_eq!(self.next().await.as_deref(), Some(*word), "{}", self.name);
        }
    }

    async fn until_online(&mut self, count: usize) {
        let word = format!("online {count}");
        while (self.decode)(&self.bytes).iter().rfind(|word| word.starts_with("online")) != Some(&word) {
            timeout(TIMEOUT, self.socket.readable()).await.expect("it is told who is online").unwrap();
            let mut buffer = [0; 4096];
            if let Ok(length) = self.socket.try_read(&mut buffer) {
                self.bytes.extend_from_slice(&buffer[..length]);
            }
        }
    }
}

/// Reads WebSocket frames.
fn frames(bytes: &[u8]) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), bytes);
    while let [opcode, length, after @ ..] = rest {
        let (length, after) = match length {
            126 => (usize::from(u16::from_be_bytes([after[0], after[1]])), &after[2..]),
            length => (usize::from(*length), after),
        };
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        rest = after;
        match opcode {
            0x89 => words.push("heartbeat".to_owned()),
            0x88 => words.push(format!("close {}", u16::from_be_bytes([payload[0], payload[1]]))),
            _ => words.extend(word(std::str::from_utf8(payload).unwrap())),
        }
    }
    words
}

/// Reads server-sent events.
fn blocks(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end + 2]);
    let data = |block: &str| block.split("data: ").nth(1).map(str::to_owned);
    whole.split_terminator("\n\n").filter_map(|block| data(block).map_or(Some("heartbeat".to_owned()), |data| word(&data))).collect()
}

/// Reads the rows of the live HTML.
fn rows(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let row = |row: &str| match row {
        row if row.contains("data-offset=\"") => {
            row.split("data-offset=\"").nth(1)?.split('"').next().map(|offset| format!("entry {offset}"))
        }
        row if row.contains("class=\"missed\"") => Some("gap".to_owned()),
        row if row.contains("class=\"beat\"") => Some("heartbeat".to_owned()),
        row if row.contains("class=\"ended\"") => Some("end".to_owned()),
        _ => None,
    };
    text.rsplit_once('\n').map_or("", |(whole, _)| whole).lines().filter_map(row).collect()
}

/// Returns a JSON frame as a word, or what is none as an entry's text.
fn word(json: &str) -> Option<String> {
    match serde_json::from_str(json) {
        Ok(protocol::ServerFrame::Message(entry)) => Some(format!("entry {}", entry.text.as_str())),
        Ok(protocol::ServerFrame::Change(entry)) => Some(format!("{} {}", entry.kind.as_str(), entry.of.unwrap_or_default())),
        Ok(protocol::ServerFrame::Presence { online }) => Some(format!("online {online}")),
        Ok(protocol::ServerFrame::Gap(_)) => Some("gap".to_owned()),
        // The ping beside it counts.
        Ok(_) => None,
        Err(_) => Some(format!("entry {json}")),
    }
}

#[tokio::test]
async fn every_wire_format_tells_the_same_story() {
    let board = Board::open();
    board.publish(3).await;
    let mut readers = Vec::new();
    for format in formats() {
        let (reader, connection) = Reader::connect(&board, format).await;
        tokio::spawn(connection);
        readers.push(reader);
    }
    for reader in &mut readers {
        reader.expect(&["entry 1", "entry 2", "entry 3"]).await;
    }
    board.fanout.advance(FLUSH).await;
    for reader in &mut readers[2..] {
        reader.expect(&["heartbeat"]).await;
    }
    board.publish_numbers([4]).await;
    for reader in &mut readers {
        reader.expect(&["entry 4"]).await;
    }
    board.fanout.advance(FLUSH).await;
    readers[2].expect(&["heartbeat"]).await;

    let _fifth = board.room().join(None);
    readers[0].until_online(5).await;
    readers[2].until_online(5).await;
    board.fanout.advance(FLUSH).await;
    readers[2].expect(&["heartbeat"]).await;

    // Nobody replies. WebSockets are closed after two heartbeats; a response carries no replies.
    board.fanout.advance(HEARTBEAT).await;
    board.fanout.advance(HEARTBEAT).await;
    board.fanout.advance(HEARTBEAT).await;
    for reader in &mut readers {
        let expected: &[&str] =
            if reader.name == "json" || reader.name == "raw" { &["heartbeat", "heartbeat", "close 4001"] } else { &["heartbeat"; 3] };
        reader.expect(expected).await;
    }

    let mut late = Vec::new();
    for format in formats() {
        late.push(Reader::connect(&board, format).await);
    }
    board.publish_numbers([5]).await;
    board.expire_all_but_one().await;
    for (mut reader, connection) in late {
        tokio::spawn(connection);
        let expected: &[&str] = if reader.name == "raw" { &["entry 5"] } else { &["gap", "entry 5"] };
        reader.expect(expected).await;
    }
    for reader in &mut readers[2..] {
        reader.expect(&["entry 5"]).await;
    }

    board.fanout.advance(AGE).await;
    for reader in &mut readers[2..] {
        // What was written last is flushed first.
        reader.expect(&[if reader.name == "events" { "heartbeat" } else { "end" }]).await;
        assert_eq!(reader.next().await, None, "{}", reader.name);
    }
}

#[tokio::test]
async fn formats_that_have_words_for_a_change_tell_it_and_live_html_ends() {
    let board = Board::open();
    board.publish(2).await;
    let mut readers = Vec::new();
    for format in formats() {
        let (reader, connection) = Reader::connect(&board, format).await;
        tokio::spawn(connection);
        readers.push(reader);
    }
    for reader in &mut readers {
        reader.expect(&["entry 1", "entry 2"]).await;
    }
    board.fanout.advance(TEXTS).await;
    board.change(Kind::Pin, 1);
    board.change(Kind::Edit, 1);
    let [json, raw, events, live] = &mut readers[..] else { panic!("there are four formats") };
    for reader in [json, events] {
        reader.expect(&["pin 1", "edit 1"]).await;
    }
    live.expect(&["end"]).await;
    assert_eq!(live.next().await, None);
    let resumes = format!("after={}", Position { epoch: Epoch(1), offset: 4 });
    assert!(String::from_utf8_lossy(&live.bytes).rsplit("refresh").next().is_some_and(|last| last.contains(&resumes)));
    board.say(3);
    raw.expect(&["entry 3"]).await;
}

#[tokio::test]
async fn live_html_ends_at_most_every_five_seconds_for_reactions() {
    let board = Board::open();
    board.publish(1).await;
    let (mut live, connection) = Reader::connect(&board, formats()[3]).await;
    tokio::spawn(connection);
    live.expect(&["entry 1"]).await;
    board.change(Kind::React, 1);
    board.fanout.advance(FLUSH).await;
    live.expect(&["heartbeat"]).await;
    board.change(Kind::React, 1);
    board.say(2);
    live.expect(&["entry 4"]).await;
    board.fanout.advance(REACTIONS - FLUSH).await;
    live.expect(&["end"]).await;
    assert_eq!(live.next().await, None);
}

/// A document that begins after a change has it in all of its rows.
#[tokio::test]
async fn live_html_that_catches_up_past_a_change_goes_on() {
    let board = Board::open();
    board.publish(1).await;
    board.change(Kind::Erase, 1);
    board.say(2);
    let (mut live, connection) = Reader::connect(&board, formats()[3]).await;
    tokio::spawn(connection);
    live.expect(&["entry 1", "entry 3"]).await;
    board.fanout.advance(FLUSH).await;
    live.expect(&["heartbeat"]).await;
    board.say(3);
    live.expect(&["entry 4"]).await;
}

#[tokio::test]
async fn a_long_poll_waits_for_the_same() {
    let board = Board::open();
    board.publish(2).await;
    let log = board.log();
    wait_for_entries(&log, 1).await;
    {
        let mut waiting = std::pin::pin!(wait_for_entries(&log, 2));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        let _joins = board.room().join(None);
        board.fanout.advance(AGE).await;
        assert!(futures_util::poll!(&mut waiting).is_pending(), "nobody else is told by a poll");
        board.publish_numbers([3]).await;
        timeout(TIMEOUT, waiting).await.expect("there is something");
    }
    board.expire_all_but_one().await;
    timeout(TIMEOUT, wait_for_entries(&log, 1)).await.expect("a gap is something");
}

/// The time of the board whose keys end, in milliseconds.
static NOW: AtomicU64 = AtomicU64::new(0);

/// A private room on a board of its own, and two keys that may read it: one that ends at `NOW` 100,
/// and one that does not.
fn private_board() -> (Board, [Arc<Grants>; 2]) {
    let private = RoomSettings { mode: Mode::Private, ..RoomSettings::default() };
    let board = Board::open_with(Access::new(RoomsBy::Anyone, CastsBy::Post, private), || NOW.load(Ordering::Relaxed));
    let grants = [Some(100), None].map(|expires| {
        let secret = KeySecret::random().unwrap();
        let (hash, rooms) = (secret.hash(), RoomPattern::one(&board.name));
        let info = KeyInfo { id: hash.id(), rights: Rights::Read, rooms, label: String::new(), created: 0, expires, by: None };
        board.hub.access().apply(AccessChange::KeyCreated(StoredKey { info, hash }));
        board.hub.access().grants(&[secret], 0).unwrap()
    });
    (board, grants)
}

#[tokio::test]
async fn every_session_ends_with_its_access_within_a_tick() {
    let (board, [ends, stays]) = private_board();
    for (before, what) in [(0, "its time is over"), (1, "it is revoked")] {
        NOW.store(0, Ordering::Relaxed);
        let mut readers = Vec::new();
        for format in formats() {
            for grants in [&ends, &stays] {
                let (reader, connection) = Reader::connect_as(&board, format, Some(grants.clone())).await;
                tokio::spawn(connection);
                readers.push((Arc::ptr_eq(grants, &ends), reader));
            }
        }
        board.fanout.advance(1).await;
        match what {
            "it is revoked" => board.hub.access().apply(AccessChange::KeyRevoked(ends.keys()[0])),
            _ => NOW.store(100, Ordering::Relaxed),
        }
        board.fanout.advance(1).await;
        board.say(7);
        for (is_over, mut reader) in readers {
            let (name, mut words) = (reader.name, Vec::new());
            let entries = |words: &[String]| words.iter().filter(|word| word.starts_with("entry")).count();
            while (is_over || entries(&words) <= before)
                && let Some(word) = reader.next().await
            {
                words.push(word);
            }
            assert_eq!(entries(&words), before + usize::from(!is_over), "{name}: {what}");
            let last = match name {
                "live" => "end",
                // What was written last is flushed.
                "events" => "heartbeat",
                _ => "close 4501",
            };
            assert!(!is_over || words.last().is_some_and(|word| word == last), "{name}: {what}: {words:?}");
        }
    }
}
