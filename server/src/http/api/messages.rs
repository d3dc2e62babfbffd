//! Reading and publishing as plain HTTP.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as FromState;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use protocol::limits::{PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX, WAIT_SECONDS_MAX};
use protocol::{ErrorCode, Position, RoomName};
use serde::Deserialize;
use tokio::time::timeout;

use crate::delivery::wait_for_entries;
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room};
use crate::http::permit::ConnectionPermit;
use crate::http::socket::Reader;
use crate::http::state::State;
use crate::limits::turns;
use crate::room::{PageError, Range, RoomVersion};
use crate::room_log::RoomLog;

/// Which page of a room.
#[derive(Deserialize)]
pub(in crate::http) struct Wanted {
    after: Option<Position>,
    before: Option<Position>,
    limit: Option<usize>,
    wait: Option<u64>,
}

/// The same, checked.
struct Wish {
    range: Range,
    limit: usize,
    /// After which position, and for how long, to wait for an entry.
    wait: Option<(Position, Duration)>,
}

impl Wanted {
    fn check(&self) -> Result<Wish, ApiError> {
        let invalid = |detail: String| Err(ApiError::detail(ErrorCode::QueryInvalid, detail));
        let range = match (self.after, self.before) {
            (None, None) => Range::Last,
            (Some(position), None) => Range::After(position),
            (None, Some(position)) => Range::Before(position),
            (Some(_), Some(_)) => return invalid("after and before exclude each other".to_owned()),
        };
        let limit = self.limit.unwrap_or(PAGE_ENTRIES_DEFAULT);
        if !(1..=PAGE_ENTRIES_MAX).contains(&limit) {
            return invalid(format!("limit must be 1 to {PAGE_ENTRIES_MAX}"));
        }
        let wait = match (self.wait, self.after) {
            (None, _) => None,
            (Some(seconds), Some(_)) if seconds > WAIT_SECONDS_MAX => return invalid(format!("wait must be 0 to {WAIT_SECONDS_MAX}")),
            (Some(seconds), Some(position)) => (seconds > 0).then(|| (position, Duration::from_secs(seconds))),
            (Some(_), None) => return invalid("wait needs after".to_owned()),
        };
        Ok(Wish { range, limit, wait })
    }
}

/// `GET /api/rooms/{room}/messages`
pub(in crate::http) async fn messages(
    FromState(state): FromState<State>,
    place: ConnectionPermit,
    Room(room): Room,
    Query(wanted): Query<Wanted>,
    uri: Uri,
    reader: Reader,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wish = wanted.check()?;
    if let Some((after, time)) = wish.wait {
        if !state.access.may_act(&uri, &headers) {
            return Err(ErrorCode::OriginRefused.into());
        }
        wait(&state, &room, after, time, reader).await?;
    }
    let tag = tag(&wish, state.context.hub.version(&room, wish.range)?);
    let shared = [(CACHE_CONTROL, "no-store"), (VARY, "accept-encoding"), (ETAG, tag.as_str())];
    if has(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, shared).into_response());
    }
    let page = turns::read(place.account().map(Arc::as_ref), state.context.hub.page(&room, wish.range, wish.limit)).await?;
    Ok((shared, Json(page)).into_response())
}

/// Waits until there is something after a position, the time is over, or the server stops. Whoever waits is here.
async fn wait(state: &State, room: &RoomName, after: Position, time: Duration, reader: Reader) -> Result<(), ApiError> {
    let start = state.context.hub.subscribe(room, Some(after))?;
    if let Some(gap) = start.gap {
        return Err(PageError::Gone(gap).into());
    }
    let presence = start.room.join();
    let log = RoomLog::new(start.room, start.history);
    let over = async {
        tokio::select! {
            // There may be something, or not: the page will tell.
            _ = timeout(time, wait_for_entries(&log, start.position.offset)) => {}
            () = state.context.stop.cancelled() => {}
        }
    };
    tokio::pin!(over);
    tokio::select! {
        () = &mut over => return Ok(()),
        // It has left, or only has nothing more to ask: then it still waits for its answer, and is not counted any more.
        () = reader.has_ended() => drop(presence),
    }
    over.await;
    Ok(())
}

/// Names what a page is made of. It is weak because it says nothing about the bytes.
fn tag(wish: &Wish, version: RoomVersion) -> String {
    // Not for secrecy, and only for as long as this process lives, so any hash will do.
    let mut hasher = DefaultHasher::new();
    let range = match wish.range {
        Range::Last => (0, 0),
        Range::After(position) => (1, position.offset),
        Range::Before(position) => (2, position.offset),
    };
    (version, range, wish.limit).hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}

/// Whether the reader has what the tag names (RFC 9110, section 13.1.2). A proxy may have made a weak tag of a strong one or the
/// other way round, so that is not compared.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).map(str::trim).any(|known| known == "*" || opaque(known) == opaque(tag))
}
