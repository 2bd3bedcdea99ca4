//! Predictive distributions that were as wide as they said, in the past.
//!
//! The errors that a forecast made on held-back parts of its own past give the distribution of its next errors: split
//! conformal prediction (Vovk, Gammerman and Shafer 2005; conformal predictive distributions, Vovk et al. 2019). Real values use
//! scaled residuals by lead time. Counts use the probability integral transform of a negative binomial, each
//! observation spread over the step of its distribution function (the non-randomised form of Czado, Gneiting and
//! Held 2009), so that discrete laws are calibrated too (recalibration: Kuleshov, Fenner and Ermon 2018).

use serde::{Deserialize, Serialize};

use crate::{counts::NegativeBinomial, series::Kind};

/// A forecast of the past, and what came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    pub mean: f64,
    pub value: f64,
    /// Steps from the origin, from 1.
    pub lead: usize,
    /// Hour of the local day.
    pub hour: usize,
}

/// How forecasts of a series err.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Calibration {
    kind: Kind,
    /// Of the negative binomial, for counts.
    overdispersion: f64,
    /// Usual size of errors by hour of the day over the square root of the variance function.
    scale: Vec<f64>,
    tables: Vec<Table>,
}

/// Errors of lead times up to a number of steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Table {
    until: usize,
    /// For counts the calibrated distribution function over the plain one, at 0, 1/100 ... 1; otherwise the quantiles of scaled
    /// errors at these probabilities.
    points: Vec<f64>,
}

const POINTS: usize = 101;
/// Errors that a lead time needs for a table of its own.
const ENOUGH: usize = 200;
/// What the plain distribution of counts is worth beside the observed errors, in days of them.
const PRIOR_DAYS: f64 = 3.0;
/// Days of errors after which half of their median is taken for a bias: errors of one week resemble each other.
const BIAS_DAYS: f64 = 56.0;
/// Intervals are wider by this many parts of the days of errors: the errors of one day resemble each other, so that days,
/// not steps, are the sample, and few of them say little of their spread (as Student's quantiles exceed normal ones).
const WIDENING_DAYS: f64 = 3.0;
const HOURS: usize = 24;
/// Ends of the classes of lead times, in hours.
const LEAD_HOURS: [usize; 8] = [1, 2, 4, 8, 24, 48, 96, usize::MAX];

impl Calibration {
    /// Of a series that never changes.
    pub fn certain(kind: Kind) -> Self {
        Self { kind, overdispersion: 0.0, scale: vec![0.0; HOURS], tables: Vec::new() }
    }

    pub fn learn(kind: Kind, slots_per_day: usize, scored: &[Scored], days: f64) -> Self {
        let overdispersion = overdispersion(scored);
        let scale = scales(kind, scored);
        let mut calibration = Self { kind, overdispersion, scale, tables: Vec::new() };
        let classes = LEAD_HOURS.map(|hours| hours.saturating_mul(slots_per_day) / HOURS);
        let mut pending: Vec<Scored> = Vec::new();
        let mut before = 0;
        for until in classes {
            pending.extend(scored.iter().filter(|one| before < one.lead && one.lead <= until));
            before = before.max(until);
            if pending.len() >= ENOUGH {
                calibration.push(until, &std::mem::take(&mut pending), days);
            }
        }
        // What is left over: too little for a table, unless it is all there is.
        if calibration.tables.is_empty() && !scored.is_empty() {
            calibration.push(usize::MAX, scored, days);
        }
        if let Some(last) = calibration.tables.last_mut() {
            last.until = usize::MAX;
        }
        calibration
    }

    fn push(&mut self, until: usize, scored: &[Scored], days: f64) {
        let points = if matches!(self.kind, Kind::Count) {
            self.transforms(scored, scored.len() as f64 / days.max(1.0) * PRIOR_DAYS)
        } else {
            self.residuals(scored, days)
        };
        self.tables.push(Table { until, points });
    }

    fn transforms(&self, scored: &[Scored], prior: f64) -> Vec<f64> {
        let steps: Vec<(f64, f64)> = scored
            .iter()
            .map(|one| NegativeBinomial { mean: one.mean, overdispersion: self.overdispersion }.around(one.value))
            .collect();
        (0..POINTS)
            .map(|point| {
                let u = point as f64 / (POINTS - 1) as f64;
                let mass: f64 = steps
                    .iter()
                    .map(|(below, at)| {
                        if at > below {
                            ((u - below) / (at - below)).clamp(0.0, 1.0)
                        } else {
                            f64::from(u8::from(u >= *at))
                        }
                    })
                    .sum();
                (mass + prior * u) / (steps.len() as f64 + prior)
            })
            .collect()
    }

    fn residuals(&self, scored: &[Scored], days: f64) -> Vec<f64> {
        let mut scores: Vec<f64> = scored
            .iter()
            .map(|one| {
                let spread = self.spread(one.mean, one.hour);
                if spread > 0.0 { (one.value - one.mean) / spread } else { 0.0 }
            })
            .collect();
        scores.sort_by(f64::total_cmp);
        let median = interpolate(&scores, (scores.len() as f64 - 1.0) / 2.0);
        let bias = median * days / (days + BIAS_DAYS);
        let widening = 1.0 + WIDENING_DAYS / days.max(1.0);
        // The conformal correction for finite samples: the k-th of n errors has probability k / (n + 1).
        (0..POINTS)
            .map(|point| {
                let place = point as f64 / (POINTS - 1) as f64 * (scores.len() as f64 + 1.0) - 1.0;
                bias + widening * (interpolate(&scores, place) - median)
            })
            .collect()
    }

    fn spread(&self, mean: f64, hour: usize) -> f64 {
        self.scale.get(hour).copied().unwrap_or(0.0) * self.kind.variance(mean).sqrt()
    }

