//! Rolling-origin backtests: forecasts as they would have been made, against what then came.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    calendar::Calendar,
    error::Unforecastable,
    fitted::{Fitted, Options, PROBABILITIES, fit_with},
    metrics::Accuracy,
    series::Series,
};

/// How to test.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The first origin.
    pub from: DateTime<Utc>,
    /// Time between origins, at the same local time of day where it is whole days.
    pub every: TimeDelta,
    /// Steps ahead.
    pub horizon: usize,
    /// Time after which models are chosen and calibrated anew; a history that is shorter than [`YOUNG`] times this is trained the
    /// sooner, as it would be in service.
    pub retrain: TimeDelta,
    /// What is known at each origin at most, as of a series that had begun so long before; all without it.
    pub history: Option<TimeDelta>,
}

/// Part of the known history after which models are chosen anew at the latest.
const YOUNG: i32 = 14;

/// One forecast value and what came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Point {
    /// When the step began.
    pub start: DateTime<Utc>,
    /// What was observed.
    pub value: f64,
    /// The median.
    pub median: f64,
    /// The 80 % interval.
    pub interval_80: (f64, f64),
}

/// What a backtest gave.
#[derive(Debug, Clone, Default)]
pub struct Backtest {
    /// Over all origins and steps.
    pub accuracy: Accuracy,
    /// Origins from which something could be forecast.
    pub origins: usize,
    /// By days ahead, from the first.
    pub by_day_ahead: Vec<Accuracy>,
    /// The first steps of each origin, up to the next one: one line through time.
    pub line: Vec<Point>,
    /// Why origins were left out, by the reason's words.
    pub refusals: Vec<(DateTime<Utc>, Unforecastable)>,
}

/// Forecasts from origin after origin, each knowing only what came before it.
///
/// `options.neighbours` are cut off at each origin as the series is; `options.known` are not, being known ahead. Nothing is measured where the source was stuck.
#[must_use]
pub fn backtest(series: &Series, calendar: &Calendar, options: &Options, plan: &Plan) -> Backtest {
    let mut result = Backtest::default();
    let truth = series.without(&crate::series::stuck(series));
    let features = calendar.features_with(series.grid(), 0..series.len() + plan.horizon, &options.known);
    let mut fitted: Option<(DateTime<Utc>, Fitted)> = None;
    for origin in origins(series, calendar, plan) {
        let young = |series: &Series| plan.history.map_or(series.clone(), |history| series.since(origin - history));
        let known = young(&series.until(origin));
        let past = &features[..known.len()];
        let now = Options {
            neighbours: options.neighbours.as_ref().map(|neighbours| young(&neighbours.until(origin))),
            ..options.clone()
        };
        let outcome = match fitted.take() {
            Some((trained_at, mut fitted)) if origin - trained_at < retrain(plan, &fitted, trained_at) => {
                fitted.update_with(&known, &now, past).map(|()| (trained_at, fitted))
            }
            _ => fit_with(&known, calendar, &now, past).map(|fitted| (origin, fitted)),
        };
        match outcome {
            Ok(current) => {
                measure(&mut result, &current.1, &truth, &features, plan, origin);
                fitted = Some(current);
            }
            Err(reason) => result.refusals.push((origin, reason)),
        }
    }
    result
}

/// Until when a model serves.
fn retrain(plan: &Plan, fitted: &Fitted, trained_at: DateTime<Utc>) -> TimeDelta {
    if plan.history.is_some() {
        return TimeDelta::zero();
    }
    plan.retrain.min((trained_at - fitted.span().0) / YOUNG)
}

/// Moments of forecasts: the same local time of day where the distance is whole days.
fn origins(series: &Series, calendar: &Calendar, plan: &Plan) -> Vec<DateTime<Utc>> {
    let mut origins = Vec::new();
    let mut naive = plan.from.with_timezone(&calendar.timezone).naive_local();
    loop {
        let at = match plan.every.num_seconds() % 86_400 {
            0 => naive.and_local_timezone(calendar.timezone).earliest().map(|local| local.with_timezone(&Utc)),
            _ => Some(plan.from + plan.every * i32::try_from(origins.len()).unwrap_or(i32::MAX)),
        };
        let reached = at.unwrap_or_else(|| naive.and_utc());
        if reached >= series.end() || plan.every <= TimeDelta::zero() {
            return origins;
        }
        origins.push(reached);
        naive += plan.every;
    }
}

fn measure(
    result: &mut Backtest,
    fitted: &Fitted,
    truth: &Series,
    features: &[crate::calendar::Feature],
    plan: &Plan,
    origin: DateTime<Utc>,
) {
    let start = fitted.end();
    let until_next = usize::try_from(truth.grid().index(origin + plan.every)).unwrap_or(0);
    let mut days = DaySums::default();
    let mut measured = false;
    for (ahead, feature) in features.iter().skip(start).take(plan.horizon).enumerate() {
        let index = start + ahead;
        let Some(value) = truth.value(index) else {
            days.miss(feature.day);
            continue;
        };
        measured = true;
        let (mean, law) = fitted.law(feature, ahead + 1);
        let mut one = Accuracy::default();
        let median = one.note(&law, mean, value, fitted.scale());
        result.accuracy.add(&one);
        let day_ahead = ahead / truth.grid().slots_per_day();
        if result.by_day_ahead.len() <= day_ahead {
            result.by_day_ahead.resize_with(day_ahead + 1, Accuracy::default);
        }
        result.by_day_ahead[day_ahead].add(&one);
        days.note(feature.day, mean, value);
        if index < until_next {
            let quantiles = law.quantiles(&[PROBABILITIES[2], PROBABILITIES[6]]);
            let interval_80 = (quantiles[0], quantiles[1]);
            result.line.push(Point { start: truth.grid().at(index), value, median, interval_80 });
        }
    }
    result.origins += usize::from(measured);
    days.settle(features, start, plan.horizon, &mut result.accuracy);
}

/// Sums of forecast and observed values by local day.
#[derive(Default)]
struct DaySums(Vec<(i32, f64, f64, bool)>);

impl DaySums {
    fn of(&mut self, day: i32) -> Option<&mut (i32, f64, f64, bool)> {
        if self.0.last().is_none_or(|last| last.0 != day) {
            self.0.push((day, 0.0, 0.0, true));
        }
        self.0.last_mut()
    }

    fn note(&mut self, day: i32, forecast: f64, observed: f64) {
        if let Some(sums) = self.of(day) {
            sums.1 += forecast;
            sums.2 += observed;
        }
    }

    fn miss(&mut self, day: i32) {
        if let Some(sums) = self.of(day) {
            sums.3 = false;
        }
    }

    /// Counts the days that lie wholly within the forecast, and were observed at every step.
    fn settle(self, features: &[crate::calendar::Feature], start: usize, horizon: usize, accuracy: &mut Accuracy) {
        let before = start.checked_sub(1).map(|index| features[index].day);
        let after = features.get(start + horizon).map(|feature| feature.day);
        for (day, forecast, observed, complete) in self.0 {
            if complete && Some(day) != before && Some(day) != after {
                accuracy.note_day(forecast, observed);
            }
        }
    }
}
