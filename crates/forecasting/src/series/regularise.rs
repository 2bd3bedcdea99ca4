//! Irregular observations onto a grid.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{Grid, Kind, Series, Step};
use crate::error::Unforecastable;

/// One observed value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// When it was observed; for counts of a period, when the period began.
    pub at: DateTime<Utc>,
    /// In the unit of the series.
    pub value: f64,
}

/// A series and how it came about.
#[derive(Debug, Clone)]
pub struct Regularised {
    /// The values on the grid.
    pub series: Series,
    /// Steps without an observation of their own that were filled between their neighbours.
    pub filled: usize,
    /// Steps that are still without a value.
    pub gaps: usize,
}

/// Steps that may be filled by interpolation between two observations.
const FILLED_AT_MOST: usize = 4;

/// Puts observations, in any order, on a grid.
///
/// Counts and amounts of one step are added. States (bounded kinds) are averaged, and short gaps between two
/// observations are filled along the straight line between them; longer ones stay gaps. What was observed at the same
/// moment counts once, the later one in the list. If `step` is none, it is taken from the observations.
///
/// # Errors
/// If there is no observation, or one is out of range.
pub fn regularise(
    observations: &[Observation],
    kind: Kind,
    step: Option<Step>,
    timezone: Tz,
) -> Result<Regularised, Unforecastable> {
    let mut sorted: Vec<(usize, Observation)> = observations.iter().copied().enumerate().collect();
    sorted.sort_by_key(|(place, observation)| (observation.at, *place));
    let mut unique: Vec<Observation> = Vec::with_capacity(sorted.len());
    for (_, observation) in sorted {
        match unique.last_mut() {
            Some(last) if last.at == observation.at => *last = observation,
            _ => unique.push(observation),
        }
    }
    let (Some(first), Some(last)) = (unique.first(), unique.last()) else { return Err(Unforecastable::Empty) };
    let step = step.unwrap_or_else(|| usual_step(&unique));
    let grid = Grid::new(first.at, step, timezone);
    let len = usize::try_from(grid.index(last.at)).unwrap_or(0) + 1;
    let mut sums = vec![(0.0, 0_u32); len];
    for observation in &unique {
        if let Some((sum, number)) = usize::try_from(grid.index(observation.at)).ok().and_then(|at| sums.get_mut(at)) {
            *sum += observation.value;
            *number += 1;
        }
    }
    let is_state = matches!(kind, Kind::Bounded { .. });
    let mut values: Vec<Option<f64>> = sums
        .into_iter()
        .map(|(sum, number)| (number > 0).then(|| if is_state { sum / f64::from(number) } else { sum }))
        .collect();
    let filled = if is_state { fill(&mut values) } else { 0 };
    let gaps = values.iter().filter(|value| value.is_none()).count();
    Ok(Regularised { series: Series::new(grid, kind, &values)?, filled, gaps })
}

/// Observations of something that is not forecast itself, such as a temperature, on the steps of a grid: means of each
/// step, gaps filled with what came before them; NaN before the first.
#[must_use]
pub fn align(observations: &[Observation], grid: &Grid, len: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0_u32); len];
    for observation in observations {
        if let Some((sum, number)) = usize::try_from(grid.index(observation.at)).ok().and_then(|at| sums.get_mut(at)) {
            *sum += observation.value;
            *number += 1;
        }
    }
    let mut latest = f64::NAN;
    sums.into_iter()
        .map(|(sum, number)| {
            if number > 0 {
                latest = sum / f64::from(number);
            }
            latest
        })
        .collect()
}

/// Fills short gaps between two values along a straight line; says how many.
fn fill(values: &mut [Option<f64>]) -> usize {
    let mut filled = 0;
    let mut before: Option<(usize, f64)> = None;
    for index in 0..values.len() {
        let Some(value) = values[index] else { continue };
        if let Some((start, from)) = before
            && index - start > 1
            && index - start - 1 <= FILLED_AT_MOST
        {
            let steps = (index - start) as f64;
            for (ahead, between) in values[start + 1..index].iter_mut().enumerate() {
                *between = Some(from + (ahead as f64 + 1.0) / steps * (value - from));
                filled += 1;
            }
        }
        before = Some((index, value));
    }
    filled
}

/// The step that suits observations in time order: the first usual one that is not shorter than their median distance.
#[must_use]
pub fn usual_step(sorted: &[Observation]) -> Step {
    let mut distances: Vec<TimeDelta> = sorted.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    distances.sort();
    let median = distances.get(distances.len() / 2).map_or(60, TimeDelta::num_minutes);
    match [5_u16, 10, 15, 20, 30, 60].into_iter().find(|step| i64::from(*step) >= median) {
        Some(minutes) => Step::Minutes(minutes),
        None if median <= 6 * 60 => Step::Minutes(60),
        None => Step::Day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observations(list: &[(&str, f64)]) -> Vec<Observation> {
        list.iter().map(|(at, value)| Observation { at: at.parse().unwrap(), value: *value }).collect()
    }

    #[test]
    fn irregular_states_are_averaged_and_filled() {
        let observed = observations(&[
            ("2026-01-01T00:05:00Z", 10.0),
            ("2026-01-01T00:25:00Z", 20.0),
            ("2026-01-01T01:40:00Z", 30.0),
            ("2026-01-01T01:40:00Z", 45.0),
        ]);
        let done =
            regularise(&observed, Kind::Bounded { capacity: 100.0 }, Some(Step::Minutes(30)), chrono_tz::UTC).unwrap();
        let values: Vec<_> = (0..done.series.len()).map(|index| done.series.value(index)).collect();
        assert_eq!(values, [Some(15.0), Some(25.0), Some(35.0), Some(45.0)]);
        assert_eq!((done.filled, done.gaps), (2, 0));
    }

    #[test]
    fn counts_are_added_and_never_filled() {
        let observed = observations(&[
            ("2026-01-01T00:05:00Z", 1.0),
            ("2026-01-01T00:25:00Z", 2.0),
            ("2026-01-01T02:00:00Z", 4.0),
        ]);
        let done = regularise(&observed, Kind::Count, Some(Step::Minutes(60)), chrono_tz::UTC).unwrap();
        assert_eq!((done.series.value(0), done.series.value(1), done.series.value(2)), (Some(3.0), None, Some(4.0)));
    }

    #[test]
    fn the_step_follows_the_median_distance() {
        let every = |minutes: i64| -> Vec<Observation> {
            let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
            (0..9).map(|k| Observation { at: start + TimeDelta::minutes(minutes * k), value: 1.0 }).collect()
        };
        assert_eq!(usual_step(&every(23)), Step::Minutes(30));
        assert_eq!(usual_step(&every(60)), Step::Minutes(60));
        assert_eq!(usual_step(&every(1440)), Step::Day);
    }

    #[test]
    fn values_above_capacity_are_refused() {
        let observed = observations(&[("2026-01-01T00:00:00Z", 101.0)]);
        let refused = regularise(&observed, Kind::Bounded { capacity: 100.0 }, None, chrono_tz::UTC);
        assert!(matches!(refused, Err(Unforecastable::OutOfRange { .. })));
    }
}
