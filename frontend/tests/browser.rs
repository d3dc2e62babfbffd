//! Components in a real browser.
#![cfg(all(feature = "hydrate", target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::cell::Cell;
use std::rc::Rc;

use client::{Pending, Stage};
use frontend::components::{Composer, ComposerStart, Timeline};
use frontend::logic::zone::Zone;
use frontend::state::{AppState, Command};
use frontend::{Language, PageData, Scheme};
use leptos::prelude::*;
use leptos::task::tick;
use protocol::{Author, Emoji, Entry, Epoch, ErrorCode, Kind, MessagesPage, Position, PublishKey, PublishRequest, RoomName, Tag, Text};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{CompositionEvent, Element, Event, EventInit, HtmlElement, HtmlTextAreaElement, KeyboardEvent, KeyboardEventInit};

wasm_bindgen_test_configure!(run_in_browser);

fn written(offset: u64, text: &str) -> Entry {
    let author = Author::parse("<b>小明</b>").unwrap();
    Entry { offset, time: 0, author, text: Text::parse(text).unwrap(), key: None, raw: None, ..Default::default() }
}

fn data(entries: Vec<Entry>) -> PageData {
    let position = Position { epoch: Epoch(1), offset: entries.last().map_or(0, |entry| entry.offset) };
    PageData {
        room: RoomName::lobby(),
        link: "http://127.0.0.1:5000/r/lobby".to_owned(),
        page: MessagesPage { room: RoomName::lobby(), entries, position, before: None, latest: position, online: 1, you: None },
        online: 1,
        language: Language::En,
        scheme: Scheme::System,
        key: "k".parse().unwrap(),
        author: String::new(),
        draft: String::new(),
        refusal: None,
        zone: 0,
        version: String::new(),
        title: String::new(),
        slow: false,
        #[cfg(debug_assertions)]
        server: Default::default(),
    }
}

/// Mounts a view with its state into an element of its own, which goes with the returned handle.
fn mount<V: IntoView + 'static>(data: PageData, view: impl FnOnce() -> V + 'static) -> (AppState, Element, impl Drop) {
    let place = document().create_element("div").unwrap();
    document().body().unwrap().append_child(&place).unwrap();
    let state = Rc::new(Cell::new(None));
    let made = Rc::clone(&state);
    let handle = mount_to_renderer(&place, move || {
        let state = AppState::new(data);
        provide_context(state);
        made.set(Some(state));
        view().into_view()
    });
    (state.get().unwrap(), place.clone(), Guard { place, _handle: handle })
}

struct Guard<T> {
    place: Element,
    _handle: T,
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        self.place.remove();
    }
}

fn compose() -> (AppState, HtmlTextAreaElement, Element, impl Drop) {
    let (state, place, guard) = mount(data(Vec::new()), || view! { <Composer start=ComposerStart::default()/> });
    let field = place.query_selector("#chat_content").unwrap().unwrap().unchecked_into();
    (state, field, place, guard)
}

fn bubbling(kind: &str) -> Event {
    let init = EventInit::new();
    init.set_bubbles(true);
    Event::new_with_event_init_dict(kind, &init).unwrap()
}

fn type_in(field: &HtmlTextAreaElement, text: &str) {
    field.set_value(text);
    field.dispatch_event(&bubbling("input")).unwrap();
}

fn enter(field: &HtmlTextAreaElement, code: u32, is_composing: bool, shift: bool) {
    let init = KeyboardEventInit::new();
    init.set_bubbles(true);
    init.set_cancelable(true);
    init.set_key("Enter");
    init.set_key_code(code);
    init.set_is_composing(is_composing);
    init.set_shift_key(shift);
    let event = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).unwrap();
    field.dispatch_event(&event).unwrap();
}

fn composition(field: &HtmlTextAreaElement, kind: &str) {
    field.dispatch_event(&CompositionEvent::new(kind).unwrap()).unwrap();
}

fn published(state: AppState) -> Vec<String> {
    let said = |command: &Command| match command {
        Command::Publish { text, .. } => Some(text.as_str().to_owned()),
        _ => None,
    };
    state.commands.read_untracked().iter().filter_map(said).collect()
}

/// Shows the timeline and the outbox, as the driver does.
async fn show(state: AppState) {
    let shown = {
        let mut guard = state.content.write_value();
        let content = &mut *guard;
        state.lists.show(&content.timeline, &mut content.authors, None, &content.pending, 0)
    };
    shown.await;
}

fn find(place: &Element, selector: &str) -> HtmlElement {
    place.query_selector(selector).unwrap().unwrap().unchecked_into()
}

fn count(place: &Element, selector: &str) -> u32 {
    place.query_selector_all(selector).unwrap().length()
}

