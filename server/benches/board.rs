//! How fast the board is on this machine: the real binary in a process of its own, durability, history and the real
//! protocol on, its load from this process over loopback. `make bench` runs it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that can't be made should stop, and be seen")]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::ServerFrame;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PUBLISHERS: usize = 64;
const PUBLISH_TIME: Duration = Duration::from_secs(3);
const IN_FLIGHT: u64 = 64;
const SUBSCRIBERS: usize = 1000;
const ROUNDS: u64 = 300;
const BURST: u64 = 32;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[tokio::main]
async fn main() {
    let board = Board::start();
    publish(&board, PUBLISHERS, 1).await;
    publish(&board, 1, IN_FLIGHT).await;
    let readers = Readers::gather(&board).await;
    readers.fan_out(&board, 1, ROUNDS).await;
    readers.fan_out(&board, BURST, ROUNDS / 10).await;
}

/// The server under measurement.
struct Board {
    address: String,
    process: Child,
    _folder: TempDir,
}

impl Board {
    fn start() -> Self {
        use std::io::{BufRead, BufReader};
        let folder = TempDir::new().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_crier"))
            .args(["serve", "--listen", "127.0.0.1:0", "--publishes-burst", "1000000000", "--publishes-per-second", "1000000000"])
            .args(["--connections-per-address", "20000", "--data"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { address: line.trim().rsplit("http://").next().unwrap().to_owned(), process, _folder: folder }
    }

    async fn connect(&self, room: &str) -> Socket {
        connect_async(format!("ws://{}/ws/{room}", self.address)).await.unwrap().0
    }

    /// User and system time of the server so far. The kernel counts in hundredths of a second (USER_HZ).
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let ticks: Vec<u64> =
            stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2).map(|ticks| ticks.parse().unwrap()).collect();
        Duration::from_millis(ticks.iter().sum::<u64>() * 10)
    }

    /// Resident memory, in bytes.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn message(r#ref: u64) -> Message {
    Message::text(json!({ "type": "publish", "ref": r#ref, "text": "x".repeat(128) }).to_string())
}

/// Durable publishes: how many are acknowledged in a second.
async fn publish(board: &Board, publishers: usize, in_flight: u64) {
    let end = Instant::now() + PUBLISH_TIME;
    let mut all = JoinSet::new();
    for number in 0..publishers {
        let mut socket = board.connect(&format!("publish-{number}")).await;
        all.spawn(async move {
            let (mut sent, mut acknowledged) = (0, 0);
            while acknowledged < sent || Instant::now() < end {
                while sent - acknowledged < in_flight && Instant::now() < end {
                    socket.feed(message(sent)).await.unwrap();
                    sent += 1;
                }
                socket.flush().await.unwrap();
                if sent == acknowledged {
                    break;
                }
                if let Message::Text(json) = socket.next().await.unwrap().unwrap()
                    && json.starts_with(r#"{"type":"published""#)
                {
                    acknowledged += 1;
                }
            }
            acknowledged
        });
    }
    let acknowledged: u64 = all.join_all().await.into_iter().sum();
    let rate = acknowledged as f64 / PUBLISH_TIME.as_secs_f64();
    println!("durable publish, {publishers} connection(s), {in_flight} in flight each: {rate:.0} acknowledged/s");
}

/// Subscribers of one room, and who publishes to it.
struct Readers {
    publisher: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    reached: tokio::sync::Mutex<mpsc::Receiver<Instant>>,
    goal: watch::Sender<u64>,
}

impl Readers {
    async fn gather(board: &Board) -> Self {
        let (goal, _) = watch::channel(0);
        let (reach, reached) = mpsc::channel(SUBSCRIBERS);
        let before = board.memory();
        for _ in 0..SUBSCRIBERS {
            let socket = board.connect("fan-out").await;
            tokio::spawn(read(socket.split().1, goal.subscribe(), reach.clone()));
        }
        let per_connection = (board.memory() - before) / SUBSCRIBERS as u64;
        println!("memory: {per_connection} bytes for each of {SUBSCRIBERS} idle WebSockets (resident)");
        let (sink, mut answers) = board.connect("fan-out").await.split();
        tokio::spawn(async move { while answers.next().await.is_some() {} });
        Self { publisher: tokio::sync::Mutex::new(sink), reached: tokio::sync::Mutex::new(reached), goal }
    }

    /// Publishes `burst` messages at a time, each time when all subscribers have the ones before.
    async fn fan_out(&self, board: &Board, burst: u64, rounds: u64) {
        let (mut publisher, mut reached) = (self.publisher.lock().await, self.reached.lock().await);
        let (cpu, start, mut latencies) = (board.cpu(), Instant::now(), Vec::new());
        for _ in 0..rounds {
            let sent = Instant::now();
            self.goal.send_modify(|goal| *goal += burst);
            for r#ref in 0..burst {
                publisher.feed(message(r#ref)).await.unwrap();
            }
            publisher.flush().await.unwrap();
            for _ in 0..SUBSCRIBERS {
                latencies.push(reached.recv().await.unwrap() - sent);
            }
        }
        let deliveries = SUBSCRIBERS as u64 * burst * rounds;
        let each = (board.cpu() - cpu).as_secs_f64() * 1e6 / deliveries as f64;
        latencies.sort();
        let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        let rate = deliveries as f64 / start.elapsed().as_secs_f64();
        println!(
            "fan-out to {SUBSCRIBERS}, {burst} message(s) at a time: {each:.2} µs of server CPU a delivery, {rate:.0} deliveries/s, \
             p50 {:.1} ms, p99 {:.1} ms",
            at(0.5),
            at(0.99)
        );
    }
}

/// Checks that every entry comes, once and in order, and tells when a goal is reached.
async fn read(mut socket: SplitStream<Socket>, mut goal: watch::Receiver<u64>, reach: mpsc::Sender<Instant>) {
    let mut offset = 0;
    while goal.changed().await.is_ok() {
        let wanted = *goal.borrow_and_update();
        while offset < wanted {
            let Message::Text(json) = socket.next().await.unwrap().unwrap() else { continue };
            if let ServerFrame::Message(entry) = serde_json::from_str(&json).unwrap() {
                assert_eq!(entry.offset, offset + 1, "every entry, once, in order");
                offset = entry.offset;
            }
        }
        reach.send(Instant::now()).await.unwrap();
    }
}
