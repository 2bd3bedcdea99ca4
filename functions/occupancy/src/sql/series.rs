//! Time-weighted means over the transitions of numbered spaces.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_kit::postgres::DatabaseError;
use parvis_parking::{SpaceNumber, ZoneId};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgExecutor};
use utoipa::ToSchema;

/// The width of a bucket of a series. Hours and days are those of the place's own clock, so that a day of 23 or 25 hours is one bucket.
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

    /// How far apart the cuts are at which a constant stretch is divided between buckets. Half hours for hours, because a clock change
    /// may be one of half an hour (Lord Howe Island) and a cut too many does no harm; days are cut at local midnights instead.
    const fn cut(self) -> &'static str {
        match self {
            Self::Minute => "1 minute",
            Self::Hour => "30 minutes",
            Self::Day => "1 day",
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
/// They are named rather than taken from the history, so that a closed space does not count and a space that has never changed does.
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
    pub group: String,
    /// When the bucket begins. The first bucket begins where its hour or day does, which may be before the window.
    pub at: DateTime<Utc>,
    /// The time-weighted mean of spaces for which the signal held, over the part of the bucket inside the window.
    pub mean: f64,
    /// Length of that part in seconds: the weight of the bucket in a mean over buckets.
    pub seconds: f64,
}

/// The state of each space at the window's start is its last event before it, or, when its past is not kept, the opposite of its first
/// event since. A running sum over that baseline and the changes gives the count between any two changes; stretches are also cut at the
/// bounds of the buckets, so that each lies in exactly one and weighs as long as it lasted.
const SERIES: &str = "
WITH space AS (
    SELECT zone, number FROM unnest($2::text[], $3::int[]) AS s(zone, number)
),
change AS (
    SELECT CASE WHEN $6 THEN t.zone ELSE '' END AS grp, t.at, CASE t.kind WHEN $9 THEN 1 ELSE -1 END AS delta
    FROM parking_transition t JOIN space s ON s.zone = t.zone AND s.number = t.space
    WHERE t.place = $1 AND t.at >= $4 AND t.at < $5 AND t.kind IN ($9, $10)
    UNION ALL
    SELECT CASE WHEN $6 THEN s.zone ELSE '' END, $4, CASE WHEN COALESCE(
        (SELECT t.kind = $9 FROM parking_transition t
         WHERE t.place = $1 AND t.zone = s.zone AND t.space = s.number AND t.at < $4 AND t.kind IN ($9, $10)
         ORDER BY t.at DESC LIMIT 1),
        (SELECT t.kind = $10 FROM parking_transition t
         WHERE t.place = $1 AND t.zone = s.zone AND t.space = s.number AND t.at >= $4 AND t.kind IN ($9, $10)
         ORDER BY t.at LIMIT 1),
        false) THEN 1 ELSE 0 END
    FROM space s
    UNION ALL
    SELECT g.grp, cut.at, 0
    FROM (SELECT DISTINCT CASE WHEN $6 THEN zone ELSE '' END AS grp FROM space) g
    CROSS JOIN LATERAL (
        SELECT CASE WHEN $7 = 'day' THEN day.at AT TIME ZONE $8 END AS at
        FROM generate_series(date_trunc('day', $4 AT TIME ZONE $8), $5 AT TIME ZONE $8, interval '1 day') AS day(at)
        WHERE $7 = 'day'
        UNION ALL
        SELECT fine.at FROM generate_series(date_trunc($7, $4, $8), $5, $11::interval) AS fine(at) WHERE $7 <> 'day'
    ) cut
    WHERE cut.at > $4 AND cut.at < $5
),
run AS (
    SELECT grp, at,
           sum(sum(delta)) OVER (PARTITION BY grp ORDER BY at) AS held,
           extract(epoch FROM lead(at, 1, $5) OVER (PARTITION BY grp ORDER BY at) - at) AS seconds
    FROM change GROUP BY grp, at
)
SELECT grp AS "group", date_trunc($7, at, $8) AS at,
       (sum(held * seconds) / sum(seconds))::float8 AS mean, sum(seconds)::float8 AS seconds
FROM run GROUP BY 1, 2 ORDER BY 2, 1";

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
        .bind(step.cut())
        .fetch_all(database)
        .await?;
    Ok(rows)
}
