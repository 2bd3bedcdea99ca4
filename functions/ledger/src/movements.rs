//! The movements as payments keep them: read, never written.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::NaiveDate;
use parvis_kit::lambda::BoxError;
use parvis_ledger_rules::{KeptMovement, LIST_SHARDS, ListedMovement, list_partition, movement_key};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Entries of a page of a list.
const PAGE: i32 = 1_000;

/// What of an item the books need.
#[derive(Deserialize)]
pub(crate) struct Stored {
    /// The value as JSON.
    pub data: String,
}

/// The table of payments could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be reached, or refused for now.
    #[error("the table of payments could not be read")]
    Call(#[source] BoxError),
    /// An item that is not what its key says.
    #[error("an item of the table of payments cannot be read")]
    Shape(#[source] BoxError),
}

/// The table of payments; cheap to clone.
#[derive(Clone, Debug)]
pub struct MovementReader {
    client: Client,
    table: String,
}

/// Where a list is read on: a shard, and the last key in it.
#[derive(Debug, Default)]
pub struct Place {
    shard: u8,
    after: Option<String>,
}

impl MovementReader {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// A movement.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn movement(&self, session: Uuid, id: Uuid) -> Result<Option<KeptMovement>, ReadError> {
        let (pk, sk) = movement_key(session, id);
        let get = self.client.get_item().table_name(&self.table);
        let get = get.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk));
        let found = get.send().await.map_err(|error| ReadError::Call(error.into()))?;
        found.item.map(value).transpose()
    }

    /// A page of the list of a day (UTC) from a place on, and where the next one begins; `None` after the last one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn listed(
        &self,
        day: NaiveDate,
        place: Place,
    ) -> Result<(Vec<ListedMovement>, Option<Place>), ReadError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :list AND sk > :after")
            .expression_attribute_values(":list", AttributeValue::S(list_partition(day, place.shard)))
            // Every key begins with a digit.
            .expression_attribute_values(":after", AttributeValue::S(place.after.unwrap_or_else(|| "#".to_owned())))
            .limit(PAGE);
        let page = query.send().await.map_err(|error| ReadError::Call(error.into()))?;
        let after = page.last_evaluated_key.as_ref().and_then(|key| key.get("sk")?.as_s().ok()).cloned();
        let next = match after {
            Some(after) => Some(Place { shard: place.shard, after: Some(after) }),
            None => Some(Place { shard: place.shard + 1, after: None }).filter(|next| next.shard < LIST_SHARDS),
        };
        let listed = page.items.unwrap_or_default().into_iter().map(value).collect::<Result<_, _>>()?;
        Ok((listed, next))
    }
}

fn value<T: DeserializeOwned>(item: std::collections::HashMap<String, AttributeValue>) -> Result<T, ReadError> {
    let stored: Stored = serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(|e| ReadError::Shape(e.into()))?;
    serde_json::from_str(&stored.data).map_err(|error| ReadError::Shape(error.into()))
}
