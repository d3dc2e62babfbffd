//! The start of the page: hydrated if the server rendered it, else mounted.

use leptos::prelude::*;
use protocol::Json;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;

use super::json::Parsed;
use super::{document, driver};
use crate::PageData;
use crate::app::App;
use crate::state::AppState;

thread_local! {
    /// True once the page is hydrated or mounted, and its driver may start.
    static COMPLETE: ArcRwSignal<bool> = ArcRwSignal::new(false);
}

/// Hydrates the server's page. False if its data can't be read; the page then stays as it is.
#[wasm_bindgen]
pub fn hydrate() -> bool {
    let json = document().get_element_by_id("page-data").and_then(|element| element.text_content());
    let data: Option<PageData> = json.and_then(|json| Parsed::new(&json)?.read());
    let (Some(data), Some(root)) = (data, document().get_element_by_id("app")) else { return false };
    hydrate_from(root.unchecked_into(), move || view! { <App data drive/> }).forget();
    true
}

/// Starts the driver. A call of its own after hydration, so that the browser can do other things
/// between the two.
#[wasm_bindgen]
pub fn start_driver() {
    COMPLETE.with(|complete| complete.set(true));
}

/// Starts the driver of a complete page. Hydration may end in a trap. Tasks that it has spawned run
/// all the same, and a driver would connect a page that nobody can use.
fn drive(state: AppState) {
    driver::drive(state, COMPLETE.with(Clone::clone));
}

/// Mounts a page that no server rendered. Only `trunk serve` has such a page, marked by `data-csr`,
/// so release builds leave this out.
#[cfg(debug_assertions)]
mod mount {
    use protocol::{PublishKey, RoomName};
    use wasm_bindgen_futures::spawn_local;

    use super::*;
    use crate::browser::{clock, requests, window};
    use crate::components::Panels;
    use crate::{Language, Scheme};

    #[wasm_bindgen(start)]
    fn start() {
        if let Some(body) = document().body().filter(|body| body.has_attribute("data-csr")) {
            spawn_local(async move {
                if let Some(data) = fetch_data().await {
                    let (room, link, language, scheme) = (data.room.clone(), data.link.clone(), data.language, data.scheme);
                    let page = move || view! { <App data drive/> <Panels room link language scheme/> };
                    mount_to_renderer(body.as_ref(), page).forget();
                    start_driver();
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
        })
    }
}
