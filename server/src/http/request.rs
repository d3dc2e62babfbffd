//! What handlers take out of a request, refused in our own words when it is not right.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CONTENT_ENCODING, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use percent_encoding::percent_decode_str;
use protocol::limits::BODY_BYTES_MAX;
use protocol::{ErrorCode, Position, RoomName};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::address;
use super::problem::Refusal;
use super::state::State;
use crate::limiter::Connected;
use crate::turns::Account;

/// How long a body may take to arrive, from its first byte to its last.
const BODY_TIME_MAX: Duration = Duration::from_secs(15);

/// A request that no other site's page makes. For what only reads, but would count a visitor in or hold a connection.
pub(super) struct Own;

impl FromRequestParts<State> for Own {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        if state.door.may_act(&parts.uri, &parts.headers) { Ok(Self) } else { Err(ErrorCode::OriginRefused.into()) }
    }
}

/// The room in the address.
pub(super) struct Room(pub(super) RoomName);

impl FromRequestParts<State> for Room {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| Refusal::from(ErrorCode::RoomNameInvalid))?;
        Ok(Self(name.parse::<RoomName>()?))
    }
}

/// The address that a request counts for.
#[derive(Clone, Copy)]
pub(super) struct Address(pub(super) IpAddr);

impl FromRequestParts<State> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        Ok(Self(address::of(address::peer(parts), &parts.headers, &state.door)))
    }
}

/// Keeps a connection counted: by the server, which waits for its end, and by the limits. For what lasts.
pub(super) struct Place {
    _tracked: TaskTrackerToken,
    connected: Option<Arc<Connected>>,
    /// If it is a proxy's: as one of whom it speaks for.
    through: Option<Connected>,
    /// The account of a connection that was not let in.
    refused: Option<Arc<Account>>,
}

impl Place {
    /// The place of a connection that the limits have let in.
    pub(super) fn new(state: &State, connected: Option<Arc<Connected>>) -> Self {
        Self { _tracked: state.connections.token(), connected, through: None, refused: None }
    }

    /// The place of a connection that is told so and closed.
    pub(super) fn refused(state: &State, account: Option<Arc<Account>>) -> Self {
        Self { refused: account, ..Self::new(state, None) }
    }

    /// The account that the connection's work is charged to.
    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        let connected = self.through.as_ref().or(self.connected.as_deref());
        connected.map_or(self.refused.as_ref(), Connected::account)
    }
}

/// The place of a connection that carries a response which keeps arriving, until it is dropped.
pub(super) struct Streaming(Place);

impl Streaming {
    pub(super) fn new(place: Place) -> Self {
        let streaming = Self(place);
        streaming.set(true);
        streaming
    }

    fn set(&self, streams: bool) {
        if let Some(connected) = &self.0.connected {
            connected.set_streaming(streams);
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl FromRequestParts<State> for Place {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        // A proxy that does not say for whom it speaks counts towards the total alone.
        let address = address::forwarded(address::peer(parts), &parts.headers, &state.door);
        let through = address.map(|address| state.context.limiter.connect_through(address)).transpose()?;
        Ok(Self { through, ..Self::new(state, parts.extensions.get().cloned()) })
    }
}

/// The query's parameters. Those that nobody asked for are ignored.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<State> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Refusal> {
        query(&parts.uri).map(Self)
    }
}

pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    serde_urlencoded::from_str(uri.query().unwrap_or_default()).map_err(|error| {
        let detail = error.to_string();
        let code = ErrorCode::of_refusal(&detail).unwrap_or(ErrorCode::QueryInvalid);
        Refusal::detail(code, detail)
    })
}

/// Where a reader of something that keeps arriving goes on.
#[derive(Deserialize)]
pub(super) struct After {
    pub(super) after: Option<Position>,
}

/// A whole body, of a size and in a time that are bounded.
pub(super) struct WholeBody(pub(super) Bytes);

impl FromRequest<State> for WholeBody {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, _: &State) -> Result<Self, Refusal> {
        if request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(ErrorCode::BodyUnsupported.into());
        }
        let limited = Limited::new(request.into_body(), BODY_BYTES_MAX);
        match timeout(BODY_TIME_MAX, limited.collect()).await {
            Ok(Ok(body)) => Ok(Self(body.to_bytes())),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ErrorCode::BodyTooLong.into()),
            Ok(Err(_)) => Err(ErrorCode::RequestInvalid.into()),
            Err(_) => Err(ErrorCode::RequestTimeout.into()),
        }
    }
}

/// A cookie's value, percent-decoded.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let value = cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(known, _)| *known == name)?.1;
    percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_and_decoded() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; author=%E5%B0%8F%E6%98%8E; author2=x".parse().unwrap());
        headers.append(COOKIE, "lang=en".parse().unwrap());
        assert_eq!(cookie(&headers, "author").as_deref(), Some("小明"));
        assert_eq!(cookie(&headers, "lang").as_deref(), Some("en"));
        assert_eq!(cookie(&headers, "b"), None);
    }
}
