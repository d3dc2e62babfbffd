//! Pages of history, by HTTP.

use protocol::{Json, MessagesPage, Position, RoomName};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, RequestInit, Response};

use super::json::Parsed;

/// How long a page may take, in milliseconds.
const PAGE_MS: u32 = 15_000;

/// The page of entries up to `before`, or the newest. `None` if it could not be had.
pub(super) async fn page(room: &RoomName, before: Option<Position>) -> Option<MessagesPage> {
    let mut address = ["/api/rooms/", room.as_str(), "/messages?limit=50"].concat();
    if let Some(before) = before {
        address += "&before=";
        address += &before.to_string();
    }
    let options = RequestInit::new();
    options.set_signal(Some(&AbortSignal::timeout_with_u32(PAGE_MS)));
    let response = JsFuture::from(super::window().fetch_with_str_and_init(&address, &options)).await.ok()?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        return None;
    }
    let json = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    Parsed::new(&json)?.read()
}
