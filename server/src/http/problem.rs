//! Refusals as HTTP answers: problem details (RFC 9457).

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, Gap, Problem};

use crate::hub::PageError;

/// A request that was not granted.
#[derive(Debug)]
pub(super) struct Refusal(Box<Problem>);

impl Refusal {
    pub(super) fn detail(code: ErrorCode, detail: impl Into<String>) -> Self {
        let mut refusal = Self::from(code);
        refusal.0.detail = Some(detail.into());
        refusal
    }

    /// `wait` is in milliseconds.
    pub(super) fn retry_after(code: ErrorCode, wait: u64) -> Self {
        let mut refusal = Self::from(code);
        refusal.0.retry_after = Some(wait);
        refusal
    }

    pub(super) fn gone(gap: Gap) -> Self {
        let mut refusal = Self::from(ErrorCode::PositionGone);
        refusal.0.gap = Some(gap);
        refusal
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> ErrorCode {
        self.0.code
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        let mut problem = Problem::from(code);
        problem.retry_after = code.retry_after();
        Self(Box::new(problem))
    }
}

impl From<PageError> for Refusal {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Gone(gap) => Self::gone(gap),
            PageError::Unavailable => ErrorCode::Unavailable.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(wait) = self.0.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
        }
        response
    }
}
