//! What a chat costs.

use std::fs;
use std::time::Duration;

use tokio::time::Instant;

use crate::board::Board;
use crate::chat::{Chat, Setup};
use crate::flood::flood;

const PER_SECOND: usize = 500;
const SECONDS: usize = 4;
/// Generous bounds: other tests run at the same time.
const START_MAX: Duration = Duration::from_millis(1500);
const CPU_PERCENT_MAX: f64 = 15.0;
const MEMORY_KB_MAX: u64 = 30_000;

#[tokio::test]
#[ignore = "needs the release binary"]
async fn a_busy_room_costs_little() {
    let board = Board::start_with(&["--publishes-per-second", "0", "--cpu-per-address", "0"]).await;
    board.post("lobby", "the first").await;
    let started = Instant::now();
    let mut chat = Chat::open(&board.url(""), Setup::default());
    chat.until_shown("the first").await;
    let start = started.elapsed();
    chat.until_shown("online").await;
    let (before, began) = (processor_time(&chat), Instant::now());
    let last = format!("flood {}.", PER_SECOND * SECONDS);
    tokio::join!(flood(&board, PER_SECOND * SECONDS, Some(PER_SECOND)), chat.until_shown(&last));
    let percent = 100.0 * (processor_time(&chat) - before) / began.elapsed().as_secs_f64();
    let memory = memory_kb(&chat);
    println!("first message after {start:?}; at {PER_SECOND} messages a second {percent:.1} % of a processor, {memory} KB at most");
    assert!(start < START_MAX && percent < CPU_PERCENT_MAX && memory < MEMORY_KB_MAX);
}

/// Returns the processor time that a chat has used, in seconds.
fn processor_time(chat: &Chat) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", chat.process.id().unwrap())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

/// Returns the most memory that a chat has used.
fn memory_kb(chat: &Chat) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", chat.process.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
