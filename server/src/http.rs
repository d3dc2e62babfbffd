//! The board over HTTP: the only module that knows axum.

mod error;

mod access;

mod state;

mod extract;

mod caller;

mod admin;

mod form;
mod permit;
mod socket;
mod takeover;
mod write_timeout;

mod assets;
mod health;

mod page;

mod key;

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
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, any, delete, get, post, put};
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
use stream::{events, live, pictures};
use ws::{json, present, raw, view};

/// Shorter answers are not compressed: they fit into one packet.
const COMPRESSED_BYTES_MIN: u16 = 1024;

/// Addresses that people may write with a slash at their end. They are redirected.
const WITHOUT_SLASH: [&str; 9] = [
    "/r/{room}/",
    "/r/{room}/live/",
    "/r/{room}/wall/",
    "/r/{room}/moderate/",
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
    let guard = from_fn_with_state(state.access.clone(), access::guard);
    // A page of 38 KB becomes 5.9 KB in 0.1 ms. Level 1 leaves a fifth more, level 4 takes twice as
    // long for 3 % less.
    let compression = CompressionLayer::new().quality(CompressionLevel::Precise(2));
    let compression = compression.compress_when(SizeAbove::new(COMPRESSED_BYTES_MIN).and(NotForContentType::IMAGES));
    // Streams are not compressed: a compressor would hold their messages back.
    let routes = pages(&state).merge(companions()).merge(interface()).map(|router| router.layer(compression)).merge(streams());
    let router = WITHOUT_SLASH.into_iter().fold(Router::new(), |router, path| router.route(path, get(page::without_slash)));
    let router = router
        .merge(routes.router)
        .merge(assets::router())
        .method_not_allowed_fallback(not_allowed)
        .fallback(|| async { ApiError::from(protocol::ErrorCode::NotFound) });
    let router = match access::cors(&state.access) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    let keys = from_fn_with_state(state.clone(), caller::refuse_unknown_key);
    let router = router.layer(keys).layer(guard).layer(from_fn(page::error_pages));
    Site { router: router.with_state(state.clone()), state, paths: routes.paths }
}

/// The pages that people open. Browsers get an identity with them.
fn pages(state: &State) -> Routes {
    let routes = Routes::default()
        .route("/", get(page::lobby).post(page::post_lobby))
        .route("/r/{room}", get(page::room).post(page::post_room))
        .route("/r/{room}/moderate", get(page::moderate).post(page::post_moderate))
        .route("/key", get(page::key).post(key::trade));
    routes.map(|router| router.layer(from_fn_with_state(state.clone(), caller::keep_cookies)))
}

/// What belongs to pages, and the health.
fn companions() -> Routes {
    Routes::default()
        // A wall's reader only looks, and gets no identity.
        .route("/r/{room}/wall", get(page::wall))
        .route("/r/{room}/qr.svg", get(page::qr))
        .route("/r/{room}/cast.jpg", get(pictures::picture))
        .route("/open", get(page::open))
        .route("/preferences", post(page::keep_preferences))
        .route("/icon.svg", get(page::icon))
        .route("/manifest.webmanifest", get(page::manifest))
        .route(access::ALIVE_PATH, get(health::alive))
        .route(access::READY_PATH, get(health::ready))
}

/// The interface for programs.
fn interface() -> Routes {
    Routes::default()
        .route("/api/rooms/{room}", get(api::room))
        .route("/api/rooms/{room}/cast", get(api::cast).delete(api::end_cast))
        .route("/api/rooms/{room}/messages", get(api::messages).post(api::publish))
        .route("/api/admin/keys", get(api::admin::keys).post(api::admin::create_key))
        .route("/api/admin/keys/{id}", delete(api::admin::revoke_key))
        .route("/api/admin/bans", get(api::admin::bans).post(api::admin::ban))
        .route("/api/admin/bans/{id}", delete(api::admin::unban))
        .route("/api/admin/rooms/{room}", put(api::admin::set_room))
        .route("/api/admin/rooms/{room}/queue", get(api::admin::queue))
        .route("/api/admin/rooms/{room}/queue/{id}", post(api::admin::decide))
        .route("/api/admin/audit", get(api::admin::audit))
}

fn streams() -> Routes {
    Routes::default()
        .route("/r/{room}/live", get(live::live))
        .route("/r/{room}/cast.mjpeg", get(pictures::pictures))
        .route("/api/rooms/{room}/events", get(events::events))
        .route("/ws/{room}", any(json::upgrade))
        .route("/ws/{room}/present", any(present::upgrade))
        .route("/ws/{room}/view", any(view::upgrade))
        .route("/message/", any(raw::upgrade))
}

/// Routes, and a list of their paths: a test compares it with docs/access.md.
#[derive(Default)]
struct Routes {
    router: Router<State>,
    paths: Vec<&'static str>,
}

impl Routes {
    fn route(mut self, path: &'static str, methods: MethodRouter<State>) -> Self {
        self.paths.push(path);
        self.map(|router| router.route(path, methods))
    }

    fn merge(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        self.map(|router| router.merge(other.router))
    }

    fn map(self, change: impl FnOnce(Router<State>) -> Router<State>) -> Self {
        Self { router: change(self.router), ..self }
    }
}
