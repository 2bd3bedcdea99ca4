//! From arrivals, departures and counters to one value per step.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::Observation;
use parvis_kit::postgres::DatabaseError;
use sqlx::PgPool;

use crate::{
    history::{self, Change, Counted, Range},
    sources::{STEP_MINUTES, Sources},
};

/// Length of a step.
pub const STEP: TimeDelta = TimeDelta::minutes(STEP_MINUTES as i64);
/// A counter's reading holds for so many steps: car parks tell every quarter or half of an hour, or change by change.
const HELD_STEPS: usize = 4;
/// A long past is read in pieces of so many days: no statement may take long.
const PIECE: TimeDelta = TimeDelta::days(31);

/// Occupied spaces of the sources in each step of a range, oldest first, at most `capacity`. Steps of which a counter
/// tells nothing are absent.
///
/// # Errors
/// When the database cannot answer.
pub async fn occupied(
    pool: &PgPool,
    place: &str,
    sources: &Sources,
    range: Range,
    capacity: f64,
) -> Result<Vec<Observation>, DatabaseError> {
    let mut observations = Vec::new();
    let mut from = range.from;
    while from < range.to {
        let piece = Range { from, to: (from + PIECE).min(range.to) };
        // Counters are read from a little earlier, for what they still say when the piece begins.
        let before = Range { from: from - STEP * HELD_STEPS as i32, ..piece };
        let level = history::level(pool, place, sources, piece.from).await?;
        let changes = history::changes(pool, place, sources, piece).await?;
        let counted = history::counted(pool, place, sources, before).await?;
        let spaces = space_means(level, &changes, piece);
        let counters = counter_sums(&counted, sources.counters.len(), before);
        let counters = counters.into_iter().skip(HELD_STEPS);
        observations.extend(spaces.into_iter().zip(counters).enumerate().filter_map(|(step, (spaces, counters))| {
            let value = (spaces + counters?).clamp(0.0, capacity);
            Some(Observation { at: piece.from + STEP * step as i32, value })
        }));
        from = piece.to;
    }
    Ok(observations)
}

fn steps(range: Range) -> usize {
    usize::try_from((range.to - range.from).num_minutes() / i64::from(STEP_MINUTES)).unwrap_or(0)
}

fn place_of(at: DateTime<Utc>, range: Range) -> Option<usize> {
    usize::try_from((at - range.from).num_minutes().div_euclid(i64::from(STEP_MINUTES))).ok()
}

/// The time-weighted mean of occupied spaces in each step: what it was at the beginning, and each arrival or departure for
/// the rest of the step.
fn space_means(level: f64, changes: &[Change], range: Range) -> Vec<f64> {
    let by_step: HashMap<usize, &Change> =
        changes.iter().filter_map(|change| Some((place_of(change.at, range)?, change))).collect();
    let mut level = level;
    (0..steps(range))
        .map(|step| {
            let Some(change) = by_step.get(&step) else { return level };
            let mean = level + change.net - change.moment / STEP.num_seconds() as f64;
            level += change.net;
            mean.max(0.0)
        })
        .collect()
}

/// The sum of all counters in each step; none where one of them has said nothing for too long.
fn counter_sums(counted: &[Counted], counters: usize, range: Range) -> Vec<Option<f64>> {
    let mut readings: Vec<Vec<&Counted>> = vec![Vec::new(); steps(range)];
    for reading in counted {
        if let Some(of_step) = place_of(reading.at, range).and_then(|step| readings.get_mut(step)) {
            of_step.push(reading);
        }
    }
    let mut last: HashMap<&str, (usize, f64)> = HashMap::new();
    let sums = readings.iter().enumerate().map(|(step, readings)| {
        for reading in readings {
            last.insert(&reading.zone, (step, reading.occupied));
        }
        let fresh: Vec<f64> =
            last.values().filter(|(read, _)| step - read <= HELD_STEPS).map(|(_, occupied)| *occupied).collect();
        (fresh.len() == counters).then(|| fresh.iter().sum())
    });
    sums.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    const HOUR: Range = Range {
        from: DateTime::UNIX_EPOCH,
        to: match DateTime::from_timestamp(3600, 0) {
            Some(at) => at,
            None => DateTime::UNIX_EPOCH,
        },
    };

    #[test]
    fn an_arrival_counts_for_the_rest_of_its_step() {
        // One car stands; another comes after 5 minutes, and both leave after 35.
        let changes = [Change { at: at(0), net: 1.0, moment: 300.0 }, Change { at: at(30), net: -2.0, moment: -600.0 }];
        let means = space_means(1.0, &changes, HOUR);
        let expected = [1.0 + 2.0 / 3.0, 2.0, 2.0 / 3.0, 0.0];
        assert!(means.iter().zip(expected).all(|(mean, expected)| (mean - expected).abs() < 1e-9), "{means:?}");
    }

    #[test]
    fn a_counter_holds_for_an_hour_and_no_longer() {
        let two_hours = Range { to: at(120), ..HOUR };
        let reading = |zone: &str, minute, occupied| Counted { zone: zone.to_owned(), at: at(minute), occupied };
        let counted = [reading("a", 0, 10.0), reading("b", 15, 5.0), reading("a", 30, 20.0)];
        let sums = counter_sums(&counted, 2, two_hours);
        assert_eq!(sums[..6], [None, Some(15.0), Some(25.0), Some(25.0), Some(25.0), Some(25.0)]);
        assert_eq!(sums[6..], [None, None]);
        assert_eq!(counter_sums(&[], 0, HOUR), [Some(0.0); 4]);
    }
}
