//! Compares what readers see of messages that change with a plain model, under random operations:
//! publish, edit, erase, react, pin, set the room up, approve, reject, drop, restart, and change
//! the transport. The model does not use the board's folding.

mod model;

mod reader;

use fastrand::Rng;
use protocol::{Problem, Published, RoomInfo};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::TestServer;
use model::Expected::{self, Duplicate, Refused, Stored};
use model::{Actor, Message, Model, shown};
use reader::{Reader, page};

const SEEDS: u64 = 3;
const STEPS: usize = 140;
const ROOM: &str = "talk";
const EMOJI: [&str; 3] = ["👍", "🎉", "❤️"];
const IDENTITIES: [&str; 3] = [
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "CCECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
];

struct Simulation {
    server: TestServer,
    admin_key: String,
    model: Model,
    readers: Vec<Reader>,
    random: Rng,
    texts: u32,
}

#[tokio::test]
async fn readers_fold_random_changes_as_a_plain_model_does() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let server = TestServer::start();
        let admin_key = server.admin_key().await;
        let (random, model, readers) = (Rng::with_seed(seed), Model::default(), Vec::new());
        let mut simulation = Simulation { server, admin_key, model, readers, random, texts: 0 };
        for _ in 0..STEPS {
            simulation = simulation.step().await;
        }
        simulation.check().await;
    }
}

impl Simulation {
    async fn step(mut self) -> Self {
        let of = self.random.u64(0..self.model.latest + 2);
        let person = self.random.usize(0..IDENTITIES.len());
        let actor = Some(person).filter(|_| self.random.u8(0..5) > 0);
        match self.random.u32(0..100) {
            0..=27 => {
                let text = self.draw_text();
                let expected = self.model.say(actor, &text);
                self.publish(actor, json!({ "text": text }), expected).await;
            }
            28..=42 => {
                let known = self.model.messages.get(&of).map(|message| message.text.clone());
                let text = known.filter(|text| !text.is_empty() && self.random.u8(0..6) == 0).unwrap_or_else(|| self.draw_text());
                let expected = self.model.edit(actor, of, &text);
                self.publish(actor, json!({ "kind": "edit", "of": of, "text": text }), expected).await;
            }
            43..=48 => {
                let expected = self.model.erase(actor, of);
                self.publish(actor, json!({ "kind": "erase", "of": of }), expected).await;
            }
            49..=68 => {
                let (emoji, off) = (EMOJI[self.random.usize(0..EMOJI.len())], self.random.u8(0..3) == 0);
                let expected = self.model.react(person, of, emoji, off);
                self.publish(Some(person), json!({ "kind": "react", "of": of, "emoji": emoji, "off": off }), expected).await;
            }
            69..=74 => {
                let is_on = self.random.bool();
                let expected = self.model.pin(of, is_on);
                self.publish(None, json!({ "kind": if is_on { "pin" } else { "unpin" }, "of": of }), expected).await;
            }
            75..=78 => {
                let queue = self.random.bool();
                let expected = self.model.set_queue(queue);
                self.publish(None, json!({ "kind": "room", "settings": { "queue": queue } }), expected).await;
            }
            79..=84 => self.decide().await,
            85..=87 => self.readers.push(Reader::start(&self.server, person).await),
            88..=94 => {
                let transport = self.random.u32(0..3);
                if let Some(reader) = self.random.choice(&mut self.readers) {
                    reader.switch(&self.server, transport).await;
                }
            }
            95..=97 => self.catch_up().await,
            _ => return self.restart().await,
        }
        self
    }

    /// No text is a part of another one.
    fn draw_text(&mut self) -> String {
        self.texts += 1;
        format!("{}text {}.", "字".repeat(self.random.usize(0..20)), self.texts)
    }

    fn request(&self, method: Method, path: &str, actor: Actor) -> RequestBuilder {
        let request = self.server.http.request(method, self.server.url(path));
        match actor {
            Some(person) => request.header("crier-identity", IDENTITIES[person]),
            None => request.bearer_auth(&self.admin_key),
        }
    }

