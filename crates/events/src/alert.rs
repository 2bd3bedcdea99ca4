//! Alerts: a place or zone crosses an occupancy threshold, upward or back.
//!
//! There is one event per threshold crossed. An area that jumps from normal to saturated crosses two thresholds and
//! raises two alerts, so that every raised alert has exactly one cleared alert of the same level after it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Type of the event when a threshold is crossed upward.
pub const RAISED: &str = "parvis.parking.alert.raised";
/// Type of the event when the occupancy has come back under a threshold by the hysteresis.
pub const CLEARED: &str = "parvis.parking.alert.cleared";
/// Type of the event when a forecast says that a threshold will probably be reached soon.
pub const EXPECTED: &str = "parvis.parking.alert.expected";
/// What the types of all alerts start with.
pub const PREFIX: &str = "parvis.parking.alert.";

/// The level whose threshold was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    /// The lower threshold, 70 % by default.
    Busy,
    /// The upper threshold, 85 % by default.
    Saturated,
}

impl AlertLevel {
    /// The level's name in events and message attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Saturated => "saturated",
        }
    }
}

/// Facts of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Id of the place.
    pub place: String,
    /// The place's name, for texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_name: Option<String>,
    /// Id of the zone; absent (null) when the whole place crossed the threshold.
    pub zone: Option<String>,
    /// The zone's name, for texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_name: Option<String>,
    /// The level whose threshold was crossed.
    pub level: AlertLevel,
    /// The level of the area before: `normal`, `busy` or `saturated`.
    pub previous: String,
    /// Occupied spaces per hundred spaces in service.
    pub occupancy_rate: f64,
    /// Occupied spaces.
    pub occupied: u32,
    /// Spaces in service.
    pub total: u32,
    /// The threshold in percent.
    pub threshold: f64,
    /// When the occupancy that crossed the threshold was reached; of an expected one, when it will be.
    pub at: DateTime<Utc>,
    /// Probability, 0 to 1, that the threshold is reached, of an expected alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
    /// The place's time zone (IANA name), for texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{CloudEvent, EventId, StoredEvent, place_subject};

    fn event() -> CloudEvent<Alert> {
        let at = DateTime::from_timestamp_millis(1_781_000_000_000).unwrap();
        CloudEvent::new(
            EventId::of_facts(at, &["default", "Zone_A", "7"]),
            "/parvis/announce",
            RAISED,
            place_subject("default"),
            at,
            Alert {
                place: "default".to_owned(),
                place_name: None,
                zone: Some("Zone_A".to_owned()),
                zone_name: None,
                level: AlertLevel::Busy,
                previous: "normal".to_owned(),
                occupancy_rate: 75.0,
                occupied: 6,
                total: 8,
                threshold: 70.0,
                at,
                chance: None,
                timezone: None,
            },
        )
    }

    #[test]
    fn the_envelope_is_cloudevents_json() {
        insta::assert_json_snapshot!(event(), @r#"
        {
          "specversion": "1.0",
          "id": "01KTNXYMG0YWA7GY2PH13BBEA2",
          "source": "/parvis/announce",
          "type": "parvis.parking.alert.raised",
          "subject": "place/default",
          "time": "2026-06-09T10:13:20Z",
          "datacontenttype": "application/json",
          "data": {
            "place": "default",
            "zone": "Zone_A",
            "level": "busy",
            "previous": "normal",
            "occupancy_rate": 75.0,
            "occupied": 6,
            "total": 8,
            "threshold": 70.0,
            "at": "2026-06-09T10:13:20Z"
          }
        }
        "#);
    }

    #[test]
    fn a_stored_event_comes_back_as_it_was() {
        let stored = StoredEvent::keeping(&event(), TimeDelta::days(1)).unwrap();
        assert_eq!(stored.expires_at, 1_781_000_000 + 86_400);
        assert_eq!(stored.into_event::<Alert>().unwrap(), event());
    }

    #[test]
    fn data_of_another_shape_is_refused() {
        let mut stored = StoredEvent::keeping(&event(), TimeDelta::days(1)).unwrap();
        stored.data = r#"{"place": 3}"#.to_owned();
        let refused = stored.into_event::<Alert>().unwrap_err();
        assert_eq!(refused.kind, RAISED);
    }
}
