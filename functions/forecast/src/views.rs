//! What clients see.
//!
//! Parking series count occupied spaces; clients ask for free ones. A quantile of the free spaces is the capacity less the opposite
//! quantile of the occupied ones.

use chrono::{DateTime, NaiveDate, Utc};
use parvis_forecasting::{Fact, Kind, PROBABILITIES, StepForecast, Unforecastable};
use parvis_forecasts::{Definition, Entry, Issued, Outcome, Outlook, Scored};
use serde::Serialize;
use utoipa::ToSchema;

/// A band: a value lies between its ends with the probability that its name says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Band {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The forecast of one step.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StepView {
    /// When the step begins.
    pub at: DateTime<Utc>,
    /// Whether the place is open then.
    pub open: bool,
    /// Expected value: free spaces of a car park, otherwise what the series counts.
    #[schema(example = 41.3)]
    pub mean: f64,
    /// As likely exceeded as not.
    #[schema(example = 42)]
    pub median: f64,
    /// Holds the value in half of all cases.
    pub band_50: Band,
    /// Holds it in 80 % of all cases.
    pub band_80: Band,
    /// Holds it in 95 % of all cases.
    pub band_95: Band,
    /// Of a car park: the probability, 0 to 1, that who arrives then finds a free place.
    #[schema(example = 0.97)]
    pub chance_of_place: Option<f64>,
}

/// Rounded to the thousandth: more is noise.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The place of a probability in [`PROBABILITIES`].
fn quantile(step: &StepForecast, probability: f64) -> f64 {
    let place = PROBABILITIES.iter().position(|known| (known - probability).abs() < 1e-9);
    place.and_then(|place| step.quantiles.get(place)).copied().unwrap_or(step.mean)
}

impl StepView {
    /// A step, told as `scale` says.
    #[must_use]
    pub fn of(step: &StepForecast, scale: Scale) -> Self {
        let view = |value: f64| scale.view(value);
        let band = |low: f64| scale.band(quantile(step, low), quantile(step, 1.0 - low));
        Self {
            at: step.start,
            open: step.open,
            mean: view(step.mean),
            median: view(quantile(step, 0.5)),
            band_50: band(0.25),
            band_80: band(0.1),
            band_95: band(0.025),
            chance_of_place: step.chance_below_capacity.map(|chance| if step.open { rounded(chance) } else { 0.0 }),
        }
    }
}

/// How the values of a series are told: as they are, or as what is left of a capacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    free_of: Option<f64>,
}

impl Scale {
    /// Of car parks what is free is told, of other series what they count.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        let capacity = match definition.kind {
            Kind::Bounded { capacity } => Some(capacity),
            Kind::Count | Kind::Amount => None,
        };
        Self { free_of: capacity.filter(|_| definition.subject.place().is_some()) }
    }

    fn view(self, value: f64) -> f64 {
        rounded(self.free_of.map_or(value, |capacity| capacity - value))
    }

    fn band(self, low: f64, high: f64) -> Band {
        let (low, high) = (self.view(low), self.view(high));
        if self.free_of.is_some() { Band { low: high, high: low } } else { Band { low, high } }
    }
}

/// What the values of a series are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Free spaces of a car park.
    FreeSpaces,
    /// Whole numbers: arrivals, bookings.
    Count,
    /// Up to a capacity.
    Bounded,
    /// An amount, such as revenue.
    Amount,
}

impl Unit {
    fn of(definition: &Definition) -> Self {
        match (definition.subject.place(), definition.kind) {
            (Some(_), _) => Self::FreeSpaces,
            (None, Kind::Count) => Self::Count,
            (None, Kind::Bounded { .. }) => Self::Bounded,
            (None, Kind::Amount) => Self::Amount,
        }
    }
}

