//! Compares the board with a plain `Vec` under random operations over every transport: publish,
//! subscribe, disconnect, lag, restart. In every other run messages expire. In some runs socket
//! buffers are small, so that writes stop inside a frame and continue later from the tail or from
//! history.

use std::sync::Arc;

use fastrand::Rng;
use protocol::PublishKey;
use serde_json::json;
use tempfile::TempDir;

use crate::readers::{Reader, Transport};
use crate::support::{TestServer, eventually, texts};

const SEEDS: u64 = 8;
const STEPS: usize = 150;
const ROOMS: [&str; 2] = ["lobby", "大厅"];
const KEEP: usize = 40;

/// The expected content of a room.
#[derive(Default)]
struct Model {
    texts: Vec<String>,
    keys: Vec<(PublishKey, String, u64)>,
}

struct Simulation {
    server: TestServer,
    expires: bool,
    small_buffers: bool,
    rooms: [Model; 2],
    /// Each with the index of its room and the offset it started after.
    readers: Vec<(usize, u64, Reader)>,
    random: Rng,
}

#[tokio::test]
async fn random_operations_match_the_model() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let expires = seed % 2 == 1;
        let small_buffers = seed % 4 >= 2;
        let server = start(Arc::new(TempDir::new().unwrap()), expires, small_buffers);
        let mut simulation =
            Simulation { server, expires, small_buffers, rooms: Default::default(), readers: Vec::new(), random: Rng::with_seed(seed) };
        for _ in 0..STEPS {
            simulation = simulation.step().await;
        }
        simulation.check().await;
    }
}

fn start(folder: Arc<TempDir>, expires: bool, small_buffers: bool) -> TestServer {
    let kept = if expires { KEEP } else { 0 }.to_string();
    let start = if small_buffers { TestServer::start_with_small_buffers_in } else { TestServer::start_in };
    start(folder, &["--keep-messages", &kept])
}

impl Simulation {
    async fn step(mut self) -> Self {
        let room = self.random.usize(0..ROOMS.len());
        match self.random.u32(0..100) {
            0..=39 => self.publish(room).await,
            40..=49 => self.publish_again(room).await,
            50..=59 => self.publish_a_burst(room).await,
            60..=69 => self.subscribe(room).await,
            70..=84 => self.switch(),
            85..=92 => self.read_on().await,
            93..=97 => self.catch_up().await,
            _ => return self.restart().await,
        }
        self
    }

    fn draw_text(&mut self) -> String {
        let length = if self.random.u8(0..20) == 0 { 10_000 } else { self.random.usize(1..40) };
        let letters = ['a', 'b', ' ', '字', '<', '"', '\n', '\u{202e}', '&', '\''];
        let text: String = (0..length).map(|_| letters[self.random.usize(0..letters.len())]).collect();
        // Blank lines around a text would be removed.
        format!("x{text}x")
    }

    fn draw_transport(&mut self) -> Transport {
        Transport::ALL[self.random.usize(0..Transport::ALL.len())]
    }

    async fn publish(&mut self, room: usize) {
        let (text, key) = (self.draw_text(), PublishKey::from_bits(self.random.u128(..)));
        let offset = self.post(room, &text, &key).await.position.offset;
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
        let which = self.random.usize(0..known);
        let (key, text, offset) = self.rooms[room].keys[which].clone();
        let published = self.post(room, &text, &key).await;
        if published.duplicate {
            return assert_eq!(published.position.offset, offset);
        }
        // A key expires with its message.
        let model = &mut self.rooms[room];
        assert!(self.expires && offset as usize + KEEP <= model.texts.len());
        model.texts.push(text);
        model.keys[which].2 = published.position.offset;
        assert_eq!(published.position.offset, model.texts.len() as u64);
    }

    async fn post(&self, room: usize, text: &str, key: &PublishKey) -> protocol::Published {
        self.server.post_json(ROOMS[room], &json!({ "text": text, "key": key })).await.json().await.unwrap()
    }

    /// Publishes over one socket without waiting for each answer.
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
        let position = self.server.page(ROOMS[room], "").await.latest;
        let transport = self.draw_transport();
        self.readers.push((room, position.offset, Reader::new(ROOMS[room], position, transport)));
    }

    /// Drops the connection of a reader, with all that it has not read, and switches its transport.
    fn switch(&mut self) {
        let count = self.readers.len();
        if count > 0 {
            let (which, transport) = (self.random.usize(0..count), self.draw_transport());
            self.readers[which].2.switch(transport);
        }
    }

    /// Every reader that is behind reads one item, or opens its connection.
    async fn read_on(&mut self) {
        for (room, _, reader) in &mut self.readers {
            if reader.position.offset < self.rooms[*room].texts.len() as u64 {
                reader.step(&self.server).await;
            }
        }
    }

    async fn catch_up(&mut self) {
        for (room, _, reader) in &mut self.readers {
            reader.read_until(&self.server, self.rooms[*room].texts.len() as u64).await;
        }
    }

    /// Restarts the server. Readers notice by themselves.
    async fn restart(mut self) -> Self {
        let folder = self.server.stop().await;
        self.server = start(folder, self.expires, self.small_buffers);
        self
    }

    /// Lets every reader catch up, and checks that it read all of the model, except for reported
    /// gaps.
    async fn check(mut self) {
        self.catch_up().await;
        for (room, start, reader) in &self.readers {
            let model = &self.rooms[*room].texts;
            assert!(reader.read.iter().all(|(offset, text)| model[*offset as usize - 1] == *text));
            let missed: u64 = reader.gaps.iter().map(|(after, resumes)| resumes - after).sum();
            assert_eq!(reader.read.len() as u64 + missed, model.len() as u64 - start);
            assert!(self.expires || reader.gaps.is_empty());
        }
        for (name, model) in ROOMS.iter().zip(&self.rooms) {
            if self.expires {
                self.check_retained(name, &model.texts).await;
            } else {
                assert_eq!(texts(&self.server.all_entries(name).await), model.texts);
            }
        }
    }

    async fn check_retained(&self, name: &str, all: &[String]) {
        eventually("only the newest messages are kept", async || {
            let stored = self.server.page(name, "?limit=200").await.entries;
            assert!(stored.len() >= KEEP.min(all.len()));
            assert_eq!(texts(&stored), all[all.len() - stored.len()..]);
            stored.len() <= KEEP
        })
        .await;
    }
}
