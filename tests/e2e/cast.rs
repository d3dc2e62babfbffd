//! Casts: a screen that carries the numbers of its pictures, on its way to viewers.

use serde_json::Value;

use crate::access::assert_accessible;
use crate::proxy::{Fault, Proxy};
use crate::world::{Board, Browser, Options};
use crate::{act, check, find};

/// What is shown in place of a real screen.
const SCREEN: &str = include_str!("cast/screen.js");
/// What notes the pictures that a viewer sees.
const EYE: &str = include_str!("cast/eye.js");

/// From the opening of the socket to the first picture, and to the first frame of the video. These
/// and the next two hold on a busy machine, where encoder and decoders share two processors with
/// others. The test prints what it measures.
const PICTURE_MS_MAX: f64 = 1500.0;
const FRAME_MS_MAX: f64 = 2500.0;
/// From the presenter's screen to the viewer's: of half of the frames, and of 95 in 100.
const HALF_MS_MAX: f64 = 1000.0;
const MOST_MS_MAX: f64 = 2500.0;

/// A picture as a viewer saw it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    number: usize,
    /// In milliseconds.
    time: f64,
    is_video: bool,
}

/// Returns the value of a script's expression.
async fn value(browser: &Browser, script: &str) -> Value {
    browser.page.execute(&format!("return {script}"), vec![]).await.unwrap().json().clone()
}

async fn seen(viewer: &Browser) -> Vec<Seen> {
    let seen: Vec<(usize, f64, bool)> = serde_json::from_value(value(viewer, "seen").await).unwrap();
    seen.into_iter().map(|(number, time, is_video)| Seen { number, time, is_video }).collect()
}

/// Starts a browser that has a screen to show.
async fn presenter() -> Browser {
    let browser = Browser::start_with(Options { language: Some("en"), ..Options::default() }).await;
    act::run_on_each_page(&browser, SCREEN).await;
    browser
}

/// Starts a browser that notes what it sees.
async fn viewer() -> Browser {
    let browser = Browser::start_with(Options { language: Some("en"), ..Options::default() }).await;
    act::run_on_each_page(&browser, EYE).await;
    browser
}

/// Opens the choices of a presenter, by the buttons of the page.
async fn choose(presenter: &Browser) {
    act::click(presenter, ".bar [popovertarget=share]").await;
    act::click(presenter, "#present").await;
    find::one(presenter, "#cast_choices[open]").await;
}

/// Shows the screen to a room.
async fn present(presenter: &Browser, board: &Board, path: &str) {
    act::open(presenter, board, path).await;
    choose(presenter).await;
    act::click(presenter, "#cast_choices .primary").await;
    find::one(presenter, "#cast_live").await;
    let picture = async || board.get(&format!("{path}/cast.jpg"), &[]).await.status().as_u16();
    check::until("there is a picture", picture, |status| *status == 200).await;
}

/// Waits until a viewer has seen so many more frames of the video.
async fn until_frames(viewer: &Browser, count: usize) {
    let before = seen(viewer).await.len();
    let more = async || seen(viewer).await.iter().skip(before).filter(|one| one.is_video).count();
    check::until("the video moves", more, |more| *more >= count).await;
}

/// Waits until the stage is in a state.
async fn until_state(viewer: &Browser, wanted: &str) {
    let state = async || value(viewer, "document.querySelector('#cast')?.dataset.state").await;
    check::until("the stage is in the state", state, |state| state == wanted).await;
}

