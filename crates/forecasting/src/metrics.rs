//! Measures of accuracy and calibration.

use serde::{Deserialize, Serialize};

use crate::{law::Law, series::Series};

/// Probabilities at which the pinball loss is averaged: the midpoints of 50 classes.
fn pinball_probabilities() -> [f64; 50] {
    std::array::from_fn(|place| (place as f64 + 0.5) / 50.0)
}

/// Sums from which the measures follow. Sums of several series may be added.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Accuracy {
    /// Forecast steps that were observed.
    pub steps: u64,
    absolute: f64,
    absolute_of_mean: f64,
    observed: f64,
    scaled: f64,
    /// Steps whose error could be scaled.
    #[serde(default)]
    scaled_steps: u64,
    crps: f64,
    inside_80: f64,
    inside_95: f64,
    days: u64,
    daily_percentage: f64,
}

impl Accuracy {
    /// Notes one value; `scale` is the error of the seasonal naive forecast in the training span.
    pub(crate) fn note(&mut self, law: &Law<'_>, mean: f64, value: f64, scale: Option<f64>) -> f64 {
        let probabilities = pinball_probabilities();
        let quantiles = law.quantiles(&probabilities);
        let median = (quantiles[24] + quantiles[25]) / 2.0;
        let pinball: f64 = probabilities
            .iter()
            .zip(&quantiles)
            .map(
                |(p, quantile)| {
                    if value >= *quantile { p * (value - quantile) } else { (1.0 - p) * (quantile - value) }
                },
            )
            .sum();
        self.steps += 1;
        self.absolute += (value - median).abs();
        self.absolute_of_mean += (value - mean).abs();
        self.observed += value.abs();
        if let Some(scale) = scale.filter(|scale| *scale > 0.0) {
            self.scaled += (value - median).abs() / scale;
            self.scaled_steps += 1;
        }
        self.crps += 2.0 * pinball / probabilities.len() as f64;
        let (below, at) = law.around(value);
        self.inside_80 += share_inside(below, at, 0.1, 0.9);
        self.inside_95 += share_inside(below, at, 0.025, 0.975);
        median
    }

    /// Notes one local day of which every step was forecast and observed.
    pub(crate) fn note_day(&mut self, forecast: f64, observed: f64) {
        if observed > 0.0 {
            self.days += 1;
            self.daily_percentage += (forecast - observed).abs() / observed;
        }
    }

    /// Adds what another series or origin gave.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.absolute += other.absolute;
        self.absolute_of_mean += other.absolute_of_mean;
        self.observed += other.observed;
        self.scaled += other.scaled;
        self.scaled_steps += other.scaled_steps;
        self.crps += other.crps;
        self.inside_80 += other.inside_80;
        self.inside_95 += other.inside_95;
        self.days += other.days;
        self.daily_percentage += other.daily_percentage;
    }

    fn over_steps(&self, sum: f64) -> f64 {
        if self.steps == 0 { f64::NAN } else { sum / self.steps as f64 }
    }

    /// Mean absolute error of the median, in the unit of the series.
    #[must_use]
    pub fn mae(&self) -> f64 {
        self.over_steps(self.absolute)
    }

    /// Mean absolute error of the mean.
    #[must_use]
    pub fn mae_of_mean(&self) -> f64 {
        self.over_steps(self.absolute_of_mean)
    }

    /// Mean absolute error over that of the seasonal naive forecast within the training span, one week
    /// (Hyndman and Koehler 2006). NaN as long as nothing was known for longer than a week: there is nothing to compare with.
    #[must_use]
    pub fn mase(&self) -> f64 {
        if self.scaled_steps == 0 { f64::NAN } else { self.scaled / self.scaled_steps as f64 }
    }

    /// Sum of absolute errors over the sum of what was observed.
    #[must_use]
    pub fn wape(&self) -> f64 {
        if self.observed > 0.0 { self.absolute / self.observed } else { f64::NAN }
    }

    /// Continuous ranked probability score (Gneiting and Raftery 2007), as twice the mean pinball loss, in the unit of
    /// the series.
    #[must_use]
    pub fn crps(&self) -> f64 {
        self.over_steps(self.crps)
    }

    /// Share of values within the central 80 % interval, 0 to 1: by the randomised probability integral transform, whose expectation
    /// is taken instead of a draw.
    #[must_use]
    pub fn coverage_80(&self) -> f64 {
        self.over_steps(self.inside_80)
    }

    /// Share of values within the central 95 % interval.
    #[must_use]
    pub fn coverage_95(&self) -> f64 {
        self.over_steps(self.inside_95)
    }

    /// Mean absolute percentage error of the sums of whole local days, 0 to 1; NaN without such days.
    #[must_use]
    pub fn daily_mape(&self) -> f64 {
        if self.days == 0 { f64::NAN } else { self.daily_percentage / self.days as f64 }
    }
}

/// The share of a step of the distribution function, from `below` to `at`, that lies between two probabilities.
fn share_inside(below: f64, at: f64, low: f64, high: f64) -> f64 {
    if at - below < 1e-12 {
        return f64::from(u8::from((low..=high).contains(&at)));
    }
    ((at.min(high) - below.max(low)) / (at - below)).clamp(0.0, 1.0)
}

/// Mean absolute difference between the values of a series and those of the same slot a local week before: the scale of
/// MASE. None without such pairs, or if they were all equal.
#[must_use]
pub fn seasonal_scale(series: &Series) -> Option<f64> {
    let week = 7 * series.grid().slots_per_day();
    let differences: Vec<f64> = (week..series.len())
        .filter_map(|index| Some((series.value(index)? - series.value(index - week)?).abs()))
        .collect();
    let scale = differences.iter().sum::<f64>() / differences.len().max(1) as f64;
    // Rounding leaves less than that between equal values: nothing can be measured by it.
    (scale > 1e-6 * series.kind().unit()).then_some(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_across_the_border_counts_in_part() {
        assert!((share_inside(0.05, 0.15, 0.1, 0.9) - 0.5).abs() < 1e-9);
        assert_eq!(share_inside(0.2, 0.3, 0.1, 0.9), 1.0);
        assert_eq!(share_inside(0.95, 1.0, 0.1, 0.9), 0.0);
        assert!((share_inside(0.0, 1.0, 0.1, 0.9) - 0.8).abs() < 1e-9);
    }
}
