//! Servers whose system clock is wrong, is corrected, or was never set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;
use protocol::Entry;
use server::room::Clock;
use tempfile::TempDir;

use crate::support::{TestServer, eventually, texts};

const SECOND: u64 = 1000;
const DAY: u64 = 24 * 60 * 60 * SECOND;
/// 2027-01-15.
const TODAY: u64 = 1_800_000_000 * SECOND;

fn today() -> u64 {
    TODAY
}

/// Waits for two retention sweeps: each removes what `--keep-messages 8` does not keep.
async fn wait_for_two_sweeps(server: &TestServer) {
    let count = async || server.page("other", "?limit=200").await.entries.len();
    for _ in 0..2 {
        while count().await <= 8 {
            server.post("other", "x").await;
        }
        eventually("8 messages are kept", async || count().await <= 8).await;
    }
}

/// Starts a server with this clock that keeps 8 messages for up to a year.
fn start(clock: Clock, folder: Arc<TempDir>) -> TestServer {
    TestServer::start_with_clock(clock, folder, &["--keep-messages", "8"])
}

fn folder() -> Arc<TempDir> {
    Arc::new(TempDir::new().unwrap())
}

async fn post_three(server: &TestServer) {
    for text in ["1", "2", "3"] {
        server.post("lobby", text).await;
    }
}

/// Waits for two sweeps and checks that the messages of [`post_three`] remain.
async fn assert_three_are_kept(server: &TestServer) {
    wait_for_two_sweeps(server).await;
    assert_eq!(texts(&server.all_entries("lobby").await)[..3], ["1", "2", "3"]);
}

#[tokio::test]
async fn a_clock_far_ahead_expires_no_message() {
    fn ahead() -> u64 {
        TODAY + 800 * DAY
    }
    let server = start(today, folder());
    post_three(&server).await;
    let server = start(ahead, server.stop().await);
    assert_three_are_kept(&server).await;
    // A second start with the same clock must not trust it more.
    server.post("lobby", "4").await;
    let server = start(ahead, server.stop().await);
    assert_three_are_kept(&server).await;
    let server = start(today, server.stop().await);
    assert_three_are_kept(&server).await;
}

#[tokio::test]
async fn keeps_messages_written_before_the_clock_was_set() {
    fn unset() -> u64 {
        100 * SECOND
    }
    fn years_ago() -> u64 {
        TODAY - 3 * 365 * DAY
    }
    for wrong in [unset as Clock, years_ago] {
        let server = start(wrong, folder());
        post_three(&server).await;
        let server = start(today, server.stop().await);
        assert_three_are_kept(&server).await;
        server.post("lobby", "4").await;
        let server = start(today, server.stop().await);
        assert_three_are_kept(&server).await;
    }
}

#[tokio::test]
async fn setting_the_clock_while_the_server_runs_expires_no_message() {
    static NOW: AtomicU64 = AtomicU64::new(100 * SECOND);
    let server = start(|| NOW.load(Ordering::Relaxed), folder());
    post_three(&server).await;
    wait_for_two_sweeps(&server).await;
    for now in [TODAY, TODAY + 800 * DAY, TODAY] {
        NOW.store(now, Ordering::Relaxed);
        assert_three_are_kept(&server).await;
    }
}

#[tokio::test]
async fn times_within_a_room_never_decrease() {
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
    // Another room is not affected.
    assert_eq!(times(server.all_entries("other").await), [0]);
}

#[tokio::test]
async fn works_with_a_clock_that_was_never_set() {
    // 1970, and after the last date that can be formatted.
    for wrong in [(|| 0) as Clock, || 400_000_000_000 * SECOND] {
        let server = start(wrong, folder());
        server.post("lobby", "hello").await;
        assert_eq!(texts(&server.all_entries("lobby").await), ["hello"]);
        for path in ["/", "/r/lobby/live", "/api/rooms/lobby/messages", "/readyz"] {
            assert_eq!(server.get(path).await.status(), 200, "{path}");
        }
    }
}

/// The `Date` header uses the system clock, which a test cannot set, so the formatter is tested
/// directly.
#[test]
fn formats_a_date_for_any_clock() {
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
