//! Accuracy and calibration on series whose truth is known: how close forecasts come to what nobody can beat.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use parvis_forecasting::{
    Backtest, Calendar, Grid, Kind, Known, Model, Options, Plan, Series, Step, backtest, calendar::Holidays, fit,
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Poisson};

const ZONE: chrono_tz::Tz = chrono_tz::Europe::Paris;

fn start() -> DateTime<Utc> {
    "2024-01-01T00:00:00Z".parse().unwrap()
}

fn calendar() -> Calendar {
    Calendar { holidays: Holidays::France, ..Calendar::new(ZONE) }
}

/// The mean of arrivals: the course of day and week, a slow swell, and half as many on public holidays.
fn arrivals(grid: &Grid, step: usize) -> f64 {
    use chrono::{Datelike as _, Timelike as _};
    let local = grid.at(step).with_timezone(&ZONE);
    let of_day = 1.0 + 0.7 * ((f64::from(local.hour()) - 9.0) / 24.0 * std::f64::consts::TAU).sin();
    let of_week = [1.2, 1.0, 1.0, 1.0, 1.1, 0.8, 0.7][local.weekday().num_days_from_monday() as usize];
    let swell = 1.0 + 0.15 * (step as f64 / (24.0 * 120.0) * std::f64::consts::TAU).sin();
    let holiday = if Holidays::France.on(local.date_naive()).is_some() { 0.5 } else { 1.0 };
    9.0 * of_day * of_week * swell * holiday
}

fn plan(days_of_history: i64) -> Plan {
    Plan {
        from: start() + TimeDelta::days(days_of_history),
        every: TimeDelta::days(1),
        horizon: 48,
        retrain: TimeDelta::days(28),
        history: None,
    }
}

fn counts(days: usize, mean: impl Fn(&Grid, usize) -> f64, seed: u64) -> (Series, Vec<f64>) {
    let grid = Grid::new(start(), Step::Minutes(60), ZONE);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let means: Vec<f64> = (0..days * 24).map(|step| mean(&grid, step)).collect();
    let values: Vec<_> = means.iter().map(|mean| Some(Poisson::new(*mean).unwrap().sample(&mut random))).collect();
    (Series::new(grid, Kind::Count, &values).unwrap(), means)
}

/// The mean absolute error of one who knows the true means: the Poisson floor.
fn floor(series: &Series, means: &[f64], result: &Backtest) -> f64 {
    let errors: Vec<f64> = result
        .line
        .iter()
        .filter_map(|point| {
            let index = usize::try_from(series.grid().index(point.start)).ok()?;
            // The median of a Poisson distribution lies a third below its mean, to a good approximation (Choi 1994).
            let median = (means[index] + 1.0 / 3.0 - 0.02 / means[index]).floor();
            Some((point.value - median).abs())
        })
        .collect();
    errors.iter().sum::<f64>() / errors.len() as f64
}

#[test]
fn hourly_arrivals_come_close_to_the_poisson_floor_and_are_calibrated() {
    let (series, means) = counts(500, arrivals, 1);
    let result = backtest(&series, &calendar(), &Options::new(48, 24), &plan(380));
    let floor = floor(&series, &means, &result);
    let mae = result.accuracy.mae();
    assert!(mae < 1.02 * floor, "mean absolute error {mae:.4}, floor {floor:.4}");
    let covered = (result.accuracy.coverage_80(), result.accuracy.coverage_95());
    assert!((0.78..0.82).contains(&covered.0) && (0.935..0.965).contains(&covered.1), "{covered:?}");
    let naive = Options::new(48, 24).with_models(vec![Model::SeasonalNaive]);
    let naive = backtest(&series, &calendar(), &naive, &plan(380)).accuracy;
    assert!(mae < 0.8 * naive.mae() && result.accuracy.crps() < 0.8 * naive.crps());
}

#[test]
fn a_holiday_is_expected_before_it_comes() {
    let (series, _) = counts(475, arrivals, 2);
    let eve = parvis_forecasting::series::local_midnight(NaiveDate::from_ymd_opt(2025, 4, 20).unwrap(), ZONE);
    let fitted = fit(&series.until(eve), &calendar(), &Options::new(48, 24)).unwrap();
    let forecast = fitted.forecast(48);
    let monday: f64 = forecast.steps[24..].iter().map(|step| step.mean).sum();
    let truth: f64 =
        (0..24).map(|hour| arrivals(series.grid(), hour + (eve - start()).num_hours() as usize + 24)).sum();
    assert!((monday / truth - 1.0).abs() < 0.25, "Easter Monday: {monday:.0} forecast, {truth:.0} true");
    assert!(forecast.explanation.to_string().contains("Lundi de Pâques"), "{}", forecast.explanation);
}

