//! Exponential smoothing with two seasons.

use serde::{Deserialize, Serialize};

use super::Past;
use crate::calendar::Feature;

/// Additive exponential smoothing of level, day and week, with an autoregressive term for the errors (Taylor 2003, Journal
/// of the Operational Research Society 54; ETS with two seasons in the notation of Hyndman et al. 2008).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Smoothing {
    rates: Rates,
    level: f64,
    day: Vec<f64>,
    week: Vec<f64>,
    error: f64,
    /// Steps taken note of.
    seen: usize,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Rates {
    level: f64,
    day: f64,
    week: f64,
    /// Share of the last error that stays.
    error: f64,
}

const LEVEL_RATES: [f64; 3] = [0.002, 0.01, 0.04];
const SEASON_RATES: [f64; 3] = [0.02, 0.1, 0.25];
/// While the other rates are sought.
const USUAL_ERROR_SHARE: f64 = 0.5;
const ERROR_SHARES: [f64; 4] = [0.0, 0.3, 0.6, 0.85];
/// Weeks of history that are smoothed over.
const WEEKS: usize = 26;

impl Smoothing {
    /// Tries all rates and keeps those whose errors, one step ahead, were smallest.
    pub fn train(past: &Past<'_>, end: usize) -> Self {
        let try_all = |candidates: &mut dyn Iterator<Item = Rates>| {
            candidates
                .map(|rates| {
                    let mut model = Self::start(past, end, rates);
                    (model.run(past, end), model)
                })
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, model)| model)
        };
        let rates = LEVEL_RATES.into_iter().flat_map(|level| {
            SEASON_RATES.into_iter().flat_map(move |day| {
                SEASON_RATES.into_iter().map(move |week| Rates { level, day, week, error: USUAL_ERROR_SHARE })
            })
        });
        let usual = Rates { level: LEVEL_RATES[0], day: SEASON_RATES[0], week: SEASON_RATES[0], error: 0.0 };
        let best = try_all(&mut { rates }).map_or(usual, |model| model.rates);
        let errors = ERROR_SHARES.into_iter().map(|error| Rates { error, ..best });
        try_all(&mut { errors }).unwrap_or_else(|| Self::start(past, end, best))
    }

    fn start(past: &Past<'_>, end: usize, rates: Rates) -> Self {
        let per_day = past.slots_per_day;
        let first = end.saturating_sub(WEEKS * 7 * per_day);
        let mut sums = vec![(0.0, 0.0); per_day];
        for (index, value) in past.observed(first..(first + 14 * per_day).min(end)) {
            let sum = &mut sums[usize::from(past.features[index].slot) % per_day];
            *sum = (sum.0 + value, sum.1 + 1.0);
        }
        let total = sums.iter().fold((0.0, 0.0), |total, sum| (total.0 + sum.0, total.1 + sum.1));
        let level = if total.1 > 0.0 { total.0 / total.1 } else { 0.0 };
        let day = sums.iter().map(|sum| if sum.1 > 0.0 { sum.0 / sum.1 - level } else { 0.0 }).collect();
        Self { rates, level, day, week: vec![0.0; 7 * per_day], error: 0.0, seen: first }
    }

    /// Smooths over the steps not taken note of yet; returns the sum of squared errors.
    fn run(&mut self, past: &Past<'_>, end: usize) -> f64 {
        let mut squares = 0.0;
        for index in self.seen..end {
            let value = past.values[index];
            if value.is_nan() {
                self.error *= self.rates.error;
                continue;
            }
            let slot = usize::from(past.features[index].slot);
            let of_day = slot % self.day.len();
            let error = value - self.level - self.day[of_day] - self.week[slot];
            squares += (error - self.rates.error * self.error).powi(2);
            let new = error - self.rates.error * self.error;
            self.level += self.rates.level * new;
            self.day[of_day] += self.rates.day * new;
            self.week[slot] += self.rates.week * new;
            self.error = error;
        }
        self.seen = end;
        squares
    }

    pub fn condition(&mut self, past: &Past<'_>, end: usize) {
        if end < self.seen {
            *self = Self::start(past, end, self.rates);
        }
        self.run(past, end);
    }

    pub fn mean(&self, feature: &Feature, lead: usize) -> f64 {
        let slot = usize::from(feature.slot);
        let error = self.error * self.rates.error.powi(i32::try_from(lead).unwrap_or(i32::MAX));
        (self.level + self.day[slot % self.day.len()] + self.week[slot] + error).max(0.0)
    }
}
