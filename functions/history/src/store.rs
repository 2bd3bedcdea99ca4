//! The tables of history.

use std::{collections::HashSet, ops::AddAssign, sync::Mutex, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use parvis_kit::postgres::{Database, DatabaseError, begin};
use parvis_parking::EventKind;
use sqlx::{PgConnection, PgPool};

use crate::edits::{Edits, TransitionKey, Verdict};

/// What an application of edits has changed; edits known before change nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Transitions written.
    pub recorded: u64,
    /// Transitions removed.
    pub retracted: u64,
    /// Counter readings written.
    pub readings: u64,
}

impl AddAssign for Applied {
    fn add_assign(&mut self, other: Self) {
        self.recorded += other.recorded;
        self.retracted += other.retracted;
        self.readings += other.readings;
    }
}

/// How long a statement may take: short enough for an invocation to try smaller pieces when one of them is too much.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The tables of history, and the months whose partitions this sandbox knows to be there.
#[derive(Debug)]
pub struct HistoryStore {
    database: Database,
    months: Mutex<HashSet<NaiveDate>>,
    statement_timeout: Duration,
}

impl HistoryStore {
    /// The tables in `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, months: Mutex::new(HashSet::new()), statement_timeout: STATEMENT_TIMEOUT }
    }

    /// The same with another time after which the server cancels a statement (SQLSTATE 57014).
    #[must_use]
    pub fn with_statement_timeout(self, statement_timeout: Duration) -> Self {
        Self { statement_timeout, ..self }
    }

    /// Applies `edits` in one transaction. Applying them again changes nothing.
    ///
    /// # Errors
    /// When the database fails; nothing is changed then.
    pub async fn apply(&self, edits: &Edits) -> Result<Applied, DatabaseError> {
        let pool = self.database.pool().await?;
        self.ensure_partitions(pool, &edits.months()).await?;
        let mut transaction = begin(pool).await?;
        sqlx::query("SELECT set_config('statement_timeout', $1, true)")
            .bind(self.statement_timeout.as_millis().to_string())
            .execute(&mut *transaction)
            .await?;
        // A shard that changes hands may have two invocations at the same place for a moment. Dwell times look at
        // neighbouring rows, so those take turns.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended(place, 0)) FROM unnest($1) AS place")
            .bind(edits.places())
            .execute(&mut *transaction)
            .await?;
        let retracted = retract(&mut transaction, &Rows::of(edits, Verdict::Retracted)).await?;
        let recorded = record(&mut transaction, &Rows::of(edits, Verdict::Recorded)).await?;
        measure_dwell(&mut transaction, edits).await?;
        let readings = read(&mut transaction, edits).await?;
        transaction.commit().await?;
        Ok(Applied { recorded, retracted, readings })
    }

    /// Makes missing partitions, before the transaction: making them inside would hold locks on the whole tables.
    async fn ensure_partitions(&self, pool: &PgPool, months: &[NaiveDate]) -> Result<(), DatabaseError> {
        let missing: Vec<NaiveDate> = {
            let known = self.known_months();
            months.iter().filter(|month| !known.contains(month)).copied().collect()
        };
        if !missing.is_empty() {
            sqlx::query("SELECT parking_ensure_partitions($1)").bind(&missing).execute(pool).await?;
            self.known_months().extend(missing);
        }
        Ok(())
    }

    fn known_months(&self) -> std::sync::MutexGuard<'_, HashSet<NaiveDate>> {
        // A set of dates is never half written.
        self.months.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Transitions by column, for UNNEST.
#[derive(Default)]
struct Rows<'a> {
    places: Vec<&'a str>,
    zones: Vec<&'a str>,
    spaces: Vec<i32>,
    ats: Vec<DateTime<Utc>>,
    kinds: Vec<&'static str>,
    versions: Vec<i64>,
}

impl<'a> Rows<'a> {
    fn of(edits: &'a Edits, verdict: Verdict) -> Self {
        let mut rows = Self::default();
        for (key, version) in edits.transitions(verdict) {
            rows.push(key, version);
        }
        rows
    }

    fn push(&mut self, key: &'a TransitionKey, version: u64) {
        self.places.push(key.place.as_str());
        self.zones.push(key.zone.as_str());
        self.spaces.push(i32::from(key.space.get()));
        self.ats.push(key.at);
        self.kinds.push(key.kind.as_str());
        self.versions.push(to_bigint(version));
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// A version counts writes of one item; it does not reach 2^63.
fn to_bigint(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// Takes transitions back, and remembers that, so that an older image that comes later does not revive them.
async fn retract(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<u64, DatabaseError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let removed = sqlx::query(
        "WITH taken_back AS (
             SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::bigint[])
                 AS n (place, zone, space, at, kind, version)
         ), remembered AS (
             INSERT INTO parking_retraction AS known (place, zone, space, at, kind, version)
             SELECT place, zone, space, at, kind, version FROM taken_back
             ON CONFLICT (place, zone, space, at, kind)
                 DO UPDATE SET version = excluded.version WHERE known.version < excluded.version
         )
         DELETE FROM parking_transition t USING taken_back n
         WHERE t.place = n.place AND t.zone = n.zone AND t.space = n.space AND t.at = n.at AND t.kind = n.kind
           AND t.version < n.version",
    )
    .bind(&rows.places)
    .bind(&rows.zones)
    .bind(&rows.spaces)
    .bind(&rows.ats)
    .bind(&rows.kinds)
    .bind(&rows.versions)
    .execute(connection)
    .await?;
    Ok(removed.rows_affected())
}

/// Records transitions, unless a later image has taken them back.
async fn record(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<u64, DatabaseError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let written = sqlx::query(
        "INSERT INTO parking_transition AS known (place, zone, space, at, kind, version)
         SELECT place, zone, space, at, kind, version
         FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::bigint[])
             AS n (place, zone, space, at, kind, version)
         WHERE NOT EXISTS (
             SELECT FROM parking_retraction r
             WHERE r.place = n.place AND r.zone = n.zone AND r.space = n.space AND r.at = n.at AND r.kind = n.kind
               AND r.version > n.version
         )
         ON CONFLICT (place, zone, space, at, kind)
             DO UPDATE SET version = excluded.version WHERE known.version < excluded.version",
    )
    .bind(&rows.places)
    .bind(&rows.zones)
    .bind(&rows.spaces)
    .bind(&rows.ats)
    .bind(&rows.kinds)
    .bind(&rows.versions)
    .execute(connection)
    .await?;
    Ok(written.rows_affected())
}

