//! Plate observations, stored under the keyed hash and for a day.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use parvis_parking::PlateObservation;
use parvis_parking::plate::{PlateHash, PlateKey};
use tokio::time::{Instant, timeout_at};

/// How long an observation is kept.
const RETENTION: Duration = Duration::hours(24);

/// An observation that was not stored, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    #[error("the table of plates could not be written")]
    Put(#[from] Box<SdkError<PutItemError>>),
    #[error("the table of plates did not answer in time")]
    OutOfTime,
}

/// The table of plate observations. The plate itself never reaches it.
#[derive(Debug, Clone)]
pub(crate) struct PlatesStore {
    client: Client,
    table: String,
    key: PlateKey,
}

impl PlatesStore {
    pub(crate) fn new(client: Client, table: String, key: PlateKey) -> Self {
        Self { client, table, key }
    }

    /// Stores an observation; twice is as once. False if it is already past its retention.
    pub(crate) async fn put(
        &self,
        seen: &PlateObservation,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<bool, PutError> {
        let expires_at = seen.at + RETENTION;
        if expires_at <= now {
            return Ok(false);
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(seen, seen.plate.hash(&self.key), expires_at)))
            .send();
        timeout_at(deadline, put).await.map_err(|_| PutError::OutOfTime)?.map_err(Box::new)?;
        Ok(true)
    }
}

/// The item of an observation: the place it was seen at and what was seen, but of the plate only the hash.
fn item(seen: &PlateObservation, plate: PlateHash, expires_at: DateTime<Utc>) -> HashMap<String, AttributeValue> {
    let observed_at = seen.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let number = |number: i64| AttributeValue::N(number.to_string());
    let attributes = [
        ("pk", Some(AttributeValue::S(plate.to_string()))),
        ("sk", Some(AttributeValue::S(format!("{observed_at}#{}#{}#{}", seen.place, seen.zone, seen.spot)))),
        ("spot", Some(AttributeValue::S(seen.spot.to_string()))),
        ("vehicle_class", seen.vehicle_class.map(|class| AttributeValue::S(class.as_str().to_owned()))),
        ("electric", seen.electric.map(AttributeValue::Bool)),
        ("confidence", seen.confidence.map(|percent| number(percent.into()))),
        ("expires_at", Some(number(expires_at.timestamp()))),
    ];
    attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
