//! Backtests that somebody asked for: the same tests as those of `parvis backtest`, on the observations of a live series.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_backtest::run::{Named, Outcome, contenders, run};
use parvis_forecasting::{Plan, Unforecastable};
use parvis_forecasts::{Asked, Definition, StoredBacktest, Tested, Trial, Tried};

use crate::work::{Done, Trainer, WorkError};

/// Time between trainings, as `parvis backtest` has it.
const RETRAIN: TimeDelta = TimeDelta::days(7);
/// Steps of the line that are kept: a week of quarters of an hour, four of hours.
const LINE: usize = 7 * 96;

impl Trainer {
    /// Tests the forecasts of a series and keeps what came of it. Done before, it is not done again.
    ///
    /// # Errors
    /// When a store fails; the test may be done again.
    pub async fn test(&self, asked: &Asked) -> Result<Done, WorkError> {
        let (subject, trial) = (&asked.subject, asked.backtest);
        let stored = self.store.backtest(subject, &trial.name()).await?;
        if stored.as_ref().is_some_and(|stored| stored.tested.is_some()) {
            return Ok(Done::Already);
        }
        let Some(entry) = self.store.listed(subject).await? else { return Ok(Done::Gone) };
        let tested = match self.present(subject, entry.definition.clone(), trial.at, None).await? {
            Ok(present) => {
                let series = Named { name: subject.to_string(), series: present.series, known: Vec::new() };
                tokio::task::spawn_blocking(move || measure(series, &entry.definition, trial)).await?
            }
            Err(reason) => Tested::Refused { reason },
        };
        let asked_at = stored.map_or(trial.at, |stored| stored.asked_at);
        let done = if matches!(tested, Tested::Refused { .. }) { Done::Refused } else { Done::Tested };
        self.store.put_backtest(subject, &StoredBacktest { trial, asked_at, tested: Some(tested) }).await?;
        Ok(done)
    }
}

fn measure(series: Named, definition: &Definition, trial: Trial) -> Tested {
    let per_hour = 60 / usize::from(definition.step_minutes.clamp(1, 60));
    let plan = Plan {
        from: trial.from,
        every: TimeDelta::hours(i64::from(trial.every_hours.max(1))),
        horizon: usize::from(trial.horizon_hours.max(1)) * per_hour,
        retrain: RETRAIN,
        history: None,
    };
    let contenders = contenders();
    let outcome = run(&[series], &definition.calendar, &contenders, &plan, || {}).pop();
    let results = outcome.map_or_else(Vec::new, |Outcome { results, .. }| results);
    let origins = results.iter().map(|result| result.origins).max().unwrap_or(0);
    let chosen = results.last();
    if origins == 0 {
        let refusals = chosen.map_or(&[][..], |result| &result.refusals);
        let reason: Option<&(DateTime<Utc>, Unforecastable)> = refusals.first();
        return Tested::Refused { reason: reason.map_or(Unforecastable::Empty, |(_, reason)| reason.clone()) };
    }
    let line = chosen.map_or_else(Vec::new, |result| result.line[result.line.len().saturating_sub(LINE)..].to_vec());
    let contenders = contenders
        .into_iter()
        .zip(results)
        .map(|(contender, result)| Tried {
            name: contender.name,
            accuracy: result.accuracy,
            by_day_ahead: result.by_day_ahead,
        })
        .collect();
    Tested::Measured { origins, contenders, line }
}
