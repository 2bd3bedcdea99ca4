//! What handlers fail with.

use parvis_documents::html::HtmlError;
use parvis_documents::pdf::PdfError;
pub use parvis_kit::api::Declined as Refusal;
use parvis_kit::postgres::DatabaseError;
use parvis_kit::problem::Problem;

parvis_kit::api_error!();

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
