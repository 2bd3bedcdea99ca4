//! Which models serve a series, found on held-back parts of its own past.

use crate::{
    calibration::Scored,
    models::{Model, Past, Trained},
    series::Kind,
};

/// How a series' past is held back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// The first step that may be held back.
    pub from: usize,
    /// The step after the last observed one.
    pub end: usize,
    /// Steps between origins.
    pub every: usize,
    /// Steps ahead.
    pub horizon: usize,
}

/// Cells by which models are judged, at most; the stride shares no factor with the hours of a day.
const JUDGED_CELLS: usize = 4000;
/// How often models learn anew within the held-back part.
const BLOCKS: usize = 4;

impl Plan {
    fn origins(self) -> Vec<usize> {
        // Counted back from the end: the phase of the day is that of the forecast to come.
        let mut origins: Vec<usize> = (1..)
            .map_while(|k| self.end.checked_sub(k * self.every))
            .take_while(|origin| *origin >= self.from)
            .collect();
        origins.reverse();
        origins
    }
}

/// Forecasts of held-back steps by several models.
pub(crate) struct Rehearsal {
    /// Held-back steps: index, lead.
    cells: Vec<(usize, usize)>,
    /// Means by model, one per cell.
    means: Vec<Vec<f64>>,
    /// Which models are plain means of the last weeks, which a combination of others has to beat.
    plain: Vec<bool>,
    /// Days that the origins span.
    days: f64,
}

impl Rehearsal {
    /// Lets every model forecast from every origin, knowing nothing of what came after it.
    pub fn new(past: &Past<'_>, models: &[Model], plan: Plan) -> Self {
        let origins = plan.origins();
        let mut cells = Vec::new();
        let mut means = vec![Vec::new(); models.len()];
        let per_block = origins.len().div_ceil(BLOCKS).max(1);
        for block in origins.chunks(per_block) {
            let Some(first) = block.first() else { continue };
            let mut trained: Vec<Trained> = models.iter().map(|model| model.train(past, *first)).collect();
            for origin in block {
                let targets: Vec<(usize, usize)> = past
                    .observed(*origin..(*origin + plan.horizon).min(plan.end))
                    .map(|(index, _)| (index, index - origin + 1))
                    .collect();
                for (model, means) in trained.iter_mut().zip(&mut means) {
                    if origin != first {
                        model.condition(past, *origin);
                    }
                    means.extend(targets.iter().map(|(index, lead)| model.mean(&past.features[*index], *lead)));
                }
                cells.extend(targets);
            }
        }
        let days = (origins.len() * plan.every) as f64 / past.slots_per_day as f64;
        let plain = models.iter().map(Model::is_plain).collect();
        Self { cells, means, plain, days }
    }

    /// Weights of the models in the combination, their sum 1.
    ///
    /// Greedy forward selection with replacement (Caruana et al. 2004): time and again the model that helps the average
    /// most is added to it. The shorter the rehearsal, the closer the weights are to equal ones, which a short history
    /// seldom beats (Claeskens et al. 2016, the forecast combination puzzle).
    pub fn weights(&self, past: &Past<'_>) -> Vec<f64> {
        const PICKS: usize = 12;
        let number = self.means.len();
        if number < 2 || self.cells.is_empty() {
            return vec![1.0 / number.max(1) as f64; number];
        }
        // Overlapping horizons repeat each other: a part of the cells tells as much, sooner.
        let stride =
            (self.cells.len().div_ceil(JUDGED_CELLS)..).find(|stride| stride % 2 != 0 && stride % 3 != 0).unwrap_or(1);
        let cells = || self.cells.iter().step_by(stride).map(|(index, _)| *index);
        let values: Vec<f64> = cells().map(|index| past.values[index]).collect();
        let means: Vec<Vec<f64>> =
            self.means.iter().map(|means| means.iter().step_by(stride).copied().collect()).collect();
        let loss = |means: &mut dyn Iterator<Item = f64>| -> f64 {
            means.zip(&values).map(|(mean, value)| loss(past.kind, mean, *value)).sum()
        };
        let alone: Vec<f64> = means.iter().map(|means| loss(&mut means.iter().copied())).collect();
        // Plain means only take part where the others do not keep up with them: beside these they are dead weight.
        let member = |model: &usize| !self.plain[*model];
        let best = (0..number).filter(member).map(|model| alone[model]).fold(f64::INFINITY, f64::min);
        let mut picks = vec![0.0; number];
        // A model that is far behind on its own only adds noise.
        let worth: Vec<usize> =
            (0..number).filter(member).filter(|model| alone[*model] <= best + WORTH * best.abs()).collect();
        let mut sum = vec![0.0; values.len()];
        for round in 0..PICKS {
            let total = round as f64 + 1.0;
            let choice = worth.iter().copied().min_by(|a, b| {
                let of =
                    |model: usize| loss(&mut sum.iter().zip(&means[model]).map(|(sum, mean)| (sum + mean) / total));
                of(*a).total_cmp(&of(*b))
            });
            let Some(choice) = choice else { break };
            picks[choice] += 1.0;
            for (sum, mean) in sum.iter_mut().zip(&means[choice]) {
                *sum += mean;
            }
        }
        let total: f64 = picks.iter().sum();
        let believed = self.days / (self.days + EQUAL_DAYS);
        let equal = (1.0 - believed) / worth.len().max(1) as f64;
        let of = |model| if worth.contains(&model) { equal + believed * picks[model] / total } else { 0.0 };
        let weights = without_crumbs((0..number).map(of).collect());
        let plain = (0..number).filter(|model| self.plain[*model]).min_by(|a, b| alone[*a].total_cmp(&alone[*b]));
        let is_better = |plain: &usize| {
            worth.is_empty() || {
                let gains = cells().enumerate().map(|(cell, index)| {
                    let combined = weights.iter().zip(&means).map(|(weight, means)| weight * means[cell]).sum();
                    let of = |mean| self::loss(past.kind, mean, values[cell]);
                    (past.day(index), of(combined) - of(means[*plain][cell]))
                });
                is_beyond_noise(gains)
            }
        };
        match plain.filter(is_better) {
            Some(plain) => (0..number).map(|model| f64::from(u8::from(model == plain))).collect(),
            None => weights,
        }
    }

