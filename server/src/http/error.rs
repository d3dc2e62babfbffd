//! Refusals as HTTP answers: problem details (RFC 9457).

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, Gap, Problem};

use crate::room::PageError;

/// A request that was not granted.
#[derive(Debug)]
pub(super) struct ApiError(Box<Problem>);

impl ApiError {
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

/// Why an answer is a refusal, beside the answer: what a page for people says in other words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(pub(super) ErrorCode);

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        let mut problem = Problem::from(code);
        problem.retry_after = code.retry_after();
        Self(Box::new(problem))
    }
}

impl From<PageError> for ApiError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Gone(gap) => Self::gone(gap),
            PageError::Unavailable => ErrorCode::Unavailable.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        // Some statuses may be kept by caches that were told nothing (RFC 9110, section 15.1), and what is refused now may be right soon.
        let headers = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body).into_response();
        response.extensions_mut().insert(Refused(self.0.code));
        if let Some(wait) = self.0.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
        }
        response
    }
}
