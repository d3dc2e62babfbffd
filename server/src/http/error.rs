//! Errors as HTTP answers: problem details (RFC 9457).

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, Gap, InputError, Problem};

use crate::room::PageError;
use crate::store::Refusal;

/// Why a request failed, as handlers return it.
#[derive(Debug)]
pub(super) struct ApiError(Box<Problem>);

impl ApiError {
    /// An error with a sentence about this occurrence.
    pub(super) fn detail(code: ErrorCode, detail: impl Into<String>) -> Self {
        InputError::with_detail(code, detail).into()
    }

    /// Why the request failed, with what is special about this occurrence.
    pub(super) fn reason(&self) -> (ErrorCode, Option<String>) {
        (self.0.code, self.0.detail.clone())
    }

    fn gone(gap: Gap) -> Self {
        let mut error = Self::from(ErrorCode::PositionGone);
        error.0.gap = Some(gap);
        error
    }
}

/// An error, as an extension of its answer. A browser gets a page about it instead.
#[derive(Clone, Debug)]
pub(super) struct AnsweredError {
    pub(super) code: ErrorCode,
    pub(super) detail: Option<String>,
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        let mut problem = Problem::from(code);
        problem.retry_after = code.retry_after();
        Self(Box::new(problem))
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        let mut api_error = Self::from(error.code);
        api_error.0.detail = error.detail;
        api_error
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let mut error = Self::from(refusal.code);
        (error.0.detail, error.0.retry_after) = (refusal.detail, refusal.retry_after);
        error
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
        // Caches may store some statuses by default (RFC 9110, section 15.1).
        let headers = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body).into_response();
        response.extensions_mut().insert(AnsweredError { code: self.0.code, detail: self.0.detail.clone() });
        if let Some(wait) = self.0.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
        }
        response
    }
}
