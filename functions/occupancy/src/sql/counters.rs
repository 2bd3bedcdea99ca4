//! Readings of counted zones: car parks and zones without a sensor per space.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parvis_kit::postgres::DatabaseError;
use sqlx::{FromRow, PgExecutor};

use super::{Step, Window};

/// One reading of a counter.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Reading {
    /// The counted zone.
    pub zone: String,
    /// The counter's own time.
    pub at: DateTime<Utc>,
    /// Vehicles inside.
    pub occupied: i32,
    /// Spaces at that time.
    pub capacity: i32,
    /// The percentage as the counter sent it, if it sent one: exact, where `occupied` is rounded to vehicles.
    pub percent: Option<f64>,
}

impl Reading {
    /// Occupied spaces, as exactly as the counter told.
    #[must_use]
    pub fn exact(&self) -> f64 {
        self.percent.map_or_else(|| f64::from(self.occupied), |percent| percent * f64::from(self.capacity) / 100.0)
    }
}

/// The readings of one zone inside one bucket, averaged.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct CountedBucket {
    /// The counted zone.
    pub zone: String,
    /// When the bucket begins.
    pub at: DateTime<Utc>,
    /// Mean of the vehicles counted.
    pub occupied: f64,
    /// Mean of the capacity that came with the counts.
    pub capacity: f64,
}

const BUCKETS: &str = "
SELECT zone, date_trunc($5, at, $6) AS at,
       avg(COALESCE(percent * capacity / 100, occupied))::float8 AS occupied, avg(capacity)::float8 AS capacity
FROM parking_reading
WHERE place = $1 AND zone = ANY($2) AND at >= $3 AND at < $4
GROUP BY 1, 2 ORDER BY 2, 1";

/// The mean of the readings of each zone in each bucket, oldest first; buckets without a reading are absent.
///
/// # Errors
/// When the database cannot answer.
pub async fn counter_series(
    database: impl PgExecutor<'_>,
    place: &str,
    zones: &[String],
    window: Window,
    step: Step,
) -> Result<Vec<CountedBucket>, DatabaseError> {
    if zones.is_empty() {
        return Ok(Vec::new());
    }
    let query = sqlx::query_as(BUCKETS).bind(place).bind(zones).bind(window.from).bind(window.to);
    Ok(query.bind(step.name()).bind(window.timezone.name()).fetch_all(database).await?)
}

const LATEST_BEFORE: &str = "
SELECT z.zone, r.at, r.occupied, r.capacity, r.percent
FROM unnest($2::text[]) AS z(zone)
CROSS JOIN LATERAL (
    SELECT at, occupied, capacity, percent FROM parking_reading r
    WHERE r.place = $1 AND r.zone = z.zone AND r.at < $3 ORDER BY r.at DESC LIMIT 1
) r";

/// The last reading of each zone before an instant: what it still says when a window begins.
///
/// # Errors
/// When the database cannot answer.
pub async fn latest_readings_before(
    database: impl PgExecutor<'_>,
    place: &str,
    zones: &[String],
    before: DateTime<Utc>,
) -> Result<HashMap<String, Reading>, DatabaseError> {
    if zones.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sqlx::query_as::<_, Reading>(LATEST_BEFORE).bind(place).bind(zones).bind(before);
    let latest = query.fetch_all(database).await?;
    Ok(latest.into_iter().map(|reading| (reading.zone.clone(), reading)).collect())
}

const READINGS: &str = "
SELECT zone, at, occupied, capacity, percent FROM parking_reading
WHERE place = $1 AND zone = ANY($2) AND at >= $3 AND at < $4
ORDER BY at, zone LIMIT $5";

/// The readings themselves, oldest first.
///
/// # Errors
/// When the database cannot answer.
pub async fn readings(
    database: impl PgExecutor<'_>,
    place: &str,
    zones: &[String],
    window: Window,
    limit: u32,
) -> Result<Vec<Reading>, DatabaseError> {
    let query = sqlx::query_as(READINGS).bind(place).bind(zones).bind(window.from).bind(window.to);
    Ok(query.bind(i64::from(limit)).fetch_all(database).await?)
}
