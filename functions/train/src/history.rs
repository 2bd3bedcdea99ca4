//! The questions asked of the history in PostgreSQL. Its tables belong to the `history` function and are only read here; every
//! statement is bounded by a place and a range of time.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parvis_kit::postgres::DatabaseError;
use sqlx::{FromRow, PgPool};

use crate::sources::{STEP_MINUTES, Sources};

/// Arrivals and departures within a step.
#[derive(Debug, Clone, Copy, PartialEq, FromRow)]
pub struct Change {
    /// When the step begins.
    pub at: DateTime<Utc>,
    /// Arrivals less departures.
    pub net: f64,
    /// The same, each times the seconds from the step's beginning.
    pub moment: f64,
}

/// The readings of a counter within a step, averaged.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Counted {
    /// The counted zone.
    pub zone: String,
    /// When the step begins.
    pub at: DateTime<Utc>,
    /// Mean of the vehicles inside.
    pub occupied: f64,
}

/// A range of time, both ends at the beginning of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First moment inside.
    pub from: DateTime<Utc>,
    /// First moment after.
    pub to: DateTime<Utc>,
}

const FIRST: &str = "
SELECT least((SELECT at FROM parking_transition WHERE place = $1 ORDER BY at LIMIT 1),
             (SELECT min(r.at) FROM unnest($2::text[]) AS z(zone) CROSS JOIN LATERAL (
                  SELECT at FROM parking_reading WHERE place = $1 AND zone = z.zone ORDER BY at LIMIT 1) r))";

/// The first record of the place's spaces or of these counters: before it nothing is known, which is not the same as empty.
///
/// # Errors
/// When the database cannot answer.
pub async fn first_record(
    pool: &PgPool,
    place: &str,
    sources: &Sources,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    Ok(sqlx::query_scalar(FIRST).bind(place).bind(&sources.counters).fetch_one(pool).await?)
}

/// The state of each space is its last event before, or, when its past is not kept, the opposite of its first event since.
const LEVEL: &str = "
SELECT count(*) FILTER (WHERE COALESCE(
    (SELECT t.kind = 'park_start' FROM parking_transition t
     WHERE t.place = $1 AND t.zone = s.zone AND t.space = s.number AND t.at < $4
       AND t.kind IN ('park_start', 'park_end')
     ORDER BY t.at DESC LIMIT 1),
    (SELECT t.kind = 'park_end' FROM parking_transition t
     WHERE t.place = $1 AND t.zone = s.zone AND t.space = s.number AND t.at >= $4
       AND t.kind IN ('park_start', 'park_end')
     ORDER BY t.at LIMIT 1),
    false))::float8
FROM unnest($2::text[], $3::int[]) AS s(zone, number)";

/// Occupied spaces at a moment.
///
/// # Errors
/// When the database cannot answer.
pub async fn level(pool: &PgPool, place: &str, sources: &Sources, at: DateTime<Utc>) -> Result<f64, DatabaseError> {
    let query = sqlx::query_scalar(LEVEL).bind(place).bind(&sources.zones).bind(&sources.numbers).bind(at);
    Ok(query.fetch_one(pool).await?)
}

const CHANGES: &str = "
SELECT step AS at, sum(delta)::float8 AS net,
       sum(delta * extract(epoch FROM t.at - step))::float8 AS moment
FROM (
    SELECT zone, space, at, CASE kind WHEN 'park_start' THEN 1 ELSE -1 END AS delta,
           date_bin(make_interval(mins => $6), at, $4) AS step
    FROM parking_transition
    WHERE place = $1 AND at >= $4 AND at < $5 AND kind IN ('park_start', 'park_end')
) t
JOIN unnest($2::text[], $3::int[]) AS s(zone, number) ON s.zone = t.zone AND s.number = t.space
GROUP BY step ORDER BY step";

/// What happened in each step of a range; steps in which nothing did are absent.
///
/// # Errors
/// When the database cannot answer.
pub async fn changes(
    pool: &PgPool,
    place: &str,
    sources: &Sources,
    range: Range,
) -> Result<Vec<Change>, DatabaseError> {
    let query = sqlx::query_as(CHANGES).bind(place).bind(&sources.zones).bind(&sources.numbers);
    Ok(query.bind(range.from).bind(range.to).bind(i32::from(STEP_MINUTES)).fetch_all(pool).await?)
}

const CHANGES_BY_SPACE: &str = "
SELECT zone, space, count(*) AS changes FROM parking_transition
WHERE place = $1 AND at >= $2 AND at < $3 AND kind IN ('park_start', 'park_end') GROUP BY zone, space";

/// How often each space changed in a range of time; spaces that did not are absent.
///
/// # Errors
/// When the database cannot answer.
pub async fn changes_by_space(
    pool: &PgPool,
    place: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<HashMap<(String, u16), u32>, DatabaseError> {
    let rows: Vec<(String, i32, i64)> =
        sqlx::query_as(CHANGES_BY_SPACE).bind(place).bind(from).bind(to).fetch_all(pool).await?;
    let row = |(zone, space, changes): (String, i32, i64)| {
        Some(((zone, u16::try_from(space).ok()?), u32::try_from(changes).unwrap_or(u32::MAX)))
    };
    Ok(rows.into_iter().filter_map(row).collect())
}

const COUNTED: &str = "
SELECT zone, date_bin(make_interval(mins => $5), at, $3) AS at,
       avg(COALESCE(percent * capacity / 100, occupied))::float8 AS occupied
FROM parking_reading
WHERE place = $1 AND zone = ANY($2) AND at >= $3 AND at < $4
GROUP BY 1, 2 ORDER BY 2, 1";

/// The mean of each counter in each step of a range; steps without a reading are absent.
///
/// # Errors
/// When the database cannot answer.
pub async fn counted(
    pool: &PgPool,
    place: &str,
    sources: &Sources,
    range: Range,
) -> Result<Vec<Counted>, DatabaseError> {
    let query = sqlx::query_as(COUNTED).bind(place).bind(&sources.counters).bind(range.from).bind(range.to);
    Ok(query.bind(i32::from(STEP_MINUTES)).fetch_all(pool).await?)
}

const CAPACITY: &str = "
SELECT COALESCE(sum(r.capacity), 0)::float8
FROM unnest($2::text[]) AS z(zone)
CROSS JOIN LATERAL (
    SELECT capacity FROM parking_reading WHERE place = $1 AND zone = z.zone AND at < $3 ORDER BY at DESC LIMIT 1
) r";

/// The spaces that counters themselves tell of, by their last readings before a moment.
///
/// # Errors
/// When the database cannot answer.
pub async fn told_capacity(
    pool: &PgPool,
    place: &str,
    counters: &[String],
    before: DateTime<Utc>,
) -> Result<f64, DatabaseError> {
    if counters.is_empty() {
        return Ok(0.0);
    }
    Ok(sqlx::query_scalar(CAPACITY).bind(place).bind(counters).bind(before).fetch_one(pool).await?)
}
