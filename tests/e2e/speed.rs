//! The speed of the page: loading, hydration, and typing during a flood of messages.

use std::cell::Cell;
use std::fmt::Debug;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::stream::SplitSink;
use futures_util::{Sink, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::world::{Board, Browser, tools};
use crate::{act, check, find};

/// How often each figure is measured. The median must be good enough.
const MEASUREMENTS: usize = 5;

/// Returns the median of each of `N` figures over several measurements, and prints all of them.
async fn median<const N: usize, F: Future<Output = [f64; N]>>(what: &str, mut measure: impl FnMut() -> F) -> [f64; N] {
    let mut results = Vec::new();
    for _ in 0..MEASUREMENTS {
        results.push(measure().await);
    }
    println!("{what}: {results:?}");
    std::array::from_fn(|figure| {
        let mut values: Vec<_> = results.iter().map(|result| result[figure]).collect();
        values.sort_by(f64::total_cmp);
        values[MEASUREMENTS / 2]
    })
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_first_html_arrives_within_100_ms() {
    let board = Board::start_alone(&[]).await;
    for n in 0..50 {
        board.post("lobby", &format!("message {n}")).await;
    }
    let load = async || {
        let start = Instant::now();
        let html = board.get("/", &[]).await.text().await.unwrap();
        assert!(html.contains("message 0") && html.contains("message 49"));
        [start.elapsed().as_secs_f64() * 1000.0]
    };
    load().await;
    let [time] = median("milliseconds to the first HTML", load).await;
    assert!(time < 100.0, "{time} ms");
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn hydration_shifts_no_layout() {
    let board = Board::start_alone(&[]).await;
    for n in 0..60 {
        board.post_as("lobby", &format!("message {n}\nhttps://example.org/{n}"), if n % 3 == 0 { "小明" } else { "" }).await;
    }
    for (width, height) in [(360, 740), (1280, 900)] {
        let browser = Browser::start().await;
        browser.resize(width, height).await;
        let observe = "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(one => window.shift += one.value)) \
            .observe({ type: 'layout-shift', buffered: true })";
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": observe })).await;
        act::open(&browser, &board, "/").await;
        // Layout is complete two frames later.
        let settle = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(window.shift)))";
        let shift: f64 = browser.page.execute_async(settle, vec![]).await.unwrap().convert().unwrap();
        assert!(shift < 0.001, "the layout shifted by {shift} in a window {width} pixels wide");
        check::console_is_empty(&browser).await;
        browser.quit().await;
    }
}

/// Records long tasks, the delay of each key, the time of each frame, and each row that is added to
/// the list.
const OBSERVE: &str = "window.tasks = []; window.delays = []; window.paints = []; window.rows = []; \
    requestAnimationFrame(function next(time) { paints.push(time); requestAnimationFrame(next) }); \
    new PerformanceObserver(list => list.getEntries().forEach(one => tasks.push(one.duration))).observe({ type: 'longtask' }); \
    addEventListener('keydown', event => delays.push(performance.now() - event.timeStamp), { capture: true }); \
    new MutationObserver(list => list.forEach(one => one.addedNodes.forEach(row => row.dataset.offset && rows.push(+row.dataset.offset)))) \
        .observe(document.getElementById('messages'), { childList: true })";

/// The messages of one flood, at 500 a second.
const FLOOD: u64 = 1000;
/// The fewest keys that make a 95th percentile meaningful.
const KEYS_MIN: usize = 40;

async fn flood(board: &Board) {
    publish(board, FLOOD, 10).await;
}

/// Publishes `count` messages, some of them each 20 ms.
async fn publish(board: &Board, count: u64, at_once: u64) {
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let mut publisher = socket(&format!("ws://{}/ws/lobby", board.host())).await;
    for _ in 0..count / at_once {
        pace.tick().await;
        for _ in 0..at_once {
            send(&mut publisher, &json!({ "type": "publish", "ref": 1, "text": "one of many", "author": "publisher" })).await;
        }
    }
}

/// Types 25 keys a second without waiting for the page, as a driver would.
async fn type_until(done: &Cell<bool>, browser: &Browser) {
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    let mut keyboard = socket(&browser.devtools_address().await).await;
    while !done.get() {
        pace.tick().await;
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { "x" } else { "" };
            let key = json!({ "type": kind, "key": "x", "code": "KeyX", "text": text, "windowsVirtualKeyCode": 88 });
            send(&mut keyboard, &json!({ "id": 1, "method": "Input.dispatchKeyEvent", "params": key })).await;
        }
    }
}

