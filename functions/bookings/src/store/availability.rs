//! Who is free when: one query for any filter and range.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_booking::opening::OpeningHours;
use parvis_booking::policy::Policy;
use parvis_booking::resource::Resource;
use parvis_booking::suggest::Candidate;
use parvis_booking::{Slot, merged, without};
use parvis_kit::postgres::DatabaseError;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::postgres::types::PgRange;
use sqlx::types::Json;
use sqlx::{PgExecutor, Row as _};
use utoipa::ToSchema;

use super::catalog::{MATCHES, ResourceFilter, bind_filter};
use super::{bad, slots};

/// Why a time is not free (FBTYPE of iCalendar).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BusyType {
    /// Booked.
    Busy,
    /// Held, or waiting for approval.
    BusyTentative,
    /// Busy in an imported calendar.
    BusyUnavailable,
}

/// A time that is taken, buffers included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Busy {
    /// When.
    #[serde(flatten)]
    pub slot: Slot,
    /// Why.
    #[serde(rename = "type")]
    pub kind: BusyType,
}

/// A resource with the times at which it is taken.
#[derive(Clone, Debug)]
pub struct ResourceTimes {
    /// Short key.
    pub no: i32,
    /// The resource.
    pub resource: Resource,
    /// Its rules.
    pub policy: Policy,
    /// When it can be used.
    pub opening: OpeningHours,
    /// The site's clocks.
    pub zone: Tz,
    /// When it is taken, in order.
    pub busy: Vec<Busy>,
}

impl ResourceTimes {
    /// What rules say of it; `busy` is what [`Self::taken`] tells.
    #[must_use]
    pub fn candidate<'a>(&'a self, busy: &'a [Slot]) -> Candidate<'a> {
        let Self { resource, policy, opening, zone, .. } = self;
        Candidate { resource, policy, opening, zone: *zone, busy }
    }

    /// The times at which it is taken, merged.
    #[must_use]
    pub fn taken(&self) -> Vec<Slot> {
        merged(self.busy.iter().map(|busy| busy.slot).collect())
    }

    /// When it is open within `range`; never when it is out of service.
    #[must_use]
    pub fn open(&self, range: Slot) -> Vec<Slot> {
        if self.resource.closed { Vec::new() } else { self.opening.open_within(range, self.zone) }
    }

    /// When it is open and not taken, within `range`.
    #[must_use]
    pub fn free(&self, open: &[Slot]) -> Vec<Slot> {
        without(open, &self.taken())
    }
}

/// The resources that `filter` means, with the times within `range` at which they are taken.
///
/// # Errors
/// When the database fails.
pub async fn read(
    sql: impl PgExecutor<'_>,
    filter: &ResourceFilter,
    range: Slot,
) -> Result<Vec<ResourceTimes>, DatabaseError> {
    // Lateral, so that it is one look into the index of the exclusion constraint per resource, whatever the planner believes about
    // tables that have grown since they were last analysed. What many resources share comes with the first of them only: to read
    // the same rules five hundred times takes longer than to look for what is taken.
    let query = format!(
        "SELECT r.no, r.details AS resource, r.policy AS policy_id, r.site,
                CASE WHEN row_number() OVER (PARTITION BY r.policy ORDER BY r.id) = 1 THEN p.details END AS policy,
                CASE WHEN row_number() OVER (PARTITION BY r.site ORDER BY r.id) = 1 THEN s.details END AS clocks,
                b.times, b.kinds
         FROM booking_resource r
              JOIN booking_site s ON s.id = r.site
              JOIN booking_policy p ON p.id = r.policy
              CROSS JOIN LATERAL (SELECT array_agg(during) AS times,
                                         array_agg(CASE WHEN booking IS NULL THEN 'i' WHEN state IN ('held', 'pending')
                                                        THEN 't' ELSE 'b' END::\"char\") AS kinds
                                  FROM booking_slot
                                  WHERE resource = r.no AND during && tstzrange($8, $9)
                                    AND state IN ('held', 'pending', 'booked', 'arrived')) b
         WHERE {MATCHES} ORDER BY r.id"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(query));
    let rows = bind_filter!(query, filter).bind(range.start).bind(range.end).fetch_all(sql).await?;
    let mut shared = Shared::default();
    rows.iter().map(|row| shared.times(row)).collect()
}

/// What resources have in common, as it was read with the first of them.
#[derive(Default)]
struct Shared {
    policies: HashMap<String, Policy>,
    sites: HashMap<String, Clocks>,
}

/// What a site says of time.
#[derive(Deserialize)]
struct Clocks {
    opening: OpeningHours,
    timezone: Tz,
}

impl Shared {
    fn times(&mut self, row: &PgRow) -> Result<ResourceTimes, DatabaseError> {
        let resource: Resource = row.try_get::<Json<_>, _>("resource")?.0;
        let (policy, site): (String, String) = (row.try_get("policy_id")?, row.try_get("site")?);
        if let Some(Json(first)) = row.try_get::<Option<Json<Policy>>, _>("policy")? {
            self.policies.insert(policy.clone(), first);
        }
        if let Some(Json(first)) = row.try_get::<Option<Json<Clocks>>, _>("clocks")? {
            self.sites.insert(site.clone(), first);
        }
        let (Some(policy), Some(clocks)) = (self.policies.get(&policy), self.sites.get(&site)) else {
            return Err(bad(format!("{} without policy or site", resource.id)));
        };
        Ok(ResourceTimes {
            no: row.try_get("no")?,
            policy: policy.clone(),
            opening: resource.opening.as_ref().unwrap_or(&clocks.opening).clone(),
            zone: clocks.timezone,
            busy: busy(row)?,
            resource,
        })
    }
}

/// The times of a row, in order.
fn busy(row: &PgRow) -> Result<Vec<Busy>, DatabaseError> {
    let times: Option<Vec<PgRange<DateTime<Utc>>>> = row.try_get("times")?;
    let kinds: Option<Vec<i8>> = row.try_get("kinds")?;
    let mut busy = Vec::new();
    for (during, kind) in times.unwrap_or_default().iter().zip(kinds.unwrap_or_default()) {
        let kind = match kind.to_ne_bytes() {
            [b'i'] => BusyType::BusyUnavailable,
            [b't'] => BusyType::BusyTentative,
            _ => BusyType::Busy,
        };
        busy.push(Busy { slot: slots::slot(during).ok_or_else(|| bad("a time without an end"))?, kind });
    }
    // Sorted here: the database would sort each of the two lists of each resource by itself.
    busy.sort_unstable();
    Ok(busy)
}
