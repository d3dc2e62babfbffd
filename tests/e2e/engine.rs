//! The browsers that tests run in, and their drivers.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::{Capabilities, CapabilitiesHelper, ChromiumLikeCapabilities, DesiredCapabilities};
use tokio::process::{Child, Command};
use tokio::time::interval;

use crate::board::free_port;

/// Options of a browser.
#[derive(Default)]
pub struct Options {
    pub language: Option<&'static str>,
    pub no_script: bool,
    /// Commands do not wait until a page is loaded. One with a live view never is.
    pub does_not_wait: bool,
}

/// A browser engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Chromium,
    Firefox,
    WebKit,
}

impl Engine {
    /// Returns the engine that `CRIER_BROWSER` names, else Chromium.
    pub fn from_environment() -> Self {
        let name = env::var_os("CRIER_BROWSER");
        match name.as_deref().and_then(OsStr::to_str).unwrap_or("chromium") {
            "chromium" => Self::Chromium,
            "firefox" => Self::Firefox,
            "webkit" => Self::WebKit,
            name => panic!("CRIER_BROWSER is {name}. It must be chromium, firefox or webkit."),
        }
    }

    fn driver(self) -> &'static str {
        match self {
            Self::Chromium => "chromedriver",
            Self::Firefox => "geckodriver",
            Self::WebKit => "WebKitWebDriver",
        }
    }

    /// Starts a driver and returns it with its URL.
    pub async fn start_driver(self, http: &reqwest::Client) -> (Child, String) {
        // Another process may take the port first, and chromedriver needs it on IPv6 as well.
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new(self.driver());
            command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            if self == Self::Firefox {
                // Its default port is the same for all drivers.
                command.arg("--websocket-port=0");
            }
            let mut driver = command.spawn().unwrap_or_else(|_| panic!("{} is not installed", self.driver()));
            let url = format!("http://127.0.0.1:{port}");
            let mut pace = interval(Duration::from_millis(20));
            while driver.try_wait().unwrap().is_none() {
                pace.tick().await;
                if http.get(format!("{url}/status")).send().await.is_ok() {
                    return (driver, url);
                }
            }
        }
        panic!("{} does not start", self.driver());
    }

    /// Returns the capabilities of a browser whose command line has the path of its profile.
    pub fn capabilities(self, options: &Options, profile: &Path) -> Capabilities {
        let language = options.language.unwrap_or("zh-CN");
        let profile = profile.to_str().unwrap();
        let mut capabilities = match self {
            Self::Chromium => chromium(language, profile),
            Self::Firefox => {
                let preferences = json!({ "intl.accept_languages": language });
                let firefox =
                    json!({ "args": ["-headless", "-profile", profile, "-width", "1280", "-height", "900"], "prefs": preferences });
                named("firefox", "moz:firefoxOptions", firefox)
            }
            Self::WebKit => {
                let cookies = format!("--cookies-file={profile}/cookies");
                let webkit = json!({ "binary": mini_browser(), "args": ["--automation", cookies] });
                named("MiniBrowser", "webkitgtk:browserOptions", webkit)
            }
        };
        if options.no_script || options.does_not_wait {
            // The live HTML never ends, so its page never finishes loading.
            capabilities.insert("pageLoadStrategy".to_owned(), json!("none"));
        }
        capabilities
    }
}

fn chromium(language: &str, profile: &str) -> Capabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
        &format!("--accept-lang={language}"),
        &format!("--user-data-dir={profile}"),
    ] {
        capabilities.add_arg(argument).unwrap();
    }
    capabilities.insert_base_capability("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
    capabilities.into()
}

fn named(name: &str, key: &str, options: Value) -> Capabilities {
    [("browserName".to_owned(), json!(name)), (key.to_owned(), options)].into_iter().collect()
}

/// Returns the path of WebKitGTK's browser, which is not on the path for programs.
fn mini_browser() -> String {
    let folders = std::fs::read_dir(format!("/usr/lib/{}-linux-gnu", env::consts::ARCH)).into_iter().flatten().flatten();
    let programs = folders.map(|folder| folder.path().join("MiniBrowser"));
    let found = programs.filter(|program| program.exists()).max().expect("WebKitGTK's MiniBrowser is installed");
    found.to_str().unwrap().to_owned()
}
