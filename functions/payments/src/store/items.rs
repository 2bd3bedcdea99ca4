//! What the items hold.
//!
//! Values of ours are JSON text in `data`: no reader depends on how a library lays out a map, and stream filters match on
//! the plain attributes beside it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use parvis_tariffs::quote::PreviousStay;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::error::StoreError;
use super::keys::Key;

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

/// The plain attributes of an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stored {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
    /// What it is; stream filters look at it.
    pub kind: String,
    /// Rises with every write, where writes are conditional.
    pub revision: u64,
    /// The value as JSON.
    pub data: String,
    /// When the table forgets it, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// The item of a value.
pub fn item<T: Serialize>(
    key: Key,
    kind: &str,
    revision: u64,
    value: &T,
    expires_at: Option<DateTime<Utc>>,
) -> Result<Item, StoreError> {
    let data = text(value)?;
    let expires_at = expires_at.map(|at| at.timestamp());
    let stored = Stored { pk: key.pk, sk: key.sk, kind: kind.to_owned(), revision, data, expires_at };
    Ok(serde_dynamo::aws_sdk_dynamodb_1::to_item(stored)?)
}

/// A value as items hold it.
pub fn text<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(shape)
}

/// The value of an item, with its revision.
pub fn value<T: DeserializeOwned>(item: Item) -> Result<(T, u64), StoreError> {
    let stored: Stored = serde_dynamo::aws_sdk_dynamodb_1::from_item(item)?;
    Ok((serde_json::from_str(&stored.data).map_err(shape)?, stored.revision))
}

fn shape(error: serde_json::Error) -> StoreError {
    StoreError::Shape(<serde_dynamo::Error as serde::de::Error>::custom(error))
}

/// The last stay of a plate in a zone: who stands there cannot begin another, and tariffs ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastStay {
    /// The session.
    pub session: Uuid,
    /// When it began.
    pub start: DateTime<Utc>,
    /// When its paid time ends or ended.
    pub end: DateTime<Utc>,
    /// The stay before, which counts again if this one is never paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PreviousStay>,
}

impl LastStay {
    /// As tariffs see it.
    #[must_use]
    pub fn as_previous(&self) -> PreviousStay {
        PreviousStay { start: self.start, end: self.end }
    }

    /// Whether it, or the stay before it, shares an instant with a time.
    #[must_use]
    pub fn overlaps(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        let before = self.before.map(|before| (before.start, before.end));
        let mut times = std::iter::once((self.start, self.end)).chain(before);
        times.any(|(from, until)| from < until && from < end && start < until)
    }
}