/// Occupancy of 300 spaces every half hour: the course of the day, and a deviation that lasts for hours.
fn occupancy(seed: u64) -> Series {
    let grid = Grid::new(start(), Step::Minutes(30), ZONE);
    let capacity = 300.0;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut deviation = 0.0;
    let values: Vec<Option<f64>> = (0..48 * 150)
        .map(|step| {
            let hour = (step % 48) as f64 / 2.0;
            let of_day = 0.2 + 0.6 * (-((hour - 14.0) / 4.0).powi(2)).exp();
            deviation = 0.97 * deviation + random.random_range(-0.03..0.03);
            Some((capacity * (of_day + deviation)).clamp(0.0, capacity).round())
        })
        .collect();
    Series::new(grid, Kind::Bounded { capacity }, &values).unwrap()
}

#[test]
fn occupancy_uses_the_last_hours_and_is_calibrated() {
    let every = TimeDelta::hours(7);
    let plan =
        Plan { from: start() + TimeDelta::days(100), every, horizon: 24, retrain: TimeDelta::days(14), history: None };
    let options = Options::new(24, 14);
    let naive_only = options.clone().with_models(vec![Model::SeasonalNaive]);
    let (mut chosen, mut naive) = (parvis_forecasting::Accuracy::default(), parvis_forecasting::Accuracy::default());
    for seed in 0..6 {
        let series = occupancy(seed);
        chosen.add(&backtest(&series, &calendar(), &options, &plan).accuracy);
        naive.add(&backtest(&series, &calendar(), &naive_only, &plan).accuracy);
    }
    assert!(chosen.mae() < 0.75 * naive.mae(), "{} against {}", chosen.mae(), naive.mae());
    let covered = (chosen.coverage_80(), chosen.coverage_95());
    assert!((0.77..0.83).contains(&covered.0) && (0.93..0.97).contains(&covered.1), "{covered:?}");
}

#[test]
fn what_is_known_ahead_is_used() {
    // Every few days, at any hour, an event doubles what comes.
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let event: Vec<f64> = (0..200 * 24 / 6).flat_map(|_| [f64::from(u8::from(random.random_bool(0.1))); 6]).collect();
    let (series, means) = counts(200, |_, step| 8.0 * (1.0 + event[step]), 5);
    let known = Known { name: "event".to_owned(), values: event };
    let knowing = backtest(&series, &calendar(), &Options::new(48, 24).with_known(vec![known]), &plan(150));
    let blind = backtest(&series, &calendar(), &Options::new(48, 24), &plan(150));
    let floor = floor(&series, &means, &knowing);
    assert!(knowing.accuracy.mae() < 1.05 * floor, "{} against the floor {floor}", knowing.accuracy.mae());
    assert!(blind.accuracy.mae() > 1.1 * floor, "{} against the floor {floor}", blind.accuracy.mae());
}

/// A forecast must not change when the future does.
#[test]
fn there_is_no_look_ahead() {
    let (series, _) = counts(120, arrivals, 6);
    let changed: Vec<_> = (0..series.len())
        .map(|step| series.value(step).map(|value| if step < 100 * 24 { value } else { 500.0 }))
        .collect();
    let changed = Series::new(series.grid().clone(), Kind::Count, &changed).unwrap();
    let plan = Plan {
        from: start() + TimeDelta::days(90),
        every: TimeDelta::days(1),
        horizon: 48,
        retrain: TimeDelta::days(3),
        history: None,
    };
    let medians = |series: &Series| -> Vec<f64> {
        let line = backtest(series, &calendar(), &Options::new(48, 24), &plan).line;
        line.iter().take_while(|point| point.start < start() + TimeDelta::days(100)).map(|point| point.median).collect()
    };
    let truth = medians(&series);
    assert!(truth.len() > 200);
    assert_eq!(truth, medians(&changed));
}
