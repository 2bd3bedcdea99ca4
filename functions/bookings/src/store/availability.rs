//! Who is free when: one query for any filter and range.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_booking::life::State;
use parvis_booking::opening::OpeningHours;
use parvis_booking::policy::Policy;
use parvis_booking::resource::Resource;
use parvis_booking::suggest::Candidate;
use parvis_booking::{Slot, merged, without};
use parvis_kit::postgres::DatabaseError;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgExecutor, Row as _};
use utoipa::ToSchema;

use super::bad;
use super::catalog::{MATCHES, ResourceFilter, bind_filter};

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
    // tables that have grown since they were last analysed.
    let query = format!(
        "SELECT r.no, r.details AS resource, p.details AS policy, s.details->'opening' AS opening, s.details->>'timezone' AS zone,
                b.starts, b.ends, b.states, b.imported
         FROM booking_resource r
              JOIN booking_site s ON s.id = r.site
              JOIN booking_policy p ON p.id = r.policy
              CROSS JOIN LATERAL (SELECT array_agg(lower(during)) AS starts, array_agg(upper(during)) AS ends,
                                         array_agg(state) AS states, array_agg(booking IS NULL) AS imported
                                  FROM booking_slot
                                  WHERE resource = r.no AND during && tstzrange($8, $9)
                                    AND state IN ('held', 'pending', 'booked', 'arrived')) b
         WHERE {MATCHES} ORDER BY r.id"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(query));
    let rows = bind_filter!(query, filter).bind(range.start).bind(range.end).fetch_all(sql).await?;
    rows.iter().map(times).collect()
}

fn times(row: &sqlx::postgres::PgRow) -> Result<ResourceTimes, DatabaseError> {
    let resource: Resource = row.try_get::<Json<_>, _>("resource")?.0;
    let opening = match &resource.opening {
        Some(own) => own.clone(),
        None => row.try_get::<Json<_>, _>("opening")?.0,
    };
    let starts: Option<Vec<DateTime<Utc>>> = row.try_get("starts")?;
    let ends: Option<Vec<DateTime<Utc>>> = row.try_get("ends")?;
    let states: Option<Vec<String>> = row.try_get("states")?;
    let imported: Option<Vec<bool>> = row.try_get("imported")?;
    let mut busy = Vec::new();
    let all = starts.unwrap_or_default().into_iter().zip(ends.unwrap_or_default());
    let why = states.unwrap_or_default().into_iter().zip(imported.unwrap_or_default());
    for ((start, end), (state, imported)) in all.zip(why) {
        let kind = match (imported, State::from_name(&state)) {
            (true, _) => BusyType::BusyUnavailable,
            (false, Some(State::Held | State::Pending)) => BusyType::BusyTentative,
            _ => BusyType::Busy,
        };
        busy.push(Busy { slot: Slot::new(start, end).map_err(|error| bad(error.to_string()))?, kind });
    }
    // Sorted here: the database would sort each of the four lists of each resource by itself.
    busy.sort_unstable();
    Ok(ResourceTimes {
        no: row.try_get("no")?,
        resource,
        policy: row.try_get::<Json<_>, _>("policy")?.0,
        opening,
        zone: row.try_get::<String, _>("zone")?.parse().map_err(|error| bad(format!("{error}")))?,
        busy,
    })
}
