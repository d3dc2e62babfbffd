//! `GET /r/{room}/wall`: a room's page for a screen that many see.

use axum::extract::{Request, State as FromState};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use frontend::{Pin, Wall};
use protocol::{ErrorCode, FromFields, InputError, Position, RoomName};
use serde::Deserialize;

use super::host;
use super::preferences::PageQuery;
use super::render::{RefusedPost, page_data, respond};
use crate::access::{Action, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room};
use crate::http::state::State;
use crate::limits::{self, Account};
use crate::room::{PageError, Range};

/// The longest time after which messages fade, in seconds.
const FADE_SECONDS_MAX: u32 = 24 * 60 * 60;

/// The query of a wall.
pub(in crate::http) struct WallQuery {
    /// The offset of the pinned message.
    pin: Option<u64>,
    fade_seconds: Option<u32>,
    is_transparent: bool,
}

#[derive(Deserialize)]
pub(in crate::http) struct WallFields {
    pin: Option<String>,
    fade: Option<String>,
    background: Option<String>,
}

impl FromFields for WallQuery {
    type Fields = WallFields;
}

impl TryFrom<WallFields> for WallQuery {
    type Error = InputError;

    fn try_from(fields: WallFields) -> Result<Self, InputError> {
        let invalid = |detail: String| InputError::with_detail(ErrorCode::QueryInvalid, detail);
        let pin = fields.pin.map(|pin| {
            let offset = pin.parse().ok().filter(|offset| *offset > 0);
            offset.ok_or_else(|| invalid("pin must be the number of a message, for example 42 for #m-42".to_owned()))
        });
        let fade_seconds = fields.fade.map(|fade| {
            let seconds = fade.parse().ok().filter(|seconds| (1..=FADE_SECONDS_MAX).contains(seconds));
            seconds.ok_or_else(|| invalid(format!("fade must be 1 to {FADE_SECONDS_MAX} seconds")))
        });
        let is_transparent = match fields.background.as_deref() {
            None => false,
            Some("transparent") => true,
            Some(_) => return Err(invalid("background must be transparent, or be left out".to_owned())),
        };
        Ok(Self { pin: pin.transpose()?, fade_seconds: fade_seconds.transpose()?, is_transparent })
    }
}

/// `GET /r/{room}/wall`
pub(in crate::http) async fn wall(
    FromState(state): FromState<State>,
    caller: Caller,
    Room(room): Room,
    Query(asked): Query<WallQuery>,
    Query(query): Query<PageQuery>,
    request: Request,
) -> Response {
    let account = state.context.limiter.account(caller.address);
    let account = account.as_deref();
    let rendered = limits::one_at_a_time(account, render(&state, account, &caller, room, asked, query, request)).await;
    rendered.unwrap_or_else(ApiError::into_response)
}

async fn render(
    state: &State,
    account: Option<&Account>,
    caller: &Caller,
    room: RoomName,
    asked: WallQuery,
    query: PageQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let mut data = page_data(state, account, caller, room, &query, RefusedPost::default(), request.headers()).await?;
    let pin = match asked.pin {
        Some(offset) => {
            let pinned = Position { offset: offset - 1, ..data.page.position };
            let pass = state.context.hub.enter(caller, &data.room, Action::Read)?;
            let page = limits::charge(account, state.context.hub.page(&pass, Range::After(pinned), 1)).await;
            Some(pin(offset, page)?)
        }
        None => None,
    };
    if let Some(seconds) = asked.fade_seconds {
        // A wall that is loaded again does not show again what has faded.
        let oldest = (state.context.hub.clock())().saturating_sub(u64::from(seconds) * 1000);
        data.page.entries.retain(|entry| entry.time >= oldest);
        data.page.before = None;
    }
    let link = link(&data.room, request.headers())?;
    let wall = Wall { link, pin, fade_seconds: asked.fade_seconds, is_transparent: asked.is_transparent };
    Ok(respond(request, data, Some(wall)).await)
}

/// Finds the pinned message in the page that begins with it.
fn pin(offset: u64, page: Result<protocol::MessagesPage, PageError>) -> Result<Pin, ApiError> {
    match page {
        Ok(page) => {
            let entry = page.entries.into_iter().find(|entry| entry.offset == offset && entry.kind.is_message());
            Ok(entry.map_or(Pin::Gone, |entry| Pin::Message(Box::new(entry))))
        }
        Err(PageError::Gone(_)) => Ok(Pin::Gone),
        Err(error) => Err(error.into()),
    }
}

/// The link to a room's page as people type it. Its host is the request's own.
fn link(room: &RoomName, headers: &HeaderMap) -> Result<String, ErrorCode> {
    let host = host(headers).ok_or(ErrorCode::RequestInvalid)?;
    let path = if *room == RoomName::lobby() { String::new() } else { format!("/r/{room}") };
    Ok(host + &path)
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;

    use super::*;
    use crate::http::extract::query;

    #[test]
    fn refuses_a_parameter_with_its_rule() {
        let detail =
            |uri: &'static str| query::<WallQuery>(&Uri::from_static(uri)).err().and_then(|error| error.detail).unwrap_or_default();
        for uri in ["/", "/?pin=1&fade=86400&background=transparent&lang=en&other=x"] {
            assert_eq!(detail(uri), "");
        }
        for uri in ["/?pin=0", "/?pin=m-42", "/?pin="] {
            assert!(detail(uri).starts_with("pin must be"), "{uri}");
        }
        for uri in ["/?fade=0", "/?fade=86401", "/?fade=10s", "/?fade="] {
            assert!(detail(uri).starts_with("fade must be 1 to 86400"), "{uri}");
        }
        assert!(detail("/?background=pink").starts_with("background must be"));
    }
}
