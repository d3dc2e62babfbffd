//! `GET` of a room's page.

use axum::extract::{Request, State as FromState};
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use protocol::RoomName;

use super::preferences::PageQuery;
use super::render::{RefusedPost, render};
use super::room_path;
use crate::access::Caller;
use crate::http::extract::{Query, Room};
use crate::http::state::State;

/// `GET /`
pub(in crate::http) async fn lobby(state: FromState<State>, caller: Caller, query: Query<PageQuery>, request: Request) -> Response {
    room(state, caller, Room(RoomName::lobby()), query, request).await
}

/// `GET /r/{room}`
pub(in crate::http) async fn room(
    FromState(state): FromState<State>,
    caller: Caller,
    Room(room): Room,
    Query(query): Query<PageQuery>,
    request: Request,
) -> Response {
    match canonical_address(&room, request.uri()) {
        Some(canonical) => (StatusCode::SEE_OTHER, [(LOCATION, canonical)]).into_response(),
        None => render(&state, &caller, room, query, RefusedPost::default(), request).await,
    }
}

/// The canonical address of a room's page, if the request spells the room's name in another way.
fn canonical_address(room: &RoomName, asked: &Uri) -> Option<String> {
    let spelled = percent_decode_str(asked.path().strip_prefix("/r/")?).decode_utf8().ok()?;
    let query = asked.query().map(|query| format!("?{query}")).unwrap_or_default();
    (spelled != room.as_str()).then(|| room_path(room) + &query)
}
