//! `GET /api/rooms/{room}/messages`: a page of a room, after waiting for an entry if asked to
//! (long-poll).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as FromState;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use protocol::limits::{PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX};
use protocol::{ErrorCode, FromFields, InputError, Position, ReaderId, Tag};
use serde::Deserialize;
use tokio::time::{interval, timeout};

use crate::access::{Action, Caller, Grants};
use crate::delivery::wait_for_entries;
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room, wait_time};
use crate::http::permit::ConnectionPermit;
use crate::http::socket::Reader;
use crate::http::state::State;
use crate::limits;
use crate::room::{self, PageError, Pass, Range, RoomLog, RoomVersion};

/// How often a reader that waits in a private room is asked for its right to read.
const ACCESS_INTERVAL: Duration = Duration::from_millis(250);

/// Which page of a room is asked for.
pub(in crate::http) struct MessagesQuery {
    range: Range,
    limit: usize,
    /// The position after which to wait for an entry, and for how long.
    wait: Option<(Position, Duration)>,
    /// Who waits.
    reader: Option<ReaderId>,
}

#[derive(Deserialize)]
pub(in crate::http) struct MessagesFields {
    after: Option<String>,
    before: Option<String>,
    limit: Option<usize>,
    /// In seconds.
    wait: Option<u64>,
    reader: Option<String>,
}

impl FromFields for MessagesQuery {
    type Fields = MessagesFields;
}

impl TryFrom<MessagesFields> for MessagesQuery {
    type Error = InputError;

    fn try_from(fields: MessagesFields) -> Result<Self, InputError> {
        let invalid = |detail: String| Err(InputError::with_detail(ErrorCode::QueryInvalid, detail));
        let after = fields.after.map(Position::try_from).transpose()?;
        let before = fields.before.map(Position::try_from).transpose()?;
        let range = match (after, before) {
            (None, None) => Range::Last,
            (Some(position), None) => Range::After(position),
            (None, Some(position)) => Range::Before(position),
            (Some(_), Some(_)) => return invalid("after and before exclude each other".to_owned()),
        };
        let limit = fields.limit.unwrap_or(PAGE_ENTRIES_DEFAULT);
        if !(1..=PAGE_ENTRIES_MAX).contains(&limit) {
            return invalid(format!("limit must be 1 to {PAGE_ENTRIES_MAX}"));
        }
        let wait = match (fields.wait, after) {
            (None, _) => None,
            (Some(seconds), Some(position)) => wait_time(seconds)?.map(|time| (position, time)),
            (Some(_), None) => return invalid("wait needs after".to_owned()),
        };
        let reader = fields.reader.map(|reader| reader.parse()).transpose()?;
        Ok(Self { range, limit, wait, reader })
    }
}

/// `GET /api/rooms/{room}/messages`
pub(in crate::http) async fn messages(
    FromState(state): FromState<State>,
    (permit, caller): (ConnectionPermit, Caller),
    Room(room): Room,
    Query(query): Query<MessagesQuery>,
    uri: Uri,
    connection: Reader,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    if let Some((after, time)) = query.wait {
        if !state.access.may_act(&uri, &headers) {
            return Err(ErrorCode::OriginRefused.into());
        }
        let client = (query.reader, connection);
        wait(&state, &pass, caller.grants.as_deref(), after, time, client).await?;
        pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    }
    let tag = entity_tag(&query, pass.tag(), state.context.hub.version(&pass, query.range)?);
    let shared = [(CACHE_CONTROL, "no-store"), (VARY, "accept-encoding"), (ETAG, tag.as_str())];
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, shared).into_response());
    }
    let page = limits::charge(permit.account().map(Arc::as_ref), state.context.hub.page(&pass, query.range, query.limit)).await?;
    Ok((shared, Json(page)).into_response())
}

