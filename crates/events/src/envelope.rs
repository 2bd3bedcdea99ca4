//! The CloudEvents 1.0 envelope.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::EventId;

/// An event in the JSON format of CloudEvents 1.0 (<https://github.com/cloudevents/spec>).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent<D = serde_json::Value> {
    /// Version of the specification, always `1.0`.
    pub specversion: String,
    /// Identity of the event; readers drop a second event of the same id.
    pub id: EventId,
    /// The context that the event comes from, as a path: `/parvis/announce`.
    pub source: String,
    /// What happened, in reversed-DNS style: `parvis.parking.alert.raised`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it happened to: `place/<id>`. Events of one subject are kept together and in order.
    pub subject: String,
    /// When it happened (not when it was noticed).
    pub time: DateTime<Utc>,
    /// Media type of `data`, always `application/json`.
    pub datacontenttype: String,
    /// The facts; its shape depends on the type.
    pub data: D,
}

impl<D> CloudEvent<D> {
    /// Wraps `data` into an envelope.
    pub fn new(
        id: EventId,
        source: impl Into<String>,
        kind: impl Into<String>,
        subject: impl Into<String>,
        time: DateTime<Utc>,
        data: D,
    ) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            source: source.into(),
            kind: kind.into(),
            subject: subject.into(),
            time,
            datacontenttype: "application/json".to_owned(),
            data,
        }
    }
}

/// The subject of events about a place.
#[must_use]
pub fn place_subject(place: &str) -> String {
    format!("place/{place}")
}