/// Opens a WebSocket for sending. What it receives is discarded.
async fn socket(address: &str) -> SplitSink<WebSocketStream<MaybeTlsStream<TcpStream>>, Message> {
    let (socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let (sender, receiver) = socket.split();
    tokio::spawn(receiver.for_each(async |_| ()));
    sender
}

async fn send(socket: &mut (impl Sink<Message, Error: Debug> + Unpin), json: &Value) {
    socket.send(Message::text(json.to_string())).await.unwrap();
}

/// Types during a flood after `before` messages. Returns the longest task, the 95th percentile and
/// the maximum of the key delays, in milliseconds, and the frames per second.
async fn type_during_flood(board: &Board, browser: &Browser, before: u64) -> [f64; 4] {
    browser.page.execute("tasks.length = delays.length = paints.length = rows.length = 0", vec![]).await.unwrap();
    let done = Cell::new(false);
    let flooding = async {
        flood(board).await;
        done.set(true);
    };
    tokio::join!(type_until(&done, browser), flooding);
    let frames = browser.page.execute("return 1000 * (paints.length - 1) / (paints.at(-1) - paints[0])", vec![]).await.unwrap();
    let last = before + FLOOD;
    let newest: Vec<_> = (last - 399..=last).collect();
    check::until("the newest messages are shown", || find::offsets(browser), |shown| *shown == newest).await;
    let added: Vec<u64> = browser.page.execute("return rows", vec![]).await.unwrap().convert().unwrap();
    assert_eq!(added, (before + 1..=last).collect::<Vec<_>>(), "each row must be added once, in order");
    let measured = browser.page.execute("return [tasks, delays]", vec![]).await.unwrap();
    let [tasks, mut delays]: [Vec<f64>; 2] = measured.convert().unwrap();
    delays.sort_by(f64::total_cmp);
    assert!(delays.len() >= KEYS_MIN, "only {} keys were typed", delays.len());
    [tasks.into_iter().fold(0.0, f64::max), delays[delays.len() * 95 / 100], delays[delays.len() - 1], frames.convert().unwrap()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser"]
async fn a_flood_of_messages_neither_delays_typing_nor_moves_a_reader() {
    let board = Board::start_alone(&["--publishes-per-second", "5000", "--publishes-burst", "5000"]).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    browser.page.execute(OBSERVE, vec![]).await.unwrap();
    act::click(&browser, "#chat_content").await;
    let sent = Cell::new(0);
    let round = || Box::pin(type_during_flood(&board, &browser, sent.replace(sent.get() + FLOOD)));
    let what = "longest task, 95th percentile and worst of key delays in milliseconds, frames per second, at 500 messages a second";
    let [task, delay, worst, frames] = median(what, round).await;
    assert!(task < 100.0, "the longest task took {task} ms");
    assert!(delay < 50.0 && worst < 150.0, "the 95th percentile of key delays is {delay} ms, the worst {worst} ms");
    assert!(frames >= 50.0, "{frames} frames per second");
    // Too many messages to announce each: a screen reader gets their number.
    find::one(&browser, "[role=log][aria-live=off]").await;
    // A reader that has scrolled up is not moved, even by more messages than the list holds.
    act::scroll(&browser, 800).await;
    find::one(&browser, "#unseen:not([hidden])").await;
    let place = "const seen = document.elementFromPoint(innerWidth / 2, 300).closest('li'); window.seen ??= seen; \
        return window.seen.isConnected ? window.seen.getBoundingClientRect().top : null";
    let before: f64 = browser.page.execute(place, vec![]).await.unwrap().convert().unwrap();
    flood(&board).await;
    let pill = async || find::one(&browser, "#unseen").await.text().await.unwrap();
    check::until("the pill counts", pill, |text| text.starts_with("1,000 ")).await;
    let after: Option<f64> = browser.page.execute(place, vec![]).await.unwrap().convert().unwrap();
    assert!(after.is_some_and(|after| (after - before).abs() <= 1.0), "the reader was moved from {before} to {after:?}");
    assert!(find::offsets(&browser).await.len() <= 400);
    // At the end are all messages of the flood.
    act::click(&browser, "#unseen").await;
    let last = sent.get() + FLOOD;
    check::until("the newest is shown", || find::offsets(&browser), |shown| shown.last() == Some(&last)).await;
    check::until("the list is at its end", || find::from_end(&browser), |distance| *distance < 30).await;
    let shown = find::offsets(&browser).await;
    assert!(shown.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{shown:?}");
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

/// Counts the nodes that exist, in the document or not.
async fn nodes(browser: &Browser) -> u64 {
    browser.devtools("HeapProfiler.collectGarbage", json!({})).await;
    browser.devtools("Memory.getDOMCounters", json!({})).await["nodes"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a browser"]
async fn twenty_thousand_messages_leave_no_nodes_behind() {
    let board = Board::start_alone(&["--publishes-per-second", "50000", "--publishes-burst", "50000"]).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    let newest = async || find::offsets(&browser).await.pop();
    // A full list.
    publish(&board, 1_000, 100).await;
    check::until("the newest is shown", newest, |newest| *newest == Some(1_000)).await;
    let before = nodes(&browser).await;
    publish(&board, 20_000, 100).await;
    check::until("the newest is shown", newest, |newest| *newest == Some(21_000)).await;
    let after = nodes(&browser).await;
    println!("nodes: {before} with a full list, {after} after 20,000 messages");
    assert!(after <= before + before / 20, "{before} nodes became {after}");
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn lighthouse_scores_at_least_95() {
    let board = Board::start_alone(&[]).await;
    for n in 0..50 {
        board.post_as("lobby", &format!("message {n}"), "小明").await;
    }
    let measure = async || {
        let chromium = ["chromium", "google-chrome", "chromium-browser"];
        let browser = chromium.iter().find(|name| std::process::Command::new(name).arg("--version").output().is_ok());
        // A file: Lighthouse exits before a pipe has taken a long report.
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("report.json");
        Command::new("node")
            .arg(tools().join("lighthouse/cli/index.js"))
            .args([&board.url("/?lang=en"), "--quiet", "--output=json", "--only-categories=performance,accessibility,best-practices"])
            .arg("--output-path")
            .arg(&path)
            .arg("--chrome-flags=--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking")
            .env("CHROME_PATH", which(browser.expect("a browser is installed")))
            .stderr(Stdio::null())
            .output()
            .await
            .unwrap();
        let report: Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap_or_default()).expect("`setup/install lighthouse` has installed it");
        ["performance", "accessibility", "best-practices"].map(|name| report["categories"][name]["score"].as_f64().unwrap_or_default())
    };
    let scores = median("Lighthouse's scores", measure).await;
    assert!(scores.iter().all(|score| *score >= 0.95), "{scores:?}");
}

fn which(name: &str) -> String {
    let found = std::process::Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}
