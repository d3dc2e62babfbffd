//! A hall full of phones: hundreds of people post into a queue, two moderators decide at once, and
//! everybody else watches over every transport. What nobody approved must never leave.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{Received, TIMEOUT, TestServer, eventually};

/// How many people post.
const PHONES: usize = 300;
/// How many of them post at a time.
const AT_A_TIME: usize = 30;
/// From the moderator's request to the message in a reader's hands.
const SEEN_P99_MAX: Duration = Duration::from_millis(500);
/// From the moderator's request until no open view has the text.
const GONE_MAX: Duration = Duration::from_secs(1);

/// Everything that a reader received, with the time of each piece.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Vec<(Instant, String)>>>);

impl Tape {
    fn record(&self, text: impl Into<String>) {
        self.0.lock().push((Instant::now(), text.into()));
    }

    fn has(&self, word: &str) -> bool {
        self.0.lock().iter().any(|(_, text)| text.contains(word))
    }

    /// When a word arrived, for each piece that has it.
    fn times(&self, word: &str) -> Vec<Instant> {
        self.0.lock().iter().filter(|(_, text)| text.contains(word)).map(|(time, _)| *time).collect()
    }
}

/// A reader that records what it receives until it is dropped.
struct Watcher {
    name: &'static str,
    tape: Tape,
    task: JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watcher {
    /// A projector: the wall of the room reads a WebSocket.
    async fn projector(server: &TestServer) -> Self {
        let tape = Tape::default();
        let mut socket = server.socket("/ws/hall").await;
        let own = tape.clone();
        let task = tokio::spawn(async move {
            while let Received::Text(text) = socket.receive().await {
                own.record(text);
            }
        });
        Self { name: "WebSocket", tape, task }
    }

    async fn event_stream(server: &TestServer) -> Self {
        let response = server.get("/api/rooms/hall/events").await;
        assert_eq!(response.status(), 200);
        let tape = Tape::default();
        let task = tokio::spawn(record_lines(response, tape.clone()));
        Self { name: "event stream", tape, task }
    }

    /// A browser without script: it follows the refresh at the end of each document.
    async fn no_script(server: &TestServer) -> Self {
        let (tape, http, origin) = (Tape::default(), server.http.clone(), server.url(""));
        let own = tape.clone();
        let mut path = "/r/hall/live?earlier=true".to_owned();
        let task = tokio::spawn(async move {
            loop {
                let document = Tape::default();
                let response = http.get(format!("{origin}{path}")).send().await.unwrap();
                own.record("<!-- a new document -->");
                record_parts(response, &own, &document).await;
                let whole: String = document.0.lock().iter().map(|(_, text)| text.as_str()).collect();
                let Some((_, refresh)) = whole.rsplit_once(";url=") else { return };
                path = refresh.split('"').next().unwrap().replace("&amp;", "&");
            }
        });
        Self { name: "live HTML", tape, task }
    }

    /// A reader that polls, as many proxies force it to.
    async fn long_poll(server: &TestServer) -> Self {
        let (tape, http, origin) = (Tape::default(), server.http.clone(), server.url("/api/rooms/hall/messages"));
        let first: Value = http.get(&origin).send().await.unwrap().json().await.unwrap();
        let mut position = first["position"].as_str().unwrap().to_owned();
        let own = tape.clone();
        let task = tokio::spawn(async move {
            loop {
                let text = http.get(format!("{origin}?after={position}&wait=5&limit=200")).send().await.unwrap().text().await.unwrap();
                position = serde_json::from_str::<Value>(&text).unwrap()["position"].as_str().unwrap().to_owned();
                own.record(text);
            }
        });
        Self { name: "long-poll", tape, task }
    }
}

/// Records a stream, line by line.
async fn record_lines(mut response: Response, tape: Tape) {
    let mut rest = String::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        rest += &String::from_utf8_lossy(&chunk);
        while let Some(end) = rest.find('\n') {
            tape.record(rest.drain(..=end).collect::<String>());
        }
    }
}

/// Records a document as it arrives, row by row.
async fn record_parts(mut response: Response, tape: &Tape, document: &Tape) {
    while let Ok(Some(chunk)) = response.chunk().await {
        for part in String::from_utf8_lossy(&chunk).split_inclusive("</li>") {
            tape.record(part);
            document.record(part);
        }
    }
}