/// Waits until there is an entry after a position, the time is over, the server stops, or the right
/// to read ends. The reader is online meanwhile.
async fn wait(
    state: &State,
    pass: &Pass,
    grants: Option<&Grants>,
    after: Position,
    time: Duration,
    (reader, connection): (Option<ReaderId>, Reader),
) -> Result<(), ApiError> {
    let start = state.context.hub.subscribe(pass, Some(after))?;
    if let Some(gap) = start.gap {
        return Err(PageError::Gone(gap).into());
    }
    let presence = start.room.join(reader);
    let log = RoomLog::new(start.room, start.history);
    let over = async {
        tokio::select! {
            // The result does not matter: the page will have the entries, if any.
            _ = timeout(time, wait_for_entries(&log, start.position.offset)) => {}
            () = state.context.stop.cancelled() => {}
            () = access_ends(state, grants, log.room()) => {}
        }
    };
    tokio::pin!(over);
    tokio::select! {
        () = &mut over => return Ok(()),
        // The reader may be gone, or have closed its half only and still wait. It is no longer
        // counted as online.
        () = connection.has_ended() => drop(presence),
    }
    over.await;
    Ok(())
}

/// Waits until a reader may no longer read.
async fn access_ends(state: &State, grants: Option<&Grants>, room: &room::Room) {
    // Where everybody may, that takes other settings, and these are an entry for which it waits.
    if state.context.may_read(None, room) {
        return std::future::pending().await;
    }
    let mut interval = interval(ACCESS_INTERVAL);
    while state.context.may_read(grants, room) {
        interval.tick().await;
    }
}

/// An entity tag for a page's content, which tells the reader which reactions are their own. It is
/// weak because the same content may have other bytes.
fn entity_tag(query: &MessagesQuery, reader: Option<Tag>, version: RoomVersion) -> String {
    // Any hash will do: the tag is no secret, and lives as long as this process.
    let mut hasher = DefaultHasher::new();
    let range = match query.range {
        Range::Last => (0, 0),
        Range::After(position) => (1, position.offset),
        Range::Before(position) => (2, position.offset),
    };
    (version, range, query.limit, reader).hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}

/// True if the client has this version (RFC 9110, section 13.1.2). A proxy may have changed whether
/// the tag is weak. By hand, because `headers` panics in debug builds on a tag with a space.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).map(str::trim).any(|known| known == "*" || opaque(known) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::extract::query;

    #[test]
    fn a_refused_parameter_has_its_code() {
        for (parameters, code) in [
            ("after=x", ErrorCode::PositionInvalid),
            ("before=x", ErrorCode::PositionInvalid),
            ("after=", ErrorCode::PositionInvalid),
            ("reader=x", ErrorCode::QueryInvalid),
            ("limit=0", ErrorCode::QueryInvalid),
            ("limit=x", ErrorCode::QueryInvalid),
            ("limit=201", ErrorCode::QueryInvalid),
            ("wait=1", ErrorCode::QueryInvalid),
            ("wait=56&after=0000000000000001:1", ErrorCode::QueryInvalid),
            ("wait=x&after=0000000000000001:1", ErrorCode::QueryInvalid),
            ("after=0000000000000001:1&before=0000000000000001:1", ErrorCode::QueryInvalid),
            ("limit=1&limit=2", ErrorCode::QueryInvalid),
        ] {
            let error = query::<MessagesQuery>(&format!("/?{parameters}").parse().unwrap()).err();
            assert_eq!(error.map(|error| error.code), Some(code), "{parameters}");
        }
        assert!(query::<MessagesQuery>(&Uri::from_static("/?other=1&limit=200")).is_ok());
    }

    #[test]
    fn knows_an_entity_tag_however_a_proxy_rewrote_it() {
        let matches = |value: &str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, value.parse().unwrap())]);
            is_known(&headers, "W/\"0123\"")
        };
        for known in ["W/\"0123\"", "\"0123\"", "*", "\"x,y\", W/\"0123\""] {
            assert!(matches(known), "{known}");
        }
        for other in ["", "0123", "\"01234\"", "W/\"x\", \"0123, \""] {
            assert!(!matches(other), "{other}");
        }
    }
}
