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

/// Forecasts of the day after, each knowing so many days, of places of known truth.
fn young(days: i64, series: &[Series]) -> parvis_forecasting::Accuracy {
    let mut accuracy = parvis_forecasting::Accuracy::default();
    let every = TimeDelta::days(1);
    let history = Some(TimeDelta::days(days));
    let plan = Plan { from: start() + TimeDelta::days(35), every: every * 3, horizon: 24, retrain: every, history };
    for one in series {
        let per_day = one.grid().slots_per_day();
        let plan = Plan { horizon: per_day, ..plan.clone() };
        accuracy.add(&backtest(one, &calendar(), &Options::new(per_day, per_day), &plan).accuracy);
    }
    accuracy
}

#[test]
fn bands_of_a_young_series_hold_what_they_promise() {
    let counts: Vec<Series> = (20..26).map(|seed| counts(100, arrivals, seed).0).collect();
    let places: Vec<Series> = (0..3).map(|seed| occupancy(seed + 30).until(start() + TimeDelta::days(100))).collect();
    for days in [7, 8, 10, 14, 21, 28] {
        for (kind, series) in [("counts", &counts), ("places", &places)] {
            let accuracy = young(days, series);
            let covered = (accuracy.coverage_80(), accuracy.coverage_95());
            assert!(covered.0 > 0.77 && covered.1 > 0.92, "{kind} after {days} days: {covered:?}");
            // Wide is fine, boundless is not.
            assert!(covered.0 < 0.97, "{kind} after {days} days: {covered:?}");
        }
    }
}

#[test]
fn one_week_gives_bands_of_a_width_and_an_expected_error() {
    for hours in [24 * 7, 170, 190, 24 * 9] {
        let whole = counts(30, arrivals, 9).0;
        let count = whole.until(start() + TimeDelta::hours(hours));
        let place = occupancy(9).until(start() + TimeDelta::hours(hours));
        for (series, steps) in [(count, 24), (place, 48)] {
            let fitted = fit(&series, &calendar(), &Options::new(steps, steps)).unwrap();
            assert!(fitted.expected_error().unwrap() > 0.0);
            for step in fitted.forecast(steps).steps {
                assert!(step.quantiles[2] < step.quantiles[6] && step.quantiles[0] < step.quantiles[8], "{step:?}");
            }
        }
    }
}

#[test]
fn what_was_never_tried_is_not_certain() {
    // Seven days in each of which another hour was observed: no two can be compared.
    let grid = Grid::new(start(), Step::Minutes(60), ZONE);
    let kinds = [Kind::Count, Kind::Amount, Kind::Bounded { capacity: 50.0 }];
    for kind in kinds {
        let values: Vec<_> =
            (0..168).map(|step| (step % 33 < 2 || step == 167).then_some(f64::from(step % 7 + 10))).collect();
        let series = Series::new(grid.clone(), kind, &values).unwrap();
        let fitted = fit(&series, &calendar(), &Options::new(24, 24)).unwrap();
        for step in fitted.forecast(24).steps {
            assert!(step.quantiles[6] - step.quantiles[2] > 5.0, "{kind:?}: {step:?}");
        }
    }
}

/// Nights of nothing must not make the bands of the day narrow.
#[test]
fn quiet_hours_do_not_speak_for_busy_ones() {
    let grid = Grid::new(start(), Step::Minutes(60), ZONE);
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let values: Vec<_> = (0..24 * 70)
        .map(|step| Some(if (8..20).contains(&(step % 24)) { f64::from(random.random_range(2..14)) } else { 0.0 }))
        .collect();
    let series = Series::new(grid, Kind::Bounded { capacity: 20.0 }, &values).unwrap();
    let plan = Plan {
        from: start() + TimeDelta::days(42),
        every: TimeDelta::days(1),
        horizon: 24,
        retrain: TimeDelta::days(7),
        history: None,
    };
    let line = backtest(&series, &Calendar::new(ZONE), &Options::new(24, 24), &plan).line;
    let busy: Vec<_> =
        line.iter().filter(|point| (8..20).contains(&((point.start - start()).num_hours() % 24))).collect();
    let held = busy.iter().filter(|point| (point.interval_80.0..=point.interval_80.1).contains(&point.value)).count();
    let share = held as f64 / busy.len() as f64;
    assert!((0.75..0.92).contains(&share), "{share} of {}", busy.len());
    let night = line.iter().find(|point| (point.start - start()).num_hours() % 24 == 3).unwrap();
    assert_eq!(night.interval_80, (0.0, 0.0));
}

