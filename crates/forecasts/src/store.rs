//! The table.
//!
//! | pk | sk | holds |
//! |---|---|---|
//! | `SERIES` | subject | the list: definition, outcome of the last attempt |
//! | subject | `day#<date>` | observations of a day (UTC) |
//! | subject | `model` | the trained model |
//! | subject | `forecast` | the present forecast |
//! | subject | `issued#<date>` | the forecast of a local day as it stood before it |
//! | subject | `scored#<date>` | the same against what came |
//! | subject | `warning` | whether people were told that saturation is expected |
//! | subject | `backtest#<name>` | a backtest that somebody asked for |

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{
        delete_item::DeleteItemError,
        get_item::GetItemError,
        put_item::PutItemError,
        query::{QueryError, builders::QueryFluentBuilder},
        transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError,
    },
    primitives::Blob,
    types::{AttributeValue, TransactWriteItem},
};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    packed::{PackedError, pack, unpack},
    records::{Definition, Entry, Issued, Outcome, Outlook, Scored, StoredBacktest, StoredModel},
    subject::Subject,
};

/// A failure of the table of forecasts.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A read of one item failed after the SDK's own retries.
    #[error("the table of forecasts could not be read")]
    Get(#[from] Box<SdkError<GetItemError>>),
    /// A query failed after the SDK's own retries.
    #[error("the table of forecasts could not be queried")]
    Query(#[from] Box<SdkError<QueryError>>),
    /// A write failed after the SDK's own retries.
    #[error("the table of forecasts could not be written")]
    Put(#[from] Box<SdkError<PutItemError>>),
    /// A change failed after the SDK's own retries.
    #[error("the table of forecasts could not be changed")]
    Update(#[from] Box<SdkError<UpdateItemError>>),
    /// A transaction failed after the SDK's own retries.
    #[error("the table of forecasts could not be changed")]
    Transact(#[source] Box<SdkError<TransactWriteItemsError>>),
    /// A deletion failed after the SDK's own retries.
    #[error("the table of forecasts could not be changed")]
    Delete(#[from] Box<SdkError<DeleteItemError>>),
    /// An item does not have the form it should.
    #[error("an item of the table of forecasts cannot be read or written")]
    Item(#[from] PackedError),
    /// Others kept writing the same day of observations.
    #[error("the observations of a day are written by too many at once")]
    Contended,
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Item(_))
    }
}

/// The partition of the list.
const LIST: &str = "SERIES";
const MODEL: &str = "model";
const FORECAST: &str = "forecast";
const ISSUED: &str = "issued#";
const SCORED: &str = "scored#";
const BACKTEST: &str = "backtest#";
/// Attribute of a packed record.
const BODY: &str = "body";
const DEFINITION: &str = "definition";
const OUTCOME: &str = "outcome";

/// Days for which observations are kept: two years and a few weeks.
pub const KEEP_OBSERVATIONS: TimeDelta = TimeDelta::days(800);
const KEEP_ISSUED: TimeDelta = TimeDelta::days(40);
const KEEP_SCORED: TimeDelta = TimeDelta::days(400);
const KEEP_BACKTEST: TimeDelta = TimeDelta::days(90);

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The table of forecasts.
#[derive(Debug, Clone)]
pub struct ForecastStore {
    client: Client,
    table: String,
}

impl ForecastStore {
    /// The forecasts in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The series whose subjects begin with `prefix`, by subject.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn entries(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        self.query(LIST, prefix).await?.iter().map(read_entry).collect()
    }

    /// One series of the list.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn listed(&self, subject: &Subject) -> Result<Option<Entry>, StoreError> {
        self.get(LIST, &subject.to_string()).await?.as_ref().map(read_entry).transpose()
    }

    /// Says what a series is.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn define(&self, definition: &Definition) -> Result<(), StoreError> {
        self.note(&definition.subject, DEFINITION, pack(definition)?).await
    }

    /// Says what came of an attempt to forecast a series that was defined.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn conclude(&self, subject: &Subject, outcome: &Outcome) -> Result<(), StoreError> {
        self.note(subject, OUTCOME, pack(outcome)?).await
    }

    /// Takes a series off the list.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn withdraw(&self, subject: &Subject) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(LIST));
        delete.key("sk", text(&subject.to_string())).send().await.map_err(Box::new)?;
        Ok(())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    async fn note(&self, subject: &Subject, attribute: &str, body: Vec<u8>) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(LIST))
            .key("sk", text(&subject.to_string()))
            .update_expression("SET #attribute = :body")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":body", AttributeValue::B(Blob::new(body)))
            .send()
            .await
            .map_err(Box::new)?;
        Ok(())
    }

    /// The trained model; none when it was stored in a form that this version of the program does not know.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn model(&self, subject: &Subject) -> Result<Option<StoredModel>, StoreError> {
        let item = self.get(&subject.to_string(), MODEL).await?;
        // A model is made anew from its observations: one that cannot be read is as good as none.
        Ok(item.and_then(|item| body(&item).ok()))
    }

    /// Keeps a trained model.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_model(&self, subject: &Subject, model: &StoredModel) -> Result<(), StoreError> {
        self.put(&subject.to_string(), MODEL, model, None).await
    }

    /// The present forecast.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn outlook(&self, subject: &Subject) -> Result<Option<Outlook>, StoreError> {
        self.get(&subject.to_string(), FORECAST).await?.as_ref().map(body).transpose()
    }

    /// Replaces the present forecast.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_outlook(&self, outlook: &Outlook) -> Result<(), StoreError> {
        self.put(&outlook.definition.subject.to_string(), FORECAST, outlook, None).await
    }

    /// The forecast of a local day as it stood before it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn issued(&self, subject: &Subject, day: NaiveDate) -> Result<Option<Issued>, StoreError> {
        self.get(&subject.to_string(), &dated(ISSUED, day)).await?.as_ref().map(body).transpose()
    }

    /// Keeps the forecast of a local day.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_issued(&self, subject: &Subject, issued: &Issued) -> Result<(), StoreError> {
        let until = issued.origin + KEEP_ISSUED;
        self.put(&subject.to_string(), &dated(ISSUED, issued.day), issued, Some(until)).await
    }

    /// Days that were scored, from a day on, oldest first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn scored(&self, subject: &Subject, from: NaiveDate) -> Result<Vec<Scored>, StoreError> {
        let items = self.query_between(&subject.to_string(), &dated(SCORED, from), &format!("{SCORED}~")).await?;
        items.iter().map(body).collect()
    }

    /// Keeps the score of a day; one that was kept before, by less observations, is replaced.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_scored(&self, subject: &Subject, scored: &Scored) -> Result<(), StoreError> {
        let until = scored.origin + KEEP_SCORED;
        self.put(&subject.to_string(), &dated(SCORED, scored.day), scored, Some(until)).await
    }

    /// The backtests of a series, oldest first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn backtests(&self, subject: &Subject) -> Result<Vec<StoredBacktest>, StoreError> {
        self.query(&subject.to_string(), BACKTEST).await?.iter().map(body).collect()
    }

    /// One of them, by its name.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn backtest(&self, subject: &Subject, name: &str) -> Result<Option<StoredBacktest>, StoreError> {
        self.get(&subject.to_string(), &format!("{BACKTEST}{name}")).await?.as_ref().map(body).transpose()
    }

    /// Keeps a backtest, or what came of it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_backtest(&self, subject: &Subject, backtest: &StoredBacktest) -> Result<(), StoreError> {
        let name = format!("{BACKTEST}{}", backtest.trial.name());
        self.put(&subject.to_string(), &name, backtest, Some(backtest.asked_at + KEEP_BACKTEST)).await
    }

    pub(crate) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk));
        Ok(get.consistent_read(true).send().await.map_err(Box::new)?.item)
    }

    pub(crate) async fn put(
        &self,
        pk: &str,
        sk: &str,
        record: &impl Serialize,
        until: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(pk))
            .item("sk", text(sk))
            .item(BODY, AttributeValue::B(Blob::new(pack(record)?)));
        let put = match until {
            Some(until) => put.item("expires_at", expiry(until)),
            None => put,
        };
        put.send().await.map_err(Box::new)?;
        Ok(())
    }

    /// Writes all of them, or nothing and false when one meets what it does not expect.
    pub(crate) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                    if cancelled.cancellation_reasons().iter().any(|reason| {
                        matches!(reason.code(), Some("ConditionalCheckFailed" | "TransactionConflict"))
                    }) =>
                {
                    Ok(false)
                }
                _ => Err(StoreError::Transact(Box::new(error))),
            },
        }
    }

    /// Everything of `pk` whose `sk` begins with `prefix`; with an empty one, all of it.
    pub(crate) async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        if prefix.is_empty() {
            // DynamoDB takes no empty string for a key, not even as the bound of a range.
            return self.collect(self.of_partition("pk = :pk", pk)).await;
        }
        // Ids are ASCII: `~` comes after everything that they may hold.
        self.query_between(pk, prefix, &format!("{prefix}~")).await
    }

    pub(crate) async fn query_between(&self, pk: &str, first: &str, last: &str) -> Result<Vec<Item>, StoreError> {
        let query = self
            .of_partition("pk = :pk AND sk BETWEEN :first AND :last", pk)
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        self.collect(query).await
    }

    fn of_partition(&self, condition: &str, pk: &str) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        query.key_condition_expression(condition).expression_attribute_values(":pk", text(pk))
    }

    async fn collect(&self, query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        items.map_err(|error| Box::new(error).into())
    }
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A number of an item; 0 when there is none.
pub(crate) fn number(item: &Item, name: &str) -> u64 {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub(crate) fn expiry(at: DateTime<Utc>) -> AttributeValue {
    AttributeValue::N(at.timestamp().to_string())
}

pub(crate) fn dated(kind: &str, day: NaiveDate) -> String {
    format!("{kind}{day}")
}

fn packed<T: DeserializeOwned>(item: &Item, attribute: &str) -> Result<Option<T>, StoreError> {
    let bytes = item.get(attribute).and_then(|value| value.as_b().ok());
    Ok(bytes.map(|bytes| unpack(bytes.as_ref())).transpose()?)
}

pub(crate) fn body<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    packed(item, BODY)?.ok_or_else(|| missing(BODY))
}

fn missing(attribute: &str) -> StoreError {
    let error = std::io::Error::new(std::io::ErrorKind::InvalidData, format!("no {attribute}"));
    StoreError::Item(error.into())
}

fn read_entry(item: &Item) -> Result<Entry, StoreError> {
    let definition = packed(item, DEFINITION)?.ok_or_else(|| missing(DEFINITION))?;
    Ok(Entry { definition, outcome: packed(item, OUTCOME)? })
}

/// A request of ours that lacks something, which would be a mistake in this crate.
pub(crate) fn incomplete(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Item(std::io::Error::new(std::io::ErrorKind::InvalidInput, error).into())
}

/// The day (UTC) so many days before another.
#[must_use]
pub fn days_before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}
