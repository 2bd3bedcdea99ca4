//! From a series as it was observed to what models can learn from.

use crate::{
    calendar::Feature,
    error::Unforecastable,
    fitted::Options,
    models::{Model, Past, StructuralConfig},
    selection::Plan,
    series::{Kind, Series, stuck},
};

/// Observed days that a component of the time of the year needs.
const ANNUAL_DAYS: usize = 500;
/// Share of the history, and days, that are held back at most to choose and calibrate.
const HELD_BACK_SHARE: f64 = 0.5;
pub(crate) const HELD_BACK_DAYS: usize = 112;

/// A series made ready: closed and stuck steps taken out, the calendar read.
pub(crate) struct Prepared<'a> {
    values: Vec<f64>,
    features: &'a [Feature],
    kind: Kind,
    slots_per_day: usize,
    neighbours: Vec<f64>,
    /// The first observed step.
    pub first: usize,
    /// The step after the last.
    pub end: usize,
    /// The step after the last observed one.
    pub heard: usize,
    /// Whether one value is all that was ever observed.
    pub constant: bool,
    pub stuck_steps: usize,
    pub gap_steps: usize,
}

/// Weeks over which gaps at the same time of the week are compared.
const WEEKS_COMPARED: usize = 6;
/// So many gaps tell an outage from what is usual.
const FEW_WEEKS: usize = 3;
/// Days without observation after which a source is silent.
const SILENT_DAYS: usize = 28;

impl<'a> Prepared<'a> {
    pub fn new(series: &Series, options: &Options, features: &'a [Feature]) -> Result<Self, Unforecastable> {
        let slots_per_day = series.grid().slots_per_day();
        let stretches = stuck(series);
        let cleaned = series.without(&stretches);
        let mut values = cleaned.raw().to_vec();
        for (value, _) in values.iter_mut().zip(features).filter(|(_, feature)| !feature.open) {
            *value = f64::NAN;
        }
        let observed = |index: &usize| !values[*index].is_nan();
        let last = (0..values.len()).rev().find(observed);
        if let Some(stretch) = stretches.last()
            && last.is_none_or(|last| last < stretch.start)
        {
            let value = series.value(stretch.start).unwrap_or_default();
            return Err(Unforecastable::Stuck { since: series.grid().at(stretch.start), value });
        }
        let (Some(first), Some(last)) = ((0..values.len()).find(observed), last) else {
            return Err(Unforecastable::Empty);
        };
        let days = (last + 1 - first) as f64 / slots_per_day as f64;
        if days < 7.0 - 1.0 / 24.0 {
            return Err(Unforecastable::TooShort { days });
        }
        if values.len() - last > SILENT_DAYS * slots_per_day {
            return Err(Unforecastable::Silent { since: series.grid().at(last) });
        }
        let seen = values.iter().filter(|value| !value.is_nan()).count();
        let share = seen as f64 / (last + 1 - first) as f64;
        if share < LEAST_SHARE {
            return Err(Unforecastable::TooSparse { share });
        }
        let constant = values[first..].iter().filter(|value| !value.is_nan()).all(|value| *value == values[first]);
        Ok(Self {
            kind: series.kind(),
            slots_per_day,
            neighbours: options.neighbours.as_ref().map_or_else(Vec::new, |series| neighbour_levels(series, features)),
            first,
            end: values.len(),
            heard: last + 1,
            constant,
            stuck_steps: stretches.iter().map(|stretch| stretch.end - stretch.start).sum(),
            gap_steps: last + 1 - first - seen,
            values,
            features,
        })
    }

    pub fn past(&self) -> Past<'_> {
        Past {
            values: &self.values,
            features: self.features,
            kind: self.kind,
            slots_per_day: self.slots_per_day,
            neighbours: &self.neighbours,
        }
    }

    /// Steps before the end that nothing was observed of, less those that are usual at this time of the week: nights and
    /// weekends of a source that is only counted by day.
    pub fn silent(&self) -> usize {
        let week = 7 * self.slots_per_day;
        // Nothing is expected of closed steps.
        let open = |range: std::ops::Range<usize>| self.features[range].iter().filter(|feature| feature.open).count();
        let gap = |end: usize| {
            let heard = (self.first..end).rev().find(|index| !self.values[*index].is_nan());
            open(heard.map_or(self.first, |last| last + 1)..end)
        };
        let before = (1..=WEEKS_COMPARED).map_while(|back| self.end.checked_sub(back * week));
        // As the source was before it fell silent: a silence of weeks is not usual because it lasts.
        let mut gaps: Vec<usize> = before.filter(|end| *end > self.first && *end <= self.heard).map(gap).collect();
        gaps.sort_unstable();
        // One long gap of several was an outage, and does not make the next one usual.
        let usual = if gaps.len() < FEW_WEEKS { gaps.last() } else { gaps.get(gaps.len() - 2) };
        open(self.heard..self.end).saturating_sub(usual.copied().unwrap_or(0))
    }

    /// The mean of all that was observed.
    pub fn mean(&self) -> f64 {
        let (sum, number) =
            self.past().observed(0..self.end).fold((0.0, 0.0), |(s, n), (_, value)| (s + value, n + 1.0));
        sum / f64::max(number, 1.0)
    }

    /// The models that this history can bear.
    pub fn suited(&self, models: &[Model]) -> Vec<Model> {
        let days = (self.end - self.first) / self.slots_per_day;
        let suited = |model: &&Model| match model {
            Model::SeasonalNaive | Model::Smoothing => true,
            Model::SeasonalMeans { weeks, .. } => days >= 14 || *weeks <= 4,
            Model::Structural(config) => {
                (!config.annual || days >= ANNUAL_DAYS) && (config.neighbours == 0 || !self.neighbours.is_empty())
            }
        };
        let kept: Vec<Model> = models.iter().filter(suited).copied().collect();
        if kept.is_empty() { vec![Model::SeasonalNaive] } else { kept }
    }

    pub fn plan(&self, options: &Options) -> Plan {
        let length = self.end - self.first;
        let held_back =
            ((length as f64 * HELD_BACK_SHARE) as usize).min(HELD_BACK_DAYS * self.slots_per_day + options.horizon);
        // The first week is never held back: weekdays would be unknown.
        let from = (self.end - held_back).max(self.first + 7 * self.slots_per_day);
        Plan { from, end: self.end, every: options.every, horizon: options.horizon }
    }
}

/// Least share of steps with a value: opening hours of two hours on workdays have more.
const LEAST_SHARE: f64 = 0.05;

/// How far similar places stood above their usual level at the end of the day before each day.
fn neighbour_levels(series: &Series, features: &[Feature]) -> Vec<f64> {
    let slots_per_day = series.grid().slots_per_day();
    let past = Past { values: series.raw(), features, kind: series.kind(), slots_per_day, neighbours: &[] };
    let config = StructuralConfig { level_days: 7, shape_weeks: 8, annual: false, trend: 0, neighbours: 0 };
    if series.is_empty() {
        return Vec::new();
    }
    let mut model = Model::Structural(config).train(&past, series.len());
    let mut levels = Vec::new();
    let mut day = usize::MAX;
    for index in 0..series.len() {
        if past.day(index) != day {
            day = past.day(index);
            model.condition(&past, index);
            levels.resize(day + 1, model.structural().map_or(1.0, crate::models::Structural::level));
        }
    }
    levels
}
