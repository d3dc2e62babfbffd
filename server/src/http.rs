//! The board over HTTP: the only module that knows axum.

mod error;

mod access;

mod state;

mod extract;
mod form;
mod permit;
mod socket;
mod takeover;
mod write_timeout;

mod assets;
mod health;

mod page;

mod api;
mod stream;
mod ws;

mod fast_upgrade;

mod serve;

mod listen;

#[cfg(test)]
mod story;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
use tokio_util::task::TaskTracker;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

pub use access::{AccessPolicy, HostName, Origin, Proxy};
pub use listen::listen;
pub use serve::Site;

use crate::context::Context;
use crate::delivery::Fanout;
use error::ApiError;
use state::State;
use stream::{events, live};
use ws::{json, raw};

/// Shorter answers are not compressed: they fit into one packet.
const COMPRESSED_BYTES_MIN: u16 = 1024;

/// Addresses that people may write with a slash at their end. They are redirected.
const WITHOUT_SLASH: [&str; 8] = [
    "/r/{room}/",
    "/r/{room}/live/",
    "/r/{room}/wall/",
    "/open/",
    "/api/rooms/{room}/messages/",
    "/api/rooms/{room}/events/",
    "/healthz/",
    "/readyz/",
];

/// All routes of the board. `connections` counts sockets that outlive their request.
pub fn board(context: Context, access: AccessPolicy, fanout: Fanout, connections: TaskTracker) -> Site {
    let state = State { context, access: Arc::new(access), fanout, connections };
    let not_allowed = || async { ApiError::from(protocol::ErrorCode::MethodNotAllowed) };
    let guard = axum::middleware::from_fn_with_state(state.access.clone(), access::guard);
    // A page of 38 KB becomes 5.9 KB in 0.1 ms. Level 1 leaves a fifth more, level 4 takes twice as
    // long for 3 % less.
    let compression = CompressionLayer::new().quality(CompressionLevel::Precise(2));
    let answers = Router::new()
        .route("/", get(page::lobby).post(page::post_lobby))
        .route("/r/{room}", get(page::room).post(page::post_room))
        .route("/r/{room}/qr.svg", get(page::qr))
        .route("/r/{room}/wall", get(page::wall))
        .route("/open", get(page::open))
        .route("/preferences", post(page::keep_preferences))
        .route("/icon.svg", get(page::icon))
        .route("/manifest.webmanifest", get(page::manifest))
        .route("/api/rooms/{room}", get(api::room))
        .route("/api/rooms/{room}/messages", get(api::messages).post(api::publish))
        .layer(compression.compress_when(SizeAbove::new(COMPRESSED_BYTES_MIN).and(NotForContentType::IMAGES)));
    // Streams are not compressed: a compressor would hold their messages back.
    let streams = Router::new()
        .route("/r/{room}/live", get(live::live))
        .route("/api/rooms/{room}/events", get(events::events))
        .route("/ws/{room}", any(json::upgrade))
        .route("/message/", any(raw::upgrade));
    let router = WITHOUT_SLASH.into_iter().fold(Router::new(), |router, path| router.route(path, get(page::without_slash)));
    let router = router
        .route(access::ALIVE_PATH, get(health::alive))
        .route(access::READY_PATH, get(health::ready))
        .merge(answers)
        .merge(streams)
        .merge(assets::router())
        .method_not_allowed_fallback(not_allowed)
        .fallback(|| async { ApiError::from(protocol::ErrorCode::NotFound) });
    let router = match access::cors(&state.access) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    let router = router.layer(guard).layer(axum::middleware::from_fn(page::error_pages));
    Site { router: router.with_state(state.clone()), state }
}
