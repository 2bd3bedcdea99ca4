//! The floor: what every other model has to beat.

use serde::{Deserialize, Serialize};

use super::Past;
use crate::calendar::Feature;

/// The latest value of the same slot of the local week (Hyndman and Athanasopoulos, Forecasting: principles and
/// practice, 3rd edition, 5.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SeasonalNaive {
    latest: WeekTable,
}

/// A value per slot of the week, with a way out for slots that were never seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WeekTable {
    slots: Vec<Option<f32>>,
    otherwise: f64,
}

impl WeekTable {
    pub fn get(&self, slot: usize) -> f64 {
        self.slots.get(slot).copied().flatten().map_or(self.otherwise, f64::from)
    }
}

const WEEKS_LOOKED_BACK: usize = 8;

impl SeasonalNaive {
    pub fn new(past: &Past<'_>, end: usize) -> Self {
        Self { latest: means(past, end, 1, WEEKS_LOOKED_BACK) }
    }

    pub fn mean(&self, feature: &Feature) -> f64 {
        self.latest.get(usize::from(feature.slot))
    }
}

/// Means of each slot's last `number` values, found within `weeks`.
fn means(past: &Past<'_>, end: usize, number: u32, weeks: usize) -> WeekTable {
    let slots = 7 * past.slots_per_day;
    let mut sums = vec![(0.0, 0_u32); slots];
    let (mut total, mut seen) = (0.0, 0.0);
    for (index, value) in past.observed(end.saturating_sub(weeks * slots)..end).rev() {
        let (sum, count) = &mut sums[usize::from(past.features[index].slot)];
        if *count < number {
            *sum += value;
            *count += 1;
        }
        total += value;
        seen += 1.0;
    }
    WeekTable {
        slots: sums.into_iter().map(|(sum, count)| (count > 0).then(|| (sum / f64::from(count)) as f32)).collect(),
        otherwise: if seen > 0.0 { total / seen } else { 0.0 },
    }
}

/// The mean of the same slot of the last weeks, moved to the level of the last days.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SeasonalMeans {
    weeks: usize,
    level_days: usize,
    table: WeekTable,
    level: f64,
}

impl SeasonalMeans {
    pub fn new(past: &Past<'_>, end: usize, weeks: usize, level_days: usize) -> Self {
        let table = means(past, end, weeks as u32, weeks + WEEKS_LOOKED_BACK);
        let mut model = Self { weeks, level_days, table, level: 1.0 };
        let (mut observed, mut expected) = (0.0, 0.0);
        for (index, value) in past.observed(end.saturating_sub(level_days * past.slots_per_day)..end) {
            observed += value;
            expected += model.table.get(usize::from(past.features[index].slot));
        }
        if expected > 0.0 {
            model.level = observed / expected;
        }
        model
    }

    pub fn again(&self, past: &Past<'_>, end: usize) -> Self {
        Self::new(past, end, self.weeks, self.level_days)
    }

    pub fn mean(&self, feature: &Feature) -> f64 {
        self.level * self.table.get(usize::from(feature.slot))
    }
}