fn offsets(place: &Element) -> Vec<u64> {
    let shown = place.query_selector_all("#messages > li[data-offset]").unwrap();
    let offset = |at| shown.item(at).unwrap().unchecked_into::<Element>().get_attribute("data-offset").unwrap();
    (0..shown.length()).map(|at| offset(at).parse().unwrap()).collect()
}

#[wasm_bindgen_test]
fn hostile_text_is_shown_as_text() {
    let texts = ["<script>window.owned = 1</script>", "<img src=x onerror='window.owned = 1'>", "</li></ol><h1>", "javascript:alert(1)"];
    let entries = (1..).zip(texts).map(|(offset, text)| written(offset, text)).collect();
    let (_, place, _guard) = mount(data(entries), || view! { <Timeline/> });
    assert_eq!(count(&place, "#messages script, #messages img, #messages h1, #messages b, #messages .text a"), 0);
    let shown = place.query_selector_all("#messages > li .text").unwrap();
    let shown: Vec<_> = (0..shown.length()).map(|index| shown.item(index).unwrap().text_content().unwrap()).collect();
    assert_eq!(shown, texts);
    assert_eq!(find(&place, "#m-1 .author").text_content().unwrap(), "<b>小明</b>");
}

#[wasm_bindgen_test]
fn a_url_becomes_a_link_that_sends_no_referrer() {
    let (_, place, _guard) = mount(data(vec![written(1, "见https://example.org/x。")]), || view! { <Timeline/> });
    let link = find(&place, "#messages .text a");
    assert_eq!(link.get_attribute("href").unwrap(), "https://example.org/x");
    assert_eq!(link.get_attribute("rel").unwrap(), "noopener noreferrer nofollow ugc");
    assert_eq!(find(&place, ".text").text_content().unwrap(), "见https://example.org/x。");
}

#[wasm_bindgen_test]
fn marks_are_hidden_and_stay_in_the_text() {
    let text = "**bold** *em* `code`\n```\nblock\n```\nend";
    let (_, place, _guard) = mount(data(vec![written(1, text)]), || view! { <Timeline/> });
    assert_eq!(find(&place, ".text").text_content().unwrap(), text);
    for (element, inside) in [("strong", "bold"), ("em", "em"), ("code", "code"), ("code.block", "block")] {
        assert_eq!(find(&place, &format!(".text {element}")).text_content().unwrap(), inside);
    }
}

#[wasm_bindgen_test]
async fn an_own_message_is_marked() {
    let (state, place, _guard) = mount(data(Vec::new()), || view! { <Timeline/> });
    let position = Position { epoch: Epoch(1), offset: 2 };
    let entries = (1..=2).map(|offset| Entry { by: Some(Tag::from_bits(offset)), ..written(offset, "x") }).collect();
    let you = Some(Tag::from_bits(1));
    let page = MessagesPage { room: RoomName::lobby(), entries, position, before: None, latest: position, online: 1, you };
    state.content.write_value().timeline.show(page);
    show(state).await;
    assert_eq!(find(&place, "#m-1").get_attribute("data-own").unwrap(), "You");
    assert!(!find(&place, "#m-2").has_attribute("data-own"));
}

#[wasm_bindgen_test]
async fn a_changed_message_stays_in_its_place_and_a_refused_change_is_undone() {
    let (state, place, _guard) = mount(data(vec![written(1, "one"), written(2, "two")]), || view! { <Timeline/> });
    let other = find(&place, "#m-2");
    let change = |offset, kind| Entry { offset, kind, of: Some(1), ..Entry::default() };
    let edit = Entry { text: Text::parse("uno").unwrap(), ..change(3, Kind::Edit) };
    state.content.write_value().timeline.change(edit);
    show(state).await;
    assert!(find(&place, "#m-2").is_same_node(Some(&other)));
    assert_eq!((offsets(&place), find(&place, "#m-1").get_attribute("aria-live").as_deref()), (vec![1, 2], Some("off")));
    let text = find(&place, "#m-1 .text");
    assert_eq!((text.text_content().unwrap().as_str(), text.get_attribute("data-edited").as_deref()), ("uno", Some("edited")));
    let emoji = Some(Emoji::parse("👍").unwrap());
    state.content.write_value().timeline.change(Entry { emoji: emoji.clone(), by: Some(Tag::from_bits(7)), ..change(4, Kind::React) });
    show(state).await;
    let reaction = || find(&place, "#m-1 .reactions > button").text_content().unwrap();
    assert_eq!(reaction(), "👍 1");
    // The reader's own reaction, before the server has answered, and after it has refused.
    let key: PublishKey = "k".parse().unwrap();
    let message = PublishRequest { kind: Kind::React, of: Some(1), emoji, key: Some(key), ..PublishRequest::default() };
    state.content.write_value().pending = vec![Pending { message: message.clone(), stage: Stage::Sending }];
    show(state).await;
    assert_eq!((reaction().as_str(), count(&place, "#m-1 > .changing"), count(&place, "#outbox > li")), ("👍 2", 1, 0));
    let stage = Stage::Failed { code: ErrorCode::ReactionsFull, detail: String::new() };
    state.content.write_value().pending = vec![Pending { message, stage }];
    show(state).await;
    assert_eq!(reaction(), "👍 1");
    assert!(find(&place, "#m-1 > [role=alert]").text_content().unwrap().starts_with("Not changed. "));
    assert_eq!((count(&place, "#m-1 .retry"), count(&place, "#m-1 .copy"), count(&place, "#m-1 .discard")), (1, 0, 1));
    state.content.write_value().pending = Vec::new();
    state.content.write_value().timeline.change(change(5, Kind::Erase));
    show(state).await;
    assert_eq!((count(&place, "#m-1 > .erased"), count(&place, "#m-1 :is(.text, .author, .seal, .reactions, .actions)")), (1, 0));
}

