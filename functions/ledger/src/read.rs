//! What is asked of the books.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use parvis_ledger_rules::{Document, Entry};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgPool, Row as _};
use utoipa::ToSchema;
use uuid::Uuid;

/// By what revenue is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Local day.
    #[default]
    Day,
    /// Zone.
    Zone,
    /// Class of vehicle.
    Class,
    /// Local hour of the day in which stays begin.
    Hour,
}

/// A row of revenue; amounts in cents, VAT included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct RevenueRow {
    /// Day, zone, class or hour.
    pub key: String,
    /// Sessions that money came in for, or that were free.
    pub sessions: i64,
    /// Refunds.
    pub refunds: i64,
    /// Money in.
    pub gross: i64,
    /// Money back.
    pub refunded: i64,
    /// The difference.
    pub net: i64,
    /// Minutes sold, less those given back.
    pub minutes: i64,
}

/// Revenue between two instants.
///
/// # Errors
/// When the database fails.
pub async fn revenue(
    pool: &PgPool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    zone: Tz,
    by: By,
) -> Result<Vec<RevenueRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT key, count(DISTINCT session) FILTER (WHERE kind = 'sale') AS sessions,
                count(*) FILTER (WHERE kind = 'refund') AS refunds,
                coalesce(sum(cents) FILTER (WHERE kind = 'sale'), 0)::bigint AS gross,
                coalesce(sum(cents) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunded,
                coalesce(sum(CASE kind WHEN 'sale' THEN cents ELSE -cents END), 0)::bigint AS net,
                coalesce(sum(CASE kind WHEN 'sale' THEN minutes ELSE -minutes END), 0)::bigint AS minutes
         FROM (
             SELECT session, kind, cents, trunc(extract(epoch FROM stay_to - stay_from) / 60)::bigint AS minutes, CASE $4
                 WHEN 'zone' THEN zone
                 WHEN 'class' THEN class
                 WHEN 'hour' THEN to_char(stay_from AT TIME ZONE $3, 'HH24')
                 ELSE to_char(at AT TIME ZONE $3, 'YYYY-MM-DD')
             END AS key
             FROM ledger_movement WHERE at >= $1 AND at < $2
         ) m
         GROUP BY key ORDER BY key",
    )
    .bind(from)
    .bind(to)
    .bind(zone.name())
    .bind(match by {
        By::Day => "day",
        By::Zone => "zone",
        By::Class => "class",
        By::Hour => "hour",
    })
    .fetch_all(pool)
    .await
}

/// A receipt or credit note as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct ReceiptRow {
    /// Its number.
    #[schema(example = "R-2026-000001")]
    pub number: String,
    /// `receipt`, `invoice` or `credit_note`.
    pub kind: String,
    /// The session.
    pub session: Uuid,
    /// Its date.
    pub issued_on: NaiveDate,
    /// Its total in cents; below zero on a credit note.
    pub gross_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// The document that it corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
}

/// An owner's documents, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn receipts(
    pool: &PgPool,
    owner: &str,
    session: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ReceiptRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT number, document->>'kind' AS kind, session, issued_on, cents AS gross_cents, currency,
                document->>'corrects' AS corrects
         FROM ledger_document WHERE owner = $1 AND ($2::uuid IS NULL OR session = $2)
         ORDER BY issued_on DESC, number DESC LIMIT $3",
    )
    .bind(owner)
    .bind(session)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// A document with its owner.
///
/// # Errors
/// When the database fails.
pub async fn document(pool: &PgPool, number: &str) -> Result<Option<(Document, Option<String>)>, sqlx::Error> {
    let row = sqlx::query("SELECT document, owner FROM ledger_document WHERE number = $1")
        .bind(number)
        .fetch_optional(pool)
        .await?;
    row.map(|row| Ok((row.try_get::<Json<Document>, _>(0)?.0, row.try_get(1)?))).transpose()
}

/// Entries of some dates (the last one not included), in the order of posting, with their dates of validation.
///
/// # Errors
/// When the database fails.
pub async fn entries(
    pool: &PgPool,
    from: NaiveDate,
    to: NaiveDate,
    limit: i64,
) -> Result<Vec<(Entry, NaiveDate)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT entry, validated_on FROM ledger_entry WHERE date >= $1 AND date < $2 ORDER BY position LIMIT $3",
    )
    .bind(from)
    .bind(to)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(|row| Ok((row.try_get::<Json<Entry>, _>(0)?.0, row.try_get(1)?))).collect()
}

/// What an account has, in cents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct BalanceRow {
    /// Its number.
    pub account: String,
    /// Sum of its debits.
    pub debit: i64,
    /// Sum of its credits.
    pub credit: i64,
}

/// The trial balance.
///
/// # Errors
/// When the database fails.
pub async fn balances(pool: &PgPool) -> Result<Vec<BalanceRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT account, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
         FROM ledger_line GROUP BY account ORDER BY account",
    )
    .fetch_all(pool)
    .await
}

/// A series of numbers in a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct SeriesRow {
    /// `R-2026`.
    pub series: String,
    /// How many documents there are.
    pub documents: i64,
    /// How many numbers are missing below the highest; always zero.
    pub missing: i64,
}

/// The series with their gaps.
///
/// # Errors
/// When the database fails.
pub async fn series(pool: &PgPool) -> Result<Vec<SeriesRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT left(number, 6) AS series, count(*) AS documents,
                max(substr(number, 8)::bigint) - count(*) AS missing
         FROM ledger_document GROUP BY left(number, 6) ORDER BY 1",
    )
    .fetch_all(pool)
    .await
}
