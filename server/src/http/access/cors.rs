//! Cross-origin reads (fetch.spec.whatwg.org, section 3.3): the pages of allowed origins may read
//! the answers.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::host::Origin;
use super::policy::AccessPolicy;

/// How long a browser may keep the answer to a preflight.
const PREFLIGHT_TIME_MAX: Duration = Duration::from_secs(600);

/// The CORS layer for the origins that the policy allows. None if it allows none.
pub(in crate::http) fn layer(policy: &AccessPolicy) -> Option<CorsLayer> {
    let origins = policy.origins.clone();
    let is_allowed = move |origin: &HeaderValue, _: &Parts| Origin::read(origin).is_some_and(|origin| origins.contains(&origin));
    (!policy.origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(is_allowed))
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([
                CONTENT_TYPE,
                IF_NONE_MATCH,
                HeaderName::from_static("last-event-id"),
                AUTHORIZATION,
                HeaderName::from_static("crier-identity"),
            ])
            .expose_headers([ETAG, RETRY_AFTER])
            .max_age(PREFLIGHT_TIME_MAX)
    })
}