/// Computes the dwell times that the edits may have changed: of departures at the edited times, and of the next departure
/// after each.
///
/// A departure ends the stay that began with the arrival just before it. Arrival and departure of the same instant, after a
/// departure, are a stay of no length.
async fn measure_dwell(connection: &mut PgConnection, edits: &Edits) -> Result<(), DatabaseError> {
    let mut touched = Rows::default();
    for verdict in [Verdict::Recorded, Verdict::Retracted] {
        let parking = |kind| matches!(kind, EventKind::ParkStart | EventKind::ParkEnd);
        for (key, version) in edits.transitions(verdict).filter(|(key, _)| parking(key.kind)) {
            touched.push(key, version);
        }
    }
    if touched.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH touched AS (
             SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[]) AS n (place, zone, space, at)
         ), affected AS (
             SELECT place, zone, space, at FROM touched
             UNION
             SELECT n.place, n.zone, n.space, next.at
             FROM touched n CROSS JOIN LATERAL (
                 SELECT t.at FROM parking_transition t
                 WHERE t.place = n.place AND t.zone = n.zone AND t.space = n.space AND t.at > n.at
                   AND t.kind IN ('park_start', 'park_end')
                 ORDER BY t.at LIMIT 1
             ) next
         ), measured AS (
             SELECT a.place, a.zone, a.space, a.at, CASE
                 WHEN before.kind = 'park_start' THEN trunc(extract(epoch FROM a.at - before.at))::bigint
                 WHEN EXISTS (
                     SELECT FROM parking_transition s
                     WHERE s.place = a.place AND s.zone = a.zone AND s.space = a.space AND s.at = a.at
                       AND s.kind = 'park_start'
                 ) THEN 0
             END AS dwell_seconds
             FROM affected a LEFT JOIN LATERAL (
                 SELECT t.at, t.kind FROM parking_transition t
                 WHERE t.place = a.place AND t.zone = a.zone AND t.space = a.space AND t.at < a.at
                   AND t.kind IN ('park_start', 'park_end')
                 ORDER BY t.at DESC, t.kind DESC LIMIT 1
             ) before ON true
         )
         UPDATE parking_transition e SET dwell_seconds = m.dwell_seconds
         FROM measured m
         WHERE e.place = m.place AND e.zone = m.zone AND e.space = m.space AND e.at = m.at AND e.kind = 'park_end'
           AND e.dwell_seconds IS DISTINCT FROM m.dwell_seconds",
    )
    .bind(&touched.places)
    .bind(&touched.zones)
    .bind(&touched.spaces)
    .bind(&touched.ats)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes counter readings; the first reading of a time holds.
async fn read(connection: &mut PgConnection, edits: &Edits) -> Result<u64, DatabaseError> {
    let (mut places, mut zones, mut ats, mut versions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut occupied, mut capacities, mut percents) = (Vec::new(), Vec::new(), Vec::new());
    for (key, version, counted) in edits.readings() {
        places.push(key.place.as_str());
        zones.push(key.zone.as_str());
        ats.push(key.at);
        versions.push(to_bigint(version));
        occupied.push(i32::try_from(counted.occupied).unwrap_or(i32::MAX));
        capacities.push(i32::try_from(counted.capacity).unwrap_or(i32::MAX));
        percents.push(counted.percent.map(parvis_parking::Percent::value));
    }
    if places.is_empty() {
        return Ok(0);
    }
    let written = sqlx::query(
        "INSERT INTO parking_reading AS known (place, zone, at, occupied, capacity, percent, version)
         SELECT * FROM unnest(
             $1::text[], $2::text[], $3::timestamptz[], $4::int[], $5::int[], $6::double precision[], $7::bigint[]
         )
         ON CONFLICT (place, zone, at) DO UPDATE
             SET occupied = excluded.occupied, capacity = excluded.capacity, percent = excluded.percent,
                 version = excluded.version
             WHERE known.version > excluded.version",
    )
    .bind(&places)
    .bind(&zones)
    .bind(&ats)
    .bind(&occupied)
    .bind(&capacities)
    .bind(&percents)
    .bind(&versions)
    .execute(connection)
    .await?;
    Ok(written.rows_affected())
}
