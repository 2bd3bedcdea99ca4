//! Sources that repeat one value.

use super::{Kind, Series};

/// Steps `start..end` of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first step.
    pub start: usize,
    /// The step after the last.
    pub end: usize,
}

/// Observed hours after which one value is no coincidence.
const HOURS: usize = 24;
/// A stretch is usual if it is at most so many times as long as the second longest one before it: a staff car park stands still
/// every weekend. The second longest, because the longest may itself have been a fault.
const USUAL: usize = 2;

/// One value, repeated.
#[derive(Debug, Clone, Copy)]
struct Run {
    value: f64,
    start: usize,
    last: usize,
    observed: usize,
}

/// Stretches in which a counter that otherwise moves repeated one value over at least a day of observations, and longer than it
/// usually does.
///
/// Empty places may well stay at 0, and a full one at its capacity; a series that never changes is not stuck but
/// constant, which nobody can tell from its values. Counts of events are never stuck: they would have to repeat by chance.
#[must_use]
pub fn stuck(series: &Series) -> Vec<Stretch> {
    let Kind::Bounded { capacity } = series.kind() else { return Vec::new() };
    let least = (HOURS * series.grid().slots_per_day()).div_ceil(24).max(3);
    let runs = runs(series);
    if runs.len() < 2 {
        return Vec::new();
    }
    let (mut longest, mut second) = (0, 0);
    let mut found = Vec::new();
    for run in runs {
        let moves = 0.0 < run.value && run.value < capacity;
        if moves && run.observed >= least && run.observed > USUAL * second {
            found.push(Stretch { start: run.start, end: run.last + 1 });
        }
        // What is empty for a night may stand still for a night with a car in it.
        if run.observed > longest {
            (longest, second) = (run.observed, longest);
        } else {
            second = second.max(run.observed);
        }
    }
    found
}

/// The values in order, those that repeat each other together.
fn runs(series: &Series) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (index, value) in series.raw().iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        match runs.last_mut() {
            Some(run) if run.value == *value => (run.last, run.observed) = (index, run.observed + 1),
            _ => runs.push(Run { value: *value, start: index, last: index, observed: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Grid, Step};

    fn series(values: impl IntoIterator<Item = f64>) -> Series {
        let grid = Grid::new("2026-01-01T00:00:00Z".parse().unwrap(), Step::Minutes(60), chrono_tz::UTC);
        let values: Vec<_> = values.into_iter().map(Some).collect();
        Series::new(grid, Kind::Bounded { capacity: 100.0 }, &values).unwrap()
    }

    #[test]
    fn a_counter_that_freezes_is_stuck_and_a_constant_one_is_not() {
        let moving = (0..48).map(|step| f64::from(step % 24));
        let frozen = std::iter::repeat_n(37.0, 30);
        assert_eq!(stuck(&series(moving.chain(frozen.clone()))), [Stretch { start: 48, end: 78 }]);
        assert_eq!(stuck(&series(frozen)), []);
        assert_eq!(stuck(&series((0..24).map(f64::from).chain(std::iter::repeat_n(0.0, 48)))), []);
    }

    #[test]
    fn a_car_park_that_stands_still_every_weekend_is_not_stuck_after_some_of_them() {
        let week = |week: usize| {
            (0..168).map(move |hour| if hour < 120 { 10.0 + (hour % 24) as f64 } else { 3.0 + week as f64 })
        };
        let weeks = |number: usize| series((0..number).flat_map(week));
        assert_eq!(stuck(&weeks(1)), [Stretch { start: 120, end: 168 }]);
        assert_eq!(stuck(&weeks(4)).len(), 2, "the first two");
        // Four days more are unusual even there.
        let hung = series((0..4).flat_map(week).chain(std::iter::repeat_n(6.0, 96)));
        assert_eq!(stuck(&hung).last(), Some(&Stretch { start: 3 * 168 + 120, end: 4 * 168 + 96 }));
    }
}
