//! The whole board against a plain `Vec`: random publishing, subscribing, dropping, lagging and restarting.

use fastrand::Rng;
use protocol::{Position, PublishKey};
use serde_json::json;

use crate::support::{Subscriber, TestServer, texts};

const SEEDS: u64 = 6;
const STEPS: usize = 150;
const ROOMS: [&str; 2] = ["lobby", "大厅"];

/// A reader and, while it is away, where it will go on.
enum Reader {
    Here(Box<Subscriber>),
    Away(Position),
}

/// What a room must be.
#[derive(Default)]
struct Model {
    texts: Vec<String>,
    keys: Vec<(PublishKey, String, u64)>,
}

struct World {
    server: TestServer,
    rooms: [Model; 2],
    /// Each with the number of the room, the offset it started after, and what it has read before it last came back.
    readers: Vec<(usize, u64, Vec<String>, Reader)>,
    random: Rng,
}

#[tokio::test]
async fn the_board_is_a_list_that_everybody_reads() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut world = World { server: TestServer::start(), rooms: Default::default(), readers: Vec::new(), random: Rng::with_seed(seed) };
        for _ in 0..STEPS {
            world = world.step().await;
        }
        world.settle().await;
    }
}

impl World {
    async fn step(mut self) -> Self {
        let room = self.random.usize(0..ROOMS.len());
        match self.random.u32(0..100) {
            0..=44 => self.publish(room).await,
            45..=54 => self.publish_again(room).await,
            55..=64 => self.publish_a_burst(room).await,
            65..=74 => self.subscribe(room).await,
            75..=84 => self.leave(),
            85..=92 => self.come_back().await,
            93..=97 => self.catch_up().await,
            _ => return self.restart().await,
        }
        self
    }

    fn draw_text(&mut self) -> String {
        let length = if self.random.u8(0..20) == 0 { 10_000 } else { self.random.usize(1..40) };
        let letters = ['a', 'b', ' ', '字', '<', '"', '\n', '\u{202e}'];
        let text: String = (0..length).map(|_| letters[self.random.usize(0..letters.len())]).collect();
        format!("x{text}")
    }

    async fn publish(&mut self, room: usize) {
        let (text, key) = (self.draw_text(), PublishKey::from_bits(self.random.u128(..)));
        let offset = self.post(room, &text, &key).await;
        let model = &mut self.rooms[room];
        model.texts.push(text.clone());
        assert_eq!(offset, model.texts.len() as u64);
        model.keys.push((key, text, offset));
    }

    async fn publish_again(&mut self, room: usize) {
        let known = self.rooms[room].keys.len();
        if known == 0 {
            return;
        }
        let (key, text, offset) = self.rooms[room].keys[self.random.usize(0..known)].clone();
        assert_eq!(self.post(room, &text, &key).await, offset);
    }

    async fn post(&self, room: usize, text: &str, key: &PublishKey) -> u64 {
        let response = self.server.post_json(ROOMS[room], &json!({ "text": text, "key": key })).await;
        response.json::<protocol::Published>().await.unwrap().position.offset
    }

    /// Through one socket, without waiting for each answer.
    async fn publish_a_burst(&mut self, room: usize) {
        let mut socket = self.server.subscribe(ROOMS[room], None).await;
        let count = self.random.usize(1..60);
        for r#ref in 0..count {
            let text = self.draw_text();
            socket.publish(r#ref as u64, &text, None).await;
            self.rooms[room].texts.push(text);
        }
        socket.read_until(|seen| seen.published.len() == count).await;
    }

    async fn subscribe(&mut self, room: usize) {
        let subscriber = self.server.subscribe(ROOMS[room], None).await;
        self.readers.push((room, subscriber.seen.cursor, Vec::new(), Reader::Here(Box::new(subscriber))));
    }

    /// A reader goes, with whatever its socket still held unread.
    fn leave(&mut self) {
        let count = self.readers.len();
        if count == 0 {
            return;
        }
        let reader = &mut self.readers[self.random.usize(0..count)];
        put_away(reader);
    }

    async fn come_back(&mut self) {
        for reader in &mut self.readers {
            if let Reader::Away(position) = reader.3 {
                let subscriber = self.server.subscribe(ROOMS[reader.0], Some(position)).await;
                assert!(subscriber.hello().recovered);
                reader.3 = Reader::Here(Box::new(subscriber));
            }
        }
    }

    async fn catch_up(&mut self) {
        for (room, _, _, reader) in &mut self.readers {
            let latest = self.rooms[*room].texts.len() as u64;
            if let Reader::Here(subscriber) = reader {
                subscriber.read_until(|seen| seen.cursor == latest).await;
            }
        }
    }

    async fn restart(mut self) -> Self {
        for reader in &mut self.readers {
            put_away(reader);
        }
        self.server = self.server.restart().await;
        self
    }

    /// Everybody comes back and reads to the end; then all must have read what the model holds.
    async fn settle(mut self) {
        self.come_back().await;
        self.catch_up().await;
        for reader in &mut self.readers {
            put_away(reader);
        }
        for (room, start, read, _) in &self.readers {
            assert_eq!(*read, self.rooms[*room].texts[*start as usize..]);
        }
        for (name, model) in ROOMS.iter().zip(&self.rooms) {
            let stored = self.server.everything(name).await;
            assert_eq!(texts(&stored), model.texts);
        }
    }
}

fn put_away(reader: &mut (usize, u64, Vec<String>, Reader)) {
    if let Reader::Here(subscriber) = &mut reader.3 {
        reader.2.extend(subscriber.seen.entries.drain(..).map(|entry| String::from(entry.text)));
        reader.3 = Reader::Away(subscriber.position());
    }
}
