//! `GET /api/rooms/{room}`: what a room is, and what the reader may do in it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as FromState;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};

use crate::access::{Action, Caller};
use crate::http::error::ApiError;
use crate::http::extract::Room;
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;
use crate::limits;

/// `GET /api/rooms/{room}`
pub(in crate::http) async fn room(
    FromState(state): FromState<State>,
    (permit, caller): (ConnectionPermit, Caller),
    Room(room): Room,
) -> Result<Response, ApiError> {
    let pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    let info = limits::charge(permit.account().map(Arc::as_ref), state.context.room_info(&caller, &pass)).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(info)).into_response())
}
