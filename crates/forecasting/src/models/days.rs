//! Days as the structural model sees them: what was observed and expected, their level, the time of the year.

use super::{
    Past,
    shrinkage::{Sums, shrink},
};
use crate::calendar::{Feature, NOTHING_SPECIAL};

/// Bandwidth of the annual component in days.
const ANNUAL_BANDWIDTH: f64 = 7.0;
pub(super) const DAYS_OF_YEAR: usize = 366;
/// Half-life of the level against which the time of the year stands out, in days.
pub(super) const LONG_RUN_DAYS: f64 = 365.0;

/// Sums over days while learning.
pub(super) struct Days {
    /// Observed, and expected at level 1 with all day factors.
    pub sums: Vec<Sums>,
    /// A day's features (of its first step).
    pub features: Vec<Feature>,
    /// Smoothed level.
    pub level: Vec<f64>,
    /// Product of the day's other factors.
    pub factor: Vec<f64>,
}

impl Days {
    pub fn new(past: &Past<'_>, end: usize) -> Self {
        let mut features: Vec<Feature> = Vec::new();
        for feature in &past.features[..end] {
            // Days follow each other on a grid; the guard is for clocks that skip a whole day.
            while features.len() <= past.day_of(feature) {
                features.push(*feature);
            }
        }
        let number = features.len();
        Self { sums: vec![Sums::default(); number], features, level: vec![1.0; number], factor: vec![1.0; number] }
    }

    /// Variance of a day's sum over its expectation.
    pub fn dispersion(&self) -> f64 {
        let (mut squares, mut number) = (0.0, 0.0);
        for (day, sums) in self.sums.iter().enumerate() {
            let mean = sums.expected * self.level[day] * self.factor[day];
            if mean > 1e-6 && self.features[day].special == NOTHING_SPECIAL {
                squares += (sums.observed - mean).powi(2) / mean;
                number += 1.0;
            }
        }
        if number > 0.0 { f64::max(squares / number, 1e-6) } else { 1.0 }
    }

    pub fn smooth(&mut self, half_life: f64) {
        self.level = self.smoothed(half_life);
    }

    /// Observed over expected around each day, special days left out, weighted by distance on both sides.
    pub fn smoothed(&self, half_life: f64) -> Vec<f64> {
        let forget = 0.5_f64.powf(1.0 / half_life.max(1.0));
        let number = self.sums.len();
        let of_day = |day: usize| {
            let sums = self.sums[day];
            let plain = self.features[day].special == NOTHING_SPECIAL;
            if plain { Sums { expected: sums.expected * self.factor[day], ..sums } } else { Sums::default() }
        };
        let run = |days: &mut dyn Iterator<Item = usize>| {
            let mut sums = Sums::default();
            let mut running = vec![Sums::default(); number];
            for day in days {
                sums = Sums { observed: forget * sums.observed, expected: forget * sums.expected };
                running[day] = sums;
                let own = of_day(day);
                sums.add(own.observed, own.expected);
            }
            running
        };
        let before = run(&mut (0..number));
        let after = run(&mut (0..number).rev());
        (0..number)
            .map(|day| {
                let mut sums = of_day(day);
                sums.add(before[day].observed + after[day].observed, before[day].expected + after[day].expected);
                sums.ratio().filter(|level| *level > 0.0).unwrap_or(1.0)
            })
            .collect()
    }
}

/// Smooth factors by day of the year, around the year's end too.
pub(super) fn annual(by_day: &[Sums], dispersion: f64) -> Vec<f64> {
    let reach = (3.0 * ANNUAL_BANDWIDTH) as i32;
    let kernel = |distance: i32| (-0.5 * (f64::from(distance) / ANNUAL_BANDWIDTH).powi(2)).exp();
    let smoothed: Vec<Sums> = (0..DAYS_OF_YEAR as i32)
        .map(|day| {
            let mut sums = Sums::default();
            for distance in -reach..=reach {
                let other = by_day[(day + distance).rem_euclid(DAYS_OF_YEAR as i32) as usize];
                sums.add(kernel(distance) * other.observed, kernel(distance) * other.expected);
            }
            sums
        })
        .collect();
    shrink(&smoothed, dispersion)
}
