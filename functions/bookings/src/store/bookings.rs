//! Bookings as rows.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use parvis_booking::booking::{Booking, Charge, CheckIn, Guest};
use parvis_booking::life::State;
use parvis_booking::policy::{Policy, Refund};
use parvis_booking::resource::Item;
use parvis_booking::{ResourceId, Slot};
use parvis_events::booking::BookedSpace;
use parvis_kit::postgres::DatabaseError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, Row as _};
use uuid::Uuid;

use super::counts::Counted;
use super::{bad, document, json, state};

/// A booking with what only the store needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The booking.
    pub booking: Booking,
    /// The rules under which it was made.
    pub terms: Policy,
    /// What it counts.
    pub usage: Vec<Counted>,
    /// What came back when it ended.
    pub refund: Option<Refund>,
    /// The parking spaces among its resources, as the live state knows them.
    #[serde(default)]
    pub spaces: Vec<BookedSpace>,
}

impl Record {
    /// From when on one can check in; `None` where nobody has to.
    #[must_use]
    pub fn check_in_opens_at(&self) -> Option<DateTime<Utc>> {
        let rule = self.terms.check_in.as_ref()?;
        Some(self.booking.slot.start - TimeDelta::minutes(i64::from(rule.opens_minutes_before)))
    }
}

const COLUMNS: &str = "
    b.id, b.state, b.owner, b.site, b.zone, b.items, b.starts_at, b.ends_at, b.title, b.participants, b.guests, b.charge, b.refund,
    b.terms, b.usage, b.expires_at, b.check_in, b.series, b.occurrence, b.waited, b.version, b.created_at, b.modified_at,
    COALESCE((SELECT array_agg(r.id ORDER BY s.item, r.id) FROM booking_slot s JOIN booking_resource r ON r.no = s.resource
              WHERE s.booking = b.id), '{}') AS resources,
    COALESCE((SELECT jsonb_agg(jsonb_build_object('zone', r.details->'sensor'->'zone', 'space', r.details->'sensor'->'space')
                               ORDER BY s.item, r.id)
              FROM booking_slot s JOIN booking_resource r ON r.no = s.resource
              WHERE s.booking = b.id AND r.kind = 'parking'
                AND jsonb_typeof(r.details->'sensor') = 'object'), '[]') AS spaces";

fn record(row: &sqlx::postgres::PgRow) -> Result<Record, DatabaseError> {
    let doc = |name: &str| -> Result<Value, sqlx::Error> { row.try_get(name) };
    let optional = |name: &str| -> Result<Option<Value>, sqlx::Error> { row.try_get(name) };
    let text = |name: &str| -> Result<String, sqlx::Error> { row.try_get(name) };
    let (starts, ends): (DateTime<Utc>, DateTime<Utc>) = (row.try_get("starts_at")?, row.try_get("ends_at")?);
    let resources: Vec<String> = row.try_get("resources")?;
    let booking = Booking {
        id: row.try_get("id")?,
        state: state(&text("state")?)?,
        owner: text("owner")?,
        site: text("site")?.parse().map_err(|error| bad(format!("{error}")))?,
        zone: text("zone")?.parse().map_err(|error| bad(format!("{error}")))?,
        items: document::<Vec<Item>>(doc("items")?)?,
        resources: ids(resources)?,
        slot: Slot::new(starts, ends).map_err(|error| bad(error.to_string()))?,
        title: text("title")?,
        participants: u32::try_from(row.try_get::<i32, _>("participants")?).unwrap_or(1),
        guests: document::<Vec<Guest>>(doc("guests")?)?,
        charge: document::<Charge>(doc("charge")?)?,
        expires_at: row.try_get("expires_at")?,
        check_in: optional("check_in")?.map(document::<CheckIn>).transpose()?,
        series: row.try_get("series")?,
        occurrence: row.try_get("occurrence")?,
        waited: row.try_get("waited")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
        modified_at: row.try_get("modified_at")?,
    };
    Ok(Record {
        booking,
        terms: document(doc("terms")?)?,
        usage: document(doc("usage")?)?,
        refund: optional("refund")?.map(document).transpose()?,
        spaces: document(doc("spaces")?)?,
    })
}

fn ids(texts: Vec<String>) -> Result<Vec<ResourceId>, DatabaseError> {
    texts.into_iter().map(|text| text.parse().map_err(|error| bad(format!("{error}")))).collect()
}

