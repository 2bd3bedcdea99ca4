//! Predictive distributions that were as wide as they said, in the past.
//!
//! The errors that a forecast made on held-back parts of its own past give the distribution of its next errors: split
//! conformal prediction (Vovk, Gammerman and Shafer 2005; conformal predictive distributions, Vovk et al. 2019). Real values use
//! scaled residuals by lead time. Counts use the probability integral transform of a negative binomial, each
//! observation spread over the step of its distribution function (the non-randomised form of Czado, Gneiting and
//! Held 2009), so that discrete laws are calibrated too (recalibration: Kuleshov, Fenner and Ermon 2018).

use serde::{Deserialize, Serialize};

use crate::{
    counts::NegativeBinomial,
    law::Law,
    prior::{FIRST_DAYS, Prior, USUAL_OVERDISPERSION, Unknown, Weighted, Weights},
    series::Kind,
};

/// A forecast of the past, and what came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    pub mean: f64,
    pub value: f64,
    /// Steps from the origin, from 1.
    pub lead: usize,
    /// Hour of the local day.
    pub hour: usize,
    /// The local day of the value: the errors of one day resemble each other.
    pub day: i32,
}

/// What is known of how the forecasts of a series err.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Errors<'a> {
    /// On held-back parts of its past.
    pub held_back: &'a [Scored],
    /// Days that these were held back.
    pub days: f64,
    /// Of each day by the others ([`crate::prior::days_by_others`]): all there is at first, and less the more was held back.
    pub in_sample: &'a [Scored],
}

/// How forecasts of a series err.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Calibration {
    kind: Kind,
    /// Of the negative binomial, for counts.
    overdispersion: f64,
    /// The least mean of a count: never seen is not impossible.
    #[serde(default)]
    least: f64,
    /// Usual size of errors by hour of the day over the square root of the variance function.
    scale: Vec<f64>,
    tables: Vec<Table>,
    /// Where hardly anything is expected, and where nearly all of a capacity is: the quantiles of how far values lay from there. A night of
    /// zeros says nothing of the errors by day. Empty if there are no such steps.
    #[serde(default)]
    ends: [Vec<f64>; 2],
    /// The longest lead whose errors are known, in steps; 0 if leads make no difference.
    #[serde(default)]
    reach: usize,
}

/// Errors of lead times up to a number of steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Table {
    until: usize,
    /// For counts the calibrated distribution function over the plain one, at 0, 1/100 ... 1; otherwise the quantiles of scaled
    /// errors at these probabilities.
    points: Vec<f64>,
    /// How much wider counts are than those seen, few of them.
    #[serde(default = "as_seen")]
    wider: f64,
}

const fn as_seen() -> f64 {
    1.0
}

/// Places of the quantiles that are kept: every hundredth.
pub(crate) const POINTS: usize = 101;
/// Errors that a lead time needs for a table of its own.
const ENOUGH: usize = 200;
/// What the plain distribution of counts is worth beside the observed errors, in days of them.
const PRIOR_DAYS: f64 = 3.0;
/// Days of errors after which half of their median is taken for a bias: errors of one week resemble each other.
const BIAS_DAYS: f64 = 56.0;
/// Intervals are wider by this many parts of the days of errors: the errors of one day resemble each other, so that days,
/// not steps, are the sample, and few of them say little of their spread (as Student's quantiles exceed normal ones).
const WIDENING_DAYS: f64 = 3.0;
/// The same of counts, as long as little is known: their plain distribution is no narrower than chance alone.
const COUNTS_WIDENING_DAYS: f64 = 1.0;
const HOURS: usize = 24;
/// Ends of the classes of lead times, in hours.
const LEAD_HOURS: [usize; 8] = [1, 2, 4, 8, 24, 48, 96, usize::MAX];

impl Calibration {
    /// Of a series that never changes.
    pub fn certain(kind: Kind) -> Self {
        let scale = vec![0.0; HOURS];
        Self {
            kind,
            overdispersion: 0.0,
            least: 0.0,
            scale,
            tables: Vec::new(),
            ends: [Vec::new(), Vec::new()],
            reach: 0,
        }
    }

