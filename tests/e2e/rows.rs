//! The rows of the list: own messages, the menu, the keyboard, long texts, print.

use serde_json::json;
use thirtyfour::Key;
use thirtyfour::session::scriptret::ScriptRet;

use crate::world::{Board, Browser};
use crate::{act, check, find};

/// Runs a script in the page.
async fn run(browser: &Browser, script: &str) -> ScriptRet {
    browser.page.execute(script, vec![]).await.unwrap()
}

/// Returns the id of the focused element.
async fn focused(browser: &Browser) -> String {
    run(browser, "return document.activeElement.id").await.convert().unwrap()
}

/// Pastes into the composer, and returns its text.
async fn pasted(browser: &Browser) -> String {
    run(browser, "const field = document.getElementById('chat_content'); field.value = ''; field.focus()").await;
    browser.page.action_chain().key_down(Key::Control).send_keys("v").key_up(Key::Control).perform().await.unwrap();
    check::until("a text is pasted", || find::draft(browser), |draft| !draft.is_empty()).await;
    find::draft(browser).await
}

/// The height of the list, and where the texts are in it.
const PLACES: &str = "const column = document.querySelector('#scroller > .column'), { bottom, height } = column.getBoundingClientRect(); \
    return [height, ...[...column.querySelectorAll('.text')].map(text => bottom - text.getBoundingClientRect().bottom)]";

