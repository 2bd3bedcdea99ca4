//! What clients see of a backtest.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::{Accuracy, Point, Unforecastable};
use parvis_forecasts::{StoredBacktest, Subject, Tested, Tried};
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::{Band, rounded};

/// Whether a backtest has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BacktestState {
    /// Not yet.
    Pending,
    /// It has.
    Measured,
    /// Nothing could be forecast, for a reason.
    Refused,
    /// It was not done within three hours, and will not be any more: ask again.
    Failed,
}

/// How good forecasts were.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Measures {
    /// Forecast steps that were observed.
    pub steps: u64,
    /// Mean absolute error of the median, in the unit of the series.
    pub mae: Option<f64>,
    /// The same over the error of last week's value in the training span (Hyndman and Koehler 2006).
    pub mase: Option<f64>,
    /// Sum of absolute errors over the sum of what was observed.
    pub wape: Option<f64>,
    /// Continuous ranked probability score, in the unit of the series.
    pub crps: Option<f64>,
    /// Share of values in the 80 % band, 0 to 1.
    pub coverage_80: Option<f64>,
    /// Share of values in the 95 % band.
    pub coverage_95: Option<f64>,
}

impl From<&Accuracy> for Measures {
    fn from(accuracy: &Accuracy) -> Self {
        // Without a step there is no number.
        let number = |value: f64| value.is_finite().then(|| rounded(value));
        Self {
            steps: accuracy.steps,
            mae: number(accuracy.mae()),
            mase: number(accuracy.mase()),
            wape: number(accuracy.wape()),
            crps: number(accuracy.crps()),
            coverage_80: number(accuracy.coverage_80()),
            coverage_95: number(accuracy.coverage_95()),
        }
    }
}

/// One of the models that were tested: models of reference, and last `chosen`, what Parvis takes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Contender {
    /// Its name.
    #[schema(example = "chosen")]
    pub model: String,
    /// Over all forecasts.
    #[serde(flatten)]
    pub measures: Measures,
    /// Mean absolute error by days ahead, from the first day.
    pub mae_by_day_ahead: Vec<Option<f64>>,
}

impl From<&Tried> for Contender {
    fn from(tried: &Tried) -> Self {
        Self {
            model: tried.name.clone(),
            measures: (&tried.accuracy).into(),
            mae_by_day_ahead: tried.by_day_ahead.iter().map(|day| Measures::from(day).mae).collect(),
        }
    }
}

/// What was forecast of a step, and what came: occupied places, not free ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct TestedPoint {
    /// When the step began.
    pub at: DateTime<Utc>,
    /// What came.
    pub value: f64,
    /// What was forecast.
    pub median: f64,
    /// Its 80 % band.
    pub band_80: Band,
}

impl From<&Point> for TestedPoint {
    fn from(point: &Point) -> Self {
        let (low, high) = point.interval_80;
        Self {
            at: point.start,
            value: rounded(point.value),
            median: rounded(point.median),
            band_80: Band { low: rounded(low), high: rounded(high) },
        }
    }
}

/// A backtest of a live series. Values of car parks are occupied places.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BacktestView {
    /// Its id.
    #[schema(example = "20260316T1200Z-20260216T1200Z-24h-24h")]
    pub id: String,
    /// The series.
    #[schema(example = "parking/default")]
    pub series: String,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// Observations up to here were used.
    pub at: DateTime<Utc>,
    /// The first moment from which was forecast.
    pub from: DateTime<Utc>,
    /// Hours between forecasts.
    pub every_hours: u16,
    /// Hours that were forecast each time.
    pub horizon_hours: u16,
    /// Whether it has been done.
    pub state: BacktestState,
    /// Why nothing could be forecast, for translation.
    #[schema(value_type = Option<Object>)]
    pub reason: Option<Unforecastable>,
    /// Forecasts that were made.
    pub origins: usize,
    /// The models of reference, and last `chosen`.
    pub contenders: Vec<Contender>,
    /// The last steps of `chosen`, each forecast up to the next one. Of one backtest; the list leaves them out.
    pub points: Vec<TestedPoint>,
}

/// A test that has not been done after so long will not be: its job was tried as often as the queue allows.
const PATIENCE: TimeDelta = TimeDelta::hours(3);

/// Whether a backtest has been done, as far as one knows now.
#[must_use]
pub fn state_of(stored: &StoredBacktest, now: DateTime<Utc>) -> BacktestState {
    match &stored.tested {
        None if stored.asked_at + PATIENCE < now => BacktestState::Failed,
        None => BacktestState::Pending,
        Some(Tested::Refused { .. }) => BacktestState::Refused,
        Some(Tested::Measured { .. }) => BacktestState::Measured,
    }
}

impl BacktestView {
    /// What is known of a backtest now.
    #[must_use]
    pub fn of(subject: &Subject, stored: &StoredBacktest, now: DateTime<Utc>) -> Self {
        let trial = &stored.trial;
        let mut view = Self {
            id: trial.name(),
            series: subject.to_string(),
            asked_at: stored.asked_at,
            at: trial.at,
            from: trial.from,
            every_hours: trial.every_hours,
            horizon_hours: trial.horizon_hours,
            state: state_of(stored, now),
            reason: None,
            origins: 0,
            contenders: Vec::new(),
            points: Vec::new(),
        };
        match &stored.tested {
            None => {}
            Some(Tested::Refused { reason }) => view.reason = Some(reason.clone()),
            Some(Tested::Measured { origins, contenders, line }) => {
                view.origins = *origins;
                view.contenders = contenders.iter().map(Contender::from).collect();
                view.points = line.iter().map(TestedPoint::from).collect();
            }
        }
        view
    }

    /// The same without its single points, for a list.
    #[must_use]
    pub fn in_short(self) -> Self {
        Self { points: Vec::new(), ..self }
    }
}
