//! What handlers fail with.

use axum::response::{IntoResponse, Response};
use parvis_forecasts::StoreError;
use parvis_kit::problem::Problem;
use parvis_places::RegisterError;

use crate::plan::PlanError;

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

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self(if error.is_transient() { Problem::unavailable(error) } else { Problem::internal(error) })
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        Self(Problem::unavailable(error))
    }
}

impl From<PlanError> for ApiError {
    fn from(error: PlanError) -> Self {
        Self(Problem::unavailable(error))
    }
}
