//! Streams through a real nginx as Debian sets it up: buffering and compression on, and nothing said about this board.

#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use flate2::write::GzDecoder;
use protocol::ServerFrame;
use reqwest::Response;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use crate::support::{Socket, TIMEOUT, TestServer};

/// How soon a message must be visible.
pub const VISIBLE_TIME_MAX: Duration = Duration::from_secs(1);

/// An nginx in front of a server.
struct Nginx {
    port: u16,
    _process: Child,
    _folder: TempDir,
}

impl Nginx {
    /// `more` is what its `location` says besides where to go.
    async fn before(server: &TestServer, more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().display();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // What concerns requests is as in Debian's nginx.conf; what concerns processes and files suits a test.
        let configuration = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;
             events {{ worker_connections 768; }}
             http {{
                 client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;
                 uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
                 sendfile on;
                 tcp_nopush on;
                 types_hash_max_size 2048;
                 default_type application/octet-stream;
                 access_log {path}/access.log;
                 gzip on;
                 server {{
                     listen 127.0.0.1:{port};
                     location / {{ proxy_pass http://{}; {more} }}
                 }}
             }}",
            server.address
        );
        std::fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
        let mut nginx = Command::new(program());
        nginx.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
        let process = nginx.stderr(Stdio::null()).kill_on_drop(true).spawn();
        let nginx = Self { port, _process: process.expect("nginx is installed"), _folder: folder };
        let start = Instant::now();
        while nginx.get("/healthz").await.is_none_or(|response| response.status() != 200) {
            assert!(start.elapsed() < TIMEOUT, "nginx does not answer");
        }
        nginx
    }

    async fn get(&self, path: &str) -> Option<Response> {
        let request = reqwest::Client::new().get(format!("http://127.0.0.1:{}{path}", self.port));
        request.header("accept-encoding", "gzip, br").send().await.ok()
    }
}

/// Ours, which `setup/install` unpacked, or the system's. On Debian that is where only administrators look by themselves.
fn program() -> PathBuf {
    let ours = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/bin/nginx"));
    let places = [ours, PathBuf::from("/usr/sbin/nginx")];
    places.into_iter().find(|place| place.exists()).unwrap_or_else(|| "nginx".into())
}

/// What has arrived of a response, as a browser would show it.
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
            let chunk = timeout(TIMEOUT, self.response.chunk()).await.expect("nothing comes").unwrap().expect("it goes on");
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

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_message_passes_nginx_within_a_second() {
    let server = TestServer::start();
    for more in ["proxy_http_version 1.1;", ""] {
        let nginx = Nginx::before(&server, more).await;
        for (path, hello) in [("/r/lobby/live", "<ol id=\"messages\""), ("/api/rooms/lobby/events", "event: hello")] {
            let mut arrived = Arrived::of(nginx.get(path).await.unwrap());
            arrived.wait_for(hello).await;
            for n in 0..5 {
                let text = format!("number {n} through {path} {more}");
                let posted = Instant::now();
                server.post("lobby", &text).await;
                arrived.wait_for(&text.replace('"', "&quot;")).await;
                assert!(posted.elapsed() < VISIBLE_TIME_MAX, "{path} {more}: {:?}", posted.elapsed());
            }
            println!("{path} {more} compressed: {}", arrived.unpacked.is_some());
        }
    }
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn the_nginx_configuration_of_the_readme_works_and_prevents_spoofed_addresses() {
    let readme = include_str!("../../../README.md");
    let more: String = readme.lines().filter(|line| line.starts_with("        proxy_") && !line.contains("proxy_pass")).collect();
    let server = TestServer::start_with(&["--trust-proxy", "127.0.0.1", "--publishes-burst", "3", "--publishes-per-second", "1"]);
    let nginx = Nginx::before(&server, &more).await;
    let board = format!("127.0.0.1:{}", nginx.port);
    let own = format!("http://{board}");
    let mut socket = Socket::try_open(&format!("ws://{board}/ws/lobby"), &[("origin", &own)]).await.unwrap();
    assert!(matches!(socket.frame().await, ServerFrame::Hello(_)));
    let client = reqwest::Client::new();
    let mut statuses = Vec::new();
    for n in 0..20 {
        let request = client.post(format!("{own}/api/rooms/lobby/messages")).header("origin", &own);
        let request = request.header("x-forwarded-for", format!("203.0.113.{n}")).body("hello");
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert!(statuses.starts_with(&[200, 200, 200]) && statuses.contains(&429), "{statuses:?}");
    while !matches!(socket.frame().await, ServerFrame::Message(_)) {}
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_reader_that_disconnects_from_nginx_is_no_longer_online() {
    let server = TestServer::start();
    let nginx = Nginx::before(&server, "proxy_http_version 1.1;").await;
    let here = async || server.page("lobby", "").await.online;
    for path in ["/r/lobby/live", "/api/rooms/lobby/events"] {
        let arrived = nginx.get(path).await.unwrap();
        let start = Instant::now();
        while here().await != 1 {
            assert!(start.elapsed() < TIMEOUT);
        }
        drop(arrived);
        while here().await != 0 {
            assert!(start.elapsed() < TIMEOUT, "{path}");
        }
    }
}

/// Nginx keeps `Upgrade` to itself unless it is told otherwise, so there is no WebSocket.
#[tokio::test]
#[ignore = "needs nginx"]
async fn the_command_line_works_through_a_default_nginx() {
    let server = TestServer::start();
    for more in ["proxy_http_version 1.1;", ""] {
        let nginx = Nginx::before(&server, more).await;
        let start = server.page("lobby", "").await.latest.to_string();
        let crier = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_crier"));
            command.args(arguments).env("CRIER_SERVER", format!("http://127.0.0.1:{}", nginx.port)).kill_on_drop(true);
            command
        };
        let mut tail = crier(&["tail", "lobby", "--json", "--after", &start]).stdout(Stdio::piped()).spawn().unwrap();
        let posted = timeout(TIMEOUT, crier(&["post", "lobby", "through nginx"]).output()).await.unwrap().unwrap();
        assert!(posted.status.success(), "{posted:?}");
        let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
        let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("the program still runs");
        assert!(line.contains("through nginx"), "{line}");
    }
}
