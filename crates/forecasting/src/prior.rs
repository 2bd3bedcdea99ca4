//! What is taken for known of errors before many were made: how each day misses the others, what is usual, and what may be
//! when nothing is known at all.

use crate::{
    calendar::NOTHING_SPECIAL,
    calibration::{POINTS, Scored},
    models::Past,
    selection::hour,
    series::Kind,
};

/// Days of a series that are never held back.
pub(crate) const FIRST_DAYS: f64 = 7.0;
/// Held-back days from which on they speak for themselves.
pub(crate) const MATURE_DAYS: f64 = 28.0;
/// What the errors of days by the others are worth beside held-back ones, in days, when there are none of these.
const WORTH_DAYS: f64 = 3.0;
/// Of counts around means that are known from a few days.
pub(crate) const USUAL_OVERDISPERSION: f64 = 0.1;
/// Days of the past that are compared with each other.
const COMPARED_DAYS: usize = 28;

/// An error, and how much it counts; a held-back one counts 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighted {
    pub mean: f64,
    pub value: f64,
    pub hour: usize,
    pub weight: f64,
}

/// How much is believed without held-back errors, after some days of these.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prior {
    /// What errors of days by the others are worth, in days.
    pub days: f64,
    /// From 1 without held-back errors to 0 when they speak for themselves.
    pub fresh: f64,
    /// The prior's part of all days.
    pub share: f64,
}

impl Prior {
    pub fn of(days: f64) -> Self {
        let fresh = (1.0 - days / MATURE_DAYS).max(0.0);
        let worth = WORTH_DAYS * fresh;
        Self { days: worth, fresh, share: if worth > 0.0 { worth / (days + worth) } else { 0.0 } }
    }

    /// One day more may be unlike all that were seen: adds it to the scores, with errors of a mean size, and sorts them.
    pub fn add_a_day(self, scores: &mut Vec<(f64, f64)>, days: f64, size: f64) {
        let total: f64 = scores.iter().map(|(_, weight)| weight).sum();
        let of_a_day = total / (days + self.days).max(1.0) * self.fresh;
        let weight = if scores.is_empty() { 1.0 } else { of_a_day / normal_scores().len() as f64 };
        if weight > 0.0 {
            scores.extend(normal_scores().map(|score| (size * score, weight)));
        }
        scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    }

    /// All errors with their weights.
    pub fn weighted(self, held_back: &[Scored], in_sample: &[Scored], days: f64) -> Vec<Weighted> {
        let weight = if held_back.is_empty() {
            1.0
        } else {
            held_back.len() as f64 / days.max(1.0) * self.days / in_sample.len().max(1) as f64
        };
        let one =
            |scored: &Scored, weight| Weighted { mean: scored.mean, value: scored.value, hour: scored.hour, weight };
        let before = in_sample.iter().filter(|_| weight > 0.0).map(|scored| one(scored, weight));
        held_back.iter().map(|scored| one(scored, 1.0)).chain(before).collect()
    }
}

/// How each of the last days is missed by the mean of the others of its kind, working days or weekends, hour by hour.
///
/// The error of a mean of `k` others is larger than that of a known mean by the part 1 / k of its variance, as that of a forecast
/// from as many days is.
pub(crate) fn days_by_others(past: &Past<'_>, end: usize) -> Vec<Scored> {
    let per_day = past.slots_per_day;
    let start = end.saturating_sub(COMPARED_DAYS * per_day);
    // A holiday is no day like others.
    let usual = || past.observed(start..end).filter(|(index, _)| past.features[*index].special == NOTHING_SPECIAL);
    let cell = |index: usize| {
        let slot = usize::from(past.features[index].slot);
        (usize::from(slot / per_day >= 5), slot % per_day)
    };
    let mut sums = [vec![(0.0, 0.0); per_day], vec![(0.0, 0.0); per_day]];
    for (index, value) in usual() {
        let (class, slot) = cell(index);
        let sum = &mut sums[class][slot];
        *sum = (sum.0 + value, sum.1 + 1.0);
    }
    usual()
        .filter_map(|(index, value)| {
            let (class, slot) = cell(index);
            let (own, other) = (sums[class][slot], sums[1 - class][slot]);
            // The only one of its kind is compared with all.
            let (sum, number) = if own.1 > 1.5 { own } else { (own.0 + other.0, own.1 + other.1) };
            let others = number - 1.0;
            // Of counts that were never seen a half is taken for seen (Jeffreys).
            let seen = if matches!(past.kind, Kind::Count) { 0.5 } else { 0.0 };
            (others > 0.5).then(|| Scored {
                mean: past.kind.clamp((sum - value + seen) / others),
                value,
                lead: 1,
                hour: hour(usize::from(past.features[index].slot), per_day),
                day: past.features[index].day,
            })
        })
        .collect()
}

