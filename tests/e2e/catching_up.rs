//! Coming back: what was missed, the place in the list, other tabs, and the names of days.

use serde_json::json;
use thirtyfour::Key;

use crate::attention::SIMULATE;
use crate::world::{Board, Browser};
use crate::{act, check, find};

async fn fill(board: &Board, count: usize) {
    for n in 1..=count {
        board.post_as("lobby", &n.to_string(), "a").await;
    }
}

/// Returns the text of the button that leads to the first missed message; empty if it is hidden.
async fn backlog(browser: &Browser) -> String {
    find::one(browser, "#backlog").await.text().await.unwrap()
}

async fn backlog_is(browser: &Browser, wanted: &str) {
    let clock = "return new Date().toTimeString().slice(0, 2)";
    let hour: String = browser.page.execute(clock, vec![]).await.unwrap().convert().unwrap();
    let wanted = if wanted.is_empty() { String::new() } else { format!("{wanted} new since {hour}:") };
    check::until(
        "the page says what was missed",
        || backlog(browser),
        |text| match wanted.as_str() {
            "" => text.is_empty(),
            wanted => text.starts_with(wanted),
        },
    )
    .await;
}

/// Waits until the unread line is in front of a message, and on the screen.
async fn line_is_seen_before(browser: &Browser, message: u64) {
    let seen = "const line = document.getElementById('unread'); if (!line) return ''; \
        const { top } = line.getBoundingClientRect(), box = document.getElementById('scroller').getBoundingClientRect(); \
        return top > box.top && top < box.bottom ? line.nextElementSibling.id : ''";
    let seen = async || browser.page.execute(seen, vec![]).await.unwrap().convert::<String>().unwrap();
    check::until("the unread line is seen", seen, |id| *id == format!("m-{message}")).await;
}