/// The booking `id`.
///
/// # Errors
/// When the database fails.
pub async fn read(sql: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Record>, DatabaseError> {
    let query = format!("SELECT {COLUMNS} FROM booking b WHERE b.id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(id).fetch_optional(sql).await?;
    row.as_ref().map(record).transpose()
}

/// The booking `id`, which nobody else can change until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn lock(sql: &mut PgConnection, id: Uuid) -> Result<Option<Record>, DatabaseError> {
    let query = format!("SELECT {COLUMNS} FROM booking b WHERE b.id = $1 FOR UPDATE OF b");
    let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(id).fetch_optional(sql).await?;
    row.as_ref().map(record).transpose()
}

/// Bookings that wait for one of the places of `resources` (or of their pools) at a time that overlaps `range`, or that wait for
/// anything and are `owner`'s, who may have a quota or credits again; first come first, locked.
///
/// # Errors
/// When the database fails.
pub async fn lock_waiting(
    sql: &mut PgConnection,
    resources: &[ResourceId],
    range: Slot,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Record>, DatabaseError> {
    let query = format!(
        "SELECT {COLUMNS} FROM booking b
         WHERE b.state = 'waitlist' AND b.starts_at > $4
           AND (b.owner = $5 OR b.starts_at < $3 AND b.ends_at > $2 AND EXISTS (SELECT FROM booking_resource r
                       WHERE r.id = ANY($1)
                         AND (b.items @> jsonb_build_array(jsonb_build_object('resource', r.id))
                              OR b.items @> jsonb_build_array(jsonb_build_object('pool', r.pool)))))
         ORDER BY b.created_at, b.id
         FOR UPDATE OF b"
    );
    let names: Vec<&str> = resources.iter().map(ResourceId::as_str).collect();
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(names)
        .bind(range.start)
        .bind(range.end)
        .bind(now)
        .bind(owner)
        .fetch_all(sql)
        .await?;
    rows.iter().map(record).collect()
}

/// The bookings of a series from an occurrence on, in order, locked.
///
/// # Errors
/// When the database fails.
pub async fn lock_series(
    sql: &mut PgConnection,
    series: Uuid,
    from: Option<NaiveDateTime>,
) -> Result<Vec<Record>, DatabaseError> {
    let query = format!(
        "SELECT {COLUMNS} FROM booking b
         WHERE b.series = $1 AND ($2::timestamp IS NULL OR b.occurrence >= $2)
         ORDER BY b.occurrence FOR UPDATE OF b"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(series).bind(from).fetch_all(sql).await?;
    rows.iter().map(record).collect()
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Whose.
    pub owner: Option<String>,
    /// Ending after.
    pub from: Option<DateTime<Utc>>,
    /// Starting before.
    pub to: Option<DateTime<Utc>>,
    /// In these states.
    pub states: Vec<State>,
    /// With this resource.
    pub resource: Option<String>,
    /// At this site.
    pub site: Option<String>,
    /// Of this series.
    pub series: Option<Uuid>,
    /// After this one: the last of the page before.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// Bookings by start, `limit` at most.
///
/// # Errors
/// When the database fails.
pub async fn list(sql: impl PgExecutor<'_>, filter: &Filter, limit: u32) -> Result<Vec<Record>, DatabaseError> {
    let query = format!(
        "SELECT {COLUMNS} FROM booking b
         WHERE ($1::text IS NULL OR b.owner = $1)
           AND ($2::timestamptz IS NULL OR b.ends_at > $2) AND ($3::timestamptz IS NULL OR b.starts_at < $3)
           AND (cardinality($4::text[]) = 0 OR b.state = ANY($4))
           AND ($5::text IS NULL OR EXISTS (SELECT FROM booking_slot s JOIN booking_resource r ON r.no = s.resource
                                            WHERE s.booking = b.id AND r.id = $5))
           AND ($6::text IS NULL OR b.site = $6)
           AND ($7::uuid IS NULL OR b.series = $7)
           AND ($8::timestamptz IS NULL OR (b.starts_at, b.id) > ($8, $9))
         ORDER BY b.starts_at, b.id LIMIT $10"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(&filter.owner)
        .bind(filter.from)
        .bind(filter.to)
        .bind(filter.states.iter().map(|state| state.as_str()).collect::<Vec<_>>())
        .bind(&filter.resource)
        .bind(&filter.site)
        .bind(filter.series)
        .bind(filter.after.map(|(at, _)| at))
        .bind(filter.after.map(|(_, id)| id))
        .bind(i64::from(limit))
        .fetch_all(sql)
        .await?;
    rows.iter().map(record).collect()
}

/// The columns of a new booking.
pub const WRITTEN: &str =
    "id, state, owner, site, zone, items, starts_at, ends_at, title, participants, guests, charge, terms, usage,
    expires_at, series, occurrence, waited, version, created_at, modified_at";

/// A new booking by the names of its columns.
pub type Row = BTreeMap<&'static str, Value>;

/// The [`WRITTEN`] columns of a new booking.
#[must_use]
pub fn row(record: &Record) -> Row {
    let Record { booking, terms, usage, .. } = record;
    let value = |value: &dyn erased::Serialize| value.value();
    BTreeMap::from([
        ("id", value(&booking.id)),
        ("state", value(&booking.state)),
        ("owner", value(&booking.owner)),
        ("site", value(&booking.site)),
        ("zone", value(&booking.zone)),
        ("items", value(&booking.items)),
        ("starts_at", value(&booking.slot.start)),
        ("ends_at", value(&booking.slot.end)),
        ("title", value(&booking.title)),
        ("participants", value(&booking.participants)),
        ("guests", value(&booking.guests)),
        ("charge", value(&booking.charge)),
        ("terms", value(terms)),
        ("usage", value(usage)),
        ("expires_at", value(&booking.expires_at)),
        ("series", value(&booking.series)),
        ("occurrence", value(&booking.occurrence)),
        ("waited", value(&booking.waited)),
        ("version", value(&booking.version)),
        ("created_at", value(&booking.created_at)),
        ("modified_at", value(&booking.modified_at)),
    ])
}

/// Values of several types in one map.
mod erased {
    use serde_json::Value;

    pub trait Serialize {
        /// The value; null for what cannot be written, which none of a booking's fields is.
        fn value(&self) -> Value;
    }

    impl<T: serde::Serialize> Serialize for T {
        fn value(&self) -> Value {
            serde_json::to_value(self).unwrap_or_default()
        }
    }
}

/// Writes what can change of a booking, its next version.
///
/// # Errors
/// When the database fails.
pub async fn update(sql: &mut PgConnection, record: &Record) -> Result<(), DatabaseError> {
    let Record { booking, terms, usage, refund, .. } = record;
    sqlx::query(
        "UPDATE booking SET state = $2, items = $3, starts_at = $4, ends_at = $5, title = $6, participants = $7, guests = $8,
                charge = $9, terms = $10, usage = $11, refund = $12, expires_at = $13, check_in = $14, version = $15,
                modified_at = $16, site = $17, zone = $18, waited = $19
         WHERE id = $1",
    )
    .bind(booking.id)
    .bind(booking.state.as_str())
    .bind(json(&booking.items))
    .bind(booking.slot.start)
    .bind(booking.slot.end)
    .bind(&booking.title)
    .bind(i32::try_from(booking.participants).unwrap_or(i32::MAX))
    .bind(json(&booking.guests))
    .bind(json(booking.charge))
    .bind(json(terms))
    .bind(json(usage))
    .bind(refund.map(json))
    .bind(booking.expires_at)
    .bind(booking.check_in.map(json))
    .bind(booking.version)
    .bind(booking.modified_at)
    .bind(booking.site.as_str())
    .bind(booking.zone.name())
    .bind(booking.waited)
    .execute(sql)
    .await?;
    Ok(())
}

/// How many wait before a booking, and how many in all, for any of the same things at an overlapping time.
///
/// # Errors
/// When the database fails.
pub async fn position(sql: impl PgExecutor<'_>, booking: &Booking) -> Result<(u32, u32), DatabaseError> {
    let (before, all): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE (w.created_at, w.id) < ($2, $1)), count(*)
         FROM booking w
         WHERE w.state = 'waitlist' AND w.starts_at < $4 AND w.ends_at > $3
           AND EXISTS (SELECT FROM jsonb_array_elements($5::jsonb) AS i(item) WHERE w.items @> jsonb_build_array(i.item))",
    )
    .bind(booking.id)
    .bind(booking.created_at)
    .bind(booking.slot.start)
    .bind(booking.slot.end)
    .bind(json(&booking.items))
    .fetch_one(sql)
    .await?;
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok((count(before) + 1, count(all)))
}