#[wasm_bindgen_test]
async fn a_new_message_is_added_and_the_others_stay() {
    let (state, place, _guard) = mount(data(vec![written(1, "one")]), || view! { <Timeline/> });
    let first = find(&place, "#m-1");
    state.content.write_value().timeline.append(written(2, "two"), true);
    show(state).await;
    assert!(find(&place, "#m-1").is_same_node(Some(&first)));
    let second = find(&place, "#m-2");
    assert_eq!(second.class_name(), "message continued");
    assert_eq!(find(&second, ".text").text_content().unwrap(), "two");
}

#[wasm_bindgen_test]
async fn a_row_that_stays_keeps_its_node_and_the_focus() {
    let (state, place, _guard) = mount(data((10..20).map(|offset| written(offset, "x")).collect()), || view! { <Timeline/> });
    let kept = find(&place, "#m-15");
    find(&kept, ".when").focus().unwrap();
    let stays = || {
        let focused = document().active_element().unwrap();
        find(&place, "#m-15").is_same_node(Some(&kept)) && kept.contains(Some(&focused))
    };
    assert!(stays());
    let position = Position { epoch: Epoch(1), offset: 15 };
    let page = |offsets: Vec<u64>, before| MessagesPage {
        room: RoomName::lobby(),
        entries: offsets.into_iter().map(|offset| written(offset, "x")).collect(),
        position,
        before,
        latest: position,
        online: 1,
        you: None,
    };
    // Older messages come in front.
    let before = Position { offset: 10, ..position };
    state.content.write_value().timeline.show(MessagesPage { before: Some(before), ..page((10..20).collect(), None) });
    state.content.write_value().timeline.prepend(page((1..10).collect(), None), before, false);
    show(state).await;
    assert_eq!(offsets(&place), (1..20).collect::<Vec<_>>());
    assert!(stays());
    // The oldest go while newer ones come, right after the row that stays.
    state.content.write_value().timeline.show(page(vec![14, 15, 21, 22], None));
    show(state).await;
    assert_eq!(offsets(&place), [14, 15, 21, 22]);
    assert!(stays());
}

#[wasm_bindgen_test]
async fn a_row_changes_in_place_when_its_group_or_zone_does() {
    let (state, place, _guard) = mount(data(vec![written(1, "one"), written(2, "two")]), || view! { <Timeline/> });
    let second = find(&place, "#m-2");
    assert_eq!((second.class_name().as_str(), find(&second, "time").text_content().unwrap().as_str()), ("message continued", "00:00"));
    let position = Position { epoch: Epoch(1), offset: 2 };
    let entries = vec![written(2, "two")];
    let page = MessagesPage { room: RoomName::lobby(), entries, position, before: None, latest: position, online: 1, you: None };
    state.content.write_value().timeline.show(page);
    state.lists.zone.set(Zone::Ahead(60));
    show(state).await;
    assert!(find(&place, "#m-2").is_same_node(Some(&second)));
    assert_eq!((second.class_name().as_str(), find(&second, "time").text_content().unwrap().as_str()), ("message", "01:00"));
    assert_eq!(find(&second, "time").title(), "1970-01-01 01:00:00");
}

