//! When a battery will be empty.
//!
//! The slope is the median of the slopes between all pairs of readings (Theil 1950; Sen 1968): single wrong readings and the steps of
//! whole percents do not move it. Its interval comes from the order of those slopes (Sen 1968, by Kendall's statistic).

use chrono::{DateTime, TimeDelta, Utc};

use crate::finding::{Evidence, Finding, Kind};

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// When.
    pub at: DateTime<Utc>,
    /// Percent left.
    pub percent: f64,
}

/// Readings that a slope needs, and days that they span.
const LEAST_READINGS: usize = 8;
const LEAST_DAYS: f64 = 7.0;
/// More readings say no more: pairs grow with their square.
const MOST_READINGS: usize = 200;
/// Below so many percent sensors stop now and then.
const EMPTY: f64 = 5.0;
/// A rise by so many percent is a new battery: what was before says nothing of it.
const RENEWED: f64 = 30.0;
/// So many percent below the line are no chance.
const FALLEN: f64 = 5.0;
/// The standard normal quantile of 90 %: the ends of an interval of 80 %.
const Z_80: f64 = 1.281_552;

/// How likely a battery that tells so little of itself is nearly empty: a reading may be wrong.
const READ: f64 = 0.9;
/// Readings of which the middle one is believed.
const LATEST: usize = 3;
/// Within so many days somebody should look at a battery that is nearly empty.
const SOON: TimeDelta = TimeDelta::days(2);

/// What a trend needs: so many readings, over so many days.
#[must_use]
pub fn is_enough(readings: &[Reading]) -> bool {
    let readings = of_this_battery(readings);
    let span = readings.first().zip(readings.last()).map_or(0.0, |(first, last)| days(first.at, last.at));
    readings.len() >= LEAST_READINGS && span >= LEAST_DAYS
}

/// When enough will be known of a battery that is read once a day from its first reading on.
#[must_use]
pub fn enough_from(first: DateTime<Utc>) -> DateTime<Utc> {
    first + TimeDelta::days((LEAST_READINGS as i64 - 1).max(LEAST_DAYS as i64))
}

/// Tells whether a battery is at or below `floor` percent, whatever its trend; one reading is enough, and of several the
/// middle one of the latest counts.
#[must_use]
pub fn low(readings: &[Reading], floor: f64) -> Option<Finding> {
    let readings = of_this_battery(readings);
    let last = readings.last()?;
    let latest = readings.iter().rev().take(LATEST).map(|one| one.percent).collect();
    (median(latest) <= floor && last.percent <= floor).then(|| Finding {
        kind: Kind::Battery,
        probability: READ,
        evidence: Evidence::LowBattery { percent: last.percent, floor },
        by: last.at + SOON,
    })
}

/// Tells whether a battery is likely to be empty within a horizon; none if it is not, or too little is known.
#[must_use]
pub fn look(readings: &[Reading], horizon: TimeDelta) -> Option<Finding> {
    let readings = thinned(of_this_battery(readings));
    let last = readings.last()?;
    if !is_enough(&readings) {
        return None;
    }
    let slopes = slopes(&readings);
    let per_day = -quantile(&slopes, 0.5);
    let spread = spread(&slopes, readings.len());
    let (slow, fast) = (-quantile(&slopes, 0.5 + spread), -quantile(&slopes, 0.5 - spread));
    let level = level_at(&readings, per_day);
    // Batteries fall off at their end: then the last reading says more than the line.
    let now = if last.percent < level - FALLEN { last.percent } else { level };
    let left = |rate: f64| (rate > 1e-6).then(|| ((now - EMPTY) / rate).max(0.0));
    let horizon_days = horizon.num_minutes() as f64 / (24.0 * 60.0);
    // The share of the slopes' interval that empties it in time, taken as uniform between its ends.
    let needed = (now - EMPTY).max(0.0) / horizon_days.max(1e-9);
    let probability = share_above(needed, slow, fast, per_day);
    let earliest = left(fast)?;
    (probability > 0.5).then(|| Finding {
        kind: Kind::Battery,
        probability,
        evidence: Evidence::Battery {
            percent: last.percent,
            per_day,
            empty_in_days: (earliest, left(slow)),
            readings: readings.len(),
        },
        by: last.at + TimeDelta::minutes((earliest * 24.0 * 60.0) as i64),
    })
}

fn days(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_seconds() as f64 / 86_400.0
}

/// The readings since the battery was last changed.
fn of_this_battery(readings: &[Reading]) -> &[Reading] {
    // Medians of three on both sides: one wrong reading is no new battery.
    let middle = |three: &[Reading]| median(three.iter().map(|one| one.percent).collect());
    let renewed = readings.windows(6).rposition(|six| middle(&six[3..]) - middle(&six[..3]) >= RENEWED);
    renewed.map_or(readings, |place| &readings[place + 3..])
}

/// At most [`MOST_READINGS`], evenly, the last one among them.
fn thinned(readings: &[Reading]) -> Vec<Reading> {
    let step = readings.len().div_ceil(MOST_READINGS).max(1);
    let mut kept: Vec<Reading> = readings.iter().rev().step_by(step).copied().collect();
    kept.reverse();
    kept
}

