//! The models: each learns from the past of a series and says the mean of what comes.

mod days;
mod deviation;
mod floor;
mod shrinkage;
mod smoothing;
mod structural;

use serde::{Deserialize, Serialize};

use floor::{SeasonalMeans, SeasonalNaive};
use smoothing::Smoothing;
pub use structural::Config as StructuralConfig;
pub(crate) use structural::Structural;

use crate::{calendar::Feature, series::Kind};

/// A model and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "model")]
pub enum Model {
    /// The latest value of the same slot of the week.
    SeasonalNaive,
    /// The mean of the same slot of the last weeks.
    SeasonalMeans {
        /// How many weeks.
        weeks: u16,
        /// Days whose level, against these means, is taken over to the future; 0 for none.
        level_days: u16,
    },
    /// Exponential smoothing of level, day and week.
    Smoothing,
    /// Log-linear components estimated by quasi-likelihood.
    Structural(StructuralConfig),
}

impl Model {
    /// A short name for tables.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::SeasonalNaive => "seasonal naive".to_owned(),
            Self::SeasonalMeans { weeks, level_days: 0 } => format!("mean of {weeks} weeks"),
            Self::SeasonalMeans { weeks, level_days } => format!("mean of {weeks} weeks, level of {level_days} days"),
            Self::Smoothing => "exponential smoothing".to_owned(),
            Self::Structural(config) => config.name(),
        }
    }

    /// Whether it is the plain mean of the last weeks, which others have to beat.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::SeasonalMeans { level_days: 0, .. })
    }

    /// Learns from the steps before `end`.
    pub(crate) fn train(&self, past: &Past<'_>, end: usize) -> Trained {
        match self {
            Self::SeasonalNaive => Trained::SeasonalNaive(SeasonalNaive::new(past, end)),
            Self::SeasonalMeans { weeks, level_days } => {
                Trained::SeasonalMeans(SeasonalMeans::new(past, end, usize::from(*weeks), usize::from(*level_days)))
            }
            Self::Smoothing => Trained::Smoothing(Smoothing::train(past, end)),
            Self::Structural(config) => Trained::Structural(Box::new(Structural::train(past, end, *config))),
        }
    }
}

/// What models learn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past<'a> {
    /// NaN for gaps and closed steps.
    pub values: &'a [f64],
    /// As long as the values, or longer.
    pub features: &'a [Feature],
    pub kind: Kind,
    pub slots_per_day: usize,
    /// How far, as a factor, similar places stand above their usual level, by day since the first; empty for none.
    pub neighbours: &'a [f64],
}

impl Past<'_> {
    /// Days from the first one.
    pub fn day(&self, index: usize) -> usize {
        self.day_of(&self.features[index])
    }

    pub fn day_of(&self, feature: &Feature) -> usize {
        let first = self.features.first().map_or(feature.day, |first| first.day);
        usize::try_from(feature.day - first).unwrap_or(0)
    }

    /// Observed steps of a range.
    pub fn observed(&self, range: std::ops::Range<usize>) -> impl DoubleEndedIterator<Item = (usize, f64)> + '_ {
        let end = range.end.min(self.values.len());
        let start = range.start.min(end);
        self.values[start..end]
            .iter()
            .enumerate()
            .filter(|(_, value)| !value.is_nan())
            .map(move |(k, v)| (start + k, *v))
    }
}

/// A model that has learned.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "model")]
pub(crate) enum Trained {
    SeasonalNaive(SeasonalNaive),
    SeasonalMeans(SeasonalMeans),
    Smoothing(Smoothing),
    Structural(Box<Structural>),
}

impl Trained {
    /// Takes note of the steps before `end` without learning anew.
    pub fn condition(&mut self, past: &Past<'_>, end: usize) {
        match self {
            Self::SeasonalNaive(model) => *model = SeasonalNaive::new(past, end),
            Self::SeasonalMeans(model) => *model = model.again(past, end),
            Self::Smoothing(model) => model.condition(past, end),
            Self::Structural(model) => model.condition(past, end),
        }
    }

    /// The mean `lead` steps (from 1) after what was last taken note of.
    pub fn mean(&self, feature: &Feature, lead: usize) -> f64 {
        match self {
            Self::SeasonalNaive(model) => model.mean(feature),
            Self::SeasonalMeans(model) => model.mean(feature),
            Self::Smoothing(model) => model.mean(feature, lead),
            Self::Structural(model) => model.mean(feature, lead),
        }
    }

    /// The model with components, if it is one.
    pub fn structural(&self) -> Option<&Structural> {
        match self {
            Self::Structural(model) => Some(model),
            Self::SeasonalNaive(_) | Self::SeasonalMeans(_) | Self::Smoothing(_) => None,
        }
    }
}
