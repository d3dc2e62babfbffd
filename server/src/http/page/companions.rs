//! What goes with the page: the way to a room by its name, the room's QR code, the manifest by which the board is installed.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, RoomName};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;
use serde_json::json;

use super::{Asked, refuse, room_path};
use crate::http::problem::Refusal;
use crate::http::request::{Query, Room};

/// How long a browser keeps what never changes within a version, in seconds: an hour.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=3600");
/// The side of a QR code, in pixels of the SVG; it grows and shrinks as it is shown.
const QR_SIDE: u32 = 200;

/// A room that somebody wants to open.
#[derive(Deserialize)]
pub(in crate::http) struct Wanted {
    room: Option<String>,
}

/// `GET /open?room=NAME`: where a browser without script goes for a room by its name.
pub(in crate::http) async fn open(Query(wanted): Query<Wanted>, asked: Asked) -> Response {
    match wanted.room.unwrap_or_default().trim().parse::<RoomName>() {
        Ok(room) => (StatusCode::SEE_OTHER, [(LOCATION, room_path(&room))]).into_response(),
        Err(code) => refuse(code.into(), code, asked).await,
    }
}

/// `GET /r/{room}/qr.svg`: the address of the room's page as a QR code. The address is the one under which the board was
/// asked, because the board has no other.
pub(in crate::http) async fn qr(Room(room): Room, headers: HeaderMap) -> Result<Response, Refusal> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).ok_or(ErrorCode::RequestInvalid)?;
    // Whoever forges this gets a code that leads back here by the other scheme.
    let secure = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let address = format!("{}://{host}{}", if secure { "https" } else { "http" }, room_path(&room));
    // The longest address has some 700 characters, of which a code takes three times as many.
    let code = QrCode::new(address).map_err(|_| ErrorCode::UriTooLong)?;
    let image = code.render::<svg::Color<'_>>().min_dimensions(QR_SIDE, QR_SIDE).build();
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")), (CACHE_CONTROL, KEPT)], image).into_response())
}

/// `GET /icon.svg`
pub(in crate::http) async fn icon() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")), (CACHE_CONTROL, KEPT)], frontend::ICON).into_response()
}

/// `GET /manifest.webmanifest`
pub(in crate::http) async fn manifest() -> Response {
    let manifest = json!({
        "name": frontend::TITLE,
        "short_name": frontend::TITLE,
        "start_url": "/",
        "display": "standalone",
        "background_color": "#f7f3ec",
        "theme_color": "#f7f3ec",
        "icons": [{ "src": "/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any" }],
        "share_target": { "action": "/", "method": "GET", "enctype": "application/x-www-form-urlencoded", "params": { "title": "title", "text": "text", "url": "url" } },
    });
    let kind = HeaderValue::from_static("application/manifest+json");
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEPT)], manifest.to_string()).into_response()
}
