//! The resources that a wish can mean, with their rules, and whether they are free: one query.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_booking::opening::OpeningHours;
use parvis_booking::policy::Policy;
use parvis_booking::resource::{Item, Resource, Site};
use parvis_booking::{PoolId, ResourceId, Slot};
use parvis_kit::postgres::DatabaseError;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgExecutor, Row as _};
use uuid::Uuid;

use super::document;
use super::people::Member;

/// A resource with what holds for it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Short key.
    pub no: i32,
    /// The resource.
    pub resource: Resource,
    /// Its site.
    pub site: Site,
    /// Its rules.
    pub policy: Policy,
    /// Whether nobody had it when it was looked at.
    pub free: bool,
}

impl Candidate {
    /// When it can be used.
    #[must_use]
    pub fn opening(&self) -> &OpeningHours {
        self.resource.opening.as_ref().unwrap_or(&self.site.opening)
    }

    /// The site's clocks.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.site.timezone
    }

    /// `slot` with the buffers around it.
    #[must_use]
    pub fn padded(&self, slot: Slot) -> Slot {
        let (before, after) = self.policy.padding();
        slot.widened(TimeDelta::minutes(i64::from(before)), TimeDelta::minutes(i64::from(after)))
    }
}

/// The candidates of every item.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// What who asks has paid before.
    pub member: Member,
    /// By item, in the order of the wish; free ones first.
    pub items: Vec<Vec<Candidate>>,
}

/// Reads the candidates of `items` for `slot`, which `subject` wants. Times of the booking `own` do not count as taken.
///
/// Members of a pool come in an order of their own for each `seed`, so that many who want "any desk" at once do not all try the same.
///
/// # Errors
/// When the database fails.
pub async fn read(
    sql: impl PgExecutor<'_>,
    items: &[Item],
    slot: Slot,
    own: Option<Uuid>,
    subject: &str,
    seed: Uuid,
) -> Result<Candidates, DatabaseError> {
    let resources: Vec<&str> = items.iter().filter_map(resource).map(ResourceId::as_str).collect();
    let pools: Vec<&str> = items.iter().filter_map(pool).map(PoolId::as_str).collect();
    // A list is planned anew each time, since PostgreSQL guesses its length; one name is planned once, and is what most ask for.
    let found = if resources.len() == 1 && pools.is_empty() {
        "r.id = ($1::text[])[1]"
    } else {
        "r.id = ANY($1) OR r.pool = ANY($2)"
    };
    let query = format!(
        "SELECT r.no, r.details AS resource, s.details AS site, p.details AS policy,
                NOT EXISTS (SELECT FROM booking_slot b
                            WHERE b.resource = r.no AND b.state IN ('held', 'pending', 'booked', 'arrived')
                              AND b.during && tstzrange($3 - make_interval(mins => p.pad_before),
                                                        $4 + make_interval(mins => p.pad_after))
                              AND b.booking IS DISTINCT FROM $5) AS free,
                (SELECT jsonb_build_array(m.credits, m.plan, l.details)
                 FROM booking_person m
                      LEFT JOIN booking_plan l ON l.id = m.plan AND (m.plan_until IS NULL OR m.plan_until > $3)
                 WHERE m.subject = $7) AS member
         FROM booking_resource r
              JOIN booking_site s ON s.id = r.site
              JOIN booking_policy p ON p.id = r.policy
         WHERE {found}
         ORDER BY free DESC, md5(r.no::text || $6::text)"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(&resources)
        .bind(&pools)
        .bind(slot.start)
        .bind(slot.end)
        .bind(own)
        .bind(seed)
        .bind(subject)
        .fetch_all(sql)
        .await?;
    let all = rows.iter().map(candidate).collect::<Result<Vec<_>, _>>()?;
    let of = |item: &Item| -> Vec<Candidate> { all.iter().filter(|one| means(item, &one.resource)).cloned().collect() };
    let member: Option<Value> = rows.first().map(|row| row.try_get("member")).transpose()?.flatten();
    let member = member.map(document).transpose()?.map(Member::of_row).transpose()?.unwrap_or_default();
    Ok(Candidates { member, items: items.iter().map(of).collect() })
}

fn candidate(row: &sqlx::postgres::PgRow) -> Result<Candidate, DatabaseError> {
    Ok(Candidate {
        no: row.try_get("no")?,
        resource: row.try_get::<Json<_>, _>("resource")?.0,
        site: row.try_get::<Json<_>, _>("site")?.0,
        policy: row.try_get::<Json<_>, _>("policy")?.0,
        free: row.try_get("free")?,
    })
}

fn means(item: &Item, resource: &Resource) -> bool {
    match item {
        Item::Resource(id) => *id == resource.id,
        Item::Pool(pool) => resource.pool.as_ref() == Some(pool) && !resource.closed,
    }
}

fn resource(item: &Item) -> Option<&ResourceId> {
    match item {
        Item::Resource(id) => Some(id),
        Item::Pool(_) => None,
    }
}

fn pool(item: &Item) -> Option<&PoolId> {
    match item {
        Item::Pool(id) => Some(id),
        Item::Resource(_) => None,
    }
}

/// The times at which resources are taken within `range`, merged, by short key.
///
/// # Errors
/// When the database fails.
pub async fn busy(
    sql: impl PgExecutor<'_>,
    resources: &[i32],
    range: Slot,
) -> Result<BTreeMap<i32, Vec<Slot>>, DatabaseError> {
    let rows: Vec<(i32, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT resource, lower(during), upper(during) FROM booking_slot
         WHERE resource = ANY($1) AND state IN ('held', 'pending', 'booked', 'arrived') AND during && tstzrange($2, $3)",
    )
    .bind(resources)
    .bind(range.start)
    .bind(range.end)
    .fetch_all(sql)
    .await?;
    let mut busy: BTreeMap<i32, Vec<Slot>> = BTreeMap::new();
    for (resource, start, end) in rows {
        busy.entry(resource).or_default().extend(Slot::new(start, end).ok());
    }
    Ok(busy.into_iter().map(|(resource, slots)| (resource, parvis_booking::merged(slots))).collect())
}
