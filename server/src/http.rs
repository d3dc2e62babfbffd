//! The board over HTTP: the only module that knows axum.

mod address;
mod door;
mod host;
mod listen;
mod socket;

mod patience;
mod problem;
mod request;
mod short;

mod publishing;
mod stream;
mod websocket;

mod api;
mod assets;
mod echo;
mod events;
mod health;
mod live;
mod message;
mod page;
mod ws;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use tokio_util::task::TaskTracker;

pub use address::Proxy;
pub use door::Door;
pub use host::{HostName, Origin};
pub use listen::listen;

use crate::codec::Limits;
use crate::fanout::Fanout;
use crate::session::Context;
use problem::Refusal;

/// What handlers share.
#[derive(Clone)]
pub struct State {
    context: Context,
    door: Arc<Door>,
    fanout: Fanout,
    connections: TaskTracker,
}

/// What is behind a port.
pub struct Site {
    router: Router,
    state: State,
    /// Whether the board's WebSockets may be opened without the router; see [`short`].
    has_short_way: bool,
}

/// Every address of the board. Sockets that outlive their request are counted in `connections`.
pub fn board(context: Context, door: Door, fanout: Fanout, connections: TaskTracker) -> Site {
    let state = State { context, door: Arc::new(door), fanout, connections };
    let not_allowed = || async { Refusal::from(protocol::ErrorCode::MethodNotAllowed) };
    let guard = axum::middleware::from_fn_with_state(state.clone(), door::guard);
    let router = Router::new()
        .route("/", get(page::lobby).post(page::post_lobby))
        .route("/r/{room}", get(page::room).post(page::post_room))
        .route("/r/{room}/qr.svg", get(page::qr))
        .route("/open", get(page::open))
        .route("/icon.svg", get(page::icon))
        .route("/manifest.webmanifest", get(page::manifest))
        .route("/r/{room}/live", get(live::live))
        .route("/api/rooms/{room}/messages", get(api::messages).post(api::publish))
        .route("/api/rooms/{room}/events", get(events::events))
        .route("/ws/{room}", any(ws::upgrade))
        .route("/message/", any(message::upgrade))
        .route(health::ALIVE, get(health::alive))
        .route(health::READY, get(health::ready))
        .method_not_allowed_fallback(not_allowed)
        .merge(assets::router())
        .fallback(|| async { Refusal::from(protocol::ErrorCode::NotFound) });
    let router = match state.door.friends() {
        Some(friends) => router.layer(friends),
        None => router,
    };
    Site { router: router.layer(guard).with_state(state.clone()), state, has_short_way: true }
}

/// A server that says back what it is told, over the board's own WebSockets, and nothing else. Of the board it has the
/// limits that `context` and `limits` set, and no door.
pub fn echo(context: Context, limits: Limits, fanout: Fanout, connections: TaskTracker) -> Site {
    let state = State { context, door: Arc::default(), fanout, connections };
    let echo: &'static echo::Echo = Box::leak(Box::new(echo::Echo { limits }));
    let upgrade = move |state, address, place, handshake| echo::upgrade(state, echo, address, place, handshake);
    Site { router: Router::new().route("/", any(upgrade)).with_state(state.clone()), state, has_short_way: false }
}
