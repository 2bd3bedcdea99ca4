//! The main model: a log-linear mean of calendar and level, each component a factor.
//!
//! `mean = level x shape(slot of the week) x annual(day of the year) x special day x school holidays`, and a short-term
//! deviation that fades. For counts this is a Poisson (quasi-Poisson) generalised linear model with log link on factors
//! (McCullagh and Nelder 1989, 6 and 9), fitted by cyclic ascent: with categorical factors each step of it has a closed
//! form, the ratio of observed to expected sums (iterative proportional fitting; Deming and Stephan 1940). Effects are
//! shrunk by Gamma priors; the level is a discounted Gamma-Poisson filter (Harvey and Fernandes 1989; West and Harrison
//! 1997, 10.8). For bounded rates and amounts it is the same quasi-likelihood with another variance.

use serde::{Deserialize, Serialize};

use super::{
    Past,
    days::{DAYS_OF_YEAR, Days, LONG_RUN_DAYS, annual},
    deviation::Deviation,
    shrinkage::{Sums, shrink},
};
use crate::{
    calendar::{Feature, MAX_KNOWN, NOTHING_SPECIAL, SPECIALS},
    series::Kind,
};

/// Settings of the structural model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Half-life, in days, of what past days say about the present level.
    pub level_days: u16,
    /// Half-life, in weeks, of what past weeks say about the shape of the week.
    pub shape_weeks: u16,
    /// Whether the time of the year is a component of its own; needs more than a year.
    pub annual: bool,
    /// Percent of the recent change of level that is carried on (a damped trend, after Brown's double smoothing).
    pub trend: u8,
    /// Days of expectation by which the level is drawn to that of similar places; 0 without them.
    pub neighbours: u8,
}

impl Config {
    pub(super) fn name(self) -> String {
        let mut name = format!("GLM level {} d, shape {} w", self.level_days, self.shape_weeks);
        if self.annual {
            name.push_str(", annual");
        }
        if self.trend > 0 {
            name.push_str(&format!(", trend {} %", self.trend));
        }
        if self.neighbours > 0 {
            name.push_str(&format!(", neighbours {} d", self.neighbours));
        }
        name
    }
}

/// Prior standard deviation of the factor of a special day, and of school holidays.
const SPECIAL_SPREAD: f64 = 0.2;
/// Prior standard deviation of what a standard deviation of a regressor does, on the log scale.
const KNOWN_SPREAD: f64 = 0.2;
const SWEEPS: usize = 3;

/// The model with what it has learned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Structural {
    config: Config,
    kind: Kind,
    slots_per_day: usize,
    /// Mean of each slot of the week at level 1.
    shape: Vec<f64>,
    /// Factor by day of the year; empty for none.
    annual: Vec<f64>,
    /// Factors by special day.
    special: Vec<f64>,
    school: f64,
    /// Effects of the known regressors.
    known: Vec<Effect>,
    deviation: Deviation,
    level: f64,
}

/// What a regressor does, on the log scale, per standard deviation.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Effect {
    mean: f64,
    deviation: f64,
    coefficient: f64,
}

impl Effect {
    /// A value in standard deviations; the mean where it is not known.
    fn scaled(&self, value: f32) -> f64 {
        if value.is_nan() { 0.0 } else { (f64::from(value) - self.mean) / self.deviation }
    }
}

/// Regressors that vary in the past, with no effect yet.
fn effects(past: &Past<'_>, end: usize) -> Vec<Effect> {
    (0..MAX_KNOWN)
        .map_while(|place| {
            let values =
                || past.features[..end].iter().map(|feature| f64::from(feature.known[place])).filter(|v| !v.is_nan());
            let number = values().count() as f64;
            let mean = values().sum::<f64>() / number;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / number;
            (number > 0.0).then_some(Effect { mean, deviation: variance.sqrt().max(1e-9), coefficient: 0.0 })
        })
        .collect()
}

