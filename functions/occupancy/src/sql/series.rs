//! Time-weighted means over the transitions of numbered spaces.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_kit::postgres::DatabaseError;
use parvis_parking::{SpaceNumber, ZoneId};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgExecutor};
use utoipa::ToSchema;

/// The width of a bucket of a series. Hours and days are those of the place's own clock, so that a day of 23 or 25
/// hours is one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// One minute.
    Minute,
    /// One hour.
    Hour,
    /// One calendar day.
    Day,
}

impl Step {
    /// The name that `date_trunc` knows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// An interval that no bucket is shorter than: probing the window at such steps finds every bucket. A clock change
    /// can take half an hour off an hour (Lord Howe Island) and some hours off a day.
    const fn probe(self) -> &'static str {
        match self {
            Self::Minute => "1 minute",
            Self::Hour => "30 minutes",
            Self::Day => "12 hours",
        }
    }
}

/// A half-open range of time in the clock of a place.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// First instant inside.
    pub from: DateTime<Utc>,
    /// First instant after.
    pub to: DateTime<Utc>,
    /// The place's zone of time, in which hours and days begin.
    pub timezone: Tz,
}

/// The numbered spaces that a series is about, as two columns of equal length.
///
/// They are named rather than taken from the history, so that a closed space does not count and a space that has never
/// changed does.
#[derive(Clone, Debug, Default)]
pub struct SpaceSet {
    zones: Vec<String>,
    numbers: Vec<i32>,
}

impl SpaceSet {
    /// Whether no space is in the set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    /// How many spaces are in the set.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.zones.len()
    }

    /// The zone of each space, parallel to [`Self::numbers`].
    #[must_use]
    pub fn zones(&self) -> &[String] {
        &self.zones
    }

    /// The number of each space, parallel to [`Self::zones`].
    #[must_use]
    pub fn numbers(&self) -> &[i32] {
        &self.numbers
    }
}

impl<'a> FromIterator<(&'a ZoneId, SpaceNumber)> for SpaceSet {
    fn from_iter<I: IntoIterator<Item = (&'a ZoneId, SpaceNumber)>>(spaces: I) -> Self {
        let (zones, numbers) =
            spaces.into_iter().map(|(zone, number)| (zone.to_string(), i32::from(number.get()))).unzip();
        Self { zones, numbers }
    }
}

/// What is counted: spaces between a beginning and an end event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spaces between `park_start` and `park_end`.
    Occupied,
    /// Spaces between `comms_lost` and `comms_restored`.
    Offline,
}

impl Signal {
    const fn begins(self) -> &'static str {
        match self {
            Self::Occupied => "park_start",
            Self::Offline => "comms_lost",
        }
    }

    const fn ends(self) -> &'static str {
        match self {
            Self::Occupied => "park_end",
            Self::Offline => "comms_restored",
        }
    }
}

/// Whether a series is of the whole set of spaces or one per zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// One series.
    Together,
    /// One series per zone.
    ByZone,
}

/// One bucket of a series.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Bucket {
    /// The zone, or empty for [`Grouping::Together`].
    #[sqlx(rename = "grp")]
    pub group: String,
    /// When the bucket begins. The first bucket begins where its hour or day does, which may be before the window.
    pub at: DateTime<Utc>,
    /// The time-weighted mean of spaces for which the signal held, over the part of the bucket inside the window.
    pub mean: f64,
    /// Length of that part in seconds: the weight of the bucket in a mean over buckets.
    pub seconds: f64,
}

/// The state of each space at the window's start is its last event before it, or, when its past is not kept, the
/// opposite of its first event since. In a bucket the count is what it was at its beginning, changed by each event for
/// the rest of the bucket; so the sum over time follows from the number of events and the sum of their times, without
/// putting them in order. Times are seconds after the window's start: seconds since 1970 would leave floating point too
/// few digits for the differences.
const SERIES: &str = "
WITH space AS (
    SELECT zone, number, CASE WHEN $6 THEN zone ELSE '' END AS grp FROM unnest($2::text[], $3::int[]) AS s(zone, number)
),
baseline AS (
    SELECT s.grp, count(*) FILTER (WHERE COALESCE(
        (SELECT t.kind = $9 FROM parking_transition t
         WHERE t.place = $1 AND t.zone = s.zone AND t.space = s.number AND t.at < $4 AND t.kind IN ($9, $10)
         ORDER BY t.at DESC LIMIT 1),
        (SELECT t.kind = $10 FROM parking_transition t
         WHERE t.place = $1 AND t.zone = s.zone AND t.space = s.number AND t.at >= $4 AND t.kind IN ($9, $10)
         ORDER BY t.at LIMIT 1),
        false)) AS held
    FROM space s GROUP BY s.grp
),
bucket AS (
    SELECT at, extract(epoch FROM greatest(at, $4) - $4)::float8 AS begins,
           extract(epoch FROM lead(at, 1, $5) OVER (ORDER BY at) - $4)::float8 AS ends
    FROM (
        SELECT DISTINCT date_trunc($7, probe.at, $8) AS at
        FROM (SELECT generate_series($4, $5, $11::interval) UNION ALL SELECT $5 - interval '1 microsecond')
             AS probe(at)
        WHERE probe.at < $5
    ) b
),
change AS (
    SELECT s.grp, date_trunc($7, t.at, $8) AS at, sum(t.delta) AS net, sum(t.delta * t.seconds) AS moment
    FROM (
        SELECT zone, space, at, CASE kind WHEN $9 THEN 1 ELSE -1 END AS delta,
               extract(epoch FROM at - $4)::float8 AS seconds
        FROM parking_transition WHERE place = $1 AND at >= $4 AND at < $5 AND kind IN ($9, $10)
    ) t
    JOIN space s ON s.zone = t.zone AND s.number = t.space
    GROUP BY 1, 2
)
SELECT base.grp, b.at, b.ends - b.begins AS seconds,
       greatest(0, base.held
           + COALESCE(sum(c.net) OVER (
                 PARTITION BY base.grp ORDER BY b.at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
           + COALESCE((c.net * b.ends - c.moment) / (b.ends - b.begins), 0))::float8 AS mean
FROM baseline base CROSS JOIN bucket b LEFT JOIN change c ON c.grp = base.grp AND c.at = b.at
ORDER BY b.at, base.grp";

/// The series of a signal over a set of spaces. Empty when the set or the window is.
///
/// # Errors
/// When the database cannot answer.
pub async fn space_series(
    database: impl PgExecutor<'_>,
    place: &str,
    spaces: &SpaceSet,
    window: Window,
    step: Step,
    signal: Signal,
    grouping: Grouping,
) -> Result<Vec<Bucket>, DatabaseError> {
    if spaces.is_empty() || window.from >= window.to {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_as(SERIES)
        .bind(place)
        .bind(&spaces.zones)
        .bind(&spaces.numbers)
        .bind(window.from)
        .bind(window.to)
        .bind(grouping == Grouping::ByZone)
        .bind(step.name())
        .bind(window.timezone.name())
        .bind(signal.begins())
        .bind(signal.ends())
        .bind(step.probe())
        .fetch_all(database)
        .await?;
    Ok(rows)
}