    /// Of a series of which nothing is known but its mean: the widest distribution that it may have.
    pub fn unknown(kind: Kind, mean: f64) -> Self {
        let unknown = Unknown::of(kind, mean);
        let tables = vec![Table { until: usize::MAX, points: unknown.points, wider: 1.0 }];
        Self {
            overdispersion: unknown.overdispersion,
            scale: vec![unknown.scale; HOURS],
            tables,
            ..Self::certain(kind)
        }
    }

    pub fn learn(kind: Kind, slots_per_day: usize, errors: Errors<'_>) -> Self {
        let Errors { held_back, days, in_sample } = errors;
        let prior = Prior::of(days);
        let all = prior.weighted(held_back, in_sample, days);
        let unit = kind.unit();
        let mut calibration = Self {
            overdispersion: overdispersion(&all, prior),
            // The mean of Jeffreys' posterior of a Poisson rate of which nothing was seen, after the days known.
            least: 0.5 / (days + FIRST_DAYS),
            scale: scales(kind, &all, unit / (days + prior.days + 1.0)),
            reach: held_back.iter().map(|one| one.lead).max().unwrap_or(0),
            ..Self::certain(kind)
        };
        for end in [Some(End::Empty), Some(End::Full)] {
            let at_end = |all: &[Scored]| -> Vec<Scored> {
                all.iter().filter(|one| calibration.end(one.mean) == end).copied().collect()
            };
            let (held_back, in_sample) = (at_end(held_back), at_end(in_sample));
            if let Some(end) = end.filter(|_| !held_back.is_empty() || !in_sample.is_empty()) {
                calibration.ends[end as usize] = calibration.distances(end, &held_back, &in_sample, days);
            }
        }
        let moving = |all: &[Scored]| -> Vec<Scored> {
            all.iter().filter(|one| calibration.end(one.mean).is_none()).copied().collect()
        };
        let (moving, moving_before) = (moving(held_back), moving(in_sample));
        let classes = LEAD_HOURS.map(|hours| hours.saturating_mul(slots_per_day) / HOURS);
        let mut pending: Vec<Scored> = Vec::new();
        let mut before = 0;
        for until in classes {
            pending.extend(moving.iter().filter(|one| before < one.lead && one.lead <= until));
            before = before.max(until);
            if pending.len() >= ENOUGH {
                calibration.push(until, &std::mem::take(&mut pending), &moving_before, days);
            }
        }
        // What is left over: too little for a table, unless it is all there is.
        if calibration.tables.is_empty() {
            calibration.push(usize::MAX, &moving, &moving_before, days);
        }
        if let Some(last) = calibration.tables.last_mut() {
            last.until = usize::MAX;
        }
        calibration
    }

    fn push(&mut self, until: usize, held_back: &[Scored], in_sample: &[Scored], days: f64) {
        // Far leads are known from few origins of a short past.
        let days = sampled_days(held_back, days);
        let prior = Prior::of(days);
        let points = if matches!(self.kind, Kind::Count) {
            self.transforms(&prior.weighted(held_back, in_sample, days), days + prior.days)
        } else {
            self.residuals(held_back, in_sample, days, prior)
        };
        let wider = 1.0 + COUNTS_WIDENING_DAYS * prior.fresh / (days + prior.days).max(1.0);
        self.tables.push(Table { until, points, wider });
    }

    fn transforms(&self, scored: &[Weighted], days: f64) -> Vec<f64> {
        let total: f64 = scored.iter().map(|one| one.weight).sum();
        let prior = (total / days.max(1.0) * PRIOR_DAYS).max(1.0);
        let steps: Vec<(f64, f64, f64)> = scored
            .iter()
            .map(|one| {
                let (below, at) = self.counts(one.mean, 1.0).around(one.value);
                (below, at, one.weight)
            })
            .collect();
        (0..POINTS)
            .map(|point| {
                let u = point as f64 / (POINTS - 1) as f64;
                let mass: f64 = steps
                    .iter()
                    .map(|(below, at, weight)| {
                        weight
                            * if at > below {
                                ((u - below) / (at - below)).clamp(0.0, 1.0)
                            } else {
                                f64::from(u8::from(u >= *at))
                            }
                    })
                    .sum();
                (mass + prior * u) / (total + prior)
            })
            .collect()
    }

