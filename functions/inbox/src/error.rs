//! What handlers fail with.

use axum::response::{IntoResponse, Response};
use parvis_kit::problem::{FieldError, Problem};
use parvis_mailroom::{QueueError, StoreError};
use parvis_notices::TextError;
use parvis_notices::address::{BadAddress, BadCode};
use parvis_notices::public_web::NotPublic;

/// A refusal or a failure, on its way to the client as problem+json and to the log.
#[derive(Debug)]
pub struct ApiError(Problem);

/// How every route may end otherwise, for the OpenAPI document.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Refusal {
    /// The request is refused.
    #[response(status = "4XX", content_type = "application/problem+json")]
    Refused(Problem),
    /// The service has failed, or part of it cannot be reached.
    #[response(status = "5XX", content_type = "application/problem+json")]
    Failed(Problem),
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

/// 422 about one field.
pub fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    ApiError(Problem::invalid(vec![FieldError::new(field, message)]))
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::Changed => Problem::conflict("Somebody has changed it at the same time. Please try again."),
            error if error.is_transient() => Problem::unavailable(error),
            error => Problem::internal(error),
        })
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        Self(Problem::unavailable(error))
    }
}

impl From<TextError> for ApiError {
    fn from(error: TextError) -> Self {
        Self(Problem::internal(error))
    }
}

impl From<BadAddress> for ApiError {
    fn from(error: BadAddress) -> Self {
        invalid("/to", error.to_string())
    }
}

impl From<BadCode> for ApiError {
    fn from(error: BadCode) -> Self {
        invalid("/code", error.to_string())
    }
}

impl From<NotPublic> for ApiError {
    fn from(error: NotPublic) -> Self {
        invalid("/url", error.to_string())
    }
}
