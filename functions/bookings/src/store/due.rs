//! What the schedule has to do, in pages, so that one run never takes longer than the function may.

use chrono::{DateTime, Utc};
use parvis_booking::policy::Policy;
use parvis_booking::resource::Sensor;
use parvis_events::CloudEvent;
use parvis_kit::postgres::DatabaseError;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Store, document};

/// Bookings of one kind that one run takes on.
const PAGE: i64 = 500;
/// How long the keys of writes are remembered.
const KEY_MEMORY: &str = "2 days";

/// A booking whose attendance is looked at.
#[derive(Clone, Debug)]
pub struct Attended {
    /// The booking.
    pub id: Uuid,
    /// When it began.
    pub start: DateTime<Utc>,
    /// How long it lasts, in minutes.
    pub minutes: i64,
    /// Its rules.
    pub terms: Policy,
    /// The sensors of its places.
    pub sensors: Vec<Sensor>,
    /// How many of its places have none.
    pub unsensed: usize,
}

async fn ids(pool: &PgPool, query: &'static str, now: DateTime<Utc>) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(query).bind(now).bind(PAGE).fetch_all(pool).await
}

impl Store {
    /// Holds, offers and requests whose deadline has passed, and waits for a time that has begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expired(&self, now: DateTime<Utc>) -> Result<Vec<Uuid>, DatabaseError> {
        let query = "(SELECT id FROM booking WHERE expires_at <= $1 AND state IN ('held', 'pending') ORDER BY expires_at LIMIT $2)
                     UNION ALL
                     (SELECT id FROM booking WHERE state = 'waitlist' AND starts_at <= $1 ORDER BY starts_at LIMIT $2)";
        Ok(ids(self.pool().await?, query, now).await?)
    }

    /// Bookings that wait, first come first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting(&self, now: DateTime<Utc>) -> Result<Vec<Uuid>, DatabaseError> {
        let query =
            "SELECT id FROM booking WHERE state = 'waitlist' AND starts_at > $1 ORDER BY created_at, id LIMIT $2";
        Ok(ids(self.pool().await?, query, now).await?)
    }

    /// Bookings that are over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn over(&self, now: DateTime<Utc>) -> Result<Vec<Uuid>, DatabaseError> {
        let query =
            "SELECT id FROM booking WHERE ends_at <= $1 AND state IN ('booked', 'arrived') ORDER BY ends_at LIMIT $2";
        Ok(ids(self.pool().await?, query, now).await?)
    }

    /// Bookings that have begun and into which nobody has checked in, with what decides about them: those that were over before
    /// anybody looked are no-shows too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attended(&self, now: DateTime<Utc>) -> Result<Vec<Attended>, DatabaseError> {
        type Columns = (Uuid, DateTime<Utc>, DateTime<Utc>, Value, Vec<Option<Value>>);
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT b.id, b.starts_at, b.ends_at, b.terms, array_agg(nullif(r.details->'sensor', 'null'))
             FROM booking b JOIN booking_slot s ON s.booking = b.id JOIN booking_resource r ON r.no = s.resource
             WHERE b.state = 'booked' AND b.starts_at < $1
               AND b.ends_at - b.starts_at < make_interval(mins => (b.terms->>'no_show_exempt_minutes')::int)
               AND (b.terms->>'check_in' IS NOT NULL OR b.terms->>'sensor_release_minutes' IS NOT NULL)
             GROUP BY b.id ORDER BY b.starts_at LIMIT $2",
        )
        .bind(now)
        .bind(PAGE)
        .fetch_all(self.pool().await?)
        .await?;
        rows.into_iter()
            .map(|(id, start, end, terms, sensors)| {
                let all = sensors.len();
                let sensors: Vec<Sensor> = sensors.into_iter().flatten().map(document).collect::<Result<_, _>>()?;
                let (minutes, unsensed) = ((end - start).num_minutes(), all - sensors.len());
                Ok(Attended { id, start, minutes, terms: document(terms)?, sensors, unsensed })
            })
            .collect()
    }

    /// Events that are still in the outbox since before `before`, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbox(&self, before: DateTime<Utc>) -> Result<Vec<CloudEvent<Value>>, DatabaseError> {
        let events: Vec<Value> =
            sqlx::query_scalar("SELECT event FROM booking_outbox WHERE at <= $1 ORDER BY id LIMIT $2")
                .bind(before)
                .bind(PAGE)
                .fetch_all(self.pool().await?)
                .await?;
        events.into_iter().map(document).collect()
    }

    /// Forgets events that have reached the event table.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivered(&self, ids: &[String]) -> Result<(), DatabaseError> {
        if !ids.is_empty() {
            let delete = sqlx::query("DELETE FROM booking_outbox WHERE id = ANY($1)").bind(ids);
            delete.execute(self.pool().await?).await?;
        }
        Ok(())
    }

    /// Forgets the keys of writes that nobody will repeat any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_keys(&self, now: DateTime<Utc>) -> Result<(), DatabaseError> {
        let delete = sqlx::query("DELETE FROM booking_idempotency WHERE at < $1 - $2::interval");
        delete.bind(now).bind(KEY_MEMORY).execute(self.pool().await?).await?;
        Ok(())
    }
}