/// Percent per day between all pairs, ascending.
fn slopes(readings: &[Reading]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(readings.len() * (readings.len() - 1) / 2);
    for (place, one) in readings.iter().enumerate() {
        for other in &readings[place + 1..] {
            let apart = days(one.at, other.at);
            if apart > 0.0 {
                slopes.push((other.percent - one.percent) / apart);
            }
        }
    }
    slopes.sort_by(f64::total_cmp);
    slopes
}

/// How far from the median, as a share of all slopes, the ends of the 80 % interval lie.
fn spread(slopes: &[f64], readings: usize) -> f64 {
    let n = readings as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    (Z_80 * deviation / (2.0 * slopes.len().max(1) as f64)).min(0.5)
}

/// What the line says of the last reading's time.
fn level_at(readings: &[Reading], per_day: f64) -> f64 {
    let Some(last) = readings.last() else { return 0.0 };
    median(readings.iter().map(|one| one.percent - per_day * days(one.at, last.at)).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = probability.clamp(0.0, 1.0) * last as f64;
    let (lower, share) = (place.floor() as usize, place.fract());
    sorted[lower] + share * (sorted[(lower + 1).min(last)] - sorted[lower])
}

/// The probability that the rate is above a needed one: 10, 50 and 90 % at `slow`, `middle` and `fast`, straight lines between.
fn share_above(needed: f64, slow: f64, fast: f64, middle: f64) -> f64 {
    let part = |low: f64, high: f64| if high > low { ((needed - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
    if needed <= slow {
        return 0.95;
    }
    if needed >= fast {
        return 0.05;
    }
    if needed <= middle { 0.9 - 0.4 * part(slow, middle) } else { 0.5 - 0.4 * part(middle, fast) }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    fn readings(seed: u64, from: f64, per_day: f64, number: i64) -> Vec<Reading> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..number)
            .map(|day| Reading {
                at: DateTime::UNIX_EPOCH + TimeDelta::days(day),
                percent: (from - per_day * day as f64 + random.random_range(-1.5..1.5)).round(),
            })
            .collect()
    }

    fn empty(finding: &Finding) -> (f64, f64) {
        let Evidence::Battery { empty_in_days: (earliest, latest), .. } = finding.evidence else {
            panic!("{finding:?}")
        };
        (earliest, latest.unwrap_or(f64::INFINITY))
    }

    #[test]
    fn the_day_is_foretold_in_most_cases() {
        // 60 % left after 40 days at half a percent a day: empty (5 %) after 110 more.
        let foretold = (0..100).filter(|seed| {
            let found = look(&readings(*seed, 80.0, 0.5, 41), TimeDelta::days(150)).unwrap();
            let (earliest, latest) = empty(&found);
            assert!((80.0..150.0).contains(&earliest), "{found:?}");
            earliest <= 110.0 && 110.0 <= latest
        });
        let share = foretold.count();
        assert!((65..=95).contains(&share), "80 of 100 are wanted, {share} are");
    }

    #[test]
    fn wrong_readings_do_not_count_and_a_new_battery_starts_over() {
        let mut list = readings(1, 80.0, 0.5, 41);
        list[20].percent = 0.0;
        list[30].percent = 15.0;
        let found = look(&list, TimeDelta::days(150)).unwrap();
        assert!((90.0..130.0).contains(&empty(&found).0), "{found:?}");
        let mut renewed = readings(2, 20.0, 1.0, 15);
        renewed.extend(
            readings(3, 99.0, 0.2, 30).into_iter().map(|one| Reading { at: one.at + TimeDelta::days(15), ..one }),
        );
        assert_eq!(look(&renewed, TimeDelta::days(60)), None);
    }

    #[test]
    fn a_nearly_empty_battery_is_found_at_once_and_one_wrong_reading_is_not() {
        let found = low(&readings(1, 5.0, 0.0, 1), 10.0).unwrap();
        assert!(matches!(found.evidence, Evidence::LowBattery { floor, .. } if floor == 10.0), "{found:?}");
        assert_eq!((found.kind, found.by), (Kind::Battery, DateTime::UNIX_EPOCH + SOON));
        assert_eq!(low(&readings(2, 50.0, 0.0, 1), 10.0), None);
        let mut wrong = readings(3, 50.0, 0.0, 4);
        wrong[3].percent = 0.0;
        assert_eq!(low(&wrong, 10.0), None);
        // Changed since.
        wrong.truncate(3);
        wrong.iter_mut().for_each(|one| one.percent = 4.0);
        let new = readings(4, 99.0, 0.0, 3).into_iter().map(|one| Reading { at: one.at + TimeDelta::days(3), ..one });
        wrong.extend(new);
        assert_eq!(low(&wrong, 10.0), None);
        assert_eq!(low(&[], 10.0), None);
    }

    #[test]
    fn enough_is_known_after_a_week() {
        assert!(!is_enough(&readings(1, 80.0, 0.5, 7)));
        let week = readings(1, 80.0, 0.5, 8);
        assert!(is_enough(&week));
        assert_eq!(enough_from(week[0].at), week[7].at);
    }

    #[test]
    fn little_is_no_finding() {
        assert_eq!(look(&[], TimeDelta::days(30)), None);
        assert_eq!(look(&readings(4, 20.0, 1.0, 5), TimeDelta::days(300)), None);
        assert_eq!(look(&readings(5, 90.0, 0.0, 60), TimeDelta::days(90)), None);
        assert_eq!(look(&readings(6, 90.0, 0.1, 60), TimeDelta::days(90)), None);
    }
}
