//! A proxy between a browser and the board that breaks things as real ones do, until it is told to be honest.
//!
//! It carries one request a connection: the browser's own wish to keep one open is not passed on, so that the end of a
//! response is the end of a stream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The longest head and the most that is read at once.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How the proxy treats connections that begin now. Those that are open go on as they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None.
    Honest,
    /// Upgrades are answered with 403.
    UpgradeRefused,
    /// Upgrades are let through and cut 200 ms later.
    UpgradeCut,
    /// Upgrades are let through, and then nothing more is.
    BlackHole,
    /// Nothing of a response is passed on before all of it is there.
    Buffered,
    /// Of what the board says, the newest piece is kept back until the next one comes.
    OneBehind,
    /// Every response is cut after this time.
    CutAfter(Duration),
    /// The page's policy is rewritten so that the browser itself forbids WebSockets.
    SocketForbidden,
}

/// A running proxy. Dropping it ends it and what it carries.
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    cuts: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of `board`, which is `host:port`.
    pub async fn start(board: String, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (fault, faults) = watch::channel(fault);
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = cuts.clone();
        let task = tokio::spawn(async move {
            loop {
                let (browser, _) = listener.accept().await.unwrap();
                // What fails here is a connection that one side has left.
                tokio::spawn(carry(browser, board.clone(), faults.clone(), counted.clone()));
            }
        });
        Self { address, fault, cuts, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn turn(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// How many connections it has cut.
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
    let asking = tokio::spawn(pass(from_browser, to_board));
    let answering = answer(from_board, to_browser, fault, upgrade, &cuts);
    answering.await;
    // Whoever was cut off is to notice at once.
    asking.abort();
    Some(())
}

/// Carries the board's answer as the fault has it.
async fn answer(mut board: impl AsyncRead + Unpin, mut browser: impl AsyncWrite + Unpin, fault: Fault, upgrade: bool, cuts: &AtomicUsize) {
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
                // Held until the board or the browser gives up; read, so that the board sees nothing wrong.
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

/// Passes the head on, and each piece of the rest when the next one has come.
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

/// Carries bytes one way until either side ends.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    _ = tokio::io::copy(&mut from, &mut to).await;
    _ = to.shutdown().await;
}

/// A message's head with its empty line, and what came along with it.
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
