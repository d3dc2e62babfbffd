//! For whoever watches over the server.

use axum::extract::State as FromState;
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;

use super::problem::Refusal;
use super::state::State;

pub(super) const ALIVE: &str = "/healthz";
pub(super) const READY: &str = "/readyz";

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Ready if the last commit succeeded, the history can be read and the server is not stopping.
pub(super) async fn ready(FromState(state): FromState<State>) -> Response {
    let trouble = if state.context.stop.is_cancelled() { Some("the server is stopping") } else { state.context.hub.trouble().await };
    match trouble {
        None => "ready\n".into_response(),
        Some(trouble) => Refusal::detail(ErrorCode::Unavailable, trouble).into_response(),
    }
}
