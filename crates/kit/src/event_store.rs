//! The table of events between contexts.
//!
//! A context puts an event into the same transaction as its business write ([`EventStore::put_in_transaction`]), or, when its own
//! store is another, from its outbox after the commit ([`EventStore::put`]); readers are fed
//! from the table's stream ([`from_image`]) or page through a subject's events ([`EventStore::newest`]).

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::{put_item::PutItemError, query::QueryError, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, Put, TransactWriteItem},
};
use chrono::TimeDelta;
use parvis_events::{BadEvent, CloudEvent, EventId, StoredEvent};
use serde::{Serialize, de::DeserializeOwned};

/// How long events are kept.
const KEEP: TimeDelta = TimeDelta::days(400);

/// Events that one request can put: DynamoDB's limit of a transaction.
pub const MOST_AT_ONCE: usize = 100;

/// A failure of the event table.
#[derive(Debug, thiserror::Error)]
pub enum EventStoreError {
    /// The event's data does not fit its type.
    #[error(transparent)]
    Bad(#[from] BadEvent),
    /// The item is not an event, or an event not an item.
    #[error("the item is not an event")]
    Shape(#[from] serde_dynamo::Error),
    /// The request could not be built.
    #[error("the request for the event table is not complete")]
    Build(#[from] BuildError),
    /// The table could not be read.
    #[error("the event table could not be read")]
    Query(#[source] Box<SdkError<QueryError>>),
    /// The table could not be written.
    #[error("the event table could not be written")]
    Put(#[source] Box<SdkError<PutItemError>>),
    /// Not all of the events could be put, so none was.
    #[error("the event table could not be written")]
    PutAll(#[source] Box<SdkError<TransactWriteItemsError>>),
}

/// The events table.
#[derive(Clone, Debug)]
pub struct EventStore {
    client: Client,
    table: String,
}

impl EventStore {
    /// The events in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The put of `event`, as a part of a transaction.
    ///
    /// # Errors
    /// When the data cannot be written.
    pub fn put_in_transaction<D: Serialize>(
        &self,
        event: &CloudEvent<D>,
    ) -> Result<TransactWriteItem, EventStoreError> {
        let item = serde_dynamo::aws_sdk_dynamodb_1::to_item(StoredEvent::keeping(event, KEEP)?)?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(sk)")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Puts `event` by itself: what was left in an outbox. The same event again changes nothing, and no reader hears of it twice.
    ///
    /// # Errors
    /// When the data cannot be written or the table cannot be reached.
    pub async fn put<D: Serialize>(&self, event: &CloudEvent<D>) -> Result<(), EventStoreError> {
        let item = serde_dynamo::aws_sdk_dynamodb_1::to_item(StoredEvent::keeping(event, KEEP)?)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(sk)")
            .send()
            .await;
        match put {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(())
            }
            Err(error) => Err(EventStoreError::Put(Box::new(error))),
        }
    }

    /// Puts all `events`, [`MOST_AT_ONCE`] at most, or none of them: none when one of them is there already.
    ///
    /// # Errors
    /// When the data cannot be written, the table cannot be reached, or one of them is there already.
    pub async fn put_all<D: Serialize>(&self, events: &[CloudEvent<D>]) -> Result<(), EventStoreError> {
        let puts = events.iter().map(|event| self.put_in_transaction(event)).collect::<Result<Vec<_>, _>>()?;
        let put = self.client.transact_write_items().set_transact_items(Some(puts)).send().await;
        put.map(drop).map_err(|error| EventStoreError::PutAll(Box::new(error)))
    }

    /// The newest `limit` events of `subject`, newest first, older than `before` if given.
    ///
    /// # Errors
    /// When the table cannot be read or holds something else than events with data `D`.
    pub async fn newest<D: DeserializeOwned>(
        &self,
        subject: &str,
        limit: i32,
        before: Option<&EventId>,
    ) -> Result<Vec<CloudEvent<D>>, EventStoreError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :subject")
            .expression_attribute_values(":subject", AttributeValue::S(subject.to_owned()))
            .scan_index_forward(false)
            .limit(limit);
        if let Some(before) = before {
            query = query
                .key_condition_expression("pk = :subject AND sk < :before")
                .expression_attribute_values(":before", AttributeValue::S(before.to_string()));
        }
        let page = query.send().await.map_err(|error| EventStoreError::Query(Box::new(error)))?;
        page.items
            .unwrap_or_default()
            .into_iter()
            .map(|item| Ok(serde_dynamo::aws_sdk_dynamodb_1::from_item::<StoredEvent>(item)?.into_event()?))
            .collect()
    }
}

/// The event in a record of the table's stream.
///
/// # Errors
/// When the image is not an event with data `D`.
pub fn from_image<D: DeserializeOwned>(image: serde_dynamo::Item) -> Result<CloudEvent<D>, EventStoreError> {
    Ok(serde_dynamo::from_item::<_, StoredEvent>(image)?.into_event()?)
}
