//! What every test needs: a board that can be killed and started again, and browsers.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::HeaderName;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::WebDriver;
use thirtyfour::extensions::cdp::ChromeDevTools;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use crate::engine::Options;
use crate::engine::{Engine, free_port};

/// The longest wait of any test. A test that reaches it has failed.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Held for reading by each test, and for writing by a test that measures, so that it runs alone.
static EXCLUSIVE: RwLock<()> = RwLock::const_new(());

enum Turn {
    #[expect(dead_code, reason = "held until it is dropped")]
    Shared(RwLockReadGuard<'static, ()>),
    #[expect(dead_code, reason = "held until it is dropped")]
    Exclusive(RwLockWriteGuard<'static, ()>),
}

/// A board that keeps its address when it is killed and started again. A test runs one at a time.
pub struct Board {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
    http: reqwest::Client,
    _turn: Turn,
}

impl Board {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a board with arguments of `crier serve`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        Self::start_in_turn(Turn::Shared(EXCLUSIVE.read().await), arguments).await
    }

    /// Starts a board while no other test runs, for measurements.
    pub async fn start_alone(arguments: &[&str]) -> Self {
        Self::start_in_turn(Turn::Exclusive(EXCLUSIVE.write().await), arguments).await
    }

    async fn start_in_turn(turn: Turn, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let (folder, http) = (TempDir::new().unwrap(), reqwest::Client::new());
        let mut board = Self { folder, port: 0, arguments, process: None, http, _turn: turn };
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
        self.process = Some(process);
        has_started
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
        let id = self.process.as_ref().unwrap().id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
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

    /// Returns the texts of the newest messages of a room.
    pub async fn texts(&self, room: &str) -> Vec<String> {
        let url = self.url(&format!("/api/rooms/{room}/messages?limit=200"));
        let page: protocol::MessagesPage = self.http.get(url).send().await.unwrap().json().await.unwrap();
        page.entries.into_iter().map(|entry| entry.text.into()).collect()
    }
}

fn binary() -> PathBuf {
    let from_make = env::var_os("CRIER").map(PathBuf::from);
    let path = from_make.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/release/crier"));
    assert!(path.exists(), "{} is missing: run `make build`", path.display());
    path
}

/// Returns the folder of npm packages that `setup/install` installs for tests.
pub fn tools() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.tools/node_modules")
}

/// A browser with a fresh profile, and its driver.
pub struct Browser {
    pub page: WebDriver,
    pub engine: Engine,
    http: reqwest::Client,
    driver_url: String,
    _driver: Child,
    profile: TempDir,
}

/// A failed test does not quit its browser, and killing the driver leaves the browser running.
impl Drop for Browser {
    fn drop(&mut self) {
        let _ = std::process::Command::new("pkill").arg("-f").arg(self.profile.path()).status();
    }
}

impl Browser {
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub async fn start_with(options: Options) -> Self {
        let (engine, http, profile) = (Engine::from_environment(), reqwest::Client::new(), TempDir::new().unwrap());
        let (driver, driver_url) = engine.start_driver(&http).await;
        let capabilities = engine.capabilities(&options, profile.path());
        let page = WebDriver::new(&driver_url, capabilities).await.unwrap();
        page.set_script_timeout(TIMEOUT).await.unwrap();
        let browser = Self { page, engine, http, driver_url, _driver: driver, profile };
        if options.no_script {
            browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        }
        browser
    }

    /// Runs a command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        ChromeDevTools::new(self.page.handle.clone()).execute_cdp_with_params(command, parameters).await.unwrap()
    }

    /// Sets the size of the page, which can be smaller than a window.
    pub async fn resize(&self, width: u32, height: u32) {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// Returns the WebSocket address for DevTools commands to the page, without the driver.
    pub async fn devtools_address(&self) -> String {
        let port = fs::read_to_string(self.profile.path().join("DevToolsActivePort")).unwrap();
        let list = format!("http://127.0.0.1:{}/json", port.lines().next().unwrap());
        let targets: Value = self.http.get(list).send().await.unwrap().json().await.unwrap();
        let page = targets.as_array().unwrap().iter().find(|target| target["type"] == "page").unwrap();
        page["webSocketDebuggerUrl"].as_str().unwrap().to_owned()
    }

    /// Returns the console messages since the last call.
    pub async fn console(&self) -> Vec<String> {
        let url = format!("{}/session/{}/se/log", self.driver_url, self.page.session_id());
        let answer: Value = self.http.post(url).json(&json!({ "type": "browser" })).send().await.unwrap().json().await.unwrap();
        answer["value"].as_array().unwrap().iter().map(|line| format!("{}: {}", line["level"], line["message"])).collect()
    }

    pub async fn quit(self) {
        self.page.clone().quit().await.unwrap();
    }
}
