//! Failures of the tables.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use parvis_kit::event_store::EventStoreError;
use parvis_kit::lambda::BoxError;

/// A failure of the tables.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something else has changed what the write was based on: read again and decide again.
    #[error("the item was changed in the meantime")]
    Conflict,
    /// The table could not be reached, or refused for now.
    #[error("the table of payments could not be used")]
    Unavailable(#[source] BoxError),
    /// An item that is not what its key says.
    #[error("an item of the table of payments cannot be read or written")]
    Shape(#[from] serde_dynamo::Error),
    /// An event that is none.
    #[error("an event of a session cannot be written")]
    Event(#[from] EventStoreError),
    /// A request that is not complete.
    #[error("the request for the table of payments is not complete")]
    Build(#[from] BuildError),
}

impl StoreError {
    /// A failure of a call.
    pub(super) fn call<E, R>(error: SdkError<E, R>) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        Self::Unavailable(Box::new(error))
    }

    /// A failure of a transaction: a condition that did not hold, or two transactions at once, is a conflict.
    pub(super) fn transaction<R>(error: SdkError<TransactWriteItemsError, R>) -> Self
    where
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let cancelled = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let code =
                    |wanted: &str| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(wanted));
                code("ConditionalCheckFailed") || code("TransactionConflict")
            }
            Some(other) => other.code() == Some("TransactionInProgressException"),
            None => false,
        };
        if cancelled { Self::Conflict } else { Self::Unavailable(Box::new(error)) }
    }
}
