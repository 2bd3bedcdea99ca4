//! For tests: forecasts as the forecast context keeps them, of whatever a test expects.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::{Calendar, Explanation, Kind, StepForecast};
use parvis_forecasts::{Definition, ForecastStore, Outcome, Outlook};

/// Hours that are forecast.
const HOURS: i64 = 48;

/// Keeps a forecast of so many places in Paris: in each of the 48 hours from `origin` on, as many are taken as `taken` says of it.
///
/// # Panics
/// When the subject is not one, or the table cannot be written.
pub async fn keep(
    store: &ForecastStore,
    subject: &str,
    capacity: f64,
    origin: DateTime<Utc>,
    taken: impl Fn(DateTime<Utc>) -> f64,
) {
    let definition = Definition {
        subject: subject.parse().unwrap(),
        title: subject.to_owned(),
        kind: Kind::Bounded { capacity },
        step_minutes: 60,
        calendar: Calendar::new(chrono_tz::Europe::Paris),
    };
    let step = |hour: i64| {
        let start = origin + TimeDelta::hours(hour);
        let mean = taken(start);
        StepForecast { start, open: true, mean, quantiles: vec![mean; 9], chance_below_capacity: None }
    };
    let outlook = Outlook {
        definition: definition.clone(),
        origin,
        trained_at: origin,
        model_version: 1,
        span: (origin - TimeDelta::days(60), origin),
        borrowed: false,
        known: None,
        rehearsed: Vec::new(),
        steps: (0..HOURS).map(step).collect(),
        explanation: Explanation::default(),
    };
    let outcome = Outcome::Forecast {
        origin,
        trained_at: origin,
        borrowed: false,
        known: None,
        expected_error: None,
        drift: None,
    };
    store.define(&definition).await.unwrap();
    store.put_outlook(&outlook).await.unwrap();
    store.conclude(&definition.subject, &outcome).await.unwrap();
}
