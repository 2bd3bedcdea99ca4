//! Occupancy over time: the numbered spaces and the counted zones of a place in one series.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use parvis_kit::postgres::{Database, DatabaseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::sql::{self, Bucket, CountedBucket, Grouping, Reading, Signal, SpaceSet, Step, Window};

/// Occupancy in one step of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Point {
    /// When the step begins.
    pub at: DateTime<Utc>,
    /// Occupied spaces: time-weighted mean of sensors, mean of the readings of counters.
    #[schema(example = 14.25)]
    #[serde(serialize_with = "plain")]
    pub occupied: f64,
    /// Spaces in service.
    #[schema(example = 24.0)]
    #[serde(serialize_with = "plain")]
    pub total: f64,
    /// Occupied per hundred spaces.
    #[schema(example = 59.38)]
    pub rate: f64,
}

impl Point {
    /// A point, its numbers rounded to the hundredth.
    #[must_use]
    pub fn new(at: DateTime<Utc>, occupied: f64, total: f64) -> Self {
        Self { at, occupied: rounded(occupied), total: rounded(total), rate: percent(occupied, total) }
    }
}

/// Writes whole numbers without a decimal point: counts of vehicles are whole wherever they are not means.
fn plain<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // Counts of spaces lie far within the whole numbers that a float holds exactly.
    if number.fract() == 0.0 { serializer.serialize_i64(*number as i64) } else { serializer.serialize_f64(*number) }
}

/// Rounded to the hundredth, as all means in the API.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// `part` per hundred of `whole`, rounded to the hundredth; 0 of nothing.
#[must_use]
pub fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { rounded(part * 100.0 / whole) } else { 0.0 }
}

/// What a series is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Spaces with a sensor each.
    pub spaces: SpaceSet,
    /// Zones with a counter.
    pub counters: Vec<String>,
}

/// A count of occupied spaces out of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Level {
    occupied: f64,
    total: f64,
}

/// The occupancy of the sources in each step of the window. Steps of which nothing is known are absent: those before
/// the place's first record, and, where there are only counters, those without a reading.
///
/// # Errors
/// When the database cannot answer.
pub async fn occupancy(
    database: &Database,
    place: &str,
    sources: &Sources,
    window: Window,
    step: Step,
) -> Result<Vec<Point>, DatabaseError> {
    let pool = database.pool().await?;
    let Some(window) = known_part(pool, place, &sources.counters, window).await? else { return Ok(Vec::new()) };
    let (spaces, counted, before) = tokio::try_join!(
        sql::space_series(pool, place, &sources.spaces, window, step, Signal::Occupied, Grouping::Together),
        sql::counter_series(pool, place, &sources.counters, window, step),
        sql::latest_readings_before(pool, place, &sources.counters, window.from),
    )?;
    Ok(combine(&spaces, sources.spaces.len(), &counted, &before))
}

/// The occupancy of each zone in each step of the window, by zone: what [`occupancy`] tells of each alone, in as many
/// queries as for one.
///
/// # Errors
/// When the database cannot answer.
pub async fn occupancy_by_zone(
    database: &Database,
    place: &str,
    sources: &Sources,
    window: Window,
    step: Step,
) -> Result<BTreeMap<String, Vec<Point>>, DatabaseError> {
    let pool = database.pool().await?;
    // Readings of counters say nothing of spaces: these are known from the place's first event on.
    let spaces = async {
        match known_part(pool, place, &[], window).await? {
            Some(known) => {
                sql::space_series(pool, place, &sources.spaces, known, step, Signal::Occupied, Grouping::ByZone).await
            }
            None => Ok(Vec::new()),
        }
    };
    let counted = sql::counter_series(pool, place, &sources.counters, window, step);
    let (spaces, counted) = tokio::try_join!(spaces, counted)?;
    Ok(split(&spaces, sources.spaces.zones(), &counted))
}

/// The points of each zone. A zone has spaces or a counter, never both; so a counter has a point where it has a reading.
fn split(spaces: &[Bucket], zone_of_each_space: &[String], counted: &[CountedBucket]) -> BTreeMap<String, Vec<Point>> {
    let mut totals: HashMap<&str, f64> = HashMap::new();
    for zone in zone_of_each_space {
        *totals.entry(zone).or_default() += 1.0;
    }
    let mut zones: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for bucket in spaces {
        let total = totals.get(bucket.group.as_str()).copied().unwrap_or_default();
        zones.entry(bucket.group.clone()).or_default().push(Point::new(bucket.at, bucket.mean, total));
    }
    for bucket in counted {
        let point = Point::new(bucket.at, bucket.occupied, bucket.capacity);
        zones.entry(bucket.zone.clone()).or_default().push(point);
    }
    zones
}

