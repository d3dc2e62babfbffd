//! A faulty proxy between a browser and the board, whose fault can be changed at any time.
//!
//! Each connection carries one request: the proxy removes keep-alive, so that the end of a response
//! closes its connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The maximum length of a head, and of one read.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A fault of new connections. Open connections keep the fault they began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// Answers upgrades with 403.
    UpgradeRefused,
    /// Forwards upgrades and cuts them after 200 ms.
    UpgradeCut,
    /// Forwards upgrades, and no data after them.
    BlackHole,
    /// Holds back a response until it is complete.
    Buffered,
    /// Holds back the newest chunk of a response until the next one.
    OneBehind,
    /// Cuts every response after this time.
    CutAfter(Duration),
    /// Changes the page's security policy so that the browser forbids WebSockets.
    SocketForbidden,
}

/// A running proxy, which ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    cuts: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of `board`, as `host:port`.
    pub async fn start(board: String, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (fault, faults) = watch::channel(fault);
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = cuts.clone();
        let task = tokio::spawn(async move {
            loop {
                let (browser, _) = listener.accept().await.unwrap();
                // An error is a connection that one side has closed.
                tokio::spawn(carry(browser, board.clone(), faults.clone(), counted.clone()));
            }
        });
        Self { address, fault, cuts, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn set_fault(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Returns the number of connections it has cut.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut browser: TcpStream, board: String, faults: watch::Receiver<Fault>, cuts: Arc<AtomicUsize>) -> Option<()> {
    let (head, rest) = read_head(&mut browser).await?;
    let upgrade = header(&head, "upgrade").is_some();
    let fault = *faults.borrow();
    if upgrade && fault == Fault::UpgradeRefused {
        return browser.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.ok();
    }
    let mut upstream = TcpStream::connect(board).await.ok()?;
    let head = if upgrade { head } else { without_keep_alive(&head) };
    upstream.write_all(head.as_bytes()).await.ok()?;
    upstream.write_all(&rest).await.ok()?;
    let (from_browser, to_browser) = browser.into_split();
    let (from_board, to_board) = upstream.into_split();
    let requesting = tokio::spawn(pass(from_browser, to_board));
    let responding = respond(from_board, to_browser, fault, upgrade, &cuts);
    responding.await;
    // Closes the other direction at once.
    requesting.abort();
    Some(())
}

/// Forwards the response with the fault.
async fn respond(mut board: impl AsyncRead + Unpin, mut browser: impl AsyncWrite + Unpin, fault: Fault, upgrade: bool, cuts: &AtomicUsize) {
    let limit = match fault {
        Fault::UpgradeCut if upgrade => Some(Duration::from_millis(200)),
        Fault::CutAfter(limit) => Some(limit),
        _ => None,
    };
    if let Some(limit) = limit {
        if timeout(limit, pass(board, browser)).await.is_err() {
            cuts.fetch_add(1, Ordering::Relaxed);
        }
        return;
    }
    let Some((head, rest)) = read_head(&mut board).await else { return };
    match fault {
        Fault::BlackHole if upgrade => {
            if browser.write_all(head.as_bytes()).await.is_ok() {
                // Reads all data, so that the board notices nothing.
                pass(board, tokio::io::sink()).await;
            }
        }
        Fault::Buffered => {
            let mut all = Vec::new();
            if board.read_to_end(&mut all).await.is_ok() {
                _ = browser.write_all(&[head.as_bytes(), &rest, &all].concat()).await;
            }
        }
        Fault::OneBehind => one_behind(board, browser, &head, rest).await,
        Fault::SocketForbidden => {
            let head = head.replace("connect-src 'self'", "connect-src http:");
            if browser.write_all(&[head.as_bytes(), &rest].concat()).await.is_ok() {
                pass(board, browser).await;
            }
        }
        _ => {
            if browser.write_all(&[head.as_bytes(), &rest].concat()).await.is_ok() {
                pass(board, browser).await;
            }
        }
    }
}

/// Forwards the head, and each chunk when the next one has arrived.
async fn one_behind(mut board: impl AsyncRead + Unpin, mut browser: impl AsyncWrite + Unpin, head: &str, rest: Vec<u8>) {
    if browser.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let (mut held, mut buffer) = (rest, vec![0; HEAD_BYTES_MAX]);
    loop {
        let read = board.read(&mut buffer).await.unwrap_or(0);
        if browser.write_all(&held).await.is_err() || read == 0 {
            return;
        }
        held = buffer[..read].to_vec();
    }
}

/// Forwards bytes in one direction until either side ends.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    _ = tokio::io::copy(&mut from, &mut to).await;
    _ = to.shutdown().await;
}

/// Reads the head of a message with its empty line, and the bytes after it that arrived with it.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; HEAD_BYTES_MAX]);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        if bytes.len() > HEAD_BYTES_MAX {
            return None;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn without_keep_alive(head: &str) -> String {
    let kept = head.trim_end().lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    kept.map(|line| line.to_owned() + "\r\n").collect::<String>() + "Connection: close\r\n\r\n"
}
