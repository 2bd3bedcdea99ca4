//! Busy times of calendars kept elsewhere. They are rows beside those of bookings, under the same constraint: what is busy there cannot be
//! booked here.

use chrono::{DateTime, Utc};
use parvis_booking::ResourceId;
use parvis_booking::calendar::BusyTime;
use parvis_kit::postgres::{DatabaseError, begin};
use sqlx::PgPool;

/// Replaces the imported busy times of a resource from `now` on; those that overlap a booking are not taken and are told. `None`
/// when there is no such resource.
///
/// # Errors
/// When the database fails.
pub async fn replace(
    pool: &PgPool,
    resource: &ResourceId,
    busy: &[BusyTime],
    now: DateTime<Utc>,
) -> Result<Option<Vec<BusyTime>>, DatabaseError> {
    let mut tx = begin(pool).await?;
    let no: Option<i32> = sqlx::query_scalar("SELECT no FROM booking_resource WHERE id = $1 FOR UPDATE")
        .bind(resource.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(no) = no else { return Ok(None) };
    sqlx::query("DELETE FROM booking_slot WHERE resource = $1 AND booking IS NULL AND upper(during) > $2")
        .bind(no)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    let merged = parvis_booking::merged(busy.iter().map(|one| one.slot).collect());
    let taken: Vec<(DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "INSERT INTO booking_slot (resource, during, state, uid)
         SELECT $1, tstzrange(starts, ends), 'booked', 'imported'
         FROM unnest($2::timestamptz[], $3::timestamptz[]) AS b(starts, ends)
         ON CONFLICT DO NOTHING RETURNING lower(during), upper(during)",
    )
    .bind(no)
    .bind(merged.iter().map(|slot| slot.start).collect::<Vec<_>>())
    .bind(merged.iter().map(|slot| slot.end).collect::<Vec<_>>())
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let had = |one: &BusyTime| taken.iter().any(|(start, end)| *start <= one.slot.start && one.slot.end <= *end);
    Ok(Some(busy.iter().filter(|one| !had(one)).cloned().collect()))
}