    /// Publishes, twice if it has a key: the second time is answered the same.
    async fn publish(&mut self, actor: Actor, mut body: Value, expected: Expected) {
        let has_key = self.random.bool();
        if has_key {
            body["key"] = format!("{:032x}", self.random.u128(..)).into();
        }
        for is_again in [false, true].into_iter().take(1 + usize::from(has_key)) {
            let request = self.request(Method::POST, &format!("/api/rooms/{ROOM}/messages"), actor);
            let response = request.json(&body).send().await.unwrap();
            if response.status() == 200 {
                let published: Published = response.json().await.unwrap();
                let answer = if published.duplicate && !is_again { Duplicate } else { Stored };
                assert!(answer == expected || is_again && expected == Duplicate, "{body}: {published:?}");
                assert!(expected == Duplicate || published.position.offset == self.model.latest, "{body}: {published:?}");
                assert!(published.duplicate || !is_again, "{body}: stored twice");
            } else {
                let problem: Problem = response.json().await.unwrap();
                assert_eq!(Refused(problem.code.as_str()), expected, "{body}");
            }
        }
    }

    /// Approves or rejects one of the messages that wait. Twice: the first decision stands.
    async fn decide(&mut self) {
        let path = format!("/api/admin/rooms/{ROOM}/queue");
        let queue: Value = self.request(Method::GET, &path, None).send().await.unwrap().json().await.unwrap();
        let waiting: Vec<_> = queue["waiting"].as_array().unwrap().iter().map(|it| (it["id"].clone(), it["text"].clone())).collect();
        let texts = || self.model.waiting.iter().map(|(_, text)| text.as_str());
        assert!(waiting.iter().map(|(_, text)| text.as_str().unwrap()).eq(texts()), "{queue}");
        if waiting.is_empty() {
            return;
        }
        let which = self.random.usize(0..waiting.len());
        let (person, text) = self.model.waiting.remove(which);
        let is_approved = self.random.bool();
        if is_approved {
            self.model.add(Message { by: Some(person), text, ..Message::default() });
        }
        for decision in [if is_approved { "approve" } else { "reject" }, if self.random.bool() { "approve" } else { "reject" }] {
            let request = self.request(Method::POST, &format!("{path}/{}", waiting[which].0), None);
            let decided: protocol::admin::Decided =
                request.json(&json!({ "decision": decision })).send().await.unwrap().json().await.unwrap();
            assert_eq!(decided.position.map(|position| position.offset), Some(self.model.latest).filter(|_| is_approved));
        }
    }

    async fn catch_up(&mut self) {
        for reader in &mut self.readers {
            reader.read_until(&self.server, self.model.latest).await;
        }
    }

    /// Restarts the server. Readers notice by themselves.
    async fn restart(mut self) -> Self {
        self.server = self.server.restart().await;
        self
    }

    /// Checks that all readers, and new ones, see what the model has, and no hidden text.
    async fn check(mut self) {
        self.catch_up().await;
        let expected = self.model.shown();
        for reader in &self.readers {
            let first = reader.messages.keys().next().copied().unwrap_or_default();
            let seen: Vec<_> = reader.messages.values().map(shown).collect();
            assert_eq!(seen, expected.iter().filter(|message| message.0 >= first).cloned().collect::<Vec<_>>());
        }
        let info: RoomInfo = self.server.get(&format!("/api/rooms/{ROOM}")).await.json().await.unwrap();
        assert_eq!(info.pins.iter().map(|entry| entry.offset).collect::<Vec<_>>(), self.model.pins);
        for identity in 0..IDENTITIES.len() {
            let page = page(&self.server, identity, "?limit=200").await;
            assert_eq!(page.entries.iter().map(shown).collect::<Vec<_>>(), expected);
            for reaction in page.entries.iter().flat_map(|entry| entry.reactions.iter().map(move |reaction| (entry.offset, reaction))) {
                let (offset, reaction) = reaction;
                let people = self.model.messages[&offset].reactions.iter().find(|(emoji, _)| *emoji == reaction.emoji);
                assert_eq!(reaction.mine, people.is_some_and(|(_, people)| people.contains(&identity)), "{offset} {reaction:?}");
            }
        }
        let html = self.server.get(&format!("/r/{ROOM}?lang=en")).await.text().await.unwrap();
        let all = serde_json::to_string(&self.server.all_entries(ROOM).await).unwrap();
        for hidden in self.model.erased.union(&self.model.unapproved) {
            assert!(!html.contains(hidden.as_str()) && !all.contains(hidden.as_str()), "{hidden:?} is shown");
        }
        let is_received = |text: &String| self.readers.iter().any(|reader| reader.received.contains(text.as_str()));
        assert_eq!(self.model.unapproved.iter().find(|text| is_received(text)), None);
    }
}
