//! What belongs to a person: plan, credits, preferences, favourites, the link of the calendar, history.

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use parvis_booking::policy::Usage;
use parvis_booking::recommend::{Company, PastBooking, Preferences};
use parvis_booking::resource::Kind;
use parvis_booking::{ResourceId, Slot};
use parvis_kit::postgres::DatabaseError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::{PgExecutor, PgPool};
use utoipa::ToSchema;

use super::{bad, document, json};
use crate::commands::SetMember;

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// For people.
    pub name: String,
    /// Minutes of each calendar month that cost nothing more.
    #[serde(default)]
    pub included_minutes: u32,
    /// Whether its holders pay member rates.
    #[serde(default = "yes")]
    pub member: bool,
}

const fn yes() -> bool {
    true
}

/// What somebody has paid before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Credits left.
    pub credits: u32,
    /// Id and content of the plan.
    pub plan: Option<(String, Plan)>,
}

/// The prefix of counts of included minutes, which are given back by the part that a refund says.
pub const INCLUDED: &str = "included|";

/// Credits, id of the plan, content of the plan.
pub(super) type MemberRow = (i32, Option<String>, Option<Value>);

impl Member {
    pub(super) fn of_row((credits, plan, details): MemberRow) -> Result<Self, DatabaseError> {
        let plan = match plan.zip(details) {
            Some((id, details)) => Some((id, document(details)?)),
            None => None,
        };
        Ok(Self { credits: u32::try_from(credits).unwrap_or(0), plan })
    }

    /// What a booking that takes `minutes` of the plan adds to the count of its month.
    #[must_use]
    pub fn included_usage(&self, subject: &str, slot: Slot, zone: Tz, minutes: u32) -> Option<Usage> {
        let (_, plan) = self.plan.as_ref().filter(|_| minutes > 0)?;
        Some(Usage {
            key: included_key(subject, slot.start, zone),
            amount: i64::from(minutes),
            limit: i64::from(plan.included_minutes),
            unit: "minutes",
            period: "month",
        })
    }
}

/// The count of the included minutes of somebody's month.
#[must_use]
pub fn included_key(subject: &str, at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    format!("{INCLUDED}{:04}-{:02}|{subject}", local.year(), local.month())
}

/// What somebody has paid before, of what counts for a booking that starts `at`; nothing for people never heard of.
///
/// # Errors
/// When the database fails.
pub async fn member(sql: impl PgExecutor<'_>, subject: &str, at: DateTime<Utc>) -> Result<Member, DatabaseError> {
    let row: Option<MemberRow> = sqlx::query_as(
        "SELECT m.credits, m.plan, p.details
         FROM booking_person m
              LEFT JOIN booking_plan p ON p.id = m.plan AND (m.plan_until IS NULL OR m.plan_until > $2)
         WHERE m.subject = $1",
    )
    .bind(subject)
    .bind(at)
    .fetch_optional(sql)
    .await?;
    Ok(row.map(Member::of_row).transpose()?.unwrap_or_default())
}

/// A subscription that somebody has.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Pass {
    /// Its id.
    pub plan: String,
    /// For people.
    pub name: String,
    /// Until when; without end when absent.
    pub until: Option<DateTime<Utc>>,
}

/// Somebody's subscription, whether it has ended or not.
///
/// # Errors
/// When the database fails.
pub async fn pass(sql: impl PgExecutor<'_>, subject: &str) -> Result<Option<Pass>, sqlx::Error> {
    sqlx::query_as(
        "SELECT p.id AS plan, p.details->>'name' AS name, m.plan_until AS until
         FROM booking_person m JOIN booking_plan p ON p.id = m.plan WHERE m.subject = $1",
    )
    .bind(subject)
    .fetch_optional(sql)
    .await
}

/// Whether there is such a subscription.
///
/// # Errors
/// When the database fails.
pub async fn has_plan(sql: impl PgExecutor<'_>, plan: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM booking_plan WHERE id = $1)").bind(plan).fetch_one(sql).await
}

/// Somebody with a subscription or credits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Holder {
    /// The login's subject.
    pub subject: String,
    /// Id of the subscription.
    pub plan: Option<String>,
    /// When it ends, or has ended; without end when absent.
    pub plan_until: Option<DateTime<Utc>>,
    /// Credits left.
    pub credits: i32,
}

