//! The table of notifications.
//!
//! | pk | sk | holds |
//! |---|---|---|
//! | `person#<subject>` | `profile` | preferences and addresses |
//! | `person#<subject>` | `note#<time>#<id>` | the list of their notifications |
//! | `person#<subject>` | `watch#<id>` | a wish to be told |
//! | `watch#<subject>` | id | the same, found by what it is about |
//! | `due#<minute>#<shard>` | `<time>#<id>` | reminders, and what quiet hours hold back |
//! | `reminders#<subject>` | `current` | the newest event about the subject: only its reminders count |
//! | `runs` | `last` | the last completed run of reminders |
//! | `log#<day>#<part>` | `<time>#<id>` | a letter: whether it is being sent or was, and what came of it |
//! | `spent#<day>#<counter>` | `count` | what counts against a limit |
//! | `suppressed#<address>` | `reason` | an address that is not written to any more |
//! | `device#<endpoint>` | `holder` | whose device it is |
//! | `pending#<id>` | `wish` | a visitor's wish until it is confirmed, for a day at most |
//! | `once#<digest of a key>` | `claim`, `answer` | a request that may come again, and what it was answered, for a day |
//! | `webhooks` | id | other systems |
//! | `webhook#<id>` | `<time>#<key>` | the attempts to tell one |
//!
//! Records are JSON in the attribute `body`; what conditions look at stands beside it.

mod answers;
mod devices;
mod due;
mod people;
mod watches;
mod webhooks;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use parvis_kit::telemetry::chain;
use serde::{Serialize, de::DeserializeOwned};

pub use due::{Bucket, Entry, Standing};
pub use people::{Page, Suppression, Unreachable};
pub use watches::Pending;
pub use webhooks::Attempt;

/// A failure of the table.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A read of one item failed after the SDK's own retries.
    #[error("the table of notifications could not be read")]
    Get(#[from] Box<SdkError<GetItemError>>),
    /// A query failed after the SDK's own retries.
    #[error("the table of notifications could not be queried")]
    Query(#[from] Box<SdkError<QueryError>>),
    /// A write failed after the SDK's own retries.
    #[error("the table of notifications could not be written")]
    Put(#[from] Box<SdkError<PutItemError>>),
    /// A change failed after the SDK's own retries.
    #[error("the table of notifications could not be changed")]
    Update(#[from] Box<SdkError<UpdateItemError>>),
    /// A deletion failed after the SDK's own retries.
    #[error("nothing could be taken out of the table of notifications")]
    Delete(#[from] Box<SdkError<DeleteItemError>>),
    /// An item does not have the form it should.
    #[error("an item of the table of notifications cannot be read or written")]
    Item(#[from] serde_json::Error),
    /// An item without the attribute that it must have.
    #[error("an item of the table of notifications has no {0}")]
    Missing(&'static str),
    /// Somebody else has changed it since it was read.
    #[error("it was changed in the meantime")]
    Changed,
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Get(error) => !is_invalid(error),
            Self::Query(error) => !is_invalid(error),
            Self::Put(error) => !is_invalid(error),
            Self::Update(error) => !is_invalid(error),
            Self::Delete(error) => !is_invalid(error),
            Self::Item(_) | Self::Missing(_) | Self::Changed => false,
        }
    }
}

/// Whether DynamoDB refuses a request for what stands in it: too long a key or item, for one.
fn is_invalid<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ValidationException")
}

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The table of notifications.
#[derive(Clone, Debug)]
pub struct NoticeStore {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl NoticeStore {
    /// The notifications in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The record under a key.
    async fn read<T: DeserializeOwned>(&self, pk: &str, sk: &str) -> Result<Option<T>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk));
        let item = get.consistent_read(true).send().await.map_err(Box::new)?.item;
        item.as_ref().map(body).transpose()
    }

    async fn write(
        &self,
        pk: &str,
        sk: &str,
        record: &impl Serialize,
        expires: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let mut put = self.client.put_item().table_name(&self.table).item("pk", text(pk)).item("sk", text(sk));
        put = put.item(BODY, text(serde_json::to_string(record)?));
        if let Some(expires) = expires {
            put = put.item(EXPIRES, seconds(expires));
        }
        put.send().await.map_err(Box::new)?;
        Ok(())
    }

    /// Writes a record over the version before this one; the first version where nothing is.
    async fn write_version(&self, pk: &str, sk: &str, record: &impl Serialize, version: u64) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).item("pk", text(pk)).item("sk", text(sk));
        let put = put.item(BODY, text(serde_json::to_string(record)?)).item(VERSION, number(version));
        let put = if version == 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            let put = put.condition_expression("version = :before");
            put.expression_attribute_values(":before", number(version.saturating_sub(1)))
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Err(StoreError::Changed)
            }
            Err(error) => Err(Box::new(error).into()),
        }
    }

    async fn remove(&self, pk: &str, sk: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk));
        delete.send().await.map_err(Box::new)?;
        Ok(())
    }

    /// All items of a partition whose sort key begins with `prefix`, oldest first.
    async fn all(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let query = beginning_with(self.client.query().table_name(&self.table), pk, prefix);
            let query = query.consistent_read(true).set_exclusive_start_key(start);
            let page = query.send().await.map_err(Box::new)?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// The newest items of a partition whose sort key begins with `prefix` and lies before `before`, which begins with it too.
    pub(crate) async fn newest(
        &self,
        pk: &str,
        prefix: &str,
        before: Option<&str>,
        limit: i32,
    ) -> Result<Vec<Item>, StoreError> {
        let query = beginning_with(self.client.query().table_name(&self.table), pk, prefix);
        let query = query.scan_index_forward(false).limit(limit);
        // A reading may go on from a key that no item has. An empty one is none.
        let start = before.filter(|before| !before.is_empty());
        let start = start.map(|before| Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(before))]));
        Ok(query.set_exclusive_start_key(start).send().await.map_err(Box::new)?.items.unwrap_or_default())
    }
}

