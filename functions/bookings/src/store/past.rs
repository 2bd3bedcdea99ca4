//! Bookings of a system that was used before.

use chrono::{DateTime, Utc};
use parvis_booking::booking::Charge;
use parvis_kit::postgres::DatabaseError;
use serde_json::{Value, json};
use sqlx::PgExecutor;

use crate::routes::past::PastBooking;

/// Whose bookings they are: nobody's who can log in.
const OWNER: &str = "imported";

/// The resources of bookings that do not exist.
///
/// # Errors
/// When the database fails.
pub async fn unknown(sql: impl PgExecutor<'_>, bookings: &[PastBooking]) -> Result<Vec<String>, DatabaseError> {
    let names: Vec<&str> = bookings.iter().map(|one| one.resource.as_str()).collect();
    let query = "SELECT DISTINCT w.id FROM unnest($1::text[]) AS w(id)
                 WHERE NOT EXISTS (SELECT FROM booking_resource r WHERE r.id = w.id)";
    Ok(sqlx::query_scalar(query).bind(names).fetch_all(sql).await?)
}

const IMPORT: &str = "
WITH past AS (
    SELECT p.*, r.no, r.site, s.details->>'timezone' AS zone, y.details AS terms
    FROM jsonb_to_recordset($1) AS p(id uuid, resource text, starts timestamptz, ends timestamptz, state text, charge jsonb)
    JOIN booking_resource r ON r.id = p.resource
    JOIN booking_site s ON s.id = r.site
    JOIN booking_policy y ON y.id = r.policy),
new AS (
    INSERT INTO booking (id, state, owner, site, zone, items, starts_at, ends_at, title, participants, guests, charge, terms, usage,
                         created_at, modified_at)
    SELECT id, state, $2, site, zone, jsonb_build_array(jsonb_build_object('resource', resource)), starts, ends, resource, 1, '[]',
           charge, terms, '[]', $3, $3
    FROM past
    ON CONFLICT (id) DO NOTHING RETURNING id),
slots AS (
    INSERT INTO booking_slot (booking, resource, during, state)
    SELECT past.id, past.no, tstzrange(past.starts, past.ends), past.state FROM past JOIN new USING (id))
SELECT count(*) FROM new";

/// Writes those that are new, and tells how many they are.
///
/// # Errors
/// When the database fails.
pub async fn import(
    sql: impl PgExecutor<'_>,
    bookings: &[PastBooking],
    now: DateTime<Utc>,
) -> Result<u64, DatabaseError> {
    let row = |one: &PastBooking| -> Value {
        let charge = one.total.map_or(Charge::nothing(), |total| Charge { total, ..Charge::nothing() });
        json!({
            "id": one.id, "resource": one.resource, "starts": one.slot.start, "ends": one.slot.end,
            "state": one.ended, "charge": charge,
        })
    };
    let rows: Vec<Value> = bookings.iter().map(row).collect();
    let query = sqlx::query_scalar(IMPORT).bind(Value::from(rows)).bind(OWNER).bind(now);
    let imported: i64 = query.fetch_one(sql).await?;
    Ok(imported.unsigned_abs())
}
