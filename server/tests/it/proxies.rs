//! The command line behind an HTTP proxy.

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{TIMEOUT, TestServer, crier, read_head, texts};
use crate::tls::TlsProxy;

/// The server's name, which only the proxy knows.
const BOARD: &str = "http://board.example";
/// `ana:secret` as Basic authentication, in lower case.
const AUTHORIZATION: &str = "proxy-authorization: basic yw5honnly3jlda==";

/// A proxy that makes tunnels and forwards requests, for those who know its password.
struct Proxy {
    address: SocketAddr,
    /// The first lines of all requests.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let requests = proxy.requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, server, requests.clone()));
            }
        });
        proxy
    }

    /// Returns a program that finds the proxy in a variable.
    fn crier(&self, variable: &str, user: &str, arguments: &[&str]) -> Command {
        let mut command = crier(BOARD, arguments);
        command.env(variable, format!("http://{user}{}", self.address)).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn was_asked(&self, start: &str) -> bool {
        self.requests.lock().iter().any(|line| line.starts_with(start))
    }
}

async fn pass(mut stream: TcpStream, server: SocketAddr, requests: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let head = read_head(&mut stream).await;
    let (line, fields) = head.split_once("\r\n").unwrap();
    requests.lock().push(line.to_owned());
    if !fields.to_lowercase().contains(AUTHORIZATION) {
        let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(answer.as_bytes()).await;
    }
    let mut behind = TcpStream::connect(server).await?;
    if line.starts_with("CONNECT ") {
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    } else {
        let line = line.replacen(BOARD, "", 1);
        behind.write_all(format!("{line}\r\nConnection: close\r\n{fields}").as_bytes()).await?;
    }
    copy_bidirectional(&mut stream, &mut behind).await.map(drop)
}

async fn output(mut command: Command) -> Output {
    timeout(TIMEOUT, command.output()).await.expect("the program does not end").unwrap()
}

#[tokio::test]
async fn post_and_tail_go_through_the_proxy_of_the_environment() {
    let server = TestServer::start_with(&["--allow-host", "board.example"]);
    let proxy = Proxy::before(server.address).await;
    let start = server.page("lobby", "").await.latest.to_string();
    let posted = output(proxy.crier("ALL_PROXY", "ana:secret@", &["post", "lobby", "hello"])).await;
    assert!(posted.status.success(), "{posted:?}");
    assert_eq!(texts(&server.all_entries("lobby").await), ["hello"]);
    for (transport, request) in [
        ("ws", "CONNECT board.example:80 HTTP/1.1"),
        ("sse", "GET http://board.example/api/rooms/lobby/events?"),
        ("long-poll", "GET http://board.example/api/rooms/lobby/messages?after="),
        ("poll", "GET http://board.example/api/rooms/lobby/messages?after="),
    ] {
        proxy.requests.lock().clear();
        let arguments = ["tail", "lobby", "--json", "--after", &start, "--transport", transport];
        let mut child = proxy.crier("http_proxy", "ana:secret@", &arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("the program has ended");
        assert!(line.contains("hello"), "{transport}: {line}");
        assert!(proxy.was_asked(request), "{transport}: {:?}", proxy.requests.lock());
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_away_is_named_without_its_password() {
    let server = TestServer::start_with(&["--allow-host", "board.example"]);
    let mut proxy = Proxy::before(server.address).await;
    for (user, reason) in [("", "wants a user and a password"), ("ana:wr0ng@", "refuses the user and password")] {
        for arguments in [&["post", "lobby", "x", "--timeout", "3600"][..], &["tail", "lobby"], &["tail", "lobby", "--transport", "poll"]] {
            let Output { status, stderr, .. } = output(proxy.crier("HTTP_PROXY", user, arguments)).await;
            let stderr = String::from_utf8(stderr).unwrap();
            assert!(
                status.code() == Some(3) && stderr.contains(&format!("the proxy http://{} {reason}", proxy.address)),
                "{arguments:?}: {stderr}"
            );
            assert!(!stderr.contains("wr0ng"), "{stderr}");
        }
    }
    // Nothing listens there.
    proxy.address.set_port(1);
    let Output { status, stderr, .. } = output(proxy.crier("HTTP_PROXY", "ana:wr0ng@", &["post", "lobby", "x", "--timeout", "1"])).await;
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(
        status.code() == Some(3) && stderr.contains("no connection to the proxy http://127.0.0.1:1:") && !stderr.contains("wr0ng"),
        "{stderr}"
    );
    assert!(server.all_entries("lobby").await.is_empty());
}

#[tokio::test]
async fn exceptions_and_servers_on_this_machine_need_no_proxy() {
    let server = TestServer::start();
    let proxy = Proxy::before(server.address).await;
    let mut post = proxy.crier("HTTP_PROXY", "", &["post", "lobby", "x", "--timeout", "1"]);
    // Without the proxy, there is no server with this name.
    assert!(!output(post).await.status.success());
    assert!(proxy.was_asked("CONNECT board.example:80"));
    proxy.requests.lock().clear();
    for exception in ["other.example, board.example", ".example", "*"] {
        post = proxy.crier("HTTP_PROXY", "", &["post", "lobby", "x", "--timeout", "1"]);
        post.env("NO_PROXY", exception);
        assert!(!output(post).await.status.success());
    }
    post = proxy.crier("HTTP_PROXY", "", &["post", "lobby", "x", "--server", &server.url("")]);
    assert!(output(post).await.status.success());
    assert!(proxy.requests.lock().is_empty());
}

#[tokio::test]
async fn certificates_are_checked_through_a_tunnel() {
    let server = TestServer::start_with(&["--allow-host", "board.example"]);
    let tls = TlsProxy::before(server.address, "board.example").await;
    let proxy = Proxy::before(([127, 0, 0, 1], tls.port).into()).await;
    let post = |text: &str| {
        let mut post = proxy.crier("HTTPS_PROXY", "ana:secret@", &["post", "lobby", text]);
        post.env("CRIER_SERVER", "https://board.example");
        post
    };
    let mut trusted = post("over TLS");
    trusted.env("SSL_CERT_FILE", &tls.authority);
    let posted = output(trusted).await;
    assert!(posted.status.success(), "{posted:?}");
    assert!(proxy.was_asked("CONNECT board.example:443"));
    let Output { status, stderr, .. } = output(post("refused")).await;
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(!status.success() && stderr.contains("authority that this system does not know"), "{stderr}");
    assert_eq!(texts(&server.all_entries("lobby").await), ["over TLS"]);
}

#[tokio::test]
async fn the_connection_to_a_proxy_may_be_encrypted() {
    let server = TestServer::start_with(&["--allow-host", "board.example"]);
    let proxy = Proxy::before(server.address).await;
    let tls = TlsProxy::before(proxy.address, "localhost").await;
    let start = server.page("lobby", "").await.latest.to_string();
    let through_tls = |arguments: &[&str]| {
        let mut command = proxy.crier("HTTP_PROXY", "", arguments);
        let variable = format!("https://ana:secret@localhost:{}", tls.port);
        command.env("HTTP_PROXY", variable).env("SSL_CERT_FILE", &tls.authority);
        command
    };
    let posted = output(through_tls(&["post", "lobby", "hello"])).await;
    assert!(posted.status.success(), "{posted:?}");
    assert!(proxy.was_asked("CONNECT board.example:80"));
    let mut child = through_tls(&["tail", "lobby", "--after", &start, "--transport", "poll"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("the program has ended");
    assert!(line.contains("hello") && proxy.was_asked("GET http://board.example/"), "{line}");
}
