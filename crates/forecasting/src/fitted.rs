//! Training a series and forecasting it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    calendar::{Calendar, Feature, Known},
    calibration::{Calibration, Errors, Scored},
    error::Unforecastable,
    explanation::{Explanation, explain},
    law::Law,
    metrics::seasonal_scale,
    models::{Model, Past, StructuralConfig, Trained},
    prepared::{HELD_BACK_DAYS, Prepared},
    prior::{MATURE_DAYS, days_by_others},
    selection::{Rehearsal, hour},
    series::{Grid, Kind, Series},
};

/// Version of the serialised form of [`Fitted`].
pub const VERSION: u32 = 2;

/// The probabilities of the quantiles in a [`Forecast`].
pub const PROBABILITIES: [f64; 9] = [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975];

/// Hours without the usual observations after which a source is called silent.
const SILENT_HOURS: usize = 2;

/// How to train.
#[derive(Debug, Clone)]
pub struct Options {
    /// Steps ahead for which models are chosen and calibrated.
    pub horizon: usize,
    /// Steps between the origins of the rehearsal on held-back data.
    pub every: usize,
    /// The models to choose from.
    pub models: Vec<Model>,
    /// The mean of similar or nearby places, on the same grid, if there are any.
    pub neighbours: Option<Series>,
    /// Quantities that are known ahead, at most [`MAX_KNOWN`](crate::calendar::MAX_KNOWN).
    pub known: Vec<Known>,
}

impl Options {
    /// For forecasts up to some steps ahead, issued every `every` steps.
    #[must_use]
    pub fn new(horizon: usize, every: usize) -> Self {
        Self { horizon: horizon.max(1), every: every.max(1), models: candidates(), neighbours: None, known: Vec::new() }
    }

    /// With some models only.
    #[must_use]
    pub fn with_models(mut self, models: Vec<Model>) -> Self {
        self.models = models;
        self
    }

    /// With quantities that are known ahead.
    #[must_use]
    pub fn with_known(mut self, known: Vec<Known>) -> Self {
        self.known = known;
        self
    }

    /// With the mean of similar places.
    #[must_use]
    pub fn with_neighbours(mut self, neighbours: Series) -> Self {
        self.neighbours = Some(neighbours);
        self
    }
}

/// The models that are tried unless others are asked for.
#[must_use]
pub fn candidates() -> Vec<Model> {
    let structural = |level_days, shape_weeks, annual, trend, neighbours| {
        Model::Structural(StructuralConfig { level_days, shape_weeks, annual, trend, neighbours })
    };
    vec![
        Model::SeasonalNaive,
        Model::SeasonalMeans { weeks: 3, level_days: 0 },
        Model::SeasonalMeans { weeks: 4, level_days: 7 },
        Model::Smoothing,
        structural(28, 104, false, 0, 0),
        structural(28, 104, true, 0, 0),
        structural(10, 52, true, 0, 0),
        structural(7, 8, false, 0, 0),
        structural(7, 8, false, 50, 0),
        structural(3, 4, false, 0, 0),
        structural(7, 2, false, 0, 0),
        structural(3, 1, false, 0, 0),
        structural(7, 8, false, 0, 2),
    ]
}

/// A trained series: what is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fitted {
    version: u32,
    grid: Grid,
    kind: Kind,
    calendar: Calendar,
    /// Steps that have passed.
    end: usize,
    /// Steps until after the last observed one.
    #[serde(default)]
    heard: usize,
    /// Steps before the end that nothing was observed of, though something usually is.
    #[serde(default)]
    silent: usize,
    first: DateTime<Utc>,
    members: Vec<Member>,
    calibration: Calibration,
    /// Error of the seasonal naive forecast in the training span.
    scale: Option<f64>,
    /// Mean absolute error by model in the rehearsal.
    rehearsed: Vec<Rehearsed>,
    /// Mean absolute error of days by the others, as long as nothing could be held back.
    #[serde(default)]
    error_in_sample: Option<f64>,
    stuck_steps: usize,
    gap_steps: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Member {
    pub model: Model,
    pub weight: f64,
    pub trained: Trained,
}

/// What a model's rehearsal on held-back data gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// Name of the model.
    pub model: String,
    /// Its weight in the combination.
    pub weight: f64,
    /// Mean absolute error of its mean, in the unit of the series; none if nothing could be held back.
    pub mae: Option<f64>,
}

/// Trains a series: chooses and combines models on held-back parts of its past, calibrates, and learns from all of it.
///
/// # Errors
/// If the series cannot be forecast, with the reason.
pub fn fit(series: &Series, calendar: &Calendar, options: &Options) -> Result<Fitted, Unforecastable> {
    let features = calendar.features_with(series.grid(), 0..series.len(), &options.known);
    fit_with(series, calendar, options, &features)
}

