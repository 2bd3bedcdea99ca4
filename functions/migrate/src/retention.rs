//! Letting go of old history, a month at a time.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use parvis_kit::postgres::DatabaseError;
use serde::Serialize;
use sqlx::PgPool;

/// What a run has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RetentionReport {
    /// The partitions that were dropped, by name.
    pub dropped: Vec<String>,
}

/// All partitions of the parking tables: `<table>_<YYYYMM>`.
const PARTITIONS: &str = "
    SELECT child.relname::text
    FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid
    JOIN pg_class parent ON parent.oid = inhparent
    WHERE parent.relname IN ('parking_transition', 'parking_retraction', 'parking_reading')
    ORDER BY child.relname";

/// Drops the partitions of months that ended more than `retention` ago: so many months are kept besides the running one.
///
/// Each is dropped by itself: what fails is found again by the next run.
///
/// # Errors
/// When the database is away, or somebody holds a partition for longer than a few seconds.
pub async fn drop_old(pool: &PgPool, retention: Months, now: DateTime<Utc>) -> Result<RetentionReport, DatabaseError> {
    let mut connection = pool.acquire().await?;
    // Dropping a partition locks its table: whoever waits for that must not make everybody else wait.
    sqlx::query("SET lock_timeout = '5s'").execute(&mut *connection).await?;
    let names: Vec<String> = sqlx::query_scalar(PARTITIONS).fetch_all(&mut *connection).await?;
    let mut dropped = Vec::new();
    let oldest_kept = oldest_kept(retention, now);
    for name in names.into_iter().filter(|name| month_of(name).is_some_and(|month| Some(month) < oldest_kept)) {
        // A name of the catalogue, made of a table's name and digits.
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TABLE \"{name}\""))).execute(&mut *connection).await?;
        tracing::info!(partition = name, "old history dropped");
        dropped.push(name);
    }
    sqlx::query("RESET lock_timeout").execute(&mut *connection).await?;
    Ok(RetentionReport { dropped })
}

/// The first day of the oldest month that is kept; `None` when that is before all time.
fn oldest_kept(retention: Months, now: DateTime<Utc>) -> Option<NaiveDate> {
    now.date_naive().with_day(1)?.checked_sub_months(retention)
}

/// The first day of a partition's month.
fn month_of(partition: &str) -> Option<NaiveDate> {
    let (_, month) = partition.rsplit_once('_')?;
    let (year, month) = month.split_at_checked(4)?;
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_months_are_kept() {
        let now = "2026-03-31T23:30:00Z".parse().unwrap();
        assert_eq!(oldest_kept(Months::new(1), now), NaiveDate::from_ymd_opt(2026, 2, 1));
        assert_eq!(oldest_kept(Months::new(36), now), NaiveDate::from_ymd_opt(2023, 3, 1));
        assert_eq!(month_of("parking_transition_202612"), NaiveDate::from_ymd_opt(2026, 12, 1));
        for other in ["parking_transition", "parking_transition_default", "parking_reading_202613"] {
            assert_eq!(month_of(other), None, "{other}");
        }
    }
}
