//! Backtests of all series of a file, by several models.

use parvis_forecasting::{
    Accuracy, Backtest, Calendar, Kind, Known, Model, Options, Plan, Series, backtest, candidates, series::mean_of,
};
use rayon::prelude::*;

/// A series with its name.
#[derive(Debug, Clone)]
pub struct Named {
    /// What it is called: in a file, group and column.
    pub name: String,
    /// Its values.
    pub series: Series,
    /// What is known ahead.
    pub known: Vec<Known>,
}

/// What is tested: a model of reference, or the choice.
#[derive(Debug, Clone)]
pub struct Contender {
    /// Its name in the table.
    pub name: String,
    /// The models it may use.
    pub models: Vec<Model>,
}

/// The name of what the library chooses.
pub const CHOSEN: &str = "chosen";

/// The floor, and what the library chooses.
#[must_use]
pub fn contenders() -> Vec<Contender> {
    let one = |model: Model| Contender { name: model.name(), models: vec![model] };
    vec![
        one(Model::SeasonalNaive),
        one(Model::SeasonalMeans { weeks: 3, level_days: 0 }),
        one(Model::SeasonalMeans { weeks: 52, level_days: 28 }),
        Contender { name: CHOSEN.to_owned(), models: candidates() },
    ]
}

/// What one contender did with one series.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The series.
    pub series: String,
    /// The greatest possible value, for errors of the rate.
    pub capacity: Option<f64>,
    /// One result per contender.
    pub results: Vec<Backtest>,
}

/// Tests every contender on every series, on all cores; `progress` is called after each.
pub fn run(
    file: &[Named],
    calendar: &Calendar,
    contenders: &[Contender],
    plan: &Plan,
    progress: impl Fn() + Sync,
) -> Vec<Outcome> {
    let every = plan_steps(file, plan);
    file.par_iter()
        .map(|named| {
            let neighbours = neighbours(file, named);
            let results = contenders
                .par_iter()
                .map(|contender| {
                    let mut options = Options::new(plan.horizon, every).with_models(contender.models.clone());
                    options.neighbours = neighbours.clone();
                    options.known = named.known.clone();
                    let result = backtest(&named.series, calendar, &options, plan);
                    progress();
                    result
                })
                .collect();
            let capacity = match named.series.kind() {
                Kind::Bounded { capacity } => Some(capacity),
                Kind::Count | Kind::Amount => None,
            };
            Outcome { series: named.name.clone(), capacity, results }
        })
        .collect()
}

fn plan_steps(file: &[Named], plan: &Plan) -> usize {
    file.first().map_or(1, |named| named.series.grid().steps_in(plan.every))
}

/// The mean rate of the other series of the file: places of one town have the same days.
fn neighbours(file: &[Named], named: &Named) -> Option<Series> {
    let others: Vec<&Series> = file
        .iter()
        .filter(|other| other.name != named.name && matches!(other.series.kind(), Kind::Bounded { .. }))
        .map(|other| &other.series)
        .collect();
    mean_of(&others, named.series.grid(), named.series.len())
}

/// Means over series, each series with the same weight: what the table ends with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Means {
    /// Series that were measured.
    pub series: usize,
    /// Mean absolute error of the median; over the capacity where there is one.
    pub mae: f64,
    /// The same of the mean: what a model says before its median is calibrated.
    pub mae_of_mean: f64,
    /// Mean absolute scaled error; NaN where it is not defined.
    pub mase: f64,
    /// Series of which it is defined.
    scaled: usize,
    /// Weighted absolute percentage error.
    pub wape: f64,
    /// Continuous ranked probability score; over the capacity where there is one.
    pub crps: f64,
    /// Coverage of the 80 % interval.
    pub coverage_80: f64,
    /// Coverage of the 95 % interval.
    pub coverage_95: f64,
}

/// Means over the series that every contender could forecast.
#[must_use]
pub fn means(outcomes: &[Outcome], contender: usize) -> Means {
    let mut means = Means::default();
    let measured = outcomes.iter().filter(|one| one.results.iter().all(|result| result.accuracy.steps > 0));
    for (outcome, accuracy) in measured.map(|one| (one, &one.results[contender].accuracy)) {
        let unit = outcome.capacity.unwrap_or(1.0);
        means.series += 1;
        means.mae += accuracy.mae() / unit;
        means.mae_of_mean += accuracy.mae_of_mean() / unit;
        if accuracy.mase().is_finite() {
            means.mase += accuracy.mase();
            means.scaled += 1;
        }
        means.wape += accuracy.wape();
        means.crps += accuracy.crps() / unit;
        means.coverage_80 += accuracy.coverage_80();
        means.coverage_95 += accuracy.coverage_95();
    }
    let number = means.series.max(1) as f64;
    for sum in [
        &mut means.mae,
        &mut means.mae_of_mean,
        &mut means.wape,
        &mut means.crps,
        &mut means.coverage_80,
        &mut means.coverage_95,
    ] {
        *sum /= number;
    }
    // None of which more than a week was known: not defined.
    means.mase = if means.scaled > 0 { means.mase / means.scaled as f64 } else { f64::NAN };
    means
}

/// The accuracy of a contender over all series by days ahead.
#[must_use]
pub fn by_day_ahead(outcomes: &[Outcome], contender: usize) -> Vec<Accuracy> {
    let mut days: Vec<Accuracy> = Vec::new();
    for result in outcomes.iter().filter_map(|outcome| outcome.results.get(contender)) {
        if days.len() < result.by_day_ahead.len() {
            days.resize_with(result.by_day_ahead.len(), Accuracy::default);
        }
        for (sum, one) in days.iter_mut().zip(&result.by_day_ahead) {
            sum.add(one);
        }
    }
    days
}
