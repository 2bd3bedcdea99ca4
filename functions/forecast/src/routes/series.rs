//! Series that others feed.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_forecasting::{Calendar, Kind, Observation, calendar::SchoolZone};
use parvis_forecasts::{Definition, Entry, Subject, store::KEEP_OBSERVATIONS, subject::FED};
use parvis_kit::{
    auth::Caller,
    http::{Json, Path, Query},
    problem::{FieldError, Problem},
    routes,
    routes::Routes,
};
use parvis_parking::PlaceId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DaysParams, HorizonParams, MANAGERS, READERS};
use crate::{
    error::{ApiResult, Refusal},
    state::App,
    views::{AccuracyView, ForecastView, SeriesView},
};

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_series))
        .routes(routes!(define_series))
        .routes(routes!(feed_series))
        .routes(routes!(read_series_forecast))
        .routes(routes!(read_series_accuracy))
}

/// Observations of one request.
const MOST_OBSERVATIONS: usize = 10_000;
/// Observations may lie so far ahead of our clock.
const AHEAD: TimeDelta = TimeDelta::hours(1);
/// The longest name for people.
const TITLE_CHARS: usize = 200;

/// All series that are fed.
#[derive(Debug, Serialize, ToSchema)]
struct Series {
    /// By id.
    series: Vec<SeriesView>,
}

/// Which series are fed
#[utoipa::path(
    get,
    path = "/v1/time-series",
    tag = "Series",
    security(("login" = [])),
    responses((status = 200, description = "The series and their states", body = Series), Refusal)
)]
async fn list_series(State(app): State<App>, caller: Caller) -> ApiResult<Json<Series>> {
    caller.require(&READERS)?;
    let entries = app.store().entries(FED).await?;
    Ok(Json(Series { series: entries.iter().map(SeriesView::from).collect() }))
}

/// What the values of a fed series are.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FedKind {
    /// Whole numbers of a period: arrivals, bookings. Those of one step are one observation.
    Count,
    /// From 0 to `capacity`: people in a room, beds in use.
    Bounded,
    /// Amounts of a period: revenue.
    Amount,
}

/// Zone of the French school calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
enum Zone {
    A,
    B,
    C,
}

/// What a series is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SeriesInput {
    /// Its name, for people.
    #[schema(example = "Arrivals at the emergency department")]
    title: String,
    /// What its values are.
    kind: FedKind,
    /// The greatest possible value, for `bounded`.
    #[serde(default)]
    capacity: Option<f64>,
    /// Length of a step in minutes: 15, 30 or 60.
    #[schema(example = 60)]
    step_minutes: u16,
    /// IANA zone of local time; the public holidays of its country are known.
    #[schema(value_type = String, example = "Europe/Paris")]
    timezone: Tz,
    /// Zone of the French school calendar, if school holidays matter.
    #[serde(default)]
    school_zone: Option<Zone>,
}

impl SeriesInput {
    fn definition(self, subject: Subject) -> Result<Definition, Problem> {
        let mut errors = Vec::new();
        let mut refuse = |field: &str, message: &str| errors.push(FieldError::new(field, message));
        if self.title.trim().is_empty() || self.title.chars().count() > TITLE_CHARS {
            refuse("/title", "must have 1 to 200 characters");
        }
        if !matches!(self.step_minutes, 15 | 30 | 60) {
            refuse("/step_minutes", "must be 15, 30 or 60");
        }
        let capacity = self.capacity.filter(|capacity| capacity.is_finite() && *capacity > 0.0);
        let kind = match (self.kind, capacity) {
            (FedKind::Count, _) => Kind::Count,
            (FedKind::Amount, _) => Kind::Amount,
            (FedKind::Bounded, Some(capacity)) => Kind::Bounded { capacity },
            (FedKind::Bounded, None) => {
                refuse("/capacity", "must be above 0");
                Kind::Count
            }
        };
        if self.capacity.is_some() && self.kind != FedKind::Bounded {
            refuse("/capacity", "is of bounded series only");
        }
        let calendar = Calendar::new(self.timezone);
        let calendar = match self.school_zone {
            None => calendar,
            Some(Zone::A) => calendar.with_school(SchoolZone::A),
            Some(Zone::B) => calendar.with_school(SchoolZone::B),
            Some(Zone::C) => calendar.with_school(SchoolZone::C),
        };
        let title = self.title.trim().to_owned();
        let definition = Definition { subject, title, kind, step_minutes: self.step_minutes, calendar };
        if errors.is_empty() { Ok(definition) } else { Err(Problem::invalid(errors)) }
    }
}

