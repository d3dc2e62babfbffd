//! Reading: scroll position, new and older messages, and links to messages.

use thirtyfour::Key;

use crate::world::{Board, Browser};
use crate::{act, check, find};

async fn fill(board: &Board, room: &str, numbers: impl Iterator<Item = u32>) {
    for n in numbers {
        board.post_as(room, &n.to_string(), "a").await;
    }
}

/// Returns the top of a row on the screen, in pixels.
async fn top(browser: &Browser, row: &str) -> f64 {
    let script = format!("return document.querySelector('{row}').getBoundingClientRect().top");
    browser.page.execute(&script, vec![]).await.unwrap().convert().unwrap()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn new_messages_do_not_move_a_reader_above_and_are_counted() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=40).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    assert!(find::from_end(&browser).await < 30);
    fill(&board, "lobby", 41..=41).await;
    check::until("the new message is shown", || find::messages(&browser), |shown| shown.len() == 41).await;
    assert!(find::from_end(&browser).await < 30, "the list follows its end");
    act::scroll(&browser, 600).await;
    find::one(&browser, "#unseen:not([hidden])").await;
    let before = top(&browser, "#m-20").await;
    fill(&board, "lobby", 42..=44).await;
    let pill = async || find::one(&browser, "#unseen").await.text().await.unwrap();
    check::until("the pill counts", pill, |text| text.starts_with("3 ")).await;
    assert!((top(&browser, "#m-20").await - before).abs() <= 1.0);
    // The unread line stays where the reader scrolled up, also after the return to the end.
    assert_eq!(find::after(&browser, "#unread").await, "m-42");
    act::click(&browser, "#unseen").await;
    check::until("the list is at its end", || find::from_end(&browser), |distance| *distance < 30).await;
    assert_eq!(find::after(&browser, "#unread").await, "m-42");
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_unread_line_marks_where_the_reader_left() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=10).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    assert_eq!(find::count(&browser, "#unread").await, 0);
    browser.page.goto(board.url("/r/elsewhere")).await.unwrap();
    fill(&board, "lobby", 11..=12).await;
    act::open(&browser, &board, "/").await;
    check::until("the line is shown", || find::count(&browser, "#unread"), |count| *count == 1).await;
    assert_eq!(find::after(&browser, "#unread").await, "m-11");
    act::send(&browser, "mine").await;
    check::until("the line is removed", || find::count(&browser, "#unread"), |count| *count == 0).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn loading_older_messages_neither_jumps_nor_grows_the_list_without_limit() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=520).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    show_400(&browser).await;
    let first = find::messages(&browser).await[0].parse::<u32>().unwrap();
    act::scroll_to_top(&browser).await;
    // The text must not move. The author's name moves to the new first message of the author.
    let text = format!("#m-{first} .text");
    let before = top(&browser, &text).await;
    let shown = || find::messages(&browser);
    check::until("older ones are shown", shown, |shown| shown[0].parse::<u32>().unwrap() < first).await;
    let moved = top(&browser, &text).await - before;
    assert!(moved.abs() <= 1.0, "the reader was moved by {moved} pixels");
    assert_eq!(find::messages(&browser).await.len(), 400);
    // The newest messages, which were removed, return without gaps.
    for _ in 0..20 {
        act::scroll(&browser, 0).await;
        let last = find::messages(&browser).await.pop().unwrap();
        if last == "520" {
            break;
        }
        check::until("newer ones are shown", || find::messages(&browser), |shown| *shown.last().unwrap() != last).await;
    }
    let shown: Vec<u32> = find::messages(&browser).await.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(shown, (520 + 1 - shown.len() as u32..=520).collect::<Vec<_>>());
    act::scroll(&browser, 0).await;
    find::one(&browser, "#scroller[data-follows]").await;
    board.post("lobby", "521").await;
    check::until("the new message is shown", || find::messages(&browser), |shown| shown.last().unwrap() == "521").await;
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

