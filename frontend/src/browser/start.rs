//! The start of the page: hydrated if the server rendered it, else mounted.
//!
//! It has several steps, each called by itself, so that the browser can draw and take input in
//! between. A step may end in a trap, and then the rest is not done.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;

use any_spawner::Executor;
use leptos::prelude::*;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::view::{Position, PositionState};
use protocol::Json;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;

use super::document;
use super::driver::Driver;
use super::json::Parsed;
use crate::PageData;
use crate::app::provide_state;
use crate::components::{Composer, Header, Notice, Rows, Timeline};
use crate::state::AppState;

thread_local! {
    static PAGE: RefCell<Option<Page>> = const { RefCell::new(None) };
}

/// A page that is not alive yet.
struct Page {
    owner: Owner,
    state: AppState,
    /// The parts that are not hydrated yet.
    parts: VecDeque<Part>,
    driver: Option<Rc<Driver>>,
}

/// Runs a step within the page's owner. The page is not borrowed meanwhile: a step may panic.
fn step<T>(take: impl FnOnce(&mut Page) -> Option<T>, run: impl FnOnce(T)) {
    let taken = PAGE.with_borrow_mut(|page| page.as_mut().and_then(|page| Some((page.owner.clone(), take(page)?))));
    if let Some((owner, taken)) = taken {
        owner.with(|| run(taken));
    }
}

/// Reads the data of the server's page. False if it can't be read.
#[wasm_bindgen]
pub fn read_data() -> bool {
    let json = document().get_element_by_id("page-data").and_then(|element| element.text_content());
    let data: Option<PageData> = json.and_then(|json| Parsed::new(&json)?.read());
    let page = document().get_element_by_id("app").and_then(|app| app.first_element_child());
    let (Some(data), Some(page)) = (data, page) else { return false };
    // An error says that it is done already.
    _ = Executor::init_wasm_bindgen();
    let owner = Owner::new_root(None);
    let (state, start) = owner.with(|| provide_state(data));
    let root = |number| page.children().item(number);
    // An empty list has no element that could stand for its rows.
    let without_rows = !state.lists.messages.with_untracked(Vec::is_empty);
    let mut parts = VecDeque::from([
        part(root(0), Position::Current, || view! { <Header/> }),
        part(root(1), Position::Current, move || view! { <Timeline without_rows/> }),
        part(root(2), Position::Current, || view! { <Notice/> }),
        part(root(3), Position::Current, || view! { <Composer start/> }),
    ]);
    if without_rows {
        // With the rest of the timeline they would take twice as long as any other part.
        let list = document().get_element_by_id("messages");
        parts.insert(2, part(list, Position::FirstChild, move || view! { <Rows list=state.lists.messages/> }));
    }
    PAGE.set(Some(Page { owner, state, parts, driver: None }));
    true
}

/// A function that hydrates one part of the page.
type Part = Box<dyn FnOnce()>;

/// Returns the part that begins at an element: with itself, or with its first child.
fn part<V: IntoView>(element: Option<Element>, begins: Position, component: impl FnOnce() -> V + 'static) -> Part {
    Box::new(move || {
        let Some(element) = element else { return };
        let state = component().into_view().hydrate::<true>(&Cursor::new(element), &PositionState::new(begins));
        // Dropping it would end its effects.
        mem::forget(state);
    })
}

/// Hydrates the next part of the page. False if that was the last one.
#[wasm_bindgen]
pub fn hydrate_part() -> bool {
    step(|page| page.parts.pop_front(), |hydrate| hydrate());
    PAGE.with_borrow(|page| page.as_ref().is_some_and(|page| !page.parts.is_empty()))
}

/// Restores what this browser keeps for its reader. The page reacts to its reader from now on.
#[wasm_bindgen]
pub fn restore() {
    step(
        |page| Some(page.state),
        |state| {
            let driver = Driver::create(state);
            PAGE.with_borrow_mut(|page| page.as_mut().map(|page| page.driver = Some(driver)));
        },
    );
}

/// Connects the page to its room.
#[wasm_bindgen]
pub fn connect() {
    step(|page| page.driver.take(), Driver::start);
}

/// Mounts a page that no server rendered. Only `trunk serve` has such a page, marked by `data-csr`,
/// so release builds leave this out.
#[cfg(debug_assertions)]
mod mount {
    use protocol::{PublishKey, RoomName};
    use wasm_bindgen_futures::spawn_local;

    use super::*;
    use crate::app::App;
    use crate::browser::{clock, requests, window};
    use crate::components::Panels;
    use crate::{Language, Scheme};

    #[wasm_bindgen(start)]
    fn start() {
        if let Some(body) = document().body().filter(|body| body.has_attribute("data-csr")) {
            spawn_local(async move {
                if let Some(data) = fetch_data().await {
                    let (room, link, language, scheme) = (data.room.clone(), data.link.clone(), data.language, data.scheme);
                    let server = data.server.clone();
                    let page = move || {
                        let page = view! { <App data/> <Panels room link language scheme server/> };
                        let owner = Owner::current().expect("the mounted page has an owner");
                        PAGE.set(Some(Page { owner, state: AppState::of_page(), parts: VecDeque::new(), driver: None }));
                        page
                    };
                    mount_to_renderer(body.as_ref(), page).forget();
                    restore();
                    connect();
                }
            });
        }
    }

    async fn fetch_data() -> Option<PageData> {
        let path = window().location().pathname().ok()?;
        let name = path.strip_prefix("/r/").map(|name| String::from(js_sys::decode_uri_component(name).unwrap_or_default()));
        let room = name.and_then(|name| RoomName::try_from(name).ok()).unwrap_or_else(RoomName::lobby);
        let page = requests::history(&room, requests::Range::Newest).await?;
        Some(PageData {
            link: ["/r/", room.as_str()].concat(),
            room,
            page,
            online: 0,
            language: Language::negotiate(None, None, window().navigator().language().as_deref()),
            scheme: Scheme::System,
            key: PublishKey::from_bits(clock::random_bits()),
            author: String::new(),
            draft: String::new(),
            refusal: None,
            zone: 0,
            version: String::new(),
            title: String::new(),
            slow: false,
            server: crate::ServerPart::default(),
        })
    }
}
