//! For whoever watches over the server.

use axum::extract::State as FromState;
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;

use super::State;
use super::problem::Refusal;

pub(super) const ALIVE: &str = "/healthz";
pub(super) const READY: &str = "/readyz";

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The board can be read and written, and is not about to stop.
pub(super) async fn ready(FromState(state): FromState<State>) -> Response {
    if !state.context.stop.is_cancelled() && state.context.hub.ready().await {
        "ready\n".into_response()
    } else {
        Refusal::from(ErrorCode::Unavailable).into_response()
    }
}
