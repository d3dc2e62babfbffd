//! Probes for monitoring.

use axum::extract::State as FromState;
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;

use super::error::ApiError;
use super::state::State;

/// Liveness: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Readiness: the last commit succeeded, the history can be read and the server is not stopping.
pub(super) async fn ready(FromState(state): FromState<State>) -> Response {
    let trouble =
        if state.context.stop.is_cancelled() { Some("the server is stopping") } else { state.context.hub.unavailable_reason().await };
    match trouble {
        None => "ready\n".into_response(),
        Some(trouble) => ApiError::detail(ErrorCode::Unavailable, trouble).into_response(),
    }
}
