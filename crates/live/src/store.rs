//! Reading and writing blocks.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use parvis_parking::{Block, BlockKey, PlaceId, ZoneId};
use serde_dynamo::Item;

use crate::error::{ImageError, LiveError};
use crate::image::{PK, SK, VERSION, VersionedBlock, from_image, to_item};

/// The table of live state.
#[derive(Debug, Clone)]
pub struct LiveStore {
    client: Client,
    table: String,
}

/// What became of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// Written, with this version.
    Written(u64),
    /// Somebody else wrote in between. This is the block as it is now; merge again and retry. `None`: it is gone.
    Conflict(Option<Box<VersionedBlock>>),
}

impl LiveStore {
    /// The live state in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// One block, as of now.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn get(&self, key: &BlockKey) -> Result<Option<VersionedBlock>, LiveError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(PK, AttributeValue::S(key.place.to_string()))
            .key(SK, AttributeValue::S(key.sort_key()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| LiveError::Get(Box::new(error)))?;
        Ok(output.item.map(read).transpose()?)
    }

    /// All blocks of a place, as of now, by zone and number.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn place_blocks(&self, place: &PlaceId) -> Result<Vec<VersionedBlock>, LiveError> {
        self.query(place, None).await
    }

    /// All blocks of a zone, as of now, by number.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn zone_blocks(&self, place: &PlaceId, zone: &ZoneId) -> Result<Vec<VersionedBlock>, LiveError> {
        // The separator keeps `Zone_A` apart from `Zone_A2`.
        self.query(place, Some(format!("{zone}#"))).await
    }

    async fn query(&self, place: &PlaceId, prefix: Option<String>) -> Result<Vec<VersionedBlock>, LiveError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":place", AttributeValue::S(place.to_string()));
        query = match prefix {
            Some(prefix) => query
                .key_condition_expression("pk = :place AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix)),
            None => query.key_condition_expression("pk = :place"),
        };
        let mut items = query.into_paginator().items().send();
        let mut blocks = Vec::new();
        while let Some(item) = items.next().await {
            blocks.push(read(item.map_err(|error| LiveError::Query(Box::new(error)))?)?);
        }
        Ok(blocks)
    }

    /// Writes a block if its stored version is still `expected` (`None`: if it does not exist yet).
    ///
    /// A conflict brings the block as it is now with it, so that a retry needs no read. When the SDK itself repeated a
    /// write whose answer was lost, the conflict is with our own write; merging again then finds nothing new.
    ///
    /// # Errors
    /// [`LiveError`] for everything but a conflict.
    pub async fn put_if(&self, key: &BlockKey, expected: Option<u64>, block: &Block) -> Result<PutOutcome, LiveError> {
        let version = expected.map_or(1, |version| version + 1);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(key, version, block)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#v", if expected.is_some() { VERSION } else { PK });
        let put = match expected {
            Some(version) => put
                .condition_expression("#v = :v")
                .expression_attribute_values(":v", AttributeValue::N(version.to_string())),
            None => put.condition_expression("attribute_not_exists(#v)"),
        };
        match put.send().await {
            Ok(_) => Ok(PutOutcome::Written(version)),
            Err(error) => conflict(error),
        }
    }
}

/// Tells a conflict from a failure.
fn conflict(error: SdkError<PutItemError>) -> Result<PutOutcome, LiveError> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
            let current = failed.item.clone().map(read).transpose()?;
            Ok(PutOutcome::Conflict(current.map(Box::new)))
        }
        _ => Err(LiveError::Put(Box::new(error))),
    }
}

fn read(item: HashMap<String, AttributeValue>) -> Result<VersionedBlock, ImageError> {
    from_image(&Item::from(item))
}
