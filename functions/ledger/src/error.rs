//! What handlers fail with.

use axum::response::{IntoResponse, Response};
use parvis_documents::html::HtmlError;
use parvis_documents::pdf::PdfError;
use parvis_kit::postgres::DatabaseError;
use parvis_kit::problem::Problem;

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

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        Self(error.into())
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self(Problem::internal(error))
    }
}

impl From<PdfError> for ApiError {
    fn from(error: PdfError) -> Self {
        Self(Problem::internal(error))
    }
}

impl From<HtmlError> for ApiError {
    fn from(error: HtmlError) -> Self {
        Self(Problem::internal(error))
    }
}
