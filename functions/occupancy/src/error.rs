//! What handlers fail with.

pub use parvis_kit::api::Declined as Refusal;
use parvis_kit::event_store::EventStoreError;
use parvis_kit::postgres::DatabaseError;
use parvis_kit::problem::Problem;
use parvis_live::LiveError;
use parvis_places::RegisterError;

use crate::export::ExportError;

parvis_kit::api_error!();

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        Self(error.into())
    }
}

impl From<EventStoreError> for ApiError {
    fn from(error: EventStoreError) -> Self {
        Self(match error {
            EventStoreError::Query(_) | EventStoreError::Put(_) | EventStoreError::PutAll(_) => {
                Problem::unavailable(error)
            }
            EventStoreError::Bad(_) | EventStoreError::Shape(_) | EventStoreError::Build(_) => Problem::internal(error),
        })
    }
}

impl From<LiveError> for ApiError {
    fn from(error: LiveError) -> Self {
        Self(match error {
            LiveError::Query(_) | LiveError::Get(_) | LiveError::Put(_) => Problem::unavailable(error),
            LiveError::Image(_) => Problem::internal(error),
        })
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        Self(match error {
            RegisterError::VersionConflict => Problem::precondition_failed(),
            RegisterError::Query(_)
            | RegisterError::Put(_)
            | RegisterError::Delete(_)
            | RegisterError::Transaction(_) => Problem::unavailable(error),
            RegisterError::Item(_) | RegisterError::Spaces(_) | RegisterError::Request(_) => Problem::internal(error),
        })
    }
}

impl From<ExportError> for ApiError {
    fn from(error: ExportError) -> Self {
        Self(Problem::internal(error))
    }
}
