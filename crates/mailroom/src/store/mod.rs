//! The table of notifications.
//!
//! | pk | sk | holds |
//! |---|---|---|
//! | `person#<subject>` | `profile` | preferences and addresses |
//! | `person#<subject>` | `note#<time>#<id>` | the list of their notifications |
//! | `person#<subject>` | `watch#<id>` | a wish to be told |
//! | `watch#<subject>` | id | the same, found by what it is about |
//! | `due#<minute>#<shard>` | `<time>#<id>` | reminders, and letters held back |
//! | `reminders#<subject>` | `current` | the newest event about the subject: only its reminders count |
//! | `runs` | `last` | the last completed run of reminders |
//! | `log#<day>` | `<time>#<key>` | a letter: whether it is being sent or was, and what came of it |
//! | `spent#<day>#<counter>` | `count` | what counts against a limit |
//! | `suppressed#<address>` | `reason` | an address that is not written to any more |
//! | `device#<endpoint>` | `holder` | whose device it is |
//! | `webhooks` | id | other systems |
//! | `webhook#<id>` | `<time>#<key>` | the attempts to tell one |
//!
//! Records are JSON in the attribute `body`; what conditions look at stands beside it.

mod devices;
mod due;
mod people;
mod watches;
mod webhooks;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, de::DeserializeOwned};

pub use due::Entry;
pub use people::Page;
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
    pub const fn is_transient(&self) -> bool {
        !matches!(self, Self::Item(_) | Self::Missing(_) | Self::Changed)
    }
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
            let mut query = self.client.query().table_name(&self.table).consistent_read(true);
            query = if prefix.is_empty() {
                query.key_condition_expression("pk = :pk")
            } else {
                let condition = query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
                condition.expression_attribute_values(":prefix", text(prefix))
            };
            query = query.expression_attribute_values(":pk", text(pk)).set_exclusive_start_key(start);
            let page = query.send().await.map_err(Box::new)?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// The newest items of a partition whose sort key begins with `prefix` and lies before `before`.
    pub(crate) async fn newest(
        &self,
        pk: &str,
        prefix: &str,
        before: Option<&str>,
        limit: i32,
    ) -> Result<Vec<Item>, StoreError> {
        let end = before.map_or_else(|| format!("{prefix}\u{10ffff}"), str::to_owned);
        // `BETWEEN` includes its end, which is left out below.
        let query = self.client.query().table_name(&self.table).scan_index_forward(false).limit(limit + 1);
        let query = query.key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to");
        let query =
            query.expression_attribute_values(":pk", text(pk)).expression_attribute_values(":from", text(prefix));
        let query = query.expression_attribute_values(":to", text(&end));
        let items = query.send().await.map_err(Box::new)?.items.unwrap_or_default();
        let kept = items.into_iter().filter(|item| before.is_none() || sort_key(item) != before);
        Ok(kept.take(usize::try_from(limit).unwrap_or_default()).collect())
    }
}

/// Attribute of a record.
pub(crate) const BODY: &str = "body";
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

/// Whether an item's time is over; the table deletes it some time later.
pub(crate) fn is_over(item: &Item, now: DateTime<Utc>) -> bool {
    let expires = item.get(EXPIRES).and_then(|at| at.as_n().ok()?.parse::<i64>().ok());
    expires.is_some_and(|at| at < now.timestamp())
}
