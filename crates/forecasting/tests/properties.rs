//! What holds for every series: forecasts stay within what is possible, quantiles never cross, local days have their
//! hours, and what never changes is expected to stay.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_forecasting::{Calendar, Forecast, Grid, Kind, Options, Series, Step, Unforecastable, fit};
use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _};

const ZONE: Tz = chrono_tz::Europe::Paris;

/// Anything that a series may be: courses of the day, jumps, gaps, noise.
fn wild(seed: u64, kind: Kind, steps: usize, start: DateTime<Utc>) -> Series {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let top = if kind.upper().is_finite() { kind.upper() } else { random.random_range(0.5..300.0) };
    let (gaps, noise) = (random.random_range(0.0..0.6), random.random_range(0.0..1.0));
    let jump = random.random_range(0..steps);
    let values: Vec<Option<f64>> = (0..steps)
        .map(|step| {
            let of_day = if (8..19).contains(&(step % 24)) { 0.7 } else { 0.1 };
            let factor = if step < jump { 1.0 } else { random.random_range(0.0..2.0) };
            let value = top * (of_day * factor + noise * random.random_range(-0.5..0.5));
            let value = kind.clamp(value);
            let value = if matches!(kind, Kind::Count) { value.round() } else { value };
            (!random.random_bool(gaps)).then_some(value)
        })
        .collect();
    Series::new(Grid::new(start, Step::Minutes(60), ZONE), kind, &values).unwrap()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Count),
        Just(Kind::Amount),
        (1.0..500.0_f64).prop_map(|capacity| Kind::Bounded { capacity }),
        Just(Kind::Bounded { capacity: 1.0 }),
    ]
}

fn assert_possible(forecast: &Forecast, kind: Kind) {
    for step in &forecast.steps {
        assert!(step.quantiles.is_sorted(), "{:?} crosses", step.quantiles);
        for value in step.quantiles.iter().chain([&step.mean]) {
            assert!((0.0..=kind.upper()).contains(value), "{value} is outside of 0 to {}", kind.upper());
        }
        assert!(step.chance_below_capacity.is_none_or(|chance| (0.0..=1.0).contains(&chance)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_impossible_is_forecast(seed: u64, kind in kinds(), days in 7_usize..60, hour in 0_usize..24) {
        let series = wild(seed, kind, days * 24 + hour, "2026-03-01T00:00:00Z".parse().unwrap());
        match fit(&series, &Calendar::new(ZONE), &Options::new(48, 24)) {
            Ok(fitted) => {
                assert_possible(&fitted.forecast(72), kind);
                let stored = serde_json::to_string(&fitted).unwrap();
                let read: parvis_forecasting::Fitted = serde_json::from_str(&stored).unwrap();
                for (before, after) in fitted.forecast(72).steps.iter().zip(read.forecast(72).steps) {
                    prop_assert!((before.mean - after.mean).abs() < 1e-6 * (1.0 + before.mean));
                }
            }
            Err(reason) => prop_assert!(
                matches!(reason, Unforecastable::TooShort { .. } | Unforecastable::Stuck { .. } | Unforecastable::Empty),
                "{reason}"
            ),
        }
    }

    #[test]
    fn a_constant_series_stays_constant(value in 0_u16..200, days in 7_usize..50, count: bool) {
        let value = f64::from(value);
        let kind = if count { Kind::Count } else { Kind::Bounded { capacity: 200.0 } };
        let grid = Grid::new("2026-03-01T00:00:00Z".parse().unwrap(), Step::Minutes(60), ZONE);
        let series = Series::new(grid, kind, &vec![Some(value); days * 24]).unwrap();
        let forecast = fit(&series, &Calendar::new(ZONE), &Options::new(48, 24)).unwrap().forecast(100);
        for step in &forecast.steps {
            prop_assert!((step.mean - value).abs() < 1e-6 * (1.0 + value), "{step:?}");
            prop_assert!(step.quantiles.iter().all(|quantile| (quantile - value).abs() < 1e-6 * (1.0 + value)), "{step:?}");
        }
    }
}

#[test]
fn local_days_of_a_forecast_have_23_24_and_25_hours() {
    for (change, hours) in [("2026-03-29", 23), ("2026-10-25", 25)] {
        let day: chrono::NaiveDate = change.parse().unwrap();
        let end = parvis_forecasting::series::local_midnight(day - chrono::Days::new(1), ZONE);
        let series = wild(1, Kind::Count, 28 * 24, end - TimeDelta::days(28));
        let forecast = fit(&series, &Calendar::new(ZONE), &Options::new(72, 24)).unwrap().forecast(72);
        let of = |day: chrono::NaiveDate| {
            forecast.steps.iter().filter(|step| step.start.with_timezone(&ZONE).date_naive() == day).count()
        };
        assert_eq!((of(day - chrono::Days::new(1)), of(day)), (24, hours));
    }
}

/// The course of the day must stay on the local clock when clocks change.
#[test]
fn the_morning_comes_at_the_same_local_hour_after_a_change_of_clocks() {
    let start: DateTime<Utc> = "2026-02-22T23:00:00Z".parse().unwrap();
    let grid = Grid::new(start, Step::Minutes(60), ZONE);
    let local_hour = |step: usize| {
        use chrono::Timelike as _;
        grid.at(step).with_timezone(&ZONE).hour()
    };
    let days_before_the_change = 34;
    let values: Vec<_> =
        (0..days_before_the_change * 24).map(|step| Some(if local_hour(step) >= 8 { 50.0 } else { 2.0 })).collect();
    let series = Series::new(grid.clone(), Kind::Count, &values).unwrap();
    let forecast = fit(&series, &Calendar::new(ZONE), &Options::new(48, 24)).unwrap().forecast(47);
    for (ahead, step) in forecast.steps.iter().enumerate() {
        let hour = local_hour(values.len() + ahead);
        assert_eq!(step.mean > 25.0, hour >= 8, "{} is {}", step.start, step.mean);
    }
}

#[test]
fn reasons_are_given_in_words() {
    let grid = Grid::new("2026-03-01T00:00:00Z".parse().unwrap(), Step::Minutes(60), ZONE);
    let kind = Kind::Bounded { capacity: 100.0 };
    let reason = |values: Vec<Option<f64>>| {
        let series = Series::new(grid.clone(), kind, &values).unwrap();
        fit(&series, &Calendar::new(ZONE), &Options::new(48, 24)).unwrap_err().to_string()
    };
    let course = |step: usize| Some((step % 24) as f64);
    assert_eq!(reason(vec![]), "cannot be forecast because it has no observation");
    assert_eq!(
        reason((0..72).map(course).collect()),
        "cannot be forecast because it covers 3.0 days; a week is the least, or similar places"
    );
    assert_eq!(
        reason((0..480).map(course).chain([Some(40.0); 72]).collect()),
        "cannot be forecast because its source has been stuck at 40 since 2026-03-21 00:00:00 UTC"
    );
    assert_eq!(
        reason((0..480).map(course).chain([None; 720]).collect()),
        "cannot be forecast because nothing was observed since 2026-03-20 23:00:00 UTC"
    );
}
