//! Places without a history of their own: the mean of similar places, and how far apart they lie.

use crate::{
    calendar::Calendar,
    error::Unforecastable,
    fitted::{Fitted, Options, fit},
    series::{Grid, Kind, Series, mean_of},
};

/// Similar places needed: how much places differ cannot be seen from one.
pub const LEAST_SIMILAR: usize = 2;

/// Trains a place of a kind on the mean of similar places, as a rate of their capacities where they have one.
///
/// The intervals are as wide as similar places lie apart: each of them is forecast by the others, and those errors calibrate.
/// Use it until [`fit`] on the place's own series succeeds.
///
/// # Errors
/// With fewer than [`LEAST_SIMILAR`] places that can be forecast themselves.
pub fn fit_cold(
    similar: &[&Series],
    kind: Kind,
    calendar: &Calendar,
    options: &Options,
) -> Result<Fitted, Unforecastable> {
    let usable: Vec<&Series> =
        similar.iter().copied().filter(|series| fit(series, calendar, options).is_ok()).collect();
    if usable.len() < LEAST_SIMILAR {
        return Err(Unforecastable::NothingSimilar);
    }
    let (grid, len) = common(&usable);
    let pooled = scaled(&usable, &grid, len, kind).ok_or(Unforecastable::NothingSimilar)?;
    let mut fitted = fit(&pooled, calendar, options)?;
    let mut errors = Vec::new();
    for (place, series) in usable.iter().enumerate() {
        let others: Vec<&Series> =
            usable.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, series)| *series).collect();
        let own = scaled(&[series], &grid, len, kind);
        if let (Some(others), Some(own)) = (scaled(&others, &grid, len, kind), own) {
            errors.extend(fit(&others, calendar, options)?.against(&own, calendar));
        }
    }
    fitted.recalibrate(&errors, usable.len());
    Ok(fitted)
}

/// The grid that begins with the first of the series, and the steps until the end of the last.
fn common(series: &[&Series]) -> (Grid, usize) {
    let first = series.iter().min_by_key(|series| series.grid().at(0));
    let Some(grid) = first.map(|series| series.grid().clone()) else {
        return (Grid::new(chrono::DateTime::UNIX_EPOCH, crate::Step::Day, chrono_tz::UTC), 0);
    };
    let len = series.iter().map(|one| usize::try_from(grid.index(one.end())).unwrap_or(0)).max().unwrap_or(0);
    (grid, len)
}

/// The mean of series in the unit of a kind.
fn scaled(series: &[&Series], grid: &Grid, len: usize, kind: Kind) -> Option<Series> {
    let mean = mean_of(series, grid, len)?;
    let unit = if mean.kind().upper().is_finite() && kind.upper().is_finite() { kind.upper() } else { 1.0 };
    let values: Vec<Option<f64>> =
        (0..len).map(|index| mean.value(index).map(|value| kind.clamp(value * unit))).collect();
    Series::new(grid.clone(), kind, &values).ok()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;
    use crate::series::Step;

    fn place(level: f64, capacity: f64) -> Series {
        let grid = Grid::new("2026-01-04T23:00:00Z".parse().unwrap(), Step::Minutes(60), Paris);
        let rate = |hour: usize| level * if (8..18).contains(&(hour % 24)) { 0.8 } else { 0.2 };
        let values: Vec<_> = (0..24 * 42).map(|hour| Some((rate(hour) * capacity).round())).collect();
        Series::new(grid, Kind::Bounded { capacity }, &values).unwrap()
    }

    #[test]
    fn a_new_car_park_fills_as_similar_ones_do_and_is_less_certain() {
        let places = [place(0.7, 100.0), place(1.0, 200.0), place(0.9, 150.0)];
        let similar: Vec<&Series> = places.iter().collect();
        let options = Options::new(24, 24);
        let calendar = Calendar::new(Paris);
        let cold = fit_cold(&similar, Kind::Bounded { capacity: 50.0 }, &calendar, &options).unwrap();
        let own = fit(&places[1], &calendar, &options).unwrap();
        let noon = |fitted: &Fitted| fitted.forecast(24).steps[12].clone();
        assert!((noon(&cold).mean - 50.0 * 0.8 * 0.867).abs() < 1.0, "{:?}", noon(&cold));
        let width = |fitted: &Fitted, unit: f64| (noon(fitted).quantiles[6] - noon(fitted).quantiles[2]) / unit;
        assert!(width(&cold, 50.0) > 2.0 * width(&own, 200.0));
        assert_eq!(
            fit_cold(&similar[..1], Kind::Count, &calendar, &options).unwrap_err(),
            Unforecastable::NothingSimilar
        );
    }
}
