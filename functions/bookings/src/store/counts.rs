//! What is counted: quotas, credits, included minutes. A count is changed only while it stays within its limit, by one statement, so
//! that two bookings at the same time cannot both take the last of it.

use parvis_booking::policy::Usage;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::tx::WriteError;
use crate::error::Refused;

/// What a booking has added to one count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The key of the count.
    pub key: String,
    /// What was added.
    pub amount: i64,
}

/// Adds `usages` to their counts.
///
/// # Errors
/// The first quota that is used up, or a failure of the database.
pub async fn add(sql: &mut PgConnection, usages: &[Usage]) -> Result<Vec<Counted>, WriteError> {
    let mut sorted: Vec<&Usage> = usages.iter().collect();
    // One order for all, so that nobody waits in a circle.
    sorted.sort();
    let mut counted = Vec::with_capacity(sorted.len());
    for usage in sorted {
        let added = sqlx::query(
            "INSERT INTO booking_quota_use AS q (key, used) SELECT $1, $2 WHERE $2 <= $3
             ON CONFLICT (key) DO UPDATE SET used = q.used + excluded.used WHERE q.used + excluded.used <= $3",
        )
        .bind(&usage.key)
        .bind(usage.amount)
        .bind(usage.limit)
        .execute(&mut *sql)
        .await?;
        if added.rows_affected() == 0 {
            // Whoever goes on without this booking, as an offer does with the next one, goes on as if it had never been counted.
            take_back(sql, &counted).await?;
            return Err(Refused::policy(None, usage.refusal()).into());
        }
        counted.push(Counted { key: usage.key.clone(), amount: usage.amount });
    }
    Ok(counted)
}

/// Takes back what was counted.
///
/// # Errors
/// When the database fails.
pub async fn take_back(sql: &mut PgConnection, counted: &[Counted]) -> Result<(), sqlx::Error> {
    let mut sorted: Vec<&Counted> = counted.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    for Counted { key, amount } in sorted {
        sqlx::query("UPDATE booking_quota_use SET used = greatest(used - $2, 0) WHERE key = $1")
            .bind(key)
            .bind(amount)
            .execute(&mut *sql)
            .await?;
    }
    Ok(())
}

/// Takes `credits` from somebody's account; false when there are not enough.
///
/// # Errors
/// When the database fails.
pub async fn pay_credits(sql: &mut PgConnection, subject: &str, credits: u32) -> Result<bool, sqlx::Error> {
    let paid = sqlx::query("UPDATE booking_person SET credits = credits - $2 WHERE subject = $1 AND credits >= $2")
        .bind(subject)
        .bind(i32::try_from(credits).unwrap_or(i32::MAX))
        .execute(sql)
        .await?;
    Ok(paid.rows_affected() == 1)
}

/// Gives credits back.
///
/// # Errors
/// When the database fails.
pub async fn give_credits(sql: &mut PgConnection, subject: &str, credits: u32) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE booking_person SET credits = credits + $2 WHERE subject = $1")
        .bind(subject)
        .bind(i32::try_from(credits).unwrap_or(0))
        .execute(sql)
        .await
        .map(drop)
}

/// What is counted under a key.
///
/// # Errors
/// When the database fails.
pub async fn used(sql: &mut PgConnection, key: &str) -> Result<i64, sqlx::Error> {
    let used: Option<i64> =
        sqlx::query_scalar("SELECT used FROM booking_quota_use WHERE key = $1").bind(key).fetch_optional(sql).await?;
    Ok(used.unwrap_or(0))
}
