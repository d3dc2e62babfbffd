//! What every test needs: a board that can be killed and started again, and browsers.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::thread::available_parallelism;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::WebDriver;
use thirtyfour::extensions::cdp::ChromeDevTools;
use tokio::process::Child;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::board;
use crate::engine::Engine;
pub use crate::engine::Options;

/// The longest wait of any test. A test that reaches it has failed.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// How many tests may run at a time: as many as there are processors, because a browser needs one.
static PROCESSORS: LazyLock<u32> = LazyLock::new(|| available_parallelism().map_or(1, |count| count.get() as u32));
/// Has a permit for each processor. A test that measures takes all, so that it runs alone.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(*PROCESSORS as usize));

async fn turn(processors: u32) -> SemaphorePermit<'static> {
    TURNS.acquire_many(processors).await.expect("it is never closed")
}

/// A board for a test that runs alone, or beside others.
pub struct Board {
    board: board::Board,
    _turn: SemaphorePermit<'static>,
}

impl Board {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a board with arguments of `crier serve`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let turn = turn(1).await;
        Self { board: board::Board::start_with(arguments).await, _turn: turn }
    }

    /// Starts a board while no other test runs, for measurements.
    pub async fn start_alone(arguments: &[&str]) -> Self {
        let turn = turn(*PROCESSORS).await;
        Self { board: board::Board::start_with(arguments).await, _turn: turn }
    }
}

impl Deref for Board {
    type Target = board::Board;

    fn deref(&self) -> &board::Board {
        &self.board
    }
}

impl DerefMut for Board {
    fn deref_mut(&mut self) -> &mut board::Board {
        &mut self.board
    }
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
