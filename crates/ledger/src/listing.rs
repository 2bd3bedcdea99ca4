//! Where payments keep movements, and the list of each day, so that the books can look for what they have missed.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::parking::ParkingMovement;

/// The list of a day is spread over so many partitions.
pub const LIST_SHARDS: u8 = 16;

/// A movement in the list of its day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedMovement {
    /// Its session; of a wallet's, the payment into it.
    pub session: Uuid,
    /// Its id.
    pub movement: Uuid,
    /// When it happened.
    pub at: DateTime<Utc>,
}

impl ListedMovement {
    /// The list's entry of a movement.
    #[must_use]
    pub fn of(movement: &ParkingMovement) -> Self {
        Self { session: movement.stay.session, movement: movement.id, at: movement.at }
    }

    /// Partition and sort key of the entry.
    #[must_use]
    pub fn key(&self) -> (String, String) {
        let shard = self.movement.as_bytes().last().copied().unwrap_or_default() % LIST_SHARDS;
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        (list_partition(self.at.date_naive(), shard), format!("{at}#{}", self.movement))
    }
}

/// A partition of the list of a day (UTC).
#[must_use]
pub fn list_partition(day: NaiveDate, shard: u8) -> String {
    format!("moved#{day}#{shard:02}")
}

/// Partition and sort key of a movement: in its session's partition, so that the stream tells a session's movements in order.
#[must_use]
pub fn movement_key(session: Uuid, movement: Uuid) -> (String, String) {
    (format!("session#{session}"), format!("movement#{movement}"))
}
