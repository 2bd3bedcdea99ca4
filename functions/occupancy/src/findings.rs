//! Findings for maintenance: sensors that are silent, run low, or report and never change.
//!
//! Silent sensors and batteries are seen in the live state. Whether a state that never changes is wrong shows only
//! beside its neighbours, so that part asks the history ([`crate::sql::StuckCounterRule`],
//! [`crate::sql::StuckSpaceRule`]).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parvis_kit::postgres::DatabaseError;
use parvis_parking::{Connectivity, PlaceId, SpaceNumber, SpaceState, Status, ZoneId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::Rules;
use crate::current::PlaceNow;
use crate::series::rounded;
use crate::sql::{self, ActiveZone, QuietZone, StuckCounter};
use crate::state::App;
use crate::stuck_cache::{StuckCounters, by_place};

/// What is the matter with a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// It reports, and never changes while its neighbours do.
    Stuck,
    /// It has not been heard for too long.
    Silent,
    /// Its battery runs low.
    LowBattery,
}

/// What a finding rests on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Evidence {
    /// Of a stuck counter.
    Counter {
        /// The number that it keeps giving.
        occupied: i32,
        /// Its reports with that number.
        reports: i64,
        /// Its last report.
        last_at: DateTime<Utc>,
        /// It never gave another number: it may never have worked. Otherwise it worked until `since`.
        never_changed: bool,
        /// Other counters that reported in the same stretch.
        neighbours: i64,
        /// Those of them that changed.
        neighbours_changed: i64,
    },
    /// Of the stuck sensor of a space.
    Space {
        /// The status that it keeps giving.
        status: Status,
        /// Its last report.
        last_at: DateTime<Utc>,
        /// Arrivals and departures per other space of the zone in the rule's stretch.
        neighbour_changes: f64,
    },
    /// Of a silent sensor.
    Silence {
        /// When it was last heard.
        seen_at: DateTime<Utc>,
    },
    /// Of a low battery.
    Battery {
        /// Percent left.
        battery: u8,
        /// Percent at or below which it counts as low.
        threshold: u8,
    },
}

/// Something to look after.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Finding {
    /// What is the matter.
    pub kind: FindingKind,
    /// The zone.
    #[schema(value_type = String, example = "Zone_A")]
    pub zone: ZoneId,
    /// The space; null for a counter.
    #[schema(value_type = Option<u32>, example = 3)]
    pub space: Option<SpaceNumber>,
    /// Since when, as far as is known.
    pub since: DateTime<Utc>,
    /// What the finding rests on.
    pub evidence: Evidence,
    /// The finding in a sentence.
    pub text: String,
}

/// What the live state alone tells.
#[must_use]
pub fn of_live(place: &PlaceNow, rules: &Rules, now: DateTime<Utc>) -> Vec<Finding> {
    let in_service = |zone: &ZoneId, number| {
        place.record.is_open(zone) && place.record.zone(zone).is_none_or(|registered| !registered.is_closed(number))
    };
    let spaces = place.reporting().filter(|(zone, number, _)| in_service(zone, *number));
    let spaces = spaces.flat_map(|(zone, number, state)| {
        [silent_space(zone, number, state), low_battery(zone, number, state, rules.low_battery_percent)]
    });
    let counters = place.blocks.iter().filter(|block| place.record.is_open(&block.key.zone)).filter_map(|block| {
        let state = block.block.as_counter()?.state()?;
        (now - state.seen_at > rules.counter_silent_after).then(|| Finding {
            kind: FindingKind::Silent,
            zone: block.key.zone.clone(),
            space: None,
            since: state.seen_at,
            evidence: Evidence::Silence { seen_at: state.seen_at },
            text: format!("The counter of {} has not been heard since {}.", block.key.zone, minute(state.seen_at)),
        })
    });
    spaces.flatten().chain(counters).collect()
}

fn silent_space(zone: &ZoneId, number: SpaceNumber, state: &SpaceState) -> Option<Finding> {
    (state.connectivity() == Connectivity::Lost).then(|| Finding {
        kind: FindingKind::Silent,
        zone: zone.clone(),
        space: Some(number),
        since: state.lost_since().unwrap_or_else(|| state.seen_at()),
        evidence: Evidence::Silence { seen_at: state.seen_at() },
        text: format!("The sensor of space {number} in {zone} has not been heard since {}.", minute(state.seen_at())),
    })
}

fn low_battery(zone: &ZoneId, number: SpaceNumber, state: &SpaceState, threshold: u8) -> Option<Finding> {
    let battery = state.battery().filter(|battery| *battery <= threshold)?;
    Some(Finding {
        kind: FindingKind::LowBattery,
        zone: zone.clone(),
        space: Some(number),
        // When it fell below is not kept; the last report is when it is known to be low.
        since: state.seen_at(),
        evidence: Evidence::Battery { battery, threshold },
        text: format!("The battery of space {number} in {zone} is at {battery} %."),
    })
}

fn stuck_counter(zone: ZoneId, found: &StuckCounter) -> Finding {
    let history = if found.never_changed { "has never given another number" } else { "has stood still" };
    let text = format!(
        "The counter of {zone} {history}: {} vehicles in {} reports since {}, while {} of {} other counters changed.",
        found.occupied,
        found.reports,
        minute(found.since),
        found.neighbours_changed,
        found.neighbours
    );
    Finding {
        kind: FindingKind::Stuck,
        zone,
        space: None,
        since: found.since,
        evidence: Evidence::Counter {
            occupied: found.occupied,
            reports: found.reports,
            last_at: found.last_at,
            never_changed: found.never_changed,
            neighbours: found.neighbours,
            neighbours_changed: found.neighbours_changed,
        },
        text,
    }
}

