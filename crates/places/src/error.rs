//! What can go wrong between the register and its table.

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

/// A failed access to the register.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A query failed after the SDK's own retries.
    #[error("querying the register failed")]
    Query(#[source] Box<SdkError<QueryError>>),
    /// A write failed after the SDK's own retries.
    #[error("writing to the register failed")]
    Put(#[source] Box<SdkError<PutItemError>>),
    /// A deletion failed after the SDK's own retries.
    #[error("deleting from the register failed")]
    Delete(#[source] Box<SdkError<DeleteItemError>>),
    /// A transaction failed after the SDK's own retries.
    #[error("writing a place with its zones failed")]
    Transaction(#[source] Box<SdkError<TransactWriteItemsError>>),
    /// A request lacks something that DynamoDB demands.
    #[error("a request to the register could not be built")]
    Request(#[source] BuildError),
    /// The entry was changed, created or deleted by somebody else in between.
    #[error("the entry was changed in between")]
    VersionConflict,
    /// An item of the table is not an entry of the register.
    #[error("an entry of the register cannot be read or written")]
    Item(#[from] serde_dynamo::Error),
    /// A zone's packed spaces cannot be read or written.
    #[error("the spaces of a zone cannot be read or written")]
    Spaces(#[from] serde_json::Error),
}