/// A part of an explanation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Reason {
    /// What it says, for translation: `fact` tells which, the others are its numbers.
    #[schema(value_type = Object)]
    pub fact: Fact,
    /// The same in English.
    pub text: String,
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RefusalView {
    /// Which reason, with its numbers; for translation.
    #[schema(value_type = Object)]
    pub reason: Unforecastable,
    /// The same in English.
    #[schema(example = "cannot be forecast because its source has been stuck at 17 since 2026-01-03 08:15:00 UTC")]
    pub text: String,
    /// When this was found.
    pub at: DateTime<Utc>,
}

impl RefusalView {
    fn of(outcome: Option<&Outcome>) -> Option<Self> {
        match outcome {
            Some(Outcome::Refused { at, reason }) => {
                Some(Self { text: reason.to_string(), reason: reason.clone(), at: *at })
            }
            Some(Outcome::Forecast { .. }) | None => None,
        }
    }
}

/// Whether there is a forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There is.
    Forecast,
    /// There is none, for a reason.
    Refused,
    /// Nobody has tried yet: within the hour.
    Pending,
}

impl State {
    fn of(outcome: Option<&Outcome>) -> Self {
        match outcome {
            Some(Outcome::Forecast { .. }) => Self::Forecast,
            Some(Outcome::Refused { .. }) => Self::Refused,
            None => Self::Pending,
        }
    }
}

/// A series in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SeriesView {
    /// Its id.
    #[schema(example = "parking/default/Zone_A")]
    pub series: String,
    /// Its name, for people.
    pub title: String,
    /// What its values are.
    pub unit: Unit,
    /// The greatest possible value: the spaces of a car park.
    pub capacity: Option<f64>,
    /// Length of a step in minutes.
    pub step_minutes: u16,
    /// Local time.
    #[schema(example = "Europe/Paris")]
    pub timezone: String,
    /// Whether there is a forecast.
    pub state: State,
    /// Why there is none.
    pub refusal: Option<RefusalView>,
    /// When it was made: what was observed before this moment is known to the forecast.
    pub origin: Option<DateTime<Utc>>,
    /// The end of the last step that was observed: what came after it is not known. Null of a forecast that rests on similar places.
    pub known_until: Option<DateTime<Utc>>,
    /// Whether more would usually be known by now: the source has fallen silent since `known_until`, and the forecast is the usual
    /// course of the week with bands as wide as so old a knowledge allows.
    pub silent: bool,
    /// When its model was trained.
    pub trained_at: Option<DateTime<Utc>>,
    /// Whether similar places had to lend their history, this one having too little of its own.
    pub borrowed: bool,
    /// Mean absolute error on held-back weeks, in the unit of the series.
    pub expected_error: Option<f64>,
    /// If the errors of the last weeks have grown: their present size over the usual one.
    pub drift: Option<f64>,
}

impl From<&Entry> for SeriesView {
    fn from(entry: &Entry) -> Self {
        let (definition, outcome) = (&entry.definition, entry.outcome.as_ref());
        let (origin, trained_at, borrowed, known, expected_error, drift) = match outcome {
            Some(Outcome::Forecast { origin, trained_at, borrowed, known, expected_error, drift }) => {
                (Some(*origin), Some(*trained_at), *borrowed, *known, *expected_error, *drift)
            }
            Some(Outcome::Refused { .. }) | None => (None, None, false, None, None, None),
        };
        Self {
            series: definition.subject.to_string(),
            title: definition.title.clone(),
            unit: Unit::of(definition),
            capacity: Some(definition.kind.upper()).filter(|upper| upper.is_finite()),
            step_minutes: definition.step_minutes,
            timezone: definition.calendar.timezone.to_string(),
            state: State::of(outcome),
            refusal: RefusalView::of(outcome),
            origin,
            known_until: known.map(|known| known.until),
            silent: known.is_some_and(|known| known.silent),
            trained_at,
            borrowed,
            expected_error: expected_error.map(rounded),
            drift: drift.map(|drift| rounded(drift.factor)),
        }
    }
}