/// The query for the items of a partition whose sort key begins with `prefix`; DynamoDB takes no empty value of a key in a condition.
fn beginning_with(query: QueryFluentBuilder, pk: &str, prefix: &str) -> QueryFluentBuilder {
    let query = query.expression_attribute_values(":pk", text(pk));
    if prefix.is_empty() {
        return query.key_condition_expression("pk = :pk");
    }
    let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
    query.expression_attribute_values(":prefix", text(prefix))
}

/// Attribute of a record.
pub(crate) const BODY: &str = "body";
/// Attribute that counts the changes of a record.
const VERSION: &str = "version";
/// Attribute of the table's TTL.
pub(crate) const EXPIRES: &str = "expires_at";

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn seconds(at: DateTime<Utc>) -> AttributeValue {
    number(at.timestamp())
}

/// A time that sorts as text.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(crate) fn sort_key(item: &Item) -> Option<&str> {
    item.get("sk")?.as_s().ok().map(String::as_str)
}

/// The record of an item.
pub(crate) fn body<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    let body = item.get(BODY).and_then(|body| body.as_s().ok()).ok_or(StoreError::Missing(BODY))?;
    Ok(serde_json::from_str(body)?)
}

/// The records that can be read. What a deployment before or after this one has written in another form must not stop the others: it is
/// logged, and how many there were is told.
pub(crate) fn readable<T>(items: &[Item], read: impl Fn(&Item) -> Result<T, StoreError>) -> (Vec<T>, u64) {
    let (mut records, mut unreadable) = (Vec::with_capacity(items.len()), 0);
    for item in items {
        match read(item) {
            Ok(record) => records.push(record),
            Err(error) => {
                let key = item.get("pk").and_then(|key| key.as_s().ok());
                tracing::error!(error = %chain(&error), pk = key, sk = sort_key(item), "an item cannot be read");
                unreadable += 1;
            }
        }
    }
    (records, unreadable)
}

/// Whether an item's time is over; the table deletes it some time later.
pub(crate) fn is_over(item: &Item, now: DateTime<Utc>) -> bool {
    let expires = item.get(EXPIRES).and_then(|at| at.as_n().ok()?.parse::<i64>().ok());
    expires.is_some_and(|at| at < now.timestamp())
}
