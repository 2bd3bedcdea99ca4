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

/// Stretches in which a counter that otherwise moves repeated one value over at least a day of observations.
///
/// Empty places may well stay at 0, and a full one at its capacity; a series that never changes is not stuck but
/// constant, which nobody can tell from its values. Counts of events are never stuck: they would have to repeat by chance.
#[must_use]
pub fn stuck(series: &Series) -> Vec<Stretch> {
    let Kind::Bounded { capacity } = series.kind() else { return Vec::new() };
    let least = (HOURS * series.grid().slots_per_day()).div_ceil(24).max(3);
    let mut found = Vec::new();
    let mut run: Option<(f64, usize, usize, usize)> = None; // value, first step, last step, observed steps
    let mut changes = 0;
    let mut keep = |run: Option<(f64, usize, usize, usize)>| {
        if let Some((value, start, last, observed)) = run
            && observed >= least
            && value > 0.0
            && value < capacity
        {
            found.push(Stretch { start, end: last + 1 });
        }
    };
    for (index, value) in series.raw().iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        run = match run {
            Some((held, start, _, observed)) if held == *value => Some((held, start, index, observed + 1)),
            ended => {
                changes += usize::from(ended.is_some());
                keep(ended);
                Some((*value, index, index, 1))
            }
        };
    }
    keep(run);
    if changes == 0 { Vec::new() } else { found }
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
}
