//! Boards whose clock is wrong, is set right, or was never set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;
use protocol::Entry;
use server::room::Clock;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::{TIMEOUT, TestServer, texts};

const SECOND: u64 = 1000;
const DAY: u64 = 24 * 60 * 60 * SECOND;
/// 2027-01-15.
const TODAY: u64 = 1_800_000_000 * SECOND;

fn today() -> u64 {
    TODAY
}

/// Waits until retention has looked twice: each look takes what `--keep-messages 8` does not keep.
async fn looked_twice(server: &TestServer) {
    let start = Instant::now();
    let kept = async || server.page("other", "?limit=200").await.entries.len();
    for _ in 0..2 {
        while kept().await <= 8 {
            server.post("other", "x").await;
        }
        while kept().await > 8 {
            assert!(start.elapsed() < TIMEOUT, "no more than 8 messages are kept");
        }
    }
}

/// A server with this clock that keeps messages for a year, and 8 of them.
fn start(clock: Clock, folder: Arc<TempDir>) -> TestServer {
    TestServer::start_with_clock(clock, folder, &["--keep-messages", "8"])
}

fn folder() -> Arc<TempDir> {
    Arc::new(TempDir::new().unwrap())
}

async fn three(server: &TestServer) {
    for text in ["1", "2", "3"] {
        server.post("lobby", text).await;
    }
}

/// Waits until retention has looked twice, and checks that it left what [`three`] wrote.
async fn three_are_kept(server: &TestServer) {
    looked_twice(server).await;
    assert_eq!(texts(&server.all_entries("lobby").await)[..3], ["1", "2", "3"]);
}

#[tokio::test]
async fn a_clock_that_is_far_ahead_takes_no_message() {
    fn ahead() -> u64 {
        TODAY + 800 * DAY
    }
    let server = start(today, folder());
    three(&server).await;
    let server = start(ahead, server.stop().await);
    three_are_kept(&server).await;
    // Nor does it when it has been read often.
    server.post("lobby", "4").await;
    let server = start(ahead, server.stop().await);
    three_are_kept(&server).await;
    let server = start(today, server.stop().await);
    three_are_kept(&server).await;
}

#[tokio::test]
async fn messages_from_before_the_clock_was_set_are_kept() {
    fn unset() -> u64 {
        100 * SECOND
    }
    fn years_ago() -> u64 {
        TODAY - 3 * 365 * DAY
    }
    for wrong in [unset as Clock, years_ago] {
        let server = start(wrong, folder());
        three(&server).await;
        let server = start(today, server.stop().await);
        three_are_kept(&server).await;
        server.post("lobby", "4").await;
        let server = start(today, server.stop().await);
        three_are_kept(&server).await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_right_while_the_server_runs_takes_no_message() {
    static NOW: AtomicU64 = AtomicU64::new(100 * SECOND);
    let server = start(|| NOW.load(Ordering::Relaxed), folder());
    three(&server).await;
    looked_twice(&server).await;
    for now in [TODAY, TODAY + 800 * DAY, TODAY] {
        NOW.store(now, Ordering::Relaxed);
        three_are_kept(&server).await;
    }
}

#[tokio::test]
async fn the_times_of_a_room_never_go_back() {
    static NOW: AtomicU64 = AtomicU64::new(TODAY);
    let clock = || NOW.load(Ordering::Relaxed);
    let server = start(clock, folder());
    for (text, now) in [("1", TODAY), ("2", TODAY - DAY), ("3", TODAY + SECOND), ("4", 0)] {
        NOW.store(now, Ordering::Relaxed);
        server.post("lobby", text).await;
    }
    let server = start(clock, server.stop().await);
    server.post("lobby", "5").await;
    server.post("other", "1").await;
    let times = |entries: Vec<Entry>| entries.iter().map(|entry| entry.time).collect::<Vec<_>>();
    assert_eq!(times(server.all_entries("lobby").await), [TODAY, TODAY, TODAY + SECOND, TODAY + SECOND, TODAY + SECOND]);
    // That is a room's own affair.
    assert_eq!(times(server.all_entries("other").await), [0]);
}

#[tokio::test]
async fn a_board_whose_clock_was_never_set_works() {
    // Before 1970, and after the last date there is.
    for wrong in [(|| 0) as Clock, || 400_000_000_000 * SECOND] {
        let server = start(wrong, folder());
        server.post("lobby", "hello").await;
        assert_eq!(texts(&server.all_entries("lobby").await), ["hello"]);
        for path in ["/", "/r/lobby/live", "/api/rooms/lobby/messages", "/readyz"] {
            assert_eq!(server.get(path).await.status(), 200, "{path}");
        }
    }
}

/// The date of an answer is of the system's clock, which no test sets: what writes it is asked itself.
#[test]
fn there_is_a_date_whatever_the_clock_says() {
    let seconds = Duration::from_secs;
    for (time, date) in [
        (UNIX_EPOCH + seconds(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (UNIX_EPOCH, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (UNIX_EPOCH - seconds(1), "Thu, 01 Jan 1970 00:00:00 GMT"),
        (UNIX_EPOCH - seconds(1 << 40), "Thu, 01 Jan 1970 00:00:00 GMT"),
        (UNIX_EPOCH + seconds(253_402_300_800), "Thu, 30 Dec 9999 22:00:00 GMT"),
        (UNIX_EPOCH + seconds(1 << 50), "Thu, 30 Dec 9999 22:00:00 GMT"),
    ] {
        assert_eq!(HttpDate::from(time).to_string(), date);
    }
}