/// Everybody with a subscription or credits, by subject: the first 10,000.
///
/// # Errors
/// When the database fails.
pub async fn holders(sql: impl PgExecutor<'_>) -> Result<Vec<Holder>, sqlx::Error> {
    sqlx::query_as(
        "SELECT subject, plan, plan_until, credits FROM booking_person WHERE plan IS NOT NULL OR credits > 0 ORDER BY subject LIMIT 10000",
    )
    .fetch_all(sql)
    .await
}

/// Somebody's subscription and credits; nothing for people who have neither.
///
/// # Errors
/// When the database fails.
pub async fn holder(sql: impl PgExecutor<'_>, subject: &str) -> Result<Option<Holder>, sqlx::Error> {
    sqlx::query_as(
        "SELECT subject, plan, plan_until, credits FROM booking_person
         WHERE subject = $1 AND (plan IS NOT NULL OR credits > 0)",
    )
    .bind(subject)
    .fetch_optional(sql)
    .await
}

/// Sets somebody's plan, its end, or credits; what is `None` stays. Without a plan there is no end.
///
/// # Errors
/// When the database fails; a plan that does not exist is a violation of a foreign key.
pub async fn set_member(sql: impl PgExecutor<'_>, set: &SetMember) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO booking_person (subject, plan, plan_until, credits) VALUES ($1, $3, $5, COALESCE($6, 0))
         ON CONFLICT (subject) DO UPDATE
         SET plan = CASE WHEN $2 THEN excluded.plan ELSE booking_person.plan END,
             plan_until = CASE WHEN $2 AND $3 IS NULL THEN NULL WHEN $4 THEN excluded.plan_until ELSE booking_person.plan_until END,
             credits = COALESCE($6, booking_person.credits)",
    )
    .bind(&set.subject)
    .bind(set.plan.is_some())
    .bind(set.plan.as_ref().and_then(Option::as_ref))
    .bind(set.until.is_some())
    .bind(set.until.flatten())
    .bind(set.credits.map(|credits| i32::try_from(credits).unwrap_or(i32::MAX)))
    .execute(sql)
    .await
    .map(drop)
}

/// Somebody's preferences.
///
/// # Errors
/// When the database fails.
pub async fn preferences(sql: impl PgExecutor<'_>, subject: &str) -> Result<Preferences, DatabaseError> {
    let value: Option<Value> = sqlx::query_scalar("SELECT preferences FROM booking_person WHERE subject = $1")
        .bind(subject)
        .fetch_optional(sql)
        .await?;
    value.map_or_else(|| Ok(Preferences::default()), document)
}

/// Sets somebody's preferences.
///
/// # Errors
/// When the database fails.
pub async fn set_preferences(
    sql: impl PgExecutor<'_>,
    subject: &str,
    preferences: &Preferences,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO booking_person (subject, preferences) VALUES ($1, $2)
         ON CONFLICT (subject) DO UPDATE SET preferences = excluded.preferences",
    )
    .bind(subject)
    .bind(json(preferences))
    .execute(sql)
    .await
    .map(drop)
}

/// Somebody's favourites.
///
/// # Errors
/// When the database fails.
pub async fn favourites(sql: impl PgExecutor<'_>, subject: &str) -> Result<Vec<ResourceId>, DatabaseError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT r.id FROM booking_favourite f JOIN booking_resource r ON r.no = f.resource WHERE f.subject = $1 ORDER BY r.id",
    )
    .bind(subject)
    .fetch_all(sql)
    .await?;
    ids.into_iter().map(|id| id.parse().map_err(|error| bad(format!("{error}")))).collect()
}

/// Marks a favourite, or takes the mark off; false when there is no such resource.
///
/// # Errors
/// When the database fails.
pub async fn mark(pool: &PgPool, subject: &str, resource: &ResourceId, wanted: bool) -> Result<bool, sqlx::Error> {
    let no: Option<i32> = sqlx::query_scalar("SELECT no FROM booking_resource WHERE id = $1")
        .bind(resource.as_str())
        .fetch_optional(pool)
        .await?;
    let Some(no) = no else { return Ok(false) };
    let query = if wanted {
        "INSERT INTO booking_favourite (subject, resource) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM booking_favourite WHERE subject = $1 AND resource = $2"
    };
    sqlx::query(query).bind(subject).bind(no).execute(pool).await?;
    Ok(true)
}

