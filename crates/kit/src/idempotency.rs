//! Doing a thing once although its message may come twice, and although the sandbox may die in the middle.
//!
//! The semantics are those of Powertools for AWS Lambda. A key is free when nobody holds it, when the memory of it has
//! expired, or when its holder's lease has lapsed:
//!
//! ```text
//!   claim            lease ends                          expires_at
//!     |---- in progress ----|
//!     |  others: busy       |  others: may take over
//!     |-- complete -------------------------------------|
//!            others: done                               |  free again
//! ```
//!
//! The lease is as long as the invocation may run. So work that was started and not completed is done again, at least
//! once; work that was completed is not.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use chrono::{DateTime, Utc};

/// Whether the caller may do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Do it, then call [`Idempotency::complete`].
    Granted,
    /// It is done; skip it.
    Done,
    /// Somebody else is at it; come back later.
    Busy,
}

/// The table of keys could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The claim failed.
    #[error("the key could not be claimed")]
    Claim(#[source] Box<SdkError<PutItemError>>),
    /// The end of the work could not be recorded.
    #[error("the end of the work could not be recorded")]
    End(#[source] Box<SdkError<UpdateItemError>>),
}

/// Keys of work in a DynamoDB table with `pk`, `sk` and the TTL attribute `expires_at`.
#[derive(Clone, Debug)]
pub struct Idempotency {
    client: Client,
    table: String,
    keep: Duration,
}

/// All keys have the same sort key: one item per key.
const SORT_KEY: &str = "claim";
const FREE: &str = "attribute_not_exists(pk) OR expires_at < :now OR (#state = :in_progress AND lease_until < :now_ms)";

impl Idempotency {
    /// Keys in `table`, remembered for `keep`; longer than any message can come again.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, keep: Duration) -> Self {
        Self { client, table: table.into(), keep }
    }

    /// Claims `key` until `lease_until`, the end of this invocation.
    ///
    /// # Errors
    /// When the table cannot be reached.
    pub async fn claim(
        &self,
        key: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Claim, IdempotencyError> {
        let expires_at = now.timestamp() + i64::try_from(self.keep.as_secs()).unwrap_or(i64::MAX / 2);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", AttributeValue::S(key.to_owned()))
            .item("sk", AttributeValue::S(SORT_KEY.to_owned()))
            .item("state", AttributeValue::S("in_progress".to_owned()))
            .item("lease_until", AttributeValue::N(lease_until.timestamp_millis().to_string()))
            .item("expires_at", AttributeValue::N(expires_at.to_string()))
            .condition_expression(FREE)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":in_progress", AttributeValue::S("in_progress".to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.timestamp().to_string()))
            .expression_attribute_values(":now_ms", AttributeValue::N(now.timestamp_millis().to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put {
            Ok(_) => Ok(Claim::Granted),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(held)) => {
                    let state = held.item().and_then(|item| item.get("state")?.as_s().ok());
                    Ok(if state.is_some_and(|state| state == "done") { Claim::Done } else { Claim::Busy })
                }
                _ => Err(IdempotencyError::Claim(Box::new(error))),
            },
        }
    }

    /// Records that the work of `key` is done.
    ///
    /// # Errors
    /// When the table cannot be reached; the work may then be done again.
    pub async fn complete(&self, key: &str) -> Result<(), IdempotencyError> {
        self.end(key, "done").await
    }

    /// Gives `key` back: the work failed and may be tried again at once.
    ///
    /// # Errors
    /// When the table cannot be reached; the key is then free when the lease lapses.
    pub async fn release(&self, key: &str) -> Result<(), IdempotencyError> {
        self.end(key, "in_progress").await
    }

    async fn end(&self, key: &str, state: &str) -> Result<(), IdempotencyError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(key.to_owned()))
            .key("sk", AttributeValue::S(SORT_KEY.to_owned()))
            .update_expression("SET #state = :state, lease_until = :ended")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", AttributeValue::S(state.to_owned()))
            .expression_attribute_values(":ended", AttributeValue::N("0".to_owned()))
            .send()
            .await
            .map(drop)
            .map_err(|error| IdempotencyError::End(Box::new(error)))
    }
}
