//! The outermost middleware: refuses what the access policy refuses, and sets the security headers
//! of every answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::address::Peer;
use super::policy::AccessPolicy;
use crate::http::error::ApiError;

/// The content policy of answers that are not pages: a browser may do nothing with them.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");

/// Runs before every handler.
pub(in crate::http) async fn guard(State(policy): State<Arc<AccessPolicy>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match policy.check(Peer::of(&parts.extensions), &parts) {
        Err(code) => ApiError::from(code).into_response(),
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // Frames follow, not a document; the headers below are about documents.
        return response;
    }
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // With `no-referrer`, browsers would send `Origin: null` with our own page's form.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let same_origin = HeaderValue::from_static("same-origin");
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), same_origin.clone());
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), same_origin);
    response
}
