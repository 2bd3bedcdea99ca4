//! Parking sessions: what their drivers want to hear of, above all when the paid time ends.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the types of events about parking sessions start with.
pub const PREFIX: &str = "parvis.parking.session.";

/// A paid session has begun.
pub const STARTED: &str = "parvis.parking.session.started";
/// It ends later than it did.
pub const EXTENDED: &str = "parvis.parking.session.extended";
/// Its driver has ended it before its time.
pub const STOPPED: &str = "parvis.parking.session.stopped";
/// Its time is over.
pub const ENDED: &str = "parvis.parking.session.ended";

/// Facts of an event about a parking session. No plate, not even its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionChanged {
    /// The session.
    pub session: String,
    /// Whose it is: the subject of the login.
    pub owner: String,
    /// Where: the zone's id.
    pub zone: String,
    /// When it began.
    pub starts_at: DateTime<Utc>,
    /// When the paid time ends or ended.
    pub ends_at: DateTime<Utc>,
    /// The time zone (IANA name), for texts.
    pub timezone: String,
    /// What is paid, less what goes back, in minor units.
    pub paid_cents: i64,
    /// The currency (ISO 4217).
    pub currency: String,
    /// Rises with every change of the session.
    pub version: u64,
}

/// The subject of events about a parking session.
#[must_use]
pub fn session_subject(session: &str) -> String {
    format!("session/{session}")
}
