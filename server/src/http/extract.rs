//! What handlers take out of a request, refused in our own words when it is not right.

use std::convert::Infallible;
use std::net::IpAddr;
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

use super::access::Peer;
use super::error::ApiError;
use super::state::State;

/// How long a body may take to arrive, from its first byte to its last.
const BODY_TIME_MAX: Duration = Duration::from_secs(15);

/// A request that no other site's page makes. For what only reads, but would count a visitor in or hold a connection.
pub(super) struct SameOrigin;

impl FromRequestParts<State> for SameOrigin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        if state.access.may_act(&parts.uri, &parts.headers) { Ok(Self) } else { Err(ErrorCode::OriginRefused.into()) }
    }
}

/// The room in the address.
pub(super) struct Room(pub(super) RoomName);

impl FromRequestParts<State> for Room {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| ApiError::from(ErrorCode::RoomNameInvalid))?;
        Ok(Self(name.parse::<RoomName>()?))
    }
}

/// The address that a request counts for.
#[derive(Clone, Copy)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl FromRequestParts<State> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        Ok(Self(state.access.client_address(Peer::of(parts), &parts.headers)))
    }
}

/// The query's parameters. Those that nobody asked for are ignored.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<State> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, ApiError> {
        query(&parts.uri).map(Self)
    }
}

pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    serde_urlencoded::from_str(uri.query().unwrap_or_default()).map_err(|error| {
        let detail = error.to_string();
        let code = ErrorCode::of_refusal(&detail).unwrap_or(ErrorCode::QueryInvalid);
        ApiError::detail(code, detail)
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
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, _: &State) -> Result<Self, ApiError> {
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