#[test]
fn the_choice_is_not_worse_than_plain_means() {
    // Every hour of the week has a mean of its own, and nothing else can be known.
    let (mut chosen, mut plain) = (parvis_forecasting::Accuracy::default(), parvis_forecasting::Accuracy::default());
    for seed in 0..4 {
        let mut random = ChaCha8Rng::seed_from_u64(40 + seed);
        let week: Vec<f64> = (0..168).map(|_| random.random_range(0.0..60.0)).collect();
        let grid = Grid::new(start(), Step::Minutes(60), ZONE);
        let values: Vec<_> = (0..24 * 84).map(|step| Some(week[step % 168] + random.random_range(0.0..40.0))).collect();
        let series = Series::new(grid, Kind::Bounded { capacity: 100.0 }, &values).unwrap();
        let plan = Plan {
            from: start() + TimeDelta::days(56),
            every: TimeDelta::days(1),
            horizon: 24,
            retrain: TimeDelta::days(7),
            history: None,
        };
        let options = Options::new(24, 24);
        let three = Model::SeasonalMeans { weeks: 3, level_days: 0 };
        chosen.add(&backtest(&series, &Calendar::new(ZONE), &options, &plan).accuracy);
        plain.add(&backtest(&series, &Calendar::new(ZONE), &options.with_models(vec![three]), &plan).accuracy);
    }
    assert!(chosen.mae() < 1.02 * plain.mae(), "{} against {}", chosen.mae(), plain.mae());
}

#[test]
fn a_silent_source_is_known_until_it_fell_silent_and_its_bands_widen() {
    let now = start() + TimeDelta::days(60);
    let whole = occupancy(50).until(now);
    let options = Options::new(96, 48);
    let of = |days: i64| {
        let heard = now - TimeDelta::days(days);
        let series = whole.until(heard);
        let values: Vec<_> = (0..whole.len()).map(|step| series.value(step)).collect();
        let series = Series::new(whole.grid().clone(), whole.kind(), &values).unwrap();
        let fitted = fit(&series, &calendar(), &options).unwrap();
        assert_eq!((fitted.known_until(), fitted.is_silent()), (heard, days > 0));
        let step = fitted.forecast(4).steps[1].clone();
        step.quantiles[6] - step.quantiles[2]
    };
    let (fresh, day, week) = (of(0), of(1), of(6));
    assert!(1.5 * fresh < day && day < week, "{fresh} {day} {week}");
    // A source that is only heard by day is not silent at night.
    let values: Vec<_> =
        (0..whole.len()).map(|step| whole.value(step).filter(|_| (16..40).contains(&(step % 48)))).collect();
    let by_day = Series::new(whole.grid().clone(), whole.kind(), &values).unwrap();
    assert!(!fit(&by_day, &calendar(), &options).unwrap().is_silent());
    // That it was silent once before does not make its silence usual.
    let steps = whole.len();
    let gone = |step: usize| step >= steps - 48 || (steps - 22 * 48..steps - 20 * 48).contains(&step);
    let values: Vec<_> = (0..steps).map(|step| whole.value(step).filter(|_| !gone(step))).collect();
    let again = Series::new(whole.grid().clone(), whole.kind(), &values).unwrap();
    assert!(fit(&again, &calendar(), &options).unwrap().is_silent());
    // Nor is one silent whose place is closed.
    let days = |back: u64| (now - TimeDelta::days(back as i64)).date_naive();
    let closures = vec![parvis_forecasting::calendar::Closure { first: days(2), last: days(0) }];
    let closed = fit(&whole, &Calendar { closures, ..calendar() }, &options).unwrap();
    assert!(!closed.is_silent() && closed.known_until() < now);
}

#[test]
fn errors_that_cannot_be_scaled_are_not_called_small() {
    let (series, _) = counts(14, arrivals, 60);
    let plan = Plan {
        from: start() + TimeDelta::days(7),
        every: TimeDelta::days(30),
        horizon: 24,
        retrain: TimeDelta::days(1),
        history: None,
    };
    let accuracy = backtest(&series, &calendar(), &Options::new(24, 24), &plan).accuracy;
    assert!(accuracy.steps == 24 && accuracy.mase().is_nan() && accuracy.mae() > 0.0, "{accuracy:?}");
}