/// Ascending scores of a distribution of mean size 1, by its quantiles.
pub(crate) fn normal_scores() -> impl ExactSizeIterator<Item = f64> {
    const SCORES: usize = 41;
    /// The standard deviation of a normal distribution whose mean size is 1.
    const DEVIATION: f64 = 1.253_314_137;
    (0..SCORES).map(|place| DEVIATION * normal_quantile((place as f64 + 0.5) / SCORES as f64))
}

/// The standard normal quantile (Abramowitz and Stegun 1964, 26.2.23; error below 4.5e-4).
fn normal_quantile(probability: f64) -> f64 {
    let tail = probability.min(1.0 - probability).max(1e-9);
    let t = (-2.0 * tail.ln()).sqrt();
    let size =
        t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    if probability < 0.5 { -size } else { size }
}

/// The widest law of a mean.
pub(crate) struct Unknown {
    pub overdispersion: f64,
    pub scale: f64,
    pub points: Vec<f64>,
}

impl Unknown {
    /// Occupancy as a Beta law of one space (of variance `m (c - m) / 2`), amounts with a deviation as large as the mean, counts
    /// as geometric ones.
    pub fn of(kind: Kind, mean: f64) -> Self {
        let at = |point: usize| point as f64 / (POINTS - 1) as f64;
        let normal = |point| normal_quantile(at(point).clamp(0.005, 0.995));
        match kind {
            Kind::Count => Self { overdispersion: 1.0, scale: 0.0, points: (0..POINTS).map(at).collect() },
            Kind::Bounded { capacity } => {
                let points = (0..POINTS).map(normal).collect();
                Self { overdispersion: 0.0, scale: (capacity / 2.0).sqrt(), points }
            }
            Kind::Amount => {
                let points = (0..POINTS).map(normal).collect();
                Self { overdispersion: 0.0, scale: mean.max(1.0).sqrt(), points }
            }
        }
    }
}

/// Quantiles of weighted scores.
pub(crate) struct Weights<'a> {
    scores: &'a [(f64, f64)],
    /// Weight up to each score.
    up_to: Vec<f64>,
}

impl<'a> Weights<'a> {
    /// Of ascending scores.
    pub fn new(scores: &'a [(f64, f64)]) -> Self {
        let up_to = scores.iter().scan(0.0, |sum, (_, weight)| {
            *sum += weight;
            Some(*sum)
        });
        Self { up_to: up_to.collect(), scores }
    }

    /// With the conformal correction for finite samples: the k-th of n errors has probability k / (n + 1).
    pub fn at(&self, probability: f64) -> f64 {
        let Some(total) = self.up_to.last() else { return 0.0 };
        let wanted = probability * (total + 1.0);
        let place = self.up_to.partition_point(|up_to| *up_to < wanted);
        if place == 0 {
            return self.scores[0].0;
        }
        let Some(above) = self.up_to.get(place) else { return self.scores[place - 1].0 };
        let below = self.up_to[place - 1];
        let share = if *above > below { (wanted - below) / (above - below) } else { 1.0 };
        self.scores[place - 1].0 + share * (self.scores[place].0 - self.scores[place - 1].0)
    }
}