/// A moderator, by an access key.
#[derive(Clone)]
struct Moderator {
    http: reqwest::Client,
    url: String,
    key: String,
    newest_first: bool,
}

impl Moderator {
    fn bearer(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.key)
    }

    async fn queue(&self) -> Value {
        let order = if self.newest_first { "&newest=true" } else { "" };
        let url = format!("{}/api/admin/rooms/hall/queue?limit=20{order}", self.url);
        self.bearer(self.http.get(url)).send().await.unwrap().json().await.unwrap()
    }

    async fn decide(&self, id: u64, body: &Value) -> Response {
        let url = format!("{}/api/admin/rooms/hall/queue/{id}", self.url);
        self.bearer(self.http.post(url)).json(body).send().await.unwrap()
    }

    /// Works until nothing waits and `all_posted`. Records when each text was approved.
    async fn work(self, all_posted: Arc<Mutex<bool>>, approved: Arc<Mutex<HashMap<String, Instant>>>) {
        loop {
            let was_all = *all_posted.lock();
            let queue = self.queue().await;
            let waiting = queue["waiting"].as_array().unwrap();
            for message in waiting {
                let (id, text) = (message["id"].as_u64().unwrap(), message["text"].as_str().unwrap());
                if text.starts_with("approve") {
                    // The first request counts: the other moderator may ask for the same.
                    approved.lock().entry(text.to_owned()).or_insert_with(Instant::now);
                    let answer = self.decide(id, &json!({ "decision": "approve" })).await;
                    assert_eq!(answer.status(), 200, "both moderators get the same result");
                } else {
                    let answer = self.decide(id, &json!({ "decision": "reject", "reason": "off topic" })).await;
                    assert_eq!(answer.status(), 200);
                }
            }
            if waiting.is_empty() && was_all {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// What the phone with this number writes. The words are unique, also as parts of others.
fn text(phone: usize) -> String {
    if phone.is_multiple_of(3) { format!("withhold-{phone}-please") } else { format!("approve-{phone}-please") }
}

/// Posts, and posts again with the same key until a moderator has decided. Returns the last answer.
fn phone(server: &TestServer, number: usize) -> RequestBuilder {
    let body = json!({ "text": text(number), "author": format!("phone {number}"), "key": format!("phone-{number}") });
    server.http.post(server.url("/api/rooms/hall/messages")).header("crier-identity", identity(number)).json(&body)
}

/// An identity's secret: 256 bits as 43 characters of base64url.
fn identity(number: usize) -> String {
    format!("{number:0>42}A")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_unapproved_reaches_a_hall_and_what_is_erased_leaves_every_view() {
    let server = TestServer::start();
    let admin = server.admin_key().await;
    let settings = server.http.put(server.url("/api/admin/rooms/hall")).bearer_auth(&admin).json(&json!({ "queue": true }));
    assert_eq!(settings.send().await.unwrap().status(), 200);
    let mut moderators = Vec::new();
    for newest_first in [false, true] {
        let (key, _) = server.create_key("moderate", "hall", if newest_first { "newest" } else { "oldest" }).await;
        moderators.push(Moderator { http: server.http.clone(), url: server.url(""), key, newest_first });
    }
    let watchers = [
        Watcher::projector(&server).await,
        Watcher::event_stream(&server).await,
        Watcher::no_script(&server).await,
        Watcher::long_poll(&server).await,
    ];

    let (all_posted, approved) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(HashMap::new())));
    let work: Vec<_> =
        moderators.iter().map(|moderator| tokio::spawn(moderator.clone().work(all_posted.clone(), approved.clone()))).collect();
    let start = Instant::now();
    stream::iter(0..PHONES)
        .for_each_concurrent(AT_A_TIME, async |number| {
            let answer = phone(&server, number).send().await.unwrap();
            assert_eq!(answer.status(), 202, "{number}");
        })
        .await;
    *all_posted.lock() = true;
    for moderator in work {
        timeout(TIMEOUT * 3, moderator).await.expect("the moderators are never done").unwrap();
    }
    println!("{PHONES} messages were decided on in {:?}", start.elapsed());

    let approved = Arc::try_unwrap(approved).unwrap().into_inner();
    assert_eq!(approved.len(), (0..PHONES).filter(|number| !number.is_multiple_of(3)).count());
    for watcher in &watchers {
        eventually("everything that was approved is seen", async || approved.keys().all(|text| watcher.tape.has(text))).await;
        check_times(watcher, &approved);
    }
    check_what_was_rejected(&server, &watchers).await;
    erase(&server, &moderators[0], &watchers).await;
}

/// Checks that nobody saw a message before it was approved, or long after.
fn check_times(watcher: &Watcher, approved: &HashMap<String, Instant>) {
    let mut waits: Vec<_> = approved
        .iter()
        .map(|(text, time)| {
            let seen = watcher.tape.times(text)[0];
            assert!(seen >= *time, "{}: {text} was seen before it was approved", watcher.name);
            seen - *time
        })
        .collect();
    waits.sort_unstable();
    let (half, p99) = (waits[waits.len() / 2], waits[waits.len() * 99 / 100]);
    println!("{}: approved to seen: median {half:?}, p99 {p99:?}, worst {:?}", watcher.name, waits.last().unwrap());
    assert!(p99 < SEEN_P99_MAX, "{}: {p99:?}", watcher.name);
}

/// Checks that rejected texts are in nothing that was sent, or can be asked for; and that each
/// author learns what became of their message.
async fn check_what_was_rejected(server: &TestServer, watchers: &[Watcher]) {
    for number in 0..PHONES {
        let answer = phone(server, number).send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        let expected = if number.is_multiple_of(3) { (403, "off topic") } else { (200, "position") };
        assert_eq!(status, expected.0, "{number}: {body}");
        assert!(body.contains(expected.1), "{number}: {body}");
    }
    let mut answers = Vec::new();
    for path in ["/r/hall", "/r/hall/wall", "/api/rooms/hall", "/api/rooms/hall/messages?limit=200"] {
        answers.push(server.get(path).await.text().await.unwrap());
    }
    answers.push(serde_json::to_string(&server.all_entries("hall").await).unwrap());
    for text in (0..PHONES).step_by(3).map(text) {
        for watcher in watchers {
            assert!(!watcher.tape.has(&text), "{} received {text}", watcher.name);
        }
        assert!(answers.iter().all(|answer| !answer.contains(&text)), "{text} can be asked for");
    }
}

/// Erases messages and checks that they leave every open view.
async fn erase(server: &TestServer, moderator: &Moderator, watchers: &[Watcher]) {
    let mut waits = Vec::new();
    for entry in server.page("hall", "").await.entries.iter().rev().take(5) {
        let (offset, text) = (entry.offset, entry.text.as_str());
        let start = Instant::now();
        let body = json!({ "kind": "erase", "of": offset });
        let request = server.http.post(server.url("/api/rooms/hall/messages")).json(&body);
        assert_eq!(moderator.bearer(request).send().await.unwrap().status(), 200);
        for watcher in watchers {
            let is_told = |piece: &str| {
                let erases = piece.contains("\"kind\":\"erase\"") && piece.contains(&format!("\"of\":{offset}"));
                // Without script a fresh document takes the place of the old one.
                erases || (watcher.name == "live HTML" && piece.contains("a new document"))
            };
            let told = async || watcher.tape.0.lock().iter().any(|(time, piece)| *time >= start && is_told(piece));
            eventually("the reader is told", told).await;
            let time = watcher.tape.0.lock().iter().find(|(time, piece)| *time >= start && is_told(piece)).unwrap().0;
            waits.push((time - start, watcher.name));
        }
        for path in ["/r/hall", "/api/rooms/hall/messages?limit=200"] {
            assert!(!server.get(path).await.text().await.unwrap().contains(text), "{path} still has {text}");
        }
        let live = &watchers[2].tape;
        let newest = live.times("a new document").last().copied().unwrap();
        assert!(live.times(text).iter().all(|time| *time <= newest), "the fresh document has {text} again");
    }
    let (worst, name) = waits.into_iter().max().unwrap();
    println!("erased to gone: worst {worst:?} ({name})");
    assert!(worst < GONE_MAX, "{name}: {worst:?}");
}
