//! A board for tests that use the release binary.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::env;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::HeaderName;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout};

/// A board that keeps its address when it is killed and started again.
pub struct Board {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
    /// What the process prints.
    output: Option<Lines<BufReader<ChildStdout>>>,
    http: reqwest::Client,
}

impl Board {
    /// Starts a board with arguments of `crier serve`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let (folder, http) = (TempDir::new().unwrap(), reqwest::Client::new());
        let mut board = Self { folder, port: 0, arguments, process: None, output: None, http };
        // Another process may take the free port first.
        for _ in 0..5 {
            board.port = free_port();
            if board.try_start().await {
                return board;
            }
        }
        panic!("the board does not start");
    }

    /// Starts a killed board again, at the same address.
    pub async fn start_again(&mut self) {
        assert!(self.try_start().await, "the board does not start again");
    }

    /// Starts the binary and waits until it prints its address. Returns false if it ends before.
    async fn try_start(&mut self) -> bool {
        let mut process = Command::new(binary())
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data"])
            .arg(self.folder.path())
            .args(&self.arguments)
            // Filling a room quickly exceeds the default limit of one address.
            .env("CRIER_PUBLISHES_BURST", "10000")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let has_started = lines.next_line().await.unwrap().is_some();
        (self.process, self.output) = (Some(process), Some(lines));
        has_started
    }

    /// Returns an admin's access key, by the link that the first start prints.
    pub async fn admin_key(&mut self) -> String {
        let lines = self.output.as_mut().unwrap();
        let find = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the board prints no link");
                if let Some((_, claim)) = line.split_once("#claim=") {
                    return claim.split_whitespace().next().unwrap().to_owned();
                }
            }
        };
        let claim = timeout(Duration::from_secs(20), find).await.expect("the board prints no link");
        let response = self.http.post(self.url("/key")).json(&json!({ "key": claim })).send().await.unwrap();
        let created: serde_json::Value = response.json().await.unwrap();
        created["key"].as_str().unwrap().to_owned()
    }

    /// Posts JSON with an access key.
    pub async fn post_with_key(&self, path: &str, key: &str, body: &serde_json::Value) {
        let response = self.http.post(self.url(path)).bearer_auth(key).json(body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
    }

    /// Kills the board with `kill -9`.
    pub async fn kill(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }

    /// Stops the board's process, so that its connections stay open and nothing is answered.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets a paused board go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        send_signal(self.process.as_ref().unwrap(), signal);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// Returns `host:port`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub async fn post(&self, room: &str, text: &str) {
        self.post_as(room, text, "").await;
    }

    pub async fn post_as(&self, room: &str, text: &str, author: &str) {
        let url = self.url(&format!("/api/rooms/{room}/messages"));
        let response = self.http.post(url).json(&json!({ "text": text, "author": author })).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }

    pub async fn get(&self, path: &str, headers: &[(HeaderName, &str)]) -> Response {
        let mut request = self.http.get(self.url(path));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.send().await.unwrap()
    }

    /// Waits until the lobby has these messages, in this order.
    pub async fn until_lobby_has(&self, expected: &[&str]) {
        let latest = Instant::now() + Duration::from_secs(20);
        loop {
            let texts = self.texts("lobby").await;
            if texts == expected {
                return;
            }
            assert!(Instant::now() < latest, "the lobby has {texts:?}, not {expected:?}");
            tokio::task::yield_now().await;
        }
    }

    /// Returns the texts of the newest messages of a room.
    pub async fn texts(&self, room: &str) -> Vec<String> {
        let url = self.url(&format!("/api/rooms/{room}/messages?limit=200"));
        let page: protocol::MessagesPage = self.http.get(url).send().await.unwrap().json().await.unwrap();
        page.entries.into_iter().map(|entry| entry.text.into()).collect()
    }
}

/// Returns the path of the release binary.
pub fn binary() -> PathBuf {
    let from_make = env::var_os("CRIER").map(PathBuf::from);
    let path = from_make.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/release/crier"));
    assert!(path.exists(), "{} is missing: run `make build`", path.display());
    path
}

/// Sends a signal, such as `-TERM`.
pub fn send_signal(process: &Child, signal: &str) {
    let id = process.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
}

/// Returns a port that nothing listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
