//! The clear plates of sessions, in a table of their own: no stream, no backup, gone by TTL.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use chrono::{DateTime, Utc};
use parvis_parking::plate::Plate;
use uuid::Uuid;

use super::error::StoreError;
use super::keys::Key;

/// The table; cheap to clone.
#[derive(Clone, Debug)]
pub struct ParkedPlates {
    client: Client,
    table: String,
}

impl ParkedPlates {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The put of a session's plate, as a part of the transaction that makes the session.
    ///
    /// # Errors
    /// Never; the request is complete.
    pub fn put(&self, session: Uuid, plate: &Plate, until: DateTime<Utc>) -> Result<TransactWriteItem, StoreError> {
        let Key { pk, sk } = Key::clear_plate(session);
        let put = Put::builder()
            .table_name(&self.table)
            .item("pk", AttributeValue::S(pk))
            .item("sk", AttributeValue::S(sk))
            .item("plate", AttributeValue::S(plate.reveal().to_owned()))
            .item("expires_at", AttributeValue::N(until.timestamp().to_string()))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Keeps a session's plate until another instant, as a part of the transaction that changes the session's end. Of a plate that is
    /// gone nothing but the instant is kept.
    ///
    /// # Errors
    /// Never; the request is complete.
    pub fn keep_until(&self, session: Uuid, until: DateTime<Utc>) -> Result<TransactWriteItem, StoreError> {
        let Key { pk, sk } = Key::clear_plate(session);
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("SET expires_at = :until")
            .expression_attribute_values(":until", AttributeValue::N(until.timestamp().to_string()))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Forgets a session's plate, as a part of the transaction in which the session comes to nothing.
    ///
    /// # Errors
    /// Never; the request is complete.
    pub fn remove(&self, session: Uuid) -> Result<TransactWriteItem, StoreError> {
        let Key { pk, sk } = Key::clear_plate(session);
        let delete = Delete::builder().table_name(&self.table).key("pk", AttributeValue::S(pk));
        let delete = delete.key("sk", AttributeValue::S(sk)).build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// A session's plate, while it is kept. DynamoDB deletes some time after the TTL; here it is gone at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(&self, session: Uuid, now: DateTime<Utc>) -> Result<Option<Plate>, StoreError> {
        let Key { pk, sk } = Key::clear_plate(session);
        let get = self.client.get_item().table_name(&self.table);
        let get = get.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk));
        let Some(item) = get.send().await.map_err(StoreError::call)?.item else { return Ok(None) };
        let until: Option<i64> = item.get("expires_at").and_then(|at| at.as_n().ok()).and_then(|at| at.parse().ok());
        let plate = item.get("plate").and_then(|plate| plate.as_s().ok());
        Ok(plate
            .filter(|_| until.is_some_and(|until| until > now.timestamp()))
            .and_then(|plate| Plate::normalise(plate)))
    }

    /// Forgets a session's plate now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, session: Uuid) -> Result<(), StoreError> {
        let Key { pk, sk } = Key::clear_plate(session);
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk));
        delete.send().await.map(drop).map_err(StoreError::call)
    }
}