    /// The errors of the combination.
    pub fn scored(&self, past: &Past<'_>, weights: &[f64]) -> Vec<Scored> {
        self.cells
            .iter()
            .enumerate()
            .map(|(cell, (index, lead))| Scored {
                mean: self.means.iter().zip(weights).map(|(means, weight)| weight * means[cell]).sum(),
                value: past.values[*index],
                lead: *lead,
                hour: hour(usize::from(past.features[*index].slot), past.slots_per_day),
                day: past.features[*index].day,
            })
            .collect()
    }

    /// Days that the origins span.
    pub fn days(&self) -> f64 {
        self.days
    }

    /// Whether nothing could be held back.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Mean absolute error of each model's mean.
    pub fn errors(&self, past: &Past<'_>) -> Vec<f64> {
        let number = self.cells.len().max(1) as f64;
        let error = |means: &Vec<f64>| -> f64 {
            self.cells.iter().zip(means).map(|((index, _), mean)| (past.values[*index] - mean).abs()).sum()
        };
        self.means.iter().map(|means| error(means) / number).collect()
    }
}

/// Whether gains add up to more than chance would make of them: what is gained on a day is one observation, as its hours resemble
/// each other.
fn is_beyond_noise(gains: impl Iterator<Item = (usize, f64)>) -> bool {
    /// Standard errors.
    const CLEAR: f64 = 2.0;
    let mut days = std::collections::BTreeMap::new();
    for (day, gain) in gains {
        *days.entry(day).or_insert(0.0) += gain;
    }
    let (sum, squares) = days.values().fold((0.0, 0.0), |(sum, squares), gain| (sum + gain, squares + gain * gain));
    sum > CLEAR * f64::sqrt(squares)
}

/// Days of rehearsal that weigh as much as the belief that all models serve alike.
const EQUAL_DAYS: f64 = 14.0;
/// How much worse than the best, as a share, a model may be and still be used.
const WORTH: f64 = 0.25;

/// Weights below which a model is not worth its storage.
const CRUMB: f64 = 0.03;

fn without_crumbs(mut weights: Vec<f64>) -> Vec<f64> {
    weights.iter_mut().filter(|weight| **weight < CRUMB).for_each(|weight| *weight = 0.0);
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// The hour of the day of a slot of the week.
pub(crate) fn hour(slot: usize, slots_per_day: usize) -> usize {
    slot % slots_per_day * 24 / slots_per_day
}

/// What a mean is judged by: half the Poisson deviance where the variance grows with the mean (but for a term of
/// the value alone), the absolute error otherwise.
fn loss(kind: Kind, mean: f64, value: f64) -> f64 {
    match kind {
        Kind::Count | Kind::Amount => {
            let mean = mean.max(1e-3);
            let least = if value > 0.0 { value - value * value.ln() } else { 0.0 };
            mean - value * mean.ln() - least
        }
        Kind::Bounded { .. } => (value - mean).abs(),
    }
}
