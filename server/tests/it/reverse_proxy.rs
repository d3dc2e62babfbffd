//! Real reverse proxies in front of a server, and streams through them.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use flate2::write::GzDecoder;
use reqwest::Response;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::{TIMEOUT, eventually};

/// The time after which a posted message must have passed a proxy.
pub const PASSING_TIME_MAX: Duration = Duration::from_secs(1);
/// How often a proxy is started again if another process took its port.
const STARTS_MAX: usize = 5;

/// A proxy in front of a server.
pub struct ReverseProxy {
    pub port: u16,
    process: Child,
    _folder: TempDir,
}

impl ReverseProxy {
    /// Starts a proxy and waits until it answers. `command` gets its folder and port. `name` begins
    /// its `Server` header.
    pub async fn start(name: &str, command: impl Fn(&Path, u16) -> Command) -> Self {
        for _ in 0..STARTS_MAX {
            let folder = TempDir::new().unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = command(folder.path(), port);
            command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            let process = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
            let mut proxy = Self { port, process, _folder: folder };
            if proxy.comes_up(name).await {
                return proxy;
            }
        }
        panic!("{name} found no free port");
    }

    /// Waits until the proxy answers. Returns false if it has ended, because its port is taken.
    async fn comes_up(&mut self, name: &str) -> bool {
        // The process that took the port may answer as well, but not with this header.
        let answers = async |proxy: &Self| {
            let response = reqwest::get(proxy.url("/healthz")).await.ok()?;
            response.headers().get("server")?.to_str().ok()?.starts_with(name).then_some(())
        };
        let mut has_ended = false;
        eventually(&format!("{name} answers"), async || {
            has_ended = self.process.try_wait().unwrap().is_some();
            has_ended || answers(self).await.is_some()
        })
        .await;
        !has_ended
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// Gets a path as a browser that accepts compression.
    pub async fn get(&self, path: &str) -> Response {
        reqwest::Client::new().get(self.url(path)).header("accept-encoding", "gzip, br").send().await.unwrap()
    }
}

/// Returns a program that `setup/install` unpacked, or else one of the system. Debian keeps some
/// where users don't look.
pub fn program(name: &str) -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin").join(name);
    let places = [unpacked, Path::new("/usr/sbin").join(name)];
    places.into_iter().find(|place| place.exists()).unwrap_or_else(|| name.into())
}

/// The content of a response that has arrived, decompressed like in a browser.
pub struct Arrived {
    response: Response,
    unpacked: Option<GzDecoder<Vec<u8>>>,
    plain: Vec<u8>,
}

impl Arrived {
    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        let packed = response.headers().get("content-encoding").is_some_and(|encoding| encoding == "gzip");
        Self { response, unpacked: packed.then(|| GzDecoder::new(Vec::new())), plain: Vec::new() }
    }

    /// Waits until a text has arrived.
    pub async fn wait_for(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.plain).contains(text) {
            let chunk = timeout(TIMEOUT, self.response.chunk()).await.expect("nothing arrived").unwrap().expect("the stream has ended");
            match &mut self.unpacked {
                Some(unpacked) => {
                    unpacked.write_all(&chunk).unwrap();
                    unpacked.flush().unwrap();
                    self.plain.clone_from(unpacked.get_ref());
                }
                None => self.plain.extend(&chunk),
            }
        }
    }
}
