//! The distribution of one value to come, as a calibration gives it.

use crate::{calibration::POINTS, counts::NegativeBinomial, series::Kind};

/// A sorted list read between its places.
fn interpolate(sorted: &[f64], place: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = place.clamp(0.0, last as f64);
    let lower = place.floor() as usize;
    let upper = (lower + 1).min(last);
    sorted[lower] + (place - lower as f64) * (sorted[upper] - sorted[lower])
}

/// The distribution of one value to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law<'a> {
    pub kind: Kind,
    /// The mean; at an end of what is possible, this end.
    pub mean: f64,
    pub spread: f64,
    pub counts: NegativeBinomial,
    pub points: &'a [f64],
}

/// Part of a unit that is rounding.
const EXACT: f64 = 1e-3;

impl Law<'_> {
    /// Of a step at which the place is closed.
    pub fn closed(kind: Kind) -> Self {
        let counts = NegativeBinomial { mean: 0.0, overdispersion: 0.0 };
        Self { kind, mean: 0.0, spread: 0.0, counts, points: &[] }
    }

    /// The quantiles of ascending probabilities.
    pub fn quantiles(&self, probabilities: &[f64]) -> Vec<f64> {
        if self.points.is_empty() {
            return vec![self.certain(); probabilities.len()];
        }
        if !matches!(self.kind, Kind::Count) {
            return probabilities.iter().map(|p| self.real_quantile(*p)).collect();
        }
        let mut quantiles = Vec::with_capacity(probabilities.len());
        let mut reached = 0.0;
        self.counts.cumulate(|count, total| {
            reached = f64::from(count);
            let total = interpolate(self.points, total * (POINTS - 1) as f64);
            while quantiles.len() < probabilities.len() && total >= probabilities[quantiles.len()] {
                quantiles.push(reached);
            }
            quantiles.len() == probabilities.len()
        });
        quantiles.resize(probabilities.len(), reached);
        quantiles
    }

    /// The probability of less than a value, and of at most it.
    pub fn around(&self, value: f64) -> (f64, f64) {
        if self.points.is_empty() {
            let (certain, exact) = (self.certain(), EXACT * self.kind.unit());
            return (f64::from(u8::from(certain < value - exact)), f64::from(u8::from(certain <= value + exact)));
        }
        if matches!(self.kind, Kind::Count) {
            let (below, at) = self.counts.around(value);
            return (
                interpolate(self.points, below * (POINTS - 1) as f64),
                interpolate(self.points, at * (POINTS - 1) as f64),
            );
        }
        // What lies at an end is exactly there for most of the time.
        let value = if (value - self.mean).abs() <= EXACT * self.kind.unit() { self.mean } else { value };
        let at = if value >= self.kind.upper() { 1.0 } else { self.real_cdf(value, false) };
        let below = if value <= 0.0 { 0.0 } else { self.real_cdf(value, true) };
        (below.min(at), at)
    }

    fn certain(&self) -> f64 {
        let value = self.kind.clamp(self.mean);
        if matches!(self.kind, Kind::Count) { value.round() } else { value }
    }

    fn real_quantile(&self, probability: f64) -> f64 {
        self.kind.clamp(self.mean + self.spread * interpolate(self.points, probability * (POINTS - 1) as f64))
    }

    fn real_cdf(&self, value: f64, strictly_below: bool) -> f64 {
        if self.spread <= 0.0 {
            let below = if strictly_below { self.mean < value } else { self.mean <= value };
            return f64::from(u8::from(below));
        }
        let score = (value - self.mean) / self.spread;
        let above = self.points.partition_point(|point| if strictly_below { *point < score } else { *point <= score });
        if above == 0 || above == POINTS {
            return above as f64 / POINTS as f64;
        }
        let (low, high) = (self.points[above - 1], self.points[above]);
        let share = if high > low { ((score - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        (above as f64 - 1.0 + share) / (POINTS - 1) as f64
    }
}
