//! Backtests of live series, done by `functions/train`: `parvis backtest` for what the platform itself observes.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasts::{Asked, Message, StoredBacktest, Subject, Trial};
use parvis_kit::{
    auth::Caller,
    http::{Json, Path, Query},
    problem::{FieldError, Problem},
    routes,
    routes::Routes,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{LONGEST_HOURS, may_see};
use crate::{
    backtest_view::{BacktestState, BacktestView, state_of},
    error::{ApiResult, Refusal},
    plan::floor,
    state::App,
};

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_backtests)).routes(routes!(ask_for_backtest)).routes(routes!(read_backtest))
}

/// The longest past that is tested.
const LONGEST: TimeDelta = TimeDelta::days(366);
/// The most forecasts that one test makes, so that it ends within minutes.
const MOST_ORIGINS: i64 = 60;

/// Backtests of a series that may wait to be done: they share the queue with the night's trainings.
const MOST_PENDING: usize = 3;

/// Which series.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SeriesParams {
    /// The series.
    #[param(value_type = String, example = "parking/default")]
    series: String,
}

/// The backtests of a series.
#[derive(Debug, Serialize, ToSchema)]
struct Backtests {
    /// The newest first; those of the last 90 days, without their single points.
    backtests: Vec<BacktestView>,
}

fn subject(text: &str) -> Result<Subject, Problem> {
    text.parse().map_err(|_| Problem::invalid(vec![FieldError::new("series", "names no series")]))
}

/// The backtests of a series
#[utoipa::path(
    get,
    path = "/v1/backtests",
    tag = "Backtests",
    security(("login" = [])),
    params(SeriesParams),
    responses((status = 200, description = "Those of the last 90 days", body = Backtests), Refusal)
)]
async fn list_backtests(
    State(app): State<App>,
    caller: Caller,
    Query(params): Query<SeriesParams>,
) -> ApiResult<Json<Backtests>> {
    let subject = subject(&params.series)?;
    may_see(&caller, &subject)?;
    let (stored, now) = (app.store().backtests(&subject).await?, app.now());
    let view = |one| BacktestView::of(&subject, one, now).in_short();
    Ok(Json(Backtests { backtests: stored.iter().rev().map(view).collect() }))
}

/// What is to be tested, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BacktestInput {
    /// The series.
    #[schema(example = "parking/default")]
    series: String,
    /// The first moment from which is forecast, within the last year; four weeks ago if absent.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Hours between forecasts, 1 to 168.
    #[serde(default = "daily")]
    #[schema(minimum = 1, maximum = 168, default = 24)]
    every_hours: u16,
    /// Hours that are forecast each time, 1 to 168.
    #[serde(default = "daily")]
    #[schema(minimum = 1, maximum = 168, default = 24)]
    horizon_hours: u16,
}

const fn daily() -> u16 {
    24
}

impl BacktestInput {
    fn trial(&self, now: DateTime<Utc>) -> Result<Trial, Problem> {
        let at = floor(now);
        let from = self.from.map_or(at - TimeDelta::days(28), floor);
        let mut errors = Vec::new();
        for (field, hours) in [("/every_hours", self.every_hours), ("/horizon_hours", self.horizon_hours)] {
            if !(1..=LONGEST_HOURS).contains(&hours) {
                errors.push(FieldError::new(field, format!("must be from 1 to {LONGEST_HOURS}")));
            }
        }
        if from >= at || from < at - LONGEST {
            errors.push(FieldError::new("/from", "must lie in the last 366 days"));
        } else if (at - from).num_hours() / i64::from(self.every_hours.max(1)) > MOST_ORIGINS {
            errors.push(FieldError::new("/every_hours", format!("makes more than {MOST_ORIGINS} forecasts")));
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        Ok(Trial { from, every_hours: self.every_hours, horizon_hours: self.horizon_hours, at })
    }
}

/// Ask for a backtest
///
/// Forecasts are made from moment after moment of the past, each knowing only what came before it, by the models of reference and by
/// what Parvis chooses, and compared with what then came. The same test within a quarter of an hour is done once. The answer is pending
/// at first; read it again until it is not. Three of a series may be pending at a time, and one that is not done within three hours has
/// failed.
#[utoipa::path(
    post,
    path = "/v1/backtests",
    tag = "Backtests",
    security(("login" = [])),
    request_body = BacktestInput,
    responses((status = 202, description = "It will be done", body = BacktestView), Refusal)
)]
async fn ask_for_backtest(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<BacktestInput>,
) -> ApiResult<(StatusCode, Json<BacktestView>)> {
    let subject =
        subject(&input.series).map_err(|_| Problem::invalid(vec![FieldError::new("/series", "names no series")]))?;
    may_see(&caller, &subject)?;
    let (now, _) = (app.now(), super::entry(&app, &subject).await?);
    let trial = input.trial(now)?;
    let stored = match app.store().backtest(&subject, &trial.name()).await? {
        Some(stored) => stored,
        None => {
            let others = app.store().backtests(&subject).await?;
            if others.iter().filter(|one| state_of(one, now) == BacktestState::Pending).count() >= MOST_PENDING {
                let message = format!("{MOST_PENDING} backtests of this series are not done yet");
                return Err(Problem::conflict(message).into());
            }
            let stored = StoredBacktest { trial, asked_at: now, tested: None };
            app.store().put_backtest(&subject, &stored).await?;
            stored
        }
    };
    if stored.tested.is_none() {
        // Sent again when asked again: who takes it knows whether it was done.
        app.queue().send(&[Message::Backtest(Asked { subject: subject.clone(), backtest: trial })]).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(BacktestView::of(&subject, &stored, now))))
}

/// A backtest
#[utoipa::path(
    get,
    path = "/v1/backtests/{id}",
    tag = "Backtests",
    security(("login" = [])),
    params(("id" = String, Path, description = "Its id", example = "20260316T1200Z-20260216T1200Z-24h-24h"), SeriesParams),
    responses((status = 200, description = "How good the forecasts were, or that it is not done yet", body = BacktestView), Refusal)
)]
async fn read_backtest(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(params): Query<SeriesParams>,
) -> ApiResult<Json<BacktestView>> {
    let subject = subject(&params.series)?;
    may_see(&caller, &subject)?;
    let stored = app.store().backtest(&subject, &id).await?.ok_or_else(|| Problem::not_found("backtest"))?;
    Ok(Json(BacktestView::of(&subject, &stored, app.now())))
}