async fn is_at_end(browser: &Browser) {
    check::until("the list is at its end", || find::from_end(browser), |distance| *distance < 30).await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn after_an_outage_the_page_leads_to_the_first_of_1200_missed_messages() {
    let board = Board::start().await;
    fill(&board, 20).await;
    let browser = Browser::start().await;
    act::control_network(&browser).await;
    act::open(&browser, &board, "/?lang=en").await;
    act::go_offline(&browser).await;
    check::connection_is(&browser, "offline").await;
    fill(&board, 1200).await;
    act::go_online(&browser).await;
    backlog_is(&browser, "1,200").await;
    is_at_end(&browser).await;
    act::click(&browser, "#backlog").await;
    line_is_seen_before(&browser, 21).await;
    backlog_is(&browser, "").await;
    // The way back to the end does not bring it back.
    act::click(&browser, "#unseen").await;
    is_at_end(&browser).await;
    check::until("the newest is shown", || find::offsets(&browser), |shown| shown.last() == Some(&1220)).await;
    backlog_is(&browser, "").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_returning_reader_learns_what_they_missed_until_it_is_read() {
    let board = Board::start().await;
    fill(&board, 5).await;
    let browser = Browser::start().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": SIMULATE })).await;
    browser.devtools("Network.setCookie", json!({ "name": "lang", "value": "en", "url": board.url("/") })).await;
    act::open(&browser, &board, "/").await;
    act::open(&browser, &board, "/r/elsewhere").await;
    fill(&board, 120).await;
    act::open(&browser, &board, "/").await;
    backlog_is(&browser, "120").await;
    is_at_end(&browser).await;
    // The same after a reload.
    browser.page.refresh().await.unwrap();
    backlog_is(&browser, "120").await;
    act::click(&browser, "#mark_read").await;
    backlog_is(&browser, "").await;
    check::until("the unread line is removed", || find::count(&browser, "#unread"), |count| *count == 0).await;
    browser.page.refresh().await.unwrap();
    find::one(&browser, "#connection[data-state=live]").await;
    assert_eq!(find::count(&browser, "#unread").await, 0);
    // While the page was hidden. Escape marks as read.
    browser.page.execute("look(false)", vec![]).await.unwrap();
    fill(&board, 60).await;
    check::until("they are shown", || find::offsets(&browser), |shown| shown.last() == Some(&185)).await;
    browser.page.execute("look(true)", vec![]).await.unwrap();
    backlog_is(&browser, "60").await;
    act::press(&browser, Key::Escape).await;
    backlog_is(&browser, "").await;
    // Few messages are on the screen, so nothing has to be said.
    browser.page.execute("look(false)", vec![]).await.unwrap();
    fill(&board, 2).await;
    check::until("they are shown", || find::offsets(&browser), |shown| shown.last() == Some(&187)).await;
    browser.page.execute("look(true)", vec![]).await.unwrap();
    line_is_seen_before(&browser, 186).await;
    backlog_is(&browser, "").await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

/// Returns the first message on the screen and its distance from the top of the list's box.
async fn place(browser: &Browser) -> (u64, f64) {
    let script = "const top = document.getElementById('scroller').getBoundingClientRect().top; \
        for (const row of document.querySelectorAll('#messages > li[data-offset]')) { \
            const box = row.getBoundingClientRect(); \
            if (box.bottom > top) return [+row.dataset.offset, box.top - top] }";
    browser.page.execute(script, vec![]).await.unwrap().convert().unwrap()
}

async fn place_is(browser: &Browser, (offset, top): (u64, f64)) {
    let is_same = |(now, at): &(u64, f64)| *now == offset && (at - top).abs() <= 1.5;
    check::until("the reader is where they were", || place(browser), is_same).await;
}

/// More pages than a browser keeps for the way back.
const KEPT_PAGES: usize = 8;

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_reload_and_the_way_back_lead_to_the_same_place() {
    let board = Board::start().await;
    fill(&board, 300).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/r/lobby#m-250").await;
    act::click(&browser, "#unseen").await;
    for wanted in [100, 150, 200] {
        act::scroll_to_top(&browser).await;
        check::until("one more page is shown", || find::messages(&browser), |shown| shown.len() >= wanted).await;
    }
    act::scroll_to(&browser, 157, -7).await;
    let before = place(&browser).await;
    assert_eq!(before.0, 157);
    browser.page.refresh().await.unwrap();
    place_is(&browser, before).await;
    find::one(&browser, "#connection[data-state=live]").await;
    browser.page.execute("window.kept = true", vec![]).await.unwrap();
    act::open(&browser, &board, "/r/elsewhere").await;
    fill(&board, 1).await;
    browser.page.back().await.unwrap();
    place_is(&browser, before).await;
    // The browser kept the page, which is connected again.
    assert!(browser.page.execute("return window.kept === true", vec![]).await.unwrap().convert::<bool>().unwrap());
    act::click(&browser, "#unseen").await;
    check::until("the newest is shown", || find::offsets(&browser), |shown| shown.last() == Some(&301)).await;
    fill(&board, 1).await;
    check::until("a new one arrives", || find::offsets(&browser), |shown| shown.last() == Some(&302)).await;
    // A page that the browser no longer keeps, because others came after it, is loaded again.
    act::scroll_to(&browser, 260, -7).await;
    let before = place(&browser).await;
    browser.page.execute("window.kept = true", vec![]).await.unwrap();
    for n in 0..KEPT_PAGES {
        act::open(&browser, &board, &format!("/r/elsewhere-{n}")).await;
    }
    browser.page.execute(format!("history.go(-{KEPT_PAGES})"), vec![]).await.unwrap();
    place_is(&browser, before).await;
    assert!(browser.page.execute("return window.kept === undefined", vec![]).await.unwrap().convert::<bool>().unwrap());
    // A new visit starts at the end.
    act::open(&browser, &board, "/r/elsewhere").await;
    act::open(&browser, &board, "/").await;
    is_at_end(&browser).await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn tabs_share_what_was_read_and_the_name() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    let first = browser.page.window().await.unwrap();
    let title = browser.page.title().await.unwrap();
    let second = browser.page.new_tab().await.unwrap();
    browser.page.switch_to_window(second).await.unwrap();
    fill(&board, 3).await;
    let titles = async || {
        let targets = browser.devtools("Target.getTargets", json!({})).await;
        targets["targetInfos"].as_array().unwrap().iter().map(|target| target["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let counted = format!("(3) {title}");
    check::until("the hidden tab counts", titles, |titles| titles.contains(&counted)).await;
    act::open(&browser, &board, "/").await;
    check::until("they are read in both", titles, |titles| titles.iter().filter(|one| **one == title).count() == 2).await;
    let rename = "const name = document.getElementById('author'); name.value = 'Ana'; \
        name.dispatchEvent(new Event('change', { bubbles: true }))";
    browser.page.execute(rename, vec![]).await.unwrap();
    browser.page.switch_to_window(first).await.unwrap();
    let name = async || find::one(&browser, "#author").await.value().await.unwrap().unwrap_or_default();
    check::until("the name is the same", name, |name| name == "Ana").await;
    browser.quit().await;
}

/// Lets a test set the clock ahead.
const CLOCK: &str = "window.ahead = 0; const Real = Date; \
    window.Date = class extends Real { \
        constructor(...at) { if (at.length) super(...at); else super(Real.now() + ahead) } \
        static now() { return Real.now() + ahead } }";

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_day_is_called_today_and_after_midnight_yesterday() {
    let board = Board::start().await;
    fill(&board, 1).await;
    let browser = Browser::start().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": CLOCK })).await;
    act::open(&browser, &board, "/").await;
    let day = async || find::one(&browser, "#messages .day").await.text().await.unwrap();
    check::until("the day has its name", day, |day| day == "今天").await;
    for wanted in ["昨天", "日"] {
        browser.page.execute("ahead += 86_400_000; document.dispatchEvent(new Event('visibilitychange'))", vec![]).await.unwrap();
        check::until("the day has its next name", day, |day| day.ends_with(wanted)).await;
    }
    // The server does not know the reader's day.
    let html = board.get("/?lang=zh-CN", &[]).await.text().await.unwrap();
    assert!(html.contains("class=\"day\"><span>20") && !html.contains("今天"));
    browser.quit().await;
}
