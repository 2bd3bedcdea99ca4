//! Permits: what their holders want to hear of, above all when they end.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A permit is valid, or has been renewed or changed.
pub const READY: &str = "parvis.parking.permit.ready";
/// It is given back, withdrawn, or somebody else's now.
pub const ENDED: &str = "parvis.parking.permit.ended";

/// Facts of an event about a permit. No plate, not even its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitChanged {
    /// The permit.
    pub permit: String,
    /// Whose it is, or was: the subject of the login.
    pub owner: String,
    /// What its holder calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it holds: ids of zones.
    pub zones: Vec<String>,
    /// From.
    pub valid_from: DateTime<Utc>,
    /// Until.
    pub valid_until: DateTime<Utc>,
    /// The time zone (IANA name), for texts.
    pub timezone: String,
    /// Rises with every change of the permit.
    pub version: u32,
}

/// The subject of events about a permit.
#[must_use]
pub fn permit_subject(permit: &str) -> String {
    format!("permit/{permit}")
}
