//! Trains and forecasts 1,000 hourly series of two years, on all cores: `cargo bench -p parvis-forecasting`.
//!
//! The target is 60 s on two cores; one stored forecast must be read in 10 ms.

use std::{
    io::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use parvis_forecasting::{Calendar, Fitted, Grid, Kind, Options, Series, Step, fit};
use rand::{Rng as _, SeedableRng as _};
use rand_distr::{Distribution as _, Poisson};

const SERIES: usize = 1000;
const HOURS: usize = 2 * 365 * 24;

/// Counts with a daily and a weekly course, the time of the year, and chance.
fn series(number: usize) -> Series {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(number as u64);
    let grid =
        Grid::new("2024-01-01T00:00:00Z".parse().unwrap_or_default(), Step::Minutes(60), chrono_tz::Europe::Paris);
    let busy = random.random_range(2.0..40.0);
    let values: Vec<Option<f64>> = (0..HOURS)
        .map(|hour| {
            let of_day = 1.0 + 0.8 * ((hour % 24) as f64 / 24.0 * std::f64::consts::TAU - 2.0).sin();
            let of_week = if hour / 24 % 7 < 5 { 1.2 } else { 0.5 };
            let of_year = 1.0 + 0.2 * (hour as f64 / 8766.0 * std::f64::consts::TAU).sin();
            let law = Poisson::new(busy * of_day * of_week * of_year).ok()?;
            Some(law.sample(&mut random))
        })
        .collect();
    let kind = if number.is_multiple_of(2) { Kind::Count } else { Kind::Bounded { capacity: 200.0 } };
    let clamped: Vec<_> = values.iter().map(|value| value.map(|value: f64| kind.clamp(value))).collect();
    Series::new(grid, kind, &clamped).unwrap_or_else(|reason| panic!("{reason}"))
}

fn main() {
    let all: Vec<Series> = (0..SERIES).map(series).collect();
    let calendar = Calendar::new(chrono_tz::Europe::Paris);
    let options = Options::new(168, 24);
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(series) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match fit(series, &calendar, &options) {
                        Ok(fitted) => assert_eq!(fitted.forecast(168).steps.len(), 168),
                        Err(reason) => panic!("{reason}"),
                    }
                }
            });
        }
    });
    let trained = started.elapsed();
    let stored = fit(&all[0], &calendar, &options).ok().and_then(|fitted| serde_json::to_vec(&fitted).ok());
    let stored = stored.unwrap_or_default();
    let started = Instant::now();
    let read: Result<Fitted, _> = serde_json::from_slice(&stored);
    let steps = read.map_or(0, |fitted| fitted.forecast(168).steps.len());
    let mut output = std::io::stdout().lock();
    let _ = writeln!(
        output,
        "{SERIES} series of {HOURS} hours trained and forecast in {trained:.1?} on {cores} cores (target 60 s)"
    );
    let _ = writeln!(
        output,
        "stored form {} kB; read and forecast of {steps} steps in {:.2?} (target 10 ms)",
        stored.len() / 1000,
        started.elapsed()
    );
}
