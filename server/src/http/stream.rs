//! Responses that keep arriving: server-sent events and the live HTML.

pub(super) mod events;

pub(super) mod live;

pub(super) mod pictures;

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, HeaderName};

/// Tells proxies to pass on what arrives as it arrives, and to keep none of it. Caddy before 2.7
/// does not know `no-transform`, and its compression holds a stream back for ever; like the others
/// it leaves alone what has an encoding already, even this one.
const PASS_ON: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    (CONTENT_ENCODING, HeaderValue::from_static("identity")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];