/// The digest under which the secret of a calendar's link is kept.
#[must_use]
pub fn secret_digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Sets the secret of somebody's calendar, or removes it.
///
/// # Errors
/// When the database fails.
pub async fn set_calendar_secret(
    sql: impl PgExecutor<'_>,
    subject: &str,
    secret: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO booking_person (subject, calendar_secret) VALUES ($1, $2)
         ON CONFLICT (subject) DO UPDATE SET calendar_secret = excluded.calendar_secret",
    )
    .bind(subject)
    .bind(secret.map(secret_digest))
    .execute(sql)
    .await
    .map(drop)
}

/// Whose calendar a secret opens.
///
/// # Errors
/// When the database fails.
pub async fn by_calendar_secret(sql: impl PgExecutor<'_>, secret: &str) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT subject FROM booking_person WHERE calendar_secret = $1")
        .bind(secret_digest(secret))
        .fetch_optional(sql)
        .await
}

/// Somebody's bookings of the year before `now` that were used.
///
/// # Errors
/// When the database fails.
pub async fn history(
    sql: impl PgExecutor<'_>,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<Vec<PastBooking>, DatabaseError> {
    type Columns = (String, String, String, String, DateTime<Utc>, DateTime<Utc>);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT r.id, r.kind, b.site, b.zone, b.starts_at, b.ends_at
         FROM booking b JOIN booking_slot s ON s.booking = b.id JOIN booking_resource r ON r.no = s.resource
         WHERE b.owner = $1 AND b.state IN ('booked', 'arrived', 'fulfilled')
           AND b.starts_at BETWEEN $2 - interval '1 year' AND $2 AND NOT r.closed
         ORDER BY b.starts_at DESC LIMIT 1000",
    )
    .bind(subject)
    .bind(now)
    .fetch_all(sql)
    .await?;
    rows.into_iter()
        .map(|(resource, kind, site, zone, start, end)| {
            Ok(PastBooking {
                resource: resource.parse().map_err(|error| bad(format!("{error}")))?,
                kind: Kind::from_name(&kind).ok_or_else(|| bad(kind))?,
                site: site.parse().map_err(|error| bad(format!("{error}")))?,
                zone: zone.parse().map_err(|error| bad(format!("{error}")))?,
                slot: Slot::new(start, end).map_err(|error| bad(error.to_string()))?,
            })
        })
        .collect()
}

/// Where those will be in the week after `now` who were at the same site as `subject` at the same time three times or more,
/// and have agreed to be seen. A person is known to others by no name here, only counted.
///
/// # Errors
/// When the database fails.
pub async fn company(
    sql: impl PgExecutor<'_>,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Company>, DatabaseError> {
    let rows: Vec<(String, DateTime<Utc>, DateTime<Utc>, i64)> = sqlx::query_as(
        "WITH met AS (
             SELECT other.owner, count(*) AS times
             FROM booking mine JOIN booking other
                  ON other.site = mine.site AND other.owner <> mine.owner
                     AND tstzrange(other.starts_at, other.ends_at) && tstzrange(mine.starts_at, mine.ends_at)
                  JOIN booking_person p ON p.subject = other.owner AND (p.preferences->>'share_presence')::boolean
             WHERE mine.owner = $1 AND mine.state IN ('arrived', 'fulfilled') AND other.state IN ('arrived', 'fulfilled')
               AND mine.starts_at > $2 - interval '90 days' AND mine.starts_at < $2
             GROUP BY other.owner HAVING count(*) >= 3)
         SELECT b.site, b.starts_at, b.ends_at, met.times
         FROM met JOIN booking b ON b.owner = met.owner
         WHERE b.state IN ('booked', 'arrived') AND b.starts_at BETWEEN $2 AND $2 + interval '7 days' LIMIT 200",
    )
    .bind(subject)
    .bind(now)
    .fetch_all(sql)
    .await?;
    rows.into_iter()
        .map(|(site, start, end, times)| {
            Ok(Company {
                site: site.parse().map_err(|error| bad(format!("{error}")))?,
                slot: Slot::new(start, end).map_err(|error| bad(error.to_string()))?,
                met: u32::try_from(times).unwrap_or(u32::MAX),
            })
        })
        .collect()
}
