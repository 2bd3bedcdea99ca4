//! How many drivers want to park, and for how long.
//!
//! Arrivals are a Poisson process whose rate follows the hour of the day and the weekday; stays are log-normal. The
//! rate is chosen by Little's law, `lambda = target occupancy * spaces / mean stay`, so that an hour's mean occupancy
//! comes out near the profile while every single run stays random.

use chrono::{DateTime, Datelike, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use rand::Rng;
use rand_distr::{Distribution, LogNormal};

/// Target occupancy (share of spaces) per local hour on a working day: a mixed city-centre car park.
const WORKDAY: [f64; 24] = [
    0.22, 0.20, 0.18, 0.18, 0.19, 0.22, 0.30, 0.45, 0.66, 0.80, 0.87, 0.90, 0.86, 0.82, 0.85, 0.86, 0.83, 0.78, 0.72,
    0.66, 0.55, 0.44, 0.34, 0.27,
];
/// Target occupancy per local hour on Saturdays and Sundays.
const WEEKEND: [f64; 24] = [
    0.28, 0.26, 0.24, 0.22, 0.20, 0.19, 0.20, 0.24, 0.32, 0.45, 0.60, 0.70, 0.72, 0.74, 0.82, 0.88, 0.86, 0.80, 0.74,
    0.70, 0.64, 0.54, 0.42, 0.34,
];
/// Sundays see this share of a Saturday's demand.
const SUNDAY: f64 = 0.6;
/// Median stay in minutes.
const MEDIAN_STAY_MINUTES: f64 = 48.0;
/// Spread of the logarithm of a stay.
const STAY_SIGMA: f64 = 0.8;

/// Target share of occupied spaces at `at`, interpolated between the hours.
#[must_use]
pub fn target_occupancy(at: DateTime<Utc>, timezone: Tz) -> f64 {
    let local = at.with_timezone(&timezone);
    let weekday = local.weekday();
    let (profile, factor) = match weekday {
        Weekday::Sat => (&WEEKEND, 1.0),
        Weekday::Sun => (&WEEKEND, SUNDAY),
        _ => (&WORKDAY, 1.0),
    };
    let hour = local.hour() as usize % 24;
    let share = f64::from(local.minute()) / 60.0;
    (profile[hour] * (1.0 - share) + profile[(hour + 1) % 24] * share) * factor
}

/// Mean stay in minutes: `exp(mu + sigma^2 / 2)`.
#[must_use]
pub fn mean_stay_minutes() -> f64 {
    MEDIAN_STAY_MINUTES * (STAY_SIGMA * STAY_SIGMA / 2.0).exp()
}

/// Arrivals per minute for `spaces` spaces at `at`.
#[must_use]
pub fn arrivals_per_minute(at: DateTime<Utc>, timezone: Tz, spaces: u32) -> f64 {
    target_occupancy(at, timezone) * f64::from(spaces) / mean_stay_minutes()
}

/// Draws a stay in minutes.
pub fn draw_stay_minutes(rng: &mut impl Rng) -> f64 {
    match LogNormal::new(MEDIAN_STAY_MINUTES.ln(), STAY_SIGMA) {
        Ok(stays) => stays.sample(rng),
        Err(_) => MEDIAN_STAY_MINUTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use rand::SeedableRng;

    #[test]
    fn demand_peaks_at_work_hours_and_rests_at_night() {
        let day = |h| chrono_tz::Europe::Paris.with_ymd_and_hms(2026, 3, 10, h, 0, 0).unwrap().to_utc();
        let at = |h| target_occupancy(day(h), chrono_tz::Europe::Paris);
        assert!(at(11) > 0.85 && at(3) < 0.25 && at(8) > at(7));
    }

    #[test]
    fn stays_average_to_the_mean_that_the_arrival_rate_assumes() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let n = 20_000;
        let mean = (0..n).map(|_| draw_stay_minutes(&mut rng)).sum::<f64>() / f64::from(n);
        assert!((mean / mean_stay_minutes() - 1.0).abs() < 0.03, "{mean}");
    }
}
