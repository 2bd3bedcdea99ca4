//! What can go wrong between the live state and its table.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryError;
use parvis_parking::{DecodeError, InvalidId};

/// A failed access to the live state.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A query failed after the SDK's own retries.
    #[error("querying the live state failed")]
    Query(#[source] Box<SdkError<QueryError>>),
    /// A read failed after the SDK's own retries.
    #[error("reading a block of live state failed")]
    Get(#[source] Box<SdkError<GetItemError>>),
    /// A write failed after the SDK's own retries. A conflict is not an error, see [`crate::PutOutcome`].
    #[error("writing a block of live state failed")]
    Put(#[source] Box<SdkError<PutItemError>>),
    /// An item is not a block.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl LiveError {
    /// Whether another attempt can help: the table was throttled, away or slow, and not the request wrong.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Query(error) => is_transient(error),
            Self::Get(error) => is_transient(error),
            Self::Put(error) => is_transient(error),
            // A block of a newer version of the program does not become readable by waiting.
            Self::Image(_) => false,
        }
    }
}

fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    const CODES: [&str; 5] = [
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "InternalServerError",
    ];
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(service) => {
            service.raw().status().is_server_error() || service.err().code().is_some_and(|code| CODES.contains(&code))
        }
        // Timeouts, broken connections and unreadable answers.
        _ => true,
    }
}

/// An item that is not a block.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// An attribute is absent or of another type.
    #[error("the item has no attribute `{0}` of the expected type")]
    Attribute(&'static str),
    /// The keys are not those of a block.
    #[error("the item's keys are not those of a block")]
    Key(#[from] InvalidId),
    /// The packed state cannot be read.
    #[error("the block {key} cannot be read")]
    State {
        /// The block's key.
        key: String,
        /// Why.
        #[source]
        source: DecodeError,
    },
}