/// Loads as many messages as the list holds, and scrolls to the oldest.
async fn show_400(browser: &Browser) {
    for wanted in (100..=400).step_by(50) {
        act::scroll_to_top(browser).await;
        check::until("one more page is shown", || find::messages(browser), |shown| shown.len() >= wanted).await;
    }
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn older_messages_that_arrive_late_do_not_replace_newer_ones() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=520).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    show_400(&browser).await;
    act::hold_history(&browser).await;
    act::scroll_to_top(&browser).await;
    find::one(&browser, "#older[aria-disabled]").await;
    act::press(&browser, Key::End).await;
    find::one(&browser, "#scroller[data-follows]").await;
    fill(&board, "lobby", 521..=521).await;
    check::until("the new message is shown", || find::messages(&browser), |shown| shown.last().unwrap() == "521").await;
    act::release_history(&browser).await;
    find::one(&browser, "#older:not([aria-disabled])").await;
    fill(&board, "lobby", 522..=522).await;
    check::until("the new message is shown", || find::messages(&browser), |shown| shown.last().unwrap() == "522").await;
    assert_eq!(find::offsets(&browser).await, (123..=522).collect::<Vec<_>>());
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn jumping_to_the_end_does_not_wait_for_older_messages() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=520).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    show_400(&browser).await;
    act::scroll_to_top(&browser).await;
    check::until("the newest are removed", || find::offsets(&browser), |shown| shown.last() == Some(&470)).await;
    act::hold_history(&browser).await;
    act::scroll_to_top(&browser).await;
    find::one(&browser, "#older[aria-disabled]").await;
    act::press(&browser, Key::End).await;
    check::until("the newest are shown", || find::offsets(&browser), |shown| shown.last() == Some(&520)).await;
    act::release_history(&browser).await;
    fill(&board, "lobby", 521..=521).await;
    check::until("the new message is shown", || find::offsets(&browser), |shown| shown.last() == Some(&521)).await;
    assert_eq!(find::offsets(&browser).await, (471..=521).collect::<Vec<_>>());
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn loading_older_messages_does_not_jump_if_the_middle_is_between_two_rows() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=520).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    show_400(&browser).await;
    // Scrolls so that the middle of the screen is between two rows.
    let between = "const box = document.getElementById('scroller'), { left, top, width, height } = box.getBoundingClientRect(); \
        for (let down = 200; down < 600; down++) { \
            box.scrollTop = down - (box.scrollHeight - box.clientHeight); \
            if (document.elementFromPoint(left + width / 2, top + height / 2).id === 'messages') return true } \
        return false";
    assert!(browser.page.execute(between, vec![]).await.unwrap().convert::<bool>().unwrap());
    let first = find::offsets(&browser).await[0];
    let row = format!("#m-{}", first + 20);
    let before = top(&browser, &row).await;
    browser.page.execute("document.getElementById('older').click()", vec![]).await.unwrap();
    check::until("older ones are shown", || find::offsets(&browser), |shown| shown[0] < first).await;
    let moved = top(&browser, &row).await - before;
    assert!(moved.abs() <= 1.0, "the reader was moved by {moved} pixels");
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn following_a_link_updates_the_scroll_state_at_once() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=50).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    // The browser reports scrolling with the next frame. A message may arrive before it.
    let go = "const done = arguments[1]; history.replaceState(null, '', arguments[0]); dispatchEvent(new Event('hashchange')); \
        (async () => { for (let turn = 0; turn < 100; turn++) await null; \
            done([document.getElementById('scroller').hasAttribute('data-follows'), document.getElementById('unseen').hidden]) })()";
    for (message, is_end) in [("#m-5", false), ("#m-50", true), ("#m-10", false)] {
        let shown: [bool; 2] = browser.page.execute_async(go, vec![message.into()]).await.unwrap().convert().unwrap();
        assert_eq!(shown, [is_end; 2], "{message}");
    }
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_link_to_a_missing_message_does_not_scroll() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=50).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/r/lobby#m-9999").await;
    find::one(&browser, ".notice:not([hidden])").await;
    fill(&board, "lobby", 51..=60).await;
    check::until("the new message is shown", || find::messages(&browser), |shown| shown.last().unwrap() == "60").await;
    check::until("the list follows its end", || find::from_end(&browser), |distance| *distance < 30).await;
    find::one(&browser, "#scroller[data-follows]").await;
    find::one(&browser, "#unseen[hidden]").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn messages_read_in_one_tab_stay_read_after_another_closes() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=40).await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::scroll(&browser, 600).await;
    find::one(&browser, "#unseen:not([hidden])").await;
    let (first, second) = (browser.page.window().await.unwrap(), browser.page.new_tab().await.unwrap());
    browser.page.switch_to_window(second).await.unwrap();
    act::open(&browser, &board, "/").await;
    fill(&board, "lobby", 41..=42).await;
    check::until("they are shown", || find::messages(&browser), |shown| shown.len() == 42).await;
    act::open(&browser, &board, "/r/elsewhere").await;
    browser.page.switch_to_window(first).await.unwrap();
    act::open(&browser, &board, "/r/elsewhere").await;
    act::open(&browser, &board, "/").await;
    assert_eq!(find::count(&browser, "#unread").await, 0);
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_link_opens_its_message_at_any_distance() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=300).await;
    let browser = Browser::start().await;
    for linked in [260, 7, 150] {
        act::open(&browser, &board, "/r/elsewhere").await;
        act::open(&browser, &board, &format!("/r/lobby#m-{linked}")).await;
        find::one(&browser, &format!("#m-{linked}.linked")).await;
        let place = top(&browser, &format!("#m-{linked}")).await;
        assert!((0.0..800.0).contains(&place), "{linked} is at {place}");
        act::click(&browser, "#unseen").await;
        check::until("the newest is shown", || find::messages(&browser), |shown| shown.last().unwrap() == "300").await;
        check::until("the list is at its end", || find::from_end(&browser), |distance| *distance < 30).await;
    }
    // The time of a message links to it.
    act::hover(&browser, "#m-297").await;
    act::click(&browser, "#m-297 .when").await;
    find::one(&browser, "#m-297.linked").await;
    act::open(&browser, &board, "/r/elsewhere").await;
    act::open(&browser, &board, "/r/lobby#m-9999").await;
    let notice = async || find::one(&browser, "#notice").await.text().await.unwrap();
    check::until("the page reports the missing message", notice, |text| !text.is_empty()).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn shows_a_gap_for_expired_messages() {
    let board = Board::start_with(&["--keep-messages", "20"]).await;
    fill(&board, "lobby", 1..=20).await;
    let browser = Browser::start().await;
    // The driver only cuts connections that were opened under its control.
    act::control_network(&browser).await;
    act::open(&browser, &board, "/?lang=en").await;
    act::go_offline(&browser).await;
    check::connection_is(&browser, "offline").await;
    fill(&board, "lobby", 21..=80).await;
    check::until("the oldest are expired", || board.texts("lobby"), |kept| kept.len() <= 20).await;
    act::go_online(&browser).await;
    find::one(&browser, "#messages .missed").await;
    check::connection_is(&browser, "live").await;
    let text = find::one(&browser, "#messages .missed").await.prop("textContent").await.unwrap().unwrap();
    assert_eq!(text, "You missed messages 21–60; they are no longer kept.");
    // It is shown at the gap.
    check::until("what is kept is shown", || find::offsets(&browser), |shown| shown.last() == Some(&80)).await;
    assert_eq!(find::offsets(&browser).await, (1..=20).chain(61..=80).collect::<Vec<_>>());
    assert_eq!(find::after(&browser, "#messages .missed").await, "unread");
    assert_eq!(find::after(&browser, "#unread").await, "m-61");
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn times_and_days_use_the_readers_time_zone() {
    let board = Board::start().await;
    fill(&board, "lobby", 1..=1).await;
    let browser = Browser::start().await;
    browser.devtools("Emulation.setTimezoneOverride", serde_json::json!({ "timezoneId": "Pacific/Kiritimati" })).await;
    act::open(&browser, &board, "/").await;
    let local = "const at = new Date(document.querySelector('#m-1 time').dateTime), two = n => String(n).padStart(2, '0'), \
        clock = two(at.getHours()) + ':' + two(at.getMinutes()), \
        date = at.getFullYear() + '-' + two(at.getMonth() + 1) + '-' + two(at.getDate()); \
        return [clock, date + ' ' + clock + ':' + two(at.getSeconds()), '今天']";
    let wanted: Vec<String> = browser.page.execute(local, vec![]).await.unwrap().convert().unwrap();
    let shown = "const time = document.querySelector('#m-1 time'); \
        return [time.textContent, time.title, document.querySelector('#messages .day').textContent]";
    let shown = async || browser.page.execute(shown, vec![]).await.unwrap().convert::<Vec<String>>().unwrap();
    check::until("the page shows local times", shown, |shown| *shown == wanted).await;
    // From the second visit on, the server renders local times.
    let html = "const done = arguments[0]; fetch('/').then(answer => answer.text()).then(done)";
    let html: String = browser.page.execute_async(html, vec![]).await.unwrap().convert().unwrap();
    assert!(html.contains(&format!("title=\"{}\">{}</time>", wanted[1], wanted[0])));
    check::console_is_empty(&browser).await;
    browser.quit().await;
}