#[wasm_bindgen_test]
async fn a_refused_message_says_why_and_what_can_be_done() {
    let (state, place, _guard) = mount(data(Vec::new()), || view! { <Timeline/> });
    let key: PublishKey = "k".parse().unwrap();
    let message =
        PublishRequest { text: Text::parse("x").unwrap(), author: Author::default(), key: Some(key.clone()), ..Default::default() };
    state.content.write_value().pending = vec![Pending { message: message.clone(), stage: Stage::Sending }];
    show(state).await;
    let row = find(&place, "#outbox > .pending");
    assert_eq!((row.get_attribute("data-stage").unwrap().as_str(), count(&row, "button")), ("sending", 0));
    let refused = |code| vec![Pending { message: message.clone(), stage: Stage::Failed { code, detail: String::new() } }];
    state.content.write_value().pending = refused(ErrorCode::TextTooLong);
    show(state).await;
    let row = find(&place, "#outbox > .pending");
    assert_eq!(row.get_attribute("data-stage").unwrap(), "failed");
    assert_eq!(find(&row, "[role=alert]").text_content().unwrap(), "Not sent. The text is longer than 16 KiB.");
    for button in [".retry", ".copy", ".discard"] {
        find(&row, button).click();
    }
    let asked = [Command::Retry(key.clone()), Command::Copy(key.clone()), Command::Discard(key)];
    assert_eq!(*state.commands.read_untracked(), asked);
    // A key that belongs to another message is refused each time.
    state.content.write_value().pending = refused(ErrorCode::KeyReused);
    show(state).await;
    let row = find(&place, "#outbox > .pending");
    assert_eq!((count(&row, ".retry"), count(&row, ".discard")), (0, 1));
    state.content.write_value().pending = Vec::new();
    show(state).await;
    assert_eq!(count(&place, "#outbox > li"), 0);
}

#[wasm_bindgen_test]
fn enter_sends_and_shift_enter_does_not() {
    let (state, field, _, _guard) = compose();
    type_in(&field, "hello");
    enter(&field, 13, false, true);
    assert_eq!(published(state), Vec::<String>::new());
    enter(&field, 13, false, false);
    assert_eq!(published(state), ["hello"]);
    assert_eq!(field.value(), "");
}

#[wasm_bindgen_test]
fn with_the_setting_ctrl_and_enter_sends() {
    let (state, field, _, _guard) = compose();
    state.settings.update(|settings| *settings = settings.with("ctrl-sends", true));
    type_in(&field, "hello");
    enter(&field, 13, false, false);
    assert_eq!(published(state), Vec::<String>::new());
    let init = KeyboardEventInit::new();
    init.set_bubbles(true);
    init.set_key("Enter");
    init.set_ctrl_key(true);
    field.dispatch_event(&KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).unwrap()).unwrap();
    assert_eq!(published(state), ["hello"]);
}

#[wasm_bindgen_test]
fn enter_during_a_composition_does_not_send() {
    let (state, field, _, _guard) = compose();
    type_in(&field, "ni");
    // Chrome and Firefox: the key comes while the composition goes on.
    composition(&field, "compositionstart");
    enter(&field, 229, true, false);
    enter(&field, 13, false, false);
    // Safari: the composition has just ended.
    composition(&field, "compositionend");
    enter(&field, 229, false, false);
    assert_eq!(published(state), Vec::<String>::new());
    assert_eq!(field.value(), "ni");
    enter(&field, 13, false, false);
    assert_eq!(published(state), ["ni"]);
}

#[wasm_bindgen_test]
async fn a_refused_text_stays_and_says_why() {
    let (state, field, place, _guard) = compose();
    let problem: HtmlElement = place.query_selector("#problem").unwrap().unwrap().unchecked_into();
    let long = "字".repeat(6000);
    type_in(&field, &long);
    enter(&field, 13, false, false);
    tick().await;
    assert_eq!(published(state), Vec::<String>::new());
    assert_eq!(field.value(), long);
    assert!(!problem.has_attribute("hidden") && !problem.text_content().unwrap().is_empty());
    assert_eq!(place.query_selector("#counter").unwrap().unwrap().text_content().unwrap(), "about 539 characters too long");
    type_in(&field, "short");
    tick().await;
    assert!(problem.has_attribute("hidden"));
}

#[wasm_bindgen_test]
fn clearing_a_draft_can_be_undone() {
    let (state, field, place, _guard) = compose();
    let clear: HtmlElement = place.query_selector("#clear").unwrap().unwrap().unchecked_into();
    type_in(&field, "a draft worth keeping");
    clear.click();
    assert_eq!(field.value(), "");
    clear.click();
    assert_eq!(field.value(), "a draft worth keeping");
    assert_eq!(state.commands.read_untracked().last(), Some(&Command::KeepDraft("a draft worth keeping".to_owned())));
    clear.click();
    type_in(&field, "x");
    clear.click();
    clear.click();
    assert_eq!(field.value(), "");
}
