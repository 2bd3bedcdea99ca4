//! Series on a regular grid, with gaps.

mod grid;
mod regularise;
mod stuck;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use grid::{Grid, Step, local_midnight};
pub use regularise::{Observation, Regularised, align, regularise, usual_step};
pub use stuck::{Stretch, stuck};

use crate::error::Unforecastable;

/// What the values of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Kind {
    /// Whole numbers from 0 on: arrivals, bookings, people.
    Count,
    /// From 0 to a capacity: occupied spaces, or a rate with capacity 1.
    Bounded {
        /// The greatest possible value, in the unit of the series.
        capacity: f64,
    },
    /// Real numbers from 0 on: revenue.
    Amount,
}

impl Kind {
    /// The greatest possible value.
    #[must_use]
    pub fn upper(self) -> f64 {
        match self {
            Self::Bounded { capacity } => capacity,
            Self::Count | Self::Amount => f64::INFINITY,
        }
    }

    /// A value moved into what is possible.
    #[must_use]
    pub fn clamp(self, value: f64) -> f64 {
        value.clamp(0.0, self.upper())
    }

    /// How the variance grows with the mean, but for a factor (quasi-likelihood; Wedderburn 1974): as the mean, and to
    /// nothing at both ends where there is a capacity.
    #[must_use]
    pub(crate) fn variance(self, mean: f64) -> f64 {
        match self {
            Self::Bounded { capacity } => (mean * (capacity - mean) / capacity).max(0.02 * capacity * VARIANCE_FLOOR),
            Self::Count => mean.max(VARIANCE_FLOOR),
            Self::Amount => mean.max(VARIANCE_FLOOR),
        }
    }

    /// Whether a mean is so near to nothing, or to a capacity, that hardly anything comes, or is left.
    pub(crate) fn is_at_an_end(self, mean: f64) -> bool {
        let from_end = match self {
            Self::Bounded { capacity } => mean.min(capacity - mean),
            Self::Count | Self::Amount => mean,
        };
        from_end <= HARDLY * self.unit()
    }

    /// What stands for one space, person or whole: a hundredth of a capacity that is a rate.
    pub(crate) fn unit(self) -> f64 {
        match self {
            Self::Bounded { capacity } if capacity <= 1.0 => 0.01 * capacity,
            Self::Bounded { .. } | Self::Count | Self::Amount => 1.0,
        }
    }
}

const VARIANCE_FLOOR: f64 = 0.05;
/// Units of which less is hardly anything.
const HARDLY: f64 = 0.5;

/// Values on a grid.
#[derive(Debug, Clone)]
pub struct Series {
    grid: Grid,
    kind: Kind,
    /// NaN where nothing was observed.
    values: Vec<f64>,
}

impl Series {
    /// A series whose first value belongs to the grid's first step.
    ///
    /// # Errors
    /// If a value is negative or above capacity.
    pub fn new(grid: Grid, kind: Kind, values: &[Option<f64>]) -> Result<Self, Unforecastable> {
        for (index, value) in values.iter().enumerate().filter_map(|(index, value)| Some((index, (*value)?))) {
            if !(0.0..=kind.upper() * (1.0 + 1e-9)).contains(&value) {
                return Err(Unforecastable::OutOfRange { at: grid.at(index), value });
            }
        }
        Ok(Self { grid, kind, values: values.iter().map(|value| value.unwrap_or(f64::NAN)).collect() })
    }

    /// The steps.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// What the values are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Number of steps, with gaps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it has no step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value of a step, if it was observed.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<f64> {
        self.values.get(index).copied().filter(|value| !value.is_nan())
    }

    /// The end of the last step: what a forecast begins with.
    #[must_use]
    pub fn end(&self) -> DateTime<Utc> {
        self.grid.at(self.values.len())
    }

    /// What was known at a moment: the steps that had ended by then.
    #[must_use]
    pub fn until(&self, moment: DateTime<Utc>) -> Self {
        let len = usize::try_from(self.grid.index(moment)).unwrap_or(0).min(self.values.len());
        Self { values: self.values[..len].to_vec(), ..self.clone_empty() }
    }

    /// The same, nothing being known of the steps before a moment.
    #[must_use]
    pub fn since(&self, moment: DateTime<Utc>) -> Self {
        let first = usize::try_from(self.grid.index(moment)).unwrap_or(0).min(self.values.len());
        self.without(&[Stretch { start: 0, end: first }])
    }

    /// The same without the values of some steps.
    #[must_use]
    pub fn without(&self, stretches: &[Stretch]) -> Self {
        let mut rest = self.clone();
        for stretch in stretches {
            for value in rest.values.iter_mut().take(stretch.end).skip(stretch.start) {
                *value = f64::NAN;
            }
        }
        rest
    }

    /// With NaN for gaps.
    pub(crate) fn raw(&self) -> &[f64] {
        &self.values
    }

    fn clone_empty(&self) -> Self {
        Self { grid: self.grid.clone(), kind: self.kind, values: Vec::new() }
    }
}

/// The mean of several series at each step of a grid, as a rate of their capacities where they have one; none if there is
/// nothing to average.
#[must_use]
pub fn mean_of(series: &[&Series], grid: &Grid, len: usize) -> Option<Series> {
    let mut sums = vec![(0.0, 0_u32); len];
    for one in series {
        let unit = if one.kind.upper().is_finite() { one.kind.upper() } else { 1.0 };
        // Grids of one step length differ by whole steps.
        let offset = grid.index(one.grid.at(0));
        for (index, value) in one.values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let place = usize::try_from(offset + index as i64).ok();
            if let Some((sum, number)) = place.and_then(|place| sums.get_mut(place)) {
                *sum += value / unit;
                *number += 1;
            }
        }
    }
    if sums.iter().all(|(_, number)| *number == 0) {
        return None;
    }
    let bounded = series.iter().all(|one| one.kind.upper().is_finite());
    let kind = if bounded { Kind::Bounded { capacity: 1.0 } } else { Kind::Amount };
    let mean = |(sum, number): (f64, u32)| if number > 0 { sum / f64::from(number) } else { f64::NAN };
    Some(Series { grid: grid.clone(), kind, values: sums.into_iter().map(mean).collect() })
}