impl Structural {
    pub fn train(past: &Past<'_>, end: usize, config: Config) -> Self {
        let mut model = Self {
            config,
            kind: past.kind,
            slots_per_day: past.slots_per_day,
            shape: vec![0.0; 7 * past.slots_per_day],
            annual: Vec::new(),
            special: vec![1.0; SPECIALS.len()],
            school: 1.0,
            known: effects(past, end),
            deviation: Deviation::default(),
            level: 1.0,
        };
        let mut days = Days::new(past, end);
        let mut dispersion = 1.0;
        for _ in 0..SWEEPS {
            model.learn_shape(past, end, &days, dispersion);
            dispersion = model.expect(past, end, &mut days);
            model.learn_known(past, end, &days, dispersion);
            model.learn_day_factors(&mut days);
            days.smooth(f64::from(config.level_days));
        }
        model.learn_deviation(past, end, &days);
        model.condition(past, end);
        model
    }

    /// The shape of the week: a profile of the hours of working days, Saturdays and Sundays, weekdays against it, and
    /// what is left, shrunk.
    fn learn_shape(&mut self, past: &Past<'_>, end: usize, days: &Days, dispersion: f64) {
        let per_day = self.slots_per_day;
        let mut slots = vec![Sums::default(); 7 * per_day];
        let last = days.level.len().saturating_sub(1);
        let forget = 0.5_f64.powf(1.0 / (7.0 * f64::from(self.config.shape_weeks.max(1))));
        let weights: Vec<f64> = (0..=last)
            .map(|day| {
                let special = days.features.get(day).is_some_and(|feature| feature.special != NOTHING_SPECIAL);
                if special { 0.0 } else { forget.powi((last - day) as i32) }
            })
            .collect();
        for (index, value) in past.observed(0..end) {
            let day = past.day(index);
            let slot = usize::from(past.features[index].slot);
            let expected = days.level[day] * days.factor[day] * self.known_factor(&past.features[index]);
            slots[slot].add(weights[day] * value, weights[day] * expected);
        }
        let profiles = [0..5, 5..6, 6..7].map(|weekdays| profile(&slots, weekdays, per_day));
        for weekday in 0..7 {
            let profile = &profiles[weekday.clamp(4, 6) - 4];
            let of_day = &slots[weekday * per_day..(weekday + 1) * per_day];
            let mut whole = Sums::default();
            for (sums, usual) in of_day.iter().zip(profile) {
                whole.add(sums.observed, sums.expected * usual);
            }
            let weekday_factor = whole.ratio().unwrap_or(1.0);
            let groups: Vec<Sums> = of_day
                .iter()
                .zip(profile)
                .map(|(sums, usual)| Sums { observed: sums.observed, expected: sums.expected * usual * weekday_factor })
                .collect();
            for (slot, factor) in shrink(&groups, dispersion).into_iter().enumerate() {
                self.shape[weekday * per_day + slot] = profile[slot] * weekday_factor * factor;
            }
        }
    }

    /// Sums what was observed and expected by day; returns the dispersion of single steps.
    fn expect(&self, past: &Past<'_>, end: usize, days: &mut Days) -> f64 {
        days.sums.fill(Sums::default());
        let (mut squares, mut number) = (0.0, 0.0);
        for (index, value) in past.observed(0..end) {
            let day = past.day(index);
            let feature = &past.features[index];
            let usual = self.shape[feature.shape_slot(self.slots_per_day)] * self.known_factor(feature);
            days.sums[day].add(value, usual);
            let mean = usual * days.level[day] * days.factor[day];
            if mean > 1e-6 {
                squares += (value - mean).powi(2) / mean;
                number += 1.0;
            }
        }
        if number > 0.0 { f64::max(squares / number, 1e-6) } else { 1.0 }
    }

