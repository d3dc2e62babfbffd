//! Title, icon, notifications and sound, while the page is hidden.

use serde_json::json;

use crate::world::{Board, Browser};
use crate::{act, check, find};

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_title_counts_messages_while_the_page_is_hidden() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    let title = browser.page.title().await.unwrap();
    let page = browser.page.window().await.unwrap();
    let other = browser.page.new_tab().await.unwrap();
    browser.page.switch_to_window(other).await.unwrap();
    for n in 1..=3 {
        board.post("lobby", &n.to_string()).await;
    }
    let titled = async || {
        let targets = browser.devtools("Target.getTargets", json!({})).await;
        targets["targetInfos"].as_array().unwrap().iter().map(|target| target["title"].to_string()).collect::<Vec<_>>()
    };
    check::until("the title counts", titled, |titles| titles.iter().any(|one| one.contains("(3) "))).await;
    browser.page.switch_to_window(page).await.unwrap();
    check::until("the title is reset", async || browser.page.title().await.unwrap(), |now| *now == title).await;
    browser.quit().await;
}

/// Simulates a hidden page and permitted notifications.
pub const SIMULATE: &str = "window.away = false; window.notified = []; \
    Object.defineProperty(document, 'hidden', { get: () => window.away }); \
    window.Notification = class { constructor(title, options) { notified.push(title + ': ' + options.body) } \
        static permission = 'granted'; static requestPermission() { return Promise.resolve('granted') } }; \
    window.look = looks => { away = !looks; document.dispatchEvent(new Event('visibilitychange')) }";

#[tokio::test]
#[ignore = "needs a browser"]
async fn icon_and_notifications_signal_only_while_the_page_is_hidden() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": SIMULATE })).await;
    act::open(&browser, &board, "/").await;
    let icon = async || find::one(&browser, "#icon").await.attr("href").await.unwrap().unwrap();
    let notified = async || browser.page.execute("return notified", vec![]).await.unwrap().convert::<Vec<String>>().unwrap();
    let plain = icon().await;
    // Notifications are off by default.
    browser.page.execute("look(false)", vec![]).await.unwrap();
    board.post_as("lobby", "before", "小明").await;
    check::until("the icon has a dot", icon, |icon| *icon != plain).await;
    assert!(notified().await.is_empty());
    browser.page.execute("look(true)", vec![]).await.unwrap();
    check::until("the icon is reset", icon, |icon| *icon == plain).await;
    act::click(&browser, "[popovertarget=settings]").await;
    act::click(&browser, "[data-set=notify]").await;
    board.post_as("lobby", "seen", "小明").await;
    check::shows(&browser, &["before", "seen"]).await;
    assert!(notified().await.is_empty(), "a visible page shows no notification");
    browser.page.execute("look(false)", vec![]).await.unwrap();
    for n in 1..=4 {
        board.post_as("lobby", &n.to_string(), "小明").await;
    }
    // One notification, of the newest.
    check::until("a notification is shown", notified, |notified| notified == &["lobby · 4 条新消息: 小明: 4"]).await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_title_counts_without_animation_frames() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    // A hidden page gets no frame that it requested before.
    let frames = "window.frames_kept = 0; const frame = window.requestAnimationFrame; \
        window.requestAnimationFrame = act => window.keeps ? ++frames_kept : frame(act)";
    let source = [SIMULATE, frames].join("; ");
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    act::open(&browser, &board, "/").await;
    browser.page.execute("window.keeps = true", vec![]).await.unwrap();
    let frames = async || browser.page.execute("return frames_kept", vec![]).await.unwrap().convert::<u64>().unwrap();
    board.post("lobby", "1").await;
    check::until("a frame is requested", frames, |kept| *kept > 0).await;
    browser.page.execute("look(false)", vec![]).await.unwrap();
    let title = async || browser.page.title().await.unwrap();
    check::until("the title counts", title, |title| title.starts_with("(1) ")).await;
    board.post("lobby", "2").await;
    check::until("the title counts further", title, |title| title.starts_with("(2) ")).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn closes_the_audio_context_after_each_sound() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    let sounds = "window.open_sounds = window.all_sounds = 0; window.AudioContext = class extends AudioContext { \
        constructor() { super(); all_sounds++; open_sounds++ } \
        close() { open_sounds--; return super.close() } }";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": sounds })).await;
    act::open(&browser, &board, "/").await;
    act::click(&browser, "[popovertarget=settings]").await;
    // On, off, and on again. Switching it on plays the sound.
    for _ in 0..3 {
        act::click(&browser, "[data-set=sound]").await;
    }
    let sounds = async || browser.page.execute("return [all_sounds, open_sounds]", vec![]).await.unwrap().convert::<[i64; 2]>().unwrap();
    check::until("all audio contexts are closed", sounds, |sounds| *sounds == [2, 0]).await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}