/// The same with the calendar read already.
pub(crate) fn fit_with(
    series: &Series,
    calendar: &Calendar,
    options: &Options,
    features: &[Feature],
) -> Result<Fitted, Unforecastable> {
    let prepared = Prepared::new(series, options, features)?;
    let past = prepared.past();
    let end = prepared.end;
    let models = prepared.suited(&options.models);
    let plan = prepared.plan(options);
    let rehearsal = Rehearsal::new(&past, &models, plan);
    let weights = rehearsal.weights(&past);
    let young = rehearsal.days() < MATURE_DAYS;
    let in_sample = if young { days_by_others(&past, end) } else { Vec::new() };
    let calibration = if prepared.constant {
        Calibration::certain(series.kind())
    } else if rehearsal.is_empty() && in_sample.is_empty() {
        Calibration::unknown(series.kind(), prepared.mean())
    } else {
        let held_back = rehearsal.scored(&past, &weights);
        let errors = Errors { held_back: &held_back, days: rehearsal.days(), in_sample: &in_sample };
        Calibration::learn(series.kind(), past.slots_per_day, errors)
    };
    let rehearsed = rehearsed(&rehearsal, &past, &models, &weights);
    let members = models
        .into_iter()
        .zip(weights)
        .filter(|(_, weight)| *weight > 0.0)
        .map(|(model, weight)| Member { model, weight, trained: model.train(&past, end) })
        .collect();
    Ok(Fitted {
        version: VERSION,
        grid: series.grid().clone(),
        kind: series.kind(),
        calendar: calendar.clone(),
        end,
        heard: prepared.heard,
        silent: prepared.silent(),
        first: series.grid().at(prepared.first),
        members,
        calibration,
        scale: seasonal_scale(series),
        rehearsed,
        error_in_sample: if rehearsal.is_empty() { mean_size(&in_sample) } else { None },
        stuck_steps: prepared.stuck_steps,
        gap_steps: prepared.gap_steps,
    })
}

fn mean_size(errors: &[Scored]) -> Option<f64> {
    let sum: f64 = errors.iter().map(|one| (one.value - one.mean).abs()).sum();
    (!errors.is_empty()).then(|| sum / errors.len() as f64)
}

fn rehearsed(rehearsal: &Rehearsal, past: &Past<'_>, models: &[Model], weights: &[f64]) -> Vec<Rehearsed> {
    models
        .iter()
        .zip(weights.iter().zip(rehearsal.errors(past)))
        .map(|(model, (weight, mae))| Rehearsed {
            model: model.name(),
            weight: *weight,
            mae: (!rehearsal.is_empty()).then_some(mae),
        })
        .collect()
}

impl Fitted {
    /// Takes note of newer observations of the same series, without choosing or calibrating anew: the hourly update.
    ///
    /// # Errors
    /// If the series as it is now cannot be forecast, with the reason.
    pub fn update(&mut self, series: &Series, options: &Options) -> Result<(), Unforecastable> {
        let features = self.calendar.features_with(series.grid(), 0..series.len(), &options.known);
        self.update_with(series, options, &features)
    }

    /// The same with the calendar read already.
    pub(crate) fn update_with(
        &mut self,
        series: &Series,
        options: &Options,
        features: &[Feature],
    ) -> Result<(), Unforecastable> {
        let prepared = Prepared::new(series, options, features)?;
        for member in &mut self.members {
            member.trained.condition(&prepared.past(), prepared.end);
        }
        self.end = prepared.end;
        self.heard = prepared.heard;
        self.silent = prepared.silent();
        self.gap_steps = prepared.gap_steps;
        self.stuck_steps = prepared.stuck_steps;
        Ok(())
    }

    /// Forecasts the next steps.
    #[must_use]
    pub fn forecast(&self, horizon: usize) -> Forecast {
        self.forecast_knowing(horizon, &[])
    }

    /// Forecasts the next steps, knowing the regressors that it was trained with: their values begin with the grid, as in
    /// training, and end after the horizon.
    #[must_use]
    pub fn forecast_knowing(&self, horizon: usize, known: &[Known]) -> Forecast {
        let features = self.calendar.features_with(&self.grid, self.end..self.end + horizon, known);
        let steps = features
            .iter()
            .enumerate()
            .map(|(ahead, feature)| {
                let (mean, law) = self.law(feature, ahead + 1);
                StepForecast {
                    start: self.grid.at(self.end + ahead),
                    open: feature.open,
                    mean,
                    quantiles: law.quantiles(&PROBABILITIES),
                    chance_below_capacity: match self.kind {
                        Kind::Bounded { capacity } => Some(law.around(self.kind.clamp(capacity - self.kind.unit())).1),
                        Kind::Count | Kind::Amount => None,
                    },
                }
            })
            .collect();
        Forecast { origin: self.grid.at(self.end), steps, explanation: explain(self, &features) }
    }

