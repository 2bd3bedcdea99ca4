//! What is kept of a series.

use chrono::{DateTime, NaiveDate, Utc};
use parvis_forecasting::{
    Accuracy, Calendar, Explanation, Fitted, Kind, Point, Rehearsed, StepForecast, Unforecastable,
};
use serde::{Deserialize, Serialize};

use crate::{job::Trial, subject::Subject};

/// What a series is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The series.
    pub subject: Subject,
    /// Its name, for people.
    pub title: String,
    /// What its values are.
    pub kind: Kind,
    /// Length of a step in minutes, a divisor of 60.
    pub step_minutes: u16,
    /// Local time, holidays, opening hours.
    pub calendar: Calendar,
}

/// A series in the list of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub definition: Definition,
    /// What came of the last attempt to forecast it; none before the first.
    pub outcome: Option<Outcome>,
}

/// What came of an attempt to forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    /// There is a forecast.
    Forecast {
        /// What it knows: everything before this moment.
        origin: DateTime<Utc>,
        /// When its model was trained.
        trained_at: DateTime<Utc>,
        /// Whether similar places had to lend their history.
        borrowed: bool,
        /// Until when it was observed; none of what rests on similar places.
        #[serde(default)]
        known: Option<Known>,
        /// Mean absolute error on held-back weeks, in the unit of the series.
        expected_error: Option<f64>,
        /// How the errors of the last weeks have grown, if they have.
        drift: Option<Drifted>,
    },
    /// There is none, for a reason.
    Refused {
        /// When this was found.
        at: DateTime<Utc>,
        /// Why.
        reason: Unforecastable,
    },
}

/// Until when a series was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The end of the last step that was observed.
    pub until: DateTime<Utc>,
    /// Whether more would usually be known by now: its source has fallen silent.
    pub silent: bool,
}

/// Errors that have grown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drifted {
    /// Days since they began to grow.
    pub days: u32,
    /// Their present size over the usual one.
    pub factor: f64,
}

/// A trained model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredModel {
    /// What was taken for the present when it was trained.
    pub trained_at: DateTime<Utc>,
    /// The first moment of its grid.
    pub grid_start: DateTime<Utc>,
    /// What the series was then: another definition calls for training anew.
    pub definition: Definition,
    /// Whether it was trained on similar places.
    pub borrowed: bool,
    /// The model itself, with the version of its form.
    pub fitted: Fitted,
}

/// The present forecast of a series: what readers get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// What the series is.
    pub definition: Definition,
    /// What is known: everything before this moment.
    pub origin: DateTime<Utc>,
    /// When the model was trained, and the version of its form.
    pub trained_at: DateTime<Utc>,
    /// Version of the model's form.
    pub model_version: u32,
    /// First and last moment of what it was trained on.
    pub span: (DateTime<Utc>, DateTime<Utc>),
    /// Whether it was trained on similar places.
    pub borrowed: bool,
    /// Until when it was observed; none of what rests on similar places.
    #[serde(default)]
    pub known: Option<Known>,
    /// What the rehearsal on held-back weeks gave, by model.
    pub rehearsed: Vec<Rehearsed>,
    /// The steps.
    pub steps: Vec<StepForecast>,
    /// Why it is as it is.
    pub explanation: Explanation,
}

impl Outlook {
    /// Whether the source has fallen silent: what is forecast is what is usual, and not what follows from the present.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.known.is_some_and(|known| known.silent)
    }
}

/// The forecast of a local day as it stood before the day: kept to be compared with what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Issued {
    /// The local day.
    pub day: NaiveDate,
    /// What was known.
    pub origin: DateTime<Utc>,
    /// Error of the seasonal naive forecast in the training span, the scale of MASE.
    pub scale: Option<f64>,
    /// Whether it was made afterwards, knowing only what was known when the day began.
    #[serde(default)]
    pub reconstructed: bool,
    /// The steps of the day after the origin.
    pub steps: Vec<StepForecast>,
}

/// A day's forecast against what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The local day.
    pub day: NaiveDate,
    /// What was known when the forecast was made.
    pub origin: DateTime<Utc>,
    /// Steps that were forecast and observed.
    pub steps: u32,
    /// Mean absolute error of the median.
    pub mae: f64,
    /// The same over the error of the seasonal naive forecast in the training span.
    pub mase: Option<f64>,
    /// Share of values within the 80 % interval.
    pub inside_80: f64,
    /// Share of values within the 95 % interval.
    pub inside_95: f64,
    /// Whether the forecast was made afterwards, knowing only what was known when the day began.
    #[serde(default)]
    pub reconstructed: bool,
    /// Step by step.
    pub points: Vec<ScoredPoint>,
}

