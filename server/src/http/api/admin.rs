//! The admin interface: keys, bans and the audit, in JSON.

mod rooms;

use axum::Json;
use axum::extract::{Path, State as FromState};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use protocol::admin::{AuditRecord, Ban, KeyId, KeyInfo, NewBan, NewKey};
use protocol::{ErrorCode, FromFields, InputError, from_json};
use serde::{Deserialize, Serialize};

use crate::http::admin::{self, AUDIT_PAGE_MAX};
use crate::http::caller::AdminCaller;
use crate::http::error::ApiError;
use crate::http::extract::{Query, WholeBody};
use crate::http::state::State;
pub(in crate::http) use rooms::{decide, queue, set_room};

/// The body of a request, checked.
pub(in crate::http) struct Body<T>(pub(in crate::http) T);

impl<T: FromFields> axum::extract::FromRequest<State> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: axum::extract::Request, state: &State) -> Result<Self, ApiError> {
        let WholeBody(body) = WholeBody::from_request(request, state).await?;
        Ok(Self(from_json(std::str::from_utf8(&body).map_err(|_| ErrorCode::NotUtf8)?)?))
    }
}

fn answer(body: impl Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Reads a number or an id in the path.
fn id<T: std::str::FromStr>(text: &str) -> Result<T, ErrorCode> {
    text.parse().map_err(|_| ErrorCode::NotFound)
}

/// The keys of `GET /api/admin/keys`.
#[derive(Serialize)]
struct Keys {
    keys: Vec<KeyInfo>,
}

/// `GET /api/admin/keys`
pub(in crate::http) async fn keys(FromState(state): FromState<State>, AdminCaller(caller): AdminCaller) -> Result<Response, ApiError> {
    Ok(answer(Keys { keys: admin::keys(&state, &caller)? }))
}

/// `POST /api/admin/keys`
pub(in crate::http) async fn create_key(
    FromState(state): FromState<State>,
    AdminCaller(caller): AdminCaller,
    Body(new): Body<NewKey>,
) -> Result<Response, ApiError> {
    Ok(answer(admin::create_key(&state, &caller, new).await?))
}

/// `DELETE /api/admin/keys/{id}`
pub(in crate::http) async fn revoke_key(
    FromState(state): FromState<State>,
    AdminCaller(caller): AdminCaller,
    Path(key): Path<String>,
) -> Result<StatusCode, ApiError> {
    admin::revoke_key(&state, &caller, id::<KeyId>(&key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The bans of `GET /api/admin/bans`.
#[derive(Serialize)]
struct Bans {
    bans: Vec<Ban>,
}

/// `GET /api/admin/bans`
pub(in crate::http) async fn bans(FromState(state): FromState<State>, AdminCaller(caller): AdminCaller) -> Result<Response, ApiError> {
    Ok(answer(Bans { bans: admin::bans(&state, &caller, None)? }))
}

/// `POST /api/admin/bans`
pub(in crate::http) async fn ban(
    FromState(state): FromState<State>,
    AdminCaller(caller): AdminCaller,
    Body(new): Body<NewBan>,
) -> Result<Response, ApiError> {
    Ok(answer(admin::ban(&state, &caller, new).await?))
}

/// `DELETE /api/admin/bans/{id}`
pub(in crate::http) async fn unban(
    FromState(state): FromState<State>,
    AdminCaller(caller): AdminCaller,
    Path(ban): Path<String>,
) -> Result<StatusCode, ApiError> {
    admin::unban(&state, &caller, id(&ban)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which records of the audit are asked for.
pub(in crate::http) struct AuditQuery {
    before: Option<u64>,
    limit: usize,
}

#[derive(Deserialize)]
pub(in crate::http) struct AuditFields {
    before: Option<u64>,
    limit: Option<usize>,
}

impl FromFields for AuditQuery {
    type Fields = AuditFields;
}

impl TryFrom<AuditFields> for AuditQuery {
    type Error = InputError;

    fn try_from(AuditFields { before, limit }: AuditFields) -> Result<Self, InputError> {
        let limit = limit.unwrap_or(AUDIT_PAGE_MAX);
        if !(1..=AUDIT_PAGE_MAX).contains(&limit) {
            return Err(InputError::with_detail(ErrorCode::QueryInvalid, format!("limit must be 1 to {AUDIT_PAGE_MAX}")));
        }
        Ok(Self { before, limit })
    }
}

/// The records of `GET /api/admin/audit`.
#[derive(Serialize)]
struct Audit {
    records: Vec<AuditRecord>,
}

/// `GET /api/admin/audit`
pub(in crate::http) async fn audit(
    FromState(state): FromState<State>,
    AdminCaller(caller): AdminCaller,
    Query(query): Query<AuditQuery>,
) -> Result<Response, ApiError> {
    Ok(answer(Audit { records: admin::audit(&state, &caller, query.before, query.limit).await? }))
}
