//! `/api/rooms/{room}/cast`: whether a room has a cast, and its end.

use axum::Json;
use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};

use crate::access::{Action, Caller};
use crate::http::caller::AdminCaller;
use crate::http::error::ApiError;
use crate::http::extract::Room;
use crate::http::state::State;

/// `GET /api/rooms/{room}/cast`
pub(in crate::http) async fn cast(FromState(state): FromState<State>, caller: Caller, Room(room): Room) -> Result<Response, ApiError> {
    let pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    let status = state.context.cast_status(&caller, &pass);
    Ok(([(CACHE_CONTROL, "no-store")], Json(status)).into_response())
}

/// `DELETE /api/rooms/{room}/cast`
pub(in crate::http) async fn end_cast(
    FromState(state): FromState<State>,
    // An allowed origin may not use a moderator's cookie.
    AdminCaller(caller): AdminCaller,
    Room(room): Room,
) -> Result<StatusCode, ApiError> {
    let pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    state.context.hub.end_cast(&pass, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
