//! Passes: subscriptions to shared places, which include hours of each month until they end.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Somebody has a pass, another one, or one that ends at another time.
pub const STARTED: &str = "parvis.pass.started";
/// Somebody's pass is taken away.
pub const ENDED: &str = "parvis.pass.ended";

/// Facts of an event about a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassChanged {
    /// Which subscription.
    pub pass: String,
    /// Whose it is: the subject of the login.
    pub owner: String,
    /// For people.
    pub title: String,
    /// Since when it is as told here.
    pub valid_from: DateTime<Utc>,
    /// Until when; without end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<DateTime<Utc>>,
}

/// The subject of events about somebody's pass: nobody has more than one.
#[must_use]
pub fn pass_subject(owner: &str) -> String {
    format!("pass/{owner}")
}
