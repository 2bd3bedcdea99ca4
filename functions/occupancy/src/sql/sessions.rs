//! Parking sessions: how many, how long.

use parvis_kit::postgres::DatabaseError;
use sqlx::{FromRow, PgExecutor, Row};

use super::Window;

/// The quantiles that a dwell-time distribution tells, in this order.
pub const QUANTILES: [f64; 6] = [0.10, 0.25, 0.50, 0.75, 0.90, 0.95];

/// How long vehicles stood.
#[derive(Clone, Debug, PartialEq)]
pub struct DwellStatistics {
    /// Sessions that ended in the window and whose beginning is known.
    pub sessions: i64,
    /// Mean dwell time in seconds; none without sessions.
    pub mean_seconds: Option<f64>,
    /// Seconds at each of [`QUANTILES`]; empty without sessions.
    pub quantiles: Vec<f64>,
    /// Sessions per bucket: below the first bound, between each two, and from the last bound on.
    pub buckets: Vec<i64>,
}

const DWELL: &str = "
SELECT count(*) AS sessions, avg(dwell_seconds)::float8 AS mean,
       percentile_cont($5::float8[]) WITHIN GROUP (ORDER BY dwell_seconds::float8) AS quantiles,
       (SELECT array_agg(b.sessions ORDER BY b.bucket) FROM (
            SELECT bucket, count(s.dwell_seconds) AS sessions
            FROM generate_series(0, cardinality($6::bigint[])) AS bucket
            LEFT JOIN session s ON width_bucket(s.dwell_seconds, $6::bigint[]) = bucket
            GROUP BY bucket) b) AS buckets
FROM session";

/// Sessions that ended in the window. A common table expression in front of both readers, so that they see the same
/// rows.
const SESSIONS: &str = "
WITH session AS MATERIALIZED (
    SELECT zone, dwell_seconds FROM parking_transition
    WHERE place = $1 AND ($2::text IS NULL OR zone = $2) AND at >= $3 AND at < $4
      AND kind = 'park_end' AND dwell_seconds IS NOT NULL
)";

/// The distribution of dwell times of the sessions that ended in the window. `bounds` are in seconds, ascending.
///
/// # Errors
/// When the database cannot answer.
pub async fn dwell(
    database: impl PgExecutor<'_>,
    place: &str,
    zone: Option<&str>,
    window: Window,
    bounds: &[i64],
) -> Result<DwellStatistics, DatabaseError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("{SESSIONS}{DWELL}")))
        .bind(place)
        .bind(zone)
        .bind(window.from)
        .bind(window.to)
        .bind(QUANTILES.as_slice())
        .bind(bounds)
        .fetch_one(database)
        .await?;
    Ok(DwellStatistics {
        sessions: row.try_get("sessions")?,
        mean_seconds: row.try_get("mean")?,
        quantiles: row.try_get::<Option<Vec<f64>>, _>("quantiles")?.unwrap_or_default(),
        buckets: row.try_get("buckets")?,
    })
}

/// The sessions of one zone.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct ZoneSessions {
    /// The zone.
    pub zone: String,
    /// Sessions that ended in the window and whose beginning is known.
    pub sessions: i64,
    /// Sum of their dwell times in seconds.
    pub dwell_seconds: f64,
}

const BY_ZONE: &str = "
SELECT zone, count(*) AS sessions, sum(dwell_seconds)::float8 AS dwell_seconds
FROM session GROUP BY zone ORDER BY zone";

/// How many sessions ended in each zone, and how long they were together. Zones without a session are absent.
///
/// # Errors
/// When the database cannot answer.
pub async fn sessions_by_zone(
    database: impl PgExecutor<'_>,
    place: &str,
    zone: Option<&str>,
    window: Window,
) -> Result<Vec<ZoneSessions>, DatabaseError> {
    let query = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SESSIONS}{BY_ZONE}"))).bind(place).bind(zone);
    Ok(query.bind(window.from).bind(window.to).fetch_all(database).await?)
}
