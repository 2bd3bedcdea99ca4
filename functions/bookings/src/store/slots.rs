//! Taking and giving back times.

use chrono::{DateTime, Utc};
use parvis_booking::Slot;
use parvis_booking::life::State;
use sqlx::PgConnection;
use sqlx::postgres::types::PgRange;
use uuid::Uuid;

/// A time to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// For which booking.
    pub booking: Uuid,
    /// Short key of the resource.
    pub resource: i32,
    /// When, buffers included.
    pub during: Slot,
    /// Index of the booking's item.
    pub item: i16,
}

/// The range of a slot for PostgreSQL.
#[must_use]
pub fn range(slot: Slot) -> PgRange<DateTime<Utc>> {
    PgRange::from(slot.start..slot.end)
}

/// The slot of a bounded range.
#[must_use]
pub fn slot(range: &PgRange<DateTime<Utc>>) -> Option<Slot> {
    use std::ops::Bound::{Excluded, Included};
    match (&range.start, &range.end) {
        (Included(start), Excluded(end)) => Slot::new(*start, *end).ok(),
        _ => None,
    }
}

/// Takes what is free of `claims` and tells which were: the indexes into `claims`. Where somebody else is about to take a time,
/// waits for the outcome.
///
/// The rows go in in the order of their resources, so that two bookings of the same rooms wait for each other in one order.
///
/// # Errors
/// When the database fails.
pub async fn take(sql: &mut PgConnection, claims: &[Claim], state: State) -> Result<Vec<usize>, sqlx::Error> {
    let taken: Vec<(Uuid, i32, i16)> = sqlx::query_as(
        "INSERT INTO booking_slot (booking, resource, during, state, item)
         SELECT booking, resource, tstzrange(starts, ends), $5, item
         FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::timestamptz[], $6::smallint[])
              AS c(booking, resource, starts, ends, item)
         ORDER BY resource, starts
         ON CONFLICT DO NOTHING
         RETURNING booking, resource, item",
    )
    .bind(claims.iter().map(|claim| claim.booking).collect::<Vec<_>>())
    .bind(claims.iter().map(|claim| claim.resource).collect::<Vec<_>>())
    .bind(claims.iter().map(|claim| claim.during.start).collect::<Vec<_>>())
    .bind(claims.iter().map(|claim| claim.during.end).collect::<Vec<_>>())
    .bind(state.as_str())
    .bind(claims.iter().map(|claim| claim.item).collect::<Vec<_>>())
    .fetch_all(sql)
    .await?;
    let found = |claim: &Claim| taken.contains(&(claim.booking, claim.resource, claim.item));
    Ok(claims.iter().enumerate().filter(|(_, claim)| found(claim)).map(|(index, _)| index).collect())
}

/// Forgets the times of bookings: their places are free for others, within this transaction already.
///
/// # Errors
/// When the database fails.
pub async fn forget(sql: &mut PgConnection, bookings: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM booking_slot WHERE booking = ANY($1)").bind(bookings).execute(sql).await.map(drop)
}

/// Repeats the state of bookings in their times. A booking that ended early gives back the rest.
///
/// # Errors
/// When the database fails.
pub async fn follow(
    sql: &mut PgConnection,
    bookings: &[Uuid],
    state: State,
    ended: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE booking_slot SET state = $2,
                during = CASE WHEN $3::timestamptz > lower(during) AND $3 < upper(during)
                              THEN tstzrange(lower(during), $3) ELSE during END
         WHERE booking = ANY($1)",
    )
    .bind(bookings)
    .bind(state.as_str())
    .bind(ended)
    .execute(sql)
    .await
    .map(drop)
}