#[tokio::test]
#[ignore = "needs a browser"]
async fn an_own_message_keeps_its_place_when_it_is_sent() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::control_network(&browser).await;
    act::open(&browser, &board, "/").await;
    run(&browser, "document.getElementById('author').value = '小明'").await;
    // The first message of a day, and the next ones of the same author.
    for texts in [&["one"][..], &["two", "three"]] {
        act::go_offline(&browser).await;
        check::connection_is(&browser, "offline").await;
        for text in texts {
            act::send(&browser, text).await;
        }
        check::pending_is(&browser, texts).await;
        let before: Vec<f64> = run(&browser, PLACES).await.convert().unwrap();
        act::go_online(&browser).await;
        check::nothing_pending(&browser).await;
        let after: Vec<f64> = run(&browser, PLACES).await.convert().unwrap();
        assert_eq!(before, after, "of {texts:?}");
    }
    assert!(find::count(&browser, "#messages > .continued").await > 0);
    // They stay marked after a reload, which moves nothing.
    let places: Vec<f64> = run(&browser, PLACES).await.convert().unwrap();
    board.post_as("lobby", "five", "小明").await;
    act::open(&browser, &board, "/?lang=en").await;
    assert_eq!(find::count(&browser, "#messages > [data-own=You]").await, 3);
    assert_eq!(find::count(&browser, "#m-4[data-own]").await, 0);
    let again: Vec<f64> = run(&browser, PLACES).await.convert().unwrap();
    assert_eq!(again[1] - again[3], places[1] - places[3]);
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_tap_beside_a_text_does_nothing_and_a_long_press_opens_the_menu() {
    let board = Board::start().await;
    for n in 1..=3 {
        board.post_as("lobby", &format!("**message** {n}"), "a").await;
    }
    let browser = Browser::start().await;
    let phone = json!({ "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true });
    browser.devtools("Emulation.setDeviceMetricsOverride", phone).await;
    browser.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await;
    act::open(&browser, &board, "/?lang=en").await;
    assert!(run(&browser, "return matchMedia('(hover: none)').matches").await.convert::<bool>().unwrap());
    let place = async |css: &str| -> [f64; 2] {
        let script = format!(
            "const {{ x, y, width, height }} = document.querySelector('{css}').getBoundingClientRect(); \
            return [x + width / 2, y + height / 2]"
        );
        run(&browser, &script).await.convert().unwrap()
    };
    let touch = async |[x, y]: [f64; 2]| {
        let points = json!({ "type": "touchStart", "touchPoints": [{ "x": x, "y": y }] });
        browser.devtools("Input.dispatchTouchEvent", points).await;
    };
    let release = async || browser.devtools("Input.dispatchTouchEvent", json!({ "type": "touchEnd", "touchPoints": [] })).await;
    touch(place("#m-2 .when").await).await;
    release().await;
    assert_eq!(run(&browser, "return location.hash").await.convert::<String>().unwrap(), "");
    assert_eq!(find::count(&browser, ".linked").await, 0);
    touch(place("#m-2 .text").await).await;
    find::one(&browser, "#row_menu:popover-open").await;
    release().await;
    assert_eq!(find::count(&browser, "#row_menu:popover-open").await, 1, "it stays open");
    assert_eq!(find::count(&browser, "#m-2.chosen").await, 1);
    touch(place("#row_menu [data-row=text]").await).await;
    release().await;
    find::one(&browser, "#row_menu:not(:popover-open)").await;
    find::one(&browser, ".notice:not([hidden])").await;
    assert_eq!(pasted(&browser).await, "**message** 2");
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_keyboard_moves_between_messages_and_opens_their_menu() {
    let board = Board::start().await;
    for n in 1..=60 {
        board.post_as("lobby", &format!("message {n} https://example.org/{n}"), "a").await;
    }
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    act::tab_to(&browser, "#scroller").await;
    act::press(&browser, Key::Up).await;
    assert_eq!(focused(&browser).await, "m-60");
    for _ in 0..30 {
        act::press(&browser, Key::Up).await;
    }
    assert_eq!(focused(&browser).await, "m-30");
    let is_visible = "const { top, bottom } = document.activeElement.getBoundingClientRect(), box = document.getElementById('scroller') \
        .getBoundingClientRect(); return top >= box.top && bottom <= box.bottom";
    assert!(run(&browser, is_visible).await.convert::<bool>().unwrap());
    act::press(&browser, Key::Down).await;
    assert_eq!(focused(&browser).await, "m-31");
    // The links of this row alone are tab stops.
    act::press(&browser, Key::Tab).await;
    assert!(run(&browser, "return document.activeElement.href").await.convert::<String>().unwrap().ends_with("/31"));
    act::press(&browser, Key::Down).await;
    assert_eq!(focused(&browser).await, "m-32");
    // Enter opens the menu, and Escape returns to the row.
    act::press(&browser, Key::Enter).await;
    find::one(&browser, "#row_menu:popover-open").await;
    act::press(&browser, Key::Down).await;
    assert!(run(&browser, "return document.activeElement.matches('[data-row=text]')").await.convert::<bool>().unwrap());
    act::press(&browser, Key::Escape).await;
    assert_eq!((focused(&browser).await.as_str(), find::count(&browser, ":popover-open").await), ("m-32", 0));
    act::press(&browser, Key::Enter).await;
    find::one(&browser, "#row_menu:popover-open").await;
    for key in [Key::Down, Key::Down, Key::Enter] {
        act::press(&browser, key).await;
    }
    find::one(&browser, ".notice:not([hidden])").await;
    assert_eq!((focused(&browser).await.as_str(), find::count(&browser, ":popover-open").await), ("m-32", 0));
    assert_eq!(browser.page.current_url().await.unwrap().fragment(), None);
    // Home loads what is older, and the focus stays. End returns to the newest message.
    let oldest = find::offsets(&browser).await[0];
    act::press(&browser, Key::Home).await;
    assert_eq!(focused(&browser).await, format!("m-{oldest}"));
    check::until("older ones are shown", || find::offsets(&browser), |shown| shown[0] == 1).await;
    assert_eq!(focused(&browser).await, format!("m-{oldest}"));
    act::press(&browser, Key::End).await;
    assert_eq!(focused(&browser).await, "m-60");
    check::until("the list is at its end", || find::from_end(&browser), |distance| *distance < 30).await;
    assert_eq!(pasted(&browser).await, board.url("/#m-32"));
    // With the mouse, a button in the row opens it.
    act::hover(&browser, "#m-59").await;
    act::click(&browser, "#m-59 #row_more").await;
    act::click(&browser, "#row_menu [data-row=text]").await;
    assert_eq!(pasted(&browser).await, "message 59 https://example.org/59");
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_long_message_unfolds_downwards() {
    let board = Board::start().await;
    for n in 1..=20 {
        board.post_as("lobby", &format!("message {n}"), "a").await;
    }
    board.post_as("lobby", &format!("{} https://example.org", "line\n".repeat(100)), "a").await;
    board.post_as("lobby", "the last", "a").await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    let measure = "const row = document.getElementById('m-21'); \
        return [row.getBoundingClientRect().top, row.querySelector('.text').offsetHeight]";
    let [top, height]: [f64; 2] = run(&browser, measure).await.convert().unwrap();
    assert!(height < 400.0);
    act::click(&browser, "#m-21 summary").await;
    let [after, unfolded]: [f64; 2] = run(&browser, measure).await.convert().unwrap();
    assert!(unfolded > 2000.0 && (after - top).abs() <= 1.0, "{unfolded} px high, from {top} to {after}");
    // A new message does not move the reader.
    find::one(&browser, "#unseen:not([hidden])").await;
    board.post_as("lobby", "another", "a").await;
    check::until("it is shown", || find::messages(&browser), |shown| shown.len() == 23).await;
    assert!((run(&browser, measure).await.convert::<[f64; 2]>().unwrap()[0] - top).abs() <= 1.0);
    act::click(&browser, "#m-21 summary").await;
    assert_eq!(run(&browser, measure).await.convert::<[f64; 2]>().unwrap()[1], height);
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn prints_dark_text_with_the_rooms_name_and_formats_it_unless_that_is_off() {
    let board = Board::start().await;
    board.post_as("meeting", "**important**", "a").await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/r/meeting?scheme=dark").await;
    let shown = async || -> String { run(&browser, "return document.querySelector('.text').innerText").await.convert().unwrap() };
    assert_eq!(shown().await, "important");
    act::click(&browser, "[popovertarget=settings]").await;
    act::click(&browser, "[data-set=plain]").await;
    check::until("the marks are shown", shown, |text| text == "**important**").await;
    act::press(&browser, Key::Escape).await;
    browser.devtools("Emulation.setEmulatedMedia", json!({ "media": "print" })).await;
    let look = "const style = css => getComputedStyle(document.querySelector(css)); \
        return [style('.text').color, style('html').backgroundColor, style('.composer').display, document.querySelector('.bar').innerText.trim()]";
    let [ink, paper, composer, bar]: [String; 4] = run(&browser, look).await.convert().unwrap();
    assert_eq!([ink.as_str(), &paper, &composer], ["rgb(0, 0, 0)", "rgb(255, 255, 255)", "none"]);
    assert!(bar.contains("meeting"), "{bar}");
    browser.quit().await;
}