/// The part of the window from the place's first record on.
///
/// # Errors
/// When the database cannot answer.
pub async fn known_part(
    pool: &sqlx::PgPool,
    place: &str,
    counters: &[String],
    window: Window,
) -> Result<Option<Window>, DatabaseError> {
    let first = sql::first_record(pool, place, counters).await?;
    Ok(first.map(|first| Window { from: window.from.max(first), ..window }).filter(|window| window.from < window.to))
}

/// Adds the counted zones to the spaces. A counter without a reading in a step still says what it said last.
fn combine(
    spaces: &[Bucket],
    number_of_spaces: usize,
    counted: &[CountedBucket],
    before: &HashMap<String, Reading>,
) -> Vec<Point> {
    // Spaces of one place stay far below 2^52.
    let total = number_of_spaces as f64;
    let mut steps: BTreeMap<DateTime<Utc>, Level> =
        spaces.iter().map(|bucket| (bucket.at, Level { occupied: bucket.mean, total })).collect();
    let mut readings: BTreeMap<DateTime<Utc>, Vec<&CountedBucket>> = BTreeMap::new();
    for bucket in counted {
        steps.entry(bucket.at).or_default();
        readings.entry(bucket.at).or_default().push(bucket);
    }
    let mut last: HashMap<&str, Level> =
        before.iter().map(|(zone, reading)| (zone.as_str(), level_of(reading))).collect();
    let points = steps.into_iter().map(|(at, mut level)| {
        for bucket in readings.get(&at).into_iter().flatten() {
            last.insert(&bucket.zone, Level { occupied: bucket.occupied, total: bucket.capacity });
        }
        for counter in last.values() {
            level.occupied += counter.occupied;
            level.total += counter.total;
        }
        Point::new(at, level.occupied, level.total)
    });
    points.collect()
}

fn level_of(reading: &Reading) -> Level {
    Level { occupied: reading.exact(), total: f64::from(reading.capacity) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn bucket(hour: i64, mean: f64) -> Bucket {
        Bucket { group: String::new(), at: at(hour), mean, seconds: 3600.0 }
    }

    fn counted(zone: &str, hour: i64, occupied: f64) -> CountedBucket {
        CountedBucket { zone: zone.to_owned(), at: at(hour), occupied, capacity: 100.0 }
    }

    #[test]
    fn spaces_and_counters_add_up() {
        let points = combine(
            &[bucket(0, 2.5), bucket(1, 3.0)],
            5,
            &[counted("c", 0, 45.0), counted("c", 1, 50.0)],
            &HashMap::new(),
        );
        assert_eq!(points, [Point::new(at(0), 47.5, 105.0), Point::new(at(1), 53.0, 105.0)]);
    }

    #[test]
    fn a_counter_that_pauses_still_says_what_it_said_last() {
        let before = HashMap::from([(
            "b".to_owned(),
            Reading { zone: "b".to_owned(), at: at(-1), occupied: 7, capacity: 10, percent: None },
        )]);
        let points = combine(&[], 0, &[counted("a", 0, 50.0), counted("b", 2, 1.0), counted("a", 2, 60.0)], &before);
        assert_eq!(points, [Point::new(at(0), 57.0, 110.0), Point::new(at(2), 61.0, 200.0)]);
    }

    #[test]
    fn zones_are_told_apart() {
        let of = |zone: &str, hour, mean| Bucket { group: zone.to_owned(), ..bucket(hour, mean) };
        let spaces = [of("a", 0, 1.0), of("b", 0, 0.5), of("a", 1, 2.0), of("b", 1, 0.0)];
        let zones = split(&spaces, &["a", "b", "a"].map(str::to_owned), &[counted("c", 1, 45.0)]);
        let expected = [
            ("a", vec![Point::new(at(0), 1.0, 2.0), Point::new(at(1), 2.0, 2.0)]),
            ("b", vec![Point::new(at(0), 0.5, 1.0), Point::new(at(1), 0.0, 1.0)]),
            ("c", vec![Point::new(at(1), 45.0, 100.0)]),
        ];
        assert_eq!(zones, expected.map(|(zone, points)| (zone.to_owned(), points)).into());
    }

    #[test]
    fn a_rate_of_nothing_is_nothing() {
        assert!(percent(0.0, 0.0).abs() < f64::EPSILON);
        assert!((percent(16.0, 24.0) - 66.67).abs() < f64::EPSILON);
    }
}