/// Define a series
///
/// Or define it anew; what was fed stays.
#[utoipa::path(
    put,
    path = "/v1/time-series/{name}",
    tag = "Series",
    security(("login" = [])),
    params(("name" = String, Path, description = "Its name: letters, digits, `_`, `.`, `-`", example = "emergency-arrivals")),
    request_body = SeriesInput,
    responses((status = 200, description = "The series", body = SeriesView), Refusal)
)]
async fn define_series(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<PlaceId>,
    Json(input): Json<SeriesInput>,
) -> ApiResult<Json<SeriesView>> {
    caller.require(&MANAGERS)?;
    let definition = input.definition(Subject::Fed(name))?;
    app.store().define(&definition).await?;
    let outcome = super::entry(&app, &definition.subject).await?.outcome;
    Ok(Json(SeriesView::from(&Entry { definition, outcome })))
}

/// One observation.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ObservationInput {
    /// When the step began (RFC 3339).
    at: DateTime<Utc>,
    /// What was observed in it.
    value: f64,
}

/// What was observed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Observations {
    /// At most 10,000, in any order. Of two of the same step the later one in the list holds; one that was sent before is
    /// replaced.
    observations: Vec<ObservationInput>,
}

/// What was taken.
#[derive(Debug, Serialize, ToSchema)]
struct Taken {
    /// Observations.
    observations: usize,
    /// Days (UTC) on which something was new.
    days_changed: usize,
}

impl Observations {
    /// The observations, if all of them can be.
    fn read(&self, definition: &Definition, now: DateTime<Utc>) -> Result<Vec<Observation>, Problem> {
        if self.observations.is_empty() || self.observations.len() > MOST_OBSERVATIONS {
            let message = format!("must hold 1 to {MOST_OBSERVATIONS}");
            return Err(Problem::invalid(vec![FieldError::new("/observations", message)]));
        }
        let mut errors = Vec::new();
        for (place, one) in self.observations.iter().enumerate() {
            if one.at.year() < 1970 || one.at > now + AHEAD || one.at < now - KEEP_OBSERVATIONS {
                let message = "must lie in the last 800 days";
                errors.push(FieldError::new(format!("/observations/{place}/at"), message));
            }
            if !(0.0..=definition.kind.upper().min(f64::from(f32::MAX))).contains(&one.value) {
                let message = "must be from 0 to the capacity";
                errors.push(FieldError::new(format!("/observations/{place}/value"), message));
            }
        }
        if !errors.is_empty() {
            errors.truncate(20);
            return Err(Problem::invalid(errors));
        }
        Ok(self.observations.iter().map(|one| Observation { at: one.at, value: one.value }).collect())
    }
}

/// Feed a series
///
/// All or nothing is checked before anything is stored; the same observations again change nothing. The next update, within the
/// hour, takes note of them.
#[utoipa::path(
    post,
    path = "/v1/time-series/{name}/observations",
    tag = "Series",
    security(("login" = [])),
    params(("name" = String, Path, description = "The series", example = "emergency-arrivals")),
    request_body = Observations,
    responses((status = 202, description = "Taken", body = Taken), Refusal)
)]
async fn feed_series(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<PlaceId>,
    Json(input): Json<Observations>,
) -> ApiResult<(StatusCode, Json<Taken>)> {
    caller.require(&MANAGERS)?;
    let definition = super::entry(&app, &Subject::Fed(name)).await?.definition;
    let observations = input.read(&definition, app.now())?;
    let days_changed = app.store().observe(&definition.subject, &observations, definition.step_minutes).await?;
    Ok((StatusCode::ACCEPTED, Json(Taken { observations: observations.len(), days_changed })))
}

/// The forecast of a fed series
#[utoipa::path(
    get,
    path = "/v1/time-series/{name}/forecast",
    tag = "Series",
    security(("login" = [])),
    params(("name" = String, Path, description = "The series", example = "emergency-arrivals"), HorizonParams),
    responses((status = 200, description = "The forecast, or why there is none", body = ForecastView), Refusal)
)]
async fn read_series_forecast(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<PlaceId>,
    Query(params): Query<HorizonParams>,
) -> ApiResult<Json<ForecastView>> {
    caller.require(&READERS)?;
    Ok(Json(super::forecast(&app, &Subject::Fed(name), params).await?))
}

/// How good the forecasts of a fed series were
#[utoipa::path(
    get,
    path = "/v1/time-series/{name}/accuracy",
    tag = "Series",
    security(("login" = [])),
    params(("name" = String, Path, description = "The series", example = "emergency-arrivals"), DaysParams),
    responses((status = 200, description = "Errors and coverage", body = AccuracyView), Refusal)
)]
async fn read_series_accuracy(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<PlaceId>,
    Query(params): Query<DaysParams>,
) -> ApiResult<Json<AccuracyView>> {
    caller.require(&READERS)?;
    Ok(Json(super::accuracy(&app, &Subject::Fed(name), params.days, params.points).await?))
}
