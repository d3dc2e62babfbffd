//! What belongs to the page: opening a room by its name, its QR code, the icon, and the manifest
//! that makes the board installable.

use axum::extract::State as FromState;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, FromFields, RoomName};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{origin, room_path};
use crate::access::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room};
use crate::http::state::State;
use crate::limits;

/// Caching of what changes only with the version.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=3600");
/// The side of a module of a QR code, in pixels of the SVG. The page scales the whole code.
const MODULE_SIDE: u32 = 8;

/// The query of `/open`.
#[derive(Deserialize)]
pub(in crate::http) struct OpenQuery {
    pub(super) room: Option<String>,
}

impl FromFields for OpenQuery {
    type Fields = Self;
}

/// `GET /open?room=NAME`: redirects a browser without script to the room's page.
pub(in crate::http) async fn open(Query(query): Query<OpenQuery>) -> Result<Response, ApiError> {
    let room = query.room.unwrap_or_default().parse::<RoomName>()?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, room_path(&room))]).into_response())
}

/// `GET /r/{room}/qr.svg`: the address of the room's page as a QR code.
pub(in crate::http) async fn qr(
    FromState(state): FromState<State>,
    caller: Caller,
    Room(room): Room,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let link = origin(&headers).ok_or(ErrorCode::RequestInvalid)? + &room_path(&room);
    let account = state.context.limiter.account(caller.address);
    // Drawing a long link takes milliseconds, too long for a worker thread.
    let drawn = limits::charge(account.as_deref(), async { spawn_blocking(|| draw(link)).await }).await;
    let image = drawn.map_err(|_| ErrorCode::Unavailable)??;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")), (CACHE_CONTROL, KEPT)], image).into_response())
}

/// Draws a link as an SVG, with a margin of four modules. The lowest error correction is enough for
/// a screen, and has the largest modules.
fn draw(link: String) -> Result<String, ErrorCode> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).map_err(|_| ErrorCode::UriTooLong)?;
    Ok(code.render::<svg::Color<'_>>().module_dimensions(MODULE_SIDE, MODULE_SIDE).build())
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
        "icons": [{ "src": frontend::icon_url(), "sizes": "any", "type": "image/svg+xml", "purpose": "any" }],
        "share_target": { "action": "/", "method": "GET", "enctype": "application/x-www-form-urlencoded", "params": { "title": "title", "text": "text", "url": "url" } },
    });
    let kind = HeaderValue::from_static("application/manifest+json");
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEPT)], manifest.to_string()).into_response()
}
