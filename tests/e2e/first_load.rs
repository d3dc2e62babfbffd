//! The first load of a page: its requests, its bytes, and its time on a slow line.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use reqwest::header::ACCEPT_ENCODING;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use crate::world::{Board, Browser};
use crate::{act, check};

/// HTML, style sheet, JavaScript, WebAssembly, and the manifest, which makes the page installable.
const REQUESTS_MAX: usize = 5;
/// As transferred, with the heads of the responses. Only the release binary compresses its files.
const BYTES_MAX: f64 = 190_000.0;
/// The line of a phone with poor reception.
const LATENCY_MS: u32 = 400;
const BYTES_PER_SECOND: u32 = 50_000;
/// The time of the first paint on that line.
const FIRST_PAINT_MS_MAX: f64 = 1_500.0;

async fn board_with_a_page_of_messages() -> Board {
    let board = Board::start_alone(&[]).await;
    for n in 0..50 {
        let text = format!("Message {n} of a room in which people talk.\n第 {n} 条消息，写给房间里的每一个人。");
        board.post_as("lobby", &text, if n % 3 == 0 { "小明" } else { "Ada" }).await;
    }
    board
}

/// What a page requested: the bytes of each address, `None` while the response has not ended.
type Requests = BTreeMap<String, Option<f64>>;

/// Records what the page requests from now on.
async fn record(browser: &Browser) -> watch::Receiver<Requests> {
    let (requests, recorded) = watch::channel(Requests::new());
    let (mut socket, _) = tokio_tungstenite::connect_async(browser.devtools_address().await).await.unwrap();
    socket.send(Message::text(json!({ "id": 1, "method": "Network.enable" }).to_string())).await.unwrap();
    // The answer to the command. From here on there are events.
    socket.next().await.unwrap().unwrap();
    tokio::spawn(async move {
        let mut addresses = BTreeMap::new();
        while let Some(Ok(event)) = socket.next().await {
            let event: Value = serde_json::from_slice(&event.into_data()).unwrap_or_default();
            let (parameters, id) = (&event["params"], event["params"]["requestId"].to_string());
            match event["method"].as_str() {
                Some("Network.requestWillBeSent") => {
                    let url = parameters["request"]["url"].as_str().unwrap().to_owned();
                    if url.starts_with("http") {
                        requests.send_modify(|all| _ = all.insert(url.clone(), None));
                        addresses.insert(id, url);
                    }
                }
                Some("Network.loadingFinished") => {
                    if let Some(url) = addresses.remove(&id) {
                        requests.send_modify(|all| _ = all.insert(url, parameters["encodedDataLength"].as_f64()));
                    }
                }
                _ => {}
            }
        }
    });
    recorded
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_first_load_takes_few_requests_and_bytes() {
    let board = board_with_a_page_of_messages().await;
    let browser = Browser::start().await;
    let mut requests = record(&browser).await;
    act::open(&browser, &board, "/").await;
    let all = requests.wait_for(|all| all.values().all(Option::is_some)).await.unwrap().clone();
    let bytes: f64 = all.values().flatten().sum();
    println!("bytes of the first load: {bytes} of {all:#?}");
    // Over plain HTTP, browsers offer Brotli to hosts on the same machine only.
    let mut gzip = 0;
    for url in all.keys() {
        let path = url.strip_prefix(&board.url("")).expect("everything comes from the board");
        let response = board.get(path, &[(ACCEPT_ENCODING, "gzip")]).await;
        gzip += response.bytes().await.unwrap().len();
    }
    println!("bytes of the first load with gzip: {gzip}");
    assert!(all.len() <= REQUESTS_MAX, "{} requests", all.len());
    // The manifest has its icon in it.
    let install = browser.devtools("Page.getInstallabilityErrors", json!({})).await;
    assert_eq!(install["installabilityErrors"], json!([]));
    assert!(bytes <= BYTES_MAX, "{bytes} bytes");
    browser.quit().await;
}

/// Notes the first paint. At the address `/?early`, posts at that moment.
const AT_FIRST_PAINT: &str = "new PerformanceObserver(list => { \
        window.painted = list.getEntries()[0].startTime; \
        if (location.search !== '?early' || document.querySelector('[data-ready]')) return; \
        const form = document.getElementById('message_form'); \
        form.elements.content.value = 'early'; \
        form.requestSubmit() \
    }).observe({ type: 'paint' })";

async fn browser_on_a_slow_line() -> Browser {
    let browser = Browser::start().await;
    let line =
        json!({ "offline": false, "latency": LATENCY_MS, "downloadThroughput": BYTES_PER_SECOND, "uploadThroughput": BYTES_PER_SECOND });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.emulateNetworkConditions", line).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": AT_FIRST_PAINT })).await;
    browser
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_slow_line_paints_early_and_posts_from_then_on() {
    let board = board_with_a_page_of_messages().await;
    let mut paints = Vec::new();
    for _ in 0..3 {
        let browser = browser_on_a_slow_line().await;
        act::open(&browser, &board, "/").await;
        let times = browser.page.execute("return [window.painted, performance.now()]", vec![]).await.unwrap();
        let [paint, live]: [f64; 2] = times.convert().unwrap();
        println!("first paint after {paint:.0} ms, live within {live:.0} ms");
        paints.push(paint);
        browser.quit().await;
    }
    paints.sort_by(f64::total_cmp);
    assert!(paints[1] <= FIRST_PAINT_MS_MAX, "first paints after {paints:?} ms");
    // Before the page is live, its form posts by itself.
    let browser = browser_on_a_slow_line().await;
    browser.page.goto(board.url("/?early")).await.unwrap();
    let query = async || browser.page.current_url().await.unwrap().query().map(str::to_owned);
    check::until("the form has posted", query, Option::is_none).await;
    assert_eq!(board.texts("lobby").await.last().map(String::as_str), Some("early"));
    browser.quit().await;
}
