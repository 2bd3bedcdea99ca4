//! Sensors: one that has not been heard of for long.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Type of the event when a sensor counts as disconnected.
pub const LOST: &str = "parvis.parking.sensor.lost";

/// Facts of a sensor that was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorLost {
    /// Id of the place.
    pub place: String,
    /// Id of the zone.
    pub zone: String,
    /// Number of its space.
    pub space: u32,
    /// When it was last heard of.
    pub seen_at: DateTime<Utc>,
    /// When that was noticed.
    pub at: DateTime<Utc>,
}

/// The subject of events about a sensor.
#[must_use]
pub fn sensor_subject(place: &str, zone: &str, space: u32) -> String {
    format!("sensor/{place}/{zone}/{space}")
}
