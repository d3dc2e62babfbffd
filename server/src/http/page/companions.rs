//! What goes with the page: the way to a room by its name, the room's QR code, the manifest by which the board is installed.

use axum::extract::State as FromState;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, RoomName};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::room_path;
use crate::http::error::ApiError;
use crate::http::extract::{ClientAddress, Query, Room};
use crate::http::state::State;
use crate::limits::turns;

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
pub(in crate::http) async fn open(Query(wanted): Query<Wanted>) -> Result<Response, ApiError> {
    let room = wanted.room.unwrap_or_default().parse::<RoomName>()?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, room_path(&room))]).into_response())
}

/// `GET /r/{room}/qr.svg`: the address of the room's page as a QR code. The address is the one under which the board was
/// asked, because the board has no other.
pub(in crate::http) async fn qr(
    FromState(state): FromState<State>,
    ClientAddress(address): ClientAddress,
    Room(room): Room,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let host = host(&headers).ok_or(ErrorCode::RequestInvalid)?;
    // Whoever forges this gets a code that leads back here by the other scheme.
    let secure = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let link = format!("{}://{host}{}", if secure { "https" } else { "http" }, room_path(&room));
    let account = state.context.limiter.account(address);
    // A long link takes milliseconds, for which others would wait on a worker.
    let drawn = turns::read(account.as_deref(), async { spawn_blocking(|| draw(link)).await }).await;
    let image = drawn.map_err(|_| ErrorCode::Unavailable)??;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")), (CACHE_CONTROL, KEPT)], image).into_response())
}

/// The host that was asked, with its port as a number: a port of many zeros would make a large code.
fn host(headers: &HeaderMap) -> Option<String> {
    let authority: Authority = headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    let port = authority.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}{port}", authority.host()))
}

/// A link as an SVG. With the lowest error correction, since a screen has no stains and fewer modules are easier to read.
fn draw(link: String) -> Result<String, ErrorCode> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).map_err(|_| ErrorCode::UriTooLong)?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(QR_SIDE, QR_SIDE).build())
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