    /// Special days, school holidays, the time of the year; fills `days.factor`.
    fn learn_day_factors(&mut self, days: &mut Days) {
        let dispersion = days.dispersion();
        let weight = dispersion / (SPECIAL_SPREAD * SPECIAL_SPREAD);
        let mut specials = vec![Sums::default(); SPECIALS.len()];
        let mut schools = [Sums::default(); 2];
        let mut by_day_of_year = vec![Sums::default(); if self.config.annual { DAYS_OF_YEAR } else { 0 }];
        let long = if self.config.annual { days.smoothed(LONG_RUN_DAYS) } else { Vec::new() };
        for (day, (sums, feature)) in days.sums.iter().zip(&days.features).enumerate() {
            let level = days.level[day];
            let annual = self.annual_factor(feature);
            if feature.special == NOTHING_SPECIAL {
                schools[usize::from(feature.school)].add(sums.observed, sums.expected * level * annual);
                if let Some(of_year) = by_day_of_year.get_mut(usize::from(feature.day_of_year)) {
                    of_year.add(sums.observed, sums.expected * long[day]);
                }
            } else {
                let school = if feature.school { self.school } else { 1.0 };
                let usual = sums.expected * level * annual * school;
                specials[usize::from(feature.special)].add(sums.observed, usual);
            }
        }
        self.special = specials.into_iter().map(|sums| sums.factor(weight)).collect();
        self.school = match (schools[1].ratio(), schools[0].ratio()) {
            (Some(_), Some(usual)) => {
                Sums { observed: schools[1].observed, expected: schools[1].expected * usual }.factor(weight)
            }
            _ => 1.0,
        };
        if self.config.annual {
            self.annual = annual(&by_day_of_year, dispersion);
        }
        for (factor, feature) in days.factor.iter_mut().zip(&days.features) {
            *factor = self.day_factor(feature);
        }
    }

    fn annual_factor(&self, feature: &Feature) -> f64 {
        self.annual.get(usize::from(feature.day_of_year)).copied().unwrap_or(1.0)
    }

    fn day_factor(&self, feature: &Feature) -> f64 {
        let special = self.special.get(usize::from(feature.special)).copied().unwrap_or(1.0);
        let school = if feature.school { self.school } else { 1.0 };
        special * school * self.annual_factor(feature)
    }

    /// One Newton step per regressor on the log scale, with a Gaussian prior.
    fn learn_known(&mut self, past: &Past<'_>, end: usize, days: &Days, dispersion: f64) {
        for place in 0..self.known.len() {
            let mut slope = 0.0;
            let mut curvature = dispersion / (KNOWN_SPREAD * KNOWN_SPREAD);
            for (index, value) in past.observed(0..end) {
                let feature = &past.features[index];
                let day = past.day_of(feature);
                let mean = self.usual(feature) * days.level[day];
                let scaled = self.known[place].scaled(feature.known[place]);
                slope += (value - mean) * scaled;
                curvature += mean * scaled * scaled;
            }
            let effect = &mut self.known[place];
            slope -= effect.coefficient * dispersion / (KNOWN_SPREAD * KNOWN_SPREAD);
            effect.coefficient = (effect.coefficient + slope / curvature).clamp(-1.0, 1.0);
        }
    }

    /// How much the regressors move a step, as a factor.
    fn known_factor(&self, feature: &Feature) -> f64 {
        if self.known.is_empty() {
            return 1.0;
        }
        let moved: f64 =
            self.known.iter().zip(feature.known).map(|(effect, value)| effect.coefficient * effect.scaled(value)).sum();
        moved.clamp(-2.0, 2.0).exp()
    }

    fn learn_deviation(&mut self, past: &Past<'_>, end: usize, days: &Days) {
        let residuals: Vec<f64> = (0..end)
            .map(|index| {
                let feature = &past.features[index];
                let mean = self.usual(feature) * days.level[past.day_of(feature)];
                (past.values[index] - mean) / self.kind.variance(mean).sqrt()
            })
            .collect();
        self.deviation = Deviation::learn(&residuals, self.slots_per_day / 8);
    }

