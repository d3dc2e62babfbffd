//! Extractors: they read the parts of a request, and refuse invalid ones with an [`ApiError`].

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::Uri;
use axum::http::header::CONTENT_ENCODING;
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use protocol::limits::{BODY_BYTES_MAX, WAIT_SECONDS_MAX};
use protocol::{ErrorCode, FromFields, InputError, Position, ReaderId, RoomName};
use serde::Deserialize;
use tokio::time::timeout;

use super::error::ApiError;
use super::state::State;

/// The time a body may take to arrive, from its first byte to its last.
const BODY_TIME_MAX: Duration = Duration::from_secs(15);

/// Proof that no page of a foreign origin makes this request. For reads that count a reader as
/// online or hold a connection open; writes are checked for all routes by the access guard.
pub(super) struct SameOrigin;

impl FromRequestParts<State> for SameOrigin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        if state.access.may_act(&parts.uri, &parts.headers) { Ok(Self) } else { Err(ErrorCode::OriginRefused.into()) }
    }
}

/// The room in the path.
pub(super) struct Room(pub(super) RoomName);

impl FromRequestParts<State> for Room {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| ApiError::from(ErrorCode::RoomNameInvalid))?;
        Ok(Self(name.parse::<RoomName>()?))
    }
}

/// The query's parameters, checked. Unknown ones are ignored.
pub(super) struct Query<T>(pub(super) T);

impl<T: FromFields> FromRequestParts<State> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, ApiError> {
        Ok(Self(query(&parts.uri)?))
    }
}

/// Reads a query's parameters.
///
/// # Errors
/// `query_invalid`, or the code of the parameter that is refused.
pub(super) fn query<T: FromFields>(uri: &Uri) -> Result<T, InputError> {
    let fields = serde_urlencoded::from_str::<T::Fields>(uri.query().unwrap_or_default());
    let fields = fields.map_err(|error| InputError::with_detail(ErrorCode::QueryInvalid, error.to_string()))?;
    T::try_from(fields).map_err(Into::into)
}

/// Returns how long a long-poll waits, by its `wait` in seconds. `None` for 0.
///
/// # Errors
/// `query_invalid` if that is too long.
pub(super) fn wait_time(seconds: u64) -> Result<Option<Duration>, InputError> {
    if seconds > WAIT_SECONDS_MAX {
        return Err(InputError::with_detail(ErrorCode::QueryInvalid, format!("wait must be 0 to {WAIT_SECONDS_MAX}")));
    }
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

/// Who reads, and the position after which they continue.
pub(super) struct After {
    pub(super) after: Option<Position>,
    pub(super) reader: Option<ReaderId>,
}

#[derive(Deserialize)]
pub(super) struct AfterFields {
    after: Option<String>,
    reader: Option<String>,
}

impl FromFields for After {
    type Fields = AfterFields;
}

impl TryFrom<AfterFields> for After {
    type Error = InputError;

    fn try_from(fields: AfterFields) -> Result<Self, InputError> {
        let after = fields.after.map(Position::try_from).transpose()?;
        Ok(Self { after, reader: fields.reader.map(|reader| reader.parse()).transpose()? })
    }
}

/// A whole body, bounded in size and time.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_in_a_query_is_refused_with_its_code() {
        let code = |uri: &'static str| query::<After>(&Uri::from_static(uri)).err().map(|error| error.code);
        assert_eq!(code("/"), None);
        assert_eq!(code("/?after=0000000000000001:1&other=1"), None);
        assert_eq!(code("/?reader=00c0ffee00c0ffee"), None);
        assert_eq!(code("/?reader=me"), Some(ErrorCode::QueryInvalid));
        assert_eq!(code("/?after=1"), Some(ErrorCode::PositionInvalid));
        assert_eq!(code("/?after=The+text+is+empty."), Some(ErrorCode::PositionInvalid));
        assert_eq!(code("/?after=0000000000000001:1&after=0000000000000001:2"), Some(ErrorCode::QueryInvalid));
    }
}