    /// The mean and the distribution of a step.
    pub(crate) fn law(&self, feature: &Feature, lead: usize) -> (f64, Law<'_>) {
        if !feature.open {
            return (0.0, Law::closed(self.kind));
        }
        let mean: f64 = self.members.iter().map(|member| member.weight * member.trained.mean(feature, lead)).sum();
        let mean = self.kind.clamp(mean);
        let slots_per_day = self.grid.slots_per_day();
        // What is forecast without the last observations is forecast from farther away.
        let law = self.calibration.law(mean, lead + self.silent, hour(usize::from(feature.slot), slots_per_day));
        (mean, law)
    }

    /// How the usual course of this series misses another one over its last weeks.
    pub(crate) fn against(&self, other: &Series, calendar: &Calendar) -> Vec<Scored> {
        let slots_per_day = self.grid.slots_per_day();
        let start = other.len().saturating_sub(HELD_BACK_DAYS / 2 * slots_per_day);
        let features = calendar.features(other.grid(), start..other.len());
        features
            .iter()
            .enumerate()
            .filter_map(|(place, feature)| {
                // A lead beyond all deviations: the usual course at the present level.
                let lead = HELD_BACK_DAYS * slots_per_day;
                let (mean, _) = self.law(feature, lead);
                let hour = hour(usize::from(feature.slot), slots_per_day);
                other.value(start + place).map(|value| Scored { mean, value, lead, hour, day: feature.day })
            })
            .collect()
    }

    /// Takes the errors of similar places in place of its own.
    pub(crate) fn recalibrate(&mut self, errors: &[Scored], places: usize) {
        // Errors of one place resemble each other: a place counts as one day.
        let errors = Errors { held_back: errors, days: places as f64, in_sample: &[] };
        self.calibration = Calibration::learn(self.kind, self.grid.slots_per_day(), errors);
    }

    /// What the rehearsal on held-back data gave, by model.
    #[must_use]
    pub fn rehearsed(&self) -> &[Rehearsed] {
        &self.rehearsed
    }

    /// The error that its forecasts had on held-back parts of its past, in the unit of the series: the mean over its models,
    /// which the combination does not exceed. As long as nothing could be held back, the error of each day by the others; none if there
    /// are no others.
    #[must_use]
    pub fn expected_error(&self) -> Option<f64> {
        let used = self.rehearsed.iter().filter(|rehearsed| rehearsed.weight > 0.0);
        let held_back: Option<f64> = used.map(|rehearsed| rehearsed.mae.map(|mae| rehearsed.weight * mae)).sum();
        held_back.or(self.error_in_sample)
    }

    /// The end of the last step that was observed. What came after it is not known, whatever the present.
    #[must_use]
    pub fn known_until(&self) -> DateTime<Utc> {
        self.grid.at(self.heard)
    }

    /// Whether the source says nothing although it usually does at this time of the week: a gap by night of a place that is
    /// counted by day is none.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silent > (SILENT_HOURS * self.grid.slots_per_day() / 24).max(1)
    }

    /// The version of the stored form; another than [`VERSION`] calls for training anew.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// From when to when it was trained: the first observation, and the end of the last known step.
    #[must_use]
    pub fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.first, self.grid.at(self.end))
    }

    /// Steps taken out because the source was stuck, and steps without observation.
    #[must_use]
    pub fn flaws(&self) -> (usize, usize) {
        (self.stuck_steps, self.gap_steps)
    }

    /// Error of the seasonal naive forecast in the training span: the scale of MASE.
    #[must_use]
    pub fn scale(&self) -> Option<f64> {
        self.scale
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn local_day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.calendar.timezone).date_naive()
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    pub(crate) fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    pub(crate) fn end(&self) -> usize {
        self.end
    }
}

/// A forecast of the next steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// What was known: everything before this moment.
    pub origin: DateTime<Utc>,
    /// The steps, the first one beginning at the origin.
    pub steps: Vec<StepForecast>,
    /// Why the forecast is as it is.
    pub explanation: Explanation,
}

/// The forecast of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepForecast {
    /// When the step begins.
    pub start: DateTime<Utc>,
    /// Whether the place is open then; everything is 0 otherwise.
    pub open: bool,
    /// Expected value, in the unit of the series.
    pub mean: f64,
    /// Quantiles at [`PROBABILITIES`], ascending.
    pub quantiles: Vec<f64>,
    /// For occupancy: the probability, 0 to 1, that at least one space is free, the chance of finding a place on arrival.
    pub chance_below_capacity: Option<f64>,
}
