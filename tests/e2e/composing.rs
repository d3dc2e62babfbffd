//! The composer.

use thirtyfour::Key;

use crate::world::{Board, Browser};
use crate::{act, check, find};

#[tokio::test]
#[ignore = "needs a browser"]
async fn enter_during_composition_does_not_send() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::click(&browser, "#chat_content").await;
    act::compose(&browser, "nihao").await;
    act::press_enter(&browser, 229).await;
    assert!(find::messages(&browser).await.is_empty());
    act::commit(&browser, "你好").await;
    check::draft_is(&browser, "你好").await;
    // The page ignores Enter for a moment after a composition.
    let press_enter = async || {
        act::press_enter(&browser, 13).await;
        find::draft(&browser).await
    };
    check::until("Enter sends", press_enter, String::is_empty).await;
    check::shows(&browser, &["你好"]).await;
    assert_eq!(board.texts("lobby").await, ["你好"]);
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn shift_enter_inserts_a_line_break() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::type_text(&browser, "one").await;
    find::one(&browser, "#chat_content").await.send_keys("" + Key::Shift + Key::Enter).await.unwrap();
    act::send(&browser, "two").await;
    check::shows(&browser, &["one\ntwo"]).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_field_grows_with_its_text_and_keeps_the_focus_after_sending() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    let field =
        "const it = document.getElementById('chat_content'); return [it.offsetHeight, it === document.activeElement ? 1 : 0, innerHeight]";
    let field = async || browser.page.execute(field, vec![]).await.unwrap().convert::<[f64; 3]>().unwrap();
    let [before, ..] = field().await;
    act::type_text(&browser, "one").await;
    for _ in 0..30 {
        find::one(&browser, "#chat_content").await.send_keys("" + Key::Shift + Key::Enter).await.unwrap();
    }
    let [grown, _, window] = field().await;
    assert!(grown > 3.0 * before && grown < window / 2.0, "{before} became {grown} of {window}");
    act::send(&browser, "two").await;
    check::until("the message is shown", || find::messages(&browser), |shown| shown.len() == 1).await;
    assert_eq!(field().await[..2], [before, 1.0]);
    // The same with the button.
    act::type_text(&browser, "three").await;
    act::click(&browser, "button[type=submit]").await;
    check::until("the message is shown", || find::messages(&browser), |shown| shown.len() == 2).await;
    assert_eq!(field().await[..2], [before, 1.0]);
    // Each room has its own draft.
    act::type_text(&browser, "for here").await;
    act::open(&browser, &board, "/r/elsewhere").await;
    check::draft_is(&browser, "").await;
    act::open(&browser, &board, "/").await;
    check::draft_is(&browser, "for here").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn refuses_an_empty_or_long_text_and_keeps_it() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::send(&browser, "   ").await;
    find::one(&browser, "#problem:not([hidden])").await;
    let fill = "const box = document.getElementById('chat_content'); box.value = '字'.repeat(6000); \
        box.dispatchEvent(new InputEvent('input', { bubbles: true }))";
    browser.page.execute(fill, vec![]).await.unwrap();
    act::click(&browser, "button[type=submit]").await;
    find::one(&browser, "#problem:not([hidden])").await;
    assert_eq!(find::draft(&browser).await.chars().count(), 6000);
    assert!(board.texts("lobby").await.is_empty());
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn clearing_can_be_undone_and_the_name_is_remembered() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::rename(&browser, "小明").await;
    act::type_text(&browser, "a long and important draft that took a while to write").await;
    act::click(&browser, "#clear").await;
    check::draft_is(&browser, "").await;
    act::click(&browser, "#clear").await;
    check::draft_is(&browser, "a long and important draft that took a while to write").await;
    act::click(&browser, "button[type=submit]").await;
    check::until("the message is shown", || find::messages(&browser), |shown| shown.len() == 1).await;
    assert_eq!(find::one(&browser, "#messages .author").await.text().await.unwrap(), "小明");
    act::open(&browser, &board, "/r/elsewhere").await;
    assert_eq!(find::one(&browser, "#author").await.prop("value").await.unwrap().unwrap(), "小明");
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_ctrl_enter_setting_is_applied_and_remembered() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::click(&browser, "[popovertarget=settings]").await;
    act::click(&browser, "[data-set=ctrl-sends]").await;
    act::open(&browser, &board, "/r/other").await;
    act::type_text(&browser, "one").await;
    act::press(&browser, Key::Enter).await;
    act::type_text(&browser, "two").await;
    check::draft_is(&browser, "one\ntwo").await;
    find::one(&browser, "#chat_content").await.send_keys(Key::Control + Key::Enter).await.unwrap();
    check::shows(&browser, &["one\ntwo"]).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_refused_message_keeps_its_text_and_shows_the_reason() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    act::send_oversized_json(&browser).await;
    let failed = find::one(&browser, "#outbox [data-stage=failed]").await;
    assert!(failed.text().await.unwrap().contains("Not sent. The text is longer than 16 KiB."));
    act::click(&browser, "#outbox .copy").await;
    find::one(&browser, ".notice:not([hidden])").await;
    // It survives a reload, and can be retried.
    act::open(&browser, &board, "/?lang=en").await;
    find::one(&browser, "#outbox [data-stage=failed]").await;
    assert_eq!(find::pending(&browser).await[0].chars().count(), 12_000);
    act::click(&browser, "#outbox .retry").await;
    find::one(&browser, "#outbox [data-stage=failed]").await;
    act::click(&browser, "#outbox .discard").await;
    check::nothing_pending(&browser).await;
    act::send(&browser, "short").await;
    check::shows(&browser, &["short"]).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn each_tab_of_a_room_keeps_its_own_draft() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    let (first, second) = (browser.page.window().await.unwrap(), browser.page.new_tab().await.unwrap());
    browser.page.switch_to_window(second.clone()).await.unwrap();
    act::open(&browser, &board, "/").await;
    browser.page.switch_to_window(first.clone()).await.unwrap();
    act::type_text(&browser, "a long thought").await;
    browser.page.switch_to_window(second.clone()).await.unwrap();
    act::type_text(&browser, "another").await;
    act::open(&browser, &board, "/").await;
    check::draft_is(&browser, "another").await;
    act::send(&browser, "").await;
    check::shows(&browser, &["another"]).await;
    browser.page.switch_to_window(first).await.unwrap();
    act::open(&browser, &board, "/").await;
    check::draft_is(&browser, "a long thought").await;
    // The draft of a closed tab is kept as well.
    browser.page.close_window().await.unwrap();
    browser.page.switch_to_window(second).await.unwrap();
    act::open(&browser, &board, "/").await;
    check::draft_is(&browser, "a long thought").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_shared_text_is_appended_to_the_draft() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::type_text(&browser, "kept").await;
    // A second time, like a reload, must not append it again.
    for _ in 0..2 {
        act::open(&browser, &board, "/?text=shared").await;
        check::draft_is(&browser, "kept\nshared").await;
    }
    act::open(&browser, &board, "/").await;
    check::draft_is(&browser, "kept\nshared").await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn keeps_text_typed_before_hydration() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    let early = "if (location.hash === '#early') new MutationObserver((_, watch) => { \
        const field = document.getElementById('chat_content'); \
        if (field) { watch.disconnect(); field.value = 'early' } }).observe(document, { childList: true, subtree: true })";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": early })).await;
    act::open(&browser, &board, "/#early").await;
    check::draft_is(&browser, "early").await;
    act::open(&browser, &board, "/r/elsewhere").await;
    act::open(&browser, &board, "/").await;
    check::draft_is(&browser, "early").await;
    browser.quit().await;
}

