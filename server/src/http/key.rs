//! `POST /key`: trades an access key for a cookie, and the link of the first start for a key.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State as FromState};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use protocol::admin::KeyInfo;
use protocol::{ErrorCode, FromFields, from_json};
use serde::Deserialize;
use serde_json::json;

use super::access::Peer;
use super::admin;
use super::caller::key_cookies;
use super::error::ApiError;
use super::extract::WholeBody;
use super::page::{claimed, key_form, local_path};
use super::state::State;
use crate::access::{Access, KeySecret};

/// What is to be traded.
#[derive(Deserialize)]
struct Trade {
    /// An access key, or the claim in the link of the first start.
    key: String,
    /// The page to go to. For forms.
    next: Option<String>,
}

impl FromFields for Trade {
    type Fields = Self;
}

/// `POST /key`: a form of a page is answered with a page, JSON with JSON.
pub(super) async fn trade(FromState(state): FromState<State>, request: Request) -> Response {
    let peer = Peer::of(request.extensions());
    let headers = request.headers().clone();
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let trade = match read(&state, request, is_json).await {
        Ok(trade) => trade,
        Err(error) => return error.into_response(),
    };
    let next = local_path(trade.next.as_deref().unwrap_or_default()).to_owned();
    let secret = trade.key.trim();
    let is_claim = Access::is_claim(secret);
    let traded = if is_claim { claim(&state, secret).await } else { find(&state, secret) };
    let (secret, info, answer) = match traded {
        Ok(traded) => traded,
        Err(error) if is_json => return error.into_response(),
        Err(error) => return key_form(&headers, &next, Some(error.reason().0)),
    };
    let cookies = key_cookies(&state, peer, &headers, &secret, &info);
    let response = match (is_json, is_claim) {
        (true, _) => ([(CACHE_CONTROL, "no-store")], answer).into_response(),
        (false, true) => claimed(&headers, secret.reveal(), &next),
        (false, false) => (StatusCode::SEE_OTHER, [(LOCATION, next)]).into_response(),
    };
    (cookies, response).into_response()
}

async fn read(state: &State, request: Request, is_json: bool) -> Result<Trade, ApiError> {
    let WholeBody(body) = WholeBody::from_request(request, state).await?;
    let text = std::str::from_utf8(&body).map_err(|_| ErrorCode::NotUtf8)?;
    if is_json { Ok(from_json(text)?) } else { serde_urlencoded::from_str(text).map_err(|_| ErrorCode::RequestInvalid.into()) }
}

/// A key that was shown or created, and the answer to a program.
type Traded = (KeySecret, KeyInfo, Json<serde_json::Value>);

/// Finds the access key with this secret.
fn find(state: &State, secret: &str) -> Result<Traded, ApiError> {
    let secret = KeySecret::parse(secret).ok_or(ErrorCode::AccessKeyUnknown)?;
    let info = state.context.hub.access().find(&secret, (state.context.hub.clock())()).ok_or(ErrorCode::AccessKeyUnknown)?;
    let answer = Json(json!(info));
    Ok((secret, info, answer))
}

/// Creates the first admin key. The answer shows its secret, this once.
async fn claim(state: &State, claim: &str) -> Result<Traded, ApiError> {
    let created = admin::claim_key(state, claim).await?;
    let secret = KeySecret::parse(&created.key).ok_or(ErrorCode::Unavailable)?;
    let answer = Json(json!(created));
    Ok((secret, created.info, answer))
}