/// A forecast step and what came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScoredPoint {
    /// When the step began.
    pub start: DateTime<Utc>,
    /// What came.
    pub value: f64,
    /// The median.
    pub median: f64,
    /// The 80 % interval.
    pub low_80: f64,
    /// Its upper end.
    pub high_80: f64,
}

/// Whether people were told that saturation is expected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Warning {
    /// Whether they were, and it still is.
    pub raised: bool,
    /// How often this was written; 0 before the first time.
    pub version: u64,
}

/// A backtest that somebody asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredBacktest {
    /// How it tests.
    pub trial: Trial,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// What came of it; none before it was done.
    pub tested: Option<Tested>,
}

/// What a backtest gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Tested {
    /// It was measured.
    Measured {
        /// Origins from which something was forecast.
        origins: usize,
        /// The models of reference, and last what is chosen.
        contenders: Vec<Tried>,
        /// The last weeks of what is chosen, each origin up to the next one.
        line: Vec<Point>,
    },
    /// Nothing could be forecast.
    Refused {
        /// Why.
        reason: Unforecastable,
    },
}

/// How good one of the contenders of a backtest was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// Over all origins and steps.
    pub accuracy: Accuracy,
    /// By days ahead, from the first.
    pub by_day_ahead: Vec<Accuracy>,
}

/// Place of a probability in [`parvis_forecasting::PROBABILITIES`].
const P2_5: usize = 0;
const P10: usize = 2;
const P50: usize = 4;
const P90: usize = 6;
const P97_5: usize = 8;

impl Issued {
    /// Compares the forecast with what was observed; none when nothing of it was.
    #[must_use]
    pub fn score(&self, observed: impl Fn(DateTime<Utc>) -> Option<f64>) -> Option<Scored> {
        let mut points = Vec::new();
        let (mut absolute, mut inside_80, mut inside_95) = (0.0, 0.0, 0.0);
        for step in self.steps.iter().filter(|step| step.open && step.quantiles.len() > P97_5) {
            let Some(value) = observed(step.start) else { continue };
            let quantile = |place: usize| step.quantiles[place];
            absolute += (value - quantile(P50)).abs();
            inside_80 += f64::from(u8::from((quantile(P10)..=quantile(P90)).contains(&value)));
            inside_95 += f64::from(u8::from((quantile(P2_5)..=quantile(P97_5)).contains(&value)));
            points.push(ScoredPoint {
                start: step.start,
                value,
                median: quantile(P50),
                low_80: quantile(P10),
                high_80: quantile(P90),
            });
        }
        let number = points.len() as f64;
        let mae = absolute / number;
        (!points.is_empty()).then(|| Scored {
            day: self.day,
            origin: self.origin,
            steps: u32::try_from(points.len()).unwrap_or(u32::MAX),
            mae,
            mase: self.scale.filter(|scale| *scale > 0.0).map(|scale| mae / scale),
            inside_80: inside_80 / number,
            inside_95: inside_95 / number,
            reconstructed: self.reconstructed,
            points,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_day_is_scored_by_what_was_observed_of_it() {
        let start: DateTime<Utc> = "2026-03-28T00:00:00Z".parse().unwrap();
        let step = |hour: i32, open| StepForecast {
            start: start + TimeDelta::hours(1) * hour,
            open,
            mean: 10.0,
            quantiles: vec![4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 14.0, 15.0, 16.0],
            chance_below_capacity: None,
        };
        let issued = Issued {
            day: start.date_naive(),
            origin: start,
            scale: Some(2.0),
            reconstructed: false,
            steps: vec![step(0, true), step(1, true), step(2, false), step(3, true)],
        };
        // 11 lies within both, 15 within the wider one, the closed step does not count, the last was not observed.
        let observed = |at: DateTime<Utc>| [Some(11.0), Some(15.0), Some(0.0), None][(at - start).num_hours() as usize];
        let scored = issued.score(observed).unwrap();
        assert_eq!((scored.steps, scored.mae, scored.mase), (2, 3.0, Some(1.5)));
        assert_eq!((scored.inside_80, scored.inside_95), (0.5, 1.0));
        assert_eq!(issued.score(|_| None), None);
    }
}