/// A space that reports and has not changed for the rule's time: a finding, if its zone turns out to be busy.
#[derive(Clone, Debug, PartialEq)]
struct QuietSpace {
    zone: ZoneId,
    number: SpaceNumber,
    status: Status,
    since: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

/// The quiet spaces of a place, and the present of its sensors' clocks. That present, and not the wall's, is compared
/// with, so that a replayed past is judged like a live one.
fn quiet_spaces(place: &PlaceNow, rules: &Rules) -> Option<(DateTime<Utc>, Vec<QuietSpace>)> {
    let now = place.reporting().filter_map(|(_, _, state)| state.at()).max()?;
    let rule = rules.stuck_space;
    let spaces = place.reporting().filter_map(|(zone, number, state)| {
        let (status, since, last_at) = (state.status()?, state.since()?, state.at()?);
        let registered = place.record.zone(zone);
        let quiet = now - last_at <= rule.reporting
            && last_at - since >= rule.after
            && state.connectivity() == Connectivity::Online
            && place.record.is_open(zone)
            && registered.is_none_or(|zone| !zone.is_closed(number));
        quiet.then(|| QuietSpace { zone: zone.clone(), number, status, since, last_at })
    });
    Some((now, spaces.collect()))
}

/// The quiet spaces whose zones are busy.
fn stuck_spaces(place: &PlaceNow, quiet: Vec<QuietSpace>, activity: &[ActiveZone], rules: &Rules) -> Vec<Finding> {
    let stuck = quiet.into_iter().filter_map(|space| {
        let active = activity.iter().find(|active| active.zone == space.zone.as_str())?;
        let is_other = |zone: &ZoneId, number| *zone == space.zone && number != space.number;
        let others = place.reporting().filter(|(zone, number, _)| is_other(zone, *number)).count();
        // A space that did not change in the stretch has no part in the zone's changes. Both numbers stay far below
        // 2^52.
        let changes = active.changes as f64 / others.max(1) as f64;
        (others > 0 && changes >= rules.stuck_space.neighbour_changes).then(|| Finding {
            kind: FindingKind::Stuck,
            since: space.since,
            evidence: Evidence::Space {
                status: space.status,
                last_at: space.last_at,
                neighbour_changes: rounded(changes),
            },
            text: format!(
                "The sensor of space {} in {} has reported {} since {}, \
                 while the other spaces of the zone changed {changes:.1} times each.",
                space.number,
                space.zone,
                space.status.as_str(),
                minute(space.since)
            ),
            zone: space.zone,
            space: Some(space.number),
        })
    });
    stuck.collect()
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

impl App {
    /// The stuck counters of the fleet, asked of the database.
    async fn ask_stuck_counters(self) -> Result<StuckCounters, DatabaseError> {
        let asked_at = self.now();
        let found = sql::stuck_counters(self.database().pool().await?, self.rules().stuck_counter).await?;
        let found = by_place(found);
        self.shared_stuck().share(self.places().store(), &found, asked_at).await;
        Ok(found)
    }

    /// The stuck counters of the fleet as last found by any sandbox, without waiting for the database; `None` before it has answered.
    /// Whoever finds them old looks for them in the background.
    pub async fn last_known_stuck_counters(&self) -> Option<StuckCounters> {
        let shared = self.shared_stuck().read(self.places().store()).await;
        match shared {
            Some(found) if !found.is_old(self.now()) => Some(found.counters),
            old => {
                let app = self.clone();
                let own = self.stuck().last_known(move || app.ask_stuck_counters());
                old.map(|found| found.counters).or(own)
            }
        }
    }

    /// All findings of a place, by zone and space.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn findings(&self, place: &PlaceNow) -> Result<Vec<Finding>, DatabaseError> {
        let mut findings = of_live(place, self.rules(), self.now());
        let stuck = self.stuck().recent(|| self.clone().ask_stuck_counters()).await?;
        findings.extend(counters_of(place, &stuck));
        if let Some((now, quiet)) = quiet_spaces(place, self.rules()).filter(|(_, quiet)| !quiet.is_empty()) {
            let zones = quiet_zones(&place.record.place.id, &quiet, now);
            let activity =
                sql::zone_activity(self.database().pool().await?, &zones, self.rules().stuck_space.after).await?;
            findings.extend(stuck_spaces(place, quiet, &activity, self.rules()));
        }
        findings.sort_by(|a, b| (&a.zone, a.space, a.kind).cmp(&(&b.zone, b.space, b.kind)));
        Ok(findings)
    }
}

/// The findings about the place's own counters, among the stuck ones of the fleet.
pub fn counters_of(place: &PlaceNow, stuck: &HashMap<String, Vec<StuckCounter>>) -> Vec<Finding> {
    let own = stuck.get(place.record.place.id.as_str()).into_iter().flatten();
    let own = own.filter_map(|counter| Some((counter.zone.parse::<ZoneId>().ok()?, counter)));
    own.filter(|(zone, _)| place.record.is_open(zone)).map(|(zone, counter)| stuck_counter(zone, counter)).collect()
}

fn quiet_zones(place: &PlaceId, quiet: &[QuietSpace], now: DateTime<Utc>) -> Vec<QuietZone> {
    let mut zones: Vec<QuietZone> =
        quiet.iter().map(|space| QuietZone { place: place.to_string(), zone: space.zone.to_string(), now }).collect();
    zones.dedup();
    zones
}