    /// The distribution of what comes `lead` steps ahead.
    pub fn law(&self, mean: f64, lead: usize, hour: usize) -> Law<'_> {
        let points = self.tables.iter().find(|table| lead <= table.until).map_or(&[][..], |table| &table.points);
        let spread = if points.is_empty() { 0.0 } else { self.spread(mean, hour) };
        Law { kind: self.kind, mean, spread, overdispersion: self.overdispersion, points }
    }
}

/// Moment estimate of the overdispersion of counts around their forecast means (Cameron and Trivedi 1998, 3.4).
fn overdispersion(scored: &[Scored]) -> f64 {
    let excess: f64 = scored.iter().map(|one| (one.value - one.mean).powi(2) - one.mean).sum();
    let squares: f64 = scored.iter().map(|one| one.mean * one.mean).sum();
    if squares > 0.0 { (excess / squares).max(0.0) } else { 0.0 }
}

/// Mean size of scaled errors by hour, drawn to that of all hours.
fn scales(kind: Kind, scored: &[Scored]) -> Vec<f64> {
    const ALL_HOURS_WORTH: f64 = 10.0;
    let mut by_hour = [(0.0, 0.0); HOURS];
    let mut all = (0.0, 0.0);
    for one in scored {
        let size = (one.value - one.mean).abs() / kind.variance(one.mean).sqrt();
        for sum in [&mut by_hour[one.hour % HOURS], &mut all] {
            sum.0 += size;
            sum.1 += 1.0;
        }
    }
    let usual = if all.1 > 0.0 { all.0 / all.1 } else { 0.0 };
    by_hour.map(|(sum, number)| (sum + ALL_HOURS_WORTH * usual) / (number + ALL_HOURS_WORTH)).to_vec()
}

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
    kind: Kind,
    mean: f64,
    spread: f64,
    overdispersion: f64,
    points: &'a [f64],
}

impl Law<'_> {
    /// Of a step at which the place is closed.
    pub fn closed(kind: Kind) -> Self {
        Self { kind, mean: 0.0, spread: 0.0, overdispersion: 0.0, points: &[] }
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
        self.counts().cumulate(|count, total| {
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
            // The mean of what never changes is a weighted sum of one number, exact but for the last digits.
            let (certain, exact) = (self.certain(), 1e-9 * value.abs().max(1.0));
            return (f64::from(u8::from(certain < value - exact)), f64::from(u8::from(certain <= value + exact)));
        }
        if matches!(self.kind, Kind::Count) {
            let (below, at) = self.counts().around(value);
            return (
                interpolate(self.points, below * (POINTS - 1) as f64),
                interpolate(self.points, at * (POINTS - 1) as f64),
            );
        }
        let at = if value >= self.kind.upper() { 1.0 } else { self.real_cdf(value, false) };
        let below = if value <= 0.0 { 0.0 } else { self.real_cdf(value, true) };
        (below.min(at), at)
    }

    fn certain(&self) -> f64 {
        let value = self.kind.clamp(self.mean);
        if matches!(self.kind, Kind::Count) { value.round() } else { value }
    }

    fn counts(&self) -> NegativeBinomial {
        NegativeBinomial { mean: self.mean.max(0.0), overdispersion: self.overdispersion }
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

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_distr::{Distribution as _, Poisson};

    use super::*;

    const PROBABILITIES: [f64; 5] = [0.025, 0.1, 0.5, 0.9, 0.975];

    fn scored(number: usize, mut make: impl FnMut(usize) -> (f64, f64)) -> Vec<Scored> {
        (0..number)
            .map(|k| {
                let (mean, value) = make(k);
                Scored { mean, value, lead: 1 + k % 48, hour: k % 24 }
            })
            .collect()
    }

    #[test]
    fn poisson_counts_get_poisson_intervals() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let errors = scored(20_000, |_| (7.0, Poisson::new(7.0).unwrap().sample(&mut random)));
        let calibration = Calibration::learn(Kind::Count, 24, &errors, 400.0);
        assert_eq!(calibration.law(7.0, 10, 3).quantiles(&PROBABILITIES), [2.0, 4.0, 7.0, 10.0, 13.0]);
    }

    #[test]
    fn biased_and_overconfident_means_are_put_right() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let errors = scored(20_000, |_| (50.0, 40.0 + random.random_range(-10.0..10.0)));
        let calibration = Calibration::learn(Kind::Bounded { capacity: 100.0 }, 24, &errors, 10_000.0);
        let quantiles = calibration.law(50.0, 10, 3).quantiles(&PROBABILITIES);
        for (quantile, expected) in quantiles.iter().zip([30.5, 32.0, 40.0, 48.0, 49.5]) {
            assert!((quantile - expected).abs() < 0.5, "{quantiles:?}");
        }
        let (below, at) = calibration.law(50.0, 10, 3).around(32.0);
        assert!((below - 0.1).abs() < 0.02 && (at - 0.1).abs() < 0.02);
    }

    #[test]
    fn nothing_leaves_what_is_possible() {
        let errors = scored(300, |k| (95.0, if k % 2 == 0 { 100.0 } else { 60.0 }));
        let calibration = Calibration::learn(Kind::Bounded { capacity: 100.0 }, 24, &errors, 10_000.0);
        for mean in [0.0, 50.0, 100.0] {
            let quantiles = calibration.law(mean, 1, 0).quantiles(&PROBABILITIES);
            assert!(quantiles.iter().all(|value| (0.0..=100.0).contains(value)), "{quantiles:?}");
            assert!(quantiles.is_sorted());
        }
        assert_eq!(calibration.law(95.0, 1, 0).around(100.0).1, 1.0);
    }
}