    fn residuals(&self, held_back: &[Scored], in_sample: &[Scored], days: f64, prior: Prior) -> Vec<f64> {
        let mut scores: Vec<(f64, f64)> = prior
            .weighted(held_back, in_sample, days)
            .iter()
            .map(|one| {
                let spread = self.spread(one.mean, one.hour);
                (if spread > 0.0 { (one.value - one.mean) / spread } else { 0.0 }, one.weight)
            })
            .collect();
        prior.add_a_day(&mut scores, days, 1.0);
        let quantiles = Weights::new(&scores);
        let median = quantiles.at(0.5);
        let bias = median * days / (days + BIAS_DAYS);
        let widening = 1.0 + WIDENING_DAYS / (days + prior.days).max(1.0);
        (0..POINTS).map(|point| bias + widening * (quantiles.at(point as f64 / (POINTS - 1) as f64) - median)).collect()
    }

    /// The quantiles of how far values lay from an end at which they were expected.
    fn distances(&self, end: End, held_back: &[Scored], in_sample: &[Scored], days: f64) -> Vec<f64> {
        let days = sampled_days(held_back, days);
        let (prior, from) = (Prior::of(days), self.value_at(end));
        let all = prior.weighted(held_back, in_sample, days);
        let mut distances: Vec<(f64, f64)> = all.iter().map(|one| (one.value - from, one.weight)).collect();
        prior.add_a_day(&mut distances, days, self.kind.unit());
        let quantiles = Weights::new(&distances);
        (0..POINTS).map(|point| quantiles.at(point as f64 / (POINTS - 1) as f64)).collect()
    }

    /// The end at which a mean lies.
    fn end(&self, mean: f64) -> Option<End> {
        if matches!(self.kind, Kind::Count) || !self.kind.is_at_an_end(mean) {
            return None;
        }
        Some(if mean <= self.kind.upper() / 2.0 { End::Empty } else { End::Full })
    }

    fn value_at(&self, end: End) -> f64 {
        match end {
            End::Empty => 0.0,
            End::Full => self.kind.upper(),
        }
    }

    fn spread(&self, mean: f64, hour: usize) -> f64 {
        self.scale.get(hour).copied().unwrap_or(0.0) * self.kind.variance(mean).sqrt()
    }

    fn counts(&self, mean: f64, wider: f64) -> NegativeBinomial {
        let mean = mean.max(self.least);
        let excess = wider * wider;
        let overdispersion = self.overdispersion * excess + if mean > 0.0 { (excess - 1.0) / mean } else { 0.0 };
        NegativeBinomial { mean, overdispersion }
    }

    /// The distribution of what comes `lead` steps after the last observation.
    pub fn law(&self, mean: f64, lead: usize, hour: usize) -> Law<'_> {
        // Farther than was ever tried, errors are taken to grow as those of a random walk.
        let wider = if self.reach > 0 && lead > self.reach { (lead as f64 / self.reach as f64).sqrt() } else { 1.0 };
        let kind = self.kind;
        if let Some((end, points)) = self.end(mean).map(|end| (end, &self.ends[end as usize]))
            && !points.is_empty()
        {
            return Law { kind, mean: self.value_at(end), spread: wider, counts: self.counts(mean, wider), points };
        }
        match self.tables.iter().find(|table| lead <= table.until) {
            Some(Table { points, wider: fewer, .. }) => Law {
                kind,
                mean,
                spread: wider * self.spread(mean, hour),
                counts: self.counts(mean, wider * fewer),
                points,
            },
            None => Law { mean, ..Law::closed(kind) },
        }
    }
}

/// Days of which errors are known: those of a short past, of which far leads are seen on few, are counted.
fn sampled_days(scored: &[Scored], days: f64) -> f64 {
    if Prior::of(days).fresh <= 0.0 {
        return days;
    }
    let distinct: std::collections::BTreeSet<i32> = scored.iter().map(|one| one.day).collect();
    days.min(distinct.len() as f64)
}

