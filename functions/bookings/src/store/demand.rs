//! Expected demand, taken over from the forecasts.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::Slot;
use parvis_forecasting::demand::{DemandLevel, ExpectedHour, levelled};
use parvis_kit::postgres::{DatabaseError, begin};
use sqlx::{PgConnection, PgExecutor, PgPool};

use super::bad;

/// The kinds of places of sites whose prices demand may move.
///
/// # Errors
/// When the database fails.
pub async fn moved(sql: impl PgExecutor<'_>) -> Result<Vec<(String, String)>, DatabaseError> {
    let query = "SELECT DISTINCT site, kind FROM booking_resource
                 WHERE NOT closed AND ((details->'rates'->>'factor_floor')::int <> 10000
                                       OR (details->'rates'->>'factor_cap')::int <> 10000)";
    Ok(sqlx::query_as(query).fetch_all(sql).await?)
}

/// Replaces the hours of a kind from `now` on by `expected` percents taken, each with the level that follows from the one it had.
///
/// # Errors
/// When the database fails.
pub async fn replace(
    pool: &PgPool,
    (site, kind): (&str, &str),
    expected: &[(DateTime<Utc>, f64)],
) -> Result<(), DatabaseError> {
    let mut tx = begin(pool).await?;
    let before: Vec<(DateTime<Utc>, String)> =
        sqlx::query_as("DELETE FROM booking_demand WHERE site = $1 AND kind = $2 RETURNING at, level")
            .bind(site)
            .bind(kind)
            .fetch_all(&mut *tx)
            .await?;
    let before: HashMap<DateTime<Utc>, DemandLevel> =
        before.into_iter().filter_map(|(at, level)| Some((at, DemandLevel::from_name(&level)?))).collect();
    let hours = levelled(&before, expected);
    sqlx::query(
        "INSERT INTO booking_demand (site, kind, at, level, percent)
         SELECT $1, $2, at, level, percent FROM unnest($3::timestamptz[], $4::text[], $5::real[]) AS e(at, level, percent)",
    )
    .bind(site)
    .bind(kind)
    .bind(hours.iter().map(|hour| hour.at).collect::<Vec<_>>())
    .bind(hours.iter().map(|hour| hour.level.as_str()).collect::<Vec<_>>())
    .bind(hours.iter().map(|hour| hour.percent as f32).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// Forgets the kinds that are not among `moved`.
///
/// # Errors
/// When the database fails.
pub async fn keep_only(sql: impl PgExecutor<'_>, moved: &[(String, String)]) -> Result<(), DatabaseError> {
    let (sites, kinds): (Vec<&str>, Vec<&str>) = moved.iter().map(|(site, kind)| (&site[..], &kind[..])).unzip();
    sqlx::query(
        "DELETE FROM booking_demand d
         WHERE NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS m(site, kind) WHERE m.site = d.site AND m.kind = d.kind)",
    )
    .bind(sites)
    .bind(kinds)
    .execute(sql)
    .await?;
    Ok(())
}

/// What is expected of the hours of a slot.
///
/// # Errors
/// When the database fails.
pub async fn of_slot(
    sql: &mut PgConnection,
    site: &str,
    kind: &str,
    slot: Slot,
) -> Result<Vec<ExpectedHour>, DatabaseError> {
    let rows: Vec<(DateTime<Utc>, String, f32)> = sqlx::query_as(
        "SELECT at, level, percent FROM booking_demand WHERE site = $1 AND kind = $2 AND at > $3 AND at < $4 ORDER BY at",
    )
    .bind(site)
    .bind(kind)
    .bind(slot.start - TimeDelta::hours(1))
    .bind(slot.end)
    .fetch_all(sql)
    .await?;
    let hour = |(at, level, percent): (DateTime<Utc>, String, f32)| {
        let level = DemandLevel::from_name(&level).ok_or_else(|| bad(format!("{level} is no level of demand")))?;
        Ok(ExpectedHour { at, level, percent: f64::from(percent) })
    };
    rows.into_iter().map(hour).collect()
}
