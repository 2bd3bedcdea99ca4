//! Sensors that report and never change: the queries behind `stuck` findings.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::postgres::DatabaseError;
use serde::{Deserialize, Serialize};
use sqlx::postgres::types::PgInterval;
use sqlx::{FromRow, PgExecutor};

/// When a counter counts as stuck.
///
/// A counter's *now* is its own last report, so that the rule says the same of a live fleet and of a replayed one. It
/// is stuck when
/// 1. all its reports of the last `after` gave the same number (`after_at_limit` for an empty or a full car park, which
///    may well rest),
/// 2. there were at least `min_reports` of them, and they go back at least as far as that, and
/// 3. in the same stretch at least `neighbours` of the other counters that reported did change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StuckCounterRule {
    /// How long the number must have stood still.
    pub after: TimeDelta,
    /// The same for a number at its limit: nothing or everything occupied.
    pub after_at_limit: TimeDelta,
    /// Reports needed in that stretch.
    pub min_reports: i64,
    /// Share of the other counters that must have changed, 0..=1.
    pub neighbours: f64,
    /// How far back the beginning of the stand-still is looked for.
    pub lookback: TimeDelta,
}

impl Default for StuckCounterRule {
    fn default() -> Self {
        Self {
            after: TimeDelta::hours(24),
            after_at_limit: TimeDelta::hours(72),
            min_reports: 6,
            neighbours: 0.5,
            lookback: TimeDelta::days(92),
        }
    }
}

/// A counter that the rule found.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, Deserialize)]
pub struct StuckCounter {
    /// Its place.
    pub place: String,
    /// Its zone.
    pub zone: String,
    /// The number that it keeps giving.
    pub occupied: i32,
    /// First report of the stand-still (not before the rule's lookback).
    pub since: DateTime<Utc>,
    /// Last report.
    pub last_at: DateTime<Utc>,
    /// Reports since then.
    pub reports: i64,
    /// No other number is known from it within the lookback: it may never have worked.
    pub never_changed: bool,
    /// Other counters that reported in the rule's stretch.
    pub neighbours: i64,
    /// Those of them that changed.
    pub neighbours_changed: i64,
}

const STUCK_COUNTERS: &str = "
WITH RECURSIVE counter AS (
    -- The names of all counters, by skipping along the index instead of reading every row.
    (SELECT place, zone FROM parking_reading ORDER BY place, zone LIMIT 1)
    UNION ALL
    SELECT n.place, n.zone FROM counter c CROSS JOIN LATERAL (
        SELECT r.place, r.zone FROM parking_reading r
        WHERE (r.place, r.zone) > (c.place, c.zone) ORDER BY r.place, r.zone LIMIT 1
    ) n
),
latest AS (
    SELECT c.place, c.zone, l.at AS last_at, l.occupied, COALESCE(l.percent, l.occupied) AS said,
           l.at - CASE WHEN l.occupied <= 0 OR l.occupied >= l.capacity THEN $2 ELSE $1 END AS still_from
    FROM counter c CROSS JOIN LATERAL (
        SELECT at, occupied, capacity, percent FROM parking_reading r
        WHERE r.place = c.place AND r.zone = c.zone ORDER BY at DESC LIMIT 1
    ) l
),
still AS (
    SELECT l.*, s.since, s.reports, m.at IS NULL AS never_changed
    FROM latest l
    CROSS JOIN LATERAL (
        SELECT max(r.at) AS at FROM parking_reading r
        WHERE r.place = l.place AND r.zone = l.zone AND COALESCE(r.percent, r.occupied) <> l.said
          AND r.at >= l.last_at - $5 AND r.at < l.last_at
    ) m
    CROSS JOIN LATERAL (
        SELECT min(r.at) AS since, count(*) AS reports FROM parking_reading r
        WHERE r.place = l.place AND r.zone = l.zone AND r.at <= l.last_at AND r.at > COALESCE(m.at, l.last_at - $5)
    ) s
    WHERE s.since <= l.still_from
)
SELECT s.place, s.zone, s.occupied, s.since, s.last_at, s.reports, s.never_changed,
       n.reported AS neighbours, n.changed AS neighbours_changed
