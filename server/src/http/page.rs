//! The page of a room, rendered on the server. It reads and posts without script.

mod unstored;

mod preferences;

mod server_part;

mod render;

mod companions;
mod key;

mod error_page;
mod moderate;
mod post;
mod view;
mod wall;

use axum::http::HeaderMap;
use axum_extra::headers::{HeaderMapExt as _, Host};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::RoomName;

pub(super) use companions::{icon, manifest, open, qr};
pub(super) use error_page::{error_pages, respond_with_error, without_slash};
pub(super) use key::{claimed, key, key_form, local_path};
pub(super) use moderate::{moderate, post_moderate};
pub(super) use post::{post_lobby, post_room};
pub(super) use preferences::{PageQuery, ZONE_MINUTES_MAX, keep_preferences, known_zone};
pub(super) use view::{lobby, room};
pub(super) use wall::wall;

/// The path of a room's page.
fn room_path(room: &RoomName) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    format!("/r/{}", utf8_percent_encode(room.as_str(), ESCAPED))
}

/// The path to return to after a form of a room's page: the lobby's page is also the board's.
fn page_path(room: &RoomName) -> String {
    if *room == RoomName::lobby() { "/".to_owned() } else { room_path(room) }
}

/// The host and port of the board, as the request names them: the board knows no others.
fn host(headers: &HeaderMap) -> Option<String> {
    let host: Host = headers.typed_get()?;
    // As a number: a port of many zeros would make a large QR code.
    let port = host.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}{port}", host.hostname()))
}

/// The scheme, host and port of the board, as the request names them.
fn origin(headers: &HeaderMap) -> Option<String> {
    let host = host(headers)?;
    // A client that forges this header gets a link with the wrong scheme.
    let secure = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    Some(format!("{}://{host}", if secure { "https" } else { "http" }))
}
