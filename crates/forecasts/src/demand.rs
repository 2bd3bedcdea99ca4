//! How much of what there is is expected to be taken, hour by hour: what prices go by.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use parvis_forecasting::Kind;

use crate::{
    records::{Outcome, Outlook},
    store::{ForecastStore, StoreError},
    subject::Subject,
};

/// A forecast older than this moves no price any more.
pub const FRESH: TimeDelta = TimeDelta::hours(26);

impl ForecastStore {
    /// Percent expected to be taken in each hour to come in which the place is open, by time; nothing without a fresh forecast of the
    /// place's own.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn expected_demand(
        &self,
        subject: &Subject,
        now: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, f64)>, StoreError> {
        let entry = self.listed(subject).await?;
        let Some(Outcome::Forecast { origin, borrowed: false, .. }) = entry.and_then(|entry| entry.outcome) else {
            return Ok(Vec::new());
        };
        let outlook = if origin + FRESH < now { None } else { self.outlook(subject).await? };
        // No price moves by what a silent source may be doing.
        let outlook = outlook.filter(|outlook| !outlook.is_silent());
        Ok(outlook.map_or_else(Vec::new, |outlook| percents(&outlook, now)))
    }
}

/// The mean of the steps of each hour.
fn percents(outlook: &Outlook, now: DateTime<Utc>) -> Vec<(DateTime<Utc>, f64)> {
    let Kind::Bounded { capacity } = outlook.definition.kind else { return Vec::new() };
    let length = TimeDelta::minutes(i64::from(outlook.definition.step_minutes));
    let mut hours: BTreeMap<DateTime<Utc>, (f64, f64)> = BTreeMap::new();
    for step in outlook.steps.iter().filter(|step| step.open && step.start + length > now) {
        let Ok(hour) = step.start.duration_trunc(TimeDelta::hours(1)) else { continue };
        let (sum, steps) = hours.entry(hour).or_default();
        *sum += step.mean;
        *steps += 1.0;
    }
    hours.into_iter().map(|(hour, (sum, steps))| (hour, 100.0 * sum / (steps * capacity.max(1e-9)))).collect()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;
    use parvis_forecasting::{Calendar, Explanation, StepForecast};

    use super::*;
    use crate::records::Definition;

    fn outlook(step_minutes: u16, steps: &[(i64, bool, f64)]) -> Outlook {
        let origin = DateTime::UNIX_EPOCH;
        let step = |(minutes, open, mean): &(i64, bool, f64)| StepForecast {
            start: origin + TimeDelta::minutes(*minutes),
            open: *open,
            mean: *mean,
            quantiles: vec![*mean; 9],
            chance_below_capacity: None,
        };
        let definition = Definition {
            subject: "parking/default/Zone_A".parse().unwrap(),
            title: "Zone A".to_owned(),
            kind: Kind::Bounded { capacity: 40.0 },
            step_minutes,
            calendar: Calendar::new(Paris),
        };
        Outlook {
            definition,
            origin,
            trained_at: origin,
            model_version: 1,
            span: (origin, origin),
            borrowed: false,
            known: None,
            rehearsed: Vec::new(),
            steps: steps.iter().map(step).collect(),
            explanation: Explanation::default(),
        }
    }

    #[test]
    fn an_hour_is_the_mean_of_its_steps_that_are_open_and_not_over() {
        let at = |minutes: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let quarters = outlook(15, &[(0, true, 40.0), (15, true, 30.0), (30, true, 10.0), (45, false, 0.0)]);
        assert_eq!(percents(&quarters, at(15)), [(at(0), 50.0)]);
        let hours = outlook(60, &[(0, true, 20.0), (60, true, 10.0), (120, false, 0.0)]);
        assert_eq!(percents(&hours, at(30)), [(at(0), 50.0), (at(60), 25.0)]);
        assert!(percents(&hours, at(180)).is_empty());
    }
}