/// A model that took part in the rehearsal on held-back weeks.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ModelView {
    /// Its name.
    #[schema(example = "GLM level 7 d, shape 8 w")]
    pub model: String,
    /// Its weight in the combination, 0 to 1.
    pub weight: f64,
    /// Its mean absolute error.
    pub mae: Option<f64>,
}

/// A forecast.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ForecastView {
    /// The series, and whether there is a forecast.
    #[serde(flatten)]
    pub series: SeriesView,
    /// First moment of what the model was trained on.
    pub trained_from: Option<DateTime<Utc>>,
    /// Version of the model's form.
    pub model_version: Option<u32>,
    /// The models and their weights.
    pub models: Vec<ModelView>,
    /// Why the forecast is as it is.
    pub explanation: Vec<Reason>,
    /// The steps from now on.
    pub steps: Vec<StepView>,
    /// If asked for, the steps of today that have begun, as they were forecast before the day: to be compared with what came.
    pub earlier: Vec<StepView>,
}

impl ForecastView {
    /// The steps that end after `from` and begin before `to`. Of a series that cannot be forecast there are none.
    #[must_use]
    pub fn of(entry: &Entry, outlook: Option<&Outlook>, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let outlook = outlook.filter(|_| matches!(entry.outcome, Some(Outcome::Forecast { .. })));
        let models = outlook.map_or(&[][..], |outlook| &outlook.rehearsed).iter();
        Self {
            series: entry.into(),
            trained_from: outlook.map(|outlook| outlook.span.0),
            model_version: outlook.map(|outlook| outlook.model_version),
            models: models
                .filter(|model| model.weight > 0.0)
                .map(|model| ModelView {
                    model: model.model.clone(),
                    weight: rounded(model.weight),
                    mae: model.mae.map(rounded),
                })
                .collect(),
            explanation: outlook.map_or_else(Vec::new, explanation),
            steps: outlook.map_or_else(Vec::new, |outlook| steps(outlook, from, to)),
            earlier: Vec::new(),
        }
    }
}

fn explanation(outlook: &Outlook) -> Vec<Reason> {
    outlook.explanation.0.iter().map(|fact| Reason { fact: fact.clone(), text: fact.to_string() }).collect()
}

/// The steps of a stretch.
#[must_use]
pub fn steps(outlook: &Outlook, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<StepView> {
    let length = chrono::TimeDelta::minutes(i64::from(outlook.definition.step_minutes));
    let within = outlook.steps.iter().filter(|step| step.start + length > from && step.start < to);
    let scale = Scale::of(&outlook.definition);
    within.map(|step| StepView::of(step, scale)).collect()
}

/// The steps of a day that have begun, as they were forecast before it.
#[must_use]
pub fn earlier(definition: &Definition, issued: &Issued, now: DateTime<Utc>) -> Vec<StepView> {
    let begun = issued.steps.iter().filter(|step| step.start <= now);
    begun.map(|step| StepView::of(step, Scale::of(definition))).collect()
}

/// The chance of finding a place on arrival.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Arrival {
    /// The series, and whether there is a forecast.
    #[serde(flatten)]
    pub series: SeriesView,
    /// The step in which the arrival lies; null when there is no forecast of it.
    pub step: Option<StepView>,
    /// Within three hours before or after: the step with the best chance, the nearest of equals. Null when none is better
    /// by a hundredth.
    pub better: Option<StepView>,
    /// Why the forecast is as it is.
    pub explanation: Vec<Reason>,
}

/// How far from the wish a better time is looked for.
const NEARBY: chrono::TimeDelta = chrono::TimeDelta::hours(3);

