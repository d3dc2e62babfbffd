//! Pages of history, by HTTP.

use protocol::{Json, MessagesPage, Position, RoomName};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, RequestInit, Response};

use super::json::Parsed;

/// How long a page may take, in milliseconds.
const PAGE_MS: u32 = 15_000;

/// Which page.
#[derive(Clone, Copy)]
pub(super) enum Range {
    /// The newest.
    Newest,
    /// The entries up to a position.
    Before(Position),
    /// Those that follow it.
    After(Position),
}

/// A page of entries. `None` if it could not be had.
pub(super) async fn page(room: &RoomName, range: Range) -> Option<MessagesPage> {
    let mut address = ["/api/rooms/", room.as_str(), "/messages?limit=50"].concat();
    let (side, position) = match range {
        Range::Newest => ("", None),
        Range::Before(position) => ("&before=", Some(position)),
        Range::After(position) => ("&after=", Some(position)),
    };
    address += side;
    if let Some(position) = position {
        address += &position.to_string();
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
