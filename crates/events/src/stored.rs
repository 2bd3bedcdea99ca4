//! An event as an item of the events table.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::CloudEvent;

/// The attributes of an event in the events table: `pk` is the subject, `sk` the event id.
///
/// `data` is JSON text, so that stream filters match on the plain attributes and no reader depends on how a library
/// lays out a map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Subject of the event.
    pub pk: String,
    /// Id of the event.
    pub sk: String,
    /// Type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// Context that the event comes from.
    pub source: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The facts as JSON text.
    pub data: String,
    /// When the table forgets the event, in seconds since 1970.
    pub expires_at: i64,
}

/// An event or item that is not what its type promises.
#[derive(Debug, thiserror::Error)]
#[error("the data of event {id} of type {kind} is not as its type says")]
pub struct BadEvent {
    /// Id of the event.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// What is wrong.
    pub source: serde_json::Error,
}

impl StoredEvent {
    /// The item that keeps `event` for the time `keep` after it happened.
    ///
    /// # Errors
    /// When `data` cannot be written as JSON.
    pub fn keeping<D: Serialize>(event: &CloudEvent<D>, keep: TimeDelta) -> Result<Self, BadEvent> {
        let data = serde_json::to_string(&event.data).map_err(|source| BadEvent {
            id: event.id.to_string(),
            kind: event.kind.clone(),
            source,
        })?;
        Ok(Self {
            pk: event.subject.clone(),
            sk: event.id.to_string(),
            kind: event.kind.clone(),
            source: event.source.clone(),
            time: event.time,
            data,
            expires_at: (event.time + keep).timestamp(),
        })
    }

    /// The event that the item keeps, with its data read as `D`.
    ///
    /// # Errors
    /// When the data is not of type `D`.
    pub fn into_event<D: DeserializeOwned>(self) -> Result<CloudEvent<D>, BadEvent> {
        match serde_json::from_str(&self.data) {
            Ok(data) => Ok(CloudEvent::new(self.sk.into(), self.source, self.kind, self.pk, self.time, data)),
            Err(source) => Err(BadEvent { id: self.sk, kind: self.kind, source }),
        }
    }
}