/// Returns the numbers that a script computes.
async fn measure<const COUNT: usize>(browser: &Browser, script: &str) -> [f64; COUNT] {
    let numbers: Vec<f64> = browser.page.execute(script, vec![]).await.unwrap().convert().unwrap();
    numbers.try_into().unwrap()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn the_composer_is_one_low_row() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    let sizes = "const size = it => document.querySelector(it).getBoundingClientRect(); \
        return [size('.composer').height, size('.post').width, size('.post').height, size('#chat_content').width, size('.name').width, size('#clear').width]";
    for (width, field_min) in [(320, 150.0), (360, 190.0), (768, 400.0), (1440, 400.0)] {
        browser.resize(width, 420).await;
        act::open(&browser, &board, "/").await;
        let [height, post_width, post_height, field, _, clear] = measure::<6>(&browser, sizes).await;
        assert!(height <= 64.0 && post_width >= 40.0 && post_height >= 40.0, "{height} px high, the button {post_width} x {post_height}");
        assert!(field >= field_min, "the field is {field} px wide of {width}");
        assert_eq!(clear, 0.0, "there is nothing to clear");
        act::type_text(&browser, "x").await;
        let [full, .., clear] = measure::<6>(&browser, sizes).await;
        assert!(full == height && clear >= 24.0, "{full} px high, the button to clear {clear} px wide");
        act::click(&browser, "#clear").await;
        check::draft_is(&browser, "").await;
    }
    // On a phone the name is a chip that opens its field.
    browser.resize(360, 420).await;
    let [.., chip, _] = measure::<6>(&browser, sizes).await;
    act::click(&browser, ".name").await;
    let [.., open, _] = measure::<6>(&browser, sizes).await;
    assert!(chip <= 44.0 && open > 200.0, "the chip is {chip} px wide, its field {open}");
    act::rename(&browser, "小明").await;
    act::press(&browser, Key::Enter).await;
    assert_eq!(find::focused(&browser).await, "chat_content");
    let [.., closed, _] = measure::<6>(&browser, sizes).await;
    assert_eq!(closed, chip);
    act::send(&browser, "hello").await;
    check::shows(&browser, &["hello"]).await;
    assert_eq!(find::one(&browser, "#messages .author").await.text().await.unwrap(), "小明");
    check::console_is_empty(&browser).await;
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn enter_in_the_name_and_a_double_click_raise_no_alert() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::rename(&browser, "小明").await;
    act::press(&browser, Key::Enter).await;
    assert_eq!(find::focused(&browser).await, "chat_content");
    assert_eq!(find::count(&browser, "#problem[hidden]").await, 1);
    act::type_text(&browser, "once").await;
    let button = find::one(&browser, ".post").await;
    browser.page.action_chain().double_click_element(&button).perform().await.unwrap();
    check::shows(&browser, &["once"]).await;
    assert_eq!(find::count(&browser, "#problem[hidden]").await, 1);
    assert_eq!(find::focused(&browser).await, "chat_content");
    assert_eq!(board.texts("lobby").await, ["once"]);
    browser.quit().await;
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn page_keys_scroll_the_list_and_escape_stays_during_composition() {
    let board = Board::start().await;
    for n in 0..60 {
        board.post("lobby", &format!("message {n}")).await;
    }
    let browser = Browser::start().await;
    act::open(&browser, &board, "/").await;
    act::click(&browser, "#chat_content").await;
    act::press(&browser, Key::PageUp).await;
    check::until("the list scrolls up", || find::from_end(&browser), |distance| *distance > 300).await;
    act::press(&browser, Key::PageDown).await;
    check::until("the list scrolls down", || find::from_end(&browser), |distance| *distance < 30).await;
    assert_eq!(find::focused(&browser).await, "chat_content");
    // The same with a few lines. A field that scrolls itself keeps the key until it is at its end.
    let fill = "const it = document.getElementById('chat_content'); it.value = arguments[0]; it.dispatchEvent(new InputEvent('input', { bubbles: true })); \
        it.setSelectionRange(it.value.length, it.value.length); it.scrollTop = it.scrollHeight";
    browser.page.execute(fill, vec!["a\nb\nc".into()]).await.unwrap();
    act::press(&browser, Key::PageUp).await;
    check::until("the list scrolls up", || find::from_end(&browser), |distance| *distance > 300).await;
    act::press(&browser, Key::PageDown).await;
    browser.page.execute(fill, vec!["line\n".repeat(100).into()]).await.unwrap();
    // The first moves the cursor to the first line in view.
    for _ in 0..3 {
        act::press(&browser, Key::PageUp).await;
    }
    let scrolled = "const it = document.getElementById('chat_content'); return [it.scrollHeight - it.clientHeight - it.scrollTop]";
    check::until("the field scrolls", || measure::<1>(&browser, scrolled), |[distance]| *distance > 100.0).await;
    assert!(find::from_end(&browser).await < 30);
    // An input method's Escape discards the undecided text.
    browser.page.execute(fill, vec!["".into()]).await.unwrap();
    act::compose(&browser, "nihao").await;
    act::press_escape(&browser, 229).await;
    assert_eq!(find::focused(&browser).await, "chat_content");
    act::commit(&browser, "你好").await;
    act::press_escape(&browser, 229).await;
    assert_eq!(find::focused(&browser).await, "chat_content");
    act::press_escape(&browser, 27).await;
    assert_eq!(find::focused(&browser).await, "scroller");
    browser.quit().await;
}

/// Pastes into the field, or drops onto an element, and returns whether the page took it.
const TRANSFER: &str = "const [kind, on, text] = arguments, data = new DataTransfer(); \
    if (text) data.setData('text/plain', text); else data.items.add(new File(['x'], 'x.png', { type: 'image/png' })); \
    const options = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data }; \
    const event = kind === 'paste' ? new ClipboardEvent(kind, options) : new DragEvent(kind, options); \
    document.querySelector(on).dispatchEvent(event); \
    return event.defaultPrevented";

#[tokio::test]
#[ignore = "needs a browser"]
async fn a_file_is_not_taken_and_never_leaves_the_page() {
    let board = Board::start().await;
    let browser = Browser::start().await;
    act::open(&browser, &board, "/?lang=en").await;
    let transfer = async |kind: &str, on: &str, text: &str| -> bool {
        browser.page.execute(TRANSFER, vec![kind.into(), on.into(), text.into()]).await.unwrap().convert().unwrap()
    };
    // Each says that only text is taken.
    for (kind, on) in [("paste", "#chat_content"), ("drop", "#chat_content"), ("drop", "#scroller"), ("drop", "h1")] {
        let taken = transfer(kind, on, "").await;
        assert!(taken || kind == "paste", "a file that is dropped on {on} opens");
        let notice = find::one(&browser, ".notice:not([hidden]) #notice").await.text().await.unwrap();
        assert_eq!(notice, "Only text can be posted here, not pictures or files.");
        act::click(&browser, "#dismiss").await;
        find::one(&browser, ".notice[hidden]").await;
    }
    assert!(transfer("dragover", "#scroller", "").await);
    // A text goes into the field; inside the field the browser does that.
    act::type_text(&browser, "see ").await;
    act::press(&browser, Key::Escape).await;
    assert!(transfer("drop", "#scroller", "dropped").await);
    check::draft_is(&browser, "see dropped").await;
    assert!(!transfer("drop", "#chat_content", "x").await && !transfer("paste", "#chat_content", "x").await);
    assert_eq!(find::count(&browser, ".notice[hidden]").await, 1);
    find::one(&browser, "#chat_content").await.send_keys(Key::Control + "z").await.unwrap();
    check::draft_is(&browser, "see ").await;
    browser.quit().await;
}