FROM still s
CROSS JOIN LATERAL (
    SELECT count(*) AS recent FROM parking_reading r
    WHERE r.place = s.place AND r.zone = s.zone AND r.at BETWEEN s.still_from AND s.last_at
) w
CROSS JOIN LATERAL (
    SELECT count(*) AS reported, count(*) FILTER (WHERE o.moved) AS changed
    FROM (
        SELECT min(COALESCE(r.percent, r.occupied)) <> max(COALESCE(r.percent, r.occupied)) AS moved
        FROM counter c JOIN parking_reading r ON r.place = c.place AND r.zone = c.zone
        WHERE (c.place, c.zone) <> (s.place, s.zone) AND r.at BETWEEN s.still_from AND s.last_at
        GROUP BY c.place, c.zone
    ) o
) n
WHERE w.recent >= $3 AND n.changed > 0 AND n.changed >= n.reported * $4::float8
ORDER BY s.place, s.zone";

/// The counters that are stuck among all that ever reported, which are each other's neighbours.
///
/// # Errors
/// When the database cannot answer.
pub async fn stuck_counters(
    database: impl PgExecutor<'_>,
    rule: StuckCounterRule,
) -> Result<Vec<StuckCounter>, DatabaseError> {
    let found = sqlx::query_as(STUCK_COUNTERS)
        .bind(interval(rule.after))
        .bind(interval(rule.after_at_limit))
        .bind(rule.min_reports)
        .bind(rule.neighbours)
        .bind(interval(rule.lookback))
        .fetch_all(database)
        .await?;
    Ok(found)
}

/// When the sensor of a single space counts as stuck: it reports, has not changed for `after`, and the other spaces of
/// its zone changed `neighbour_changes` times each on average in the same stretch. Where 8 changes are expected, a
/// sound sensor shows none in one of 3,000 stretches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StuckSpaceRule {
    /// How long the state must have stood still.
    pub after: TimeDelta,
    /// How long ago the last report may be for the sensor to count as reporting.
    pub reporting: TimeDelta,
    /// Mean changes per other space of the zone needed in that stretch.
    pub neighbour_changes: f64,
}

impl Default for StuckSpaceRule {
    fn default() -> Self {
        Self { after: TimeDelta::hours(24), reporting: TimeDelta::hours(1), neighbour_changes: 8.0 }
    }
}

/// A zone in which some space has not changed for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietZone {
    /// The place.
    pub place: String,
    /// The zone.
    pub zone: String,
    /// The zone's now: its latest report.
    pub now: DateTime<Utc>,
}

/// How much the spaces of a zone changed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ActiveZone {
    /// The place.
    pub place: String,
    /// The zone.
    pub zone: String,
    /// Arrivals and departures in the stretch.
    pub changes: i64,
    /// Spaces that changed at all.
    pub spaces: i64,
}

const ZONE_ACTIVITY: &str = "
SELECT z.place, z.zone, count(*) AS changes, count(DISTINCT t.space) AS spaces
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS z(place, zone, now)
JOIN parking_transition t ON t.place = z.place AND t.zone = z.zone AND t.at > z.now - $4 AND t.at <= z.now
                         AND t.kind IN ('park_start', 'park_end')
GROUP BY z.place, z.zone";

/// The changes in each zone over `stretch` before its now. Zones without a change are absent.
///
/// # Errors
/// When the database cannot answer.
pub async fn zone_activity(
    database: impl PgExecutor<'_>,
    zones: &[QuietZone],
    stretch: TimeDelta,
) -> Result<Vec<ActiveZone>, DatabaseError> {
    if zones.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<&str> = zones.iter().map(|zone| zone.place.as_str()).collect();
    let names: Vec<&str> = zones.iter().map(|zone| zone.zone.as_str()).collect();
    let nows: Vec<DateTime<Utc>> = zones.iter().map(|zone| zone.now).collect();
    let query = sqlx::query_as(ZONE_ACTIVITY).bind(places).bind(names).bind(nows).bind(interval(stretch));
    Ok(query.fetch_all(database).await?)
}

/// A length of time as PostgreSQL takes it.
fn interval(length: TimeDelta) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: length.num_microseconds().unwrap_or(i64::MAX) }
}
