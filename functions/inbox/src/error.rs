//! What handlers fail with.

pub use parvis_kit::api::Declined as Refusal;
use parvis_kit::idempotency::IdempotencyError;
use parvis_kit::problem::{FieldError, Problem};
use parvis_mailroom::{QueueError, StoreError};
use parvis_notices::TextError;
use parvis_notices::address::{BadAddress, BadCode};
use parvis_notices::public_web::NotPublic;
use parvis_places::RegisterError;

use crate::devices::DeviceError;

parvis_kit::api_error!();

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

impl From<IdempotencyError> for ApiError {
    fn from(error: IdempotencyError) -> Self {
        Self(Problem::unavailable(error))
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        Self(Problem::unavailable(error))
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
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

impl From<DeviceError> for ApiError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::NotOffered => invalid("/platform", error.to_string()),
            DeviceError::BadToken => invalid("/token", error.to_string()),
            failed => Self(Problem::unavailable(failed)),
        }
    }
}

impl From<NotPublic> for ApiError {
    fn from(error: NotPublic) -> Self {
        invalid("/url", error.to_string())
    }
}
