//! What was ever recorded: since when, and whether anything at all, which decides between deleting and closing.

use chrono::{DateTime, Utc};
use parvis_kit::postgres::DatabaseError;
use sqlx::PgExecutor;

const FIRST_RECORD: &str = "
SELECT least((SELECT at FROM parking_transition WHERE place = $1 ORDER BY at LIMIT 1),
             (SELECT min(r.at) FROM unnest($2::text[]) AS z(zone) CROSS JOIN LATERAL (
                  SELECT at FROM parking_reading WHERE place = $1 AND zone = z.zone ORDER BY at LIMIT 1) r))";

/// The time of the first recorded event of the place or reading of its counters. Before it nothing is known, which is
/// not the same as empty.
///
/// # Errors
/// When the database cannot answer.
pub async fn first_record(
    database: impl PgExecutor<'_>,
    place: &str,
    counters: &[String],
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    Ok(sqlx::query_scalar(FIRST_RECORD).bind(place).bind(counters).fetch_one(database).await?)
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct UsageScope<'a> {
    /// The place.
    pub place: &'a str,
    /// One zone of it, or all.
    pub zone: Option<&'a str>,
    /// One space of the zone, or all.
    pub space: Option<i32>,
}

const HAS_HISTORY: &str = "
SELECT EXISTS (SELECT FROM parking_transition
               WHERE place = $1 AND ($2::text IS NULL OR zone = $2) AND ($3::int IS NULL OR space = $3))
    OR ($3::int IS NULL AND EXISTS (SELECT FROM parking_reading WHERE place = $1 AND ($2::text IS NULL OR zone = $2)))";

/// Whether the history knows anything of the scope.
///
/// # Errors
/// When the database cannot answer.
pub async fn has_history(database: impl PgExecutor<'_>, scope: UsageScope<'_>) -> Result<bool, DatabaseError> {
    let query = sqlx::query_scalar(HAS_HISTORY).bind(scope.place).bind(scope.zone).bind(scope.space);
    Ok(query.fetch_one(database).await?)
}