/// An end of what values may be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Empty,
    Full,
}

/// Moment estimate of the overdispersion of counts around their forecast means (Cameron and Trivedi 1998, 3.4), drawn to what
/// is usual while little is known.
fn overdispersion(scored: &[Weighted], prior: Prior) -> f64 {
    let sum = |of: &dyn Fn(&Weighted) -> f64| -> f64 { scored.iter().map(|one| one.weight * of(one)).sum() };
    let excess = sum(&|one| (one.value - one.mean).powi(2) - one.mean);
    let squares = sum(&|one| one.mean * one.mean);
    let usual = squares * prior.fresh * prior.share;
    let total = squares + usual;
    if total > 0.0 { ((excess + USUAL_OVERDISPERSION * usual) / total).max(0.0) } else { USUAL_OVERDISPERSION }
}

/// Mean size of scaled errors by hour, drawn to that of all hours. `least` stands for the errors that were not seen: one of one
/// unit on a day more.
fn scales(kind: Kind, scored: &[Weighted], least: f64) -> Vec<f64> {
    const ALL_HOURS_WORTH: f64 = 10.0;
    let mut by_hour = [(0.0, 0.0); HOURS];
    let mut all = (0.0, 0.0);
    for one in scored.iter().filter(|one| !kind.is_at_an_end(one.mean)) {
        let size = (one.value - one.mean).abs() / kind.variance(one.mean).sqrt();
        for sum in [&mut by_hour[one.hour % HOURS], &mut all] {
            sum.0 += one.weight * size;
            sum.1 += one.weight;
        }
    }
    let typical = if kind.upper().is_finite() { kind.upper() / 2.0 } else { 1.0 };
    let least = least / kind.variance(typical).sqrt();
    let usual = if all.1 > 0.0 { f64::max(all.0 / all.1, least) } else { least };
    by_hour.map(|(sum, number)| (sum + ALL_HOURS_WORTH * usual) / (number + ALL_HOURS_WORTH)).to_vec()
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_distr::{Distribution as _, Poisson};

    use super::*;

    fn learn(kind: Kind, held_back: &[Scored], days: f64) -> Calibration {
        Calibration::learn(kind, 24, Errors { held_back, days, in_sample: &[] })
    }

    const PROBABILITIES: [f64; 5] = [0.025, 0.1, 0.5, 0.9, 0.975];

    fn scored(number: usize, mut make: impl FnMut(usize) -> (f64, f64)) -> Vec<Scored> {
        (0..number)
            .map(|k| {
                let (mean, value) = make(k);
                Scored { mean, value, lead: 1 + k % 48, hour: k % 24, day: k as i32 }
            })
            .collect()
    }

    #[test]
    fn poisson_counts_get_poisson_intervals() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let errors = scored(20_000, |_| (7.0, Poisson::new(7.0).unwrap().sample(&mut random)));
        let calibration = learn(Kind::Count, &errors, 400.0);
        assert_eq!(calibration.law(7.0, 10, 3).quantiles(&PROBABILITIES), [2.0, 4.0, 7.0, 10.0, 13.0]);
    }

    #[test]
    fn biased_and_overconfident_means_are_put_right() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let errors = scored(20_000, |_| (50.0, 40.0 + random.random_range(-10.0..10.0)));
        let calibration = learn(Kind::Bounded { capacity: 100.0 }, &errors, 10_000.0);
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
        let calibration = learn(Kind::Bounded { capacity: 100.0 }, &errors, 10_000.0);
        for mean in [0.0, 50.0, 100.0] {
            let quantiles = calibration.law(mean, 1, 0).quantiles(&PROBABILITIES);
            assert!(quantiles.iter().all(|value| (0.0..=100.0).contains(value)), "{quantiles:?}");
            assert!(quantiles.is_sorted());
        }
        assert_eq!(calibration.law(95.0, 1, 0).around(100.0).1, 1.0);
    }
}