    /// The mean at level 1.
    fn usual(&self, feature: &Feature) -> f64 {
        self.shape[feature.shape_slot(self.slots_per_day)] * self.day_factor(feature) * self.known_factor(feature)
    }

    /// Takes note of the level and the deviation before `end`.
    pub fn condition(&mut self, past: &Past<'_>, end: usize) {
        let half_life = f64::from(self.config.level_days.max(1));
        let short = self.recent_level(past, end, half_life);
        self.level = if self.config.trend == 0 {
            short
        } else {
            let long = self.recent_level(past, end, 2.0 * half_life);
            let change = if short > 0.0 && long > 0.0 { (short / long).ln().clamp(-0.3, 0.3) } else { 0.0 };
            short * (change * f64::from(self.config.trend) / 100.0).exp()
        };
        self.deviation.forget();
        if self.deviation.is_noise() {
            return;
        }
        let start = end.saturating_sub(3 * self.slots_per_day);
        for index in start..end {
            let mean = self.usual(&past.features[index]) * self.level;
            let value = past.values[index];
            let residual = (value - mean) / self.kind.variance(mean).sqrt();
            self.deviation.observe((!value.is_nan()).then_some(residual));
        }
    }

    /// Observed over expected, days weighted by age, drawn towards what similar places show.
    fn recent_level(&self, past: &Past<'_>, end: usize, half_life: f64) -> f64 {
        let start = end.saturating_sub((6.0 * half_life) as usize * self.slots_per_day);
        let Some(today) = end.checked_sub(1).map(|last| past.day(last)) else { return 1.0 };
        let (mut sums, mut first_seen) = (Sums::default(), Sums::default());
        let forget = 0.5_f64.powf(1.0 / half_life);
        let mut weight = 1.0;
        let mut weight_of = today;
        for (index, value) in past.observed(start..end).rev() {
            let feature = &past.features[index];
            let day = past.day_of(feature);
            while weight_of > day {
                weight *= forget;
                weight_of -= 1;
            }
            let usual = self.usual(feature);
            first_seen.add(value, usual);
            if feature.special == NOTHING_SPECIAL {
                sums.add(weight * value, weight * usual);
            }
        }
        let own = if sums.expected > 0.0 { sums } else { first_seen };
        if self.config.neighbours == 0 || past.neighbours.is_empty() {
            return own.ratio().unwrap_or(1.0);
        }
        let theirs = past.neighbours.get(today).copied().unwrap_or(1.0);
        let day = self.shape.iter().sum::<f64>() / 7.0 * f64::from(self.config.neighbours);
        Sums { observed: own.observed + day * theirs, expected: own.expected + day }.ratio().unwrap_or(1.0)
    }

    pub fn mean(&self, feature: &Feature, lead: usize) -> f64 {
        let mean = self.usual(feature) * self.level;
        let moved = mean + self.deviation.ahead(lead) * self.kind.variance(mean).sqrt();
        self.kind.clamp(moved.max(0.1 * mean))
    }

    /// The level against that of the whole history.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// The factor of a special day.
    pub fn special_factor(&self, feature: &Feature) -> Option<f64> {
        self.special.get(usize::from(feature.special)).copied()
    }

    /// The factor of school holidays.
    pub fn school_factor(&self) -> f64 {
        self.school
    }
}

/// Mean by slot of the day over some weekdays; a slot that was never seen is as its neighbours are.
fn profile(slots: &[Sums], weekdays: std::ops::Range<usize>, per_day: usize) -> Vec<f64> {
    let pooled = |weekdays: std::ops::Range<usize>, slot: usize| {
        weekdays.fold(Sums::default(), |mut pooled, weekday| {
            let sums = slots[weekday * per_day + slot];
            pooled.add(sums.observed, sums.expected);
            pooled
        })
    };
    (0..per_day)
        .map(|slot| pooled(weekdays.clone(), slot).ratio().or_else(|| pooled(0..7, slot).ratio()).unwrap_or(0.0))
        .collect()
}