/// Returns how late each frame was, in milliseconds.
fn delays(drawn: &[f64], seen: &[Seen]) -> Vec<f64> {
    let mut delays: Vec<f64> = seen.iter().filter(|one| one.is_video).map(|one| one.time - drawn[one.number]).collect();
    delays.sort_by(f64::total_cmp);
    delays
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_screen_reaches_its_viewers_in_time_and_again_after_a_stall() {
    let board = Board::start_alone(&[]).await;
    let (presenter, viewer) = (presenter().await, viewer().await);
    // A page that was open before.
    act::open(&viewer, &board, "/r/talk").await;
    let first = viewer.page.window().await.unwrap();
    present(&presenter, &board, "/r/talk").await;
    until_frames(&viewer, 30).await;
    let mut windows = vec![first];
    for _ in 0..2 {
        let late = viewer.page.new_window().await.unwrap();
        viewer.page.switch_to_window(late.clone()).await.unwrap();
        act::run_on_each_page(&viewer, EYE).await;
        viewer.page.goto(board.url("/r/talk")).await.unwrap();
        until_frames(&viewer, 1).await;
        let opened = value(&viewer, "sockets[0][0]").await.as_f64().unwrap();
        let all = seen(&viewer).await;
        let frame = all.iter().find(|one| one.is_video).unwrap().time - opened;
        println!("late join: first picture after {:.0} ms, first frame after {frame:.0} ms", all[0].time - opened);
        assert!(all[0].time - opened <= PICTURE_MS_MAX && frame <= FRAME_MS_MAX);
        windows.push(late);
    }
    for window in &windows {
        viewer.page.switch_to_window(window.clone()).await.unwrap();
        // A page that was hidden begins with a group, whose first frames are old.
        until_frames(&viewer, 60).await;
        viewer.page.execute("seen.length = 0", vec![]).await.unwrap();
        until_frames(&viewer, 60).await;
        let drawn: Vec<f64> = serde_json::from_value(value(&presenter, "drawn").await).unwrap();
        let delays = delays(&drawn, &seen(&viewer).await);
        let (half, most) = (percentile(&delays, 50), percentile(&delays, 95));
        println!("{} frames, screen to screen: p50 {half:.0} ms, p95 {most:.0} ms", delays.len());
        assert!(half <= HALF_MS_MAX && most <= MOST_MS_MAX);
    }
    let count = async || find::one(&presenter, "#cast_live .cast-viewers").await.text().await.unwrap();
    check::until("the presenter sees how many watch", count, |count| count == "3 viewers").await;
    stall(&board, &presenter, &viewer).await;
    presenter.quit().await;
    viewer.quit().await;
}

/// Stops the server for three seconds.
async fn stall(board: &Board, presenter: &Browser, viewer: &Browser) {
    let pictures = async || value(presenter, "drawn.length").await.as_u64().unwrap();
    board.pause();
    let before = pictures().await;
    check::until("three seconds are over", pictures, |now| now - before >= 90).await;
    board.resume();
    let resumed = value(presenter, "performance.timeOrigin + performance.now()").await.as_f64().unwrap();
    viewer.page.execute("seen.length = 0", vec![]).await.unwrap();
    let fresh = async || {
        let drawn: Vec<f64> = serde_json::from_value(value(presenter, "drawn").await).unwrap();
        seen(viewer).await.into_iter().find(|one| one.is_video && one.time - drawn[one.number] < 500.0).map(|one| one.time - resumed)
    };
    let recovered = async || fresh().await;
    check::until("the video is up to date again", recovered, Option::is_some).await;
    let after = fresh().await.unwrap();
    println!("up to date {after:.0} ms after a stall of 3 s");
    assert!(after <= 3000.0);
    viewer.page.execute("seen.length = 0", vec![]).await.unwrap();
    until_frames(viewer, 30).await;
    let drawn: Vec<f64> = serde_json::from_value(value(presenter, "drawn").await).unwrap();
    let delays = delays(&drawn, &seen(viewer).await);
    assert!(*delays.last().unwrap() < 3000.0, "{delays:?}");
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_cast_survives_a_restart_of_the_server_and_ends_when_the_browser_stops_it() {
    let mut board = Board::start().await;
    let (presenter, viewer) = (presenter().await, viewer().await);
    present(&presenter, &board, "/r/talk").await;
    act::open(&viewer, &board, "/r/talk").await;
    until_frames(&viewer, 5).await;
    board.kill().await;
    until_state(&viewer, "lost").await;
    let note = async || find::one(&presenter, ".cast-note").await.text().await.unwrap();
    check::until("the presenter knows", note, |note| note.contains("Connection lost")).await;
    board.start_again().await;
    until_state(&viewer, "live").await;
    until_frames(&viewer, 5).await;
    // The browser has a button of its own that stops the capture.
    let stop = "const [track] = screenStream.getTracks(); track.stop(); track.dispatchEvent(new Event('ended'))";
    presenter.page.execute(stop, vec![]).await.unwrap();
    until_state(&viewer, "over").await;
    assert_eq!(find::count(&presenter, "#cast_live").await, 0);
    check::console_has_only_refused_connections(&presenter).await;
    check::console_has_only_refused_connections(&viewer).await;
    // The next one takes its place.
    choose(&presenter).await;
    act::click(&presenter, "#cast_choices .primary").await;
    until_state(&viewer, "live").await;
    until_frames(&viewer, 5).await;
    presenter.quit().await;
    viewer.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn who_cannot_play_the_video_sees_pictures_and_why() {
    let board = Board::start().await;
    let (presenter, viewer) = (presenter().await, viewer().await);
    present(&presenter, &board, "/r/talk").await;
    for fault in [Fault::UpgradeRefused, Fault::BlackHole, Fault::UpgradeCut] {
        let proxy = Proxy::start(board.host(), fault).await;
        viewer.page.goto(proxy.url("/r/talk?lang=en")).await.unwrap();
        until_state(&viewer, "pictures").await;
        let pictures = async || seen(&viewer).await.iter().filter(|one| !one.is_video && one.number > 0).count();
        check::until("pictures follow each other", pictures, |count| *count >= 2).await;
        let word = find::one(&viewer, ".cast-word").await.text().await.unwrap();
        assert!(word.contains("holds back"), "{fault:?}: {word}");
    }
    // A browser without the decoder.
    act::run_on_each_page(&viewer, "delete window.VideoDecoder").await;
    viewer.page.goto(board.url("/r/talk")).await.unwrap();
    until_state(&viewer, "pictures").await;
    assert!(find::one(&viewer, ".cast-word").await.text().await.unwrap().contains("can’t play the video"));
    viewer.quit().await;
    // Without script, one response has them all.
    let plain = Browser::start_with(Options { no_script: true, ..Options::default() }).await;
    plain.page.goto(board.url("/r/talk")).await.unwrap();
    let width = async || {
        let image = find::one(&plain, "#cast noscript img").await;
        image.prop("naturalWidth").await.ok().flatten()
    };
    check::until("the pictures arrive", width, |width| width.as_deref() == Some("800")).await;
    presenter.quit().await;
    plain.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn viewers_pause_hide_and_resize_the_picture_and_a_hidden_page_stops_watching() {
    let board = Board::start().await;
    let (presenter, viewer) = (presenter().await, viewer().await);
    present(&presenter, &board, "/r/talk").await;
    act::open(&viewer, &board, "/r/talk").await;
    until_frames(&viewer, 5).await;
    let watching = async || find::one(&presenter, "#cast_live .cast-viewers").await.text().await.unwrap();
    check::until("one watches", watching, |count| count == "1 viewer").await;
    // By keyboard: pause, and play again.
    act::tab_to(&viewer, "#cast [aria-label=Pause]").await;
    act::press(&viewer, " ").await;
    until_state(&viewer, "paused").await;
    check::until("nobody watches", watching, |count| count == "0 viewers").await;
    act::press(&viewer, " ").await;
    until_frames(&viewer, 5).await;
    act::click(&viewer, "#cast [aria-label=\"Actual size\"]").await;
    let width = value(&viewer, "document.querySelector('#cast canvas').getBoundingClientRect().width").await;
    assert_eq!(width, 800.0);
    act::click(&viewer, "#cast [aria-label=Details]").await;
    let details = async || find::one(&viewer, "#cast_details").await.text().await.unwrap();
    check::until("the details are shown", details, |text| text.contains("800 × 600") && text.contains("Mbit/s")).await;
    act::click(&viewer, "#cast [aria-label=\"Full screen\"]").await;
    find::one(&viewer, "#cast:fullscreen").await;
    viewer.page.execute("document.exitFullscreen()", vec![]).await.unwrap();
    act::click(&viewer, "#cast [aria-label=\"Hide the picture\"]").await;
    check::until("nobody watches", watching, |count| count == "0 viewers").await;
    act::click(&viewer, "#cast [aria-label=\"Show the picture\"]").await;
    until_frames(&viewer, 5).await;
    // Another tab is in front for some seconds.
    let hide = |is_hidden| {
        format!(
            "Object.defineProperty(document, 'hidden', {{ value: {is_hidden}, configurable: true }}); document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    viewer.page.execute(&hide(true), vec![]).await.unwrap();
    check::until("nobody watches", watching, |count| count == "0 viewers").await;
    viewer.page.execute(&hide(false), vec![]).await.unwrap();
    until_frames(&viewer, 5).await;
    check::console_is_empty(&viewer).await;
    check::console_is_empty(&presenter).await;
    presenter.quit().await;
    viewer.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn who_cannot_show_a_screen_is_told_why_and_what_to_do() {
    let board = Board::start().await;
    let (presenter, other) = (presenter().await, presenter().await);
    act::open(&presenter, &board, "/r/talk").await;
    let problem = async |browser: &Browser| find::one(browser, ".cast-problem").await.text().await.unwrap();
    let refuse = "navigator.mediaDevices.getDisplayMedia = async () => { throw new DOMException('no', 'NotAllowedError') }";
    presenter.page.execute(refuse, vec![]).await.unwrap();
    choose(&presenter).await;
    act::click(&presenter, "#cast_choices .primary").await;
    check::until("the refusal is told", || problem(&presenter), |text| text.contains("does not allow")).await;
    assert_accessible(&presenter, "the choices with a problem").await;
    present(&presenter, &board, "/r/talk").await;
    // Nobody else can show theirs meanwhile.
    act::open(&other, &board, "/r/talk").await;
    choose(&other).await;
    check::until("the room is busy", || problem(&other), |text| text.contains("Someone else")).await;
    // A page without https can't capture a screen.
    act::run_on_each_page(&other, "Object.defineProperty(window, 'isSecureContext', { value: false })").await;
    act::open(&other, &board, "/r/other").await;
    choose(&other).await;
    check::until("it says what to do", || problem(&other), |text| text.contains("https://")).await;
    assert!(!find::one(&other, "#cast_choices .primary").await.is_displayed().await.unwrap());
    presenter.quit().await;
    other.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn axe_finds_no_violation_on_the_stage_nor_at_the_presenters() {
    let board = Board::start().await;
    board.post_as("talk", "Where are the slides?", "小明").await;
    let (presenter, viewer) = (presenter().await, viewer().await);
    act::open(&presenter, &board, "/r/talk?lang=en&scheme=dark").await;
    choose(&presenter).await;
    assert_accessible(&presenter, "the choices").await;
    act::click(&presenter, "#cast_choices .primary").await;
    find::one(&presenter, "#cast_live").await;
    assert_accessible(&presenter, "the bar of a live page").await;
    for (query, width) in [("lang=en&scheme=light", 320), ("lang=zh-CN&scheme=dark", 1280)] {
        viewer.resize(width, 700).await;
        for path in ["/r/talk", "/r/talk/wall"] {
            act::open(&viewer, &board, &format!("{path}?{query}")).await;
            until_frames(&viewer, 1).await;
            if path == "/r/talk" {
                assert_accessible(&viewer, &format!("the stage, {query}")).await;
            }
            let overflow = value(&viewer, "document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
            assert_eq!(overflow, 0, "{path} is wider than a screen of {width} pixels");
        }
    }
    presenter.quit().await;
    viewer.quit().await;
}