impl Arrival {
    /// The chance of who arrives at `at`; better times are not before `now`.
    #[must_use]
    pub fn of(entry: &Entry, outlook: Option<&Outlook>, at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let outlook = outlook.filter(|_| matches!(entry.outcome, Some(Outcome::Forecast { .. })));
        let nearby = outlook.map_or_else(Vec::new, |outlook| steps(outlook, now.max(at - NEARBY), at + NEARBY));
        let step = nearby.iter().rev().find(|step| step.at <= at).cloned();
        let chance = |step: &StepView| step.chance_of_place.unwrap_or(0.0);
        let distance = |step: &StepView| (step.at - at).abs();
        let best =
            nearby.iter().max_by(|a, b| chance(a).total_cmp(&chance(b)).then_with(|| distance(b).cmp(&distance(a))));
        let better = best.filter(|best| step.as_ref().is_some_and(|step| chance(best) >= chance(step) + 0.01)).cloned();
        Self { series: entry.into(), step, better, explanation: outlook.map_or_else(Vec::new, explanation) }
    }
}

/// A day's forecast against what came.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DayView {
    /// The local day.
    pub day: NaiveDate,
    /// What was known when the forecast was made.
    pub origin: DateTime<Utc>,
    /// Steps that were forecast and observed.
    pub steps: u32,
    /// Mean absolute error of the median, in the unit of the series.
    pub mae: f64,
    /// The same over the error of last week's value in the training span.
    pub mase: Option<f64>,
    /// Share of values in the 80 % band, 0 to 1.
    pub coverage_80: f64,
    /// Share of values in the 95 % band.
    pub coverage_95: f64,
    /// Whether the forecast was made afterwards, knowing only what was known when the day began: so it is for the week before a series
    /// was first forecast.
    pub reconstructed: bool,
    /// Step by step, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<PointView>>,
}

/// A forecast step and what came.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct PointView {
    /// When the step began.
    pub at: DateTime<Utc>,
    /// What came.
    pub value: f64,
    /// What was forecast.
    pub median: f64,
    /// Its 80 % band.
    pub band_80: Band,
}

/// How good forecasts were.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AccuracyView {
    /// The series, and whether there is a forecast.
    #[serde(flatten)]
    pub series: SeriesView,
    /// Mean absolute error over all days told of, each step with the same weight. Null without any.
    pub mae: Option<f64>,
    /// Share of values in the 80 % band.
    pub coverage_80: Option<f64>,
    /// Share of values in the 95 % band.
    pub coverage_95: Option<f64>,
    /// Day by day, oldest first: the forecast as it stood before the day.
    pub days: Vec<DayView>,
}

impl AccuracyView {
    /// What was scored of a series, with single points or without.
    #[must_use]
    pub fn of(entry: &Entry, scored: &[Scored], points: bool) -> Self {
        let steps: f64 = scored.iter().map(|day| f64::from(day.steps)).sum();
        let mean = |of: fn(&Scored) -> f64| {
            let sum: f64 = scored.iter().map(|day| f64::from(day.steps) * of(day)).sum();
            (steps > 0.0).then(|| rounded(sum / steps))
        };
        Self {
            series: entry.into(),
            mae: mean(|day| day.mae),
            coverage_80: mean(|day| day.inside_80),
            coverage_95: mean(|day| day.inside_95),
            days: scored.iter().map(|day| day_view(day, Scale::of(&entry.definition), points)).collect(),
        }
    }
}

fn day_view(scored: &Scored, scale: Scale, points: bool) -> DayView {
    let point = |point: &parvis_forecasts::ScoredPoint| PointView {
        at: point.start,
        value: scale.view(point.value),
        median: scale.view(point.median),
        band_80: scale.band(point.low_80, point.high_80),
    };
    DayView {
        day: scored.day,
        origin: scored.origin,
        steps: scored.steps,
        mae: rounded(scored.mae),
        mase: scored.mase.map(rounded),
        coverage_80: rounded(scored.inside_80),
        coverage_95: rounded(scored.inside_95),
        reconstructed: scored.reconstructed,
        points: points.then(|| scored.points.iter().map(point).collect()),
    }
}
