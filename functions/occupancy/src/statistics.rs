//! Statistics over the points of a series: pure arithmetic, no database.

use chrono::{Datelike as _, Timelike as _};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use crate::series::{Point, percent, rounded};

/// The mean of an hour of the day or a day of the week.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Mean {
    /// Mean of occupied spaces.
    #[schema(example = 14.25)]
    pub occupied: f64,
    /// Mean of spaces in service.
    #[schema(example = 24.0)]
    pub total: f64,
    /// Occupied per hundred spaces.
    #[schema(example = 59.38)]
    pub rate: f64,
    /// Hours that the mean is made of.
    #[schema(example = 7)]
    pub samples: u32,
}

/// Sums on the way to a [`Mean`].
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    occupied: f64,
    total: f64,
    samples: u32,
}

impl Sums {
    fn add(&mut self, point: &Point) {
        self.occupied += point.occupied;
        self.total += point.total;
        self.samples += 1;
    }

    fn mean(self) -> Option<Mean> {
        let samples = f64::from(self.samples);
        (self.samples > 0).then(|| Mean {
            occupied: rounded(self.occupied / samples),
            total: rounded(self.total / samples),
            rate: percent(self.occupied, self.total),
            samples: self.samples,
        })
    }
}

fn means<const N: usize>(points: &[Point], slot: impl Fn(&Point) -> usize) -> Vec<(usize, Mean)> {
    let mut sums = [Sums::default(); N];
    for point in points {
        sums[slot(point) % N].add(point);
    }
    sums.into_iter().enumerate().filter_map(|(index, sums)| Some((index, sums.mean()?))).collect()
}

/// The mean of each hour of the day (0 to 23, on the place's clock) over hourly points. Hours without a point are
/// absent.
#[must_use]
pub fn by_hour(points: &[Point], timezone: Tz) -> Vec<(usize, Mean)> {
    means::<24>(points, |point| point.at.with_timezone(&timezone).hour() as usize)
}

/// The mean of each day of the week (0 is Monday, on the place's clock) over hourly points. Days without a point are
/// absent.
#[must_use]
pub fn by_weekday(points: &[Point], timezone: Tz) -> Vec<(usize, Mean)> {
    means::<7>(points, |point| point.at.with_timezone(&timezone).weekday().num_days_from_monday() as usize)
}

/// The mean over all points; none without points.
#[must_use]
pub fn overall(points: &[Point]) -> Option<Mean> {
    means::<1>(points, |_| 0).pop().map(|(_, mean)| mean)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    /// Hourly points with the given occupied spaces of ten, from 2026-01-05 00:00 in Paris, a Monday.
    fn points(occupied: impl IntoIterator<Item = f64>) -> Vec<Point> {
        let monday = DateTime::parse_from_rfc3339("2026-01-05T00:00:00+01:00").unwrap().to_utc();
        occupied
            .into_iter()
            .zip(0..)
            .map(|(occupied, hour)| Point::new(monday + TimeDelta::hours(hour), occupied, 10.0))
            .collect()
    }

    #[test]
    fn hours_are_those_of_the_place() {
        let hours = by_hour(&points((0..48).map(|hour| f64::from(hour % 24) / 10.0)), Tz::Europe__Paris);
        assert_eq!(hours.len(), 24);
        assert_eq!(hours[8], (8, Mean { occupied: 0.8, total: 10.0, rate: 8.0, samples: 2 }));
    }

    #[test]
    fn weekdays_begin_with_monday() {
        let days = by_weekday(&points((0..48).map(|hour| if hour < 24 { 2.0 } else { 6.0 })), Tz::Europe__Paris);
        assert_eq!(days.iter().map(|(day, mean)| (*day, mean.rate)).collect::<Vec<_>>(), [(0, 20.0), (1, 60.0)]);
    }

    #[test]
    fn without_points_there_is_no_mean() {
        assert_eq!(overall(&[]), None);
        assert!(by_hour(&[], Tz::UTC).is_empty());
    }
}
