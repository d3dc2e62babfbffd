//! Reading and publishing as plain HTTP.

use axum::Json;
use axum::extract::State as FromState;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use protocol::limits::{PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX};
use protocol::{ErrorCode, Position};
use serde::Deserialize;

use super::State;
use super::problem::Refusal;
use super::publishing::{self, Aside};
use super::request::{Address, Query, Room, WholeBody};
use crate::hub::Range;

/// Which page of a room.
#[derive(Deserialize)]
pub(super) struct Wanted {
    after: Option<Position>,
    before: Option<Position>,
    limit: Option<usize>,
}

/// `GET /api/rooms/{room}/messages`
pub(super) async fn messages(
    FromState(state): FromState<State>,
    Room(room): Room,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let range = match (wanted.after, wanted.before) {
        (None, None) => Range::Last,
        (Some(position), None) => Range::After(position),
        (None, Some(position)) => Range::Before(position),
        (Some(_), Some(_)) => return Err(Refusal::detail(ErrorCode::QueryInvalid, "after and before exclude each other")),
    };
    let limit = wanted.limit.unwrap_or(PAGE_ENTRIES_DEFAULT);
    if !(1..=PAGE_ENTRIES_MAX).contains(&limit) {
        return Err(Refusal::detail(ErrorCode::QueryInvalid, format!("limit must be 1 to {PAGE_ENTRIES_MAX}")));
    }
    let page = state.context.hub.page(&room, range, limit).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(page)).into_response())
}

/// `POST /api/rooms/{room}/messages`
pub(super) async fn publish(
    FromState(state): FromState<State>,
    Room(room): Room,
    Address(address): Address,
    Query(aside): Query<Aside>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, Refusal> {
    let message = publishing::parse(&headers, &body, aside)?;
    state.context.limiter.publish(address).map_err(|wait| Refusal::retry_after(ErrorCode::RateLimited, wait))?;
    let published = state.context.hub.publish(&room, message, None)?.await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(published)).into_response())
}
