//! Series as rows.

use chrono::{DateTime, Utc};
use parvis_booking::booking::{Guest, PayWith};
use parvis_booking::recurrence::Recurrence;
use parvis_booking::resource::Item;
use parvis_kit::postgres::DatabaseError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{document, json};

/// What is booked again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesDetails {
    /// When.
    pub recurrence: Recurrence,
    /// What.
    pub items: Vec<Item>,
    /// What it is about.
    pub title: String,
    /// People who come.
    pub participants: u32,
    /// Who is invited.
    pub guests: Vec<Guest>,
    /// How it is paid.
    pub pay_with: PayWith,
}

/// A series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesRecord {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub owner: String,
    /// What it is.
    pub details: SeriesDetails,
}

/// Writes a new series.
///
/// # Errors
/// When the database fails.
pub async fn insert(sql: &mut PgConnection, series: &SeriesRecord, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO booking_series (id, owner, details, created_at) VALUES ($1, $2, $3, $4)")
        .bind(series.id)
        .bind(&series.owner)
        .bind(json(&series.details))
        .bind(now)
        .execute(sql)
        .await
        .map(drop)
}

/// Writes a changed series.
///
/// # Errors
/// When the database fails.
pub async fn update(sql: &mut PgConnection, series: &SeriesRecord) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE booking_series SET details = $2, version = version + 1 WHERE id = $1")
        .bind(series.id)
        .bind(json(&series.details))
        .execute(sql)
        .await
        .map(drop)
}

/// The series `id`; locked when `for_update`.
///
/// # Errors
/// When the database fails.
pub async fn read(sql: impl PgExecutor<'_>, id: Uuid, for_update: bool) -> Result<Option<SeriesRecord>, DatabaseError> {
    let query = if for_update {
        "SELECT owner, details FROM booking_series WHERE id = $1 FOR UPDATE"
    } else {
        "SELECT owner, details FROM booking_series WHERE id = $1"
    };
    let row: Option<(String, Value)> = sqlx::query_as(query).bind(id).fetch_optional(sql).await?;
    let Some((owner, details)) = row else { return Ok(None) };
    Ok(Some(SeriesRecord { id, owner, details: document(details)? }))
}
